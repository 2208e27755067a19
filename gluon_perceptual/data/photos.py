"""Where photos come from: folders, lists of files, RecordIO files, COCO, and the few that scikit-image ships."""

from __future__ import annotations

import codecs
import logging
import os
from collections import Counter
from pathlib import Path
from typing import Hashable, Iterable, Iterator

from ..errors import UserError
from ..files import input_file
from ..image.files import PictureFile
from ..image.formats import is_picture_file, titles
from .photo_list import PhotoList
from .reading import UNUSABLE, note, read_photo
from .records import Record, open_records

COCO_TRAIN = "train20[0-9][0-9]"

log = logging.getLogger(__name__)

EMBEDDED_PHOTOS = (
    "astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "motorcycle_right.png", "rocket.jpg",
)  # fmt: skip
EMBEDDED_HELD_OUT = ("chelsea.png", "coffee.png")


def embedded_photos() -> PhotoList:
    """Return the color photos in scikit-image's wheel, which need no download."""
    import skimage

    return PhotoList(EMBEDDED_PHOTOS, (Path(skimage.__file__).parent / "data").joinpath)


def find_photos(source: str | Path | None) -> PhotoList:
    """Return the photos of `source`; those of a folder or COCO are sorted.

    Args:
        source: A folder, searched recursively (of a COCO folder only `train*`, also in `images`); a text file with a
            path on each line, relative to that file; a RecordIO file, see `records.open_records`; a picture; or None
            for `embedded_photos`.

    Raises:
        UserError: `source` does not exist, or there is no picture in it.
    """
    if source is None:
        return embedded_photos()
    path = Path(source)
    if path.is_dir():
        photos = PhotoList([name for part in _parts(path) for name in walk_pictures(path, part)], path.joinpath)
    elif is_picture_file(path):
        photos = PhotoList([path], Path)
    elif path.suffix.lower() == ".rec" and path.is_file():
        photos = open_records(path)
    elif path.is_file():
        photos = PhotoList(_lines(path), path.parent.joinpath)
    else:
        raise UserError(f"{path}: no such file or folder; give a folder of photos, a list of them, or a .rec file")
    if not photos:
        raise UserError(f"{path}: there are no pictures in it ({titles()} by their suffix)")
    return photos


def readable_photos(
    photos: Iterable[PictureFile], side: int, skipped: dict[str, str] | None = None
) -> Iterator[PictureFile]:
    """Yield the photos that can be read and have at least `side` pixels on both sides; log the rest.

    Args:
        photos: Photos.
        side: In pixels.
        skipped: Gets the names of the rest, and the reasons.
    """
    skipped = {} if skipped is None else skipped
    for photo in photos:
        try:
            height, width = read_photo(photo).shape[:2]
        except UNUSABLE as error:
            note(skipped, photo, error)
            continue
        if min(height, width) >= side:
            yield photo
        else:
            note(skipped, photo, f"{height}×{width} is smaller than {side} pixels")


def walk_pictures(folder: Path, part: str = "", others: Counter[str] | None = None) -> Iterator[str]:
    """Yield the names, relative to `folder`, of the picture files below it, or below its `part/`, sorted by path.

    Hidden files and folders and links to folders are left out; the log names folders that cannot be read. Files of
    other kinds are counted in `others`, by suffix.
    """
    kinds: dict[str, bool] = {}
    try:
        with os.scandir(folder / part) as entries:
            for entry in entries:
                is_folder = entry.is_dir(follow_symlinks=False)
                if is_picture_file(entry.name) or (is_folder and not entry.name.startswith(".")):
                    kinds[entry.name] = is_folder
                elif others is not None and entry.is_file() and not entry.name.startswith("."):
                    others[os.path.splitext(entry.name)[1].lower()] += 1  # noqa: PTH122
    except OSError as error:
        log.warning("skipped: %s: %s", folder / part, error.strerror)
    for name in sorted(kinds):
        if kinds[name]:
            yield from walk_pictures(folder, f"{part}{name}/", others)
        else:
            yield part + name


def _parts(folder: Path) -> list[str]:
    """Return the parts of `folder` to search: the training sets in COCO's layouts, otherwise everything."""
    pattern = "train*" if (folder / "annotations").is_dir() else COCO_TRAIN
    found = [path for place in (folder, folder / "images") for path in sorted(place.glob(pattern)) if path.is_dir()]
    return [f"{path.relative_to(folder)}/" for path in found] or [""]


def _lines(path: Path) -> list[str]:
    text = _decoded(input_file(path).read_bytes())
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if any("\0" in line for line in lines):  # which no path has
        raise UserError(f"{path}: neither a picture nor a text file with a path on each line")
    if lines and not any(path.parent.joinpath(line).exists() for line in lines):
        raise UserError(f"{path}: a text file, but none of its lines is the path of an existing file")
    return lines


def _decoded(data: bytes) -> str:
    """Decode UTF-8, or UTF-16 with a byte order mark, and drop the mark; other bytes are kept as in file names."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8-sig", "surrogateescape")


def split_photos(source: str | Path | None, validation: str | Path | None = None) -> tuple[PhotoList, PhotoList]:
    """Return the photos to train on and those to measure on.

    Args:
        source: See `find_photos`.
        validation: Likewise, for the photos to measure on, which are excluded from training. None: some of `source`,
            evenly spread: one in twenty, at least one and at most eight; for the embedded photos, `EMBEDDED_HELD_OUT`.
            A single photo is used for both.

    Raises:
        UserError: See `find_photos`; or `validation` has all photos of `source`.
    """
    photos = find_photos(source)
    if validation is not None:
        held_out = find_photos(validation)
        measured_on = {_identity(photo) for photo in held_out}
        rest = [key for key in photos.keys if _identity(photos.make(key)) not in measured_on]
        if not rest:
            raise UserError(
                f"{validation} has all the photos to train on: give other photos to `validation`, or leave it out"
            )
    else:
        number = min(8, max(1, len(photos) // 20))
        spread = photos[:: max(1, len(photos) // number)][:number]
        held_out = photos.where(EMBEDDED_HELD_OUT) if source is None else spread
        keys = set(held_out.keys)
        rest = [key for key in photos.keys if key not in keys]
    return photos.where(rest) if rest else photos, held_out


def _identity(photo: PictureFile) -> Hashable:
    """Return what identifies a photo under all of its names: device and inode, or a record's file and number."""
    if isinstance(photo, Record):
        return _identity(photo.file.path), photo.number
    try:
        found = photo.stat() if isinstance(photo, Path) else None
    except OSError:
        found = None
    return (found.st_dev, found.st_ino) if found else str(photo)
