"""Finds out the input and output of an image-to-image network by experiment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from .._mxnet import Block, Context, mx
from ..errors import UserError
from ..image.resize import imresize
from .model import SymbolModel
from .operators import Shape
from .options import SymbolOptions
from .shapes import ShapeCheck

SIZES = (64, 96)  # pixels a side
UNBOUNDED = 1 << 20  # halo of a network that sees the whole picture, for example through instance norms
SEEN = 1e-3  # gray levels


def probe(path: Path, net: Block, check: ShapeCheck, ctx: Context) -> SymbolOptions:
    """Return the options of an initialized network (N, C, H, W) -> (N, C, …), C being 1 or 3.

    Channels, scale and padding follow from the sizes of its outputs; the range is the one in which it restores a
    picture better, which is a guess for a style network; the halo is the distance up to which a changed pixel has
    effects.

    Args:
        path: Its name in errors.
        net: The network.
        check: From the shape of an input to that of the output.
        ctx: Its device.

    Raises:
        UserError: It is not such a network.
    """
    options = from_sizes(path, check)
    models = [SymbolModel(net, check, replace(options, max_value=max_value), ctx) for max_value in (255.0, 1.0)]
    model = min(models, key=lambda model: _unlikeness(model, ctx))
    return replace(model.options, halo=halo_of(model, ctx))


def from_sizes(path: Path, check: ShapeCheck) -> SymbolOptions:
    """Return what follows from the sizes of a network's outputs: channels, scale, and what it cuts off."""
    shapes: list[Shape] = []
    reason = ""
    for channels in (3, 1):
        try:
            shapes = [check.infer((1, channels, side, side)) for side in SIZES]
        except ValueError as error:
            reason = reason or str(error)
            continue
        if all(len(shape) == 4 and shape[:2] == (1, channels) for shape in shapes):
            break
    else:
        given = f"for {SIZES[0]}×{SIZES[0]} pixels it returns {shapes[0]}" if shapes else reason
        raise UserError(f"{path}: expected an image-to-image network for RGB or gray pictures of any size; {given}")
    small, large = (shape[2] for shape in shapes)
    scale, rest = divmod(large - small, SIZES[1] - SIZES[0])
    cut = SIZES[0] * scale - small
    square = all(shape[2] == shape[3] for shape in shapes)
    if not square or rest or scale < 1 or cut < 0 or cut % (2 * scale) or SIZES[1] % scale:
        raise UserError(f"{path}: sides of {SIZES[0]} and {SIZES[1]} become {small} and {large}: not a fixed scale")
    return SymbolOptions({3: "rgb", 1: "y"}[channels], scale, padding=cut // (2 * scale))


def _unlikeness(model: SymbolModel, ctx: Context) -> float:
    """Return how far, in gray levels, rings that were shrunk by half are restored from the originals."""
    axis = np.arange(SIZES[1]) - SIZES[1] / 2
    radius = np.hypot(axis, axis[:, np.newaxis])
    rings = np.dstack([60.0 + 135 * (radius // width % 2) for width in (7, 9, 11)])
    factor = max(model.scale, 2)
    shrunk = imresize(rings, 1 / factor)
    given = shrunk if model.scale > 1 else imresize(shrunk, factor)
    found = model(mx.nd.array(given.transpose(2, 0, 1)[np.newaxis], ctx=ctx)).asnumpy()[0].transpose(1, 2, 0)
    return float(np.abs(found - rings).mean())


def halo_of(model: SymbolModel, ctx: Context) -> int:
    """Return at how many pixels' distance a changed pixel has effects, plus one, or `UNBOUNDED`."""
    side, middle, reach = SIZES[1], SIZES[1] // 2, 0
    for seed in range(2):
        noise = np.random.default_rng(seed).uniform(0, 255, (1, 3, side, side))
        changed = noise.copy()
        changed[:, :, middle, middle] = 255 * (noise[:, :, middle, middle] < 128)
        before, after = (model(mx.nd.array(x, ctx=ctx)).asnumpy() for x in (noise, changed))
        _, _, rows, columns = np.nonzero(np.abs(after - before) > SEEN)
        places = np.concatenate([rows, columns]) // model.scale
        reach = max([reach, *np.abs(places - middle)])
    return UNBOUNDED if reach >= middle - 1 else int(reach) + 1
