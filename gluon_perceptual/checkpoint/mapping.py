"""Parameters of any naming -> a network: which array belongs to which parameter, and putting it there."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import zip_longest
from typing import Any, Mapping

import numpy as np

from ..errors import UserError
from .params_file import read_params

Shapes = Mapping[str, "tuple[int, ...]"]

KIND = re.compile(r"(weight|bias|gamma|beta|running_mean|running_var)$")
NUMBERED = re.compile(r"(?P<stem>.*\D)(?P<number>\d+)_[a-z_]+$")


@dataclass(frozen=True)
class LoadReport:
    """What was loaded and how.

    Attributes:
        path: The file.
        strategy: "names", the file's were the network's; or "order", they were others, matched by kind, order, shape.
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
    """Load a `.params` file into a Gluon network, whatever the names in it.

    Names may be structural (`net.0.weight`), prefixed (`plsr_network0_conv0_weight`), bare (`conv0_weight`), marked
    `arg:` and `aux:`, or missing. Every parameter must be met and every array used; constants that a file lacks
    keep their value.

    Args:
        net: Block whose parameters have known shapes.
        path: The file.
        ctx: Device or devices; None: where the network is, else the CPU.

    Raises:
        ParamsFormatError: The file is no `.params` file.
        UserError: The file does not fit the network.
        OSError: The file cannot be read.
    """
    from .._mxnet import mx

    arrays = read_params(path)
    parameters = net._collect_params_with_prefix()
    constants = {name for name, p in parameters.items() if isinstance(p, mx.gluon.Constant)}
    wanted = {name: p.shape for name, p in parameters.items()}
    try:
        strategy, pairs = match_names(wanted, {name: a.shape for name, a in arrays.items()}, constants)
    except UserError as error:
        raise UserError(f"{os.fspath(path)} does not fit {type(net).__name__}: {error}") from error
    if any(p._data is None and not p._deferred_init for p in parameters.values()):
        net.initialize(ctx=ctx or mx.cpu())
    elif ctx is not None:
        net.collect_params().reset_ctx(ctx)
    cast, bad = [], 0
    for name, source in pairs:
        array, dtype = arrays[source], np.dtype(parameters[name].dtype)
        if array.dtype != dtype:
            cast.append(source)
        bad += int(array.size - np.isfinite(array).sum())
        parameters[name].set_data(mx.nd.array(array, dtype=dtype))
    return LoadReport(os.fspath(path), strategy, tuple(pairs), tuple(cast), bad)


def match_names(
    wanted: Shapes, found: Shapes, optional: set[str] | frozenset[str] = frozenset()
) -> tuple[str, list[tuple[str, str]]]:
    """Pair a network's parameters with a file's arrays.

    Args:
        wanted: The network's structural names and shapes, in creation order.
        found: The file's.
        optional: Parameters that may be missing in the file.

    Returns:
        The strategy, as in `LoadReport`, and the pairs (wanted, found).

    Raises:
        UserError: They do not fit, or fit only by guessing.
    """
    canonical = {canonical_name(name): name for name in found}
    if len(canonical) < len(found):
        raise UserError("two of its arrays have the same name but for arg: and aux:")
    present = {name: shape for name, shape in wanted.items() if name in canonical or name not in optional}
    if set(present) & set(canonical):
        _check_same_names(present, canonical)
        pairs = [(name, canonical[name]) for name in present]
        for name, source in pairs:
            if present[name] != found[source]:
                raise UserError(f"{name} is {present[name]} in the network and {found[source]} in the file")
        return "names", pairs
    present = {name: shape for name, shape in wanted.items() if name not in optional}
    return "order", _match_by_order(present, {canonical[name]: found[canonical[name]] for name in canonical})


def canonical_name(name: str) -> str:
    """Return a name without `arg:` or `aux:`, and with `running_` for the Module API's `moving_`."""
    name = re.sub(r"^(arg|aux):", "", name)
    return re.sub(r"moving_(mean|var)$", r"running_\1", name)


def _check_same_names(wanted: Shapes, found: Mapping[str, str]) -> None:
    missing = [name for name in wanted if name not in found]
    extra = [name for name in found if name not in wanted]
    if missing:
        near = get_close_matches(missing[0], extra, 1)
        hint = f"; its {near[0]} is nearest" if near else ""
        raise UserError(f"it lacks {len(missing)} of {len(wanted)} parameters, first {missing[0]}{hint}")
    if extra:
        raise UserError(f"it has {len(extra)} arrays that the network lacks, first {extra[0]}")


def _match_by_order(wanted: Shapes, found: Shapes) -> list[tuple[str, str]]:
    """Pair by kind (weight, gamma, …), and within a kind by order; all shapes must agree."""
    nameless = all(name.isdigit() for name in found)
    ours = {"": list(wanted)} if nameless else _by_kind(wanted)
    theirs = {"": list(found)} if nameless else _by_kind(found)
    pairs = []
    for kind in {**ours, **theirs}:
        for a, b in zip_longest(ours.get(kind, []), _in_creation_order(theirs.get(kind, []))):
            if a is None or b is None or wanted[a] != found[b]:
                here = f"{a} {wanted[a]}" if a else "nothing"
                there = f"{b} {found[b]}" if b else "nothing"
                raise UserError(f"where the network has {here}, the file has {there}")
            pairs.append((a, b))
    return pairs


def _by_kind(names: Shapes) -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = {}
    for name in names:
        match = KIND.search(canonical_name(name))
        kinds.setdefault(match[1] if match else "other", []).append(name)
    return kinds


def _in_creation_order(names: list[str]) -> list[str]:
    """Sort names that differ in one counter only: conv2 before conv10; leave others as they are."""
    matches = [NUMBERED.match(canonical_name(name)) for name in names]
    if not all(matches) or len({match["stem"] for match in matches if match}) > 1:
        return names
    numbers = {name: int(match["number"]) for name, match in zip(names, matches) if match}
    return sorted(names, key=numbers.__getitem__)
