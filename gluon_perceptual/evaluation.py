"""A model and photos in, a row of scores for each photo out."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Callable, Sequence

import numpy as np

from ._mxnet import mx
from .errors import UserError
from .image_files import PictureFile
from .images import read_rgb, to_tensor
from .jpeg import compress
from .metrics import color_error, grid_energy, luma_scores
from .resize import crop_to_multiple, degrade, imresize

DISTANCE_LAYERS = ("relu2_2", "relu4_3")
JPEG_GRID = 8  # period in pixels of JPEG's blocks
BLOCK = 512  # side of the blocks in which the loss network sees a picture, a bound on its memory


@dataclass(frozen=True)
class Row:
    """Scores of one enlarged photo against the true one.

    psnr (dB) and ssim on Y of BT.601 with a border of `scale` pixels shaved; relu2_2 and relu4_3: mean squared
    distance of the loss network's activations; ciede2000: mean colour error; grid: energy at the frequencies of the
    upsampling grid, at ×1 of JPEG's blocks, relative to those around (1: none, see `metrics.grid_energy`).
    """

    method: str
    photo: str
    psnr: float
    ssim: float
    relu2_2: float
    relu4_3: float
    ciede2000: float
    grid: float


Method = Callable[[np.ndarray], np.ndarray]
SCORES = tuple(field.name for field in fields(Row))[2:]


def perceptual_distances(
    loss_network: Any, pictures: Sequence[np.ndarray], truth: np.ndarray
) -> list[dict[str, float]]:
    """Return for each picture the mean squared differences of its activations from those of the truth, by layer.

    Args:
        loss_network: A `nets.vgg.LossNetwork`.
        pictures: (H, W, 3) uint8 RGB, looked at in blocks of at most 512×512, the mean weighted by their sizes.
        truth: Likewise.
    """
    height, width, _ = truth.shape
    totals, pixels = np.zeros((len(pictures), len(loss_network.layers))), 0
    for top in range(0, height, BLOCK):
        for left in range(0, width, BLOCK):
            block = np.s_[top : top + BLOCK, left : left + BLOCK]
            if min(truth[block].shape[:2]) < 16:  # a sliver that pooling would leave nothing of
                continue
            size = truth[block].size // 3
            wanted = loss_network(mx.nd.array(to_tensor(truth[block])))
            for total, picture in zip(totals, pictures):
                maps = loss_network(mx.nd.array(to_tensor(picture[block])))
                total += size * np.array([float((x - y).square().mean().asscalar()) for x, y in zip(maps, wanted)])
            pixels += size
    return [dict(zip(loss_network.layers, total / max(pixels, 1))) for total in totals]


def _pixel_scores(output: np.ndarray, truth: np.ndarray, scale: int) -> dict[str, float]:
    psnr, ssim = luma_scores(output, truth, scale)
    return {
        "psnr": psnr,
        "ssim": ssim,
        "ciede2000": color_error(output, truth),
        "grid": grid_energy(output, grid_period(scale)),
    }


def grid_period(scale: int) -> int:
    """Return the period in pixels of the grid that may show in a picture enlarged `scale` times."""
    return scale if scale > 1 else JPEG_GRID


def smallest_side(scale: int) -> int:
    """Return the side in pixels from which on a photo can be scored: SSIM's window, the grid's periods, pooling."""
    return max(2 * scale + 16, 5 * grid_period(scale))


def evaluate(
    methods: dict[str, Method],
    photo: PictureFile,
    scale: int,
    loss_network: Any,
    sigma: float = 0.0,
    degradation: str = "bicubic",
    jpeg: int | None = None,
) -> list[Row]:
    """Return a row for each method; the photo is the truth, its degraded version the input.

    Args:
        methods: By name: (h, w, 3) uint8 -> (scale·h, scale·w, 3) uint8.
        photo: File; cut to a multiple of `scale` at the bottom and right.
        scale: Integer factor.
        loss_network: `LossNetwork.pretrained(DISTANCE_LAYERS)`.
        sigma: Blur before shrinking; the benchmarks' protocol is none.
        degradation: As `method` of `resize.degrade`.
        jpeg: Quality of the JPEG file that the input then goes through, or None.

    Raises:
        UserError: The photo cannot be read, or is too small to be scored.
    """
    truth = crop_to_multiple(read_rgb(photo), scale)
    if min(truth.shape[:2]) < smallest_side(scale):
        raise UserError(f"{photo}: {truth.shape[0]}×{truth.shape[1]} is too small to be scored")
    low = degrade(truth, scale, sigma, degradation)
    low = low if jpeg is None else compress(low, jpeg)
    outputs = [enlarge(low) for enlarge in methods.values()]
    distances = perceptual_distances(loss_network, outputs, truth)
    return [
        Row(name, photo.name, **_pixel_scores(output, truth, scale), **features)
        for name, output, features in zip(methods, outputs, distances)
    ]


def centre_pair(
    photo: np.ndarray, scale: int, side: int, sigma: float = 0.0, degradation: str = "bicubic"
) -> tuple[np.ndarray, np.ndarray]:
    """Return the middle of a photo, low and true, degraded together with its surroundings.

    Args:
        photo: (H, W, 3) uint8, at least `scale` pixels a side.
        scale: Integer factor between the two.
        side: Of the true one in pixels, or less where the photo is smaller.
        sigma: Blur before shrinking.
        degradation: As `method` of `resize.degrade`.
    """
    truth = crop_to_multiple(photo, scale)
    low = degrade(truth, scale, sigma, degradation)
    length = min(side, *truth.shape[:2]) // scale
    top, left = ((size - length) // 2 for size in low.shape[:2])
    rows, columns = slice(scale * top, scale * (top + length)), slice(scale * left, scale * (left + length))
    return low[top : top + length, left : left + length], truth[rows, columns]


def bicubic(scale: int) -> Callable[[np.ndarray], np.ndarray]:
    """Return MATLAB's bicubic enlargement, the row to compare with."""
    return lambda image: imresize(image, scale)


def means(rows: Sequence[Row]) -> list[Row]:
    """Return the mean row of each method, in the order in which they first come."""
    averages = []
    for name in dict.fromkeys(row.method for row in rows):
        own = [row for row in rows if row.method == name]
        scores = {field: float(np.mean([getattr(row, field) for row in own])) for field in SCORES}
        averages.append(Row(name, f"mean of {len(own)}", **scores))
    return averages


def table(rows: Sequence[Row]) -> str:
    """Return rows as aligned text, a line each."""
    formats = {"psnr": ".2f", "ssim": ".4f", "relu2_2": ".0f", "relu4_3": ".2f", "ciede2000": ".2f", "grid": ".2f"}
    lines = [["method", "photo", *SCORES]]
    lines += [[row.method, row.photo, *(format(getattr(row, name), formats[name]) for name in SCORES)] for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            [
                line[0].ljust(widths[0]),
                line[1].ljust(widths[1]),
                *(c.rjust(w) for c, w in zip(line[2:], widths[2:])),
            ]
        )
        for line in lines
    )


def as_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return rows as what JSON can hold: the infinite PSNR of equal pictures is None."""
    return [{name: None if value == float("inf") else value for name, value in asdict(row).items()} for row in rows]
