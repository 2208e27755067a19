"""The loss network: VGG16 or VGG19, trained on ImageNet, tapped at named activations, and frozen.

Its `weights`, a training's setting `vgg`, say where they come from: shipped, the model zoo's, or a file. Their
`variant` says how they need pixels normalized: as the original release or as torchvision's; a file's is recognized.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Sequence

import numpy as np

from .. import weights as shipped
from .._mxnet import Block, Context, NDArray, Operators, Parameter, mx
from .._mxnet.gluon import constant, fill
from ..choices import check_choice
from ..errors import UserError
from .fast import ColorConv2D, Conv2D
from .precision import current_precision
from .vgg_files import CONVS_OF_STAGE, read_vgg_weights
from .zoo import vgg_from_zoo


def _activation_indices(depth: int) -> dict[str, int]:
    """Return the index in `vgg16().features` of each activation: relu1_1 is 1, relu1_2 is 3, relu2_1 is 6."""
    indices, index = {}, 0
    for stage, convs in enumerate(CONVS_OF_STAGE[depth], 1):
        for conv in range(1, convs + 1):
            indices[f"relu{stage}_{conv}"] = index + 1
            index += 2
        index += 1  # the pooling
    return indices


ACTIVATIONS = {depth: _activation_indices(depth) for depth in CONVS_OF_STAGE}


def _pooled_first(features: Block, wanted: set[int]) -> list[int]:
    """Return the order in which to apply layers: a pooling is swapped with the ReLU before it, unless that is wanted.

    The maximum of rectified values is the rectified maximum, which takes a quarter of the work.
    """
    order = list(range(len(features)))
    for index in order[:-1]:
        if isinstance(features[index + 1], mx.gluon.nn.MaxPool2D) and index not in wanted:
            order[index], order[index + 1] = index + 1, index
    return order


def _in_current_precision(features: Block) -> Block:
    """Return the same layers with the same parameters, with convolutions in the current precision."""
    layers = mx.gluon.nn.HybridSequential(prefix=features.prefix, params=features.params)
    for layer in features:
        if isinstance(layer, mx.gluon.nn.Conv2D):
            channels, same = layer.weight.shape[0], {"prefix": layer.prefix, "params": layer.params}
            first = not len(layers)
            layer = ColorConv2D(channels, 3, 3, **same) if first else Conv2D(channels, 3, padding=1, **same)
        layers.add(layer)
    return layers


def check_layers(layers: Sequence[str], depth: int = 16) -> None:
    """Raise UserError unless all `layers` are activations of VGG16, or VGG19, and there is one."""
    known = ACTIVATIONS[depth]
    unknown = [layer for layer in layers if layer not in known]
    if unknown or not layers:
        raise UserError(f"layer {', '.join(unknown) or '(none)'}: expected some of {', '.join(known)}")


VARIANTS = {  # name -> what is subtracted from pixels in [0, 255], and then divides them; RGB
    "original": ((123.68, 116.779, 103.939), (1.0, 1.0, 1.0)),  # of the original release, which the paper used
    "torchvision": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),  # and the model zoo's: those of ImageNet
}


class LossNetwork(mx.gluon.HybridBlock):
    """(N, 3, H, W) float32 RGB in [0, 255] -> list of float32 feature maps, one for each of `layers`.

    Normalization is part of the network, so that callers keep to the one range rule. Its parameters have no gradients.

    Args:
        layers: Activations such as "relu2_2", as VGG16 names them.
        variant: "original" (the paper's) or "torchvision" (the model zoo's); weights of losses do not carry over.
        depth: 16 or 19, for VGG16 or VGG19.

    Raises:
        UserError: A layer or the variant is unknown.
    """

    def __init__(
        self, layers: Sequence[str] = ("relu2_2",), variant: str = "original", depth: int = 16, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        check_layers(layers, depth)
        check_choice("variant", variant, VARIANTS)
        self.layers = tuple(layers)
        self.variant = variant
        self._precision = current_precision()
        self.origin: dict[str, str] = {"variant": variant, "weights": "random"}
        self._wanted = {ACTIVATIONS[depth][layer]: layer for layer in layers}
        whole = {16: mx.gluon.model_zoo.vision.vgg16, 19: mx.gluon.model_zoo.vision.vgg19}[depth]
        with self.name_scope():
            self.features = _in_current_precision(whole().features[: max(self._wanted) + 1])
            self._order = _pooled_first(self.features, set(self._wanted))
            mean, std = VARIANTS[variant]
            self.mean = self._constant("mean", mean)
            # a division by ones would cost as much as a small convolution
            self.std = None if set(std) == {1.0} else self._constant("std", std)
        self.collect_params().setattr("grad_req", "null")

    def _constant(self, name: str, values: tuple[float, ...]) -> Parameter:
        return constant(self, name, np.array(values, np.float32).reshape(1, 3, 1, 1))

    @classmethod
    def pretrained(
        cls, layers: Sequence[str] = ("relu2_2",), weights: str = "shipped", ctx: Context | None = None
    ) -> LossNetwork:
        """Return the network with trained weights.

        Args:
            layers: As for the class; with the shipped weights up to relu4_3.
            weights: "shipped", the original VGG16 that ships with this package; "zoo" or "zoo19", the model zoo's VGG16
                or VGG19, from its cache or downloaded once; or a file of either, see `vgg_files.read_vgg_weights`.
            ctx: Device or devices; None for the CPU.

        Raises:
            UserError: The weights are missing, damaged, not VGG's, or end before the last layer.
        """
        if weights == "shipped":
            check_layers(layers)
            paths = shipped.vgg16_paths(stages=max(int(layer[len("relu")]) for layer in layers))
        else:
            zoo = {"zoo": "vgg16", "zoo19": "vgg19"}
            paths = [vgg_from_zoo(zoo[weights]) if weights in zoo else Path(weights)]
        arrays, variant, depth = read_vgg_weights(paths)
        net = cls(layers, variant, depth)
        net._set_weights(arrays, ctx or mx.cpu())
        digests = "+".join(map(shipped.checksum, paths))
        net.origin = {"variant": variant, "weights": weights, "sha256": digests}
        return net

    def _set_weights(self, arrays: list[np.ndarray], ctx: Context) -> None:
        convs = [layer for layer in self.features if isinstance(layer, mx.gluon.nn.Conv2D)]
        if len(arrays) < 2 * len(convs):
            raise UserError(
                f"the weights have {len(arrays) // 2} convolutions, but {', '.join(self.layers)} needs {len(convs)}"
            )
        self.initialize(ctx=ctx, force_reinit=True)  # the constants; the rest once its sizes are known
        for conv, weight, bias in zip(convs, arrays[0::2], arrays[1::2]):
            fill(conv.weight, mx.nd.array(weight), ctx)
            fill(conv.bias, mx.nd.array(bias), ctx)

    def hybrid_forward(self, F: Operators, x: NDArray, mean: NDArray, std: NDArray = None) -> list[NDArray]:
        """(N, 3, H, W) in [0, 255] -> feature maps in the order of `layers`."""
        x = x - F.broadcast_like(mean, x)  # the gradient of broadcast_sub takes longer
        x = x if std is None else F.broadcast_div(x, std)
        found = {}
        for index in self._order:
            x = self.features[index](x)
            if index in self._wanted:
                found[self._wanted[index]] = self._precision.widen(F, x)
        return [found[layer] for layer in self.layers]
