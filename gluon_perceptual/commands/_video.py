"""Videos and animated pictures in one command, one after the other."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from ..errors import printable
from ..inference.jobs import VideoJob
from ..video.animation import is_animation
from ..video.formats import INSTEAD, OTHERS, holds_frames, is_video_file, video_format_for
from ._batch import count, outcome_of, process, summary
from ._console import tell, tell_failures
from ._outputs import Files, Tasks, check_apart, check_suffix, plan_outputs

FORMAT = "{desc}: {percentage:3.0f}%|{bar}| [{elapsed}<{remaining}]"


def plan_all(files: Files, label: str) -> tuple[Tasks, Tasks]:
    """Return (source, target) for each picture, and for each video or animated picture with a target for frames.

    Raises:
        UserError: As `plan_outputs`.
    """
    inputs, out, suffix, _ = files

    def is_film(path: Path) -> bool:
        return is_video_file(path) or (out is not None and is_video_file(Path(out)) and is_animation(path))

    check_suffix(files)
    videos = [path for path in inputs if is_film(path)]
    rare = [path for path in videos if path.suffix.lower() in OTHERS]
    films = plan_outputs([path for path in videos if path not in rare], out, None, label, video_format_for)
    films += plan_outputs(rare, out, INSTEAD, label, video_format_for)
    tasks = plan_outputs([path for path in inputs if path not in videos], out, suffix, label)
    animated = {task for task in tasks if holds_frames(task[1]) and is_animation(task[0])}
    check_apart([*tasks, *films])
    return [task for task in tasks if task not in animated], [*films, *(task for task in tasks if task in animated)]


def process_all(files: Files, job: VideoJob, label: str) -> int:
    """Do a job for pictures, folders of them, and videos; return the exit status. For `label` see `plan_outputs`."""
    pictures, videos = plan_all(files, label)
    return process(pictures, job, files.skip_existing) | process_videos(videos, job, files.skip_existing)


def process_videos(tasks: Tasks, job: VideoJob, skip_existing: bool) -> int:
    """Do a job for each frame of each (source, target) and return the exit status, like `_batch.process`."""
    if not tasks:
        return 0
    results = (
        (target, *outcome_of(partial(_convert, job, source, target), source, target, skip_existing))
        for source, target in tasks
    )
    outcomes: Counter[str] = Counter()
    failures: list[str] = []
    try:
        count(results, lambda target: tell(str(target)), outcomes, failures)
    finally:  # also on Ctrl-C
        tell_failures(failures)
        click.echo(summary(outcomes, len(tasks), "video"), err=True)
    return 1 if failures else 0


def _convert(job: VideoJob, source: Path, target: Path) -> None:
    bar: Any
    with tqdm(total=1.0, desc=printable(source.name), bar_format=FORMAT, miniters=0, dynamic_ncols=True) as bar:
        job.convert(source, target, lambda share: bar.update(share - bar.n))
