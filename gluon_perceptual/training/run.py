"""What every training has: devices, a model, a loss, a trainer, a folder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from itertools import islice
from typing import Any, Callable, Sequence

from .._mxnet import check_bfloat16, devices, mx, start_amp
from ..checkpoint.model import ModelSpec
from ..data.batches import batches
from ..data.photos import readable_photos
from ..errors import UserError
from ..image.files import PictureFile
from ..losses.perceptual import PerceptualLoss
from ..nets.pixels import PixelRangeAdapter
from ..nets.precision import computing_in
from ..signals import StopRequest
from .cluster import SharedStop, Workers
from .config import TrainingConfig
from .loop import Callback, fit
from .record import RunRecord
from .schedule import learning_rate_schedule
from .step import LOSS_SCALE, TrainingStep

SKIPS = 20  # steps in a row that may be left out; more will not help


class Run(ABC):
    """A run: `train` goes from the step in `done` to the last, and the callbacks decide what is kept of it.

    A kind of training says in `_prepare` what its data, loss and model are.

    Args:
        config: The settings.
        workers: The processes that share the training, see `cluster.join`; without them this one alone.

    Raises:
        UserError: Devices, photos or weights that are not there or do not fit.
    """

    pairs: Any
    photos: Sequence[PictureFile]
    held_out: list[PictureFile]
    loss: PerceptualLoss
    spec: ModelSpec
    model: PixelRangeAdapter
    done: int = 0
    natural_clipping: float = 1.0  # share of clipped pixels of what the output is to look like; 1: not known

    def __init__(self, config: TrainingConfig, workers: Workers | None = None) -> None:
        self.config: Any = config
        self.workers = workers or Workers("device" if config.gpus else "local")
        config.check_devices(self.workers.num_workers)
        self.devices = devices(config.gpus, config.cpus)
        half = config.precision == "float16"
        if half:
            start_amp()
        elif config.precision == "bfloat16":
            check_bfloat16(on_cpu=not config.gpus)
        mx.random.seed(config.seed)
        self._unreadable: dict[str, str] = {}
        with computing_in("float32" if half else config.precision):
            self._prepare()
        for block in (self.loss, self.model):
            block.hybridize(static_alloc=True, static_shape=True)
        self.trainer = self._make_trainer()
        self.steps_per_epoch = max(1, len(self.pairs) // config.batch)

    @abstractmethod
    def _prepare(self) -> None:
        """Set `photos`, `held_out`, `pairs`, `loss`, `spec` and `model`."""

    def _targets(self) -> Callable[[Any], dict[str, Any]]:
        """Return the function from a batch of references to what the loss compares with."""
        return self.loss.targets

    def _step_model(self) -> Any:
        """Return the form of `model` that the step trains."""
        return self.model

    @abstractmethod
    def validation_pairs(self) -> Any:
        """Return pairs as in training, of the photos held out."""

    @cached_property
    def targets(self) -> Callable[[Any], dict[str, Any]]:
        """The function from a batch of references to what the loss compares with."""
        return self._targets()

    def validation_targets(self, references: Any) -> dict[str, Any]:
        """Return what the loss compares with, for references of `validation_pairs`."""
        return self.targets(references)

    def measure(self, outputs: Any, references: Any) -> dict[str, float]:
        """Return what validation says beside the loss, of (N, 3, H, W) in [0, 255] and what they are to be."""
        return {}

    def record(self) -> RunRecord:
        """Return what a `config.json` says of the run."""
        origin = self.loss.loss_network.origin if self.loss.loss_network is not None else None
        return RunRecord(self.config, origin, len(self.pairs), [str(path) for path in self.held_out])

    @property
    def skipped(self) -> dict[str, str]:
        """Photos found unusable so far, by name, and why."""
        return {**self._unreadable, **self.pairs.skipped}

    def _choose_held_out(self, candidates: Sequence[PictureFile], side: int) -> list[PictureFile]:
        """Return those of at least `side` pixels; without any, the first such photo, which is then also trained on."""
        good = list(readable_photos(candidates, side, self._unreadable))
        good = good or list(islice(readable_photos(self.photos, side, self._unreadable), 1))
        if not good:
            raise UserError(f"none of the {len(candidates)} photos to measure on can be used; see the log above")
        return good

    def _initialize(self, model: PixelRangeAdapter) -> None:
        model.net.initialize(mx.init.Xavier(), ctx=self.devices)
        model.mean.reset_ctx(self.devices)

    def _make_trainer(self) -> Any:
        config = self.config
        schedule = learning_rate_schedule(config.schedule, config.learning_rate, config.steps, config.warmup)
        options = {"lr_scheduler": schedule, "learning_rate": schedule.base_lr, "beta2": config.beta2}
        return mx.gluon.Trainer(
            self.model.net.collect_params(), "adam", options, kvstore=self.workers.kvstore, update_on_kvstore=False
        )

    def train(self, callbacks: Sequence[Callback], stop: StopRequest | None = None) -> int:
        """Train and return the number of the last step; `stop` ends the training early.

        Raises:
            NonFiniteLossError: The loss went to infinity.
            WorkerLostError: Other workers do not answer.
        """
        config, workers = self.config, self.workers
        workers.share(self.trainer)
        scale = LOSS_SCALE if config.precision == "float16" else 1.0
        options = (self.trainer, self.devices, config.max_norm, scale, workers)
        step = TrainingStep(self._step_model(), self.loss, self.targets, *options)
        part = (config.batch // workers.num_workers, self.done, config.steps)
        stream = batches(self.pairs, *part, config.workers, workers.rank, workers.num_workers)
        skips = SKIPS if config.on_nonfinite == "skip" else 0
        shared = SharedStop(stop, workers) if stop is not None else None
        self.done = fit(step, self.trainer, stream, config.steps, callbacks, shared, self.done, skips)
        workers.leave(self.trainer)
        return self.done
