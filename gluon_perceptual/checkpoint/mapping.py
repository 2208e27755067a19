"""Parameters of any naming -> a network; `matching` says which array belongs to which parameter."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import UserError
from .foreign import read_arrays
from .matching import match_names


@dataclass(frozen=True)
class LoadReport:
    """What was loaded and how.

    Attributes:
        path: The file.
        strategy: "names", the file's were the network's; "numbers", they were but for prefix and counters; or "order",
            they were others, matched by kind of layer, order and shape.
        pairs: The network's parameter and the file's array, by name.
        cast: Names in the file of arrays of another type than their parameters.
        not_finite: Number of infinite or undefined values.
    """

    path: str
    strategy: str
    pairs: tuple[tuple[str, str], ...]
    cast: tuple[str, ...] = ()
    not_finite: int = 0

    def __str__(self) -> str:
        notes = f", {len(self.cast)} of another type" if self.cast else ""
        notes += f", {self.not_finite} values that are not finite" if self.not_finite else ""
        return f"{self.path}: {len(self.pairs)} arrays matched by {self.strategy}{notes}"


def load_parameters(net: Any, path: str | os.PathLike[str], ctx: Any = None) -> LoadReport:
    """Load a file of parameters into a Gluon network, whatever the names in it: `.params` or another of `foreign`'s.

    Names may be structural (`net.0.weight`), prefixed (`plsr_network0_conv0_weight`), bare (`conv0_weight`), marked
    `arg:` and `aux:`, or missing. Every parameter must be met and every array used; constants that a file lacks
    keep their value. Nothing is changed unless all of it fits. Dimensions that the network does not know yet
    (deferred initialisation) become the file's.

    Args:
        net: The block.
        path: The file.
        ctx: Device or devices; None: where the network is, else the CPU.

    Raises:
        ParamsFormatError: The file is of no known kind, or a damaged `.params` file.
        UserError: The file does not fit the network, or the network not on the device.
        OSError: The file cannot be read.
    """
    from .._mxnet import mx

    arrays = read_arrays(path)
    parameters = net._collect_params_with_prefix()
    constants = {name for name, p in parameters.items() if isinstance(p, mx.gluon.Constant)}
    wanted = {name: p.shape or () for name, p in parameters.items()}
    own_names = {name: p.name for name, p in parameters.items()}
    try:
        strategy, pairs = match_names(wanted, {name: a.shape for name, a in arrays.items()}, constants, own_names)
    except UserError as error:
        raise UserError(f"{os.fspath(path)} does not fit {type(net).__name__}: {error}") from error
    home = next((p.list_ctx() for p in parameters.values() if _is_placed(p)), mx.cpu())
    sources, cast, not_finite = dict(pairs), [], 0
    for name, parameter in parameters.items():
        value = None
        if name in sources:
            array, dtype = arrays[sources[name]], np.dtype(parameter.dtype)
            if array.dtype != dtype:
                cast.append(sources[name])
            with np.errstate(over="ignore"):  # counted below
                value = array.astype(dtype, copy=False)
            not_finite += int(value.size - np.isfinite(value).sum())
        try:
            _put(parameter, None if value is None else mx.nd.array(value, dtype=value.dtype), ctx, home)
        except mx.MXNetError as error:
            raise UserError(f"{os.fspath(path)}: {name} on {ctx or home}: {str(error).splitlines()[-1]}") from error
    return LoadReport(os.fspath(path), strategy, tuple(pairs), tuple(cast), not_finite)


def _is_placed(parameter: Any) -> bool:
    return parameter._data is not None or bool(parameter._deferred_init)


def _put(parameter: Any, value: Any, ctx: Any, home: Any) -> None:
    """Give a parameter its value, or where that is None its place only, on `ctx`, else where it is, else `home`."""
    placed = _is_placed(parameter)
    if placed and ctx is not None:
        parameter.reset_ctx(ctx)
    if value is not None:
        parameter._load_init(value, None if placed else ctx or home)
    elif not placed:
        parameter.initialize(ctx=ctx or home)
