"""Models as files: parameters in `NAME.params`, and everything else needed to use them in `NAME.json` beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Callable, Mapping

import numpy as np

from .._mxnet import Context, inference_precision, mx
from .._mxnet.gluon import parameters_of, values_of
from ..errors import UserError
from ..files import write_json
from ..formats.arrays import read_arrays
from ..formats.mxnet_params import write_params
from ..nets.folding import folded_parameters, has_batch_norm
from ..nets.lowpass_kernel import Cutoff
from ..nets.pixels import PixelRangeAdapter
from ..nets.precision import Precision, as_precision
from ..weights import model_path
from .loading import load_arrays
from .recognition import LOW_PASSES, recognize
from .spec import ModelSpec, describe, read_spec

WITH_LOWPASS = ("SuperResolutionNet", "StyleNet")  # networks that can have a low-pass


def save_model(path: Path, model: PixelRangeAdapter, spec: ModelSpec) -> None:
    """Write `path` like Gluon's `save_parameters` (which ignores a full disk), and its sidecar."""
    write_params(path, values_of(model.net))
    write_json(path.with_suffix(".json"), describe(spec))


def load_with_spec(
    path: str | Path, ctx: Context | None = None, precision: str | Precision = "float32"
) -> tuple[PixelRangeAdapter, ModelSpec]:
    """Return the model in the file `path`, or the shipped one of that name, on `ctx` (None: the CPU), and its spec.

    It computes in `precision`.

    Without a sidecar, or metadata in the file, the network is recognized by the parameters' names and shapes.

    Raises:
        UserError: The file or its sidecar is not a model of this package, or the two do not match.
        OSError: The file cannot be read.
    """
    return _load(path, ctx, lambda spec: precision)


def _load(
    path: str | Path, ctx: Context | None, precision_of: Callable[[ModelSpec], str | Precision]
) -> tuple[PixelRangeAdapter, ModelSpec]:
    path, ctx = model_path(path), ctx or mx.cpu()
    described, arrays = read_spec(path), read_arrays(path)
    spec = described or recognize(path, arrays)
    model = spec.build(precision_of(spec))
    load_arrays(model.net, arrays, path, ctx)
    model.mean.reset_ctx(ctx)
    return model, spec


def load_model(path: str | Path, ctx: Context | None = None) -> PixelRangeAdapter:
    """Return the model in `path`, see `load_with_spec`."""
    return load_with_spec(path, ctx)[0]


def load_for_use(
    path: str | Path, ctx: Context | None = None, precision: str | Precision = "float32"
) -> tuple[PixelRangeAdapter, ModelSpec]:
    """Return the result of `load_with_spec` with a faster model, for inference only: without batch norms.

    `precision` may also be "auto"; see `inference_precision`.
    """

    def chosen(spec: ModelSpec) -> Precision:
        given = precision if isinstance(precision, Precision) else inference_precision(precision, ctx, spec.kind)
        return as_precision(given).for_inference()

    model, spec = _load(path, ctx, chosen)
    return fold(model, spec, ctx, chosen(spec)), spec


def fold(
    model: PixelRangeAdapter, spec: ModelSpec, ctx: Context | None = None, precision: str | Precision = "float32"
) -> PixelRangeAdapter:
    """Return an equivalent of `model` for inference without batch norms; `spec` is that of `model`.

    It computes in `precision` if `model` has batch norms, and otherwise in the precision of `model`.
    """
    ctx = ctx or mx.cpu()
    if not has_batch_norm(model.net):
        return model
    spec = replace(spec, arguments={**spec.arguments, "norm": "none"})
    return with_parameters(spec, folded_parameters(model.net), ctx, as_precision(precision).for_inference())


def with_lowpass(model: PixelRangeAdapter, spec: ModelSpec, cutoff: Cutoff) -> tuple[PixelRangeAdapter, ModelSpec]:
    """Return the model with this low-pass in its network, on the CPU, and its spec; one that it had is replaced.

    Args:
        model: A `StyleNet`, or a `SuperResolutionNet` with `skip`.
        spec: Its spec.
        cutoff: In cycles per pixel, of every plane, or luma's and chroma's, see `nets.lowpass`.

    Raises:
        UserError: It is another network, or `cutoff` is out of range or not one or two numbers.
    """
    if spec.network not in WITH_LOWPASS:
        raise UserError(f"{spec.network}: only a {' or '.join(WITH_LOWPASS)} can have a low-pass")
    spec = replace(spec, arguments={**spec.arguments, "lowpass": cutoff})
    values = {name: value for name, value in values_of(model.net).items() if name not in LOW_PASSES}
    return with_parameters(spec, values), spec


def with_parameters(
    spec: ModelSpec,
    values: Mapping[str, np.ndarray],
    ctx: Context | None = None,
    precision: str | Precision = "float32",
) -> PixelRangeAdapter:
    """Return the spec's model with these parameters, by structural name, on `ctx` (None: the CPU)."""
    model, ctx = spec.build(precision), ctx or mx.cpu()
    model.net.initialize(ctx=ctx)
    parameters = parameters_of(model.net)
    for name, value in values.items():
        parameters[name].set_data(mx.nd.array(value))
    model.mean.reset_ctx(ctx)
    return model
