"""The fine waves on plain ground that a feature loss rewards, as a loss: against a weave."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .functional import mean_of_each

if TYPE_CHECKING:
    from .._mxnet import NDArray, Operators

BLOCK = 32  # side of the blocks in pixels; they overlap by half. This and the next two are `evaluation.spectrum`'s
SMOOTH = 10.0  # gray levels: blocks of the truth count as smooth up to this standard deviation
FINE = 0.25  # cycles per pixel above which waves count
WAVES = BLOCK * (BLOCK // 2 + 1)  # that a block distinguishes: half a plane of frequencies
SCALE = 16 / (3 * BLOCK**2)  # of the filters, by Parseval: a wave's squared results add up to its squared height


def wave_error(F: Operators, a: NDArray, b: NDArray) -> NDArray:
    """Return how strong the fine waves are that a has and b, the truth, lacks: (N, 3, H, W) in [0, 255] -> (N,).

    Each channel is cut into blocks of 32×32 pixels under a Hann window. Where the truth is smooth, the squared heights
    of all waves of over 0.25 cycles per pixel are compared with the truth's, and the excesses summed; the result is the
    mean over all blocks. H and W are at least 32, and best multiples of 16: a rest at the right and below is left out.
    Not in the paper or the blog.
    """
    filters = _filters(F, F.slice_axis(b, axis=3, begin=0, end=BLOCK))
    blocks = {"kernel": (BLOCK, BLOCK), "stride": (BLOCK // 2, BLOCK // 2)}
    output, truth = (F.reshape(x, (-1, 1, 0, 0), reverse=True) for x in (a, b))
    power = []
    for x in (output, truth):
        parts = F.square(F.Convolution(x, filters, num_filter=2 * WAVES, no_bias=True, **blocks))
        cosines, sines = F.split(parts, axis=1, num_outputs=2)
        power.append(cosines + sines)
    means, squares = (F.Pooling(x, pool_type="avg", **blocks) for x in (truth, F.square(truth)))
    smooth = squares - F.square(means) <= SMOOTH**2
    excess = F.sum(F.relu(power[0] - power[1]), axis=1, keepdims=True) * smooth
    return mean_of_each(F, F.reshape(excess, (-1, 3, 0, 0), reverse=True))


def _filters(F: Operators, like: NDArray) -> NDArray:
    """Return filters (2·WAVES, 1, 32, 32): cosines, then sines, of the fine waves, zeros for the coarse ones.

    `like` is 32 wide, of the type and on the device of the pictures.
    """
    places = F.contrib.arange_like(like, axis=3)
    p, q, y, x = (F.reshape(places, (1,) * axis + (-1,) + (1,) * (3 - axis)) for axis in range(4))
    q = F.slice_axis(q, axis=1, begin=0, end=BLOCK // 2 + 1)
    angles = F.broadcast_add(F.broadcast_mul(p, y), F.broadcast_mul(q, x)) * (2 * math.pi / BLOCK)
    fine = F.broadcast_add(F.square(BLOCK / 2 - F.abs(p - BLOCK / 2)), F.square(q)) > (FINE * BLOCK) ** 2
    both = F.abs(q - BLOCK / 4) == BLOCK / 4  # at both ends, the half plane has each wave twice
    window = F.broadcast_mul(*(F.square(F.sin(places * (math.pi / BLOCK))) for places in (y, x)))
    heights = F.broadcast_mul(F.broadcast_mul(fine, F.sqrt(1 - both / 2)), window * SCALE)
    waves = F.concat(*(F.broadcast_mul(heights, part(angles)) for part in (F.cos, F.sin)), dim=0)
    return F.BlockGrad(F.reshape(waves, (-1, 1, BLOCK, BLOCK)))
