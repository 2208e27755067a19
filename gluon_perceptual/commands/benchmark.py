"""`benchmark`: what this machine does."""

from __future__ import annotations

from typing import Any

import click

from ._command import Command, gpus_option

SMALLEST = 32


def parse_sizes(context: click.Context, option: click.Parameter, text: str) -> tuple[int, ...]:
    """Return (256, 512) for "256,512"."""
    sizes = tuple(int(part) if part.strip().isdecimal() else 0 for part in text.split(","))
    if min(sizes) < SMALLEST:
        raise click.BadParameter(f"{text!r}: expected sides of at least {SMALLEST} pixels, such as 256,512")
    return sizes


@click.command(cls=Command)
@click.option("--runs", type=click.IntRange(1), default=3, help="Times that each is measured; the median counts.")
@click.option("--headline", is_flag=True, help="The paper's table: one pass beside Gatys et al.'s optimisation.")
@click.option(
    "--sizes", default="256,512,1024", metavar="N,...", callback=parse_sizes, help="Sides of the headline's pictures."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@gpus_option
def benchmark(runs: int, headline: bool, sizes: tuple[int, ...], as_json: bool, gpus: str | None) -> None:
    """Measure how fast this machine trains and runs the networks, in less than two minutes on two cores.

    A training step has a batch of 4 patches of 144×144, inference a picture of 256×256. The last column says what
    part of the speed of its best matrix product the machine reaches, counting the operations of the plain networks.
    """
    import json

    from tqdm import tqdm

    from .. import workloads
    from .._mxnet import devices, mxnet_errors

    ctx = devices(gpus)[0]
    if headline:
        print_headline(sizes, runs, as_json, ctx)
        return
    work = [(network, kind) for network in workloads.NETWORKS for kind in ("training", "inference")]
    with mxnet_errors("if it is for memory, close other programs"):
        peak = workloads.matrix_product_peak(ctx=ctx)
        rows = [workloads.measure(network, kind, runs, peak, ctx) for network, kind in tqdm(work, dynamic_ncols=True)]
    if as_json:
        click.echo(json.dumps({"device": str(ctx), "matrix_product_gflops": peak / 1e9, "rows": rows}, indent=2))
        return
    click.echo(f"{ctx}: matrix product {peak / 1e9:.0f} GFLOP/s")
    click.echo(f"{'network':8} {'work':10} {'seconds':>8} {'GFLOP/s':>8} {'of peak':>8}  which means")
    for row in rows:
        click.echo(
            f"{row['network']:8} {row['work']:10} {row['seconds']:8.3f} {row['gflops']:8.0f} "
            f"{row['of_peak']:8.0%}  {row['means']}"
        )


def print_headline(sizes: tuple[int, ...], runs: int, as_json: bool, ctx: Any) -> None:
    """Measure and print the paper's table."""
    import json

    from tqdm import tqdm

    from .. import headline
    from .._mxnet import mxnet_errors

    with mxnet_errors("if it is for memory, use smaller --sizes"):
        rows = [headline.speed_up(size, runs, ctx) for size in tqdm(sizes, dynamic_ncols=True)]
    if as_json:
        click.echo(json.dumps({"device": str(ctx), "rows": rows}, indent=2))
        return
    click.echo(f"{ctx}: Gatys et al.'s optimisation beside one pass (its steps are measured on five of them)")
    click.echo(headline.table(rows))
