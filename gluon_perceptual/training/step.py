"""One update of a network's parameters."""

from __future__ import annotations

import math
from typing import Sequence

import numpy as np

from .._mxnet import Block, Context, NDArray, Trainer, keep_freed_memory, mx, mxnet_errors
from ..errors import UserError
from ..losses.functional import clipped_share
from ..losses.perceptual import PerceptualLoss, Targets
from .cluster import Workers
from .waiting import WorkerLostError

LOSS_SCALE = 2.0**16  # initial value, for mixed precision
GROWTH = 2000  # updates after which it is doubled


class NonFiniteLossError(UserError):
    """The loss or its gradient is infinite or NaN; the parameters are unchanged."""


class NonFiniteGradientError(NonFiniteLossError):
    """The loss is finite, but its gradient is not."""


class TrainingStep:
    """Forward, backward and update for a batch spread over devices and workers of a cluster, as on a single device.

    The update is that of the mean loss over the whole batch, wherever its parts are: each device sums the gradients of
    its pictures, and the total is divided by the batch size once. (The blog divides by it twice, since its loss is a
    mean already: with Adam that only changes the effect of ε; with clipping or SGD it would be a smaller step.)

    Args:
        net: Network from pictures to pictures, both (N, 3, H, W) float32 RGB in [0, 255].
        loss: A `losses.PerceptualLoss`.
        targets: From a batch of references to the loss's targets, usually `loss.targets`.
        trainer: Gluon's, made with `update_on_kvstore=False`.
        devices: Where the parameters are.
        max_norm: Gradients of a larger norm are scaled down to it; 0 for no limit.
        loss_scale: More than 1 if gradients pass through float16: the loss is multiplied by it so that they do not
            vanish. If they overflow, the step is repeated with half of it; every 2,000 updates it is doubled.
        workers: The processes that share the batch equally; the trainer uses their kvstore.
    """

    def __init__(
        self,
        net: Block,
        loss: PerceptualLoss,
        targets: Targets,
        trainer: Trainer,
        devices: Sequence[Context],
        max_norm: float = 0.0,
        loss_scale: float = 1.0,
        workers: Workers | None = None,
    ) -> None:
        keep_freed_memory()
        self.net, self.loss, self.targets, self.trainer = net, loss, targets, trainer
        self.devices, self.max_norm = list(devices), max_norm
        self.loss_scale, self._scaled = loss_scale, loss_scale > 1
        self.workers = workers or Workers()
        parameters = net.collect_params().values()
        self._learned = [p for p in parameters if p.grad_req != "null"]
        self._statistics = [p for p in parameters if p.name.endswith(("running_mean", "running_var"))]

    def __call__(self, inputs: np.ndarray, references: np.ndarray) -> dict[str, float]:
        """Update the network and return each term's mean over the batch, unweighted, and their weighted sum, `loss`.

        In a cluster, `inputs` and `references` are this worker's part of the batch; the result is for the whole batch.

        The result includes `gradient_norm`, of the gradient of `loss` before clipping, and `clipped`, the share of the
        output's pixels that are clipped, see `losses.functional.clipped_share`.

        Args:
            inputs: (N, 3, h, w) in [0, 255], uint8 or float32, N at least the number of devices.
            references: (N, 3, H, W) in [0, 255], of the same types, or whatever `targets` takes.

        Raises:
            NonFiniteLossError: In all workers, before anything is updated.
            WorkerLostError: Likewise, if another worker does not answer.
        """
        statistics = [[values.copy() for values in p.list_data()] for p in self._statistics]
        while True:
            try:
                with mxnet_errors("if memory ran out, use smaller batches or patches"):
                    return self._update(inputs, references)
            except (NonFiniteLossError, WorkerLostError) as error:
                for parameter, copies in zip(self._statistics, statistics):
                    for values, copy in zip(parameter.list_data(), copies):
                        values[:] = copy
                if self.loss_scale <= 1 or not isinstance(error, NonFiniteGradientError):
                    raise
                self.loss_scale /= 2

    def _update(self, inputs: np.ndarray, references: np.ndarray) -> dict[str, float]:
        sums = [self._backward(x, y) for x, y in zip(self._spread(inputs), self._spread(references))]
        size = len(inputs) * self.workers.num_workers
        totals = self.workers.add({name: sum(float(part[name].asscalar()) for part in sums) for name in sums[0]})
        terms = {name: total / size for name, total in totals.items()}
        if not all(math.isfinite(value) for value in terms.values()):
            values = ", ".join(f"{name} {value:g}" for name, value in terms.items())
            raise NonFiniteLossError(f"the loss is not finite: {values}")
        divisor = size * self.loss_scale
        norm = self.workers.wait(self._gradient_norm) / divisor
        if not math.isfinite(norm):
            raise NonFiniteGradientError(f"the loss is not finite: its gradient's norm is {norm:g}")
        excess = max(1.0, norm / self.max_norm) if self.max_norm else 1.0
        self.trainer.update(divisor * excess)
        self._unite_statistics()
        if self._scaled and self.trainer.optimizer.num_update % GROWTH == 0:
            self.loss_scale *= 2
        return {**terms, "gradient_norm": norm}

    def _unite_statistics(self) -> None:
        """Give all devices the mean of their batch norms' running statistics, so that they have the same model."""
        if len(self.devices) > 1:
            for parameter in self._statistics:
                copies = [values.as_in_context(self.devices[0]) for values in parameter.list_data()]
                parameter.set_data(mx.nd.add_n(*copies) / len(copies))

    def _spread(self, batch: np.ndarray) -> list[NDArray]:
        """Split the batch among the devices; it is transferred in its own type, mostly a quarter of the size."""
        parts = mx.gluon.utils.split_and_load(mx.nd.array(batch, dtype=batch.dtype), self.devices, even_split=False)
        return [part.astype("float32") for part in parts]

    def _backward(self, inputs: NDArray, references: NDArray) -> dict[str, NDArray]:
        """Compute a device's gradients; return the sum of each term over its pictures, without waiting for it."""
        targets = self.targets(references)
        with mx.autograd.record():
            output = self.net(inputs)
            terms = self.loss.terms(output, targets)
            total = self.loss.total(terms)
            scaled = total * self.loss_scale if self._scaled else total
        scaled.backward()
        named = {**terms, "loss": total, "clipped": clipped_share(mx.nd, output)}
        return {name: values.sum() for name, values in named.items()}

    def _gradient_norm(self) -> float:
        """Sum the gradients over all devices and workers, and return the sum's norm."""
        self.trainer.allreduce_grads()
        gradients = [parameter.list_grad()[0] for parameter in self._learned]
        squares = mx.nd.multi_sum_sq(*gradients, num_arrays=len(gradients))
        return float(squares.sum().sqrt().asscalar())
