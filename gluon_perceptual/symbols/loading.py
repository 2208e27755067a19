"""Symbol and parameters -> a model in this process, which a damaged one may crash; `process` starts a separate one."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Mapping

import numpy as np

from .._mxnet import Block, Context, Symbol, mx, mxnet_errors
from .._mxnet.gluon import fill
from ..checkpoint.recognition import say_what_is_assumed, spec_of
from ..checkpoint.spec import ModelSpec
from ..errors import UserError
from ..formats.arrays import check_finite
from ..formats.mxnet_params import read_params
from .files import parameters_path, read_options, sidecar_path
from .graph import read_symbol, reason_of
from .model import SymbolModel
from .options import SymbolOptions
from .probing import from_sizes, halo_of, probe
from .shapes import ShapeCheck

TRIED = 32  # pixels a side


def load_here(path: str | Path, ctx: Context | None = None, scale: int | None = None) -> SymbolModel:
    """Return the model with the symbol in `path` and the parameters with the highest number beside it.

    Args:
        path: `X-symbol.json`.
        ctx: Device; None for the CPU.
        scale: How many times to enlarge; for a network that keeps the size, by bicubic interpolation before it.

    Raises:
        UserError: The files are damaged, do not match, or are not an image-to-image network.
        OSError: They cannot be read.
    """
    path, ctx = Path(path), ctx or mx.cpu()
    options = read_options(path)
    symbol, arrays = read_symbol(path), read_parameters(parameters_path(path))
    net, check = _net_of(path, symbol, arrays, ctx)
    spec = spec_of(arrays)
    if options is None:
        with mxnet_errors(f"{path} is not an image-to-image network for pictures of any size"):
            options = _find_out(path, net, check, spec, ctx)
    if scale and options.scale * options.enlarge == 1:
        options = replace(options, enlarge=scale)
    model = SymbolModel(net, check, options, ctx)
    try:
        model.check_size(1, 3, TRIED, TRIED)
    except UserError as error:
        raise UserError(f"{sidecar_path(path)} does not match {path}: {error}") from error
    return model


def read_parameters(file: Path) -> dict[str, np.ndarray]:
    """Return a file's arrays as float32, by name without `arg:` and `aux:`.

    Raises:
        UserError: It holds values that are not finite, or is not such a file.
        OSError: It cannot be read.
    """
    arrays = {
        re.sub("^(arg|aux):", "", name): np.asarray(array, np.float32) for name, array in read_params(file).items()
    }
    check_finite(file, arrays)
    return arrays


def _net_of(path: Path, symbol: Symbol, arrays: Mapping[str, np.ndarray], ctx: Context) -> tuple[Block, ShapeCheck]:
    """Return the symbol as a block with its parameters, and the function from shapes of inputs to shapes of outputs."""
    inputs = [name for name in symbol.list_inputs() if name not in arrays]
    if len(inputs) != 1:
        raise UserError(f"{path}: expected one input besides the parameters, but found {', '.join(inputs) or 'none'}")
    check = ShapeCheck(path, symbol, {name: array.shape for name, array in arrays.items()})
    try:
        net = mx.gluon.SymbolBlock(symbol, mx.sym.var(inputs[0], dtype="float32"))
    except AssertionError as error:  # a variable is used both as a weight and as a statistic
        raise UserError(f"{path}: {reason_of(error)}") from error
    with mxnet_errors(f"these parameters do not match {path}"):
        for name, parameter in net.collect_params().items():
            parameter.shape = arrays[name].shape
            fill(parameter, mx.nd.array(arrays[name]), ctx, cast=True)
            parameter.grad_req = "null"
    return net, check


def _find_out(path: Path, net: Block, check: ShapeCheck, spec: ModelSpec | None, ctx: Context) -> SymbolOptions:
    """Return the options of a network; the range is known for this package's, otherwise found by trying."""
    if spec is None:
        return probe(path, net, check, ctx)
    say_what_is_assumed(path, spec)
    options = replace(from_sizes(path, check), max_value=spec.max_value, mean=spec.mean)
    return replace(options, halo=halo_of(SymbolModel(net, check, options, ctx), ctx))
