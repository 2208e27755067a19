"""Loads parameters of any naming into a network; `formats.matching` pairs arrays with parameters."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Mapping, Tuple

import numpy as np

from .._mxnet import Block, Context, NDArray, Parameter, mx
from .._mxnet.gluon import fill, is_placed, parameters_of
from ..errors import UserError
from ..formats.arrays import check_finite, read_arrays
from ..formats.matching import Shapes, match_common, match_names
from ..nets.vgg_files import beginning_of_vgg

HALF_PRECISION = 4e-3  # of the largest constant: tolerance for its array, since files can be in float16 or bfloat16
Matched = Tuple[str, "list[tuple[str, str]]"]


@dataclass(frozen=True)
class LoadReport:
    """What was loaded and how.

    Attributes:
        path: The file.
        strategy: "names" if the file's names were the network's; "numbers" if only prefixes and counters differed;
            "order" if they differed and were matched by kind of layer, order and shape; or "beginning" if the file is
            a whole VGG and the network its beginning.
        pairs: Names of the network's parameter and of the file's array.
        cast: Names of the file's arrays whose type differs from their parameter's.
        unused: Names of the file's arrays that the network did not use.
        missing: Parameters that kept their value, except constants.
    """

    path: str
    strategy: str
    pairs: tuple[tuple[str, str], ...]
    cast: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    def __str__(self) -> str:
        notes = f", {len(self.cast)} of another type" if self.cast else ""
        notes += f", {len(self.unused)} not used" if self.unused else ""
        notes += f", {len(self.missing)} parameters missing" if self.missing else ""
        return f"{self.path}: {len(self.pairs)} arrays matched by {self.strategy}{notes}"


def load_parameters(
    net: Block, path: str | os.PathLike[str], ctx: Context | None = None, strict: bool = True
) -> LoadReport:
    """Load a file of parameters, of any kind that `formats.arrays` reads, into a Gluon network, by any names.

    Names may be structural (`net.0.weight`), prefixed (`plsr_network0_conv0_weight`, or just `conv0_weight`) or
    missing, see `formats.matching`. Every parameter must be found and every array used, except when a whole VGG is
    loaded into the beginning of one. Constants keep their value; those that the file has must equal it, up to
    rounding to half precision. Nothing is changed unless everything fits. Dimensions that the network does not know yet
    (deferred initialization) become the file's.

    Args:
        net: The block.
        path: The file.
        ctx: Device or devices; None: those of the network, or the CPU.
        strict: False: load what has the network's names and shapes, and skip the rest, see the report.

    Raises:
        ParamsFormatError: The file is of an unknown kind, or a damaged `.params` file.
        UserError: The file does not fit the network, or the network the device, or there are values that are not
            finite.
        OSError: The file cannot be read.
    """
    return load_arrays(net, read_arrays(path), path, ctx, strict)


def load_arrays(
    net: Block,
    arrays: Mapping[str, np.ndarray],
    path: str | os.PathLike[str],
    ctx: Context | None = None,
    strict: bool = True,
) -> LoadReport:
    """Load arrays by name, read from the file `path`, into a Gluon network; otherwise as `load_parameters`."""
    parameters = parameters_of(net)
    constants = {name for name, p in parameters.items() if isinstance(p, mx.gluon.Constant)}
    wanted = {name: p.shape or () for name, p in parameters.items()}
    found = {name: array.shape for name, array in arrays.items()}
    prefixed_names = {name: p.name for name, p in parameters.items()}
    try:
        strategy, pairs = (
            _match(wanted, found, constants, prefixed_names) if strict else ("names", match_common(wanted, found))
        )
    except UserError as error:
        raise UserError(f"{os.fspath(path)} does not fit {type(net).__name__}: {error}") from error
    sources = dict(pairs)
    with np.errstate(over="ignore"):  # checked below
        values = {name: arrays[source].astype(parameters[name].dtype, copy=False) for name, source in pairs}
    check_finite(path, {sources[name]: value for name, value in values.items()})
    for name in constants & values.keys():
        _check_constant(values[name], parameters[name].value.asnumpy(), f"{os.fspath(path)}: {sources[name]}")
    _fill(parameters, {name: value for name, value in values.items() if name not in constants}, ctx, os.fspath(path))
    return LoadReport(
        os.fspath(path),
        strategy,
        tuple(pairs),
        cast=tuple(source for name, source in pairs if arrays[source].dtype != values[name].dtype),
        unused=tuple(name for name in arrays if name not in sources.values()),
        missing=tuple(name for name in parameters if name not in sources and name not in constants),
    )


def _match(wanted: Shapes, found: Shapes, constants: set[str], prefixed_names: Mapping[str, str]) -> Matched:
    """Match names, or the beginning of a whole VGG."""
    try:
        return match_names(wanted, found, constants, prefixed_names)
    except UserError:
        pairs = beginning_of_vgg({name: shape for name, shape in wanted.items() if name not in constants}, found)
        if not pairs:
            raise
        return "beginning", pairs


def _check_constant(value: np.ndarray, expected: np.ndarray, title: str) -> None:
    if not np.allclose(value, expected, rtol=0, atol=HALF_PRECISION * np.abs(expected).max()):
        raise UserError(f"{title} differs from this network's constant: was the model built with other arguments?")


def _fill(parameters: Mapping[str, Parameter], values: Mapping[str, np.ndarray], ctx: Context, path: str) -> None:
    """Set parameters on `ctx`, or where they are, or where the first placed one is."""
    home = next((p.list_ctx() for p in parameters.values() if is_placed(p)), mx.cpu())
    for name, parameter in parameters.items():
        value = values.get(name)
        try:
            _put(parameter, None if value is None else mx.nd.array(value, dtype=value.dtype), ctx, home)
        except mx.MXNetError as error:
            raise UserError(f"{path}: {name} on {ctx or home}: {str(error).splitlines()[-1]}") from error


def _put(parameter: Parameter, value: NDArray | None, ctx: Context, home: Context) -> None:
    """Set a parameter to a value (None: only place it) on `ctx`, or where it is, or on `home`."""
    placed = is_placed(parameter)
    if placed and ctx is not None:
        parameter.reset_ctx(ctx)
    if value is not None:
        fill(parameter, value, None if placed else ctx or home)
    elif not placed:
        parameter.initialize(ctx=ctx or home)
