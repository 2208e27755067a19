"""Counts the floating-point operations of training and inference."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from .._mxnet import Block, NDArray, mx, nn
from .._mxnet.gluon import leaves
from ..losses.terms import STYLE_LAYERS
from ..nets.vgg import LossNetwork
from .workloads import CONTENT_LAYER, build, is_style, training_size

SMALL = 32  # pixels per side: enough to count operations, which are proportional to the pixels


def convolution_flop(net: Block, x: NDArray) -> dict[str, float]:
    """Return the floating-point operations of each convolution in one pass of `net` over `x`, as in the plain network.

    A multiplication and an addition count as two; norms, activations and borders are left out.
    """
    flop: dict[str, float] = {}
    handles = []

    def count(name: str, block: Block, pictures: NDArray, outputs: NDArray) -> None:
        places = pictures[0] if isinstance(block, nn.Conv2DTranspose) else outputs
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
    """The work of a layer: the floating-point operations of one pass, the passes per step, and which these are."""

    layer: str
    flop: float
    passes: int
    which: str


def _pass_flop(net: Block, size: int, batch: int, exact: bool = False) -> dict[str, float]:
    """Return `convolution_flop` for `batch` pictures of `size`×`size`, scaled up from a small one unless `exact`."""
    side = size if exact else SMALL
    small = convolution_flop(net, mx.nd.zeros((1, 3, side, side)))
    return {name: flop * batch * size**2 / side**2 for name, flop in small.items()}


def inference_flop(network: str, size: int = 256, batch: int = 1) -> float:
    """Return the useful operations of `inference`."""
    return sum(_pass_flop(build(network).net, size, batch, is_style(network)).values())


def training_operations(network: str, size: int | None = None, batch: int = 4) -> list[Operations]:
    """Return the useful operations of `training_step`.

    The network's pass, and as much again for the gradients of its weights and, except in the first layer, of its
    inputs; the loss network's pass for the output and back to its input, and up to relu2_2 for the target.
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
