"""Previews: models' results for a square of a picture, to choose among them."""

from __future__ import annotations

from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from queue import Empty, Full, Queue
from typing import Any, Callable

from ..image.io import Picture
from ..weights import DEFAULTS, models
from .folder import RefusedError
from .pictures import Uploaded
from .settings import Settings
from .views import still

MOST_PREVIEWS = 32  # that may wait


class Previews:
    """The previews that were requested and are not finished; `job` is a function such as `Settings.job`."""

    def __init__(self, job: Callable[[Settings], Any]) -> None:
        self._job, self._crop = job, lru_cache(1)(_read_crop)
        self._waiting: Queue[tuple[Callable[[], bytes], Future[bytes]]] = Queue(MOST_PREVIEWS)

    def ask(self, picture: Uploaded, settings: Settings, x: int, y: int, side: int) -> Future[bytes]:
        """Return the future PNG file of a model's result for a square of a picture.

        Raises:
            RefusedError: Too many previews are waiting.
        """
        future: Future[bytes] = Future()
        try:
            self._waiting.put_nowait((lambda: self.make(picture, settings, (x, y, side)), future))
        except Full:
            raise RefusedError(f"{MOST_PREVIEWS} previews are already waiting: try again later", 429) from None
        return future

    def make(self, picture: Uploaded, settings: Settings, square: tuple[int, int, int]) -> bytes:
        """Return the PNG file of a preview."""
        from ..image.containers.encoding import encode
        from ..image.formats import format_for

        crop = self._crop(picture.path, *square)
        times = models()[settings.named or DEFAULTS[2]].get("scale", 1)
        job = self._job(replace(settings, scale=times, width=None, height=None, megapixels=None))
        worker = job.workers[0]
        made = worker.stylize(crop) if settings.kind == "stylize" else next(iter(worker.values())).enlarge(crop)
        return encode(format_for(Path("a.png")), made.channels, made.metadata, None)

    def make_all(self) -> None:
        """Make all waiting previews."""
        while True:
            try:
                make, future = self._waiting.get_nowait()
            except Empty:
                return
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(make())
                except BaseException as error:  # reported by the code that waits for it
                    future.set_exception(error)

    def cancel_all(self) -> None:
        """Cancel all waiting previews."""
        with suppress(Empty):
            while True:
                self._waiting.get_nowait()[1].cancel()


def _read_crop(path: Path, x: int, y: int, side: int) -> Picture:
    """Return a square of a picture, or of a video's first frame; less if the picture is smaller."""
    picture = still(path)
    height, width = picture.color.shape[:2]
    top, left = (max(0, min(start, length - side)) for start, length in ((y, height), (x, width)))
    rows, columns = slice(top, top + side), slice(left, left + side)
    alpha = None if picture.alpha is None else picture.alpha[rows, columns].copy()
    return replace(picture, color=picture.color[rows, columns].copy(), alpha=alpha)
