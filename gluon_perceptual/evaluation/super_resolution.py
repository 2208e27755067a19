"""A model and photos in, a row of scores for each photo out."""

from __future__ import annotations

from typing import Callable, Sequence

import numpy as np

from .._mxnet import Block, mx
from ..choices import Degradation
from ..errors import UserError
from ..files import Json
from ..image.files import PictureFile
from ..image.io import read_rgb, to_tensor
from ..image.jpeg import compress
from ..image.resize import crop_to_multiple, degrade, imresize
from .metrics import color_error, grid_energy, luma_scores
from .scores import Row
from .spectrum import weave

DISTANCE_LAYERS = ("relu2_2", "relu4_3")
JPEG_GRID = 8  # period in pixels of JPEG's blocks
BLOCK = 512  # side of the blocks that the loss network sees at a time, which bounds its memory


Method = Callable[[np.ndarray], np.ndarray]
Distance = Callable[[np.ndarray, np.ndarray], float]


def perceptual_distances(
    loss_network: Block, pictures: Sequence[np.ndarray], truth: np.ndarray
) -> list[dict[str, float]]:
    """Return for each picture, by layer, the mean squared difference between its activations and the truth's.

    Args:
        loss_network: A `nets.vgg.LossNetwork`.
        pictures: (H, W, 3) uint8 RGB, processed in blocks of at most 512×512; the mean is weighted by their sizes.
        truth: Likewise.
    """
    height, width, _ = truth.shape
    totals, pixels = np.zeros((len(pictures), len(loss_network.layers))), 0
    for top in range(0, height, BLOCK):
        for left in range(0, width, BLOCK):
            block = np.s_[top : top + BLOCK, left : left + BLOCK]
            if min(truth[block].shape[:2]) < 16:  # a sliver of which pooling would leave nothing
                continue
            size = truth[block].size // 3
            wanted = loss_network(mx.nd.array(to_tensor(truth[block])))
            for total, picture in zip(totals, pictures):
                maps = loss_network(mx.nd.array(to_tensor(picture[block])))
                total += size * np.array([float((x - y).square().mean().asscalar()) for x, y in zip(maps, wanted)])
            pixels += size
    return [dict(zip(loss_network.layers, total / max(pixels, 1))) for total in totals]


def _pixel_scores(output: np.ndarray, truth: np.ndarray, scale: int) -> dict[str, Json]:
    psnr, ssim = luma_scores(output, truth, scale)
    found = weave(output, truth)
    return {
        "psnr": psnr,
        "ssim": ssim,
        "ciede2000": color_error(output, truth),
        "grid": grid_energy(output, grid_period(scale)),
        "weave": found.mean,
        "worst_weave": found.worst,
        "axial": tuple(found.axial.tolist()),
        "diagonal": tuple(found.diagonal.tolist()),
    }


def grid_period(scale: int) -> int:
    """Return the period, in pixels, of the grid that may show in a picture enlarged `scale` times."""
    return scale if scale > 1 else JPEG_GRID


def smallest_scored_side(scale: int) -> int:
    """Return the shortest side, in pixels, of a photo that can be scored: for SSIM, the grid's periods, ST-LPIPS."""
    return max(2 * scale + 18, 5 * grid_period(scale))


def evaluate(
    methods: dict[str, Method],
    photo: PictureFile,
    scale: int,
    loss_network: Block,
    sigma: float = 0.0,
    degradation: Degradation = "bicubic",
    jpeg: int | None = None,
    st_lpips: Distance | None = None,
) -> list[Row]:
    """Return a row for each method; the photo is the truth, its degraded version the input.

    Args:
        methods: By name: (h, w, 3) uint8 -> (scale·h, scale·w, 3) uint8.
        photo: File; cut to a multiple of `scale` at the bottom and right.
        scale: Integer factor.
        loss_network: `LossNetwork.pretrained(DISTANCE_LAYERS)`.
        sigma: Blur before shrinking; 0 by the benchmarks' protocol.
        degradation: As `method` of `image.resize.degrade`.
        jpeg: Quality at which the input is saved as JPEG and read again, or None.
        st_lpips: `stlpips.ShiftTolerantLpips()`, or None.

    Raises:
        UserError: The photo cannot be read, or is too small to be scored.
    """
    truth = crop_to_multiple(read_rgb(photo), scale)
    if min(truth.shape[:2]) < smallest_scored_side(scale):
        raise UserError(f"{photo}: {truth.shape[0]}×{truth.shape[1]} is too small to be scored")
    low = degrade(truth, scale, sigma, degradation)
    low = low if jpeg is None else compress(low, jpeg)
    outputs = [enlarge(low) for enlarge in methods.values()]
    distances = perceptual_distances(loss_network, outputs, truth)
    looks = [st_lpips(output, truth) if st_lpips else float("nan") for output in outputs]
    return [
        Row(name, photo.name, **{**_pixel_scores(output, truth, scale), **features, "st_lpips": look})
        for name, output, features, look in zip(methods, outputs, distances, looks)
    ]


def center_pair(
    photo: np.ndarray, scale: int, side: int, sigma: float = 0.0, degradation: Degradation = "bicubic"
) -> tuple[np.ndarray, np.ndarray]:
    """Return the middle of a photo in low and in full resolution, degraded together with its surroundings.

    Args:
        photo: (H, W, 3) uint8, at least `scale` pixels a side.
        scale: Integer factor between the two.
        side: Of the full-resolution part, in pixels; less where the photo is smaller.
        sigma: Blur before shrinking.
        degradation: As `method` of `image.resize.degrade`.
    """
    truth = crop_to_multiple(photo, scale)
    low = degrade(truth, scale, sigma, degradation)
    length = min(side, *truth.shape[:2]) // scale
    top, left = ((size - length) // 2 for size in low.shape[:2])
    rows, columns = slice(scale * top, scale * (top + length)), slice(scale * left, scale * (left + length))
    return low[top : top + length, left : left + length], truth[rows, columns]


def baseline(scale: int) -> dict[str, Method]:
    """Return by name what models are compared with: bicubic enlargement, or, at scale 1, the input itself."""
    return {"input" if scale == 1 else "bicubic": bicubic(scale)}


def bicubic(scale: int) -> Callable[[np.ndarray], np.ndarray]:
    """Return MATLAB's bicubic enlargement."""
    return lambda image: imresize(image, scale)
