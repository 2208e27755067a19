"""Instance normalisation as fast as batch normalisation on a CPU, and exact for large pictures."""

from __future__ import annotations

from typing import Any, Callable

from .._mxnet import mx
from .fast import on_gpu

nn: Any = mx.gluon.nn


class InstanceNorm(nn.InstanceNorm):
    """(N, C, H, W) -> (N, C, H, W): each channel of each picture to mean 0 and variance 1, then γ and β.

    MXNet's own kernel is slow on a CPU, and its float32 sums go astray for millions of pixels. There are two forms
    without these faults, each good for one purpose, so that they have to be asked for: `train_on` and `for_inference`.
    On a GPU all are MXNet's own.

    Args:
        channels: C.
        epsilon: Added to the variance.
    """

    def __init__(self, channels: int, epsilon: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(in_channels=channels, epsilon=epsilon, scale=True, **kwargs)
        self._epsilon = epsilon
        self._form: Callable[..., Any] = super().hybrid_forward

    def train_on(self, batch: int) -> None:
        """Take the form that is good for nothing but training on batches of `batch` pictures.

        A batch normalisation of one picture with N·C channels. It keeps running statistics, here of no use.
        """
        shape = (batch * self.gamma.shape[0],)
        self.unused_mean = self.params.get("unused_mean", grad_req="null", shape=shape, init="zeros")
        self.unused_var = self.params.get("unused_var", grad_req="null", shape=shape, init="ones")
        self._form = self._in_training

    def for_inference(self) -> None:
        """Take the form whose gradient is wrong: mean and variance come as the by-product of another normalisation."""
        self._form = self._in_inference

    def hybrid_forward(self, F: Any, x: Any, gamma: Any, beta: Any, **unused: Any) -> Any:
        """Normalise, in the form that was asked for."""
        if on_gpu():
            return super().hybrid_forward(F, x, gamma, beta)
        return self._form(F, x, gamma, beta, **unused)

    def _in_inference(self, F: Any, x: Any, gamma: Any, beta: Any) -> Any:
        """Normalise each row of pixels, then undo the difference between the rows' statistics and the channel's."""
        planes = F.reshape(x, (-3, 0, 0))  # which oneDNN's layouts are not, that MXNet's layer norm crashes on
        row = F.reshape(F.slice(planes, begin=(0, 0, None), end=(1, 1, None)), (-1,))
        layer_norm = {"axis": -1, "eps": self._epsilon, "output_mean_var": True}
        rows, means, deviations = F.LayerNorm(planes, F.ones_like(row), F.zeros_like(row), **layer_norm)
        column = F.slice_axis(x, axis=3, begin=0, end=1)
        rows, means, deviations = (F.reshape_like(y, z) for y, z in ((rows, x), (means, column), (deviations, column)))
        centred = F.broadcast_sub(means, F.mean(means, axis=2, keepdims=True))
        variance = F.mean(F.square(deviations) + F.square(centred), axis=2, keepdims=True)  # ε is in the deviations
        factor = F.broadcast_mul(F.reshape(gamma, (1, -1, 1, 1)), F.rsqrt(variance))
        shift = F.broadcast_add(F.broadcast_mul(centred, factor), F.reshape(beta, (1, -1, 1, 1)))
        return F.broadcast_add(F.broadcast_mul(rows, F.broadcast_mul(deviations, factor)), shift)

    def _in_training(self, F: Any, x: Any, gamma: Any, beta: Any, unused_mean: Any, unused_var: Any) -> Any:
        batch = self.unused_mean.shape[0] // self.gamma.shape[0]
        affine = (F.tile(gamma, batch), F.tile(beta, batch))
        flat = F.reshape(x, (1, -1, 0, 0))
        normal = F.BatchNorm(flat, *affine, unused_mean, unused_var, eps=self._epsilon, fix_gamma=False)
        # Not by one reshape: with a convolution after it, MXNet's backward pass overwrites memory not its own.
        return F.squeeze(F.reshape(normal, (0, -4, batch, -1, 0, 0)), axis=0)


def take_inference_form(net: Any) -> None:
    """Have the instance normalisations in `net` take the form that is good for inference only."""
    net.apply(lambda block: block.for_inference() if isinstance(block, InstanceNorm) else None)


def inference_twin(net: Any) -> Any:
    """Return a network of the same parameters as `net`, which has its `arguments`, good for inference only."""
    twin = type(net)(**net.arguments, prefix=net.prefix, params=net.collect_params())
    take_inference_form(twin)
    return twin


def training_twin(net: Any, batch: int, ctx: Any) -> Any:
    """Return a network of the same parameters as `net`, which has its `arguments`, that trains fast.

    Args:
        net: Initialised network.
        batch: The only batch size that the twin is good for, on each device.
        ctx: The devices.
    """
    twin = type(net)(**net.arguments, prefix=net.prefix, params=net.collect_params())
    twin.apply(lambda block: block.train_on(batch) if isinstance(block, InstanceNorm) else None)
    for parameter in twin.collect_params(".*unused_(mean|var)").values():
        parameter.initialize(ctx=ctx)
    return twin
