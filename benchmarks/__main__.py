"""`python -m benchmarks`: measure this package and its peers."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path

import click
from tqdm import tqdm

from gluon_perceptual import cpu
from gluon_perceptual.files import write_bytes, write_json
from gluon_perceptual.timing.measuring import matrix_product_peak

from . import arithmetic, loading
from .harness import measure
from .report import plot, row, table
from .suites import SUITES, works


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.argument("suites", nargs=-1, type=click.Choice([*SUITES, "loading", "arithmetic"]))
@click.option("--runs", type=click.IntRange(2), default=5, help="Runs of each contender, taken in turns.")
@click.option(
    "--precision",
    type=click.Choice(["float32", "bfloat16", "both"]),
    help="Of the networks.  [default: both where the processor computes in bfloat16, else float32]",
)
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs/benchmarks"), help="Folder of the results.")
def main(suites: tuple[str, ...], runs: int, precision: str | None, out: Path) -> None:
    """Measure SUITES, or all of them, and write results.json, table.md and ratios.png.

    Contenders take turns, each in its own process. Let nothing else run in the meantime.
    """
    out.mkdir(parents=True, exist_ok=True)
    chosen = suites or (*SUITES, "loading", "arithmetic")
    support = cpu.bfloat16_support()
    precision = precision or ("float32" if support == cpu.NONE else "both")
    precisions = ("float32", "bfloat16") if precision == "both" else (precision,)
    peak = matrix_product_peak()
    rows = []
    for work in tqdm([each for name in chosen if name in SUITES for each in works(name, precisions)]):
        rows.append(row(work, measure(work.contenders, work.parts or runs, work.cores), peak))
        write_json(out / "results.json", {"machine": machine(), "computes": support, "peak": peak, "rows": rows})
        tqdm.write(table(rows[-1:], peak).splitlines()[-1])
    text = table(rows, peak) if rows else ""
    if "loading" in chosen:
        text += "\n" + json.dumps(loading.waiting(), indent=2) + "\n"
    if "arithmetic" in chosen:
        text += "\n" + arithmetic.tables()
    write_bytes(out / "table.md", text.encode())
    if rows:
        plot(rows, out / "ratios.png")
    click.echo(text)


def machine() -> str:
    """Return the processor's name and the number of cores, as Linux reports them."""
    lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {len(os.sched_getaffinity(0))} cores"


if __name__ == "__main__":
    main()
