"""The work that is measured: a training step, a network's pass, a matrix product, and how many operations they take."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import Any, Callable

import numpy as np

from .._mxnet import mx
from .._mxnet.gluon import leaves
from ..checkpoint.model import ModelSpec, fold
from ..image.io import to_tensor
from ..losses import FeatureLoss, PerceptualLoss, TotalVariationLoss
from ..nets.fast import Conv2D
from ..nets.instance_norm import fast_twin, for_single_pictures
from ..nets.precision import computing_in
from ..nets.vgg import LossNetwork
from ..optimize import minimize, style_objective
from ..styles import STYLE_LAYERS, blended_grams, style_transfer_loss, style_weights
from ..training.step import TrainingStep

nn: Any = mx.gluon.nn

NETWORKS = {  # as the paper and the blog have them
    "sr2": ModelSpec("SuperResolutionNet", {"scale": 2}),
    "sr4": ModelSpec("SuperResolutionNet", {"scale": 4}),
    "blog2": ModelSpec("PlsrNet", {}, max_value=1.0),
    "style_batch": ModelSpec("StyleNet", {"norm": "batch"}),
    "style_instance": ModelSpec("StyleNet", {"norm": "instance"}),
}
CONTENT_LAYER = "relu2_2"
TV_WEIGHT = 1e-4
LONG = 2.0  # seconds
PATIENCE = 6.0  # seconds, after which what is measured is not run once more
SMALL = 32  # pixels a side: enough to count operations that grow with the pixels


def is_style(network: str) -> bool:
    """Whether one of `NETWORKS` repaints pictures rather than enlarging them."""
    return NETWORKS[network].network == "StyleNet"


def training_size(network: str) -> int:
    """Return the side of the output in a training step, in pixels: as in the blog, and for styles in the paper."""
    return 256 if is_style(network) else 144


def build(network: str, ctx: Any = None, precision: str = "float32") -> Any:
    """Return one of `NETWORKS` as a model with random weights that computes in `precision`."""
    model = NETWORKS[network].build(precision)
    model.net.initialize(mx.init.Xavier(), ctx=ctx or mx.cpu())
    model.mean.reset_ctx(ctx or mx.cpu())
    return model


def training_step(
    network: str, size: int | None = None, batch: int = 4, ctx: Any = None, precision: str = "float32"
) -> Callable[[], None]:
    """Return a function that does a training step: relu2_2 feature loss and total variation, Adam.

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
    return lambda: void(step(inputs, references))


def _feature_loss(size: int, ctx: Any) -> tuple[PerceptualLoss, Callable[[Any], dict[str, Any]]]:
    network = LossNetwork.pretrained((CONTENT_LAYER,), ctx=ctx)
    loss = PerceptualLoss({FeatureLoss(CONTENT_LAYER): 1.0, TotalVariationLoss("blog"): TV_WEIGHT}, network)
    return loss, loss.targets


def _style_loss(size: int, ctx: Any) -> tuple[PerceptualLoss, Callable[[Any], dict[str, Any]]]:
    network = LossNetwork.pretrained(STYLE_LAYERS, ctx=ctx)
    content = LossNetwork.pretrained((CONTENT_LAYER,), ctx=ctx)
    content.hybridize(static_alloc=True, static_shape=True)
    style = np.random.default_rng(1).integers(0, 256, (size, size, 3), np.uint8)
    grams = blended_grams(network, [style], ctx=ctx)
    loss = style_transfer_loss(network, {CONTENT_LAYER: 1.0}, style_weights(STYLE_LAYERS, grams), TV_WEIGHT)
    return loss, lambda pictures: {f"feature:{CONTENT_LAYER}": content(pictures)[0], **grams}


def inference(
    network: str, size: int = 256, batch: int = 1, ctx: Any = None, precision: str = "float32"
) -> Callable[[], None]:
    """Return a function that runs a network on `batch` pictures of `size`×`size` (styles: on one), as in all use."""
    model = for_use(network, ctx, precision)
    if is_style(network):
        model = for_single_pictures(model.net, ctx)
    x = mx.nd.random.uniform(0, 255, shape=(batch, 3, size, size), ctx=ctx or mx.cpu())
    return lambda: model(x).wait_to_read()


def for_use(network: str, ctx: Any = None, precision: str = "float32") -> Any:
    """Return a network as it is after loading it for use."""
    model = fold(build(network, ctx, precision), NETWORKS[network], ctx, precision)
    model.hybridize(static_alloc=True, static_shape=True)
    return model


def optimization_seconds(size: int, iterations: int = 5, ctx: Any = None) -> float:
    """Return the median seconds of an accepted step of L-BFGS in Gatys et al.'s style transfer at `size`×`size`."""
    rng = np.random.default_rng(0)
    content, style = rng.integers(0, 256, (2, size, size, 3), np.uint8)
    objective = style_objective(content, [style], ctx=ctx)
    times = []
    minimize(objective, to_tensor(content), iterations + 1, watch=lambda _: times.append(time.perf_counter()))
    return float(np.median(np.diff(times)))


