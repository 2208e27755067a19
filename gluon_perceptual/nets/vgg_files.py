"""Reads VGG's convolutions from files of any framework: recognizes the network, its variant and the layout."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Mapping, Sequence

import numpy as np

from .. import weights as shipped
from ..errors import UserError
from ..formats.arrays import check_finite, read_arrays
from ..formats.matching import Shapes, fits, natural_order
from ..formats.mxnet_params import read_params

CONVS_OF_STAGE = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}  # VGG16, the paper's, and VGG19, Gatys et al.'s
ROUNDED = 1e-3  # largest change of the first layer's released weights by rounding to float16


def read_vgg_weights(paths: Sequence[Path]) -> tuple[list[np.ndarray], str, int]:
    """Return VGG's convolutions as [weight, bias, weight, …] for RGB input, their variant, and the depth.

    The files are of any kind that `formats.arrays.read_arrays` knows: the model zoo's, torchvision's `.pth`,
    safetensors, Keras's. Arrays are returned as float32, weights as (out, in, 3, 3). The variant is "torchvision" if
    the names are the model zoo's (`vgg0_conv0…`); "original" if the first layer is that of the released VGG16, in
    either order of channels, or the names are the release's (`conv1_1…`) or Keras's (`block1_conv1…`), which has its
    weights; otherwise "torchvision". The first stages of VGG19 are taken for VGG16's.

    Raises:
        UserError: A file has arrays other than VGG's convolutions (dense layers after them are ignored).
        OSError: A file cannot be read.
    """
    arrays = {name: array for path in paths for name, array in read_arrays(path).items()}
    found = {name: array.shape for name, array in arrays.items()}
    weights, biases = ([_as_oihw(arrays[name]) for name in names] for names in _convolutions(found))
    shapes = [weight.shape for weight in weights]
    depth = next((depth for depth in CONVS_OF_STAGE if shapes == _weight_shapes(depth)[: len(shapes)]), 0)
    if not weights or not depth:
        raise UserError(f"{paths[0]}: these are not the convolutions of VGG16 or VGG19")
    if [bias.shape for bias in biases[: len(weights)]] != [shape[:1] for shape in shapes]:
        raise UserError(f"{paths[0]}: the biases are not those of VGG's convolutions (batch norm is not supported)")
    check_finite(paths[0], {f"its array {k}": array for k, array in enumerate([*weights, *biases])})
    variant, bgr = _variant(weights[0], arrays)
    if bgr:
        weights[0] = np.ascontiguousarray(weights[0][:, ::-1])
    return [array for pair in zip(weights, biases) for array in pair], variant, depth


def variant_of(weights: str) -> str:
    """Return the variant of these weights, as `vgg.LossNetwork.pretrained` takes them: a file is read.

    Raises:
        UserError, OSError: As `read_vgg_weights`.
    """
    known = {"shipped": "original", "zoo": "torchvision", "zoo19": "torchvision"}
    return known[weights] if weights in known else read_vgg_weights([Path(weights)])[1]


def beginning_of_vgg(wanted: Shapes, found: Shapes) -> list[tuple[str, str]]:
    """Pair a network's parameters, in order, with the first ones of a whole VGG16 or VGG19, by names and shapes.

    Returns:
        The pairs (wanted, found); none if the file is not a whole VGG, or the network not its beginning.
    """
    weights, biases = _convolutions(found)
    shapes = [found[name] for name in weights]
    names = [name for pair in zip(weights, biases) for name in pair]
    whole = any(shapes == _weight_shapes(depth) for depth in CONVS_OF_STAGE) and len(wanted) <= len(names)
    pairs = list(zip(wanted, names))
    return pairs if whole and all(fits(wanted[a], found[b]) for a, b in pairs) else []


def _convolutions(shapes: Shapes) -> tuple[list[str], list[str]]:
    """Return the names of weights and biases in the order of the layers, without dense layers."""
    dense = {_layer(name) for name, shape in shapes.items() if len(shape) == 2}
    names = sorted((name for name in shapes if _layer(name) not in dense), key=natural_order)
    return [name for name in names if len(shapes[name]) == 4], [name for name in names if len(shapes[name]) == 1]


def _layer(name: str) -> str:
    """Return "features.0" for "features.0.weight", "fc1/fc1" for "fc1/fc1/kernel:0"."""
    return name.rpartition("/")[0] or re.sub(r"[._][^._]*$", "", name)


def _as_oihw(array: np.ndarray) -> np.ndarray:
    """Return float32, and Keras's (3, 3, in, out) as (out, in, 3, 3)."""
    keras = array.ndim == 4 and array.shape[:2] == (3, 3) != array.shape[2:]
    return np.ascontiguousarray(array.transpose(3, 2, 0, 1) if keras else array, np.float32)


def _variant(first: np.ndarray, names: Mapping[str, np.ndarray]) -> tuple[str, bool]:
    """Return the variant, and whether the first layer's channels are in BGR order."""
    if any(re.match(r"vgg\d+_conv", name) for name in names):
        return "torchvision", False
    released = read_params(shipped.vgg16_paths(stages=1)[0])["conv1_1_weight"]
    for bgr, weight in ((True, first), (False, first[:, ::-1])):
        if np.abs(weight - released).max() < ROUNDED:
            return "original", bgr
    known = any(mark in name for name in names for mark in ("conv1_1", "block1_conv1"))
    return ("original", True) if known else ("torchvision", False)


def _weight_shapes(depth: int) -> list[tuple[int, ...]]:
    stages = enumerate(CONVS_OF_STAGE[depth])
    channels = [3, *(64 * min(2**stage, 8) for stage, convs in stages for _ in range(convs))]
    return [(out, into, 3, 3) for into, out in zip(channels, channels[1:])]
