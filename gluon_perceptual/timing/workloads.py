"""The work to measure: a training step, a network's pass, an iteration of the optimization."""

from __future__ import annotations

import time
from functools import partial
from typing import Callable

import numpy as np

from .._mxnet import Context, mx
from ..checkpoint.model import fold
from ..checkpoint.spec import ModelSpec
from ..image.io import to_tensor
from ..losses import FeatureLoss, PerceptualLoss, TotalVariationLoss
from ..losses.perceptual import Targets
from ..losses.style_transfer import blended_grams, style_transfer_loss, style_weights
from ..losses.terms import STYLE_LAYERS
from ..nets.instance_norm import fast_twin, for_single_pictures
from ..nets.pixels import PixelRangeAdapter
from ..nets.precision import Precision, as_precision, computing_in
from ..nets.vgg import LossNetwork
from ..optimize import minimize, style_objective
from ..training.step import TrainingStep
from ..training.style import style_targets

NETWORKS = {  # as in the paper and the blog
    "sr2": ModelSpec("SuperResolutionNet", {"scale": 2}),
    "sr4": ModelSpec("SuperResolutionNet", {"scale": 4}),
    "blog2": ModelSpec("PlsrNet", {}, max_value=1.0),
    "style_batch": ModelSpec("StyleNet", {"norm": "batch"}),
    "style_instance": ModelSpec("StyleNet", {"norm": "instance"}),
}
CONTENT_LAYER = "relu2_2"
TV_WEIGHT = 1e-4


def is_style(network: str) -> bool:
    """Return whether one of `NETWORKS` repaints pictures rather than enlarging them."""
    return NETWORKS[network].network == "StyleNet"


def training_size(network: str) -> int:
    """Return the side of the output in a training step in pixels, as in the blog, or for styles in the paper."""
    return 256 if is_style(network) else 144


def build(network: str, ctx: Context | None = None, precision: str | Precision = "float32") -> PixelRangeAdapter:
    """Return one of `NETWORKS` as a model with random weights that computes in `precision`."""
    model = NETWORKS[network].build(precision)
    model.net.initialize(mx.init.Xavier(), ctx=ctx or mx.cpu())
    model.mean.reset_ctx(ctx or mx.cpu())
    return model


def training_step(
    network: str, size: int | None = None, batch: int = 4, ctx: Context | None = None, precision: str = "float32"
) -> Callable[[], dict[str, float]]:
    """Return a function that does a training step and returns its terms: relu2_2 feature loss, total variation, Adam.

    For style networks the four style losses are added.

    Args:
        network: One of `NETWORKS`.
        size: Side of the output in pixels; None: `training_size`.
        batch: Pictures in a step.
        ctx: Device; None for the CPU.
        precision: Of the network and of the loss network.
    """
    ctx, size = ctx or mx.cpu(), size or training_size(network)
    model = build(network, ctx, precision)
    rng, low = np.random.default_rng(0), size // model.scale
    inputs = rng.uniform(0, 255, (batch, 3, low, low)).astype(np.float32)
    references = inputs if is_style(network) else rng.uniform(0, 255, (batch, 3, size, size)).astype(np.float32)
    with computing_in(precision):
        loss, targets = (_style_loss if is_style(network) else _feature_loss)(size, ctx)
    trained = fast_twin(model.net, batch, ctx)
    for block in (trained, loss):
        block.hybridize(static_alloc=True, static_shape=True)
    trainer = mx.gluon.Trainer(
        model.net.collect_params(), "adam", {"learning_rate": 1e-3}, kvstore="local", update_on_kvstore=False
    )
    step = TrainingStep(trained, loss, targets, trainer, [ctx])
    return partial(step, inputs, references)


def _feature_loss(size: int, ctx: Context) -> tuple[PerceptualLoss, Targets]:
    network = LossNetwork.pretrained((CONTENT_LAYER,), ctx=ctx)
    loss = PerceptualLoss({FeatureLoss(CONTENT_LAYER): 1.0, TotalVariationLoss("blog"): TV_WEIGHT}, network)
    return loss, loss.targets


def _style_loss(size: int, ctx: Context) -> tuple[PerceptualLoss, Targets]:
    network = LossNetwork.pretrained(STYLE_LAYERS, ctx=ctx)
    style = np.random.default_rng(1).integers(0, 256, (size, size, 3), np.uint8)
    grams = blended_grams(network, [style], ctx=ctx)
    loss = style_transfer_loss(network, {CONTENT_LAYER: 1.0}, style_weights(STYLE_LAYERS, grams), TV_WEIGHT)
    return loss, style_targets(CONTENT_LAYER, grams, [ctx])


def inference(
    network: str, size: int = 256, batch: int = 1, ctx: Context | None = None, precision: str = "float32"
) -> Callable[[], None]:
    """Return a function that runs a network on `batch` pictures of `size`×`size` (styles: one), as in normal use."""
    model = for_use(network, ctx, precision)
    run = for_single_pictures(model.net, ctx) if is_style(network) else model
    x = mx.nd.random.uniform(0, 255, shape=(batch, 3, size, size), ctx=ctx or mx.cpu())
    return lambda: run(x).wait_to_read()


def for_use(network: str, ctx: Context | None = None, precision: str = "float32") -> PixelRangeAdapter:
    """Return a network in the form in which it is loaded for inference."""
    used = as_precision(precision).for_inference()
    model = fold(build(network, ctx, used), NETWORKS[network], ctx, used)
    model.hybridize(static_alloc=True, static_shape=True)
    return model


def optimization_seconds(size: int, iterations: int = 5, ctx: Context | None = None) -> float:
    """Return the median seconds of an accepted step of L-BFGS in Gatys et al.'s style transfer at `size`×`size`."""
    rng = np.random.default_rng(0)
    content, style = rng.integers(0, 256, (2, size, size, 3), np.uint8)
    objective = style_objective(content, [style], ctx=ctx)
    times = []
    minimize(objective, to_tensor(content), iterations + 1, watch=lambda _: times.append(time.perf_counter()))
    return float(np.median(np.diff(times)))
