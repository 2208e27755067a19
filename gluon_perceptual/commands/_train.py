"""What the training commands do around a training: the run's folder, logs, checkpoints, errors."""

from __future__ import annotations

import json
import logging
from itertools import count
from pathlib import Path
from typing import Protocol

import click

from ..errors import UserError
from ..figures import loss_figure, save_figure
from ..training.callbacks import BlogLog, Every, JsonLog, ProgressBar, TensorBoard
from ..training.loop import Callback, StepFailedError
from ..training.run import Run
from ..training.signals import StopRequest

log = logging.getLogger(__name__)


def run_folder(wanted: Path | None, name: str) -> Path:
    """Return the folder for a run: `wanted`, or the first of runs/NAME, runs/NAME-2, … that is not there.

    Raises:
        UserError: `wanted` holds a run already.
    """
    candidates = (Path("runs", name if number == 1 else f"{name}-{number}") for number in count(1))
    folder = wanted or next(path for path in candidates if not path.exists())
    log_file = folder / "log.jsonl"
    if log_file.exists() and log_file.stat().st_size:
        raise UserError(f"{folder} holds a run already: choose another --out, or remove it")
    return folder


def make_folder(folder: Path) -> None:
    """Make a run's folder."""
    (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    (folder / "previews").mkdir(exist_ok=True)


class Pictures(Protocol):
    """What a kind of training shows."""

    def preview(self, step: int) -> None:
        """Write a picture of how far the training has come."""

    def report(self, checkpoint: Path) -> None:
        """Print and draw the result."""


def train(run: Run, pictures: Pictures, folder: Path, save_every: int, preview_every: int, tensorboard: bool) -> int:
    """Run a training from start to end and return the exit status."""
    config = run.config
    make_folder(folder)
    run.start(folder)
    source = getattr(config, "shards", None) or f"{len(run.photos)} photos"
    log.info("%s: %d steps of %d pictures of %s", folder, config.steps, config.batch, source)
    board = [TensorBoard(folder / "tensorboard")] if tensorboard else []
    callbacks: list[Callback] = [
        *board,
        JsonLog(folder / "log.jsonl"),
        BlogLog(folder / "training.log", run.steps_per_epoch),
        Every(save_every, run.save),
        Every(preview_every, pictures.preview),
        ProgressBar(config.steps),
    ]
    with StopRequest() as stop:
        try:
            done = run.train(callbacks, stop)
        except StepFailedError as error:
            raise UserError(f"{error}; {last_good(folder, error.step)}; try a lower --lr or --max-norm") from error
    final = run.save(done)
    save_figure(loss_figure(read_log(folder / "log.jsonl")), folder / "loss.png")
    if stop.requested:
        log.warning("stopped after step %d of %d; its checkpoint is %s", done, config.steps, final)
        return stop.exit_status
    pictures.report(final)
    click.echo(f"checkpoint {final}\nfigure {folder / 'figure.png'}\nloss {folder / 'loss.png'}")
    return 0


def last_good(folder: Path, failed: int) -> str:
    """Say which checkpoint is the last whose parameters have given a finite loss, in a step before `failed`."""
    paths = sorted((folder / "checkpoints").glob("step-*.params"))
    good = [path for path in paths if int(path.stem.partition("-")[2]) < failed - 1]
    return f"the last good checkpoint is {good[-1]}" if good else "there is no good checkpoint yet"


def read_log(path: Path) -> list[dict[str, float]]:
    """Return the lines of a `log.jsonl`."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
