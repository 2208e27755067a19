"""Instance normalisation as fast as batch normalisation on a CPU."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, Callable

from .._mxnet import mx
from .fast import on_gpu

nn: Any = mx.gluon.nn


class InstanceNorm(nn.InstanceNorm):
    """(N, C, H, W) -> (N, C, H, W): each channel of each picture to mean 0 and variance 1, then γ and β.

    MXNet's own kernel is slow on a CPU. A form without this fault has to be asked for: `for_batches_of`. On a GPU it
    is MXNet's own, too. Both add in float32: with a million pixels, MXNet's is off by 4e-4, the fast form by 1e-4.

    Args:
        channels: C.
        epsilon: Added to the variance.
    """

    def __init__(self, channels: int, epsilon: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(in_channels=channels, epsilon=epsilon, scale=True, **kwargs)
        self._epsilon = epsilon
        self._form: Callable[..., Any] = super().hybrid_forward

    def for_batches_of(self, size: int) -> None:
        """Take the form that is good for nothing but batches of `size` pictures, in training mode.

        A batch normalisation of one picture with N·C channels. It keeps running statistics, here of no use: they are
        no numbers, and out of training mode neither is what it returns.
        """
        self._size, shape = size, (size * self.gamma.shape[0],)
        self.unused_mean, self.unused_var = (
            self.params.get(f"unused_{name}", grad_req="null", shape=shape, init=mx.init.Constant(float("nan")))
            for name in ("mean", "var")
        )
        self._form = self._as_batch_norm

    def hybrid_forward(self, F: Any, x: Any, gamma: Any, beta: Any, **unused: Any) -> Any:
        """Normalise, in the form that was asked for."""
        if on_gpu():
            return super().hybrid_forward(F, x, gamma, beta)
        return self._form(F, x, gamma, beta, **unused)

    def _as_batch_norm(self, F: Any, x: Any, gamma: Any, beta: Any, unused_mean: Any, unused_var: Any) -> Any:
        settings = {"eps": self._epsilon, "fix_gamma": False}
        if self._size == 1:  # a reshape would undo oneDNN's layout
            return F.BatchNorm(x, gamma, beta, unused_mean, unused_var, **settings)
        affine = (F.tile(gamma, self._size), F.tile(beta, self._size))
        normal = F.BatchNorm(F.reshape(x, (1, -1, 0, 0)), *affine, unused_mean, unused_var, **settings)
        # Not by one reshape: with a convolution after it, MXNet's backward pass overwrites memory not its own.
        return F.squeeze(F.reshape(normal, (0, -4, self._size, -1, 0, 0)), axis=0)


def fast_twin(net: Any, batch: int, ctx: Any) -> Any:
    """Return a network of the same parameters as `net`, whose instance norms are fast; `net`, if it has none.

    Args:
        net: Initialised network, with its `arguments`.
        batch: The only batch size that the twin is good for, on each device, and that in training mode only.
        ctx: The devices.
    """
    if getattr(net, "arguments", {}).get("norm") != "instance":
        return net
    twin = type(net)(**net.arguments, prefix=net.prefix, params=net.collect_params())
    twin.apply(lambda block: block.for_batches_of(batch) if isinstance(block, InstanceNorm) else None)
    for parameter in twin.collect_params(".*unused_(mean|var)").values():
        parameter.initialize(ctx=ctx)
    return twin


def for_single_pictures(net: Any, ctx: Any = None) -> Callable[[Any], Any]:
    """Return a function that does what `net` does in inference, faster: (1, 3, H, W) -> (1, …).

    Raises:
        ValueError: The function got more than one picture.
    """
    twin = fast_twin(net, 1, ctx or mx.cpu())
    twin.hybridize()

    def run(picture: Any) -> Any:
        if len(picture) != 1:
            raise ValueError(f"{len(picture)} pictures: expected one")
        with mx.autograd.train_mode() if twin is not net else nullcontext():
            return twin(picture)

    return run
