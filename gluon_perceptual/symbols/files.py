"""Models as symbol and parameters, `X-symbol.json` and `X-0000.params`: what Module and Gluon's `export` write.

What they do not say (see `SymbolOptions`) is found by trying, or read from `X-model.json` beside them.
"""

from __future__ import annotations

import glob
import re
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path
from typing import Any, Sequence

import numpy as np

from .._mxnet import mx, mxnet_errors
from .._mxnet.gluon import fill
from ..errors import UserError
from ..files import check_regular, parse_json, write_json
from ..formats.mxnet_params import read_params
from .graph import check_memory, read_symbol
from .model import SymbolModel, SymbolOptions
from .probing import SIZES, probe

TRIED = 32  # pixels a side
SUFFIX, SIDECAR_SUFFIX = "-symbol.json", "-model.json"


def is_symbol_file(path: Any) -> bool:
    """Tell by the name whether it is a symbol's."""
    return isinstance(path, (str, Path)) and str(path).endswith(SUFFIX)


def load_symbol(path: str | Path, ctx: Any = None, scale: int | None = None) -> SymbolModel:
    """Return the model of which `path` is the symbol; its parameters are those of the highest number beside it.

    Args:
        path: `X-symbol.json`.
        ctx: Device; None for the CPU.
        scale: How many times to enlarge: a network that keeps the size gets bicubic enlargement before it.

    Raises:
        UserError: The files are damaged, do not fit, or are no network from pictures to pictures.
        OSError: They cannot be read.
    """
    path = Path(path)
    options = _read_options(path)
    sides = SIZES if options is None else (TRIED * options.enlarge + 2 * options.padding,)
    net = _load_net(path, ctx or mx.cpu(), sides)
    if options is None:
        with mxnet_errors(f"{path} is no network from pictures to pictures, or not one of any size"):
            options = probe(str(path), net, ctx or mx.cpu())
    if scale and options.scale * options.enlarge == 1:
        options = replace(options, enlarge=scale)
    model = SymbolModel(net, options, ctx or mx.cpu())
    with mxnet_errors(f"{_sidecar(path)} does not say how {path} is to be run"):
        shape = model(mx.nd.zeros((1, 3, TRIED, TRIED), ctx=ctx)).shape
    if shape != (1, 3, model.scale * TRIED, model.scale * TRIED):
        raise UserError(f"{_sidecar(path)}: with these options {TRIED} pixels a side become {shape[2]}×{shape[3]}")
    return model


def save_options(path: Path, options: SymbolOptions) -> Path:
    """Write what `load_symbol` is to know of the symbol in `path`, and return where."""
    sidecar = _sidecar(path)
    write_json(sidecar, describe(options))
    return sidecar


def describe(options: SymbolOptions) -> dict[str, Any]:
    """Return the options for JSON, where `max_value` is called `peak`, as on the command line."""
    return {"peak" if name == "max_value" else name: value for name, value in asdict(options).items()}


def _sidecar(path: Path) -> Path:
    return path.with_name(path.name[: -len(SUFFIX)] + SIDECAR_SUFFIX)


def _read_options(path: Path) -> SymbolOptions | None:
    sidecar = _sidecar(path)
    if not sidecar.exists():
        return None
    try:
        values = dict(parse_json(check_regular(sidecar).read_bytes()))
        values["mean"] = tuple(map(float, values["mean"]))
        values["max_value"] = values.pop("peak", SymbolOptions.max_value)
        return SymbolOptions(**values)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise UserError(f"{sidecar}: these are not the options of a model ({error})") from error


def _parameters_file(path: Path) -> Path:
    stem = path.name[: -len(SUFFIX)]
    found = sorted(path.parent.glob(f"{glob.escape(stem)}-[0-9][0-9][0-9][0-9].params"))
    if not found:
        raise UserError(f"{path}: its parameters, {stem}-0000.params or of a higher number, are not beside it")
    return found[-1]


def _load_net(path: Path, ctx: Any, sides: Sequence[int]) -> Any:
    """Return the symbol as a block with its parameters, good for pictures of these sides."""
    symbol, stored = read_symbol(path), read_params(_parameters_file(path))
    arrays = {re.sub("^(arg|aux):", "", name): np.asarray(array, np.float32) for name, array in stored.items()}
    inputs = [name for name in symbol.list_inputs() if name not in arrays]
    if len(inputs) != 1:
        came = ", ".join(inputs) or "none"
        raise UserError(f"{path}: expected one input beside what is in the parameters; there is {came}")
    shapes = {name: array.shape for name, array in arrays.items()}
    for channels, side in product((1, 3), sides):
        check_memory(path, symbol, {**shapes, inputs[0]: (1, channels, side, side)})
    net = mx.gluon.SymbolBlock(symbol, mx.sym.var(inputs[0], dtype="float32"))
    with mxnet_errors(f"these parameters do not fit {path}"):
        for name, parameter in net.collect_params().items():
            parameter.shape = arrays[name].shape
            fill(parameter, mx.nd.array(arrays[name]), ctx, cast=True)
            parameter.grad_req = "null"
    return net
