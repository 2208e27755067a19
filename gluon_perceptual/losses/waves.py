"""The fine waves on plain ground that a feature loss rewards, as a loss: against a weave, and echoes of edges."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from ..choices import WaveKind
from .functional import mean_of_each

if TYPE_CHECKING:
    from .._mxnet import NDArray, Operators


class Counted(NamedTuple):
    """Which waves count, and where: in square blocks that overlap by half and in which the truth is smooth.

    Attributes:
        block: Side of the blocks in pixels, even.
        smooth: Standard deviation of the truth in a block, in gray levels, up to which it is smooth.
        fine: Cycles per pixel above which waves count. The window smears them over 2 / block: of a wave of 0.19 cycles
            per pixel, "echoes" see half.
    """

    block: int
    smooth: float
    fine: float

    @property
    def waves(self) -> int:
        """Number of waves that a block distinguishes: half a plane of frequencies."""
        return self.block * (self.block // 2 + 1)

    @property
    def scale(self) -> float:
        """Factor of the filters, by Parseval: a wave's squared results add up to its squared height."""
        return 16 / (3 * self.block**2)


KINDS: dict[WaveKind, Counted] = {
    "waves": Counted(32, 10.0, 0.25),  # the weave that `evaluation.spectrum` measures
    "echoes": Counted(8, 4.0, 0.2),  # small blocks fit between an edge and the lines that repeat it
}


def wave_error(F: Operators, a: NDArray, b: NDArray, kind: WaveKind = "waves") -> NDArray:
    """Return how strong the fine waves are that a has and b, the truth, lacks: (N, 3, H, W) in [0, 255] -> (N,).

    Each channel is cut into blocks under a Hann window. Where the truth is smooth, the squared heights of all fine
    waves are compared with the truth's, and the excesses summed; the result is the mean over all blocks. H and W are at
    least a block, and best multiples of half of one: a rest at the right and below is left out. `KINDS` has the blocks
    of each kind. Not in the paper or the blog.
    """
    counted = KINDS[kind]
    block = counted.block
    filters = _filters(F, F.slice_axis(b, axis=3, begin=0, end=block), counted)
    blocks = {"kernel": (block, block), "stride": (block // 2, block // 2)}
    output, truth = (F.reshape(x, (-1, 1, 0, 0), reverse=True) for x in (a, b))
    power = []
    for x in (output, truth):
        parts = F.square(F.Convolution(x, filters, num_filter=2 * counted.waves, no_bias=True, **blocks))
        cosines, sines = F.split(parts, axis=1, num_outputs=2)
        power.append(cosines + sines)
    means, squares = (F.Pooling(x, pool_type="avg", **blocks) for x in (truth, F.square(truth)))
    smooth = squares - F.square(means) <= counted.smooth**2
    excess = F.sum(F.relu(power[0] - power[1]), axis=1, keepdims=True) * smooth
    return mean_of_each(F, F.reshape(excess, (-1, 3, 0, 0), reverse=True))


def _filters(F: Operators, like: NDArray, counted: Counted) -> NDArray:
    """Return filters (2·waves, 1, block, block): cosines, then sines, of the fine waves, zeros for the coarse ones.

    `like` is as wide as a block, of the type and on the device of the pictures.
    """
    places, block = F.contrib.arange_like(like, axis=3), counted.block
    p, q, y, x = (F.reshape(places, (1,) * axis + (-1,) + (1,) * (3 - axis)) for axis in range(4))
    q = F.slice_axis(q, axis=1, begin=0, end=block // 2 + 1)
    angles = F.broadcast_add(F.broadcast_mul(p, y), F.broadcast_mul(q, x)) * (2 * math.pi / block)
    frequencies = F.broadcast_add(F.square(block / 2 - F.abs(p - block / 2)), F.square(q))
    fine = frequencies > (counted.fine * block) ** 2
    both = F.abs(q - block / 4) == block / 4  # at both ends, the half plane has each wave twice
    window = F.broadcast_mul(*(F.square(F.sin(places * (math.pi / block))) for places in (y, x)))
    heights = F.broadcast_mul(F.broadcast_mul(fine, F.sqrt(1 - both / 2)), window * counted.scale)
    kernels = F.concat(*(F.broadcast_mul(heights, part(angles)) for part in (F.cos, F.sin)), dim=0)
    return F.BlockGrad(F.reshape(kernels, (-1, 1, block, block)))
