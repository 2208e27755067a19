"""What the page asked for, done one after the other by one thread, the only one that has MXNet."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Callable

import gluon_perceptual

from ..errors import printable
from ..files import result_name
from ..video.formats import result_suffix
from ..weights import DEFAULTS, models
from .entries import CANCELED, DONE, FAILED, WORKING, Entry
from .pictures import Pictures, RefusedError, Uploaded
from .settings import Settings
from .views import still

MOST_WAITING = 512
MOST_KEPT = 1000  # entries, of which the oldest that are over go
MOST_RESULT = 400_000_000  # pixels
MOST_PREVIEWS = 32
OPEN_JOBS = 3  # whose models are kept
PATIENCE = 60  # seconds for a tile to end when all ends

log = logging.getLogger(__name__)


class CanceledError(Exception):
    """Raised in the middle of the work on a picture that nobody wants any more."""


class Queue:
    """Entries in the order in which they came, and the thread that works on them.

    Small previews are made between the tiles of a picture that is worked on, so that nobody waits for them.

    Args:
        pictures: Where results go, too.
        make_job: Opens the models of settings.
    """

    def __init__(self, pictures: Pictures, make_job: Callable[[Settings], Any] = Settings.job) -> None:
        self.pictures = pictures
        self._job = lru_cache(OPEN_JOBS)(make_job)
        self._crop = lru_cache(1)(_read_crop)
        self._entries: dict[str, Entry] = {}
        self._waiting: deque[Entry] = deque()
        self._previews: deque[tuple[Callable[[], bytes], Future[bytes]]] = deque()
        self._changed = threading.Condition()
        self._version, self._closed, self.ready = 0, False, False
        self.current: Entry | None = None
        self._gone: dict[str, int] = {}
        self._thread = threading.Thread(target=self._run, name="work", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def close(self) -> None:
        """End the work, that on a picture in the middle, and wait for it."""
        with self._changed:
            self._closed = True
            for entry in self._entries.values():
                entry.unwanted = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(PATIENCE)

    def submit(self, picture: Uploaded, settings: Settings) -> Entry:
        """Put a picture at the end of the queue.

        Raises:
            RefusedError: Too many are waiting, or the result would be too large for a page.
        """
        key = secrets.token_hex(8)
        suffix = result_suffix(Path(picture.name)) if picture.is_video else settings.suffix
        name = result_name(Path(picture.name), settings.label, suffix)
        target = self.pictures.folder / f"{key}{Path(name).suffix.lower()}"
        entry = Entry(key, picture, settings, name, target)
        if entry.pixels > MOST_RESULT:
            reason = f"the result would have {entry.pixels:,} pixels, over {MOST_RESULT:,}"
            raise RefusedError(f"{picture.name}: {reason}; use gluon-perceptual upscale, or enlarge it less", 413)
        with self._changed:
            if len(self._waiting) >= MOST_WAITING:
                raise RefusedError(f"{MOST_WAITING} pictures are waiting already: try again later", 429)
            self._drop_oldest()
            self._entries[key] = entry
            self._waiting.append(entry)
            self._note(entry)
        return entry

    def __getitem__(self, key: str) -> Entry:
        """Return an entry; raises RefusedError where there is none."""
        found = self._entries.get(key)
        if found is None:
            raise RefusedError("there is no such job any more", 404)
        return found

    def changes(self, since: int) -> dict[str, Any]:
        """Return what changed after a version of the list: its `version` now, `jobs`, and the ids that are `gone`."""
        with self._changed:
            return {
                "version": self._version,
                "ready": self.ready,
                "jobs": [entry.told() for entry in self._entries.values() if entry.version > since],
                "gone": [key for key, version in self._gone.items() if version > since],
            }

    def done(self, keys: list[str]) -> list[Entry]:
        """Return those of the entries whose results are there."""
        return [entry for entry in map(self.__getitem__, keys) if entry.state == DONE]

    def cancel(self, key: str) -> None:
        """Take an entry out of the queue, or end the work on it at the next tile."""
        with self._changed:
            entry = self[key]
            entry.unwanted = True
            if entry in self._waiting:
                self._waiting.remove(entry)
                entry.state = CANCELED
                self._note(entry)

    def remove(self, key: str) -> None:
        """Cancel an entry and forget it and its result."""
        self.cancel(key)
        with self._changed:
            self._forget(self[key])

    def remove_picture(self, key: str) -> None:
        """Forget a picture and all its entries."""
        for entry in [entry for entry in list(self._entries.values()) if entry.picture.id == key]:
            self.remove(entry.id)
        self.pictures.remove(key)

    def preview(self, picture: Uploaded, settings: Settings, x: int, y: int, side: int) -> Future[bytes]:
        """Return what will be the PNG file of what a model makes of a square of a picture.

        Raises:
            RefusedError: Too many are asked for.
        """
        future: Future[bytes] = Future()
        with self._changed:
            if len(self._previews) >= MOST_PREVIEWS or self._closed:
                raise RefusedError(f"{MOST_PREVIEWS} previews are waiting already: try again later", 429)
            self._previews.append((lambda: self._preview(picture, settings, (x, y, side)), future))
            self._changed.notify_all()
        return future

    def _preview(self, picture: Uploaded, settings: Settings, square: tuple[int, int, int]) -> bytes:
        from ..image.containers.encoding import encode
        from ..image.formats import format_for

        crop = self._crop(picture.path, *square)
        times = models()[settings.model or DEFAULTS[2]].get("scale", 1)
        plain: dict[str, Any] = {"suffix": None, "quality": None, "tile": "auto"}
        job = self._job(replace(settings, scale=times, width=None, height=None, megapixels=None, **plain))
        worker = job.workers[0]
        made = worker.stylize(crop) if settings.kind == "stylize" else next(iter(worker.values())).enlarge(crop)
        return encode(format_for(Path("a.png")), made.channels, made.metadata, None)

    def _run(self) -> None:
        handler = _Notes(self)
        logging.getLogger(gluon_perceptual.__name__).addHandler(handler)
        try:
            with suppress(Exception):  # whoever asks for something is told
                self._job(Settings())
            self.ready = True
            while not self._closed:
                self._make_previews()
                entry = self._next()
                if entry:
                    self._work_on(entry)
        finally:
            logging.getLogger(gluon_perceptual.__name__).removeHandler(handler)

    def _next(self) -> Entry | None:
        with self._changed:
            while not (self._closed or self._waiting or self._previews):
                self._changed.wait()
            if self._closed or not self._waiting or self._previews:
                return None
            entry = self._waiting.popleft()
            entry.state, entry.started = WORKING, time.monotonic()
            self._note(entry)
            self.current = entry
            return entry

    def _make_previews(self) -> None:
        while self._previews and not self._closed:
            make, future = self._previews.popleft()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(make())
            except BaseException as error:  # whoever waits for it says so
                future.set_exception(error)

    def _work_on(self, entry: Entry) -> None:
        def progress(share: float) -> None:
            if entry.unwanted:
                raise CanceledError
            with self._changed:
                entry.share = share
                self._note(entry)
            self._make_previews()

        try:
            self._job(entry.settings)(entry.picture.path, entry.target, progress)
            state = CANCELED if entry.unwanted else DONE
        except CanceledError:
            state = CANCELED
        except Exception as error:
            state = self._said(error, entry)
        self._finish(entry, state)

    def _said(self, error: Exception, entry: Entry) -> str:
        """Say what went wrong; return the state: that the result is there, too, is so of videos with damaged parts."""
        line = _line(error, entry)
        if entry.target.exists():
            entry.notes.append(line)
            return DONE
        entry.error = line
        return FAILED

    def _finish(self, entry: Entry, state: str) -> None:
        if state != DONE:
            entry.target.unlink(missing_ok=True)
        with self._changed:
            entry.seconds, entry.state = time.monotonic() - entry.started, state
            entry.share = float(state == DONE)
            entry.bytes = entry.target.stat().st_size if state == DONE else 0
            self.current = None
            if entry.id not in self._entries:  # it was removed meanwhile
                entry.target.unlink(missing_ok=True)
            else:
                self._note(entry)

    def _note(self, entry: Entry) -> None:
        self._version += 1
        entry.version = self._version
        self._changed.notify_all()

    def _drop_oldest(self) -> None:
        over = [entry for entry in self._entries.values() if entry.state in (DONE, FAILED, CANCELED)]
        for entry in over[: max(0, len(self._entries) + 1 - MOST_KEPT)]:
            self._forget(entry)

    def _forget(self, entry: Entry) -> None:
        self._version += 1
        self._gone[entry.id] = self._version
        while len(self._gone) > 2 * MOST_KEPT:
            del self._gone[next(iter(self._gone))]
        del self._entries[entry.id]
        for path in self.pictures.folder.glob(f"{entry.id}*"):
            path.unlink(missing_ok=True)


class _Notes(logging.Handler):
    """Keeps what is said while a picture is worked on, for the page."""

    def __init__(self, queue: Queue) -> None:
        super().__init__(logging.WARNING)
        self._queue = queue

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message."""
        entry = self._queue.current
        if entry and threading.current_thread().name == "work":
            entry.notes.append(_renamed(printable(record.getMessage()), entry))


def _line(error: Exception, entry: Entry) -> str:
    """Return the line that the command would have said, the files called as the user does."""
    from ..inference.jobs import EXPECTED, failure

    if isinstance(error, EXPECTED):
        return _renamed(failure(error, entry.picture.path, entry.target), entry)
    log.error("%s", entry.picture.name, exc_info=error)
    return printable(
        f"{entry.picture.name}: a fault of this program ({type(error).__name__}: {error}); please report it"
    )


def _renamed(line: str, entry: Entry) -> str:
    names = {entry.picture.path: entry.picture.name, entry.target: entry.name}
    for path, name in names.items():
        line = line.replace(str(path), printable(name))
    return line


def _read_crop(path: Path, x: int, y: int, side: int) -> Any:
    """Return a square of a picture, or of a video's first frame, or as much of it as there is."""
    picture = still(path)
    height, width = picture.color.shape[:2]
    top, left = (max(0, min(start, length - side)) for start, length in ((y, height), (x, width)))
    rows, columns = slice(top, top + side), slice(left, left + side)
    alpha = None if picture.alpha is None else picture.alpha[rows, columns].copy()
    return replace(picture, color=picture.color[rows, columns].copy(), alpha=alpha)
