"""What the training commands do around a training: start or resume it, run it to its end, show the result."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Callable

from ..checkpoint.loading import load_arrays
from ..checkpoint.recognition import LOW_PASSES
from ..checkpoint.spec import ModelSpec, read_spec
from ..errors import UserError
from ..figures import loss_figure, save_figure
from ..formats.arrays import read_arrays
from ..signals import StopRequest
from ..training.callbacks import Every
from ..training.checkpoints import Checkpoints, latest, restore, step_of
from ..training.cluster import Workers, join
from ..training.config import TrainingConfig
from ..training.folder import locked
from ..training.growth import grown
from ..training.jsonl import read_lines
from ..training.loop import Callback, StepFailedError
from ..training.record import resumed_config
from ..training.run import Run
from ..training.task import Task
from ..training.waiting import WorkerLostError
from ..weights import model_path
from ._console import tell
from ._run_folder import RunReport, last_good, logs, prepare_folder, report_skipped, run_folder
from ._settings import RunOptions

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingKind:
    """A kind of training: its settings, its task, its report, and the name of its runs."""

    settings: type[TrainingConfig]
    task: Callable[[Any], Task]
    report: Callable[[Run, Path], RunReport]
    name: str


def train(kind: TrainingKind, given: dict[str, Any], run_options: RunOptions) -> int:
    """Run a training from its start, or from a checkpoint, to its end, and return the exit status.

    Raises:
        UserError, OSError: It cannot start, or its last checkpoint cannot be written.
    """
    with join(run_options.kvstore, given.get("gpus"), run_options.patience) as workers:
        return (run_worker if workers.rank else run_leader)(kind, given, run_options, workers)


def run_leader(kind: TrainingKind, given: dict[str, Any], run_options: RunOptions, workers: Workers) -> int:
    """Run a training as the only or the first worker, see `train`."""
    folder = run_folder(run_options, kind.name)
    nothing = UserError(f"{folder}: there is no complete checkpoint to resume; give --resume auto to start a new run")
    if run_options.resume == "always" and not (folder / "config.json").exists():
        raise nothing
    with ExitStack() as stack:
        is_new = not folder.is_dir()
        if not is_new:
            stack.enter_context(locked(folder))
        checkpoint = latest(folder / "checkpoints") if run_options.resume else None
        if checkpoint is None and run_options.resume == "always":
            raise nothing
        run = prepared(kind, given, folder, checkpoint, workers)
        if is_new:
            folder.mkdir(parents=True)  # fails if another run has started in it meanwhile
            stack.enter_context(locked(folder))
        prepare_folder(run, folder, checkpoint, run_options.keep)
        return train_and_report(run, kind.report(run, folder), folder, run_options)


def run_worker(kind: TrainingKind, given: dict[str, Any], run_options: RunOptions, workers: Workers) -> int:
    """Take part in a training, which worker 0 saves, and return the exit status.

    Raises:
        UserError: It cannot start or resume.
    """
    folder = Path(run_options.out or "")
    checkpoint = latest(folder / "checkpoints") if run_options.resume else None
    run = prepared(kind, given, folder, checkpoint, workers)
    log.info("worker %d of %d: %d photos", workers.rank, workers.num_workers, len(run.task.photos))
    with StopRequest() as stop:
        done = run.train(
            [Every(run_options.save_every, lambda step: log.info("worker %d: step %d", workers.rank, step))], stop
        )
    for photo, reason in run.skipped.items():
        log.warning("worker %d skipped %s: %s", workers.rank, photo, reason)
    log.info("worker %d: done after step %d", workers.rank, done)
    return stop.exit_status if stop.requested else 0


def prepared(kind: TrainingKind, given: dict[str, Any], folder: Path, checkpoint: Path | None, workers: Workers) -> Run:
    """Return a run before its first step, with the given settings, or that in `folder`, restored from its checkpoint.

    Raises:
        UserError: Settings are invalid, or conflict with those of the run in `folder`; the parameters belong to another
            network; or other workers resume from another step.
    """
    if checkpoint is None:
        config = kind.settings.from_architecture(**given)
        run = Run(kind.task(config), workers)
    else:
        config = resumed_config(kind.settings, folder / "config.json", given)
        task = kind.task(replace(config, start_from=None))  # whose file is not needed any more
        before = read_spec(checkpoint) or task.spec
        run = Run(replace(task, spec=replace(task.spec, mean=before.mean)), workers)  # of the photos of then
    workers.check_agreed(step_of(checkpoint) if checkpoint else 0)
    if checkpoint is not None:
        run.done = workers.wait(lambda: restore(run, checkpoint))  # an exchange in a cluster
        log.info("%s: resuming after step %d", checkpoint, run.done)
    elif config.start_from:
        log.info("%s", start_from(run, model_path(config.start_from)))
    return run


def start_from(run: Run, path: Path) -> str:
    """Load the parameters in a file into a run, and return a line about them; the run keeps its own low-pass.

    The file's network may be smaller, or for another scale, see `training.growth`.

    Raises:
        UserError: They belong to another network; the message names differences, if known.
    """
    arrays = {name: array for name, array in read_arrays(path).items() if name not in LOW_PASSES}
    wanted = run.task.spec
    further, differing = grown(arrays, wanted), differences(read_spec(path), wanted)
    try:
        found = load_arrays(run.model.net, further or arrays, path, run.devices, strict=further is None)
    except UserError as error:
        if further is not None or not differing:
            raise
        raise UserError(f"--start-from {path} does not fit {wanted.network} as set here: it has {differing}") from error
    return f"{found}; the file's network has {differing}" if differing else str(found)


def differences(theirs: ModelSpec | None, ours: ModelSpec) -> str:
    """Return how a network differs from ours, such as "blocks 4, not 6"; "" if that is unknown."""
    if theirs is None or theirs.network != ours.network:
        return ""
    found = {name: value for name, value in theirs.arguments.items() if ours.arguments.get(name, value) != value}
    return ", ".join(
        f"{name} {value}, not {ours.arguments[name]}" for name, value in found.items() if name != "lowpass"
    )


def train_and_report(run: Run, report: RunReport, folder: Path, run_options: RunOptions) -> int:
    """Train with all logs and checkpoints, and show the result.

    Raises:
        UserError, OSError: As `train`.
    """
    config, saver = run.config, Checkpoints(run, folder / "checkpoints", run_options.save_every, run_options.keep)
    source = getattr(config, "shards", None) or f"{len(run.task.photos)} photos"
    log.info("%s: %d steps of %d pictures of %s", folder, config.steps, config.batch, source)
    callbacks = [*logs(run, report.preview, folder, run_options), saver]
    with StopRequest() as stop:
        done = attempt(run, callbacks, stop, saver, folder)
        final = saver.path(done) if saver.saved == done else saver.save(done)
    lines = read_lines(folder / "log.jsonl")
    save_figure(loss_figure(lines, read_lines(folder / "validation.jsonl")), folder / "loss.png")
    skipped = sum("skipped" in line for line in lines)
    if skipped:
        log.warning("%d steps were skipped; see log.jsonl for the reasons", skipped)
    if stop.requested:
        log.warning("stopped after step %d of %d; saved %s; continue with --resume", done, config.steps, final)
        return stop.exit_status
    report.finish()
    for what, path in {"checkpoint": final, "figure": folder / "figure.png", "loss": folder / "loss.png"}.items():
        tell(f"{what} {path}")
    return 0


def attempt(run: Run, callbacks: list[Callback], stop: StopRequest, saver: Checkpoints, folder: Path) -> int:
    """Train and return the last step; if that fails, save what is possible, and name the checkpoint to resume from."""
    try:
        return run.train(callbacks, stop)
    except StepFailedError as error:
        raise UserError(f"{error}; {last_good(folder, error.step)}; try a lower --lr or --max-norm") from error
    except WorkerLostError as error:
        if saver.done > saver.saved:
            saver.save(saver.done)
        kept = f"step {saver.done} is saved in {folder}; continue with --resume" if saver.done else "no step was done"
        raise WorkerLostError(f"{error}; {kept}") from error
    finally:
        report_skipped(run, folder / "skipped.json")
