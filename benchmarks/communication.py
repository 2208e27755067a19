"""The cost of summing gradients on the parameter server on this machine: `python -m benchmarks.communication`.

For each number of workers and each model size, a cluster with one server is started on the loopback interface, and its
workers exchange arrays as in training: push, pull, wait. It prints the median of the exchanges, fits
`seconds = wait + workers · megabytes · slope`, and draws both.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click
import numpy as np

from .tables import markdown

WEIGHTS = 64 * 64 * 9  # parameters of a residual block's convolution
SIZES = {"one convolution": 1, "×2 network": 12, "style network": 46, "four times that": 184}
WORKERS = (1, 2, 3, 4)
EXCHANGES = 30


@click.group(invoke_without_command=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("communication.png"), help="The plot.")
@click.pass_context
def main(context: click.Context, out: Path) -> None:
    """Measure, print a table and draw it."""
    if context.invoked_subcommand:
        return
    rows = [measured(workers, name, arrays) for name, arrays in SIZES.items() for workers in WORKERS]
    slope, wait = fitted(rows)
    lines = []
    for row in rows:
        predicted = wait + slope * row["traffic"]
        times = (f"{1e3 * seconds:.1f}" for seconds in (row["seconds"], predicted))
        lines.append([row["name"], f"{row['megabytes']:.2f}", str(row["workers"]), *times])
    click.echo(markdown(("arrays of", "MB", "workers", "ms per exchange", "by the model"), lines))
    click.echo(f"\nmodel: {1e3 * wait:.1f} ms + {1e3 * slope:.2f} ms per MB and worker")
    draw(rows, slope, wait, out)


def measured(workers: int, name: str, arrays: int) -> dict[str, Any]:
    """Return a row of the table: the median seconds of an exchange in a cluster."""
    job = [sys.executable, "-m", "benchmarks.communication", "worker", str(arrays)]
    command = [sys.executable, "-m", "gluon_perceptual", "cluster", "-n", str(workers), *job]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    size, seconds = 4e-6 * WEIGHTS * arrays, max(json.loads(line) for line in done.stdout.splitlines())
    return {"name": name, "workers": workers, "megabytes": size, "traffic": workers * size, "seconds": seconds}


@main.command()
@click.argument("arrays", type=int)
def worker(arrays: int) -> None:
    """Exchange arrays with the other workers and print the median of the seconds."""
    from gluon_perceptual._mxnet import mx

    store = mx.kv.create("dist_sync")
    gradients = [mx.nd.random.normal(shape=WEIGHTS) for _ in range(arrays)]
    for key, gradient in enumerate(gradients):
        store.init(key, gradient)
    mx.nd.waitall()
    times = []
    for _ in range(EXCHANGES):
        start = time.perf_counter()
        for key, gradient in enumerate(gradients):
            store.push(key, gradient, priority=-key)
            store.pull(key, out=gradient, priority=-key)
        mx.nd.waitall()
        times.append(time.perf_counter() - start)
        for gradient in gradients:
            gradient[:] = 1.0
        mx.nd.waitall()
    click.echo(json.dumps(statistics.median(times)))


def fitted(rows: list[dict[str, Any]]) -> tuple[float, float]:
    """Return (seconds per megabyte and worker, fixed seconds), by least squares of the relative error."""
    seconds = np.array([row["seconds"] for row in rows])
    traffic = np.array([row["traffic"] for row in rows])
    design = np.stack([traffic, np.ones_like(traffic)], axis=1) / seconds[:, None]
    slope, wait = np.linalg.lstsq(design, np.ones_like(seconds), rcond=None)[0]
    return float(slope), float(wait)


def draw(rows: list[dict[str, Any]], slope: float, wait: float, path: Path) -> None:
    """Draw the measured times over the traffic, with the model's line."""
    from gluon_perceptual.figures import new_figure, save_figure

    figure = new_figure(6, 3.6)
    axes = figure.subplots()
    for name in SIZES:
        own = [row for row in rows if row["name"] == name]
        axes.plot([row["traffic"] for row in own], [1e3 * row["seconds"] for row in own], "o", label=name)
    line = np.geomspace(*(end([row["traffic"] for row in rows]) for end in (min, max)))
    axes.plot(line, 1e3 * (wait + slope * line), "k--", label="model")
    axes.set(xscale="log", yscale="log", xlabel="workers × MB", ylabel="ms per exchange")
    axes.legend()
    save_figure(figure, path)


if __name__ == "__main__":
    main()
