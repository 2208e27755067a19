"""Measures how long work takes, and the machine's peak."""

from __future__ import annotations

import time
from typing import Callable

import numpy as np

from .._mxnet import Context, mx
from ..nets.fast import Conv2D
from ..nets.precision import computing_in
from .operations import inference_flop, training_flop
from .workloads import inference, training_step

LONG = 2.0  # seconds
PATIENCE = 6.0  # seconds after which a measurement is not repeated


def seconds(work: Callable[[], object]) -> float:
    """Return how long `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure(
    network: str, work: str, runs: int, peak: float, ctx: Context | None = None, precision: str = "float32"
) -> dict[str, str | float]:
    """Return the median seconds of `work`, "training" or "inference", its useful FLOP/s, and what users get."""
    prepare, flop = {"training": (training_step, training_flop), "inference": (inference, inference_flop)}[work]
    run = prepare(network, ctx=ctx, precision=precision)
    if seconds(run) < LONG:  # the first runs are slower; for long ones only the first
        run()
    times = [seconds(run)]
    while len(times) < runs and sum(times) < PATIENCE:
        times.append(seconds(run))
    median = float(np.median(times))
    speed = flop(network) / median
    means = f"{3600 / median:.0f} steps an hour" if work == "training" else f"{median / 0.065536:.1f} s a megapixel"
    return {
        "network": network,
        "work": work,
        "precision": precision,
        "seconds": median,
        "gflops": speed / 1e9,
        "of_peak": speed / peak,
        "means": means,
    }


def convolution_peak(
    side: int = 128, channels: int = 128, runs: int = 15, ctx: Context | None = None, precision: str = "float32"
) -> float:
    """Return the FLOP/s of a convolution that suits the machine: the peak for networks.

    The best of several runs of 3×3 filters between `channels` channels, on maps of `side`×`side`.
    """
    with computing_in(precision):
        layer = Conv2D(channels, 3, padding=1, in_channels=channels)
    layer.initialize(ctx=ctx or mx.cpu())
    layer.hybridize(static_alloc=True, static_shape=True)
    x = mx.nd.random.uniform(shape=(4, channels, side, side), ctx=ctx or mx.cpu())

    def work() -> None:
        layer(x).wait_to_read()

    work()
    return 2.0 * 9 * channels**2 * 4 * side**2 / min(seconds(work) for _ in range(runs))


def matrix_product_peak(size: int = 2048, runs: int = 15, ctx: Context | None = None) -> float:
    """Return the median FLOP/s of products of two float32 matrices of `size`×`size`: the machine's peak."""
    a = mx.nd.random.uniform(shape=(size, size), ctx=ctx or mx.cpu())

    def work() -> None:
        mx.nd.dot(a, a).wait_to_read()

    work()
    return 2 * size**3 / float(np.median([seconds(work) for _ in range(runs)]))
