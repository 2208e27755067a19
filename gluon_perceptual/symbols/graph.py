"""Symbols from their JSON, node by node.

MXNet's own loader trusts what the JSON says about nodes and outputs, and crashes the process if it is wrong. Only the
operators that `operators` lists are allowed.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Callable, Sequence

from .._mxnet import Symbol, mx
from .._mxnet.gluon import internal_operators
from ..errors import UserError
from ..files import Json, check_regular, parse_json
from .operators import check_operator

MOST_NODES = 10_000  # they are read within seconds, and are about ten times as many as large networks have
LARGEST_FILE = 64 << 20  # bytes
LOSSES = ("LinearRegressionOutput", "MAERegressionOutput")  # at inference, they return their input
NOTES = r"^(MXNetError: )?(Error in operator \S+: )?(\[[\d:]+\] \S+:\d+: )?"
ATTRIBUTES = ("attr", "param", "attrs")  # where nodes have them, newest last; before 0.9, "attr" held only annotations
MARKS = ("ctx_group", "lr_mult", "wd_mult", "force_mirroring", "mirror_stage")  # in old files, only for training


def read_symbol(path: Path) -> Symbol:
    """Return the symbol in a file written by any version of MXNet, without a loss layer at its end.

    Raises:
        UserError: It is not a symbol, does not have exactly one output, or has an operator that this MXNet lacks.
        OSError: It cannot be read.
    """
    try:
        if check_regular(path).stat().st_size > LARGEST_FILE:
            raise ValueError(f"{path.stat().st_size} bytes; at most {LARGEST_FILE} are allowed")
        nodes, head = _parts(parse_json(path.read_bytes()))
        symbols: list[Symbol] = []
        for node in nodes:
            symbols.append(apply(node, [_entry(symbols, entry) for entry in node["inputs"]]))
        last = nodes[head[0]] if 0 <= head[0] < len(nodes) else {}
        return _entry(symbols, last["inputs"][0] if last.get("op") in LOSSES and last["inputs"] else head)
    except mx.MXNetError as error:
        raise UserError(f"{path}: not a symbol of this MXNet: {reason_of(error)}") from error
    except ValueError as error:
        raise UserError(f"{path}: not an MXNet symbol with one output ({reason_of(error)})") from error


def _parts(graph: Json) -> tuple[list[dict[str, Json]], list[int]]:
    """Return a graph's nodes and its one output, or raise ValueError if they have not the form of such."""
    if not isinstance(graph, dict) or not {"nodes", "heads"} <= graph.keys():
        raise ValueError("it has no nodes and heads")
    nodes, heads = graph["nodes"], graph["heads"]
    if not isinstance(nodes, list) or not all(map(_is_node, nodes)):
        raise ValueError("nodes without an operator, a name and inputs")
    if len(nodes) > MOST_NODES:
        raise ValueError(f"{len(nodes)} nodes; at most {MOST_NODES} are allowed")
    if not isinstance(heads, list) or len(heads) != 1 or not _is_entry(heads[0]):
        raise ValueError(f"{len(heads) if isinstance(heads, list) else 'unknown'} outputs")
    return nodes, heads[0]


def _is_node(node: Json) -> bool:
    return (
        isinstance(node, dict)
        and all(isinstance(node.get(key), str) for key in ("op", "name"))
        and isinstance(node.get("inputs"), list)
        and all(map(_is_entry, node["inputs"]))
        and all(isinstance(node.get(key) or {}, dict) for key in ATTRIBUTES)
    )


def _is_entry(entry: Json) -> bool:
    """Return whether this is [node, output, …]."""
    return isinstance(entry, list) and len(entry) >= 2 and all(type(number) is int for number in entry[:2])


def apply(node: dict[str, Json], inputs: list[Symbol]) -> Symbol:
    """Return a variable, or an operator with its inputs; raises ValueError and MXNetError."""
    operator, name = node["op"], node["name"]
    if operator == "null":
        return mx.sym.var(name)
    attributes: dict[str, Json] = {}
    for key in ATTRIBUTES:
        attributes.update(node.get(key) or {})
    options = {key: value for key, value in attributes.items() if not key.startswith("__") and key not in MARKS}
    check_operator(operator, options)
    make = _function(operator)
    try:
        return make(*inputs, name=name, **options)
    except (TypeError, AttributeError, NotImplementedError) as error:  # MXNet's functions, of options or inputs
        raise ValueError(f"{operator}: {reason_of(error)}") from error


def reason_of(error: Exception) -> str:
    """Return an error in one line, without MXNet's time and source line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return re.sub(NOTES, "", lines[0])[:300] if lines else repr(error)


def _entry(symbols: Sequence[Symbol], entry: Sequence[int]) -> Symbol:
    """Return the output that [node, output, …] names."""
    number, output, *_ = entry
    if not 0 <= number < len(symbols) or not 0 <= output < len(symbols[number].list_outputs()):
        raise ValueError(f"node {number} has no output {output}")
    return symbols[number][output]


@lru_cache(maxsize=None)
def _function(operator: str) -> Callable[..., Symbol]:
    short = operator.replace("_contrib_", "", 1)
    for module, name in ((mx.sym, operator), (internal_operators(), operator), (mx.sym.contrib, short)):
        if hasattr(module, name):
            return getattr(module, name)
    raise ValueError(f"this MXNet has no operator {operator}")
