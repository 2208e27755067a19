"""Pictures and videos that the page was given."""

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
MOST_PIXELS = 100_000_000  # of a picture, or frame, that is given
MOST_PICTURES = 1000
LONGEST_NAME = 200


@dataclass(frozen=True)
class Uploaded:
    """A picture or video that the page was given.

    Attributes:
        id: What the page calls it.
        name: What the user calls it; never a path.
        path: Where it is; its suffix is that of the name, where that is known.
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
        """Whether it is a video, and not a picture, which may be animated."""
        return is_video_file(self.path)

    def told(self) -> dict[str, Any]:
        """Return what the page is told."""
        size = {"height": self.height, "width": self.width}
        return {"id": self.id, "name": self.name, "video": self.is_video, **size}


class Pictures:
    """The pictures.

    Args:
        folder: A private one, see `Folder`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Folder(folder)
        self._found: dict[str, Uploaded] = {}
        self._coming = 0
        self._lock, self._reading = threading.Lock(), threading.Lock()

    def begin(self, name: str) -> Path:
        """Return where to write the bytes of a new one of that name, for `admit` or `give_up`.

        Raises:
            RefusedError: There are too many, or they have too many bytes.
        """
        suffix = Path(name).suffix.lower()
        with self._lock:
            if len(self._found) + self._coming >= MOST_PICTURES:
                raise RefusedError("there are too many pictures here: remove some first", 507)
            path = self.folder.new(name, suffix if suffix in (*SUFFIXES, *VIDEO_SUFFIXES) else "")
            self._coming += 1
        return path

    def grow(self, path: Path, size: int) -> None:
        """Note how many bytes of one have come; raises RefusedError where all have too many."""
        self.folder.count(path, size)
        self.folder.check_room()

    def give_up(self, path: Path) -> None:
        """Remove what was begun."""
        with self._lock:
            self._coming -= 1
        self.folder.remove(path)

    def admit(self, path: Path, name: str) -> Uploaded:
        """Take one whose bytes are there; one at a time its header is read, or a video's first frame.

        Raises:
            RefusedError: It is neither, or has too many pixels.
        """
        with self._reading:
            height, width = self._size(path, name)
        uploaded = Uploaded(path.stem, name, path, height, width)
        with self._lock:
            self._coming -= 1
            self._found[uploaded.id] = uploaded
        return uploaded

    def __getitem__(self, key: Any) -> Uploaded:
        """Return the picture that the page calls so; raises RefusedError if there is none."""
        found = self._found.get(key) if isinstance(key, str) else None
        if found is None:
            raise RefusedError("there is no such picture any more", 404)
        return found

    def all(self) -> list[Uploaded]:
        """Return all, in the order in which they came."""
        return list(self._found.values())

    def remove(self, key: str) -> None:
        """Remove a picture and what was made to look at it."""
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
    """Return how many bytes a file of that name may have."""
    return MOST_BYTES_OF_VIDEO if is_video_file(path) else MOST_BYTES


def shown_name(given: str) -> str:
    """Return a file's name as users see it: the last part of what was given, nothing that steers a terminal or page."""
    last = given.replace("\\", "/").rpartition("/")[2]
    kept = "".join(c for c in last if c.isprintable()).strip().lstrip(".")
    stem, dot, suffix = kept.rpartition(".")
    if len(kept.encode(errors="replace")) > LONGEST_NAME:
        kept = f"{stem[: LONGEST_NAME // 4]}{dot}{suffix[:8]}"
    return kept.encode(errors="replace").decode() or "picture"
