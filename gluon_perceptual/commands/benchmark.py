"""`benchmark`: speed of this machine."""

from __future__ import annotations

from typing import Any

import click

from ._command import Command
from ._console import show, show_json
from ._options import gpu_option, json_option, refuse

SMALLEST = 32


def parse_sizes(context: click.Context, option: click.Parameter, text: str) -> tuple[int, ...]:
    """Return (256, 512) for "256,512"."""
    sizes = tuple(int(part) if part.strip().isdecimal() and len(part) < 6 else 0 for part in text.split(","))
    if min(sizes) < SMALLEST:
        raise click.BadParameter(f"{text!r}: expected sides of at least {SMALLEST} pixels, such as 256,512")
    return sizes


@click.command(cls=Command)
@click.option("--runs", type=click.IntRange(1, 10000), default=3, help="Measurements of each; the median is shown.")
@click.option("--headline", is_flag=True, help="The paper's table: one pass compared to Gatys et al.'s optimization.")
@click.option(
    "--sizes",
    default="256,512,1024",
    metavar="N,...",
    callback=parse_sizes,
    help="Sides of the headline's pictures in pixels.",
)
@json_option
@gpu_option
def benchmark(runs: int, headline: bool, sizes: tuple[int, ...], as_json: bool, gpus: str | None) -> None:
    """Measure how fast this machine trains and runs the networks, in less than two minutes on two cores.

    A training step has a batch of 4 patches of 144×144, for styles of 256×256; inference a picture of 256×256. Both
    precisions are measured where the processor supports bfloat16. "of best" is the speed relative to that of a
    convolution which suits the processor, in the same precision: what is left to be gained.
    """
    from tqdm import tqdm

    from .. import cpu
    from .._mxnet import devices, inference_precision, mxnet_errors
    from ..timing import measuring

    ctx = devices(gpus)[0]
    if headline:
        print_headline(sizes, runs, as_json, ctx)
        return
    refuse(["sizes"], "--headline")
    support = cpu.bfloat16_support() if not gpus else cpu.NONE
    precisions = ("float32",) if support == cpu.NONE else ("float32", "bfloat16")
    work = [(network, kind, each) for network, kind in WORDS for each in precisions]
    with mxnet_errors("if memory ran out, close other programs"):
        peaks = {each: measuring.convolution_peak(ctx=ctx, precision=each) for each in precisions}
        rows = [
            measuring.measure(network, kind, runs, peaks[precision], ctx, precision)
            for network, kind, precision in tqdm(work, dynamic_ncols=True)
        ]
    enlarging, repainting = (inference_precision("auto", ctx, kind) for kind in ("super-resolution", "style"))
    if as_json:
        device = {
            "device": str(ctx),
            "computes": support,
            "auto": enlarging,
            "auto_style": repainting,
            "convolution_gflops": {each: peak / 1e9 for each, peak in peaks.items()},
        }
        show_json({**device, "rows": rows})
        return
    show(f"{ctx}: computes in {support}; --precision auto takes {enlarging} to enlarge, {repainting} to repaint")
    show(table(rows))


WORDS = {  # what is measured, as a user calls it
    ("sr2", "training"): "train_sr --arch paper",
    ("sr2", "inference"): "enlarge 2 times",
    ("sr4", "training"): "train_sr --arch paper --scale 4",
    ("sr4", "inference"): "enlarge 4 times",
    ("blog2", "training"): "train_sr --arch blog",
    ("blog2", "inference"): "enlarge 2 times, blog",
    ("style_instance", "training"): "train_style",
    ("style_instance", "inference"): "repaint",
}


def table(rows: list[dict[str, Any]]) -> str:
    """Return rows of `measuring.measure` as text with a header."""
    lines = [f"{'what':32} {'precision':9} {'seconds':>8} {'of best':>8}  which means"]
    for row in rows:
        words = WORDS[row["network"], row["work"]]
        lines.append(f"{words:32} {row['precision']:9} {row['seconds']:8.3f} {row['of_peak']:8.0%}  {row['means']}")
    return "\n".join(lines)


def print_headline(sizes: tuple[int, ...], runs: int, as_json: bool, ctx: Any) -> None:
    """Measure and print the paper's table."""
    from tqdm import tqdm

    from .._mxnet import mxnet_errors
    from ..timing import paper_table

    with mxnet_errors("if memory ran out, use smaller --sizes"):
        rows = [paper_table.speed_up(size, runs, ctx) for size in tqdm(sizes, dynamic_ncols=True)]
    if as_json:
        show_json({"device": str(ctx), "rows": rows})
        return
    show(f"{ctx}: Gatys et al.'s optimization beside one pass (its steps are measured on five of them)")
    show(paper_table.table(rows))