def void(_: Any) -> None:
    """Forget a result."""


def seconds(work: Callable[[], None]) -> float:
    """Return how long `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure(
    network: str, work: str, runs: int, peak: float, ctx: Any = None, precision: str = "float32"
) -> dict[str, Any]:
    """Return the median seconds of `work`, "training" or "inference", its useful FLOP/s, and what a user has of it."""
    prepare, flop = {"training": (training_step, training_flop), "inference": (inference, inference_flop)}[work]
    run = prepare(network, ctx=ctx, precision=precision)
    if seconds(run) < LONG:  # the first runs are slower; of long ones the first alone
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
    side: int = 128, channels: int = 128, runs: int = 15, ctx: Any = None, precision: str = "float32"
) -> float:
    """Return the FLOP/s of a convolution that suits the machine: what networks could do at best.

    The best of some runs of 3×3 filters between `channels` channels, on maps of `side`×`side`.
    """
    with computing_in(precision):
        layer = Conv2D(channels, 3, padding=1, in_channels=channels)
    layer.initialize(ctx=ctx or mx.cpu())
    layer.hybridize(static_alloc=True, static_shape=True)
    x = mx.nd.random.uniform(shape=(4, channels, side, side), ctx=ctx or mx.cpu())
    work = lambda: layer(x).wait_to_read()  # noqa: E731
    work()
    return 2.0 * 9 * channels**2 * 4 * side**2 / min(seconds(work) for _ in range(runs))


def matrix_product_peak(size: int = 2048, runs: int = 15, ctx: Any = None) -> float:
    """Return the median FLOP/s of products of two float32 matrices of `size`×`size`: what the machine can do."""
    a = mx.nd.random.uniform(shape=(size, size), ctx=ctx or mx.cpu())
    work = lambda: mx.nd.dot(a, a).wait_to_read()  # noqa: E731
    work()
    return 2 * size**3 / float(np.median([seconds(work) for _ in range(runs)]))


def convolution_flop(net: Any, x: Any) -> dict[str, float]:
    """Return the floating-point operations of each convolution in one pass of `net` over `x`, as in the plain network.

    A multiplication and an addition count as two; norms, activations and borders are left out.
    """
    flop: dict[str, float] = {}
    handles = []

    def count(name: str, block: Any, pictures: Any, outputs: Any) -> None:
        places = pictures[0] if isinstance(block, nn.Conv2DTranspose) else outputs
        if type(block).__name__ == "NearestConv2D":
            places = outputs
        flop[name] = 2.0 * places.shape[0] * places.shape[2] * places.shape[3] * block.weight.data().size

    for name, block in leaves(net):
        if isinstance(block, (nn.Conv2D, nn.Conv2DTranspose)):
            handles.append(block.register_forward_hook(partial(count, name)))
    net(x)
    for handle in handles:
        handle.detach()
    return flop


@dataclass(frozen=True)
class Operations:
    """What a layer takes: the floating-point operations of one pass, how many passes a step has, and which."""

    layer: str
    flop: float
    passes: int
    which: str


def _pass_flop(net: Any, size: int, batch: int, exact: bool = False) -> dict[str, float]:
    """Return `convolution_flop` for `batch` pictures of `size`×`size`, from a small one unless it has to be `exact`."""
    side = size if exact else SMALL
    small = convolution_flop(net, mx.nd.zeros((1, 3, side, side)))
    return {name: flop * batch * size**2 / side**2 for name, flop in small.items()}


def inference_flop(network: str, size: int = 256, batch: int = 1) -> float:
    """Return the useful operations of `inference`."""
    return sum(_pass_flop(build(network).net, size, batch, is_style(network)).values())


def training_operations(network: str, size: int | None = None, batch: int = 4) -> list[Operations]:
    """Return the useful operations of `training_step`.

    The network's pass, the same again for the gradients of its weights and, but for the first layer, of its inputs;
    the loss network's pass for the output and back to its input, and up to relu2_2 for the target.
    """
    size, model = size or training_size(network), build(network)
    net = _pass_flop(model.net, size // model.scale, batch, is_style(network))
    target = _pass_flop(LossNetwork.pretrained((CONTENT_LAYER,)), size, batch)
    layers = STYLE_LAYERS if is_style(network) else (CONTENT_LAYER,)
    vgg = _pass_flop(LossNetwork.pretrained(layers), size, batch)
    found = []
    for number, (name, flop) in enumerate(net.items()):
        passes, which = (3, "output; gradients of weights and input") if number else (2, "output; gradient of weights")
        found.append(Operations(f"network: {name}", flop, passes, which))
    for name, flop in vgg.items():
        both = "output; gradient of input"
        passes, which = (3, f"target; {both}") if name in target else (2, both)
        found.append(Operations(f"loss network: {name}", flop, passes, which))
    return found


def training_flop(network: str, size: int | None = None, batch: int = 4) -> float:
    """Return the sum of `training_operations`."""
    return sum(each.flop * each.passes for each in training_operations(network, size, batch))
