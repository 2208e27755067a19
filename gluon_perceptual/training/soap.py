"""SOAP, an optimizer for networks whose loss costs far more than their update: fewer steps than Adam's."""

from __future__ import annotations

import math
from typing import Any, Sequence

import numpy as np

from .._mxnet import NDArray, mx
from .._mxnet.gluon import begin_update

FLOOR = 1e-4
"""Where the gradient is smaller than this share of its largest component, weights move less: far below, it consists of
rounding errors, which would move weights at random, and differently on each device."""

State = Any  # Adam's two moments, and for weights of several axes also the axes' covariances and bases


@mx.optimizer.register
class SOAP(mx.optimizer.Adam):
    """Adam in the eigenvectors of Shampoo's matrices (Vyas et al. 2024, "SOAP", arXiv:2409.11321, algorithm 3).

    For each axis of a weight, it follows the covariance of the gradients along this axis, and Adam's second moment is
    that of the gradient rotated into the covariances' eigenvectors. A convolution's weights have three axes: output
    channels, input channels, and the positions of the kernel. Weights of a single axis get Adam's update. As in the
    authors' code, the first update only measures, and changes no weight of several axes. Unlike there, a direction
    needs a share of the largest gradient, `FLOOR`, to be followed at the full rate.

    Args:
        beta2: Decay rate of squared gradients.
        decay: Of the covariances.
        every: Updates between two steps of the power iteration that follows the eigenvectors.
        options: Adam's others.
    """

    def __init__(self, beta2: float = 0.99, decay: float = 0.95, every: int = 10, **options: Any) -> None:
        super().__init__(beta2=beta2, **options)
        self.decay, self.every = decay, every

    def create_state(self, index: int, weight: NDArray) -> State:
        """Return the state of a weight before its first update: zeros."""
        moments = super().create_state(index, weight)
        covariances, bases = (
            tuple(mx.nd.zeros((size, size), weight.context, dtype=weight.dtype) for size in axes_of(weight))
            for _ in range(2)
        )
        return (*moments, covariances, bases) if bases else moments

    def update(self, index: int, weight: NDArray, grad: NDArray, state: State) -> None:
        """Update a weight, and its state, in place."""
        if len(state) == 2:
            super().update(index, weight, grad, state)
            return
        number, rate, decay = begin_update(self, index)
        gradient, updates = grad * self.rescale_grad + decay * weight, number - 1
        if self.clip_gradient:
            gradient = gradient.clip(-self.clip_gradient, self.clip_gradient)
        mean, variance, covariances, bases = state
        if updates:
            rate *= math.sqrt(1 - self.beta2**updates) / (1 - self.beta1**updates)
            _follow(mean, gradient, self.beta1)
            _follow(variance, rotated(gradient, bases).square(), self.beta2)
            floor = FLOOR * variance.max().sqrt() + self.epsilon
            change = rotated(mean, bases) / (variance.sqrt() + floor)
            weight[:] = weight - rate * rotated(change, [basis.T for basis in bases])
        for covariance, measured in zip(covariances, covariances_of(gradient)):
            _follow(covariance, measured, self.decay)
        if not updates:
            for covariance, basis in zip(covariances, bases):
                basis[:] = mx.nd.linalg.syevd(covariance)[0][::-1].T
        elif number % self.every == 0:
            _turn(variance, covariances, bases)


def axes_of(weight: NDArray) -> tuple[int, ...]:
    """Return the sizes of a weight's axes, those of a kernel's positions as one; none if there is only one axis."""
    shape = weight.shape
    return () if len(shape) < 2 else shape[:2] if len(shape) == 2 else (*shape[:2], int(np.prod(shape[2:])))


def rotated(array: NDArray, bases: Sequence[NDArray]) -> NDArray:
    """Return an array in the bases of its axes, whose columns are the basis vectors."""
    shape = array.shape
    for basis in bases:  # the first axis becomes the last, so that after all of them the order is as before
        array = mx.nd.dot(array.reshape((len(basis), -1)), basis, transpose_a=True)
    return array.reshape(shape)


def covariances_of(gradient: NDArray) -> list[NDArray]:
    """Return the matrix GGᵀ of each axis, where G is the gradient with this axis as rows, all others as columns."""
    found = []
    for size in axes_of(gradient):
        rows = gradient.reshape((size, -1))
        found.append(mx.nd.dot(rows, rows, transpose_b=True))
        gradient = rows.T
    return found


def _follow(average: NDArray, value: NDArray, decay: float) -> None:
    average[:] = decay * average + (1 - decay) * value


def _turn(variance: NDArray, covariances: Sequence[NDArray], bases: Sequence[NDArray]) -> None:
    """Turn the bases toward the covariances' eigenvectors, the largest first, by a step of power iteration and QR."""
    kept = variance.reshape([len(basis) for basis in bases])
    for axis, (covariance, basis) in enumerate(zip(covariances, bases)):
        product = mx.nd.dot(covariance, basis)
        order = (basis * product).sum(axis=0).argsort(is_ascend=False)
        kept = kept.take(order, axis=axis)
        basis[:] = mx.nd.linalg.gelqf(product.T.take(order))[0].T
    variance[:] = kept.reshape(variance.shape)
