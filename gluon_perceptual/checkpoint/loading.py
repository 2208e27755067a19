"""Parameters of any naming -> a network; `formats.matching` says which array belongs to which parameter."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Mapping, Tuple

import numpy as np

from .._mxnet import Block, Context, NDArray, Parameter
from .._mxnet.gluon import fill, is_placed, parameters_of
from ..errors import UserError
from ..formats.arrays import read_arrays
from ..formats.matching import Shapes, match_common, match_names
from ..formats.values import check_finite
from ..nets.vgg_files import beginning_of_vgg

HALF_PRECISION = 1e-3  # of the largest constant, by which its array may be off: files can be in float16
Matched = Tuple[str, "list[tuple[str, str]]"]


@dataclass(frozen=True)
class LoadReport:
    """What was loaded and how.

    Attributes:
        path: The file.
        strategy: "names", the file's were the network's; "numbers", they were but for prefix and counters; "order",
            they were others, matched by kind of layer, order and shape; or "beginning", the file is a whole VGG and the
            network the beginning of one.
        pairs: The network's parameter and the file's array, by name.
        cast: Names in the file of arrays of another type than their parameters.
        unused: Names in the file of arrays that the network did not take.
        missing: Parameters that kept their value, constants aside.
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
        notes += f", {len(self.missing)} parameters not met" if self.missing else ""
        return f"{self.path}: {len(self.pairs)} arrays matched by {self.strategy}{notes}"


def load_parameters(
    net: Block, path: str | os.PathLike[str], ctx: Context | None = None, strict: bool = True
) -> LoadReport:
    """Load a file of parameters, of any kind that `formats.arrays` reads, into a Gluon network, by any names.

    Names may be structural (`net.0.weight`), prefixed (`plsr_network0_conv0_weight`), bare (`conv0_weight`), marked
    `arg:` and `aux:`, or missing. Every parameter must be met and every array used, but for a whole VGG that is read
    into the beginning of one; constants that a file lacks keep their value, and those that it has must be the
    network's, but for rounding. Nothing is changed unless all of it fits.
    Dimensions that the network does not know yet (deferred initialization) become the file's.

    Args:
        net: The block.
        path: The file.
        ctx: Device or devices; None: where the network is, else the CPU.
        strict: False: take what has the network's names and shapes, and leave the rest; the report says what.

    Raises:
        ParamsFormatError: The file is of no known kind, or a damaged `.params` file.
        UserError: The file does not fit the network, or the network not on the device, or it has values that are not
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
    """Load what was read from the file `path`, by name, into a Gluon network; otherwise as `load_parameters`."""
    from .._mxnet import mx

    parameters = parameters_of(net)
    constants = {name for name, p in parameters.items() if isinstance(p, mx.gluon.Constant)}
    wanted = {name: p.shape or () for name, p in parameters.items()}
    found = {name: array.shape for name, array in arrays.items()}
    own_names = {name: p.name for name, p in parameters.items()}
    try:
        strategy, pairs = (
            _match(wanted, found, constants, own_names) if strict else ("names", match_common(wanted, found))
        )
    except UserError as error:
        raise UserError(f"{os.fspath(path)} does not fit {type(net).__name__}: {error}") from error
    sources = dict(pairs)
    with np.errstate(over="ignore"):  # seen below
        values = {name: arrays[source].astype(parameters[name].dtype, copy=False) for name, source in pairs}
    check_finite(path, {sources[name]: value for name, value in values.items()})
    for name in constants & values.keys():
        _check_constant(values[name], parameters[name].value.asnumpy(), f"{os.fspath(path)}: {sources[name]}")
    _fill(parameters, values, ctx, os.fspath(path))
    return LoadReport(
        os.fspath(path),
        strategy,
        tuple(pairs),
        cast=tuple(source for name, source in pairs if arrays[source].dtype != values[name].dtype),
        unused=tuple(name for name in arrays if name not in sources.values()),
        missing=tuple(name for name in parameters if name not in sources and name not in constants),
    )


def _match(wanted: Shapes, found: Shapes, constants: set[str], own_names: Mapping[str, str]) -> Matched:
    """Match names, or the beginning of a whole VGG."""
    try:
        return match_names(wanted, found, constants, own_names)
    except UserError:
        pairs = beginning_of_vgg({name: shape for name, shape in wanted.items() if name not in constants}, found)
        if not pairs:
            raise
        return "beginning", pairs


def _check_constant(value: np.ndarray, expected: np.ndarray, title: str) -> None:
    if not np.allclose(value, expected, rtol=0, atol=HALF_PRECISION * np.abs(expected).max()):
        raise UserError(f"{title} differs from this network's constant: was the model built with other arguments?")


def _fill(parameters: Mapping[str, Parameter], values: Mapping[str, np.ndarray], ctx: Context, path: str) -> None:
    """Give parameters their values on `ctx`, or where they are, else where the first is that is anywhere."""
    from .._mxnet import mx

    home = next((p.list_ctx() for p in parameters.values() if is_placed(p)), mx.cpu())
    for name, parameter in parameters.items():
        value = values.get(name)
        try:
            _put(parameter, None if value is None else mx.nd.array(value, dtype=value.dtype), ctx, home)
        except mx.MXNetError as error:
            raise UserError(f"{path}: {name} on {ctx or home}: {str(error).splitlines()[-1]}") from error


def _put(parameter: Parameter, value: NDArray | None, ctx: Context, home: Context) -> None:
    """Give a parameter its value, or where that is None its place only, on `ctx`, else where it is, else `home`."""
    placed = is_placed(parameter)
    if placed and ctx is not None:
        parameter.reset_ctx(ctx)
    if value is not None:
        fill(parameter, value, None if placed else ctx or home)
    elif not placed:
        parameter.initialize(ctx=ctx or home)
