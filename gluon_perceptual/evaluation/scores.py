"""The results for enlarged photos: rows of scores, their means, and how they are shown."""

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
    """Scores of one enlarged photo against the true one.

    psnr (dB) and ssim on Y of BT.601 with a border of `scale` pixels shaved; relu2_2 and relu4_3: mean squared
    distance of the loss network's activations; ciede2000: mean color error; grid: energy at the frequencies of the
    upsampling grid relative to those around (1: no grid, see `metrics.grid_energy`); weave, worst_weave: fine waves
    where the truth is smooth, in gray levels, the mean and that of the worst tenth (see `spectrum.Weave`); st_lpips:
    see `stlpips`. axial, diagonal: power in smooth blocks less that of the truth, by frequency (`spectrum.Weave`).

    What could not be measured is nan: the weave where nothing is smooth, ST-LPIPS where it is not installed.
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
    """Return the mean row of each method over what could be measured, in the order of first appearance."""
    averages = []
    for name in dict.fromkeys(row.method for row in rows):
        own = [row for row in rows if row.method == name]
        scores = {field: mean([getattr(row, field) for row in own]) for field in SCORES}
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
    """Return a score with its usual number of digits; "-" where it could not be measured."""
    value = getattr(row, score)
    return "-" if math.isnan(value) else format(value, FORMATS[score])


def as_json(rows: Sequence[Row]) -> list[dict[str, Json]]:
    """Return rows as JSON can hold them: nan, and the infinite PSNR of equal pictures, become None."""

    def finite(value: Json) -> Json:
        if isinstance(value, tuple):
            return list(map(finite, value))
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return [{name: finite(value) for name, value in asdict(row).items()} for row in rows]
