"""SOAP in PyTorch, as `gluon_perceptual.training.soap` computes it."""

from __future__ import annotations

import math
from typing import Any, Iterable, Sequence

import torch
from torch import Tensor, nn

from gluon_perceptual.training.soap import FLOOR


class SOAP(torch.optim.Optimizer):
    """Adam in the eigenvectors of Shampoo's matrices, with Adam's own update for parameters of one axis.

    Args:
        parameters: To update.
        rate: Learning rate, a tensor that its owner may change.
        betas: Decay rates of the gradient and of its square.
        decay: Of the covariances.
        every: Updates between two steps of the power iteration.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        rate: Tensor,
        betas: tuple[float, float],
        decay: float = 0.95,
        every: int = 10,
    ) -> None:
        super().__init__(parameters, {"lr": rate})
        self.betas, self.decay, self.every, self.epsilon = betas, decay, every, 1e-8

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def step(self, closure: Any = None) -> None:
        """Update all parameters that have a gradient."""
        matrices = torch.backends.cuda.matmul
        narrow, matrices.allow_tf32 = matrices.allow_tf32, False  # eigenvectors need float32
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, parameter.grad.contiguous(), group["lr"], self.state[parameter])
        matrices.allow_tf32 = narrow

    def _update(self, parameter: nn.Parameter, gradient: Tensor, rate: Tensor, state: dict[str, Any]) -> None:
        gradient = gradient.flatten(2) if gradient.ndim > 2 else gradient
        measured = covariances_of(gradient) if gradient.ndim > 1 else []
        if not state:
            state["count"], state["covariances"] = 0, [(1 - self.decay) * covariance for covariance in measured]
            state["mean"], state["variance"] = torch.zeros_like(gradient), torch.zeros_like(gradient)
            state["bases"] = [torch.linalg.eigh(covariance)[1].flip(1) for covariance in measured]
            if measured:
                return
        state["count"] += 1
        change, bases = self._change(gradient, state), state["bases"]
        parameter.sub_(rate * rotated(change, [basis.T for basis in bases]).view_as(parameter))
        for covariance, value in zip(state["covariances"], measured):
            covariance.lerp_(value, 1 - self.decay)
        if measured and (state["count"] + 1) % self.every == 0:
            _turn(state)

    def _change(self, gradient: Tensor, state: dict[str, Any]) -> Tensor:
        """Follow the moments; return the change of the parameter, in the bases, for a rate of 1."""
        first, second = self.betas
        count, bases = state["count"], state["bases"]
        state["mean"].lerp_(gradient, 1 - first)
        state["variance"].lerp_(rotated(gradient, bases).square(), 1 - second)
        scale = math.sqrt(1 - second**count) / (1 - first**count)
        deviation = state["variance"].sqrt()
        floor = FLOOR * deviation.max() + self.epsilon if bases else self.epsilon
        return scale * rotated(state["mean"], bases) / (deviation + floor)


def rotated(array: Tensor, bases: Sequence[Tensor]) -> Tensor:
    """Return an array in the bases of its axes."""
    for basis in bases:  # the first axis becomes the last
        array = torch.tensordot(array, basis, ([0], [0]))
    return array


def covariances_of(gradient: Tensor) -> list[Tensor]:
    """Return the matrix GGᵀ of each axis, where G is the gradient with this axis as rows."""
    rows = [gradient.movedim(axis, 0).flatten(1) for axis in range(gradient.ndim)]
    return [matrix @ matrix.T for matrix in rows]


def _turn(state: dict[str, Any]) -> None:
    for axis, (covariance, basis) in enumerate(zip(state["covariances"], state["bases"])):
        product = covariance @ basis
        order = (basis * product).sum(0).argsort(descending=True)
        state["variance"] = state["variance"].index_select(axis, order)
        state["bases"][axis] = torch.linalg.qr(product[:, order])[0]
