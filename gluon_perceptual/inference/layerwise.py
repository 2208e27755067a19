"""Runs a style network window by window, with the statistics of the whole picture.

An instance norm depends on the whole picture, so windows cannot be processed independently. But once mean and variance
of each channel are known, the norm is an affine map and can be folded into the convolution before it; and a network
without norms gives the same in windows. So the network is split where its feature maps are small enough to be kept. In
each part the norms are handled one after the other: all windows go through the layers before the norm, their statistics
are accumulated, and the norm is folded. Then all windows go through the whole part.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Iterator

import numpy as np

from .._mxnet import Block, Context, mx, mxnet_errors, nn
from .._mxnet.gluon import epsilon_of, leaves, own_parameters
from ..image.tiling import Span, plan
from ..nets.folding import fold_batch_norm
from ..nets.precision import computing_in
from ..nets.style import CELL
from .progress import Progress, counted, part_of, unseen

# Receptive fields of the parts, in whole cells: 7 pixels; 2 cells; 1 cell + 1 pixel at half size + 4 pixels, and 4 of a
# low-pass = 3 1/2.
HALO_IN, HALO_BODY, HALO_OUT = 2, 2, 4


@dataclass
class Norm:
    """An instance norm: the layers before it in its part, and the convolution into which it is folded."""

    before: Block
    convolution: Block
    weight: np.ndarray
    gamma: np.ndarray
    beta: np.ndarray
    epsilon: float

    def fold(self, mean: np.ndarray, variance: np.ndarray) -> None:
        """Set the convolution's parameters for the statistics (C,) of its unnormalized output."""
        values = {"gamma": self.gamma, "beta": self.beta, "running_mean": mean, "running_var": variance}
        axis = int(isinstance(self.convolution, nn.Conv2DTranspose))
        self._set(*fold_batch_norm(self.weight, None, values, self.epsilon, axis))

    def unfold(self) -> None:
        """Restore the convolution's original parameters."""
        self._set(self.weight, np.zeros(self.convolution.bias.shape, np.float32))

    def _set(self, weight: np.ndarray, bias: np.ndarray) -> None:
        self.convolution.weight.set_data(mx.nd.array(weight))
        self.convolution.bias.set_data(mx.nd.array(bias))


@dataclass
class Part:
    """A part of the network: a cell is `unit` input pixels per side; `halo` is in cells."""

    block: Block
    unit: int
    halo: int
    norms: list[Norm] = field(default_factory=list)


@dataclass
class Statistics:
    """Running mean and sum of squared deviations of channels."""

    count: int = 0
    mean: Any = 0.0
    squares: Any = 0.0

    def add(self, values: np.ndarray) -> None:
        """Add values (C, h, w), by the formula of Chan et al. for two sets."""
        count = values[0].size
        mean = values.mean(axis=(1, 2), dtype=np.float64)
        centered = values - mean.astype(np.float32)[:, np.newaxis, np.newaxis]
        squares = np.einsum("chw,chw->c", centered, centered).astype(np.float64)
        total, delta = self.count + count, mean - self.mean
        self.squares = self.squares + squares + delta**2 * self.count * count / total
        self.mean = self.mean + delta * count / total
        self.count = total


