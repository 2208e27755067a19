"""The task of training a style: paintings, photos, network, loss."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Mapping, Sequence

import cv2
import numpy as np

from .._mxnet import Context, NDArray, devices, mx, mxnet_errors
from ..checkpoint.spec import ModelSpec, read_spec
from ..data.crops import PhotoCrops, smallest_side
from ..data.photos import split_photos
from ..errors import UserError
from ..evaluation.style_metrics import clipped_share
from ..image.histogram import match_images
from ..losses import FeatureLoss
from ..losses.perceptual import Targets
from ..losses.style_transfer import blended_grams, check_blend, read_style, style_transfer_loss, style_weights
from ..nets.vgg import LossNetwork
from ..weights import model_path
from .style_config import StyleConfig
from .task import Task, choose_held_out, computing_as

__all__ = ["StyleConfig", "StyleTask", "style_task"]

NETWORK = ("width", "norm", "upsampling", "output")  # settings of the network
NOISE = 10.0  # gray levels, half the width of the noise of the stability loss
COLOR_SAMPLES = 64  # photos whose colors are sampled


@dataclass(frozen=True)
class StyleTask(Task):
    """A task with its style pictures, (H, W, 3) uint8 RGB."""

    styles: Sequence[np.ndarray] = ()


def style_task(config: StyleConfig) -> StyleTask:
    """Return the task of a style run.

    Raises:
        UserError: Devices, photos, style pictures or weights are missing or do not fit.
    """
    check(config)
    photos, candidates = split_photos(config.data, config.validation)
    held_out, unreadable = choose_held_out(candidates, photos, smallest_side(config.size))
    pairs = PhotoCrops(photos, config.size, config.seed, config.flat)
    styles = [style_picture(Path(path), config, pairs) for path in config.style]
    on = devices(config.gpus, config.cpus)
    with computing_as(config), mxnet_errors("if memory ran out, use a smaller `style_size`"):
        layers = tuple(dict.fromkeys((*config.style_layers, config.content_layer)))
        network = LossNetwork.pretrained(layers, config.vgg, on)
        grams = blended_grams(network, styles, config.blend, on[0])
        targets = style_targets(config.content_layer, grams, on, config.vgg)
        weights = style_weights(config.style_layers, grams, config.style_weight, config.style_balance)
    content = {config.content_layer: config.content_weight}
    others = (config.tv, config.stability, config.range, config.tv_kind)
    return StyleTask(
        config=config,
        photos=photos,
        held_out=held_out,
        unreadable=unreadable,
        pairs=pairs,
        validation_pairs=PhotoCrops(held_out, config.size, config.seed),
        spec=model_spec(config),
        loss=style_transfer_loss(network, content, weights, *others),
        targets=targets,
        validation_targets=targets,
        noise=NOISE if config.stability else 0.0,
        natural_clipping=float(np.mean([clipped_share(style) for style in styles])),
        styles=styles,
    )


def model_spec(config: StyleConfig) -> ModelSpec:
    """Return the network's spec."""
    lowpass = {"lowpass": config.lowpass} if config.lowpass else {}
    return ModelSpec("StyleNet", {**{name: getattr(config, name) for name in NETWORK}, **lowpass})


def check(config: StyleConfig) -> None:
    """Raise UserError if settings conflict.

    A network to start from must have the same output: parameters for another one have the same shapes, but do not help.
    """
    if not config.style:
        raise UserError("no style picture is given")
    check_blend(config.blend, config.style)
    config.check_devices()
    spec = read_spec(model_path(config.start_from)) if config.start_from else None
    output = spec.arguments.get("output", "tanh") if spec else config.output
    if output != config.output:
        raise UserError(f"{config.start_from} has a {output} output: give `output` {output} to start from it")


def style_picture(path: Path, config: StyleConfig, pairs: PhotoCrops) -> np.ndarray:
    """Return a style picture, (H, W, 3) uint8 RGB, scaled, denoised and colored as the settings say.

    Raises:
        UserError: It is missing, or not a picture.
    """
    picture = read_style(path, config.style_size)
    if config.denoise:
        bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        bgr = cv2.fastNlMeansDenoisingColored(bgr, None, config.denoise, config.denoise)
        picture = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
    if config.match_color:  # to the pixels of many photos, joined into one picture
        crops = [pairs[k][0][:, ::4, ::4] for k in range(min(COLOR_SAMPLES, len(pairs)))]
        picture = match_images(picture, np.concatenate(crops, axis=2).transpose(1, 2, 0))
    return picture


def style_targets(
    content_layer: str, grams: Mapping[str, NDArray], on: Sequence[Context], vgg: str = "shipped"
) -> Targets:
    """Return the function from pictures to their content features and the style's Gram matrices, on the same device.

    The features come from a loss network of their own, in the current precision; it ends at the content layer.
    """
    network = LossNetwork.pretrained((content_layer,), vgg, on)
    network.hybridize(static_alloc=True, static_shape=True)
    styles = {ctx: {name: gram.as_in_context(ctx) for name, gram in grams.items()} for ctx in on}

    def targets(pictures: NDArray) -> dict[str, NDArray]:
        with mx.autograd.pause(train_mode=True):
            return {FeatureLoss(content_layer).name: network(pictures)[0], **styles[pictures.context]}

    return targets
