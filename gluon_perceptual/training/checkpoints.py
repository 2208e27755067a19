"""Checkpoints of a training: complete, verified, the last few, with all that is needed to resume without a difference.

The checkpoint of step 300 consists of `step-0000300.params`, the model, with its sidecar `.json`; `step-0000300.state`,
the optimizer's arrays and counts; and `step-0000300.sha256`, written last and in the format of `sha256sum --check`.
"""

from __future__ import annotations

import logging
import re
import shutil
from pathlib import Path

from ..checkpoint.loading import load_parameters
from ..checkpoint.model import save_model
from ..errors import UserError
from ..files import atomic_path, check_regular
from ..weights import sha256
from .loop import Callback, StepResult
from .optimizer_state import load_state, save_state
from .run import Run

PARTS = (".params", ".json", ".state")
SUMS = ".sha256"
ROOM = 5  # usual size of a checkpoint, in sizes of the parameters: these, two moments, SOAP's matrices, the rest
_NAME = re.compile(r"step-(\d+)$")

log = logging.getLogger(__name__)


class Checkpoints(Callback):
    """Saves a run every `every` steps; if that fails, or the step was skipped, after the next step.

    Args:
        run: Its model, spec and trainer are saved.
        folder: An existing folder to which no other process writes.
        every: Steps between checkpoints.
        keep: How many of the last checkpoints to keep; 0: all.
    """

    def __init__(self, run: Run, folder: Path, every: int, keep: int = 0) -> None:
        self._run, self._folder, self._every, self._keep = run, folder, every, keep
        self._behind = False
        self.saved = self.done = run.done

    def after_step(self, result: StepResult) -> None:
        """Save if it is time, or if saving failed before.

        Raises:
            OSError: It cannot be written; earlier ones stay.
        """
        self.done = result.step
        self._behind = self._behind or result.step % self._every == 0
        if self._behind and not result.skipped:  # the parameters of a skipped step have just given an infinite loss
            self.save(result.step)

    def path(self, step: int) -> Path:
        """Return the path of the model after a step."""
        return self._folder / f"step-{step:07d}.params"

    def save(self, step: int) -> Path:
        """Write the checkpoint of a step, remove old ones, and return the path of its model.

        Raises:
            OSError: See `after_step`.
        """
        path, self._behind = self.path(step), True
        path.with_suffix(SUMS).unlink(missing_ok=True)
        save_model(path, self._run.model, self._run.task.spec)
        save_state(path.with_suffix(".state"), self._run.trainer, {"step": step})
        with atomic_path(path.with_suffix(SUMS)) as temporary:
            temporary.write_text("".join(f"{sha256(file)}  {file.name}\n" for file in _files(path)), encoding="utf-8")
        self.saved, self._behind = step, False
        self._remove_others(step)
        return path

    def _remove_others(self, step: int) -> None:
        """Keep the last ones up to `step`; later ones are damaged ones that the run resumed from before."""
        found = checkpoints(self._folder)
        until = [path for path in found if step_of(path) <= step]
        for old in (*until[: -self._keep if self._keep else 0], *found[len(until) :]):
            _remove(old)


def checkpoints(folder: Path) -> list[Path]:
    """Return the paths of the models of all checkpoints in a folder, complete or not, by step."""
    stems = {path.stem for path in folder.glob("step-*") if _NAME.match(path.stem)}
    return sorted((folder / f"{stem}.params" for stem in stems), key=step_of)


def step_of(checkpoint: Path) -> int:
    """Return the step after which a checkpoint was saved."""
    match = _NAME.match(checkpoint.stem)
    assert match
    return int(match[1])


def latest(folder: Path) -> Path | None:
    """Return a folder's last complete checkpoint; warn about later ones that are damaged."""
    for path in reversed(checkpoints(folder)):
        damage = _damage(path)
        if not damage:
            return path
        log.warning("%s is ignored: %s", path, damage)
    return None


def restore(run: Run, checkpoint: Path) -> int:
    """Set a run's parameters and optimizer to a checkpoint and return its step.

    Raises:
        UserError: It belongs to another training.
        OSError: It cannot be read.
    """
    load_parameters(run.model.net, checkpoint, run.devices)
    return int(load_state(checkpoint.with_suffix(".state"), run.trainer)["step"])


def check_room(run: Run, folder: Path, number: int) -> None:
    """Raise UserError if the disk has no room for this number of checkpoints."""
    parameters = run.model.net.collect_params().values()
    needed = ROOM * 4 * sum(parameter.data(run.devices[0]).size for parameter in parameters) * number
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise UserError(f"{folder}: the disk has {free >> 20} MiB free, but checkpoints need about {needed >> 20} MiB")


def _files(checkpoint: Path) -> list[Path]:
    return [checkpoint.with_suffix(part) for part in PARTS]


def _damage(checkpoint: Path) -> str:
    """Return what is wrong with a checkpoint, or ""."""
    try:
        lines = check_regular(checkpoint.with_suffix(SUMS)).read_text(encoding="utf-8").splitlines()
        expected = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
        wrong = [path.name for path in _files(checkpoint) if expected.get(path.name) != sha256(check_regular(path))]
    except FileNotFoundError as error:
        return f"it is incomplete, {Path(error.filename).name} is missing"
    except (OSError, UserError, UnicodeDecodeError) as error:
        return f"it cannot be read ({error})"
    return f"{' and '.join(wrong)} has changed since it was written" if wrong else ""


def _remove(checkpoint: Path) -> None:
    """Remove a checkpoint; if this is interrupted, the rest does not count as complete."""
    for path in (checkpoint.with_suffix(SUMS), *_files(checkpoint)):
        path.unlink(missing_ok=True)
