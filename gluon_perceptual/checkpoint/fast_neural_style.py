"""Checkpoints of PyTorch's fast-neural-style example -> models of this package.

Its code: github.com/pytorch/examples, fast_neural_style/neural_style/transformer_net.py.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Mapping

import numpy as np

from ..errors import UserError
from ..formats.arrays import check_finite, read_arrays
from .parameters import expected_parameters
from .recognition import is_fast_neural_style
from .spec import ModelSpec

if TYPE_CHECKING:
    from ..nets.pixels import PixelRangeAdapter

LAYERS = {
    "conv1": "encode.0", "conv2": "encode.1", "conv3": "encode.2",
    **{f"res{k}.conv1": f"body.{k - 1}.conv" for k in range(1, 6)},
    **{f"res{k}.conv2": f"body.{k - 1}.conv2" for k in range(1, 6)},
    "deconv1": "decode.1", "deconv2": "decode.3",
}  # fmt: skip
NORMS = {
    "in1": "encode.0", "in2": "encode.1", "in3": "encode.2",
    **{f"res{k}.in1": f"body.{k - 1}.conv" for k in range(1, 6)},
    **{f"res{k}.in2": f"body.{k - 1}.conv2" for k in range(1, 6)},
    "in4": "decode.1", "in5": "decode.3",
}  # fmt: skip
NAMES = {
    **{f"{theirs}.conv2d.weight": f"{ours}.1.weight" for theirs, ours in LAYERS.items()},
    **{f"{theirs}.weight": f"{ours}.2.gamma" for theirs, ours in NORMS.items()},
    **{f"{theirs}.bias": f"{ours}.2.beta" for theirs, ours in NORMS.items()},
    "deconv3.conv2d.weight": "decode.5.weight",
    "deconv3.conv2d.bias": "decode.5.bias",
}
IGNORED = re.compile(r".*\.(running_mean|running_var|num_batches_tracked)")  # obsolete: instance norms do not have them
CANCELED = {f"{theirs}.conv2d.bias" for theirs in LAYERS}  # canceled by the norm that follows


def convert_fast_neural_style(path: Path) -> tuple[PixelRangeAdapter, ModelSpec]:
    """Return the model in a checkpoint of the example, and its spec, for `model.save_model`.

    Raises:
        UserError: It is not such a checkpoint, or of another network.
        OSError: It cannot be read.
    """
    arrays = read_arrays(path)
    if not is_fast_neural_style(arrays):
        raise UserError(f"{path}: not a checkpoint of PyTorch's fast-neural-style example (its names differ)")
    found = _renamed(path, arrays)
    first = found["encode.0.1.weight"]
    if first.ndim != 4 or not first.size:
        raise UserError(f"{path}: the weights of its first convolution have shape {first.shape}")
    spec = ModelSpec("FastNeuralStyleNet", {"width": len(first), "norm": "instance"})
    for name, shape in expected_parameters(spec).items():
        if found[name].shape != shape:
            raise UserError(f"{path}: {name} has shape {found[name].shape}; the network needs {shape}")
    check_finite(path, found)
    from .model import with_parameters  # loads MXNet, which takes seconds

    return with_parameters(spec, found), spec


def _renamed(path: Path, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return all arrays under this package's names."""
    missing = sorted(set(NAMES) - set(arrays))
    extra = sorted(name for name in set(arrays) - set(NAMES) - CANCELED if not IGNORED.fullmatch(name))
    if missing or extra:
        what = f"it lacks {missing[0]}" if missing else f"it has {extra[0]}"
        raise UserError(f"{path}: not the network of PyTorch's fast-neural-style example: {what}")
    return {ours: arrays[theirs] for theirs, ours in NAMES.items()}
