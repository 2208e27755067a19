"""What happens beside the training: progress bar, logs, checkpoints, pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable

from ..errors import MissingDependencyError
from .loop import Callback, Progress


class ProgressBar(Callback):
    """A bar on stderr with the loss, pictures a second and the time left."""

    def __init__(self, steps: int) -> None:
        from tqdm import tqdm

        self._bar = tqdm(total=steps, unit="step", dynamic_ncols=True)

    def after_step(self, progress: Progress) -> None:
        """Advance by one."""
        shown = {"loss": f"{progress.loss:.4g}", "images/s": f"{progress.pictures_per_second:.2f}"}
        self._bar.set_postfix(shown, refresh=False)
        self._bar.update()

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()


class JsonLog(Callback):
    """A line of JSON for each step: `log.jsonl`."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8", buffering=1)

    def after_step(self, progress: Progress) -> None:
        """Write the step's line."""
        line = {
            "step": progress.step,
            **progress.terms,
            "learning_rate": progress.learning_rate,
            "images_per_second": round(progress.pictures_per_second, 3),
            "seconds_waiting": round(progress.seconds_waiting, 4),
        }
        self._file.write(json.dumps(line) + "\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class BlogLog(Callback):
    """The blog's `training.log`: for each epoch, the last perhaps cut short, the sum of its steps' losses."""

    def __init__(self, path: Path, steps_per_epoch: int) -> None:
        self._path, self._steps_per_epoch = path, max(1, steps_per_epoch)
        self._losses: list[float] = []
        path.touch()

    def after_step(self, progress: Progress) -> None:
        """Add up, and write at an epoch's end."""
        self._losses.append(progress.loss)
        if len(self._losses) == self._steps_per_epoch:
            self._write()

    def close(self) -> None:
        """Write what is left of an epoch that was not finished."""
        if self._losses:
            self._write()

    def _write(self) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"{sum(self._losses)}\n")
        self._losses.clear()


class TensorBoard(Callback):
    """TensorBoard events of the terms and the learning rate."""

    def __init__(self, folder: Path) -> None:
        try:
            from tensorboardX import SummaryWriter
        except ImportError as error:
            raise MissingDependencyError(
                "--tensorboard needs tensorboardX: pip install 'gluon-perceptual[tensorboard]'"
            ) from error
        self._writer = SummaryWriter(str(folder))

    def after_step(self, progress: Progress) -> None:
        """Write the step's values."""
        for name, value in {**progress.terms, "learning_rate": progress.learning_rate}.items():
            self._writer.add_scalar(name.replace(":", "/"), value, progress.step)

    def close(self) -> None:
        """Flush and close."""
        self._writer.close()


class Every(Callback):
    """Calls `action(step)` every so many steps."""

    def __init__(self, steps: int, action: Callable[[int], Any]) -> None:
        self._steps, self._action = steps, action

    def after_step(self, progress: Progress) -> None:
        """Act if it is time."""
        if progress.step % self._steps == 0:
            self._action(progress.step)
