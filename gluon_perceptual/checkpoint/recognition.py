"""Which of this package's networks a parameter file belongs to, by names and shapes."""

from __future__ import annotations

import logging
import math
import re
from pathlib import Path
from typing import Container, Mapping

import numpy as np

from ..errors import UserError
from ..files import Json
from ..formats.matching import Shapes
from ..nets.lowpass_kernel import cutoff_of
from .spec import IMAGENET_MEAN, ModelSpec

log = logging.getLogger(__name__)

LOW_PASSES = frozenset({"lowpass.filters", "decode.lowpass.filters"})
CONSTANTS = LOW_PASSES | {"enlarge.filters"}  # that a file may lack
_said: set[str] = set()


def recognize(path: Path, arrays: Mapping[str, np.ndarray]) -> ModelSpec:
    """Return which network the parameters in a file, from `formats.arrays.read_arrays`, belong to.

    The blog's network is recognized by its 1×1 convolutions, whatever the names; the mean of its training data is
    unknown, and ImageNet's is used. The other networks are recognized by their names as `save_parameters` writes them.

    Raises:
        UserError: No network matches.
    """
    spec = spec_of(arrays)
    if spec is None:
        hint = f", and there is no {path.stem}.json that describes one"
        symbol = path.with_name(re.sub(r"-\d{4}$", "", path.stem) + "-symbol.json")
        if is_fast_neural_style(arrays):
            hint = ": convert it with convert_style"
        elif symbol.exists():
            hint = f": give {symbol.name} as the model"
        raise UserError(f"{path}: no known network matches these parameters{hint}")
    say_what_is_assumed(path, spec)
    return spec


def say_what_is_assumed(path: Path, spec: ModelSpec) -> None:
    """Log, once per file, what is assumed about a recognized network."""
    if spec.network == "PlsrNet" and str(path) not in _said:
        _said.add(str(path))
        log.info(
            "%s: the blog's network. The mean of its training data is not in the file; ImageNet's is used, %s "
            "(describe_symbol sets another)",
            path, ",".join(map(str, spec.mean)),
        )  # fmt: skip


def is_fast_neural_style(names: Container[str]) -> bool:
    """Return whether a checkpoint with these names is one of PyTorch's fast-neural-style example."""
    return "deconv3.conv2d.weight" in names and "in1.weight" in names


def spec_of(arrays: Mapping[str, np.ndarray]) -> ModelSpec | None:
    """Return the spec of the network that has these parameters, by names and shapes, or None."""
    shapes = {name: array.shape for name, array in arrays.items()}
    filters = {name for name, shape in shapes.items() if len(shape) == 4 and min(shape) > 0}
    kernels = [shapes[name] for name in shapes if name in filters]
    units = sum(shape[2:] == (1, 1) for shape in kernels)
    if len(kernels) == 3 * units + 3 and kernels[0][1:] == (3, 9, 9) and units:
        arguments = {"width": kernels[0][0], "blocks": units}
        return ModelSpec("PlsrNet", arguments, max_value=1.0, mean=IMAGENET_MEAN)
    lowpass = next(({"lowpass": cutoff_of(arrays[name])} for name in LOW_PASSES & filters), {})
    enlarges = any(name.startswith("up.") for name in shapes)
    has_upsampling = not enlarges or bool({"up.0.0.weight", "up.0.1.weight"} & filters)
    if "head.0.weight" in filters and {"tail.weight", "tail.0.weight"} & filters and has_upsampling:
        return ModelSpec("SuperResolutionNet", {**_super_resolution_arguments(shapes), **lowpass})
    if "encode.1.0.weight" in filters and {"decode.0.0.weight", "decode.0.1.weight"} & filters:
        return ModelSpec("StyleNet", {**_style_arguments(shapes), **lowpass})
    if {"encode.0.1.weight", "decode.5.weight"} <= filters:
        style = {"width": shapes["encode.0.1.weight"][0], "norm": _norm(shapes, "encode.0.2")}
        return ModelSpec("FastNeuralStyleNet", style)
    return None


def _super_resolution_arguments(shapes: Shapes) -> dict[str, Json]:
    def count(part: str) -> int:
        return len({match[1] for name in shapes if (match := re.match(rf"{part}\.(\d+)\.", name))})

    width, is_direct = shapes["head.0.weight"][0], "tail.weight" not in shapes
    upsampling = _upsampling(shapes, "up.0", 4 * width) if count("up") else "transposed"
    return {
        "scale": math.isqrt(shapes["tail.0.weight"][0] // 3) if is_direct else 2 ** count("up"),
        "width": width,
        "blocks": count("body"),
        "norm": _norm(shapes, "head.1"),
        "upsampling": "direct" if is_direct else upsampling,
        "skip": "enlarge.filters" in shapes,
    }


def _style_arguments(shapes: Shapes) -> dict[str, Json]:
    width = shapes["encode.1.0.weight"][0]
    return {
        "width": width,
        "norm": _norm(shapes, "encode.1.1"),
        "upsampling": _upsampling(shapes, "decode.0", 8 * width),
        "output": "linear" if "decode.3.weight" in shapes else "tanh",
    }


def _norm(shapes: Shapes, layer: str) -> str:
    if f"{layer}.gamma" not in shapes:
        return "none"
    return "batch" if f"{layer}.running_mean" in shapes else "instance"


def _upsampling(shapes: Shapes, block: str, phases: int) -> str:
    """Return the kind of an upsampling block by its first layer; `phases` is the number of channels of four phases."""
    first = shapes.get(f"{block}.0.weight")
    if first is None:
        return "nearest"
    return "subpixel" if first[:1] == (phases,) else "transposed"
