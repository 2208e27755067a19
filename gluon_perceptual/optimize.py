"""Optimizing pictures: Gatys et al.'s style transfer, the paper's baseline, and feature inversion (figure 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Sequence

import numpy as np

from ._mxnet import Context, NDArray, mx, mxnet_errors
from .choices import Optimizer, VariationKind, check_choice, of
from .errors import UserError
from .image.io import to_tensor
from .losses import FeatureLoss, PerceptualLoss, TotalVariationLoss
from .losses.style_transfer import blended_grams, style_transfer_loss, style_weights
from .losses.terms import STYLE_LAYERS, STYLE_WEIGHT
from .nets.vgg import LossNetwork

MEMORY = 20  # pairs of steps and gradients that L-BFGS remembers
SMALLEST = 16  # pixels a side: VGG's four poolings before relu5_1 leave one


@dataclass(frozen=True)
class Iterate:
    """An accepted step: its number (from 1), the terms of the loss and `loss`, their weighted sum, and the picture."""

    number: int
    terms: dict[str, float]
    picture: np.ndarray


class Objective:
    """The loss of a picture and its gradient, for SciPy.

    Args:
        loss: What is minimized.
        targets: What its terms compare the picture with, as for `loss.terms`.
        shape: Of the picture: (1, 3, H, W).
        ctx: Device.
    """

    def __init__(self, loss: PerceptualLoss, targets: dict[str, NDArray], shape: tuple[int, ...], ctx: Context) -> None:
        self.loss, self.targets, self.shape, self.ctx = loss, targets, shape, ctx
        self.loss.hybridize(static_alloc=True, static_shape=True)
        self.terms: dict[str, float] = {}

    def __call__(self, pixels: np.ndarray) -> tuple[float, np.ndarray]:
        """(3·H·W,) in [0, 255] -> the loss and its gradient, float64; `terms` has its parts."""
        with mxnet_errors("if memory ran out, use a smaller `size`"):
            picture = mx.nd.array(pixels.reshape(self.shape), ctx=self.ctx)
            picture.attach_grad()
            with mx.autograd.record():
                terms = self.loss.terms(picture, self.targets)
                total = self.loss.total(terms)
            total.backward()
            values = {name: float(value.asscalar()) for name, value in terms.items()}
            gradient = picture.grad.asnumpy().astype(np.float64).ravel()
        loss = sum(weight * values[name] for name, weight in self.loss.weights.items())
        self.terms = {**values, "loss": loss}
        return loss, gradient


def minimize(
    objective: Objective,
    start: np.ndarray,
    iterations: int,
    optimizer: Optimizer = "lbfgs",
    learning_rate: float = 5.0,
    watch: Callable[[Iterate], None] = lambda iterate: None,
) -> np.ndarray:
    """Return the picture (1, 3, H, W) in [0, 255] that minimizes the objective.

    Args:
        objective: What is minimized.
        start: (1, 3, H, W).
        iterations: Most accepted steps; L-BFGS ends earlier if it finds no lower loss.
        optimizer: "lbfgs", L-BFGS with bounds as in the paper, or "adam".
        learning_rate: Adam's, in gray levels.
        watch: Called with each accepted step.

    Raises:
        UserError: The optimizer is unknown.
    """
    check_choice("optimizer", optimizer, of(Optimizer))
    if optimizer == "adam":
        return _adam(objective, start, iterations, learning_rate, watch)
    return _lbfgs(objective, start, iterations, watch)


def _lbfgs(objective: Objective, start: np.ndarray, iterations: int, watch: Callable[[Iterate], None]) -> np.ndarray:
    from scipy.optimize import Bounds
    from scipy.optimize import minimize as scipy_minimize

    number = 0

    def accepted(pixels: np.ndarray) -> None:
        nonlocal number
        number += 1
        watch(Iterate(number, dict(objective.terms), pixels.reshape(objective.shape).astype(np.float32)))

    found = scipy_minimize(
        objective,
        start.astype(np.float64).ravel(),
        jac=True,
        method="L-BFGS-B",
        bounds=Bounds(0.0, 255.0),
        callback=accepted,
        options={"maxiter": iterations, "maxfun": 20 * iterations, "maxcor": MEMORY, "ftol": 0.0, "gtol": 0.0},
    )
    return found.x.reshape(objective.shape).astype(np.float32)


def _adam(
    objective: Objective, start: np.ndarray, iterations: int, rate: float, watch: Callable[[Iterate], None]
) -> np.ndarray:
    adam = mx.optimizer.Adam(learning_rate=rate)
    picture = mx.nd.array(start)
    state = adam.create_state(0, picture)
    for number in range(1, iterations + 1):
        _, gradient = objective(picture.asnumpy())
        watch(Iterate(number, dict(objective.terms), picture.asnumpy()))
        adam.update(0, picture, mx.nd.array(gradient.reshape(objective.shape)), state)
        picture = picture.clip(0, 255)
    return picture.asnumpy()


def style_objective(
    content: np.ndarray,
    styles: Sequence[np.ndarray],
    blend: Sequence[float] = (),
    style_weight: float = STYLE_WEIGHT,
    content_weight: float = 1.0,
    tv: float = 1e-6,
    content_layer: str = "relu2_2",
    style_layers: Sequence[str] = STYLE_LAYERS,
    vgg: str = "shipped",
    ctx: Context | None = None,
    tv_kind: VariationKind = "paper",
) -> Objective:
    """Return the objective of Gatys et al. (2015), with the paper's layers and, unless chosen, its total variation.

    Args:
        content: (H, W, 3) uint8.
        styles: (h, w, 3) uint8, of any sizes.
        blend: See `style_transfer.blended_grams`.
        style_weight: See `style_transfer.style_weights`.
        content_weight: Weight of the feature loss on `content_layer`.
        tv: Weight of the total variation.
        content_layer: VGG layer whose features are compared.
        style_layers: VGG layers whose Gram matrices are compared.
        vgg: See `LossNetwork.pretrained`.
        ctx: Device; None for the CPU.
        tv_kind: See `style_transfer.style_transfer_loss`.

    Raises:
        UserError: A side of the content is under 16 pixels, or a layer is unknown.
    """
    ctx = ctx or mx.cpu()
    layers = tuple(dict.fromkeys((*style_layers, content_layer)))
    network = LossNetwork.pretrained(layers, vgg, ctx)
    grams = blended_grams(network, styles, blend, ctx)
    style = style_weights(style_layers, grams, style_weight)
    loss = style_transfer_loss(network, {content_layer: content_weight}, style, tv, tv_kind=tv_kind)
    picture = _tensor_of(content)
    targets = {**loss.targets(mx.nd.array(picture, ctx=ctx)), **grams}
    return Objective(loss, targets, picture.shape, ctx)


def inversion_objective(
    image: np.ndarray, layer: str, tv: float = 1e-6, vgg: str = "shipped", ctx: Context | None = None
) -> Objective:
    """Return the objective of a picture with the features of `image`, (H, W, 3) uint8, at `layer` (paper, figure 3)."""
    ctx = ctx or mx.cpu()
    network = LossNetwork.pretrained((layer,), vgg, ctx)
    loss = PerceptualLoss({FeatureLoss(layer): 1.0, TotalVariationLoss(): tv}, network)
    picture = _tensor_of(image)
    return Objective(loss, loss.targets(mx.nd.array(picture, ctx=ctx)), picture.shape, ctx)


def _tensor_of(image: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 -> (1, 3, H, W)."""
    height, width = image.shape[:2]
    if min(height, width) < SMALLEST:
        raise UserError(
            f"a picture of {height}×{width} pixels: VGG needs at least {SMALLEST} a side; use a larger `size`"
        )
    return to_tensor(image)


def noise(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Return a start of uniform noise around mid-gray, in [102, 153]."""
    return np.random.default_rng(seed).uniform(102, 153, shape).astype(np.float32)
