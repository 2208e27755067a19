"""Many pictures through one command: which file goes where, every device at work, failures listed at the end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Callable, Sequence

import click

from ..data.photos import walk_pictures
from ..errors import UserError
from ..files import end_process
from ..image.io import check_picture_path
from ..signals import StopRequest
from ._command import INTERRUPTED, describe_reason

AHEAD_AND_BEHIND = 2  # pictures in memory beside those that are worked on: one being read, one being written


def plan_outputs(
    inputs: Sequence[Path],
    out: str | None,
    suffix: str | None = None,
    label: str = "",
    check: Callable[[Path], None] = check_picture_path,
) -> list[tuple[Path, Path]]:
    """Return (source, target) for each picture.

    One file goes to `out`, or into it where `out` is a folder or has no suffix; several files go into `out`; a
    folder's tree is kept below `out`, what is in `out` already left out. Without `out` the result of `photo.jpg` goes
    to `photo_LABEL.jpg` and that of a folder `photos` into `photos_LABEL`. `suffix` replaces the sources' own. `check`
    raises UserError for a name that is none of a file to be written.

    Raises:
        UserError: A folder has no pictures, two sources have one target, or one would be overwritten by its result;
            several would go into a folder that is called like a file; or as of `check`.
    """
    if out is None:
        tasks = [task for path in inputs for task in _beside(path.absolute(), label, suffix)]
    elif len(inputs) == 1 and not inputs[0].is_dir() and Path(out).suffix and not Path(out).is_dir():
        check(Path(out))
        tasks = [(inputs[0], Path(out))]
    elif inputs and not Path(out).exists() and _is_accepted(check, Path(out)):
        given = f"the folder {inputs[0]}" if len(inputs) == 1 else f"{len(inputs)} inputs"
        raise UserError(f"{out} is the name of one file, but there are the results of {given}: give a folder as -o")
    else:
        tasks = [task for path in inputs for task in _into(path, Path(out), suffix)]
    targets: dict[Path, Path] = {}
    sources = {source.resolve() for source, _ in tasks}
    for source, target in tasks:
        if target.resolve() in sources:
            raise UserError(
                f"{target} is an input and would be overwritten by the result of {source}: choose another -o"
            )
        if target in targets:
            raise UserError(f"{source} and {targets[target]} would both become {target}: give folders one by one")
        targets[target] = source
    return tasks


def _is_accepted(check: Callable[[Path], None], path: Path) -> bool:
    try:
        check(path)
    except UserError:
        return False
    return True


def _beside(path: Path, label: str, suffix: str | None) -> list[tuple[Path, Path]]:
    if path.is_dir():
        return _into(path, path.with_name(f"{path.name}_{label}"), suffix)
    return [(path, path.with_name(f"{path.stem}_{label}{suffix or path.suffix}"))]


def _into(path: Path, out: Path, suffix: str | None) -> list[tuple[Path, Path]]:
    def renamed(file: Path) -> Path:
        return file.with_suffix(suffix) if suffix else file

    if not path.is_dir():
        return [(path, out / renamed(Path(path.name)))]
    found = (path / name for name in walk_pictures(path))
    files = [file for file in found if path == out or out not in file.parents]
    if not files:
        raise UserError(f"{path}: there are no pictures in it (PNG, JPEG, WebP, TIFF or BMP by their suffix)")
    return [(file, out / renamed(file.relative_to(path))) for file in files]


def process(
    tasks: Sequence[tuple[Path, Path]],
    workers: Sequence[Any],
    read: Callable[[Path], Any],
    work: Callable[[Any, Any], Any],
    write: Callable[[Path, Any], None],
    skip_existing: bool = False,
) -> int:
    """Do `write(target, work(worker, read(source)))` for each task; return the exit status.

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
        return _failure(source, target, lambda: write(target, _worked_on(work, free, read(source))))

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