class LayerwiseStyle:
    """(3, H, W) float32 in [0, 255] -> the same: equivalent to `net`, in bounded memory.

    The memory is that of a window and of two feature maps a sixteenth of the picture's size: 64 bytes per pixel at full
    width, and 24 for the picture itself.

    Args:
        net: Initialized `StyleNet` or `FastNeuralStyleNet` without batch norms; its parameters are copied.
        window: Side of the windows in pixels.
        ctx: Device.
    """

    def __init__(self, net: Block, window: int, ctx: Context) -> None:
        self.window, self.ctx = window // CELL, ctx
        with computing_in(net.precision):
            self.net = type(net)(**{**net.arguments, "norm": "none"})
        self.net.initialize(ctx=ctx)
        self.net.hybridize()
        halos = (HALO_IN, *[HALO_BODY] * len(self.net.body), HALO_OUT)
        blocks = (self.net.encode, *self.net.body, self.net.decode)
        self.parts = [Part(block, CELL if not k else 1, halo) for k, (block, halo) in enumerate(zip(blocks, halos))]
        for part, original in zip(self.parts, (net.encode, *net.body, net.decode)):
            self._take_over(part, original)

    def _take_over(self, part: Part, original: Block) -> None:
        """Copy the parameters and record the norms."""
        before: list[Block] = []
        for (_, mine), (_, theirs) in zip(leaves(part.block), leaves(original)):
            values = {name: parameter.data() for name, parameter in own_parameters(theirs).items()}
            if isinstance(theirs, nn.InstanceNorm):
                convolution = next(block for block in reversed(before) if "weight" in own_parameters(block))
                layers = nn.HybridSequential(prefix="")
                layers.add(*before)
                layers.hybridize()
                weight, gamma, beta = convolution.weight.data(), values["gamma"], values["beta"]
                arrays = (weight.asnumpy(), gamma.asnumpy(), beta.asnumpy())
                part.norms.append(Norm(layers, convolution, *arrays, epsilon_of(theirs)))
            for name, parameter in own_parameters(mine).items():
                if name in values:
                    parameter.set_data(values[name])
            before.append(mine)

    def settle(self, picture: np.ndarray, progress: Progress = unseen) -> np.ndarray:
        """Fold the norms with the statistics of this picture, and return the network's output for it."""
        return self._through(picture, True, progress)

    def __call__(self, picture: np.ndarray, progress: Progress = unseen) -> np.ndarray:
        """Return the network's output for a picture with the statistics of the last `settle`."""
        return self._through(picture, False, progress)

    def _through(self, picture: np.ndarray, settle: bool, progress: Progress) -> np.ndarray:
        _, height, width = picture.shape
        rows, columns = (mirrored(side, self.net.margin, CELL) for side in (height, width))
        maps = picture[:, rows[:, np.newaxis], columns]
        passes = _shares(progress, sum(1 + settle * len(part.norms) for part in self.parts))
        for part in self.parts:
            for norm in part.norms if settle else ():
                norm.unfold()
                norm.fold(*self._gather(part, norm, maps, next(passes)))
            maps = self._apply(part, maps, next(passes))
        return maps[:, :height, :width]

    def _gather(self, part: Part, norm: Norm, maps: np.ndarray, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
        statistics = Statistics()
        for values, *_ in self._windows(part, norm.before, maps, progress):
            statistics.add(values)
        return statistics.mean, statistics.squares / statistics.count

    def _apply(self, part: Part, maps: np.ndarray, progress: Progress) -> np.ndarray:
        out: Any = None
        for values, rows, columns, size in self._windows(part, part.block, maps, progress):
            if out is None:
                out = np.empty((len(values), *size), np.float32)
            out[:, rows, columns] = values
        return out

    def _windows(self, part: Part, block: Block, maps: np.ndarray, progress: Progress) -> Iterator[Any]:
        """Yield for each window the output of `block`, its rows and columns in the whole, and the whole's size."""
        height, width = (side // part.unit for side in maps.shape[1:])
        for tile in counted(plan(height, width, self.window, part.halo), progress):
            rows, columns = (slice(s.start * part.unit, s.stop * part.unit) for s in (tile.rows, tile.columns))
            with mxnet_errors("if memory ran out, use a smaller `tile`"):
                narrow = block(mx.nd.array(maps[np.newaxis, :, rows, columns], ctx=self.ctx))
                values = mx.nd.amp_cast(narrow, dtype="float32").asnumpy()[0]
            kept_rows, target_rows, whole_height = place(tile.rows, height, values.shape[1])
            kept_columns, target_columns, whole_width = place(tile.columns, width, values.shape[2])
            yield values[:, kept_rows, kept_columns], target_rows, target_columns, (whole_height, whole_width)


def _shares(progress: Progress, number: int) -> Iterator[Progress]:
    """Yield the progress function of each of `number` parts of the work."""
    return (part_of(progress, k / number, (k + 1) / number) for k in range(number))


def place(span: Span, cells: int, side: int) -> tuple[slice, slice, int]:
    """Return which part of a window's `side` values to keep, where it belongs, and the length of the whole.

    A side is a multiple of the window's cells, or shorter by what convolutions without padding remove.
    """
    length = span.stop - span.start
    scale, crop = (side // length, 0) if side >= length else (1, (length - side) // 2)
    start, stop = max(span.keep_start, crop), min(span.keep_stop, cells - crop)
    shift = span.start + crop
    kept = slice((start - shift) * scale, (stop - shift) * scale)
    return kept, slice((start - crop) * scale, (stop - crop) * scale), (cells - 2 * crop) * scale


def mirrored(length: int, margin: int, multiple: int) -> np.ndarray:
    """Return the source of each pixel of a picture padded by `blocks.ReflectionPad(margin, multiple)`."""
    places = np.arange(-margin, -(-length // multiple) * multiple + margin)
    period = max(2 * (length - 1), 1)
    return length - 1 - np.abs(places % period - (length - 1))
