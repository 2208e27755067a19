"""Which operators a symbol from a stranger may have, and with what: others crash the process, or read any memory.

MXNet's registry also holds what belongs to training, to its own inner works (`_NDArray` takes an address), and to
graphs and detection; and MXNet divides by a `num_group` or `num_groups` of 0.
"""

from __future__ import annotations

import re
from typing import Mapping

LAYERS = """Activation BatchNorm Convolution Deconvolution Dropout FullyConnected GroupNorm InstanceNorm
L2Normalization LRN LayerNorm LeakyReLU Pooling SoftmaxActivation Softmax softmax log_softmax SoftmaxOutput
LinearRegressionOutput MAERegressionOutput LogisticRegressionOutput UpSampling _contrib_AdaptiveAvgPooling2D
_contrib_BilinearResize2D"""
SHAPES = """Cast cast amp_cast Concat concat Crop Flatten flatten Pad pad Reshape reshape SliceChannel split
SwapAxis swapaxes depth_to_space space_to_depth expand_dims slice slice_axis slice_like squeeze stack transpose
broadcast_axis broadcast_axes broadcast_like reshape_like identity _copy BlockGrad stop_gradient"""
NUMBERS = """abs ceil clip cos exp floor hard_sigmoid log max mean min negative norm reciprocal relu rint round rsqrt
sigmoid sign sin softsign sqrt square sum tanh add_n ElementWiseSum elemwise_add elemwise_sub elemwise_mul elemwise_div
_Plus _Minus _Mul _Div _plus _minus _mul _div _add _sub _grad_add _maximum _minimum _Maximum _Minimum _power _Power
broadcast_add broadcast_plus broadcast_sub broadcast_minus broadcast_mul broadcast_div broadcast_power
broadcast_maximum broadcast_minimum _plus_scalar _minus_scalar _rminus_scalar _mul_scalar _div_scalar _rdiv_scalar
_power_scalar _rpower_scalar _maximum_scalar _minimum_scalar _PlusScalar _MinusScalar _RMinusScalar _MulScalar
_DivScalar _RDivScalar _PowerScalar _RPowerScalar _MaximumScalar _MinimumScalar"""
OPERATORS = frozenset(f"{LAYERS} {SHAPES} {NUMBERS}".split())
PIXELS, CHANNELS, PARTS = 256, 65536, 1024  # of more parts, MXNet takes minutes
RANGES = {
    **dict.fromkeys(("kernel", "stride", "dilate", "scale", "block_size", "nsize"), (1, PIXELS)),
    **dict.fromkeys(("pad", "adj", "pad_width"), (0, PIXELS)),
    **dict.fromkeys(("num_filter", "num_group", "num_groups", "num_hidden"), (1, CHANNELS)),
    **dict.fromkeys(("num_outputs", "num_args"), (1, PARTS)),
    **dict.fromkeys(("height", "width"), (0, CHANNELS)),
}


def check_operator(operator: str, attributes: Mapping[str, str]) -> None:
    """Raise ValueError where MXNet is not to be asked for such an operator."""
    if operator not in OPERATORS:
        raise ValueError(f"there is no operator {operator} in networks from pictures to pictures")
    if str(attributes.get("use_length", False)) not in ("False", "0"):  # None ends the process
        raise ValueError(f"{operator} with lengths, which pictures have not")
    for name, (least, most) in RANGES.items():
        text = str(attributes.get(name, least))
        if any(not least <= int(number) <= most for number in re.findall(r"-?\d+", text)):
            raise ValueError(f"{operator} with {name} {text}, where {least} to {most} is expected")
