"""The task of training super-resolution: data, network, loss."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .._mxnet import NDArray, devices
from ..checkpoint.spec import ModelSpec
from ..data.batches import Pairs
from ..data.patches import PatchDataset
from ..data.photos import split_photos
from ..data.shards import ShardDataset, describe_shards
from ..errors import UserError
from ..evaluation.scores import mean
from ..evaluation.spectrum import weave
from ..evaluation.super_resolution import smallest_scored_side
from ..losses import FeatureLoss, PerceptualLoss
from ..nets.vgg import LossNetwork
from .super_resolution_config import SuperResolutionConfig, term_weights
from .task import Task, choose_held_out, computing_as

__all__ = ["SuperResolutionConfig", "super_resolution_task"]

PAIRS_FOR_MEAN = 256
IN_SHARDS = FeatureLoss("relu2_2")  # whose targets shards may contain in place of patches

log = logging.getLogger(__name__)


def super_resolution_task(config: SuperResolutionConfig) -> Task:
    """Return the task of a super-resolution run; shards, if given, decide the degradation.

    Raises:
        UserError: Devices, photos, shards or weights are missing or do not fit.
    """
    config.check_devices()
    if config.shards:
        described = describe_shards(Path(config.shards))
        config = replace(config, sigma=described["sigma"], degradation=described["degradation"])
    photos, candidates = split_photos(config.data, config.validation)
    held_out, unreadable = choose_held_out(candidates, photos, smallest_scored_side(config.scale))
    settings = (config.scale, config.patch, config.sigma, config.degradation, config.crops)
    patches = partial(PatchDataset, seed=config.seed)
    pairs = open_shards(config) if config.shards else patches(photos, *settings)
    network = None
    if config.loss != "pixel":
        with computing_as(config):
            layers, on = (config.feature_layer,), devices(config.gpus, config.cpus)
            network = LossNetwork.pretrained(layers, config.vgg, on)
        check_same_vgg(pairs, network, config)
    loss = PerceptualLoss(term_weights(config), network, config.scale if config.textures_only else 0)
    holds_features = getattr(pairs, "holds_features", False)
    return Task(
        config=config,
        photos=photos,
        held_out=held_out,
        unreadable=unreadable,
        pairs=pairs,
        validation_pairs=patches(held_out, *settings),
        spec=model_spec(config, pairs),
        loss=loss,
        targets=(lambda features: {IN_SHARDS.name: features}) if holds_features else loss.targets,
        validation_targets=loss.targets,
        measure=measure_weave,
    )


def open_shards(config: SuperResolutionConfig) -> ShardDataset:
    """Return the pairs in the run's shards.

    Raises:
        UserError: They do not fit this training.
    """
    folder = Path(config.shards or "")
    shards = ShardDataset(folder, seed=config.seed)
    if shards.scale != config.scale:
        raise UserError(f"{folder} contains pairs of scale {shards.scale:g}, not {config.scale}: give that `scale`")
    compared = {term for term, weight in term_weights(config).items() if weight and term.needs_target}
    if not shards.holds_features:
        check_patches(shards.patch, config)
    elif compared != {IN_SHARDS}:
        raise UserError(
            f"{folder} contains {IN_SHARDS.layer} features instead of patches, which a loss of "
            f"{', '.join(sorted(term.name for term in compared))} needs: use `loss` feature, `feature_layer` "
            f"{IN_SHARDS.layer}, and leave `grid`, `waves` and `echoes` out"
        )
    elif shards.loss_network is None:
        log.warning("%s does not record which VGG16 its features are from; the blog's shards need `vgg` zoo", folder)
    return shards


def check_patches(side: int, config: SuperResolutionConfig) -> None:
    """Raise UserError if patches of this side in the run's shards are too small for its loss."""
    try:
        replace(config, patch=side).check()
    except UserError as error:
        raise UserError(f"{config.shards}, made with {error}") from error


def check_same_vgg(pairs: Pairs, network: LossNetwork, config: SuperResolutionConfig) -> None:
    """Raise UserError if `pairs` contains features of another VGG16, which cannot be targets for this one."""
    made_by = getattr(pairs, "loss_network", None)
    if made_by is not None and made_by["sha256"] != network.origin["sha256"]:
        raise UserError(f"{config.shards} contains features of other VGG16 weights: give `vgg` {made_by['weights']}")


def model_spec(config: SuperResolutionConfig, pairs: Pairs) -> ModelSpec:
    """Return the network's spec; the blog's includes the mean of its inputs, here of the first `PAIRS_FOR_MEAN`."""
    size = {"width": config.width, "blocks": config.blocks}
    if config.arch == "blog":
        inputs = [pairs[k][0] for k in range(PAIRS_FOR_MEAN)]
        colors = np.mean([values.mean(axis=(1, 2)) for values in inputs], axis=0) / 255
        return ModelSpec("PlsrNet", size, max_value=1.0, mean=tuple(round(float(value), 6) for value in colors))
    arguments: dict[str, Any] = {"norm": config.norm, "upsampling": config.upsampling, "skip": config.arch == "skip"}
    if config.lowpass is not None:
        arguments["lowpass"] = config.lowpass
    return ModelSpec("SuperResolutionNet", {"scale": config.scale, **size, **arguments})


def measure_weave(outputs: NDArray, references: NDArray) -> dict[str, float]:
    """Return the weave, see `evaluation.spectrum`: the means over the pictures with smooth areas."""
    pictures = (np.moveaxis(array.clip(0, 255).asnumpy(), 1, -1) for array in (outputs, references))
    found = [weave(output, truth) for output, truth in zip(*pictures)]
    measures = {"weave": mean(each.mean for each in found), "worst_weave": mean(each.worst for each in found)}
    return {name: value for name, value in measures.items() if not np.isnan(value)}
