"""Instance normalization as fast as batch normalization on a CPU, and exact for large pictures.

A twin is a second copy of a network that shares its parameters and computes its instance norms in another way.
"""

from __future__ import annotations

from typing import Any, Callable

from .._mxnet import Block, Context, NDArray, Operators, mx, nn
from .fast import on_gpu
from .precision import computing_in, current_precision

WELL_SUMMED = 320**2  # pixels up to which batch norms are exact to 1e-5, with the style network's padding


class InstanceNorm(nn.InstanceNorm):
    """(N, C, H, W) -> (N, C, H, W): each channel of each picture to mean 0 and variance 1, then γ and β.

    There are three ways to compute it. MXNet's own, the default, is slow on a CPU, and its float32 sums lose precision
    for millions of pixels. As a batch norm (`use_batch_norm`) it is the fastest, and as imprecise. By rows (`use_rows`)
    it is exact, but has no valid gradient. On a GPU it is always MXNet's own.

    Args:
        channels: C.
        epsilon: Added to the variance.
    """

    def __init__(self, channels: int, epsilon: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(in_channels=channels, epsilon=epsilon, scale=True, **kwargs)
        self._epsilon, self._precision = epsilon, current_precision()
        self._compute: Callable[..., NDArray] = self._as_mxnet_does

    def use_batch_norm(self, size: int) -> None:
        """From now on compute a batch norm of one picture with N·C channels, for batches of N = `size` pictures only.

        Its running statistics are meaningless here, so they are NaN, and so is its output outside of training mode.
        """
        self._size, shape = size, (size * self.gamma.shape[0],)
        self.unused_mean, self.unused_var = (
            self.params.get(f"unused_{name}", grad_req="null", shape=shape, init=mx.init.Constant(float("nan")))
            for name in ("mean", "var")
        )
        self._compute = self._as_batch_norm

    def use_rows(self) -> None:
        """From now on compute from the rows' means and variances; for inference only, since the gradient is wrong."""
        self._compute = self._by_rows

    def hybrid_forward(self, F: Operators, x: NDArray, gamma: NDArray, beta: NDArray, **unused: NDArray) -> NDArray:
        """Normalize in the chosen way."""
        if on_gpu():
            return self._as_mxnet_does(F, x, gamma, beta)
        return self._compute(F, x, gamma, beta, **unused)

    def _as_mxnet_does(self, F: Operators, x: NDArray, gamma: NDArray, beta: NDArray) -> NDArray:
        return super().hybrid_forward(F, self._precision.widen(F, x), gamma, beta)

    def _by_rows(self, F: Operators, x: NDArray, gamma: NDArray, beta: NDArray) -> NDArray:
        """Normalize each row of pixels, then undo the difference between the rows' statistics and the channel's."""
        x = self._precision.widen(F, x)
        planes = F.reshape(x, (-3, 0, 0))  # leaves oneDNN's layouts, on which MXNet's layer norm crashes
        row = F.reshape(F.slice(planes, begin=(0, 0, None), end=(1, 1, None)), (-1,))
        layer_norm = {"axis": -1, "eps": self._epsilon, "output_mean_var": True}
        rows, means, deviations = F.LayerNorm(planes, F.ones_like(row), F.zeros_like(row), **layer_norm)
        column = F.slice_axis(x, axis=3, begin=0, end=1)
        rows, means, deviations = (F.reshape_like(y, z) for y, z in ((rows, x), (means, column), (deviations, column)))
        centered = F.broadcast_sub(means, F.mean(means, axis=2, keepdims=True))
        variance = F.mean(F.square(deviations) + F.square(centered), axis=2, keepdims=True)  # ε is in the deviations
        factor = F.broadcast_mul(F.reshape(gamma, (1, -1, 1, 1)), F.rsqrt(variance))
        shift = F.broadcast_add(F.broadcast_mul(centered, factor), F.reshape(beta, (1, -1, 1, 1)))
        return F.broadcast_add(F.broadcast_mul(rows, F.broadcast_mul(deviations, factor)), shift)

    def _as_batch_norm(
        self, F: Operators, x: NDArray, gamma: NDArray, beta: NDArray, unused_mean: NDArray, unused_var: NDArray
    ) -> NDArray:
        settings = {"eps": self._epsilon, "fix_gamma": False}
        if self._size == 1:  # a reshape would undo oneDNN's layout
            return F.BatchNorm(x, gamma, beta, unused_mean, unused_var, **settings)
        affine = (F.tile(gamma, self._size), F.tile(beta, self._size))
        normal = F.BatchNorm(F.reshape(x, (1, -1, 0, 0)), *affine, unused_mean, unused_var, **settings)
        # Not one reshape: before a convolution, MXNet's backward pass would then corrupt memory.
        return F.squeeze(F.reshape(normal, (0, -4, self._size, -1, 0, 0)), axis=0)


def fast_twin(net: Block, batch: int, ctx: Context) -> Block:
    """Return a twin of `net` with batch norms for its instance norms; `net` itself if it has no instance norm.

    Args:
        net: Initialized network, with its `arguments`.
        batch: The only batch size, per device, for which the twin works, and only in training mode.
        ctx: The devices.
    """
    twin = _twin(net, lambda norm: norm.use_batch_norm(batch))
    for parameter in twin.collect_params(".*unused_(mean|var)").values():
        parameter.initialize(ctx=ctx)
    return twin


def _twin(net: Block, change: Callable[[InstanceNorm], None]) -> Block:
    if getattr(net, "arguments", {}).get("norm") != "instance":
        return net
    with computing_in(net.precision):
        twin = type(net)(**net.arguments, prefix=net.prefix, params=net.collect_params())
    return twin.apply(lambda block: change(block) if isinstance(block, InstanceNorm) else None)


def for_single_pictures(net: Block, ctx: Context | None = None) -> Callable[..., NDArray]:
    """Return a faster equivalent of `net`, a style network, for inference: (1, 3, H, W) -> (1, …).

    Its second argument, a function, is called with the share of layers that are done.

    Raises:
        ValueError: The equivalent was called with more than one picture.
    """
    fast, exact = fast_twin(net, 1, ctx or mx.cpu()), _twin(net, InstanceNorm.use_rows)
    for twin in (fast, exact):
        twin.hybridize()

    def run(picture: NDArray, progress: Callable[[float], object] | None = None) -> NDArray:
        if len(picture) != 1:
            raise ValueError(f"{len(picture)} pictures: expected one")
        if fast is net or picture.shape[2] * picture.shape[3] > WELL_SUMMED:
            return exact(picture) if progress is None else _by_layers(exact, picture, progress)
        with mx.autograd.train_mode():
            return fast(picture)

    return run


def _by_layers(net: Block, picture: NDArray, progress: Callable[[float], object]) -> NDArray:
    """Run a style network layer by layer, and report each."""
    layers = [net.pad, net.encode, *net.body, net.decode]
    maps = picture
    for done, layer in enumerate(layers, 1):
        maps = layer(maps)
        maps.wait_to_read()
        progress(done / len(layers))
    return mx.nd.slice_like(maps, picture, axes=(2, 3))
