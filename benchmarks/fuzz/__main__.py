"""The command: make damaged files of a kind, read each, and keep what ends neither well nor in one line."""

from __future__ import annotations

import logging
import multiprocessing
import resource
import shutil
import signal
import time
from pathlib import Path
from random import Random
from typing import Any

import click

from .kinds import MODULES, NAMES, kind_of, outcome_of

OUTCOMES = ("read", "refused", "neither", "ended", "stalled")
SHOWN = 20  # of what is found
PLACES = len(OUTCOMES) + 1  # their counts, and the number of the case in work


@click.command(context_settings={"show_default": True})
@click.argument("name", metavar="KIND", type=click.Choice(NAMES))
@click.option("--cases", type=click.IntRange(1), default=10_000, help="Files to try.")
@click.option("--seconds", type=float, default=3600, help="When to stop all the same.")
@click.option("--seed", type=int, default=0, help="Case k is made of the seed and k alone.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("fuzz"), help="For what is found.")
@click.option("--memory", type=int, default=4, help="GiB that the process may take.")
@click.option("--patience", type=float, default=20, help="Seconds of a core after which a case has stalled.")
def main(name: str, cases: int, seconds: float, seed: int, out: Path, memory: int, patience: float) -> None:
    """Read damaged files of KIND, and say how many were read, refused, and neither."""
    out.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("fork")
    counts: Any = context.Array("q", PLACES)
    start = time.perf_counter()
    while counts[-1] < cases and time.perf_counter() - start < seconds:
        limits = (cases, start + seconds, memory << 30, patience)
        worker = context.Process(target=read_cases, args=(name, seed, out, counts, limits))
        worker.start()
        worker.join()
        status = worker.exitcode or 0
        if status > 0:  # it has said why
            raise SystemExit(1)
        if status < 0:
            counts[OUTCOMES.index("stalled" if status == -signal.SIGPROF else "ended")] += 1
            shutil.copy(out / "current", out / f"{name}-{seed}-{counts[-1]}")
            counts[-1] += 1
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = ", ".join(f"{count:,} {outcome}" for outcome, count in zip(OUTCOMES, counts))
    took, worked = time.perf_counter() - start, used.ru_utime + used.ru_stime
    memory_used = f"{used.ru_maxrss / 1024:.0f} MB"
    click.echo(f"{name}: {counts[-1]:,} cases: {said}; {took:.0f} s, {worked:.0f} s of a core, {memory_used}")
    raise SystemExit(any(counts[2:-1]))


def read_cases(name: str, seed: int, out: Path, counts: Any, limits: tuple[int, float, int, float]) -> None:
    """Read cases from the one in work to the last, or until it is late, and count their outcomes."""
    cases, end, memory, patience = limits
    logging.disable()
    kind = kind_of(name)
    seeds = kind.seeds()
    if name in MODULES["arrays"]:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    current, places = out / "current", counts.get_obj()  # the numbers without their lock
    while places[-1] < cases and time.perf_counter() < end:
        number = places[-1]
        rng = Random(seed << 64 | number)
        content = kind.damage(rng.choice(seeds), rng)
        signal.setitimer(signal.ITIMER_PROF, patience)  # at its end, the signal ends the process
        outcome = outcome_of(content, kind.read, current)
        if outcome not in OUTCOMES:
            (out / f"{name}-{seed}-{number}").write_bytes(content)
            if places[2] < SHOWN:
                click.echo(f"case {number}: {outcome}")
            outcome = "neither"
        places[OUTCOMES.index(outcome)] += 1
        places[-1] = number + 1
    current.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
