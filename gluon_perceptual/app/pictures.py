"""Pictures that the page was given: files of a private folder, under names of our own."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UserError, printable

MOST_BYTES = 2**28  # of an uploaded file
MOST_PIXELS = 100_000_000  # of a picture that is given
MOST_PICTURES = 1000
MOST_STORED = 2**33  # bytes of all files in the folder
LONGEST_NAME = 200
VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v")


class RefusedError(UserError):
    """What the page asked for cannot be; `status` is HTTP's word for why."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Uploaded:
    """A picture that the page was given.

    Attributes:
        id: What the page calls it.
        name: What the user calls it; never a path.
        path: Where it is.
        height: In pixels, upright.
        width: In pixels.
    """

    id: str
    name: str
    path: Path
    height: int
    width: int

    def told(self) -> dict[str, Any]:
        """Return what the page is told."""
        return {"id": self.id, "name": self.name, "height": self.height, "width": self.width}


class Pictures:
    """The pictures, in a folder that nobody else uses.

    Args:
        folder: It is there and empty.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._found: dict[str, Uploaded] = {}
        self._coming = 0
        self._lock, self._reading = threading.Lock(), threading.Lock()

    def begin(self) -> Path:
        """Return where to write a new one's bytes, for `admit` or `give_up`.

        Raises:
            RefusedError: There are too many.
        """
        stored = sum(path.stat().st_size for path in self.folder.iterdir() if path.is_file())
        with self._lock:
            if len(self._found) + self._coming >= MOST_PICTURES or stored > MOST_STORED:
                raise RefusedError("there are too many pictures here: remove some first", 507)
            self._coming += 1
        return self.folder / secrets.token_hex(8)

    def give_up(self, path: Path) -> None:
        """Remove what was begun."""
        with self._lock:
            self._coming -= 1
        path.unlink(missing_ok=True)

    def admit(self, path: Path, name: str) -> Uploaded:
        """Take a picture whose bytes are there; its header is read, one at a time, and no pixel decoded.

        Raises:
            RefusedError: It is no picture, or has too many pixels.
        """
        with self._reading:
            height, width = _size(path, name)
        uploaded = Uploaded(path.name, name, path, height, width)
        with self._lock:
            self._coming -= 1
            self._found[uploaded.id] = uploaded
        return uploaded

    def __getitem__(self, key: Any) -> Uploaded:
        """Return the picture that the page calls so; raises RefusedError where there is none."""
        found = self._found.get(key) if isinstance(key, str) else None
        if found is None:
            raise RefusedError("there is no such picture any more", 404)
        return found

    def all(self) -> list[Uploaded]:
        """Return all, in the order in which they came."""
        return list(self._found.values())

    def remove(self, key: str) -> None:
        """Remove a picture and what was made to look at it."""
        self[key]
        with self._lock:
            del self._found[key]
        for path in self.folder.glob(f"{key}*"):
            path.unlink(missing_ok=True)


def _size(path: Path, name: str) -> tuple[int, int]:
    """Return (height, width) of a picture file; raises RefusedError, which calls it `name`."""
    from ..image.files import check_size
    from ..image.io import read_size

    try:
        height, width = read_size(path)
        check_size(width, height, MOST_PIXELS)
    except (UserError, OSError, MemoryError) as error:
        if name.lower().endswith(VIDEO_SUFFIXES):
            line = f"{name}: a video; the page takes pictures alone: gluon-perceptual stylize takes videos"
            raise RefusedError(line, 415) from None
        line = str(error).replace(str(path), name)
        raise RefusedError(printable(line if line.startswith(name) else f"{name}: {line}"), 415) from None
    return height, width


def shown_name(given: str) -> str:
    """Return a file's name as users see it: the last part of what was given, nothing that steers a terminal or page."""
    last = given.replace("\\", "/").rpartition("/")[2]
    kept = "".join(c for c in last if c.isprintable()).strip().lstrip(".")
    stem, dot, suffix = kept.rpartition(".")
    if len(kept.encode(errors="replace")) > LONGEST_NAME:
        kept = f"{stem[: LONGEST_NAME // 4]}{dot}{suffix[:8]}"
    return kept.encode(errors="replace").decode() or "picture"
