"""What the page asked for, one picture each."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .pictures import Uploaded
from .settings import Settings

WAITING, WORKING, DONE, FAILED, CANCELED = "waiting", "working", "done", "failed", "canceled"


@dataclass
class Entry:
    """A picture that is to be worked on, or was.

    Attributes:
        state: One of `WAITING`, `WORKING`, `DONE`, `FAILED`, `CANCELED`.
        share: Of the work that is done, from 0 to 1.
        version: That of the list when this entry changed last.
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
        """Number of pixels of the result."""
        height, width = self.picture.height, self.picture.width
        if self.settings.kind == "upscale":
            height, width = self.settings.size.of(height, width)
        return height * width

    def told(self) -> dict[str, Any]:
        """Return what the page is told."""
        seconds = time.monotonic() - self.started if self.state == WORKING else self.seconds
        kept = ("id", "name", "state", "error", "notes", "bytes", "version")
        told = {name: getattr(self, name) for name in kept}
        shown = {"share": round(self.share, 4), "seconds": round(seconds, 2)}
        return {**told, **shown, "picture": self.picture.id, "settings": self.settings.told()}
