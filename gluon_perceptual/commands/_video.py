"""Videos through one command, one after the other."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Sequence

import click
import numpy as np

from ..errors import UserError
from ..inference.video import Video, convert_video


def process_videos(
    tasks: Sequence[tuple[Path, Path]], work: Callable[[np.ndarray], np.ndarray], skip_existing: bool = False
) -> int:
    """Write `work(frame)` of each frame of each (source, target); return the exit status, as `_batch.process` does."""
    failures = []
    for source, target in tasks:
        if skip_existing and target.exists():
            continue
        try:
            failures += _convert(source, target, work)
            click.echo(str(target))
        except UserError as error:
            failures.append(" ".join(str(error).split()))
    for failure in failures:
        click.echo(f"Error: {failure}", err=True)
    return 1 if failures else 0


def _convert(source: Path, target: Path, work: Callable[[np.ndarray], np.ndarray]) -> list[str]:
    """Convert a video; return what is to be said about it."""
    from tqdm import tqdm

    video = Video(source)
    click.echo(f"{source}: its sound, if any, is left out", err=True)
    with tqdm(total=video.frames or None, desc=source.name, unit="frame", dynamic_ncols=True) as bar:

        def work_and_count(frame: np.ndarray) -> np.ndarray:
            bar.update()
            return work(frame)

        done = convert_video(video, target, work_and_count)
    if done < video.frames:
        return [f"{source} ends after {done} of {video.frames} frames; {target} holds these"]
    return []
