"""Graphs of symbols, as their files have them."""


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
