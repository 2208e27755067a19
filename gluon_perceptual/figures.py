"""Plots and figures; the only module that uses matplotlib."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Callable, Sequence

import numpy as np
from PIL import Image

from .errors import UserError
from .files import write_bytes
from .image.color import to_space
from .image.distinct import unmasked_pixels
from .image.formats import SUFFIXES, format_for
from .image.histogram import match_images
from .image.io import Picture, write_picture

Figure = Any  # type: ignore[explicit-any]  # matplotlib's, which is imported only when it is needed
Axes = Any  # type: ignore[explicit-any]
DPI = 100
DRAWN = (".png", ".pdf", ".svg")  # files that matplotlib writes; others are written like any picture


def new_figure(width: float, height: float) -> Figure:
    """Return an empty matplotlib figure without a window; sizes in inches."""
    from matplotlib import figure

    return figure.Figure(figsize=(width, height), dpi=DPI, layout="constrained")


def save_figure(figure: Figure, path: Path, quality: int | None = None) -> None:
    """Write a figure in the format of the path's suffix, completely or not at all; `quality`: see `write_picture`."""
    check_figure_path(path)
    file, suffix = io.BytesIO(), path.suffix.lower()
    figure.savefig(file, format=suffix[1:] if suffix in DRAWN else "png")
    if suffix in DRAWN:
        write_bytes(path, file.getvalue())
    else:
        write_picture(path, Picture(np.array(Image.open(file).convert("RGB"))), quality)


def check_figure_path(path: Path) -> None:
    """Raise UserError if `save_figure` does not write files with the path's suffix: pictures, PDF and SVG."""
    suffix, known = path.suffix.lower(), dict.fromkeys((*DRAWN, *SUFFIXES))
    if suffix not in known:
        raise UserError(f"{path}: figures cannot be {path.suffix!r}; expected one of {' '.join(known)}")
    if suffix not in DRAWN:
        format_for(path)


def comparison_figure(titles: Sequence[str], rows: Sequence[Sequence[np.ndarray]]) -> Figure:
    """Return the blog's figure: a column for each title, in each row pictures (H, W, 3) uint8 of the same scene.

    Smaller pictures are shown at the size of the largest, their pixels visible.
    """
    side = 2.6
    pixels = DPI * side
    heights = [side * max(picture.shape[0] / picture.shape[1] for picture in row) for row in rows]
    figure = new_figure(side * len(titles), sum(heights) + 0.3)
    axes = figure.subplots(len(rows), len(titles), squeeze=False, gridspec_kw={"height_ratios": heights})
    for row, pictures in zip(axes, rows):
        for axis, picture in zip(row, pictures):
            axis.imshow(picture, interpolation="nearest" if max(picture.shape) < pixels else "antialiased")
            axis.set_axis_off()
    for axis, title in zip(axes[0], titles):
        axis.set_title(title.replace("$", r"\$"), fontsize=10)
    return figure


def blog_figure(upscale: Callable[[np.ndarray], np.ndarray], pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Return the blog's four columns for pairs (low, true) of pictures: input, output, matched output, ground truth."""
    rows = []
    for low, truth in pairs:
        output = upscale(low)
        rows.append([low, output, match_images(output, low), truth])
    return comparison_figure(["input", "output", "histogram matched", "ground truth"], rows)


def loss_figure(log: Sequence[dict[str, float]], validation: Sequence[dict[str, float]] = ()) -> Figure:
    """Return the plot of a run: every term over the steps, raw and smoothed, and the learning rate if it is logged.

    Args:
        log: Lines of `log.jsonl`; those of skipped steps are left out.
        validation: Lines of `validation.jsonl`, shown as dots.
    """
    log = [line for line in log if "skipped" not in line]
    known = ("step", "learning_rate", "images_per_second", "seconds_waiting")
    terms = [name for name in log[0] if name not in known] if log else []
    rows = max(1, len(terms)) + ("learning_rate" in log[0] if log else 0)
    figure = new_figure(7, 2.2 * rows)
    axes = figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]
    for axis, name in zip(axes, terms):
        steps, values = _series(log, name)
        axis.plot(steps, values, color="0.8", linewidth=0.8, label="each step")
        axis.plot(steps, smoothed(values), color="C0", label="smoothed")
        held_out = _series(validation, name)
        if len(held_out[0]):
            axis.plot(*held_out, "C3.", label="held out")
        axis.set_ylabel(name)
        axis.legend(fontsize=8)
        if len(values) and values.min() > 0 and values.max() > 20 * values.min():
            axis.set_yscale("log")
    if rows > len(terms):
        axes[-1].plot(*_series(log, "learning_rate"), color="C1")
        axes[-1].set_ylabel("learning rate")
    axes[-1].set_xlabel("step")
    return figure


