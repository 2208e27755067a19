"""The work that is measured: a training step, a network's pass, a matrix product, and how many operations they take."""

from __future__ import annotations

import time
from typing import Any, Callable

import numpy as np

from ._mxnet import mx
from .checkpoint.model import Recipe, fold
from .losses.perceptual import PerceptualLoss
from .nets.vgg import LossNetwork
from .training.step import TrainingStep

nn: Any = mx.gluon.nn

NETWORKS = {  # as the paper and the blog have them
    "sr2": Recipe("SuperResolutionNet", {"scale": 2}),
    "sr4": Recipe("SuperResolutionNet", {"scale": 4}),
    "blog2": Recipe("PlsrNet", {}, peak=1.0),
}
TV_WEIGHT = 1e-4


def build(network: str, ctx: Any = None) -> Any:
    """Return one of `NETWORKS` as a model with random weights."""
    model = NETWORKS[network].build()
    model.net.initialize(mx.init.Xavier(), ctx=ctx or mx.cpu())
    model.mean.reset_ctx(ctx or mx.cpu())
    return model


def training_step(network: str, size: int = 144, batch: int = 4, ctx: Any = None) -> Callable[[], None]:
    """Return a function that does a training step: relu2_2 feature loss and total variation, Adam.

    Args:
        network: One of `NETWORKS`.
        size: Side of the output in pixels.
        batch: Pictures in a step.
        ctx: Device; None for the CPU.
    """
    ctx = ctx or mx.cpu()
    model = build(network, ctx)
    loss = PerceptualLoss(LossNetwork.pretrained(("relu2_2",), ctx=ctx), {"relu2_2": 1.0}, tv=TV_WEIGHT, tv_kind="blog")
    for block in (model, loss):
        block.hybridize(static_alloc=True, static_shape=True)
    trainer = mx.gluon.Trainer(
        model.net.collect_params(), "adam", {"learning_rate": 1e-3}, kvstore="local", update_on_kvstore=False
    )
    step = TrainingStep(model, loss, loss.targets, trainer, [ctx])
    rng, low = np.random.default_rng(0), size // model.scale
    inputs = rng.uniform(0, 255, (batch, 3, low, low)).astype(np.float32)
    references = rng.uniform(0, 255, (batch, 3, size, size)).astype(np.float32)
    return lambda: void(step(inputs, references))


def inference(network: str, size: int = 256, batch: int = 1, ctx: Any = None) -> Callable[[], None]:
    """Return a function that enlarges `batch` pictures of `size`×`size`, batch norms folded as in all use."""
    model = for_use(network, ctx)
    x = mx.nd.random.uniform(0, 255, shape=(batch, 3, size, size), ctx=ctx or mx.cpu())
    return lambda: model(x).wait_to_read()


def for_use(network: str, ctx: Any = None) -> Any:
    """Return a network as it is after loading it for use."""
    model = fold(build(network, ctx), NETWORKS[network], ctx)
    model.hybridize(static_alloc=True, static_shape=True)
    return model


def void(_: Any) -> None:
    """Forget a result."""


def seconds(work: Callable[[], None]) -> float:
    """Return how long `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure(network: str, work: str, runs: int, peak: float, ctx: Any = None) -> dict[str, Any]:
    """Return the median seconds of `work`, "training" or "inference", its useful FLOP/s, and what a user has of it."""
    prepare, flop = {"training": (training_step, training_flop), "inference": (inference, inference_flop)}[work]
    run = prepare(network, ctx=ctx)
    for _ in range(2):
        run()
    median = float(np.median([seconds(run) for _ in range(runs)]))
    speed = flop(network) / median
    means = f"{3600 / median:.0f} steps an hour" if work == "training" else f"{median / 0.065536:.1f} s a megapixel"
    return {
        "network": network,
        "work": work,
        "seconds": median,
        "gflops": speed / 1e9,
        "of_peak": speed / peak,
        "means": means,
    }


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

    def attach(block: Any, name: str = "") -> None:
        if isinstance(block, (nn.Conv2D, nn.Conv2DTranspose)):
            handles.append(block.register_forward_hook(lambda b, i, o: count(name, b, i, o)))
        for key, child in block._children.items():
            attach(child, f"{name}.{key}" if name else key)

    attach(net)
    net(x)
    for handle in handles:
        handle.detach()
    return flop


def inference_flop(network: str, size: int = 256, batch: int = 1) -> float:
    """Return the useful operations of `inference`, from a small input: they grow with its pixels."""
    side = 16
    small = sum(convolution_flop(build(network).net, mx.nd.zeros((1, 3, side, side))).values())
    return small * batch * size**2 / side**2


def training_flop(network: str, size: int = 144, batch: int = 4) -> float:
    """Return the useful operations of `training_step`.

    The network's pass, the same again for the gradients of its weights and, but for the first layer, of its inputs;
    the loss network's pass for output and target, and back to its input.
    """
    side = 32
    model = build(network)
    net = convolution_flop(model.net, mx.nd.zeros((1, 3, side // model.scale, side // model.scale)))
    vgg = convolution_flop(LossNetwork.pretrained(("relu2_2",)), mx.nd.zeros((1, 3, side, side)))
    first = next(iter(net.values()))
    per_picture = 3 * sum(net.values()) - first + 3 * sum(vgg.values())
    return per_picture * batch * size**2 / side**2
