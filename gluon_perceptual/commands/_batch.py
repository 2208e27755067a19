"""Many pictures in one command: all devices are used, failures are listed at the end."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Callable, Iterable, Mapping, Tuple

import click

from ..files import end_process
from ..image.io import Picture
from ..inference.jobs import EXPECTED, Job, failure
from ..inference.progress import Progress
from ..signals import StopRequest
from ._bar import PictureBar
from ._command import INTERRUPTED
from ._console import tell_failures
from ._outputs import Files, Tasks, plan_comparisons

NEW, REPLACED, SKIPPED, FAILED = "new", "replaced", "left as they were there", "failed"  # outcomes of a picture
Result = Tuple[Path, str, str]  # target, outcome, and the message if it failed
AHEAD_AND_BEHIND = 2  # pictures in memory besides those being processed: one being read, one being written


def process(tasks: Tasks, job: Job, skip_existing: bool) -> int:
    """Do a job for each (source, target) and return the exit status.

    Each worker processes one picture at a time, while others are read and written. Finished targets are printed on
    stdout; failures are printed on stderr at the end, one line each, and make the status 1. The last line counts what
    was done, replaced, skipped and failed.

    Raises:
        SystemExit: On Ctrl-C, after the current pictures.
    """
    if not tasks:
        return 0
    with StopRequest() as stop:
        outcomes, failures = _do_all(tasks, job, skip_existing, stop)
    tell_failures(failures)
    click.echo(("interrupted: " if stop.requested else "") + summary(outcomes, len(tasks)), err=True)
    if stop.requested:
        raise SystemExit(stop.exit_status)
    return 1 if failures else 0


def process_comparisons(files: Files, job: Job) -> int:
    """Write each picture's figure and return the exit status, as `process`; see `plan_comparisons`."""
    return process(plan_comparisons(files), job, files.skip_existing)


def summary(outcomes: Mapping[str, int], total: int, what: str = "picture") -> str:
    """Return a line such as "7 of 10 pictures are done (2 replaced a file), 1 was there already, 2 failed"."""
    done = outcomes.get(NEW, 0) + outcomes.get(REPLACED, 0)
    parts = [f"{done} of {total} {what}{'s are' if total > 1 else ' is'} done"]
    if outcomes.get(REPLACED):
        parts[0] += f" ({outcomes[REPLACED]} replaced a file)"
    return ", ".join([*parts, *(f"{outcomes[kind]} {kind}" for kind in (SKIPPED, FAILED) if outcomes.get(kind))])


def outcome_of(work: Callable[[], object], source: Path, target: Path, skip_existing: bool) -> tuple[str, str]:
    """Do the work from source to target; return its outcome, and the message if it failed."""
    try:
        replaces = target.exists()
    except OSError:  # its name may be too long: writing reports it
        replaces = False
    if skip_existing and replaces:
        return SKIPPED, ""
    try:
        work()
    except EXPECTED as error:
        return FAILED, failure(error, source, target)
    return REPLACED if replaces else NEW, ""


def count(
    results: Iterable[Result], tell: Callable[[Path], object], outcomes: Counter[str], failures: list[str]
) -> None:
    """Tell which files are finished; add the outcomes to `outcomes`, and the messages of failures to `failures`."""
    for target, outcome, said in results:
        outcomes[outcome] += 1
        if said:
            failures.append(said)
        elif outcome != SKIPPED:
            tell(target)


def _do_all(tasks: Tasks, job: Job, skip_existing: bool, stop: StopRequest) -> tuple[Counter[str], list[str]]:
    """Do the tasks until `stop` is requested; return the outcomes, counted, and the messages of failures."""
    outcomes: Counter[str] = Counter()
    failures: list[str] = []
    free: SimpleQueue[Any] = SimpleQueue()
    for worker in job.workers:
        free.put(worker)

    def begin(task: tuple[Path, Path]) -> Result | None:
        if stop.requested:
            return None
        source, target = task
        progress = bar.picture()

        def work() -> None:
            job.write(target, _worked_on(job, free, job.read(source, target), progress))

        outcome, said = outcome_of(work, source, target, skip_existing)
        progress(float(outcome in (NEW, REPLACED)))
        if outcome == SKIPPED:
            bar.leave_out()
        return target, outcome, said

    with ThreadPoolExecutor(len(job.workers) + AHEAD_AND_BEHIND) as pool, PictureBar(len(tasks)) as bar:
        try:
            count(filter(None, pool.map(begin, tasks)), bar.tell, outcomes, failures)
        except KeyboardInterrupt:  # the second Ctrl-C, which does not wait for the threads
            click.echo("interrupted", err=True)
            end_process(INTERRUPTED)
    return outcomes, failures


def _worked_on(job: Job, free: SimpleQueue[Any], picture: Any, progress: Progress) -> Picture:
    worker = free.get()
    try:
        return job.work(worker, picture, progress)
    finally:
        free.put(worker)
