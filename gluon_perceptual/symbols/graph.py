"""Symbols from their JSON, node by node.

MXNet's own loader believes all that the JSON says of nodes and outputs, and crashes the process where it is wrong. Of
MXNet's operators those are used that `operators` lists.
"""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path
from typing import Any, Mapping, Sequence

from .._mxnet import mx
from .._mxnet.gluon import internal_operators
from ..errors import UserError
from ..files import input_file, parse_json
from .operators import check_operator

MOST_NODES = 10_000  # read in seconds, and about ten times as many as large networks have
MOST_VALUES = 1 << 30  # of all layers together: 4 GiB
LOSSES = ("LinearRegressionOutput", "MAERegressionOutput")  # in use, they give back what goes in


def read_symbol(path: Path) -> Any:
    """Return the symbol in a file that any MXNet wrote, without a loss layer at its end.

    Raises:
        UserError: It is no symbol, has not one output, or has an operator that this MXNet lacks.
        OSError: It cannot be read.
    """
    try:
        graph = parse_json(input_file(path).read_bytes())
        if not isinstance(graph, dict) or not {"nodes", "heads"} <= graph.keys():
            raise ValueError("it has no nodes and heads")
        symbols: list[Any] = []
        if len(graph["nodes"]) > MOST_NODES:
            raise ValueError(f"{len(graph['nodes'])} nodes, where {MOST_NODES} are enough")
        for node in graph["nodes"]:
            symbols.append(_apply(node, [_entry(symbols, entry) for entry in node["inputs"]]))
        (head,) = graph["heads"]
        last = graph["nodes"][head[0]]
        return _entry(symbols, last["inputs"][0] if last["op"] in LOSSES else head)
    except mx.MXNetError as error:
        raise UserError(f"{path}: not a symbol of this MXNet: {str(error).strip().splitlines()[-1]}") from error
    except (ValueError, LookupError, TypeError, AttributeError, NotImplementedError, SyntaxError) as error:
        raise UserError(f"{path}: not an MXNet symbol with one output ({error!r})") from error


def check_memory(path: Path, symbol: Any, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raise UserError where a small file would fill the memory: a few layers can make any picture huge.

    Layer by layer, since MXNet, which takes all at once, ends the process where sizes overflow.

    Args:
        path: What to call it in errors.
        symbol: From `read_symbol`.
        shapes: Of its inputs and parameters. Where they do not fit, nothing is said: MXNet will, and run nothing.
    """
    outputs: list[list[tuple[int, ...]]] = []
    values = 0
    for node in parse_json(symbol.tojson())["nodes"]:
        given = [outputs[number][output] for number, output, *_ in node["inputs"]]
        try:
            outputs.append(_shapes(node, given) if node["op"] != "null" else [shapes[node["name"]]])
        except mx.MXNetError:
            return
        values += sum(map(math.prod, outputs[-1]))
        if values > MOST_VALUES or not all(min(shape, default=0) > 0 for shape in outputs[-1]):
            made = " and ".join(map(str, outputs[-1]))
            raise UserError(f"{path}: {node['name']} would make {made} of a small picture")


def _shapes(node: dict[str, Any], given: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Return the shapes of an operator's outputs; () where MXNet does not know."""
    variables = [mx.sym.var(f"x{k}", shape=shape) for k, shape in enumerate(given)]
    _, made, _ = _apply(node, variables).infer_shape_partial(x0=given[0])
    return [shape or () for shape in made]


def _entry(symbols: Sequence[Any], entry: Sequence[int]) -> Any:
    """Return the output that [node, output, …] names."""
    number, output, *_ = entry
    if not 0 <= number < len(symbols) or not 0 <= output < len(symbols[number].list_outputs()):
        raise ValueError(f"there is no output {output} of node {number}")
    return symbols[number][output]


def _apply(node: dict[str, Any], inputs: list[Any]) -> Any:
    """Return a variable, or an operator with its inputs."""
    operator, name = str(node["op"]), str(node["name"])
    if operator == "null":
        return mx.sym.var(name)
    attributes = node.get("attrs") or node.get("attr") or node.get("param") or {}  # by age
    options = {key: value for key, value in attributes.items() if not key.startswith("__")}
    check_operator(operator, options)
    return _function(operator)(*inputs, name=name, **options)


@lru_cache(maxsize=None)
def _function(operator: str) -> Any:
    short = operator.replace("_contrib_", "", 1)
    for module, name in ((mx.sym, operator), (internal_operators(), operator), (mx.sym.contrib, short)):
        if hasattr(module, name):
            return getattr(module, name)
    raise ValueError(f"this MXNet has no operator {operator}")
