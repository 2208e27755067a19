"""The paper's table of speeds: one pass of the style network beside Gatys et al.'s optimisation."""

from __future__ import annotations

import json
from typing import Any, Sequence

import click
import numpy as np
from tqdm import tqdm

from .. import workloads
from .._mxnet import mxnet_errors

ITERATIONS = (100, 300, 500)
PUBLISHED = {256: (212, 636, 1060), 512: (205, 615, 1026), 1024: (208, 625, 1042)}  # the paper's, on a GPU
NETWORK = "style_instance"


def measure(size: int, runs: int, ctx: Any) -> dict[str, Any]:
    """Return the seconds of a step of the optimisation and of one pass, both medians, and their ratios."""
    step = workloads.optimization_seconds(size, ctx=ctx)
    run = workloads.inference(NETWORK, size, ctx=ctx)
    for _ in range(2):
        run()
    one_pass = float(np.median([workloads.seconds(run) for _ in range(runs)]))
    ratios = {str(count): count * step / one_pass for count in ITERATIONS}
    return {"size": size, "optimization_step": step, "one_pass": one_pass, "times_as_fast": ratios}


def print_headline(sizes: Sequence[int], runs: int, as_json: bool, ctx: Any) -> None:
    """Measure and print the table."""
    with mxnet_errors("if it is for memory, use smaller --sizes"):
        rows = [measure(size, runs, ctx) for size in tqdm(sizes, dynamic_ncols=True)]
    if as_json:
        click.echo(json.dumps({"device": str(ctx), "rows": rows}, indent=2))
        return
    click.echo(f"{ctx}: Gatys et al.'s optimisation beside one pass (its steps are measured on five of them)")
    click.echo(
        f"{'size':>6} {'a step':>8} {'100 steps':>10} {'300':>8} {'500':>8} {'one pass':>9}  times as fast  (paper)"
    )
    for row in rows:
        step, size = row["optimization_step"], row["size"]
        ratios = " ".join(f"{row['times_as_fast'][str(count)]:.0f}" for count in ITERATIONS)
        paper = " ".join(map(str, PUBLISHED[size])) if size in PUBLISHED else "-"
        click.echo(
            f"{size:5}² {step:6.2f} s {100 * step:8.0f} s {300 * step:6.0f} s {500 * step:6.0f} s "
            f"{row['one_pass']:7.3f} s  {ratios}  ({paper})"
        )
