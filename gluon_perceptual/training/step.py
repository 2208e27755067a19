"""One update of a network's parameters."""

from __future__ import annotations

import math
from typing import Any, Callable, Sequence

import numpy as np

from .._mxnet import mx, mxnet_errors
from ..errors import UserError

SEEDS = 1_000_003  # what neighbouring seeds are apart


class NonFiniteLossError(UserError):
    """The loss or its gradient is infinite or not a number; the parameters are as they were."""


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
        seed: Of MXNet's random numbers, which start anew at each update, so that a training may go on anywhere.
    """

    def __init__(
        self,
        net: Any,
        loss: Any,
        targets: Callable[[Any], dict[str, Any]],
        trainer: Any,
        devices: Sequence[Any],
        max_norm: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.net, self.loss, self.targets, self.trainer = net, loss, targets, trainer
        self.devices, self.max_norm, self.seed = list(devices), max_norm, seed
        parameters = net.collect_params().values()
        self._learnt = [p for p in parameters if p.grad_req != "null"]
        self._statistics = [p for p in parameters if p.name.endswith(("running_mean", "running_var"))]

    def __call__(self, inputs: np.ndarray, references: np.ndarray) -> dict[str, float]:
        """Update the network and return each term's mean over the batch, unweighted, and their weighted sum, `loss`.

        Also there is `gradient_norm`, that of the gradient of `loss` before it is clipped.

        Args:
            inputs: (N, 3, h, w) in [0, 255], uint8 or float32, N at least the number of devices.
            references: (N, 3, H, W) in [0, 255] likewise, or whatever `targets` takes.

        Raises:
            NonFiniteLossError: before anything is updated.
        """
        statistics = [[values.copy() for values in p.list_data()] for p in self._statistics]
        mx.random.seed((SEEDS * self.seed + self.trainer.optimizer.num_update) % 2**31)
        try:
            with mxnet_errors("if it is for memory, use smaller batches or patches"):
                return self._update(inputs, references)
        except NonFiniteLossError:
            for parameter, copies in zip(self._statistics, statistics):
                for values, copy in zip(parameter.list_data(), copies):
                    values[:] = copy
            raise

    def _update(self, inputs: np.ndarray, references: np.ndarray) -> dict[str, float]:
        sums = [self._backward(x, y) for x, y in zip(self._spread(inputs), self._spread(references))]
        terms = {name: sum(float(part[name].asscalar()) for part in sums) / len(inputs) for name in sums[0]}
        if not all(math.isfinite(value) for value in terms.values()):
            values = ", ".join(f"{name} {value:g}" for name, value in terms.items())
            raise NonFiniteLossError(f"the loss is not finite: {values}")
        norm = self._gradient_norm() / len(inputs)
        if not math.isfinite(norm):
            raise NonFiniteLossError(f"the loss is not finite: its gradient's norm is {norm:g}")
        excess = max(1.0, norm / self.max_norm) if self.max_norm else 1.0
        self.trainer.update(len(inputs) * excess)
        return {**terms, "gradient_norm": norm}

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

    def _gradient_norm(self) -> float:
        """Return the norm of the sum of all devices' gradients, which each then has."""
        self.trainer.allreduce_grads()
        gradients = [parameter.list_grad()[0] for parameter in self._learnt]
        squares = mx.nd.multi_sum_sq(*gradients, num_arrays=len(gradients))
        return float(squares.sum().sqrt().asscalar())
