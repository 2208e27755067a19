"""Batch normalization folded into the preceding convolutions, for networks that are no longer trained."""

from __future__ import annotations

import numpy as np

from .._mxnet import Block, nn
from .._mxnet.gluon import leaves, operator_arguments, own_parameters, value_of


def fold_batch_norm(
    weight: np.ndarray, bias: np.ndarray | None, norm: dict[str, np.ndarray], epsilon: float, output_axis: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return weight and bias of the convolution equivalent to a convolution and its batch normalization.

    Args:
        weight: (out, in, kh, kw), or (in, out, kh, kw) for a transposed convolution with `output_axis` 1.
        bias: (out,) or None.
        norm: `gamma`, `beta`, `running_mean`, `running_var`, (C,) each. If C is a fraction of `out`, as after
            sub-pixel upsampling, output channel k is normalized as channel k mod C.
        epsilon: The normalization's.
        output_axis: Axis of the outputs in `weight`.
    """
    outputs = weight.shape[output_axis]
    gamma, beta, mean, variance = (
        np.tile(norm[name].astype(np.float64), outputs // norm[name].size)
        for name in ("gamma", "beta", "running_mean", "running_var")
    )
    factor = gamma / np.sqrt(variance + epsilon)
    along_outputs = [1] * weight.ndim
    along_outputs[output_axis] = outputs
    shift = beta - mean * factor if bias is None else beta + (bias - mean) * factor
    return (weight * factor.reshape(along_outputs)).astype(weight.dtype), shift.astype(weight.dtype)


def has_batch_norm(net: Block) -> bool:
    """Return whether `net` contains a batch normalization."""
    return any(isinstance(block, nn.BatchNorm) for _, block in leaves(net))


def folded_parameters(net: Block) -> dict[str, np.ndarray]:
    """Return the parameters, by structural name, with which the network without normalization does the same.

    Each batch normalization is assumed to follow the convolution registered before it, as in all networks here.
    """
    folded: dict[str, np.ndarray] = {}
    convolution, transposed = "", False
    for name, block in leaves(net):
        values = {key: value_of(parameter).asnumpy() for key, parameter in own_parameters(block).items()}
        if isinstance(block, nn.BatchNorm):
            before = folded[f"{convolution}.weight"], folded.get(f"{convolution}.bias")
            after = fold_batch_norm(*before, values, operator_arguments(block)["eps"], int(transposed))
            folded[f"{convolution}.weight"], folded[f"{convolution}.bias"] = after
            continue
        if "weight" in values:
            convolution, transposed = name, isinstance(block, nn.Conv2DTranspose)
        folded.update({f"{name}.{key}": value for key, value in values.items()})
    return folded
