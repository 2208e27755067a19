"""What the training commands do around a training: the run's folder, logs, checkpoints, errors."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Callable, Protocol

import click

from ..checkpoint.mapping import load_parameters
from ..cluster import WorkerLostError, Workers, join
from ..data.reading import write_report
from ..errors import UserError
from ..figures import loss_figure, save_figure
from ..files import locked, parse_json, remove_temporary
from ..training.callbacks import BlogLog, Every, JsonLog, ProgressBar, TensorBoard
from ..training.checkpoints import Checkpoints, check_room, checkpoints, latest, restore, step_of
from ..training.config import TrainingConfig
from ..training.jsonl import JsonLines, read_lines
from ..training.loop import Callback, StepFailedError
from ..training.record import resumed_config
from ..training.run import Run
from ..training.signals import StopRequest
from ..training.validation import Validation
from ..weights import model_path
from ._command import describe_reason

log = logging.getLogger(__name__)


class Pictures(Protocol):
    """What a kind of training shows."""

    def preview(self, step: int) -> None:
        """Write a picture of how far the training has come."""

    def report(self, checkpoint: Path) -> None:
        """Print and draw the result."""


@dataclass(frozen=True)
class Kind:
    """A kind of training: its settings, from those given on the command line; its run; what it shows; a run's name."""

    settings: type[TrainingConfig]
    configure: Callable[..., TrainingConfig]
    run: Callable[[Any, Workers], Run]
    pictures: Callable[[Any, Path], Pictures]
    name: str


@dataclass(frozen=True)
class Habits:
    """What is kept of a run, and how often; see the options of the same names."""

    out: str | None
    resume: str | None
    save_every: int
    keep: int
    preview_every: int
    tensorboard: bool
    kvstore: str | None = None
    patience: float = 300


def train(kind: Kind, given: dict[str, Any], habits: Habits) -> int:
    """Run a training from its start, or from a checkpoint, to its end and return the exit status.

    Raises:
        UserError, OSError: It cannot start, or its last checkpoint cannot be written.
    """
    workers = join(habits.kvstore, given.get("gpus"), habits.patience)
    if workers.rank:
        return assist(kind, given, habits, workers)
    folder = run_folder(habits, kind.name)
    nothing = UserError(f"{folder}: there is no whole checkpoint to go on from; give --resume auto to start anew")
    if habits.resume == "always" and not (folder / "config.json").exists():
        raise nothing
    with ExitStack() as stack:
        if folder.is_dir():
            stack.enter_context(locked(folder))
        checkpoint = latest(folder / "checkpoints") if habits.resume else None
        if checkpoint is None and habits.resume == "always":
            raise nothing
        config = resumed_config(kind.settings, folder / "config.json", given) if checkpoint else kind.configure(**given)
        run = kind.run(config, workers)
        if not folder.is_dir():
            folder.mkdir(parents=True)
            stack.enter_context(locked(folder))
        start(run, folder, checkpoint, habits.keep)
        return follow(run, kind.pictures(run, folder), folder, habits)


def assist(kind: Kind, given: dict[str, Any], habits: Habits, workers: Workers) -> int:
    """Take part in a training of which worker 0 keeps everything and return the exit status.

    Raises:
        UserError: It cannot start or not go on.
    """
    folder = Path(habits.out or "")
    checkpoint = latest(folder / "checkpoints") if habits.resume else None
    config = resumed_config(kind.settings, folder / "config.json", given) if checkpoint else kind.configure(**given)
    run = kind.run(config, workers)
    set_out(run, checkpoint)
    log.info("worker %d of %d: %d photos", workers.rank, workers.ranks, len(run.photos))
    with StopRequest() as stop:
        done = run.train(
            [Every(habits.save_every, lambda step: log.info("worker %d: step %d", workers.rank, step))], stop
        )
    for photo, reason in run.skipped.items():
        log.warning("worker %d skipped %s: %s", workers.rank, photo, reason)
    log.info("worker %d: done after step %d", workers.rank, done)
    return stop.exit_status if stop.requested else 0


def run_folder(habits: Habits, name: str) -> Path:
    """Return the folder for a run: `out`, or the first of runs/NAME, runs/NAME-2, … that is not there.

    Raises:
        UserError: `out` holds a run already, and it is not to go on.
        UsageError: It is to go on, and there is no `out`.
    """
    if habits.resume and not habits.out:
        raise click.UsageError("--resume needs the run's folder: give --out, too")
    candidates = (Path("runs", name if number == 1 else f"{name}-{number}") for number in count(1))
    folder = Path(habits.out) if habits.out else next(path for path in candidates if not path.exists())
    log_file = folder / "log.jsonl"
    if not habits.resume and log_file.exists() and log_file.stat().st_size:
        raise UserError(f"{folder} holds a run already: choose another --out, remove it, or go on with --resume")
    return folder


