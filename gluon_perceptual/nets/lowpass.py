"""A fixed low-pass filter against fine waves that a loss takes for texture: a weave, a style's mesh, colored noise."""

from __future__ import annotations

from typing import Any

from .._mxnet import NDArray, Operators, mx
from .._mxnet.gluon import constant
from .lowpass_kernel import RADIUS, Cutoff, lowpass_filters, planes_together


class LowPass(mx.gluon.HybridBlock):
    """(N, C, H, W) -> the same: each plane through `lowpass_kernel`, border pixels repeated.

    With two cut-offs C is 3, RGB: luma goes through the first one's kernel, chroma through the second's.

    oneDNN has no fast kernel for one filter of one channel. So a convolution of stride `step`, which must divide H and
    W, computes a block of step² pixels at once, each with a copy of the kernel at its own offset.
    """

    def __init__(self, cutoff: Cutoff, step: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._step, self._planes = step, planes_together(cutoff)
        with self.name_scope():
            self.filters = constant(self, "filters", lowpass_filters(cutoff, step))

    def hybrid_forward(self, F: Operators, x: NDArray, filters: NDArray) -> NDArray:
        """Filter each plane, or RGB together, all step² phases at once."""
        step, side, planes = self._step, 2 * RADIUS + self._step, self._planes
        separate = F.reshape(x, (-1, planes, 0, 0), reverse=True)
        framed = F.pad(separate, mode="edge", pad_width=(0, 0, 0, 0, *4 * [RADIUS]))
        options = {"kernel": (side, side), "stride": (step, step), "num_filter": planes * step**2, "no_bias": True}
        return F.reshape_like(F.depth_to_space(F.Convolution(framed, filters, **options), step), x)
