"""Many pictures through one command: every device at work, failures listed at the end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Callable, Sequence

import click

from ..errors import UserError
from ..files import end_process
from ..signals import StopRequest
from ._command import INTERRUPTED, describe_reason

AHEAD_AND_BEHIND = 2  # pictures in memory beside those that are worked on: one being read, one being written


def process(
    tasks: Sequence[tuple[Path, Path]],
    workers: Sequence[Any],
    read: Callable[[Path, Path], Any],
    work: Callable[[Any, Any], Any],
    write: Callable[[Path, Any], None],
    skip_existing: bool = False,
) -> int:
    """Do `write(target, work(worker, read(source, target)))` for each task; return the exit status.

    Each worker has one picture at a time; meanwhile the next ones are read and the last ones written. Targets are
    printed on stdout as they are done; failures come on stderr at the end, a line each, and make it 1.

    Raises:
        SystemExit: On Ctrl-C, after the pictures that are worked on.
    """
    if not tasks:
        return 0
    free: SimpleQueue[Any] = SimpleQueue()
    for worker in workers:
        free.put(worker)

    def do(source: Path, target: Path) -> str | None:
        if skip_existing and target.exists():
            return None
        return _failure(source, target, lambda: write(target, _worked_on(work, free, read(source, target))))

    with StopRequest() as stop:
        done, failures = _do_all(do, tasks, len(workers) + AHEAD_AND_BEHIND, stop)
    for failure in failures:
        click.echo(f"Error: {failure}", err=True)
    if failures and len(tasks) > 1:
        click.echo(f"{len(failures)} of {len(tasks)} failed", err=True)
    if stop.requested:
        click.echo(f"interrupted: {done} of {len(tasks)} pictures are done", err=True)
        raise SystemExit(stop.exit_status)
    return 1 if failures else 0


def _do_all(
    do: Callable[[Path, Path], str | None], tasks: Sequence[tuple[Path, Path]], threads: int, stop: StopRequest
) -> tuple[int, list[str]]:
    """Do each task, until `stop` is requested; return how many were done, and the failures of others."""
    from tqdm import tqdm

    def begin(task: tuple[Path, Path]) -> tuple[Path, str | None] | None:
        return None if stop.requested else (task[1], do(*task))

    done, failures = 0, []
    with ThreadPoolExecutor(threads) as pool, tqdm(total=len(tasks), unit="picture") as bar:
        try:
            for target, failure in filter(None, pool.map(begin, tasks)):
                bar.update()
                if failure:
                    failures.append(failure)
                else:
                    done += 1
                    tqdm.write(str(target))  # on stdout, around the bar
        except KeyboardInterrupt:  # the second, which is not to wait for the threads
            click.echo("interrupted", err=True)
            end_process(INTERRUPTED)
    return done, failures


def _failure(source: Path, target: Path, act: Callable[[], None]) -> str | None:
    """Act, and return what a user should know of what went wrong."""
    try:
        act()
    except UserError as error:
        return " ".join(str(error).split())
    except OSError as error:
        return f"{error.filename or target}: {describe_reason(error)}"
    except MemoryError:
        return f"{source}: out of memory; try a smaller --tile"
    return None


def _worked_on(work: Callable[[Any, Any], Any], free: SimpleQueue[Any], picture: Any) -> Any:
    worker = free.get()
    try:
        return work(worker, picture)
    finally:
        free.put(worker)
