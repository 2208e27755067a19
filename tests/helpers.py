"""What tests of several modules build."""

import numpy as np

from gluon_perceptual._mxnet import mx
from gluon_perceptual.image.color import rgb_to_ycbcr


def ycbcr_to_rgb(ycbcr):
    """Invert `image.color.rgb_to_ycbcr`: (..., 3) -> (..., 3) float64, unrounded."""
    offset, matrix = rgb_to_ycbcr(np.zeros(3)), rgb_to_ycbcr(np.eye(3)) - rgb_to_ycbcr(np.zeros(3))
    return (ycbcr - offset) @ np.linalg.inv(matrix)


def randomize(net, initializer=None, seed=0, ctx=None):
    """Initialize `net`, its last layer like all others: as networks begin by themselves, some add next to nothing."""
    initializer = initializer or mx.init.Xavier()
    mx.random.seed(seed)
    net.initialize(initializer, ctx=ctx)
    for parameter in net.collect_params(".*weight").values():
        parameter.initialize(initializer, ctx=ctx, force_reinit=True)
    return net
