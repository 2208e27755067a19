"""A super-resolution training put together from its settings: data, network, loss, step."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Sequence

import numpy as np

from ..checkpoint.model import ModelSpec
from ..data.patches import PatchDataset
from ..data.photos import split_photos
from ..data.shards import ShardDataset, describe_shards
from ..errors import UserError
from ..evaluation.scores import mean
from ..evaluation.spectrum import weave
from ..evaluation.super_resolution import smallest_side
from ..image.files import PictureFile
from ..losses.perceptual import PerceptualLoss
from ..nets.pixels import PixelRangeAdapter
from ..nets.precision import current_precision
from ..nets.vgg import LossNetwork
from .cluster import Workers
from .config import SuperResolutionConfig
from .run import Run

PAIRS_FOR_MEAN = 256

log = logging.getLogger(__name__)


class SuperResolutionRun(Run):
    """A super-resolution run, see `run.Run`.

    Args:
        config: The settings; where there are shards, these decide the degradation.
        workers: See `run.Run`.

    Raises:
        UserError: Devices, photos, shards or weights that are not there or do not fit.
    """

    def __init__(self, config: SuperResolutionConfig, workers: Workers | None = None) -> None:
        if config.shards:
            described = describe_shards(Path(config.shards))
            config = replace(config, sigma=described["sigma"], degradation=described["degradation"])
        super().__init__(config, workers)

    def _prepare(self) -> None:
        self.photos, held_out = split_photos(self.config.data, self.config.validation)
        self.held_out = self._choose_held_out(held_out, smallest_side(self.config.scale))
        self.pairs = self._make_pairs()
        self.loss = self._make_loss()
        self.spec = self._make_spec()
        self.model = self._make_model()

    def _make_pairs(self) -> Any:
        return self._open_shards(Path(self.config.shards)) if self.config.shards else self._patches(self.photos)

    def validation_pairs(self) -> PatchDataset:
        """Return patches of the photos held out, also where shards are trained on."""
        return self._patches(self.held_out)

    def _patches(self, photos: Sequence[PictureFile]) -> PatchDataset:
        c = self.config
        return PatchDataset(photos, c.scale, c.patch, c.sigma, c.degradation, c.crops, seed=c.seed)

    def _open_shards(self, folder: Path) -> ShardDataset:
        config, shards = self.config, ShardDataset(folder, seed=self.config.seed)
        if shards.scale != config.scale:
            raise UserError(
                f"{folder} holds pairs of scale {shards.scale:g}, not {config.scale}: give the right --scale"
            )
        if shards.holds_features and (config.loss, config.feature_layer) != ("feature", "relu2_2"):
            raise UserError(f"{folder} holds relu2_2 features, no patches to compare pixels with: use --loss feature")
        if shards.holds_features and shards.loss_network is None:
            log.warning("%s does not say which VGG16 its features are of; the blog's need --vgg zoo", folder)
        return shards

    def _make_loss(self) -> PerceptualLoss:
        config = self.config
        network = None
        if config.loss != "pixel":
            network = LossNetwork.pretrained((config.feature_layer,), config.vgg, self.devices)
            self._check_same_vgg(network)
        return PerceptualLoss(config.term_weights(), network)

    def _check_same_vgg(self, network: LossNetwork) -> None:
        """Features of one VGG16 are no targets for another's."""
        made_by = getattr(self.pairs, "loss_network", None)
        if made_by is not None and made_by["sha256"] != network.origin["sha256"]:
            raise UserError(f"{self.config.shards} holds features of other VGG16 weights: --vgg {made_by['weights']}")

    def _make_spec(self) -> ModelSpec:
        config = self.config
        size = {"width": config.width, "blocks": config.blocks}
        if config.arch == "blog":
            inputs = [self.pairs[k][0] for k in range(PAIRS_FOR_MEAN)]
            mean = np.mean([values.mean(axis=(1, 2)) for values in inputs], axis=0) / 255
            return ModelSpec("PlsrNet", size, max_value=1.0, mean=tuple(round(float(value), 6) for value in mean))
        arguments = {"norm": config.norm, "upsampling": config.upsampling, "skip": config.arch == "skip"}
        if config.lowpass is not None:
            arguments["lowpass"] = config.lowpass
        return ModelSpec("SuperResolutionNet", {"scale": config.scale, **size, **arguments})

    def _make_model(self) -> PixelRangeAdapter:
        model = self.spec.build(current_precision())
        self._initialize(model)
        return model

    def _targets(self) -> Callable[[Any], dict[str, Any]]:
        if getattr(self.pairs, "holds_features", False):
            return lambda features: {f"feature:{self.config.feature_layer}": features}
        return super()._targets()

    def measure(self, outputs: Any, references: Any) -> dict[str, float]:
        """Return the weave, see `evaluation.spectrum`: the means over the pictures that have smooth places."""
        pictures = (np.moveaxis(array.clip(0, 255).asnumpy(), 1, -1) for array in (outputs, references))
        found = [weave(output, truth) for output, truth in zip(*pictures)]
        measures = {"weave": mean(each.mean for each in found), "worst_weave": mean(each.worst for each in found)}
        return {name: value for name, value in measures.items() if not np.isnan(value)}

    def validation_targets(self, references: Any) -> dict[str, Any]:
        """Return what the loss compares with, for patches."""
        return self.loss.targets(references)
