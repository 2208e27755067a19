"""A run's folder: choosing and preparing it, and what is written there during the training."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Callable

import click

from ..data.reading import write_report
from ..errors import UserError, describe_reason
from ..figures import save_figure
from ..files import check_regular, parse_json
from ..training.callbacks import BlogLog, Every, JsonLog, ProgressBar
from ..training.checkpoints import check_room, checkpoints, step_of
from ..training.folder import make_part, remove_temporary
from ..training.jsonl import JsonLines, read_lines
from ..training.loop import Callback
from ..training.run import Run
from ..training.saturation import SaturationWarning
from ..training.tensorboard import TensorBoard
from ..training.validation import Validation
from ._outputs import first_unused
from ._settings import RunOptions

log = logging.getLogger(__name__)


class RunReport(ABC):
    """What a run shows of itself, in its folder; a subclass for each kind of training."""

    def __init__(self, run: Run, folder: Path) -> None:
        self.run, self.folder = run, folder

    @abstractmethod
    def figure(self) -> Any:
        """Return a matplotlib figure of the current state."""

    def preview(self, step: int) -> Path:
        """Write the figure after a step, and return its path."""
        path = self.folder / "previews" / f"step-{step:07d}.png"
        save_figure(self.figure(), path)
        return path

    @abstractmethod
    def finish(self) -> None:
        """Print and draw the result."""


def run_folder(run_options: RunOptions, name: str) -> Path:
    """Return the folder for a run: `out`, or the first of runs/NAME, runs/NAME-2, … that does not exist.

    Raises:
        UserError: `out` already contains a run, which is not to be resumed.
        UsageError: A run is to be resumed, but `out` is not given.
    """
    if run_options.resume and not run_options.out:
        raise click.UsageError("--resume needs the run's folder: also give --out")
    folder = Path(run_options.out) if run_options.out else first_unused(Path("runs", name))
    log_file = folder / "log.jsonl"
    if not run_options.resume and log_file.exists() and log_file.stat().st_size:
        raise UserError(f"{folder} already contains a run: choose another --out, remove it, or --resume it")
    return folder


def prepare_folder(run: Run, folder: Path, checkpoint: Path | None, keep: int) -> None:
    """Create the initial content of a run's folder, or check that the folder belongs to the run.

    Raises:
        UserError: It belongs to another run, or the disk is full.
    """
    for part in (folder, make_part(folder / "checkpoints"), make_part(folder / "previews")):
        remove_temporary(part)
    if checkpoint is None:
        check_room(run, folder, (keep or 1) + 1)
        run.record().write(folder / "config.json")
    else:
        check_room(run, folder, 1)
        run.record().check_same(folder / "config.json")


def logs(run: Run, preview: Callable[[int], Path], folder: Path, run_options: RunOptions) -> list[Callback]:
    """Return the callbacks that log a run and draw its pictures; lines of steps to be repeated are removed."""
    lines = JsonLines(folder / "log.jsonl", run.done)
    losses = {line["step"]: line.get("loss") for line in lines.read()}
    if len(losses) < run.done:
        log.warning("%s lacks the lines of %d steps", folder / "log.jsonl", run.done - len(losses))
    board = TensorBoard(folder / "tensorboard", run.done) if run_options.tensorboard else None

    def show(step: int) -> None:
        path = preview(step)
        if board is not None:
            board.add_picture(step, "preview", path)

    def tell(step: int, measured: dict[str, float]) -> None:
        if board is not None:
            board.add_values(step, measured, "validation/")

    validation = JsonLines(folder / "validation.jsonl", run.done)
    return [
        JsonLog(lines),
        Every(run_options.save_every, lambda step: lines.sync()),  # a checkpoint is never ahead of the log
        BlogLog(folder / "training.log", run.steps_per_epoch, [losses.get(k + 1) for k in range(run.done)]),
        Validation(run, validation, folder / "checkpoints" / "best.params", run_options.save_every, tell),
        SaturationWarning(run.task.natural_clipping),
        Every(run_options.preview_every, show),
        *([board] if board else []),
        ProgressBar(run.config.steps, run.done),
    ]


def report_skipped(run: Run, path: Path) -> None:
    """List the photos that were skipped, including those of earlier parts of the run."""
    try:
        skipped = {**parse_json(check_regular(path).read_bytes()), **run.skipped}
    except (OSError, ValueError, TypeError):  # the list does not exist yet, or is damaged
        skipped = run.skipped
    try:
        write_report(path, skipped)
    except OSError as error:
        log.warning("%s: %s", path, describe_reason(error))
    if skipped:
        log.warning("%d photos were skipped; see %s for the reasons", len(skipped), path)


def last_good(folder: Path, failed: int) -> str:
    """Return a phrase with the last checkpoint whose parameters gave a finite loss, before the step `failed`.

    Checkpoints after the steps skipped just before it did not.
    """
    skipped = {line["step"] for line in read_lines(folder / "log.jsonl") if "skipped" in line}
    while failed - 1 in skipped:
        failed -= 1
    good = [path for path in checkpoints(folder / "checkpoints") if step_of(path) < failed - 1]
    return f"the last good checkpoint is {good[-1]}" if good else "there is no good checkpoint yet"
