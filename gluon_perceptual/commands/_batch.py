"""Many pictures through one command: which file goes where, every device at work, failures listed at the end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Callable, Iterator, Sequence

import click

from ..data.photos import walk_pictures
from ..errors import UserError
from ._command import describe_reason

AHEAD_AND_BEHIND = 2  # pictures in memory beside those that are worked on: one being read, one being written


def plan_outputs(
    inputs: Sequence[Path], out: str | None, suffix: str | None = None, label: str = ""
) -> list[tuple[Path, Path]]:
    """Return (source, target) for each picture.

    One file goes to `out`, or into it where `out` is a folder or has no suffix; several files go into `out`; a
    folder's tree is kept below `out`, what is in `out` already left out. Without `out` the result of `photo.jpg` goes
    to `photo_LABEL.jpg` and that of a folder `photos` into `photos_LABEL`. `suffix` replaces the sources' own.

    Raises:
        UserError: A folder has no pictures, two sources have one target, or one would be overwritten by its result.
    """
    if out is None:
        tasks = [task for path in inputs for task in _beside(path.absolute(), label, suffix)]
    elif len(inputs) == 1 and not inputs[0].is_dir() and Path(out).suffix and not Path(out).is_dir():
        tasks = [(inputs[0], Path(out))]
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
    """
    from tqdm import tqdm

    if not tasks:
        return 0
    free: SimpleQueue[Any] = SimpleQueue()
    for worker in workers:
        free.put(worker)

    def do(task: tuple[Path, Path]) -> tuple[Path, str | None]:
        source, target = task
        if skip_existing and target.exists():
            return target, None
        try:
            picture = read(source)
            with _taken(free) as worker:
                picture = work(worker, picture)
            write(target, picture)
        except UserError as error:
            return target, " ".join(str(error).split())
        except OSError as error:
            return target, f"{error.filename or target}: {describe_reason(error)}"
        except MemoryError:
            return target, f"{source}: out of memory; try a smaller --tile"
        return target, None

    failures = []
    threads, bar = ThreadPoolExecutor(len(workers) + AHEAD_AND_BEHIND), tqdm(total=len(tasks), unit="picture")
    with threads as pool, bar:
        for target, failure in pool.map(do, tasks):
            bar.update()
            if failure:
                failures.append(failure)
            else:
                tqdm.write(str(target))  # on stdout, around the bar
    for failure in failures:
        click.echo(f"Error: {failure}", err=True)
    if failures and len(tasks) > 1:
        click.echo(f"{len(failures)} of {len(tasks)} failed", err=True)
    return 1 if failures else 0


@contextmanager
def _taken(free: SimpleQueue[Any]) -> Iterator[Any]:
    worker = free.get()
    try:
        yield worker
    finally:
        free.put(worker)
