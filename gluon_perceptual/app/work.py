"""The queue of the page's jobs, done one by one in a thread beside the server."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Callable

import numpy as np

from ..files import result_name
from ..video.formats import result_suffix
from .entries import CANCELED, DONE, FAILED, OVER, Entries, Entry
from .folder import RefusedError
from .messages import failure_line, noted
from .pictures import Pictures, Uploaded
from .previews import Previews
from .settings import Settings

MOST_RESULT = 400_000_000  # pixels
PATIENCE = 60  # seconds to wait for the current tile when the program ends


class CanceledError(Exception):
    """Raised to stop the work on a picture that was canceled."""


class Queue:
    """The queue of jobs, and the thread that does them.

    Previews are made between the tiles of the current picture, so that they do not wait for its end.

    Args:
        pictures: The uploads; their folder also gets the results.
        make_job: Returns the job for settings, see `Settings.job`.
    """

    def __init__(self, pictures: Pictures, make_job: Callable[[Settings], Any] = Settings.job) -> None:
        self.pictures, self.entries = pictures, Entries(pictures.folder)
        self._job = make_job
        self.previews = Previews(make_job)
        self._asked: SimpleQueue[Entry | None] = SimpleQueue()  # None: for previews, or the end
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="work", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Cancel everything, even in the middle of a picture, and wait for the thread to end."""
        self._closed = True
        for entry in self.entries.all():
            self.entries.cancel(entry)
        self.previews.cancel_all()
        self._asked.put(None)
        if self._thread.is_alive():
            self._thread.join(PATIENCE)

    def submit(self, picture: Uploaded, settings: Settings) -> Entry:
        """Put a picture at the end of the queue.

        Raises:
            RefusedError: Too many pictures are waiting, or the result, or what it is reduced from, is too large.
        """
        pixels = max(settings.pixels(picture.height, picture.width))
        if pixels > MOST_RESULT:
            reason = f"this takes {pixels:,} pixels; the page makes at most {MOST_RESULT:,}"
            raise RefusedError(f"{picture.name}: {reason}; use gluon-perceptual upscale, or enlarge it less", 413)
        usual = None if picture.path.suffix else ".png"  # of a name that does not say what it is
        suffix = result_suffix(Path(picture.name)) if picture.is_video else settings.suffix or usual
        name = result_name(Path(picture.name), settings.label, suffix)
        target = self.pictures.folder.new(name, Path(name).suffix.lower())
        entry = Entry(target.stem, picture, settings, name, target)
        try:
            self.entries.add(entry)
        except RefusedError:
            self.pictures.folder.remove(target)
            raise
        self._asked.put(entry)
        return entry

    def remove_picture(self, key: str) -> None:
        """Remove a picture and all its entries."""
        for entry in self.entries.all():
            if entry.picture.id == key:
                self.entries.forget(entry)
        self.pictures.remove(key)

    def clear(self) -> set[str]:
        """Remove finished entries, and pictures without other entries; return the ids of the remaining pictures."""
        for entry in self.entries.all():
            if entry.state in OVER:
                self.entries.forget(entry)
        left = {entry.picture.id for entry in self.entries.all()}
        for picture in self.pictures.all():
            if picture.id not in left:
                with suppress(RefusedError):  # it has been removed meanwhile
                    self.pictures.remove(picture.id)
        return left

    def preview(self, picture: Uploaded, settings: Settings, x: int, y: int, side: int) -> Future[bytes]:
        """Return a future preview, see `Previews.ask`."""
        future = self.previews.ask(picture, settings, x, y, side)
        self._asked.put(None)
        return future

    def _warm_up(self) -> None:
        """Open the usual models and run them while the page is looked at, since a first run takes a second more."""
        with suppress(Exception):  # whoever asks for something is told
            for upscaler in self._job(Settings()).workers[0].values():
                upscaler(np.zeros((8, 8, 3), np.uint8))

    def _run(self) -> None:
        self._warm_up()
        while not self._closed:
            entry = self._asked.get()
            if self._closed:
                return
            self.previews.make_all()
            if entry and self.entries.begin(entry):
                self._finish(entry, self._worked_on(entry))

    def _worked_on(self, entry: Entry) -> str:
        """Work on an entry, and return its new state."""

        def progress(share: float) -> None:
            if entry.unwanted:
                raise CanceledError
            self.entries.change(entry, share=share)
            self.previews.make_all()

        try:
            with noted(entry, self.pictures.folder):
                self._job(entry.settings)(entry.picture.path, entry.target, progress)
        except CanceledError:
            return CANCELED
        except Exception as error:
            line = failure_line(error, entry, self.pictures.folder)
            if not entry.target.exists():
                entry.error = line
                return FAILED
            entry.notes.append(line)  # of a damaged video, the rest was written
        return DONE

    def _finish(self, entry: Entry, state: str) -> None:
        with self.entries.changed:  # so that the entry is not canceled or removed meanwhile
            state = CANCELED if entry.unwanted else state
            seconds, size = time.monotonic() - entry.started, entry.target.stat().st_size if state == DONE else 0
            self.entries.change(entry, state=state, seconds=seconds, share=float(state == DONE), bytes=size)
        if state == DONE:
            self.pictures.folder.count(entry.target, size)
        else:
            self.pictures.folder.remove(entry.target)