def start(run: Run, folder: Path, checkpoint: Path | None, keep: int) -> None:
    """Make a run's folder, or set the run to where it stopped.

    Raises:
        UserError: It is another run, or the disk is full.
    """
    (folder / "checkpoints").mkdir(exist_ok=True)
    (folder / "previews").mkdir(exist_ok=True)
    for part in (folder, folder / "checkpoints", folder / "previews"):
        remove_temporary(part)
    if checkpoint is None:
        check_room(run, folder, keep)
        run.record().write(folder / "config.json")
    else:
        run.record().check_same(folder / "config.json")
    set_out(run, checkpoint)


def set_out(run: Run, checkpoint: Path | None) -> None:
    """Give the parameters the values that the training goes on from.

    Raises:
        UserError: They are of another network.
    """
    if checkpoint is not None:
        run.done = restore(run, checkpoint)
        log.info("%s: the run goes on after step %d", checkpoint, run.done)
    elif run.config.start_from:
        log.info("%s", load_parameters(run.model.net, model_path(run.config.start_from), run.devices))


def follow(run: Run, pictures: Pictures, folder: Path, habits: Habits) -> int:
    """Train, with all that is kept of it, and show the result."""
    config, saver = run.config, Checkpoints(run, folder / "checkpoints", habits.save_every, habits.keep)
    source = getattr(config, "shards", None) or f"{len(run.photos)} photos"
    log.info("%s: %d steps of %d pictures of %s", folder, config.steps, config.batch, source)
    with StopRequest() as stop:
        try:
            done = run.train([*logs(run, folder, habits), saver, Every(habits.preview_every, pictures.preview)], stop)
        except StepFailedError as error:
            raise UserError(f"{error}; {last_good(folder, error.step)}; try a lower --lr or --max-norm") from error
        except WorkerLostError as error:
            if saver.done > saver.saved:
                saver.save(saver.done)
            raise UserError(f"{error}; step {saver.done} is saved in {folder}, --resume goes on") from error
        finally:
            report_skipped(run, folder / "skipped.json")
    final = saver.path(done) if saver.saved == done else saver.save(done)
    lines = read_lines(folder / "log.jsonl")
    save_figure(loss_figure(lines, read_lines(folder / "validation.jsonl")), folder / "loss.png")
    skipped = sum("skipped" in line for line in lines)
    if skipped:
        log.warning("%d steps were skipped; log.jsonl says why", skipped)
    if stop.requested:
        log.warning("stopped after step %d of %d; %s, --resume goes on", done, config.steps, final)
        return stop.exit_status
    pictures.report(final)
    click.echo(f"checkpoint {final}\nfigure {folder / 'figure.png'}\nloss {folder / 'loss.png'}")
    return 0


def logs(run: Run, folder: Path, habits: Habits) -> list[Callback]:
    """Return what tells of a run in words and numbers; the lines of steps that are to be made again are removed."""
    lines = JsonLines(folder / "log.jsonl", run.done)
    losses = {line["step"]: line.get("loss") for line in lines.read()}
    if len(losses) < run.done:
        log.warning("%s has lost the lines of %d steps", folder / "log.jsonl", run.done - len(losses))
    validation = JsonLines(folder / "validation.jsonl", run.done)
    return [
        *([TensorBoard(folder / "tensorboard", run.done)] if habits.tensorboard else []),
        JsonLog(lines),
        Every(habits.save_every, lambda step: lines.sync()),  # a checkpoint is never ahead of the log
        BlogLog(folder / "training.log", run.steps_per_epoch, [losses.get(k + 1) for k in range(run.done)]),
        Validation(run, validation, folder / "checkpoints" / "best.params", habits.save_every),
        ProgressBar(run.config.steps, run.done),
    ]


def report_skipped(run: Run, path: Path) -> None:
    """List the photos that were no good, with those of earlier parts of the run."""
    try:
        skipped = {**parse_json(path.read_bytes()), **run.skipped}
    except (OSError, ValueError, TypeError):  # there is no such list yet, or it was damaged
        skipped = run.skipped
    try:
        write_report(path, skipped)
    except OSError as error:
        log.warning("%s: %s", path, describe_reason(error))
    if skipped:
        log.warning("%d photos were skipped; %s says why", len(skipped), path)


def last_good(folder: Path, failed: int) -> str:
    """Say which checkpoint is the last whose parameters have given a finite loss, in a step before `failed`."""
    good = [path for path in checkpoints(folder / "checkpoints") if step_of(path) < failed - 1]
    return f"the last good checkpoint is {good[-1]}" if good else "there is no good checkpoint yet"
