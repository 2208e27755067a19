"""The page's jobs, each for one picture or video, and the list of them."""

from __future__ import annotations

import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .folder import Folder, RefusedError
from .pictures import Uploaded
from .settings import Settings

WAITING, WORKING, DONE, FAILED, CANCELED = "waiting", "working", "done", "failed", "canceled"
OVER = (DONE, FAILED, CANCELED)
MOST_WAITING = 512
MOST_KEPT = 1000  # entries; beyond that, the oldest finished ones are removed


@dataclass
class Entry:
    """A job: a picture, what is to be done to it, and how far that is.

    Attributes:
        state: One of `WAITING`, `WORKING`, `DONE`, `FAILED`, `CANCELED`.
        share: Share of the work that is done, from 0 to 1.
        version: The list's version when this entry last changed.
    """

    id: str
    picture: Uploaded
    settings: Settings
    name: str
    target: Path
    state: str = WAITING
    share: float = 0.0
    error: str = ""
    notes: list[str] = field(default_factory=list)
    bytes: int = 0
    started: float = 0.0
    seconds: float = 0.0
    version: int = 0
    unwanted: bool = False

    @property
    def pixels(self) -> int:
        """The result's number of pixels."""
        return self.settings.pixels(self.picture.height, self.picture.width)[0]

    def told(self) -> dict[str, Any]:
        """Return the entry for the page, as JSON can express it."""
        seconds = time.monotonic() - self.started if self.state == WORKING else self.seconds
        kept = ("id", "name", "state", "error", "notes", "bytes", "version")
        told = {name: getattr(self, name) for name in kept}
        shown = {"share": round(self.share, 4), "seconds": round(seconds, 2)}
        return {**told, **shown, "picture": self.picture.told(), "settings": asdict(self.settings)}


class Entries:
    """All entries, oldest first, with their results in a folder; each change makes a new version of the list.

    Attributes:
        changed: Notified of each change.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self.changed = threading.Condition()
        self._found: dict[str, Entry] = {}
        self._gone: dict[str, int] = {}
        self._version = 0

    def __getitem__(self, key: str) -> Entry:
        """Return an entry by its id; raises RefusedError if it does not exist."""
        found = self._found.get(key)
        if found is None:
            raise RefusedError("this job no longer exists", 404)
        return found

    def all(self) -> list[Entry]:
        """Return all entries."""
        return list(self._found.values())

    def changes(self, since: int) -> dict[str, Any]:
        """Return the changes after a version: the current `version`, changed `jobs`, and ids that are `gone`."""
        with self.changed:
            return {
                "version": self._version,
                "jobs": [entry.told() for entry in self.all() if entry.version > since],
                "gone": [key for key, version in self._gone.items() if version > since],
            }

    def add(self, entry: Entry) -> None:
        """Add a waiting entry; raises RefusedError if too many are waiting."""
        with self.changed:
            if sum(each.state == WAITING for each in self.all()) >= MOST_WAITING:
                raise RefusedError(f"{MOST_WAITING} pictures are already waiting: try again later", 429)
            over = [each for each in self.all() if each.state in OVER]
            for each in over[: max(0, len(self._found) + 1 - MOST_KEPT)]:
                self.forget(each)
            self._found[entry.id] = entry
            self.change(entry)

    def change(self, entry: Entry, **values: Any) -> bool:
        """Set attributes of an entry; return whether it is still in the list."""
        with self.changed:
            for name, value in values.items():
                setattr(entry, name, value)
            self._version += 1
            entry.version = self._version
            self.changed.notify_all()
            return entry.id in self._found

    def begin(self, entry: Entry) -> bool:
        """Mark an entry as being worked on, and return True; False if it is no longer waiting."""
        with self.changed:
            return entry.state == WAITING and self.change(entry, state=WORKING, started=time.monotonic())

    def cancel(self, entry: Entry) -> None:
        """Cancel an entry that is waiting, or request that the work on it stops."""
        with self.changed:
            self.change(entry, unwanted=True, state=CANCELED if entry.state == WAITING else entry.state)

    def forget(self, entry: Entry) -> None:
        """Cancel an entry, and remove it and its result."""
        with self.changed:
            self.cancel(entry)
            self._gone[entry.id] = self._version
            while len(self._gone) > 2 * MOST_KEPT:
                del self._gone[next(iter(self._gone))]
            self._found.pop(entry.id, None)
        self._folder.remove(entry.target)
