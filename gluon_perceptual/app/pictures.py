"""The uploaded pictures and videos."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UserError, printable
from ..image.formats import SUFFIXES
from ..video.formats import VIDEO_SUFFIXES, is_video_file
from .folder import Folder, RefusedError

MOST_BYTES, MOST_BYTES_OF_VIDEO = 2**28, 2**30  # of an uploaded file
MOST_PIXELS = 100_000_000  # of an uploaded picture, or of a video's frame
MOST_PICTURES = 1000
LONGEST_NAME = 200


@dataclass(frozen=True)
class Uploaded:
    """An uploaded picture or video.

    Attributes:
        id: The page's name for it.
        name: The user's name for it; never a path.
        path: The file; it has the name's suffix if that is a known one.
        height: In pixels, upright.
        width: In pixels.
    """

    id: str
    name: str
    path: Path
    height: int
    width: int

    @property
    def is_video(self) -> bool:
        """Whether it is a video; animated pictures count as pictures."""
        return is_video_file(self.path)

    def told(self) -> dict[str, Any]:
        """Return the upload for the page, as JSON can express it."""
        size = {"height": self.height, "width": self.width}
        return {"id": self.id, "name": self.name, "video": self.is_video, **size}


class Pictures:
    """All uploaded pictures and videos, in a private folder, see `Folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = Folder(folder)
        self._found: dict[str, Uploaded] = {}
        self._coming = 0
        self._lock, self._reading = threading.Lock(), threading.Lock()

    def begin(self, name: str) -> Path:
        """Return the path to which to write a new upload of that name; then call `admit` or `give_up`.

        Raises:
            RefusedError: There are too many pictures, or the folder is full.
        """
        suffix = Path(name).suffix.lower()
        with self._lock:
            if len(self._found) + self._coming >= MOST_PICTURES:
                raise RefusedError(f"there are already {MOST_PICTURES} pictures: remove some first", 507)
            path = self.folder.new(name, suffix if suffix in (*SUFFIXES, *VIDEO_SUFFIXES) else "")
            self._coming += 1
        return path

    def grow(self, path: Path, size: int) -> None:
        """Record how many bytes of an upload have arrived; raises RefusedError if the folder is full."""
        self.folder.count(path, size)
        self.folder.check_room()

    def give_up(self, path: Path) -> None:
        """Remove an unfinished upload."""
        with self._lock:
            self._coming -= 1
        self.folder.remove(path)

    def admit(self, path: Path, name: str) -> Uploaded:
        """Accept a finished upload; the headers, or the first frames of videos, are read one at a time.

        Raises:
            RefusedError: It is neither a picture nor a video, or has too many pixels.
        """
        with self._reading:
            height, width = self._size(path, name)
        uploaded = Uploaded(path.stem, name, path, height, width)
        with self._lock:
            self._coming -= 1
            self._found[uploaded.id] = uploaded
        return uploaded

    def __getitem__(self, key: Any) -> Uploaded:
        """Return an upload by its id; raises RefusedError if it does not exist."""
        found = self._found.get(key) if isinstance(key, str) else None
        if found is None:
            raise RefusedError("this picture no longer exists", 404)
        return found

    def all(self) -> list[Uploaded]:
        """Return all uploads, oldest first."""
        return list(self._found.values())

    def remove(self, key: str) -> None:
        """Remove an upload and its copies for display."""
        path = self[key].path
        with self._lock:
            self._found.pop(key, None)
        self.folder.remove(path)

    def _size(self, path: Path, name: str) -> tuple[int, int]:
        """Return (height, width) of a picture, or of a video's frames; raises RefusedError."""
        from ..image.files import check_size
        from ..image.io import read_size
        from ..video import first_frame

        try:
            height, width = first_frame(path, MOST_PIXELS).color.shape[:2] if is_video_file(path) else read_size(path)
            check_size(width, height, MOST_PIXELS)
        except (UserError, OSError, MemoryError) as error:
            line = self.folder.called(str(error))
            raise RefusedError(printable(line if line.startswith(name) else f"{name}: {line}"), 415) from None
        return height, width


def most_bytes(path: Path) -> int:
    """Return the largest size in bytes of a file of that name."""
    return MOST_BYTES_OF_VIDEO if is_video_file(path) else MOST_BYTES


def shown_name(given: str) -> str:
    """Return a file's name for display: the last part of the given one, without unprintable characters."""
    last = given.replace("\\", "/").rpartition("/")[2]
    kept = "".join(c for c in last if c.isprintable()).strip().lstrip(".")
    stem, dot, suffix = kept.rpartition(".")
    if len(kept.encode(errors="replace")) > LONGEST_NAME:
        kept = f"{stem[: LONGEST_NAME // 4]}{dot}{suffix[:8]}"
    return kept.encode(errors="replace").decode() or "picture"
