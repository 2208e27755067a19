"""Instance normalisation as fast as batch normalisation on a CPU."""

from __future__ import annotations

from typing import Any, Callable

from .._mxnet import mx
from .fast import on_gpu

nn: Any = mx.gluon.nn


def training_twin(make: Callable[..., Any], net: Any, batch: int, ctx: Any) -> Any:
    """Return a network of the same parameters as `net` whose instance normalisations train fast.

    Args:
        make: Makes a network like `net`, given `prefix` and `params`.
        net: Initialised network.
        batch: The only batch size that the twin is good for, on each device.
        ctx: The devices.
    """
    twin = make(prefix=net.prefix, params=net.collect_params())
    twin.apply(lambda block: block.train_on(batch) if isinstance(block, InstanceNorm) else None)
    for parameter in twin.collect_params(".*unused_(mean|var)").values():
        parameter.initialize(ctx=ctx)
    return twin


class InstanceNorm(nn.InstanceNorm):
    """(N, C, H, W) -> (N, C, H, W): each channel of each picture to mean 0 and variance 1, then γ and β.

    Parameters as of `nn.InstanceNorm`, whose own kernel is slow. With the rows of a (N·C, H·W) matrix it is a layer
    normalisation, which has a fast forward pass; with N·C channels of one picture a batch normalisation in training,
    which has a fast backward pass too. But MXNet's batch normalisation keeps running statistics, here of no use,
    whose size is that of N·C, and normalises by them when not training; so that form has to be asked for.

    Args:
        channels: C.
        epsilon: Added to the variance.
    """

    def __init__(self, channels: int, epsilon: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(in_channels=channels, epsilon=epsilon, scale=True, **kwargs)
        self._epsilon = epsilon

    def train_on(self, batch: int) -> None:
        """Take the form that is good for nothing but training on batches of `batch` pictures."""
        shape = (batch * self.gamma.shape[0],)
        self.unused_mean = self.params.get("unused_mean", grad_req="null", shape=shape, init="zeros")
        self.unused_var = self.params.get("unused_var", grad_req="null", shape=shape, init="ones")

    def hybrid_forward(
        self, F: Any, x: Any, gamma: Any, beta: Any, unused_mean: Any = None, unused_var: Any = None
    ) -> Any:
        """Normalise, in the form that suits."""
        if on_gpu():
            return super().hybrid_forward(F, x, gamma, beta)
        if unused_mean is not None:
            return self._in_training(F, x, gamma, beta, unused_mean, unused_var)
        rows = F.reshape(x, (-3, -3))
        first = F.reshape(F.slice_axis(rows, axis=0, begin=0, end=1), (-1,))
        normal = F.LayerNorm(rows, F.ones_like(first), F.zeros_like(first), axis=-1, eps=self._epsilon)
        scaled = F.broadcast_mul(F.reshape_like(normal, x), F.reshape(gamma, (1, -1, 1, 1)))
        return F.broadcast_add(scaled, F.reshape(beta, (1, -1, 1, 1)))

    def _in_training(self, F: Any, x: Any, gamma: Any, beta: Any, unused_mean: Any, unused_var: Any) -> Any:
        batch = self.unused_mean.shape[0] // self.gamma.shape[0]
        flat = F.reshape(x, (1, -1, 0, 0))
        normal = F.BatchNorm(
            flat,
            F.tile(gamma, batch),
            F.tile(beta, batch),
            unused_mean,
            unused_var,
            eps=self._epsilon,
            fix_gamma=False,
        )
        # Not by one reshape: with a convolution after it, MXNet's backward pass overwrites memory not its own.
        return F.squeeze(F.reshape(normal, (0, -4, batch, -1, 0, 0)), axis=0)
