"""What tests of several modules build."""

from gluon_perceptual._mxnet import mx


def randomize(net, initializer=None, seed=0, ctx=None):
    """Initialize `net`, its last layer like all others: as networks begin by themselves, some add next to nothing."""
    initializer = initializer or mx.init.Xavier()
    mx.random.seed(seed)
    net.initialize(initializer, ctx=ctx)
    for parameter in net.collect_params(".*weight").values():
        parameter.initialize(initializer, ctx=ctx, force_reinit=True)
    return net
