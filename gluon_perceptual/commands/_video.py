"""Videos through one command, one after the other."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Callable, Sequence

import click
import numpy as np

from ..errors import UserError
from ..inference.video import Video, convert_video
from ._batch import FAILED, NEW, REPLACED, SKIPPED, is_there, summary
from ._command import describe_failure
from ._console import printable, tell


def process_videos(
    tasks: Sequence[tuple[Path, Path]], work: Callable[[np.ndarray], np.ndarray], skip_existing: bool = False
) -> int:
    """Write `work(frame)` of each frame of each (source, target); return the exit status, as `_batch.process` does."""
    outcomes: Counter[str] = Counter()
    failures = []
    for source, target in tasks:
        before = is_there(target)
        if skip_existing and before:
            outcomes[SKIPPED] += 1
            continue
        try:
            missing = _convert(source, target, work)
            tell(str(target))
        except UserError as error:
            missing = printable(str(error))
        except OSError as error:
            missing = describe_failure(error, target)
        failures += [missing] * bool(missing)
        outcomes[FAILED if missing else REPLACED if before else NEW] += 1
    for failure in failures:
        click.echo(f"Error: {failure}", err=True)
    if tasks:
        click.echo(summary(outcomes, len(tasks), "video"), err=True)
    return 1 if failures else 0


def _convert(source: Path, target: Path, work: Callable[[np.ndarray], np.ndarray]) -> str:
    """Convert a video; return what is to be said about it, or ""."""
    from tqdm import tqdm

    video, name = Video(source), printable(source.name)
    click.echo(printable(f"{source}: its sound, if any, is left out"), err=True)
    with tqdm(total=video.frames or None, desc=name, unit="frame", dynamic_ncols=True) as bar:

        def work_and_count(frame: np.ndarray) -> np.ndarray:
            bar.update()
            return work(frame)

        done = convert_video(video, target, work_and_count)
    if done < video.frames:
        return printable(f"{source} ends after {done} of {video.frames} frames; {target} holds these")
    return ""
