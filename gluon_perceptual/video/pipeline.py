"""Applies a function to a video: reads, computes and writes at the same time, with a few frames in memory."""

from __future__ import annotations

import threading
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from itertools import chain
from pathlib import Path
from queue import Empty, Queue
from typing import Any, Callable, Generator, Iterable, Iterator, TypeVar

from ..errors import ImageError, UserError
from ..files import atomic_path
from ..image.files import MAX_PIXELS
from ..image.io import Picture
from .animation import Animation, is_animation
from .containers import opened
from .formats import holds_frames, is_video_file, video_format_for
from .frames import Frame, Source
from .reading import Video
from .sound import check_sound
from .survey import traits_of
from .writing import VideoWriter

AHEAD = 2  # frames, or packets of sound, that may wait between two steps: a large frame takes 400 MB

Item = TypeVar("Item")
Progress = Callable[[float], Any]  # called with the share that is done, from 0 to 1
Work = Callable[[Picture, Progress], Picture]


def is_by_frames(source: Path, target: Path) -> bool:
    """Return whether a result has frames: that of a video, or of an animation if the target's format holds one."""
    return is_video_file(source) or (holds_frames(target) and is_animation(source))


@contextmanager
def open_video(path: Path, most_pixels: int = MAX_PIXELS) -> Iterator[Source]:
    """Open a video or an animated picture, with frames of at most that size, for the body.

    Raises:
        ImageError: It is missing, damaged or of no supported kind, or has no frames or too large ones.
    """
    if not is_video_file(path):
        yield Animation(path, most_pixels)
        return
    traits = traits_of(path, most_pixels)
    with opened(path, most_pixels) as stream:
        yield Video(path, traits, stream)


def convert_video(
    source: Source,
    target: Path,
    work: Work,
    progress: Progress = lambda share: None,
    crf: int | None = None,
    quality: int | None = None,
) -> int:
    """Write `work(frame)` for each frame as a video with the same times, and return the number of frames.

    Sound is copied without decoding, or becomes FLAC where only Matroska could hold it; subtitles are copied if the
    target can hold them. `work` runs in its own thread.

    Args:
        source: From `open_video`.
        target: The file; its suffix determines the format, see `formats.WRITTEN`.
        work: From upright pictures to pictures of one size; called for one frame after another, with its progress.
        progress: Called with the share of the whole that is done, in the thread of `work`; may raise to stop the work.
        crf: Quality of H.264, 0 to 51, and VP9, 0 to 63; lower is better. None: `formats.H264_CRF` or `VP9_CRF`.
        quality: Quality of WebP, 1 to 100; None: 95, but lossless if the source is a lossless picture.

    Raises:
        UserError: The target's suffix is unknown, it cannot hold the sound or the frames, or a frame fails, which the
            message names.
        OSError: The target cannot be written.
    """
    form = video_format_for(target)
    source.copied = check_sound(form, source.copied, target)
    with atomic_path(target) as temporary, closing(ahead(_worked(source, work, progress))) as results:
        waiting, first = _until_frame(results)
        with VideoWriter(temporary, form, source.traits, first.picture, source.copied, crf, quality) as writer:
            with _failing(target, 1):
                writer.open()
            return _write_all(writer, chain(waiting, [first], results), target)


def _write_all(writer: VideoWriter, items: Iterable[Any], target: Path) -> int:
    """Write frames and copy packets in their order; return the number of frames."""
    done = 0
    for item in items:
        if not isinstance(item, Frame):
            writer.copy(item)
            continue
        with _failing(target, done + 1):
            writer.write(item)
        done += 1
    return done


def ahead(items: Iterator[Item]) -> Generator[Item, None, None]:
    """Yield the items, which a thread makes up to `AHEAD` items in advance.

    The thread ends with the iterator, at the latest after its current item; its errors are raised here.
    """
    queue: Queue[Any] = Queue(AHEAD)
    stop, end = threading.Event(), object()

    def fill() -> None:
        error = None
        try:
            with closing(items):  # type: ignore[type-var]
                for item in items:
                    if stop.is_set():
                        return
                    queue.put((item, None))
        except BaseException as raised:
            error = raised
        if not stop.is_set():
            queue.put((end, error))

    thread = threading.Thread(target=fill, daemon=True)  # the end of the program does not wait for its current item
    thread.start()
    try:
        while True:
            item, error = queue.get()
            if error:
                raise error
            if item is end:
                return
            yield item
    finally:
        stop.set()
        with suppress(Empty):
            while True:
                queue.get_nowait()
        thread.join()


def _worked(source: Source, work: Work, progress: Progress) -> Iterator[Any]:
    """Yield the results as frames, and packets unchanged; the source is read in a thread."""
    count = 0

    def tell(share: float) -> None:
        progress(min(1.0, (count + share) / source.traits.frames))

    with closing(ahead(iter(source))) as items:
        for item in items:
            if isinstance(item, Frame):
                with _failing(source.path, count + 1, f" at {source.traits.seconds(item.start):.2f} s"):
                    item = replace(item, picture=work(item.picture, tell))
                count += 1
                tell(0)
            yield item


def _until_frame(items: Iterator[Any]) -> tuple[list[Any], Frame]:
    """Return the packets before the first frame, and the frame."""
    packets: list[Any] = []
    for item in items:
        if isinstance(item, Frame):
            return packets, item
        packets.append(item)
    raise ImageError("no frame can be read")


@contextmanager
def _failing(path: Path, number: int, where: str = "") -> Iterator[None]:
    """Make errors name the frame."""
    try:
        yield
    except UserError as error:
        raise ImageError(f"{path}: frame {number}{where}: {error}") from error
