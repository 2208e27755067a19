"""The output shape of each layer of a symbol, inferred before anything runs.

MXNet 1.9.1 trusts shapes: it reshapes 196,608 values to 3 and writes past their end, reads as many parameters of a
batch norm as there are channels, and takes a size that overflows for a small one. So every shape and type is inferred
layer by layer and compared with the actual ones, and the work and memory that they imply are counted.
"""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path
from typing import Mapping, NamedTuple, Tuple

import numpy as np

from .._mxnet import Symbol, mx
from ..errors import UserError
from ..files import parse_json
from .graph import apply, reason_of
from .operators import FLOATS, KEEPS_SIZE, Shape, scratch, work

MOST_VALUES = 1 << 30  # of all layers together, for a picture with sides of `SMALL` pixels: 4 GiB
MOST_WORK = 1 << 26  # multiplications per pixel, as `operators.work` counts them: EDSR of scale 4 has 2^25.7
SMALL = 96  # pixels a side; for smaller pictures, a network may use as much
MOST = f"{MOST_VALUES // SMALL**2:,} values, or work as for {MOST_WORK:,} multiplications,"
Attributes = Tuple[Tuple[str, str], ...]


class Tensor(NamedTuple):
    """The output of a layer before it has been computed."""

    shape: Shape
    dtype: str


class ShapeCheck:
    """Tells the shape of a symbol's output for an input of any shape, or why the symbol must not run.

    Args:
        path: What to call it in errors.
        symbol: From `graph.read_symbol`.
        parameters: Shapes of all its variables except its input; all are float32.
    """

    def __init__(self, path: Path, symbol: Symbol, parameters: Mapping[str, Shape]) -> None:
        self.path = path
        graph = parse_json(symbol.tojson())
        self.nodes, ((_, self.output, *_),) = graph["nodes"], graph["heads"]
        self.parameters = dict(parameters)
        self.input = next(
            node["name"] for node in self.nodes if node["op"] == "null" and node["name"] not in parameters
        )
        self._seen: dict[Shape, Shape] = {}

    def __call__(self, shape: Shape) -> Shape:
        """Return the output's shape for an input of this one.

        Raises:
            UserError: A layer does not match its inputs or parameters, does not return floats, or is too large.
        """
        if shape not in self._seen:
            try:
                self._seen[shape] = self.infer(shape)
            except ValueError as error:
                raise UserError(f"{self.path}: {error}") from error
        return self._seen[shape]

    def infer(self, shape: Shape) -> Shape:
        """Return the same, or raise ValueError, without the file's name."""
        outputs: list[list[Tensor]] = []
        values = total_work = 0
        pixels = max(math.prod(shape[2:]), SMALL**2)
        for node in self.nodes:
            if node["op"] == "null":
                outputs.append([Tensor(self.parameters.get(node["name"], shape), "float32")])
                continue
            attributes = tuple(sorted(node.get("attrs", {}).items()))
            given = tuple(outputs[number][output] for number, output, *_ in node["inputs"])
            try:
                made = _layer(node["op"], attributes, given)
            except (mx.MXNetError, ValueError, TypeError) as error:
                raise ValueError(f"{node['name']} cannot be run: {reason_of(error)}") from error
            outputs.append(made)
            shapes = [tensor.shape for tensor in given], [tensor.shape for tensor in made]
            values += sum(map(math.prod, shapes[1]))
            total_work += work(node["op"], dict(attributes), *shapes)
            most = MOST_VALUES * pixels // SMALL**2
            if max(values, scratch(node["op"], *shapes)) > most or total_work > MOST_WORK * pixels:
                sizes = " and ".join(str(tensor.shape) for tensor in made)
                raise ValueError(f"{node['name']} returns {sizes} for {shape}: over {MOST} per pixel")
        return outputs[-1][self.output].shape


@lru_cache(maxsize=4096)
def _layer(operator: str, attributes: Attributes, given: tuple[Tensor, ...]) -> list[Tensor]:
    """Return the output of an operator for such inputs.

    Raises:
        ValueError, TypeError, mx.MXNetError: It does not match them.
    """
    names = [f"x{k}" for k in range(len(given))]
    symbol = apply({"op": operator, "name": "layer", "attrs": dict(attributes)}, [mx.sym.var(name) for name in names])
    if symbol.list_inputs() != names:
        raise ValueError(f"{len(given)} inputs; expected {len(symbol.list_inputs())}")
    shapes = {name: tensor.shape for name, tensor in zip(names, given)}
    for name, found in _expected(symbol, given[0].shape).items():
        known = found and min(found) > 0
        single = operator == "LeakyReLU" and math.prod(shapes[name]) == 1  # one slope for all channels
        if known and found != shapes[name] and not single:
            raise ValueError(f"{operator} expects {found}, the file has {shapes[name]}")
    if _inputs(symbol, shapes) != shapes:
        raise ValueError(f"{operator} does not fit {', '.join(map(str, shapes.values()))}")
    _, made, _ = symbol.infer_shape_partial(**shapes)
    _, dtypes, _ = symbol.infer_type_partial(**{name: tensor.dtype for name, tensor in zip(names, given)})
    kinds = [np.dtype(dtype).name if dtype else "an unknown type" for dtype in dtypes]
    if not set(kinds) <= set(FLOATS):
        raise ValueError(f"{operator} returns {kinds[0]}; expected one of {', '.join(FLOATS)}")
    if not all(shape and min(shape) > 0 for shape in made):
        raise ValueError(f"{operator} returns {' and '.join(map(str, made))} for {given[0].shape}")
    if operator in KEEPS_SIZE and math.prod(made[0]) != math.prod(given[0].shape):
        raise ValueError(f"{operator} returns {made[0]} for {given[0].shape}: a different number of values")
    return [Tensor(tuple(shape), kind) for shape, kind in zip(made, kinds)]


def _expected(symbol: Symbol, first: Shape) -> dict[str, Shape]:
    """Return the shapes of the other inputs that follow from the first; MXNet checks only some of them."""
    try:
        return _inputs(symbol, {"x0": first})
    except mx.MXNetError:  # nothing can be inferred
        return {}


def _inputs(symbol: Symbol, shapes: Mapping[str, Shape]) -> dict[str, Shape]:
    """Return the inferred shapes of a symbol's inputs by name, () if MXNet cannot infer one."""
    arguments, _, states = symbol.infer_shape_partial(**shapes)
    named = [*zip(symbol.list_arguments(), arguments), *zip(symbol.list_auxiliary_states(), states)]
    return {name: tuple(shape or ()) for name, shape in named}
