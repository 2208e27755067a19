"""`python -m benchmarks`: measure this package beside its peers."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import click
from tqdm import tqdm

from gluon_perceptual.files import atomic_path, write_json
from gluon_perceptual.workloads import matrix_product_peak

from . import arithmetic, loading
from .harness import measure
from .report import markdown, plot, row
from .suites import SUITES


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.argument("suites", nargs=-1, type=click.Choice([*SUITES, "loading", "arithmetic"]))
@click.option("--runs", type=click.IntRange(2), default=5, help="Runs of each contender, by turns.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs/benchmarks"), help="Folder of the results.")
def main(suites: tuple[str, ...], runs: int, out: Path) -> None:
    """Measure SUITES, or all of them, and write results.json, table.md and ratios.png.

    Contenders work by turns, in processes of their own. Let nothing else run meanwhile.
    """
    out.mkdir(parents=True, exist_ok=True)
    chosen = suites or (*SUITES, "loading", "arithmetic")
    peak = matrix_product_peak()
    works = [work for name in chosen if name in SUITES for work in SUITES[name]()]
    rows = []
    for work in tqdm(works, dynamic_ncols=True):
        rows.append(row(work, measure(work.contenders, work.parts or runs, work.cores), peak))
        write_json(out / "results.json", {"machine": platform.processor(), "peak": peak, "rows": rows})
        tqdm.write(markdown(rows[-1:], peak).splitlines()[-1])
    text = markdown(rows, peak) if rows else ""
    if "loading" in chosen:
        text += "\n" + json.dumps(loading.waiting(), indent=2) + "\n"
    if "arithmetic" in chosen:
        text += "\n" + arithmetic.tables()
    with atomic_path(out / "table.md") as path:
        path.write_text(text, encoding="utf-8")
    if rows:
        plot(rows, out / "ratios.png")
    click.echo(text)


if __name__ == "__main__":
    main()
