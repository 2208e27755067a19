"""The operators and attributes that an untrusted symbol may have: others can crash the process or read its memory.

MXNet's registry also holds operators for training, internal ones (`_NDArray` takes an address), and those for graphs
and detection; and MXNet divides by a `num_group` or `num_groups` of 0.
"""

from __future__ import annotations

import math
import re
from typing import Mapping, Sequence, Tuple

Shape = Tuple[int, ...]

LAYERS = """Activation BatchNorm Convolution Deconvolution Dropout FullyConnected GroupNorm InstanceNorm
L2Normalization LRN LayerNorm LeakyReLU Pooling SoftmaxActivation Softmax softmax log_softmax SoftmaxOutput
LinearRegressionOutput MAERegressionOutput LogisticRegressionOutput UpSampling _contrib_AdaptiveAvgPooling2D
_contrib_BilinearResize2D"""
SAME_SIZE = """Cast cast amp_cast Flatten flatten Reshape reshape SwapAxis swapaxes depth_to_space space_to_depth
expand_dims squeeze transpose reshape_like identity _copy BlockGrad stop_gradient"""
SHAPES = """Concat concat Crop Pad pad SliceChannel split slice slice_axis slice_like stack broadcast_axis
broadcast_axes broadcast_like"""
NUMBERS = """abs ceil clip cos exp floor hard_sigmoid log max mean min negative norm reciprocal relu rint round rsqrt
sigmoid sign sin softsign sqrt square sum tanh add_n ElementWiseSum elemwise_add elemwise_sub elemwise_mul elemwise_div
_Plus _Minus _Mul _Div _plus _minus _mul _div _add _sub _grad_add _maximum _minimum _Maximum _Minimum _power _Power
broadcast_add broadcast_plus broadcast_sub broadcast_minus broadcast_mul broadcast_div broadcast_power
broadcast_maximum broadcast_minimum _plus_scalar _minus_scalar _rminus_scalar _mul_scalar _div_scalar _rdiv_scalar
_power_scalar _rpower_scalar _maximum_scalar _minimum_scalar _PlusScalar _MinusScalar _RMinusScalar _MulScalar
_DivScalar _RDivScalar _PowerScalar _RPowerScalar _MaximumScalar _MinimumScalar"""
KEEPS_SIZE = frozenset(SAME_SIZE.split())  # these return as many values as their first input has, in any shape
OPERATORS = KEEPS_SIZE | frozenset(f"{LAYERS} {SHAPES} {NUMBERS}".split())
PIXELS, CHANNELS, PARTS = 256, 65536, 1024  # with more parts, MXNet takes minutes
RANGES = {
    **dict.fromkeys(("kernel", "stride", "dilate", "scale", "block_size", "nsize"), (1, PIXELS)),
    **dict.fromkeys(("pad", "adj", "pad_width"), (0, PIXELS)),
    **dict.fromkeys(("num_filter", "num_group", "num_groups", "num_hidden"), (1, CHANNELS)),
    **dict.fromkeys(("num_outputs", "num_args"), (1, PARTS)),
    **dict.fromkeys(("height", "width"), (0, CHANNELS)),
}
FOREIGN = ("attr", "out", "name")  # arguments of MXNet's Python functions
FLOATS = ("float16", "float32", "float64")

# Time that an operator takes for a value, in multiplications of a convolution with many channels.
VALUE, WINDOW, THIN = 32, 64, 16  # any other operator, a pixel in a pooling window, a convolution with few channels
FEW = 16  # channels


def check_operator(operator: str, attributes: Mapping[str, object]) -> None:
    """Raise ValueError if such an operator is not allowed."""
    if operator not in OPERATORS:
        raise ValueError(f"the operator {operator[:80]} is not allowed in image-to-image networks")
    for name, value in attributes.items():
        if name in FOREIGN or not isinstance(value, (str, int, float)):
            raise ValueError(f"{operator} with {name[:80]} {str(value)[:80]}; expected one number or text")
    if str(attributes.get("use_length", False)) not in ("False", "0"):  # None crashes the process
        raise ValueError(f"{operator} with lengths, which pictures do not have")
    if str(attributes.get("dtype", "None")) not in (*FLOATS, "None"):  # MXNet divides integers by zero
        raise ValueError(f"{operator} to {str(attributes['dtype'])[:80]}; expected one of {', '.join(FLOATS)}")
    for name, (least, most) in RANGES.items():
        text = str(attributes.get(name, least))
        if any(not least <= float(number) <= most for number in re.findall(r"-?\d+", text)):
            raise ValueError(f"{operator} with {name} {text[:80]}; expected {least} to {most}")


def work(operator: str, attributes: Mapping[str, str], given: Sequence[Shape], made: Sequence[Shape]) -> int:
    """Return roughly how long an operator takes, in multiplications of a convolution with many channels."""
    values = sum(map(math.prod, made))
    if operator in ("Convolution", "Deconvolution", "FullyConnected"):
        first = math.prod(made[0] if operator == "Convolution" else given[0])
        few = THIN if operator != "FullyConnected" and given[1][0] < FEW else 1
        return few * first * math.prod(given[1][1:]) + VALUE * values
    if operator == "Pooling":
        whole = attributes.get("global_pool") in ("True", "1")
        sides = [int(side) for side in re.findall(r"\d+", attributes.get("kernel", "1"))]
        return WINDOW * max(math.prod(given[0]), 0 if whole else values * math.prod(sides))
    neighbors = int(attributes.get("nsize", 1))
    return VALUE * max(values, math.prod(given[0]) if given else 0) * neighbors


def scratch(operator: str, given: Sequence[Shape], made: Sequence[Shape]) -> int:
    """Return how many values an operator may hold besides inputs and outputs, such as the windows of a convolution."""
    if operator == "Convolution":
        return math.prod(given[1][1:]) * math.prod(made[0][2:])
    return math.prod(given[1][1:]) * math.prod(given[0][2:]) if operator == "Deconvolution" else 0
