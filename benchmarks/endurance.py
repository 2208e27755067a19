"""A long training on a large folder: how fast it starts, and how much memory it uses.

`python -m benchmarks.endurance` makes a folder of 50 photos and one of 100,000 (links to the 50), runs `train_sr` on
each in a separate process, and prints a line of JSON for each: seconds from the start of the process to the end of the
first step, megabytes at that moment, peak megabytes, and their growth after step 200.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

ORIGINALS = 50
SETTLED = 200  # steps after which memory should not grow
OPTIONS = "train-sr --width 2 --blocks 1 --patch 16 --loss pixel --save-every 500 --preview-every 1000000"


def make_photos(folder: Path, count: int) -> Path:
    """Fill a new folder with `count` small pictures: links to the first 50, since writing all would take minutes."""
    import cv2
    import numpy as np

    folder.mkdir()
    paths = [folder / f"{number:06}.png" for number in range(count)]
    for seed, path in enumerate(paths[:ORIGINALS]):
        cv2.imwrite(str(path), np.random.default_rng(seed).integers(0, 256, (64, 64, 3), np.uint8))
    for number, path in enumerate(paths[ORIGINALS:]):
        os.link(paths[number % ORIGINALS], path)
    return folder


def measure(photos: Path, out: Path, steps: int) -> dict[str, float]:
    """Return the measurements of a training of `steps` on a folder, made in a separate process."""
    command = [sys.executable, "-m", "benchmarks.endurance", "--worker", str(photos), str(out), str(steps)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1])
    if done.returncode:
        raise RuntimeError(done.stderr)
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def work(photos: str, out: str, steps: str) -> None:
    """Train, and print the measurements."""
    start, seconds, memory = time.perf_counter(), [], []
    from gluon_perceptual.commands import main
    from gluon_perceptual.training.step import TrainingStep

    whole: Any = TrainingStep.__call__

    def step(self: Any, *batch: Any) -> Any:
        terms = whole(self, *batch)
        seconds.append(time.perf_counter() - start)
        memory.append(int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20)
        if len(memory) == int(steps):
            raise SystemExit  # scores and figures, which follow, are not measured
        return terms

    TrainingStep.__call__ = step  # type: ignore[method-assign,assignment]
    with suppress(SystemExit):
        main([*OPTIONS.split(), "--data", photos, "--out", out, "--steps", steps])
    found = {"first_step": seconds[0], "memory": memory[0], "peak": max(memory), "steps": len(memory)}
    if len(memory) > SETTLED:
        found["growth"] = max(memory[SETTLED:]) - memory[SETTLED - 1]
    print(json.dumps({name: round(value, 1) for name, value in found.items()}))


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--photos", type=click.IntRange(ORIGINALS), default=100_000, help="Files in the large folder.")
@click.option("--steps", type=click.IntRange(1), default=2000, help="Steps on each.")
@click.option("--worker", nargs=3, hidden=True)
def main(photos: int, steps: int, worker: tuple[str, str, str] | None) -> None:
    """Train on few photos and on many, and print the measurements."""
    if worker:
        work(*worker)
        return
    with tempfile.TemporaryDirectory() as name:
        for count in (ORIGINALS, photos):
            folder = make_photos(Path(name, f"{count}"), count)
            click.echo(json.dumps({"photos": count, **measure(folder, Path(name, f"run{count}"), steps)}))


if __name__ == "__main__":
    main()
