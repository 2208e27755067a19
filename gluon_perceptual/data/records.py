"""Photos in a RecordIO file, as MXNet's im2rec makes it: X.rec, X.idx (their positions), X.lst (their names)."""

from __future__ import annotations

import struct
from array import array
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Sequence

from ..errors import ImageError, UserError
from ..files import atomic_path, input_file
from ..image.files import PictureFile
from .photo_list import PhotoList
from .reading import UNUSABLE, naming_photo, note, read_photo
from .recordio import LENGTH_BITS, read_record, write_record

HEADER = struct.Struct("<IfQQ")  # number of labels after the header (0: the one in it), label, two numbers as identity
LARGEST = 2**LENGTH_BITS - HEADER.size
CHUNK = 64  # photos in memory while writing
THREADS = 4


class RecordFile:
    """A RecordIO file of pictures: their positions, 8 bytes per picture, and their names if there is a .lst file.

    Raises:
        UserError: The index is missing or damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        index = input_file(path).with_suffix(".idx")
        if not index.is_file():
            raise UserError(f"{path}: its index {index} is missing; make both with prepare_data or im2rec")
        self.keys, self.offsets = array("q"), array("q")
        try:
            with input_file(index).open(encoding="ascii") as file:
                for line in file:
                    key, offset = line.split()
                    self.keys.append(int(key))
                    self.offsets.append(int(offset))
            if min(self.offsets, default=0) < 0:
                raise ValueError("a negative offset")
        except (ValueError, OverflowError) as error:
            raise UserError(f"{index}: not an index of a RecordIO file ({error})") from error
        self._names = self._read_names(path.with_suffix(".lst"))

    def _read_names(self, path: Path) -> list[str]:
        """Return the last column of the lines whose keys are in the index, from which im2rec omits bad pictures."""
        names: list[str] = []
        if path.is_file():
            with input_file(path).open(encoding="utf-8-sig", errors="surrogateescape") as file:
                for line in file:
                    if len(names) < len(self.keys) and line.partition("\t")[0] == str(self.keys[len(names)]):
                        names.append(line.rstrip("\n").rpartition("\t")[2])
        return names if len(names) == len(self.keys) else []

    def name(self, number: int) -> str:
        """Return the name of a picture, or its key in the index."""
        return self._names[number] if self._names else f"record {self.keys[number]}"

    def read(self, number: int) -> bytes:
        """Return the encoded bytes of a picture; thread-safe, since each call opens the file.

        Raises:
            ValueError: The record is damaged.
            OSError: The file cannot be read.
        """
        with self.path.open("rb") as file:
            file.seek(self.offsets[number])
            record = read_record(file)
        if len(record) < HEADER.size:
            raise ValueError(f"{len(record)} bytes are too few for a picture")
        return record[HEADER.size + 4 * HEADER.unpack_from(record)[0] :]


@dataclass(frozen=True)
class Record:
    """A picture in a RecordIO file, which is read like a path."""

    file: RecordFile
    number: int

    @property
    def name(self) -> str:
        """The last part of its name, see `RecordFile.name`."""
        return self.file.name(self.number).rpartition("/")[2]

    def __str__(self) -> str:
        return f"{self.file.path}: {self.file.name(self.number)}"

    def read_bytes(self) -> bytes:
        """Return the encoded picture; raises ImageError, OSError."""
        try:
            return self.file.read(self.number)
        except ValueError as error:
            raise ImageError(f"{self}: damaged record ({error})") from error


def open_records(path: Path) -> PhotoList:
    """Return the photos of a RecordIO file; raises UserError if its index is missing or damaged."""
    file = RecordFile(path)
    return PhotoList(range(len(file.offsets)), lambda number: Record(file, number))


def write_records(photos: Sequence[PictureFile], folder: Path, progress: Callable[[int], object]) -> dict[str, str]:
    """Write photos to data.rec, data.idx and data.lst in `folder`, all three or none; return skipped ones and reasons.

    A record holds the bytes of a photo's file; each photo is decoded first as a check.

    Args:
        photos: Files.
        folder: Created if it does not exist.
        progress: Called with the number of photos done since the last call.

    Raises:
        UserError: No photo can be used.
        OSError: The files cannot be written.
    """
    skipped: dict[str, str] = {}
    written = 0
    with ExitStack() as stack, ThreadPoolExecutor(THREADS) as pool:
        paths = [stack.enter_context(atomic_path(folder / f"data.{suffix}")) for suffix in ("rec", "idx", "lst")]
        records, index, names = [stack.enter_context(path.open("wb")) for path in paths]
        for start in range(0, len(photos), CHUNK):
            chunk = photos[start : start + CHUNK]
            for photo, found in zip(chunk, pool.map(_encoded, chunk)):
                if not isinstance(found, bytes):
                    note(skipped, photo, found)
                    continue
                index.write(b"%d\t%d\n" % (written, records.tell()))
                name = " ".join(str(photo).split())  # without tabs and line feeds, which separate columns and lines
                names.write(f"{written}\t0\t{name}\n".encode(errors="surrogateescape"))
                write_record(records, HEADER.pack(0, 0, written, 0) + found)
                written += 1
            progress(len(chunk))
        if not written:
            raise UserError(f"none of the {len(photos)} photos can be used; see the log above")
    return skipped


def _encoded(photo: PictureFile) -> bytes | Exception | str:
    """Return the bytes of a photo's file, or what is wrong with it."""
    try:
        with naming_photo(photo):
            read_photo(photo)
            data = photo.read_bytes()
    except UNUSABLE as error:
        return error
    return data if len(data) < LARGEST else f"{len(data):,} bytes are too many for a record"
