"""The training of a task: devices, network, trainer, steps done."""

from __future__ import annotations

from functools import cached_property
from typing import Sequence

import numpy as np

from .._mxnet import NDArray, Trainer, devices, mx
from ..data.batches import batches
from ..losses import StabilityLoss
from ..nets.instance_norm import fast_twin
from ..nets.pixels import PixelRangeAdapter
from ..nets.precision import current_precision
from ..signals import StopRequest
from . import soap  # noqa: F401 - registers this optimizer
from .cluster import SharedStop, Workers
from .loop import Callback, fit
from .record import RunRecord
from .schedule import learning_rate_schedule
from .step import LOSS_SCALE, TrainingStep
from .task import Task, computing_as

SKIPS = 20  # steps in a row that may be skipped; more would not help


class Run:
    """A run: `train` continues from the step in `done` to the last; callbacks decide what is kept of it.

    Args:
        task: What is trained, from `super_resolution.super_resolution_task` or `style.style_task`.
        workers: The processes that share the training, see `cluster.join`; None: this process alone.

    Raises:
        UserError: Devices are missing or do not fit the batch.
    """

    def __init__(self, task: Task, workers: Workers | None = None) -> None:
        self.task, self.done = task, 0
        self.config = task.config
        self.workers = workers or Workers("device" if self.config.gpus else "local")
        self.config.check_devices(self.workers.num_workers)
        self.devices = devices(self.config.gpus, self.config.cpus)
        with computing_as(self.config):
            self.model = task.spec.build(current_precision())
            self.model.net.initialize(mx.init.Xavier(), ctx=self.devices)
        self.model.mean.reset_ctx(self.devices)
        for block in (task.loss, self.model):
            block.hybridize(static_alloc=True, static_shape=True)
        self.trainer = self._make_trainer()
        self.steps_per_epoch = max(1, len(task.pairs) // self.config.batch)

    def _make_trainer(self) -> Trainer:
        config = self.config
        schedule = learning_rate_schedule(config.schedule, config.learning_rate, config.steps, config.warmup)
        options = {"lr_scheduler": schedule, "learning_rate": schedule.base_lr, "beta2": config.beta2}
        parameters, name = self.model.net.collect_params(), config.optimizer
        return mx.gluon.Trainer(parameters, name, options, kvstore=self.workers.kvstore, update_on_kvstore=False)

    @cached_property
    def trained_form(self) -> PixelRangeAdapter:
        """The model's fast twin, which shares its parameters, if all devices get the same number of pictures."""
        each, rest = divmod(self.config.batch // self.workers.num_workers, len(self.devices))
        twin = self.model.net if self.config.gpus or rest else fast_twin(self.model.net, each, self.devices)
        if twin is self.model.net:
            return self.model
        model = PixelRangeAdapter(twin, self.model.max_value, self.model.mean.data().asnumpy().ravel())
        model.mean.reset_ctx(self.devices)
        model.hybridize(static_alloc=True, static_shape=True)
        return model

    def targets(self, references: NDArray) -> dict[str, NDArray]:
        """Return the loss's targets for a batch of references."""
        return {**self.task.targets(references), **self._stability_target(references, self.trained_form, True)}

    def validation_targets(self, references: NDArray) -> dict[str, NDArray]:
        """Return the loss's targets for references of the task's `validation_pairs`."""
        return {**self.task.validation_targets(references), **self._stability_target(references, self.model, False)}

    def _stability_target(self, pictures: NDArray, model: PixelRangeAdapter, training: bool) -> dict[str, NDArray]:
        """Return the model's output for the pictures with noise, which a resumed run repeats."""
        width, update = self.task.noise, self.trainer.optimizer.num_update
        if not width:
            return {}
        seed = (self.config.seed, update, self.workers.rank, pictures.context.device_id)
        noise = mx.nd.array(np.random.default_rng(seed).uniform(-width, width, pictures.shape), ctx=pictures.context)
        with mx.autograd.pause(train_mode=training):
            return {StabilityLoss.name: model((pictures + noise).clip(0, 255))}

    def record(self) -> RunRecord:
        """Return the content of the run's `config.json`."""
        network = self.task.loss.loss_network
        origin = network.origin if network is not None else None
        return RunRecord(self.config, origin, len(self.task.pairs), [str(path) for path in self.task.held_out])

    @property
    def skipped(self) -> dict[str, str]:
        """Photos found unusable so far, by name, and why."""
        return {**self.task.unreadable, **self.task.pairs.skipped}

    def train(self, callbacks: Sequence[Callback], stop: StopRequest | None = None) -> int:
        """Train and return the number of the last step; `stop` ends the training early.

        Raises:
            NonFiniteLossError: The loss is not finite.
            WorkerLostError: Another worker does not answer.
        """
        config, workers = self.config, self.workers
        workers.share(self.trainer)
        scale = LOSS_SCALE if config.precision == "float16" else 1.0
        options = (self.trainer, self.devices, config.max_norm, scale, workers)
        step = TrainingStep(self.trained_form, self.task.loss, self.targets, *options)
        part = (config.batch // workers.num_workers, self.done, config.steps)
        stream = batches(self.task.pairs, *part, config.workers, workers.rank, workers.num_workers)
        skips = SKIPS if config.on_nonfinite == "skip" else 0
        shared = SharedStop(stop, workers) if stop is not None else None
        self.done = fit(step, self.trainer, stream, config.steps, callbacks, shared, self.done, skips)
        workers.leave(self.trainer)
        return self.done
