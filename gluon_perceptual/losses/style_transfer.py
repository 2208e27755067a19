"""The loss of style transfer: style pictures, read and blended into Gram matrices, and the weights of its terms."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Mapping, Sequence

import numpy as np

from .._mxnet import Block, Context, NDArray, mx
from ..choices import Balance, VariationKind
from ..errors import UserError
from ..image.io import read_rgb, to_tensor
from ..image.resize import resize_longest_side
from .functional import gram_matrix
from .perceptual import PerceptualLoss
from .term import Term
from .terms import STYLE_WEIGHT, FeatureLoss, RangeLoss, StabilityLoss, StyleLoss, TotalVariationLoss

SMALLEST_STYLE = 32  # pixels a side: VGG's four poolings leave something of it


def read_style(path: Path, size: int = 0) -> np.ndarray:
    """Return a style picture (H, W, 3) uint8, its longer side scaled to `size` unless that is 0.

    If the shorter side would get too few pixels to have a style, both get more.

    Raises:
        UserError: It is not a picture, or too small to have a style.
    """
    picture = read_rgb(path)
    if min(picture.shape[:2]) < SMALLEST_STYLE:
        shape = "×".join(map(str, picture.shape[:2]))
        raise UserError(f"{path}: {shape} pixels are too few for a style; expected at least {SMALLEST_STYLE} per side")
    long, short = max(picture.shape[:2]), min(picture.shape[:2])
    return resize_longest_side(picture, max(size, math.ceil(SMALLEST_STYLE * long / short))) if size else picture


def check_blend(blend: Sequence[float], styles: Sequence[object]) -> None:
    """Raise UserError unless `blend` is empty or has a finite weight for each style, none negative, not all 0."""
    if blend and (len(blend) != len(styles) or min(blend) < 0 or not 0 < sum(blend) < math.inf):
        raise UserError(f"`blend`: expected a weight for each style picture, {len(styles)} in all, not all 0")


def blended_grams(
    network: Block, pictures: Sequence[np.ndarray], blend: Sequence[float] = (), ctx: Context | None = None
) -> dict[str, NDArray]:
    """Return the mean of the pictures' Gram matrices (1, C, C), weighted by `blend`, as targets of the style terms.

    Args:
        network: The loss network; its layers are those of the style terms.
        pictures: (H, W, 3) uint8 each, of any size.
        blend: A weight for each picture; empty: equal weights.
        ctx: Device.
    """
    weights = np.array(blend or [1.0] * len(pictures))
    grams: dict[str, NDArray] = {}
    for picture, weight in zip(pictures, weights / weights.sum()):
        maps = network(mx.nd.array(to_tensor(picture), ctx=ctx or mx.cpu()))
        for layer, features in zip(network.layers, maps):
            name, gram = StyleLoss(layer).name, weight * gram_matrix(mx.nd, features)
            grams[name] = grams[name] + gram if name in grams else gram
    return grams


def style_weights(
    layers: Sequence[str], grams: dict[str, NDArray], weight: float = STYLE_WEIGHT, balance: Balance = "norm"
) -> dict[str, float]:
    """Return the weight of each layer's style loss, the paper's squared Frobenius norm ‖G − A‖² for Gram matrices.

    That norm differs by 10⁴ between layers: relu4_3's features are small. Divided by the number of entries, as in the
    paper's released code, relu4_3 contributes 1/10,000 of the sum, and a network learns only colors and the finest
    strokes; divided by the style's own norm, each layer counts by its relative error, and shapes are learned, too.

    Args:
        layers: Where style is compared.
        grams: The style's Gram matrices A by term, see `blended_grams`.
        weight: Cost of a relative error ‖G − A‖² / ‖A‖² of 1 in a layer, compared with a feature loss of weight 1; for
            "entries", cost of a mean squared difference of Gram entries of 1.
        balance: "norm" or "entries": the weight is divided by ‖A‖² or C².
    """
    sizes = {}
    for layer in layers:
        gram = grams[StyleLoss(layer).name]
        sizes[layer] = float(gram.size if balance == "entries" else gram.square().sum().asscalar())
    return {layer: weight / size for layer, size in sizes.items()}


def style_transfer_loss(
    network: Block,
    content: Mapping[str, float],
    style: Mapping[str, float],
    tv: float = 0.0,
    stability: float = 0.0,
    within_range: float = 0.0,
    tv_kind: VariationKind = "paper",
) -> PerceptualLoss:
    """Return the loss of style transfer (paper, equation 5): content, style and total variation, weighted.

    Args:
        network: The loss network; it has the layers of both losses.
        content: Weight of the feature loss by layer.
        style: Weight of the style loss by layer, see `style_weights`.
        tv: Weight of the total variation.
        stability: Weight of the stability loss, which is not in the paper.
        within_range: Weight of the range loss, which is not in the paper.
        tv_kind: See `TotalVariationLoss`; "isotropic" is against speckles, which style losses reward.
    """
    weights: dict[Term, float] = {FeatureLoss(layer): weight for layer, weight in content.items()}
    weights.update({StyleLoss(layer): weight for layer, weight in style.items()})
    others = {StabilityLoss(): stability, TotalVariationLoss(tv_kind): tv, RangeLoss(): within_range}
    return PerceptualLoss({**weights, **others}, network)
