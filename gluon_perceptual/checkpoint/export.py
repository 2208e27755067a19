"""Models for other programs: ONNX graphs, and safetensors with their spec."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any, Mapping

import numpy as np

from .._mxnet import Block, mx
from .._mxnet.gluon import value_of, values_of
from ..errors import UserError, require
from ..files import Json, atomic_path, write_bytes
from ..nets.pixels import PixelRangeAdapter
from .spec import ModelSpec, describe

OPSET, IR_VERSION = 13, 7  # what MXNet's converters write; ONNX Runtime 1.8 and later read it
INPUT, OUTPUT = "input", "output"
TRACED_SIZE = (1, 3, 32, 32)


def export_onnx(path: Path, model: Block, spec: ModelSpec | Mapping[str, Json], pictures: bool = False) -> None:
    """Write a model as an ONNX graph from `input` to `output`, for any batch, height and width.

    Args:
        path: The file.
        model: From pictures to pictures, with `scale`; initialized on the CPU.
        spec: How the model was built, for the metadata.
        pictures: False: (N, 3, H, W) float32 RGB in [0, 255] -> (N, 3, scale·H, scale·W), not clipped. True: the graph
            includes pre- and post-processing, (N, H, W, 3) uint8 RGB -> (N, scale·H, scale·W, 3) uint8.

    Raises:
        MissingDependencyError: ONNX is not installed.
        UserError: The network has a layer that MXNet cannot convert.
        OSError: The file cannot be written.
    """
    onnx = require("onnx", "onnx", "an ONNX file")
    recipe = describe(spec) if isinstance(spec, ModelSpec) else dict(spec)
    with atomic_path(path) as temporary:
        _convert(temporary, model, path)
        graph = onnx.load(str(temporary))
        _tidy(onnx, graph)
        if pictures:
            _take_pictures(onnx, graph)
        onnx.helper.set_model_props(graph, {"recipe": json.dumps(recipe), "scale": str(model.scale)})
        onnx.checker.check_model(graph, full_check=True)
        onnx.save(graph, str(temporary))


def _convert(path: Path, model: Block, asked_for: Path) -> None:
    """Write the model with MXNet's converter; errors name the file that was asked for."""
    with mx.gpu():  # nothing runs there: layers of `nets.fast` take their plain form, which is fast elsewhere
        symbol = model(mx.sym.var(INPUT))
    parameters = {parameter.name: value_of(parameter) for parameter in model.collect_params().values()}
    sizes = [("batch", 3, "height", "width")]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # it uses names that later versions of ONNX change
            mx.onnx.export_model(
                symbol, parameters, [TRACED_SIZE], np.float32, str(path), dynamic=True, dynamic_input_shapes=sizes
            )
    except (AttributeError, NotImplementedError) as error:  # what the converters raise
        if "has no attribute" in str(error):  # Python's own AttributeError: a fault in a program
            raise
        raise UserError(f"{asked_for}: MXNet cannot convert this network to ONNX: {error}") from error


def _tidy(onnx: Any, model: Any) -> None:
    """Name the output, make its size dynamic, remove parameters from the inputs, and set the right version."""
    graph = model.graph
    parameters = {initializer.name for initializer in graph.initializer}
    inputs = [entry for entry in graph.input if entry.name not in parameters]
    del graph.input[:]
    graph.input.extend(inputs)
    old = graph.output[0].name
    graph.node.append(onnx.helper.make_node("Identity", [old], [OUTPUT]))
    _declare(onnx, graph.output, OUTPUT, onnx.TensorProto.FLOAT, ("batch", 3, "output_height", "output_width"))
    del model.opset_import[:]
    model.opset_import.append(onnx.helper.make_opsetid("", OPSET))
    model.ir_version = IR_VERSION


def _take_pictures(onnx: Any, model: Any) -> None:
    """Add the steps of `image.io.to_tensor` and `to_image` around the graph, for uint8 pictures."""
    graph, node = model.graph, onnx.helper.make_node
    for entry in graph.node:
        entry.input[:] = ["tensor" if name == INPUT else name for name in entry.input]
        entry.output[:] = ["values" if name == OUTPUT else name for name in entry.output]
    before = [
        node("Transpose", [INPUT], ["planes"], perm=(0, 3, 1, 2)),
        node("Cast", ["planes"], ["tensor"], to=onnx.TensorProto.FLOAT),
    ]
    after = [
        node("Clip", ["values", "black", "white"], ["clipped"]),
        node("Round", ["clipped"], ["rounded"]),
        node("Cast", ["rounded"], ["bytes"], to=onnx.TensorProto.UINT8),
        node("Transpose", ["bytes"], [OUTPUT], perm=(0, 2, 3, 1)),
    ]
    nodes = [*before, *graph.node, *after]
    del graph.node[:]
    graph.node.extend(nodes)
    for name, value in (("black", 0.0), ("white", 255.0)):
        graph.initializer.append(onnx.numpy_helper.from_array(np.float32(value), name))
    kind = onnx.TensorProto.UINT8
    _declare(onnx, graph.input, INPUT, kind, ("batch", "height", "width", 3))
    _declare(onnx, graph.output, OUTPUT, kind, ("batch", "output_height", "output_width", 3))


def _declare(onnx: Any, entries: Any, name: str, kind: int, shape: tuple[Any, ...]) -> None:
    del entries[:]
    entries.append(onnx.helper.make_tensor_value_info(name, kind, shape))


def export_safetensors(path: Path, model: PixelRangeAdapter, spec: ModelSpec) -> None:
    """Write a model's parameters, by their structural names, with the spec as metadata; `load_model` reads it back.

    Raises:
        MissingDependencyError: safetensors is not installed.
        OSError: The file cannot be written.
    """
    library = require("safetensors.numpy", "safetensors", "a safetensors file")
    write_bytes(path, library.save(values_of(model.net), {"recipe": json.dumps(describe(spec))}))
