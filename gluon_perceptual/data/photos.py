"""Where photos come from: folders, lists of files, COCO, and the few that scikit-image carries."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Iterator

from ..errors import ImageError, UserError
from ..image_files import is_picture_file
from ..images import read_rgb

log = logging.getLogger(__name__)

EMBEDDED_PHOTOS = (
    "astronaut.png",
    "chelsea.png",
    "coffee.png",
    "motorcycle_left.png",
    "motorcycle_right.png",
    "rocket.jpg",
)
EMBEDDED_HELD_OUT = ("chelsea.png", "coffee.png")


def embedded_photos() -> list[Path]:
    """Return the colour photos in scikit-image's wheel, so that everything runs without a download."""
    import skimage

    return [Path(skimage.__file__).parent / "data" / name for name in EMBEDDED_PHOTOS]


def find_photos(source: str | Path | None) -> list[Path]:
    """Return the picture files of `source`, sorted.

    Args:
        source: A folder, searched recursively (of a COCO folder only `train*`); a text file with a path on each line,
            relative to that file; a picture; or None for `embedded_photos`.

    Raises:
        UserError: There is nothing at `source`, or no picture in it.
    """
    if source is None:
        return embedded_photos()
    path = Path(source)
    if path.is_dir():
        photos = sorted(file for folder in _roots(path) for file in walk_pictures(folder))
    elif is_picture_file(path):
        photos = [path]
    elif path.is_file():
        lines = _lines(path)
        photos = [path.parent / line for line in lines]
    else:
        raise UserError(f"{path}: there is no such file or folder; give a folder of photos, or a list of them")
    if not photos:
        raise UserError(f"{path}: there are no pictures in it (PNG, JPEG, WebP, TIFF or BMP by their suffix)")
    return photos


def readable_photos(photos: list[Path], side: int) -> Iterator[Path]:
    """Yield those that can be read and are at least `side` pixels on both sides; the others are named in the log."""
    for path in photos:
        try:
            smallest = min(read_rgb(path).shape[:2])
        except (ImageError, OSError) as error:
            log.warning("skipped: %s", error)
            continue
        if smallest >= side:
            yield path
        else:
            log.warning("skipped: %s: smaller than %d pixels", path, side)


def walk_pictures(folder: Path) -> Iterator[Path]:
    """Yield the picture files below `folder`."""
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(root, name) for name in files if is_picture_file(Path(name)))


def _roots(folder: Path) -> list[Path]:
    """Return the parts of `folder` to search: the training sets of COCO's layout, otherwise all of it."""
    if (folder / "annotations").is_dir():
        return sorted(folder.glob("train*")) or [folder]
    return [folder]


def _lines(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: neither a picture nor a text file with a path on each line") from error
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def split_photos(source: str | Path | None, validation: str | Path | None = None) -> tuple[list[Path], list[Path]]:
    """Return the photos to train on and those to measure on.

    Args:
        source: As of `find_photos`.
        validation: Likewise, for the photos to measure on, which are not trained on. None: some of `source` are held
            out, evenly spread: one of twenty, at least one and at most eight; of the embedded photos those of
            `EMBEDDED_HELD_OUT`. A lone photo serves for both.
    """
    photos = find_photos(source)
    if validation is not None:
        held_out = find_photos(validation)
        measured_on = {path.resolve() for path in held_out}
        rest = [path for path in photos if path.resolve() not in measured_on]
        return rest or photos, held_out
    if source is None:
        held_out = [path for path in photos if path.name in EMBEDDED_HELD_OUT]
    else:
        number = min(8, max(1, len(photos) // 20))
        held_out = photos[:: max(1, len(photos) // number)][:number]
    rest = [path for path in photos if path not in set(held_out)]
    return rest or photos, held_out
