"""Symbols, and graphs of them as their files have them."""

import numpy as np

from gluon_perceptual._mxnet import mx
from gluon_perceptual.checkpoint import write_params

DELTA = np.zeros((1, 1, 3, 3), np.float32)
DELTA[0, 0, 1, 1] = 1


def save(folder, symbol, arrays, name="net"):
    """Write `name-symbol.json` and `name-0003.params`, and return the symbol's path."""
    (folder / f"{name}-symbol.json").write_text(symbol.tojson())
    write_params(folder / f"{name}-0003.params", {f"arg:{key}": np.float32(array) for key, array in arrays.items()})
    return folder / f"{name}-symbol.json"


def restorer(folder, peak=1.0, pad=1):
    """One 3×3 convolution of Y, the identity in [0, peak], which a ReLU ends above it; its head is a loss."""
    out = mx.sym.Convolution(mx.sym.var("data"), name="conv", kernel=(3, 3), num_filter=1, pad=(pad, pad))
    out = peak - mx.sym.relu(peak - out)
    head = mx.sym.LinearRegressionOutput(out, mx.sym.var("label"))
    return save(folder, head, {"conv_weight": DELTA, "conv_bias": [0]})


def doubler(folder):
    """Repeats pixels 2×2, in RGB."""
    weight = np.ones((3, 1, 2, 2))
    layer = {"kernel": (2, 2), "stride": (2, 2), "num_filter": 3, "num_group": 3, "no_bias": True}
    return save(folder, mx.sym.Deconvolution(mx.sym.var("picture"), name="up", **layer), {"up_weight": weight})


def changed(graph, **values):
    return {**graph, **values}


def with_operator(graph, operator, **attributes):
    nodes = [
        {**n, "op": operator, "attrs": {**n["attrs"], **attributes}} if n["op"] != "null" else n for n in graph["nodes"]
    ]
    return changed(graph, nodes=nodes)


def layers(count, operator, **attributes):
    """A graph of so many layers, each of the one before it, twice."""
    node = {"op": operator, "attrs": attributes}
    above = [{**node, "name": f"n{k}", "inputs": [[k, 0, 0]] * 2} for k in range(count)]
    return {"nodes": [{"op": "null", "name": "picture", "inputs": []}, *above], "heads": [[count, 0, 0]]}


def one_layer(operator, **attributes):
    graph = layers(1, operator, **attributes)
    graph["nodes"][1]["inputs"] = [[0, 0, 0]]
    return graph


def chain(*operators, variables=()):
    """A graph of layers, each of the one before: (operator, attributes), and the names of its parameters if any."""
    nodes = [{"op": "null", "name": name, "inputs": []} for name in ("data", *variables)]
    last = 0
    for number, (operator, attributes, *names) in enumerate(operators):
        places = [variables.index(name) + 1 for name in (names[0] if names else ())]
        inputs = [[place, 0, 0] for place in (last, *places)]
        nodes.append({"op": operator, "name": f"layer{number}", "attrs": attributes, "inputs": inputs})
        last = len(nodes) - 1
    return {"nodes": nodes, "arg_nodes": [0], "heads": [[last, 0, 0]]}
