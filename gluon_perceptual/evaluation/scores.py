"""Scores of enlarged photos: rows, their means, tables and JSON."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Iterable, Sequence

import numpy as np

from ..files import Json

FORMATS = {
    "psnr": ".2f", "ssim": ".4f", "relu2_2": ".0f", "relu4_3": ".2f", "ciede2000": ".2f", "grid": ".2f",
    "weave": ".2f", "worst_weave": ".2f", "st_lpips": ".3f",
}  # fmt: skip
SCORES = tuple(FORMATS)


@dataclass(frozen=True)
class Row:
    """Scores of an enlarged photo compared with the true one; nan for what could not be measured.

    psnr (dB) and ssim are on Y of BT.601, without a border of `scale` pixels; relu2_2 and relu4_3: mean squared
    differences of the loss network's activations; ciede2000: mean color error; grid: see `metrics.grid_energy`; weave,
    worst_weave, axial, diagonal: see `spectrum.Weave`; st_lpips: see `stlpips`.
    """

    method: str
    photo: str
    psnr: float
    ssim: float
    relu2_2: float
    relu4_3: float
    ciede2000: float
    grid: float
    weave: float
    worst_weave: float
    st_lpips: float
    axial: tuple[float, ...] = ()
    diagonal: tuple[float, ...] = ()


def means(rows: Sequence[Row]) -> list[Row]:
    """Return the mean row of each method, in order of first appearance; nan values are left out of the means.

    So are photos on which any method's value is infinite, as the PSNR of a flat photo, unless that leaves none.
    """
    averages = []
    infinite = {field: {row.photo for row in rows if math.isinf(getattr(row, field))} for field in SCORES}
    whole = {row.photo for row in rows}
    left_out = {field: photos for field, photos in infinite.items() if photos != whole}
    for name in dict.fromkeys(row.method for row in rows):
        own = [row for row in rows if row.method == name]
        scores = {
            field: mean([getattr(row, field) for row in own if row.photo not in left_out.get(field, ())])
            for field in SCORES
        }
        axial, diagonal = (
            tuple(map(mean, zip(*spectra))) for spectra in zip(*((row.axial, row.diagonal) for row in own))
        )
        averages.append(Row(name, f"mean of {len(own)}", **scores, axial=axial, diagonal=diagonal))
    return averages


def mean(values: Iterable[float]) -> float:
    """Return the mean of the values that are not nan; nan if all are."""
    numbers = [value for value in values if not math.isnan(value)]
    return float(np.mean(numbers)) if numbers else float("nan")


def measured(rows: Sequence[Row]) -> list[str]:
    """Return the names of the scores that all rows have."""
    return [name for name in SCORES if not any(math.isnan(getattr(row, name)) for row in rows)]


def table(rows: Sequence[Row]) -> str:
    """Return rows as aligned text, one line each."""
    lines = [["method", "photo", *SCORES]]
    lines += [[row.method, row.photo, *(as_text(row, name) for name in SCORES)] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines)]
    cells = ([*map(str.ljust, line[:2], widths), *map(str.rjust, line[2:], widths[2:])] for line in lines)
    return "\n".join(map("  ".join, cells))


def as_text(row: Row, score: str) -> str:
    """Return a score with its usual number of digits, or "-" for nan."""
    value = getattr(row, score)
    return "-" if math.isnan(value) else format(value, FORMATS[score])


def as_json(rows: Sequence[Row]) -> list[dict[str, Json]]:
    """Return rows as JSON can hold them: nan, and the infinite PSNR of equal pictures, become None."""

    def finite(value: Json) -> Json:
        if isinstance(value, tuple):
            return list(map(finite, value))
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return [{name: finite(value) for name, value in asdict(row).items()} for row in rows]
