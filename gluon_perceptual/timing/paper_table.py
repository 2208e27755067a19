"""The paper's table of speeds: one pass of the style network compared to Gatys et al.'s optimization."""

from __future__ import annotations

from typing import Sequence

import numpy as np

from .._mxnet import Context
from ..files import Json
from . import measuring, workloads

ITERATIONS = (100, 300, 500)
PUBLISHED = {256: (212, 636, 1060), 512: (205, 615, 1026), 1024: (208, 625, 1042)}  # the paper's, on a GPU
NETWORK = "style_instance"


def speed_up(size: int, runs: int = 3, ctx: Context | None = None) -> dict[str, Json]:
    """Measure a row: the seconds of a step of the optimization and of one pass, both medians, and their ratios.

    Args:
        size: Side of the picture in pixels.
        runs: Number of passes to measure.
        ctx: Device; None for the CPU.
    """
    step = workloads.optimization_seconds(size, ctx=ctx)
    run = workloads.inference(NETWORK, size, ctx=ctx)
    for _ in range(2):
        run()
    one_pass = float(np.median([measuring.seconds(run) for _ in range(runs)]))
    ratios = {str(count): count * step / one_pass for count in ITERATIONS}
    return {"size": size, "optimization_step": step, "one_pass": one_pass, "times_as_fast": ratios}


def table(rows: Sequence[dict[str, Json]]) -> str:
    """Return rows of `speed_up` as text, one line each, with the paper's ratios beside those measured."""
    head = f"{'size':>6} {'a step':>8} {'100 steps':>10} {'300':>8} {'500':>8} {'one pass':>9}"
    lines = [f"{head}  times as fast  (paper)"]
    for row in rows:
        step, size = row["optimization_step"], row["size"]
        ratios = " ".join(f"{row['times_as_fast'][str(count)]:.0f}" for count in ITERATIONS)
        paper = " ".join(map(str, PUBLISHED[size])) if size in PUBLISHED else "-"
        lines.append(
            f"{size:5}² {step:6.2f} s {100 * step:8.0f} s {300 * step:6.0f} s {500 * step:6.0f} s "
            f"{row['one_pass']:7.3f} s  {ratios}  ({paper})"
        )
    return "\n".join(lines)
