"""What tests of several modules build."""

import numpy as np

from gluon_perceptual._mxnet import mx
from gluon_perceptual.checkpoint.model import save_model
from gluon_perceptual.image.color import rgb_to_ycbcr


def ycbcr_to_rgb(ycbcr):
    """Invert `image.color.rgb_to_ycbcr`: (..., 3) -> (..., 3) float64, unrounded."""
    offset, matrix = rgb_to_ycbcr(np.zeros(3)), rgb_to_ycbcr(np.eye(3)) - rgb_to_ycbcr(np.zeros(3))
    return (ycbcr - offset) @ np.linalg.inv(matrix)


def randomize(net, seed=0, ctx=None):
    """Initialize `net`, its last layer like all others: as networks begin by themselves, some add next to nothing."""
    initializer = mx.init.Xavier()
    mx.random.seed(seed)
    net.initialize(initializer, ctx=ctx)
    for parameter in net.collect_params(".*weight").values():
        parameter.initialize(initializer, ctx=ctx, force_reinit=True)
    return net


def randomize_all(net, seed=0):
    """As `randomize`, and give the norms random parameters and statistics."""
    randomize(net, seed)
    for name, parameter in net.collect_params().items():
        if name.endswith(("gamma", "running_var")):
            parameter.set_data(mx.nd.random.uniform(0.5, 1.5, parameter.shape))
        elif name.endswith(("beta", "running_mean")):
            parameter.set_data(mx.nd.random.uniform(-0.5, 0.5, parameter.shape))
    return net


def built(spec, seed=0):
    """A model with random parameters."""
    model = spec.build()
    randomize_all(model.net, seed=seed)
    return model


def saved(path, spec):
    """Write a model with random parameters and its sidecar, and return its path."""
    save_model(path, built(spec), spec)
    return path
