"""Several files as one ZIP file, created while it is sent."""

from __future__ import annotations

import time
import zipfile
from pathlib import Path
from typing import Iterator

CHUNK = 2**20


def zipped(files: list[tuple[str, Path]]) -> Iterator[bytes]:
    """Yield a ZIP file of (name, file), piece by piece; the files are stored uncompressed."""
    pieces = _Pieces()
    with zipfile.ZipFile(pieces, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[call-overload]
        for name, path in files:
            info = zipfile.ZipInfo(name, time.localtime(path.stat().st_mtime)[:6])
            with path.open("rb") as file, archive.open(info, "w", force_zip64=True) as entry:
                for chunk in iter(lambda: file.read(CHUNK), b""):
                    entry.write(chunk)
                    yield pieces.take()
    yield pieces.take()


class _Pieces:
    """A file that holds what was written to it since the last `take`."""

    def __init__(self) -> None:
        self._data = bytearray()

    def write(self, data: bytes) -> int:
        self._data += data
        return len(data)

    def flush(self) -> None:
        """Do nothing; `zipfile` expects this method."""

    def take(self) -> bytes:
        data, self._data = bytes(self._data), bytearray()
        return data


def told_apart(names: list[str]) -> list[str]:
    """Number repeated names: `a.png`, `a (2).png`; also `A.png`, which is the same file on Windows and macOS."""
    found: dict[str, str] = {}
    for name in names:
        path, number, unused = Path(name), 2, name
        while unused.casefold() in found:
            unused, number = f"{path.stem} ({number}){path.suffix}", number + 1
        found[unused.casefold()] = unused
    return list(found.values())