def _series(lines: Sequence[dict[str, float]], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the steps that have a value, and the values."""
    found = [(line["step"], line[name]) for line in lines if line.get(name) is not None]
    steps, values = np.array(found, float).reshape(-1, 2).T
    return steps, values


def smoothed(values: np.ndarray, fraction: float = 0.05) -> np.ndarray:
    """Return the mean over a window around each value: `fraction` of all, shorter at the ends."""
    half = max(1, int(len(values) * fraction / 2))
    sums = np.concatenate([[0.0], np.cumsum(values)])
    first = np.maximum(np.arange(len(values)) - half, 0)
    last = np.minimum(np.arange(len(values)) + half + 1, len(values))
    return (sums[last] - sums[first]) / (last - first)


def scores_figure(names: Sequence[str], methods: Sequence[str], values: np.ndarray) -> Figure:
    """Return bars: a plot for each score, a bar for each method; `values` are (methods, scores)."""
    columns = 3
    lines = -(-len(names) // columns)
    figure = new_figure(3.2 * columns, (1.0 + 0.3 * len(methods)) * lines)
    axes = figure.subplots(lines, columns, squeeze=False).ravel()
    labels = [method.replace("$", r"\$") for method in methods]  # no mathematics
    for axis, name, column in zip(axes, names, np.asarray(values).T):
        bars = axis.barh(labels, column, color=[f"C{index}" for index in range(len(methods))])
        axis.bar_label(bars, fmt="%.5g", padding=2, fontsize=8)
        axis.invert_yaxis()
        axis.margins(x=0.4)
        axis.set_title(name, fontsize=10)
    for axis in axes[len(names) :]:
        axis.set_axis_off()
    return figure


def histogram_figure(
    source: np.ndarray,
    reference: np.ndarray,
    matched: np.ndarray,
    color_space: str = "RGB",
    bands: Sequence[int] = (1, 2, 3),
) -> Figure:
    """Return rio-hist's figure: the pictures and, for each band that was matched, their histograms and CDFs.

    Args:
        source: (H, W, 3) sRGB or (H, W) gray, uint8 or uint16. Masked pixels are white and do not count.
        reference: Likewise; its size may differ, as may that of `matched`.
        matched: `source` after matching.
        color_space: Where colors were matched, a `choices.ColorSpace`.
        bands: Which of its bands were matched.
    """
    pictures = {"source": _thinned(source), "reference": _thinned(reference), "matched": _thinned(matched)}
    bands = (1,) if source.ndim == 2 else bands
    figure = new_figure(10, 3 + 2 * len(bands))
    top, below = figure.subfigures(2, 1, height_ratios=[3, 2 * len(bands)])
    for axis, (name, picture) in zip(top.subplots(1, 3), pictures.items()):
        axis.imshow(np.ma.filled(picture, 1), cmap="gray", vmin=0, vmax=1)
        axis.set_title(name)
        axis.set_axis_off()
    values = {name: _values_in(picture, color_space) for name, picture in pictures.items()}
    for (histogram, cdf), band in zip(below.subplots(len(bands), 2, squeeze=False), bands):
        _draw_distributions(histogram, cdf, {name: array[:, band - 1] for name, array in values.items()})
        label = "gray" if source.ndim == 2 else color_space.upper()[band - 1]
        histogram.set(xlabel=label, ylabel="share of pixels")
        cdf.set(xlabel=label, ylabel="cumulative share")
    return figure


def _thinned(picture: np.ndarray) -> np.ndarray:
    """Return every n-th pixel, at most 1000 a side, as floats in [0, 1]."""
    step = -(-max(picture.shape) // 1000)
    return picture[::step, ::step] / np.iinfo(picture.dtype).max


def _values_in(picture: np.ndarray, color_space: str) -> np.ndarray:
    """Return the unmasked pixels as (N, 3) values of the space, or (N, 1) of a gray picture."""
    if picture.ndim == 2:
        return np.ma.compressed(picture)[:, np.newaxis]
    return to_space(np.ma.getdata(picture)[unmasked_pixels(picture)], color_space)


def _draw_distributions(histogram: Axes, cdf: Axes, values: dict[str, np.ndarray]) -> None:
    """Draw the histogram and the CDF of each of the named values, (N,), the last one dashed above the others."""
    edges = np.histogram_bin_edges(np.concatenate(list(values.values())), bins=64)
    for (name, array), color, style in zip(values.items(), ("C0", "C1", "k"), ("-", "-", "--")):
        shares = np.histogram(array, edges)[0] / max(1, array.size)
        histogram.stairs(shares, edges, label=name, color=color, linestyle=style)
        cdf.plot(edges, np.append(0, np.cumsum(shares)), label=name, color=color, linestyle=style)
    cdf.legend(loc="lower right")
