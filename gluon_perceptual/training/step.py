"""One update of a network's parameters."""

from __future__ import annotations

import math
from typing import Any, Callable, Sequence

import numpy as np

from .._mxnet import mx, mxnet_errors
from ..errors import UserError


class NonFiniteLossError(UserError):
    """The loss or its gradient is infinite or not a number. Of the parameters only batch statistics have changed."""


class TrainingStep:
    """Forward, backward and update for a batch spread over devices, as if it were on one.

    The update is that of the mean loss over the whole batch, whatever the number of devices: each device adds up the
    gradients of its pictures, and the sum is divided by the batch size once. (The blog divides by it twice, since its
    loss is a mean already: with Adam that only shrinks ε's place, with clipping or SGD it would be a smaller step.)

    Args:
        net: Network from pictures to pictures, both (N, 3, H, W) float32 RGB in [0, 255].
        loss: A `losses.PerceptualLoss`.
        targets: From a batch of references to what the loss compares with, mostly `loss.targets`.
        trainer: Gluon's, made with `update_on_kvstore=False`.
        devices: Where the parameters are.
        max_norm: Gradients of a greater norm are scaled down to it; 0 for no limit.
    """

    def __init__(
        self,
        net: Any,
        loss: Any,
        targets: Callable[[Any], dict[str, Any]],
        trainer: Any,
        devices: Sequence[Any],
        max_norm: float = 0.0,
    ) -> None:
        self.net, self.loss, self.targets, self.trainer = net, loss, targets, trainer
        self.devices, self.max_norm = list(devices), max_norm
        self.gradient_norm = math.nan
        self._learnt = [p for p in net.collect_params().values() if p.grad_req != "null"]

    def __call__(self, inputs: np.ndarray, references: np.ndarray) -> dict[str, float]:
        """Update the network and return each term's mean over the batch, unweighted, and their weighted sum, `loss`.

        Args:
            inputs: (N, 3, h, w) in [0, 255], uint8 or float32, N at least the number of devices.
            references: (N, 3, H, W) in [0, 255] likewise, or whatever `targets` takes.

        Raises:
            NonFiniteLossError: before anything is updated.
        """
        with mxnet_errors("if it is for memory, use smaller batches or patches"):
            sums = [self._backward(x, y) for x, y in zip(self._spread(inputs), self._spread(references))]
            terms = {name: sum(float(part[name].asscalar()) for part in sums) / len(inputs) for name in sums[0]}
        if not all(math.isfinite(value) for value in terms.values()):
            raise NonFiniteLossError(", ".join(f"{name} {value:g}" for name, value in terms.items()))
        self._update(len(inputs))
        return terms

    def _spread(self, batch: np.ndarray) -> list[Any]:
        """Cut the batch into a part for each device; it travels in its own type, mostly a quarter of the size."""
        parts = mx.gluon.utils.split_and_load(mx.nd.array(batch, dtype=batch.dtype), self.devices, even_split=False)
        return [part.astype("float32") for part in parts]

    def _backward(self, inputs: Any, references: Any) -> dict[str, Any]:
        """Add a device's gradients; return the sum of each term over its pictures, not waited for."""
        targets = self.targets(references)
        with mx.autograd.record():
            terms = self.loss.terms(self.net(inputs), targets)
            total = self.loss.total(terms)
        total.backward()
        return {name: values.sum() for name, values in (*terms.items(), ("loss", total))}

    def _update(self, batch_size: int) -> None:
        self.trainer.allreduce_grads()
        gradients = [parameter.list_grad()[0] for parameter in self._learnt]
        squares = mx.nd.multi_sum_sq(*gradients, num_arrays=len(gradients))
        self.gradient_norm = float(squares.sum().sqrt().asscalar()) / batch_size
        if not math.isfinite(self.gradient_norm):
            raise NonFiniteLossError(f"its gradient's norm is {self.gradient_norm:g}")
        excess = max(1.0, self.gradient_norm / self.max_norm) if self.max_norm else 1.0
        self.trainer.update(batch_size * excess)
