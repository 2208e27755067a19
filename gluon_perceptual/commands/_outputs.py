"""The output file of each picture or video."""

from __future__ import annotations

import logging
import os
from collections import Counter
from itertools import chain, count
from pathlib import Path
from typing import Any, Callable, List, NamedTuple, Sequence, Tuple

from ..data.photos import walk_pictures
from ..errors import UserError
from ..files import result_name
from ..image.formats import format_for, titles

Tasks = List[Tuple[Path, Path]]  # source, target

log = logging.getLogger(__name__)


class Files(NamedTuple):
    """The files that a command was asked to read and to write, see `plan_outputs`."""

    inputs: Sequence[Path]
    out: str | None
    suffix: str | None
    skip_existing: bool


def plan_outputs(
    inputs: Sequence[Path],
    out: str | None,
    suffix: str | None = None,
    label: str = "",
    check: Callable[[Path], Any] = format_for,
) -> Tasks:
    """Return (source, target) for each picture.

    One file goes to `out`, or into it if `out` is a folder, ends with a slash or has no suffix; several files go into
    `out`; a folder's tree is kept below `out`, and files already in `out` are not inputs. Without `out` the result of
    `photo.jpg` goes to `photo_LABEL.jpg` and that of a folder `photos` into `photos_LABEL`. `suffix` replaces the
    sources' suffixes; if two sources such as `a.jpg` and `a.png` would then have the same target, the targets are
    `a_jpg.png` and `a_png.png`. `check` raises UserError for a name that cannot be written.

    Raises:
        UserError: A folder has no pictures, two sources have the same target, a result would overwrite an input, or
            several results would go into a folder named like a file; or as `check`.
    """
    if out is None:
        tasks = [task for path in inputs for task in _beside(path, label, suffix)]
    elif len(inputs) == 1 and not inputs[0].is_dir() and not _is_folder(out):
        check(Path(out))
        tasks = [(inputs[0], Path(out))]
    elif inputs and not out.endswith(os.sep) and not Path(out).exists() and _is_accepted(check, Path(out)):
        given = f"the folder {inputs[0]}" if len(inputs) == 1 else f"{len(inputs)} inputs"
        raise UserError(f"{out} names one file, but there are results of {given}: give a folder as -o")
    else:
        tasks = [task for path in inputs for task in _into(path, Path(out), suffix)]
    if suffix:
        tasks = _told_apart(tasks)
    check_apart(tasks)
    return tasks


def plan_comparisons(files: Files) -> Tasks:
    """Return (source, target) for each picture's figure, as `plan_outputs`; that of `a.jpg` is `a_compare.png`."""
    from ..figures import check_figure_path

    check_suffix(files)
    return plan_outputs(files.inputs, files.out, files.suffix or ".png", "compare", check_figure_path)


def check_suffix(files: Files) -> None:
    """Raise UserError if `out` names a file with another suffix."""
    _, out, suffix, _ = files
    if out and suffix and not _is_folder(out) and Path(out).suffix.lower() != suffix:
        raise UserError(f"`suffix` {suffix}: `out` {out} has another suffix; give only one of them")


def first_unused(path: Path) -> Path:
    """Return the path, or the first of PATH-2, PATH-3, … if something is there."""
    others = (path.with_name(f"{path.name}-{number}") for number in count(2))
    return next(each for each in chain([path], others) if not os.path.lexists(each))


def _is_folder(out: str) -> bool:
    return out.endswith(os.sep) or Path(out).is_dir() or not Path(out).suffix


def _is_accepted(check: Callable[[Path], Any], path: Path) -> bool:
    try:
        check(path)
    except UserError:
        return False
    return True


def _told_apart(tasks: Tasks) -> Tasks:
    """Add the sources' suffixes to the names of targets that several sources share."""
    shared = Counter(target for _, target in tasks)
    return [
        (source, target.with_name(f"{target.stem}_{source.suffix[1:]}{target.suffix}"))
        if shared[target] > 1
        else (source, target)
        for source, target in tasks
    ]


def check_apart(tasks: Tasks) -> None:
    """Raise UserError if two sources have the same target, or a target is a source."""
    targets: dict[Path, Path] = {}
    sources = {os.path.realpath(source) for source, _ in tasks}  # `Path.resolve` fails for links in a circle
    for source, target in tasks:
        if os.path.realpath(target) in sources:
            raise UserError(
                f"{target} is an input and would be overwritten by the result of {source}: choose another -o"
            )
        if target in targets:
            raise UserError(f"{source} and {targets[target]} would both become {target}: process each with its own -o")
        targets[target] = source


def _beside(path: Path, label: str, suffix: str | None) -> Tasks:
    path = Path(os.path.realpath(path)) if path.name in ("", "..") else path.absolute()
    if not path.name:
        raise UserError(f"{path}: this folder has no parent for the results: give a folder as -o")
    if path.is_dir():
        return _into(path, path.with_name(f"{path.name}_{label}"), suffix)
    return [(path, path.with_name(result_name(path, label, suffix)))]


def _into(path: Path, out: Path, suffix: str | None) -> Tasks:
    if not path.is_dir():
        return [(path, out / Path(path.name).with_suffix(suffix or path.suffix))]
    others: Counter[str] = Counter()
    root, results = (Path(os.path.realpath(each)) for each in (path, out))
    earlier = (f"{results.relative_to(root)}/",) if root in results.parents else ()  # results, not inputs
    names = [name for name in walk_pictures(path, others=others) if not name.startswith(earlier)]
    if others:
        kinds = ", ".join(f"{count} {kind or 'without suffix'}" for kind, count in sorted(others.items()))
        log.warning("%s: skipped, since they are not supported pictures: %s", path, kinds)
    if not names:
        raise UserError(f"{path}: there are no pictures in it ({titles()} by their suffix)")
    return [(path / name, out / Path(name).with_suffix(suffix or Path(name).suffix)) for name in names]
