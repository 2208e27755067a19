"""A trained network, opened once: its use, its scale, its receptive field."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from .._mxnet import Block, Context, NDArray, inference_precision, mx
from ..checkpoint.model import fold, load_for_use
from ..checkpoint.spec import IMAGENET_MEAN, ModelSpec
from ..errors import UserError
from ..nets.fast_neural_style import FastNeuralStyleNet
from ..nets.pixels import PixelRangeAdapter
from ..nets.plsr import PlsrNet
from ..nets.style import StyleNet
from ..nets.super_resolution import SuperResolutionNet
from ..symbols.files import is_symbol_file
from ..symbols.probing import UNBOUNDED
from ..symbols.process import load_symbol

KINDS = ("super-resolution", "style")
ONEDNN = "MKLDNN"  # MXNet's name of the backend in which convolutions rectify their results, and in float32 add
MISUSES = {  # messages for the wrong kind of model
    "super-resolution": "repaints pictures and does not enlarge them; use stylize",
    "style": "enlarges pictures and has no style; use upscale",
}


@dataclass(frozen=True, eq=False)
class Model:
    """A trained network, ready for pictures: (N, 3, H, W) float32 RGB in [0, 255] -> (N, 3, scale·H, scale·W).

    Attributes:
        title: Its name in error messages.
        kinds: Its uses, from `KINDS`: a symbol that keeps the size may have both.
        network: Runs it on MXNet arrays on `ctx`; the output is not clipped.
        ctx: Its device.
        scale: Its enlargement factor.
        halo: How many input pixels beyond its own an output pixel can depend on; `UNBOUNDED` for a style, whose
            instance norms see the whole picture.
        border_artifact_width: Distance from the border, in pixels, up to which a style's output has artifacts.
        max_value: White in the network's own range, 255 or 1; inputs and outputs are in [0, 255] nevertheless.
        layers: The `StyleNet` or `FastNeuralStyleNet`, to run it layer by layer; None for other networks.
    """

    title: str
    kinds: tuple[str, ...]
    network: Callable[[NDArray], NDArray]
    ctx: Context
    scale: int
    halo: int
    border_artifact_width: int = 0
    max_value: float = 255.0
    layers: Block | None = None

    def __call__(self, x: NDArray) -> NDArray:
        """Run the network."""
        return self.network(x)

    def check_kind(self, kind: str) -> None:
        """Raise UserError unless `kind` is one of its kinds."""
        if kind not in self.kinds:
            raise UserError(f"{self.title} {MISUSES[kind]}")


def open_model(
    model: str | Path | Model | Block, ctx: Context | None = None, precision: str = "auto", scale: float | None = None
) -> Model:
    """Open a model for inference; its batch norms are folded.

    Args:
        model: A checkpoint's path; the name of a shipped model; the path of a symbol, X-symbol.json, with parameters
            beside it; or an initialized network: a style network, a `PlsrNet`, run in its own range with ImageNet's
            mean, or one on pixels in [0, 255] with `scale` and `halo`. A `Model` is returned unchanged.
        ctx: Device; None for the CPU.
        precision: Of checkpoints: "auto", "float32" or "bfloat16", see `inference_precision`. Symbols always run in
            float32, networks in the precision in which they were built.
        scale: Enlargement factor, rounded up, for a symbol that keeps the size, such as SRCNN's: it is run on the
            bicubic enlargement. Ignored for other models.

    Raises:
        UserError: The files are damaged, do not match, or no known network fits; or the precision is not supported.
        OSError: They cannot be read.
    """
    if isinstance(model, Model):
        return model
    ctx = ctx or mx.cpu()
    inference_precision(precision, ctx)  # raises if it is not supported
    if is_symbol_file(model):
        if precision == "bfloat16":
            raise UserError(f"{model}: symbols run only in float32, not in bfloat16")
        return _of_symbol(model, ctx, math.ceil(scale) if scale else None)
    if isinstance(model, (str, Path)):
        loaded, spec = load_for_use(model, ctx, precision)
        fuses = ctx.device_type == "cpu" and isinstance(loaded.net, SuperResolutionNet)  # MXNet fails on the others
        return _of_spec(f"{model}: a {spec.network}", loaded, spec, ctx, **({"backend": ONEDNN} if fuses else {}))
    return _of_network(model, ctx)


def _of_symbol(path: str | Path, ctx: Context, scale: int | None) -> Model:
    symbol = load_symbol(path, ctx, scale)
    kinds = KINDS[:1] if symbol.scale > 1 else KINDS
    title, max_value = f"{path}: a symbol", symbol.options.max_value
    return Model(title, kinds, symbol, ctx, symbol.scale, symbol.halo, max_value=max_value)


def _of_spec(title: str, model: PixelRangeAdapter, spec: ModelSpec, ctx: Context, **fusion: str) -> Model:
    """Return a model without batch norms, opened; `fusion` is how Gluon calls what joins convolutions and ReLUs."""
    if spec.kind == "style":  # these networks are on pixels
        net = model.net
        return Model(title, (spec.kind,), net, ctx, net.scale, UNBOUNDED, net.border_artifact_width, layers=net)
    model.hybridize(static_alloc=True, static_shape=True, **fusion)
    return Model(title, (spec.kind,), model, ctx, model.scale, model.halo, max_value=spec.max_value)


def _of_network(network: Block, ctx: Context) -> Model:
    """Open a network without modifying it, since it may still be trained."""
    net = network.net if isinstance(network, PixelRangeAdapter) else network
    title = f"a {type(net).__name__}"
    if isinstance(net, (StyleNet, FastNeuralStyleNet)):
        spec = ModelSpec(type(net).__name__, net.arguments)
        return _of_spec(title, fold(PixelRangeAdapter(net), spec, ctx, net.precision), spec, ctx)
    runs = PixelRangeAdapter(network, 1.0, IMAGENET_MEAN) if isinstance(network, PlsrNet) else network
    max_value = runs.max_value if isinstance(runs, PixelRangeAdapter) else 255.0
    return Model(title, KINDS[:1], runs, ctx, runs.scale, runs.halo, max_value=max_value)
