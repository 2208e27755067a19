"""Several files as one ZIP file, made while it is sent."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Iterator

CHUNK = 2**20


def zipped(files: list[tuple[str, Path]]) -> Iterator[bytes]:
    """Yield the ZIP file of files under new names, piece by piece; they are stored as they are."""
    pieces = _Pieces()
    with zipfile.ZipFile(pieces, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[call-overload]
        for name, path in files:
            with path.open("rb") as file, archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as entry:
                for chunk in iter(lambda: file.read(CHUNK), b""):
                    entry.write(chunk)
                    yield pieces.take()
    yield pieces.take()


class _Pieces:
    """A file that is written to and forgets what was taken."""

    def __init__(self) -> None:
        self._data = bytearray()

    def write(self, data: bytes) -> int:
        self._data += data
        return len(data)

    def flush(self) -> None:
        """Have nothing to do."""

    def take(self) -> bytes:
        data, self._data = bytes(self._data), bytearray()
        return data


def told_apart(names: list[str]) -> list[str]:
    """Number names that come again: `a.png`, `a (2).png`."""
    found: dict[str, None] = {}
    for name in names:
        path, number, unused = Path(name), 2, name
        while unused in found:
            unused, number = f"{path.stem} ({number}){path.suffix}", number + 1
        found[unused] = None
    return list(found)
