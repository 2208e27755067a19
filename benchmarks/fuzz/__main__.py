"""The command: make damaged files of a kind, read each, and keep what ends neither well nor in one line."""

from __future__ import annotations

import logging
import resource
import time
from importlib import import_module
from itertools import takewhile
from pathlib import Path
from typing import Any, Callable

import click
import numpy as np

from gluon_perceptual.errors import UserError

MODULES = {  # where kinds are: those without MXNet, whose threads take more memory than they use, in the first
    "arrays": ("params", "npz", "torch", "torch-legacy", "safetensors", "keras"),
    "models": ("symbol", "sidecar"),
    "trainings": ("records", "index", "shards", "config", "log", "sums", "state"),
}
SHOWN = 20  # of what is found


@click.command(context_settings={"show_default": True})
@click.argument("kind", type=click.Choice([kind for kinds in MODULES.values() for kind in kinds]))
@click.option("--cases", type=click.IntRange(1), default=10_000, help="Files to try.")
@click.option("--seconds", type=float, default=3600, help="When to stop all the same.")
@click.option("--seed", type=int, default=0, help="Case k is made of the seed and k alone.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("fuzz"), help="For what is found.")
@click.option("--memory", type=int, default=4, help="GiB that the process may take.")
def main(kind: str, cases: int, seconds: float, seed: int, out: Path, memory: int) -> None:
    """Read damaged files of KIND, and say how many were read, refused, and neither."""
    logging.disable()
    module = next(name for name, kinds in MODULES.items() if kind in kinds)
    maker, read = import_module(f".{module}", __package__).KINDS[kind]
    make = maker()
    out.mkdir(parents=True, exist_ok=True)
    if module == "arrays":
        resource.setrlimit(resource.RLIMIT_AS, (memory << 30, memory << 30))
    counts, start = {"read": 0, "refused": 0, "neither": 0}, time.perf_counter()
    for number in takewhile(lambda _: time.perf_counter() - start < seconds, range(cases)):
        content = make(np.random.default_rng([seed, number]))
        outcome = try_file(content, read, out / "current")
        if outcome not in counts:
            (out / f"{kind}-{seed}-{number}").write_bytes(content)
            if counts["neither"] < SHOWN:
                click.echo(f"case {number}: {outcome}")
            outcome = "neither"
        counts[outcome] += 1
    (out / "current").unlink(missing_ok=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    said = ", ".join(f"{count:,} {outcome}" for outcome, count in counts.items())
    took, worked = time.perf_counter() - start, time.process_time()
    click.echo(f"{kind}: {sum(counts.values()):,} cases: {said}; {took:.0f} s, {worked:.0f} s of a core, {peak:.0f} MB")
    raise SystemExit(counts["neither"] > 0)


def try_file(content: bytes, read: Callable[[Path], Any], path: Path) -> str:
    """Return "read", "refused", or what else came of a file."""
    path.write_bytes(content)
    try:
        read(path)
    except UserError as error:
        return "refused" if len(str(error).splitlines()) == 1 else f"several lines: {error!r}"
    except Exception as error:
        return repr(error)[:300]
    return "read"


if __name__ == "__main__":
    main()
