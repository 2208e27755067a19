"""From picture file to picture file: read, check, process, write; for both the commands and the page."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Callable, Sequence, Tuple

from .._mxnet import Context
from ..errors import ImageError, UserError, describe_failure, printable
from ..image.io import Picture, check_writable, read_picture, write_picture
from ..image.size import Size, fewest_passes
from ..video import Steady, convert_video, is_by_frames, open_video
from .choice import ModelChoice, model_choices
from .progress import Progress, unseen
from .stylizer import Stylizer
from .upscaler import Upscaler

EXPECTED = (UserError, OSError, MemoryError)  # what a job raises for a picture that it cannot process
Choice = Tuple[Picture, str]  # and the name of its model


class Job(ABC):
    """What is done to picture files, one by one.

    Reading, work and writing are separate, so that other pictures can be read and written meanwhile; calling a job does
    all three.

    Attributes:
        workers: One for each device; each works on one picture at a time.
        quality: Quality of written files, see `write_picture`.
    """

    workers: Sequence[Any]
    quality: int | None

    @abstractmethod
    def read(self, source: Path, target: Path) -> Any:
        """Return the input of `work`, after checking that `target` can hold the result.

        Raises:
            ImageError, OSError: As `read_picture` and `check_writable`.
        """

    @abstractmethod
    def work(self, worker: Any, read: Any, progress: Progress) -> Any:
        """Return the result, for `write`; raises UserError. `progress` may raise to stop the work."""

    def write(self, target: Path, picture: Any) -> None:
        """Write the result; raises as `write_picture`."""
        write_picture(target, picture, self.quality)

    def __call__(self, source: Path, target: Path, progress: Progress = unseen) -> None:
        """Process a file with the first worker; raises one of `EXPECTED`."""
        self.write(target, self.work(self.workers[0], self.read(source, target), progress))


class VideoJob(Job):
    """A job that also processes videos, frame by frame.

    Attributes:
        crf: Quality of written videos, see `convert_video`.
    """

    crf: int | None

    @abstractmethod
    def for_frames(self) -> Callable[[Picture, Progress], Picture]:
        """Return a function for the frames of one video, called in their order, which uses the first worker."""

    def __call__(self, source: Path, target: Path, progress: Progress = unseen) -> None:
        """Do it to a file of any kind, by the first worker; raises one of `EXPECTED`."""
        (self.convert if is_by_frames(source, target) else super().__call__)(source, target, progress)

    def convert(self, source: Path, target: Path, progress: Progress = unseen) -> None:
        """Process a video or an animated picture; raises one of `EXPECTED`, even if only a part is missing."""
        with open_video(source) as video:
            convert_video(video, target, self.for_frames(), progress, self.crf, self.quality)
        if video.faults:
            raise ImageError(f"{source}: {', '.join(video.faults)}; {target} holds the rest")


class UpscaleJob(VideoJob):
    """Enlarges pictures.

    Args:
        model: Name or path; None: a shipped model chosen for each picture, see `model_choices`.
        devices: To work on.
        quality: As for `Job`.
        size: Size of the results; None: the model's output size.
        crf: As for `VideoJob`.
        opened: From a model's name and a device to what `Upscaler` takes; by default the name, which that opens.
        options: More of `Upscaler`.

    Attributes:
        label: Added to the names of results, such as "x2".

    Raises:
        UserError: As `Upscaler`, or no suitable model ships.
    """

    def __init__(
        self,
        model: str | None,
        devices: Sequence[Context],
        quality: int | None,
        size: Size | None = None,
        crf: int | None = None,
        opened: Callable[[str, Any], Any] = lambda name, device: name,
        **options: Any,
    ) -> None:
        self.size, self.quality, self.crf, self._choices = size, quality, crf, model_choices(model, size)
        names = [name for choice in self._choices.values() for name in choice.names]
        self.workers = [
            {name: Upscaler(opened(name, device), device, scale=size, **options) for name in names}
            for device in devices
        ]
        self._any = self.workers[0][names[0]]  # results have the same size for all
        self.label = size.label if size else f"x{self._any.scale}"

    def read(self, source: Path, target: Path) -> Choice:
        """Return the picture and its model's name; raises ImageError and OSError."""
        picture = read_picture(source)
        height, width = picture.color.shape[:2]
        check_writable(target, picture, self._any.result_size(height, width))
        return picture, self._choice_for(height, width)(source)

    def _choice_for(self, height: int, width: int) -> ModelChoice:
        return self._choices[fewest_passes(self._choices, self.size.ratio(height, width) if self.size else 1.0)]

    def work(self, worker: dict[str, Upscaler], read: Choice, progress: Progress) -> Picture:
        """Return the enlarged picture; raises UserError."""
        picture, name = read
        return worker[name].enlarge(picture, progress)

    def for_frames(self) -> Callable[[Picture, Progress], Picture]:
        """Return a function that enlarges frames with the models for clean photos."""

        def enlarge(picture: Picture, progress: Progress) -> Picture:
            name = self._choice_for(*picture.color.shape[:2]).names[0]
            return self.workers[0][name].enlarge(picture, progress)

        return enlarge


class StylizeJob(VideoJob):
    """Repaints pictures.

    Args:
        model: Name or path.
        devices: To work on.
        quality: As for `Job`.
        crf: As for `VideoJob`.
        temporal: Whether to reduce flicker in videos, see `Steady`.
        opened: As for `UpscaleJob`.
        options: Of `Stylizer`.

    Raises:
        UserError: As `Stylizer`.
    """

    def __init__(
        self,
        model: str,
        devices: Sequence[Context],
        quality: int | None,
        crf: int | None = None,
        temporal: bool = True,
        opened: Callable[[str, Any], Any] = lambda name, device: name,
        **options: Any,
    ) -> None:
        self.workers = [Stylizer(opened(model, device), device, **options) for device in devices]
        self.quality, self.crf, self.temporal = quality, crf, temporal

    def read(self, source: Path, target: Path) -> Picture:
        """Return the picture; raises ImageError and OSError."""
        picture = read_picture(source)
        check_writable(target, picture)
        return picture

    def work(self, worker: Stylizer, read: Picture, progress: Progress) -> Picture:
        """Return the repainted picture; raises UserError."""
        return worker.stylize(read, progress)

    def for_frames(self) -> Callable[[Picture, Progress], Picture]:
        """Return a function that repaints frames."""
        stylize: Callable[[Picture, Progress], Picture] = self.workers[0].stylize
        return Steady(stylize) if self.temporal else stylize


def failure(error: BaseException, source: Path, target: Path) -> str:
    """Return the message to users, one line, for one of the errors `EXPECTED`."""
    if isinstance(error, MemoryError):
        return printable(f"{source}: out of memory; try a smaller `tile`")
    if isinstance(error, OSError):
        return describe_failure(error, target)
    line = printable(str(error))
    named = any(printable(str(path)) in line for path in (source, target))
    return line if named else printable(f"{source}: {line}")
