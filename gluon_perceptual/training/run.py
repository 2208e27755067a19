"""What every training has: devices, a model, a loss, a trainer, a folder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Callable, Sequence

from .._mxnet import devices, mx
from ..checkpoint.model import Recipe, save_model
from ..data.batches import batches
from ..image_files import PictureFile
from ..losses.perceptual import PerceptualLoss
from ..nets.pixels import OnPixels
from .config import RunRecord, TrainingConfig
from .loop import Callback, fit
from .schedule import learning_rate_schedule
from .signals import StopRequest
from .step import TrainingStep


class Run(ABC):
    """A run; `start` gives it a folder for `config.json` and checkpoints, the callbacks decide what else is there.

    A kind of training says in `_prepare` what its data, loss and model are.

    Args:
        config: The settings.

    Raises:
        UserError: Devices, photos or weights that are not there or do not fit.
    """

    pairs: Any
    photos: Sequence[PictureFile]
    held_out: list[PictureFile]
    loss: PerceptualLoss
    recipe: Recipe
    model: OnPixels

    def __init__(self, config: TrainingConfig) -> None:
        self.config: Any = config
        self.devices = devices(config.gpus, config.cpus)
        mx.random.seed(config.seed)
        self._prepare()
        for block in (self.loss, self.model):
            block.hybridize(static_alloc=True, static_shape=True)
        self.trainer = self._make_trainer()
        self.steps_per_epoch = max(1, len(self.pairs) // config.batch)

    @abstractmethod
    def _prepare(self) -> None:
        """Set `photos`, `held_out`, `pairs`, `loss`, `recipe` and `model`."""

    def _targets(self) -> Callable[[Any], dict[str, Any]]:
        """Return the function from a batch of references to what the loss compares with."""
        return self.loss.targets

    def _step_model(self) -> Any:
        """Return the form of `model` that the step trains."""
        return self.model

    def start(self, folder: Path) -> None:
        """Take an existing folder and write `config.json`."""
        self.folder = folder
        origin = self.loss.loss_network.origin if self.loss.loss_network is not None else None
        RunRecord(self.config, origin, len(self.pairs), [str(path) for path in self.held_out]).write(
            folder / "config.json"
        )

    def _initialize(self, model: OnPixels) -> None:
        model.net.initialize(mx.init.Xavier(), ctx=self.devices)
        model.mean.reset_ctx(self.devices)

    def _make_trainer(self) -> Any:
        config = self.config
        schedule = learning_rate_schedule(config.schedule, config.learning_rate, config.steps, config.warmup)
        options = {"lr_scheduler": schedule, "learning_rate": schedule.base_lr, "beta2": config.beta2}
        kvstore = "device" if config.gpus else "local"
        return mx.gluon.Trainer(
            self.model.net.collect_params(), "adam", options, kvstore=kvstore, update_on_kvstore=False
        )

    def train(self, callbacks: Sequence[Callback], stop: StopRequest | None = None) -> int:
        """Train and return the number of steps done; `stop` ends the training early.

        Raises:
            NonFiniteLossError: The loss went to infinity.
        """
        config = self.config
        model = self._step_model()
        step = TrainingStep(model, self.loss, self._targets(), self.trainer, self.devices, config.max_norm)
        stream = batches(self.pairs, config.batch, 0, config.steps, config.workers)
        return fit(step, self.trainer, stream, config.steps, callbacks, stop)

    def save(self, step: int) -> Path:
        """Write the checkpoint of a step and return its path."""
        path = self.folder / "checkpoints" / f"step-{step:07d}.params"
        save_model(path, self.model, self.recipe)
        return path
