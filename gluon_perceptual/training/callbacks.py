"""What happens alongside a training: progress bar, logs, checkpoints, pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Sequence

from ..files import Json, atomic_path
from .folder import GrowingFile
from .jsonl import JsonLines
from .loop import Callback, StepResult


class ProgressBar(Callback):
    """A bar on stderr with the loss, pictures per second and the time left."""

    def __init__(self, steps: int, done: int = 0) -> None:
        from tqdm import tqdm

        self._bar = tqdm(total=steps, initial=done, unit="step", dynamic_ncols=True)

    def after_step(self, result: StepResult) -> None:
        """Advance by one."""
        shown = {"loss": f"{result.loss:.4g}", "images/s": f"{result.pictures_per_second:.2f}"}
        self._bar.set_postfix(shown, refresh=False)
        self._bar.update()

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()


def log_line(result: StepResult) -> dict[str, Json]:
    """Return a step's line in a log: its number, its terms or why it was skipped, its learning rate, its speed."""
    done = {"skipped": result.skipped} if result.skipped else result.terms
    times = {
        "images_per_second": round(result.pictures_per_second, 3),
        "seconds_waiting": round(result.seconds_waiting, 4),
    }
    return {"step": result.step, **done, "learning_rate": result.learning_rate, **times}


class JsonLog(Callback):
    """A line of JSON for each step: `log.jsonl`."""

    def __init__(self, lines: JsonLines) -> None:
        self._lines = lines

    def after_step(self, result: StepResult) -> None:
        """Write the step's line."""
        self._lines.append(log_line(result))

    def close(self) -> None:
        """Close the file."""
        self._lines.close()


class History(Callback):
    """The lines of a log kept in memory, in `lines`, as `figures.loss_figure` takes them."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Json]] = []

    def after_step(self, result: StepResult) -> None:
        """Keep the step's line."""
        self.lines.append(log_line(result))


class BlogLog(Callback):
    """The blog's `training.log`: the sum of the steps' losses for each epoch, the last perhaps incomplete.

    Args:
        path: The file, which is replaced.
        steps_per_epoch: At least one.
        losses: Losses of the steps already done, None for skipped steps.

    Raises:
        OSError: It cannot be written.
    """

    def __init__(self, path: Path, steps_per_epoch: int, losses: Sequence[float | None] = ()) -> None:
        self._steps_per_epoch = steps_per_epoch
        self._losses: list[float] = []
        with atomic_path(path) as temporary:
            temporary.touch()
        self._file = GrowingFile(path)
        for loss in losses:
            self._add(loss or 0.0)

    def after_step(self, result: StepResult) -> None:
        """Add up, and write at an epoch's end."""
        self._add(0.0 if result.skipped else result.loss)

    def _add(self, loss: float) -> None:
        self._losses.append(loss)
        if len(self._losses) == self._steps_per_epoch:
            self._write()

    def close(self) -> None:
        """Write the sum of an unfinished epoch."""
        try:
            if self._losses:
                self._write()
        finally:
            self._file.close()

    def _write(self) -> None:
        line = f"{sum(self._losses)}\n"
        self._losses.clear()
        self._file.append(line.encode())


class Every(Callback):
    """Calls `action(step)` every `steps` steps."""

    def __init__(self, steps: int, action: Callable[[int], object]) -> None:
        self._steps, self._action = steps, action

    def after_step(self, result: StepResult) -> None:
        """Act if it is time."""
        if result.step % self._steps == 0:
            self._action(result.step)
