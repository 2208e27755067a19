"""A training of a style put together from its settings: paintings, photos, network, loss."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, ClassVar, Mapping

import cv2
import numpy as np

from .._mxnet import mx
from ..checkpoint.model import ModelSpec
from ..checkpoint.spec import read_spec
from ..data.crops import PhotoCrops, smallest_side
from ..data.photos import split_photos
from ..errors import UserError
from ..evaluation.style_metrics import clipped_area
from ..image.histogram import match_images
from ..losses.perceptual import PerceptualLoss
from ..nets.instance_norm import fast_twin
from ..nets.pixels import PixelRangeAdapter
from ..nets.precision import current_precision
from ..nets.vgg import LossNetwork, check_layers
from ..styles import (
    STYLE_LAYERS,
    STYLE_WEIGHT,
    blended_grams,
    check_blend,
    read_style,
    style_transfer_loss,
    style_weights,
)
from ..weights import model_path
from .config import TrainingConfig
from .run import Run

NETWORK = ("width", "norm", "upsampling", "output")  # settings that are the network's
NOISE = 10.0  # gray levels, half the width of the noise of the stability term
COLOR_SAMPLES = 64  # photos whose colors stand for all

ARCHITECTURES: dict[str, dict[str, Any]] = {
    "linear": {},
    "paper": {
        "norm": "batch",
        "upsampling": "transposed",
        "output": "tanh",
        "style_balance": "entries",
        "style_weight": 5.0,
        "tv": 1e-6,
        "schedule": "constant",
        "warmup": 0,
        "max_norm": 0.0,
        "flat": 0.0,
    },
}


@dataclass(frozen=True)
class StyleConfig(TrainingConfig):
    """A style run's settings.

    `style`: files, blended by `blend` (equally, if empty). `style_size`: what the longer side of the style pictures is
    scaled to; 0 leaves them. `style_weight` and `style_balance` weigh the layers' style losses, see
    `styles.style_weights`, and `content_weight` the feature loss. `match_color`: the style pictures first get the
    colors of the photos. `denoise`: strength of non-local means denoising of the style pictures; grain in them trains
    dots. `flat`: share of crops that are a flat part of a photo, see `data.crops.PhotoCrops`. `arch`: "linear", or
    "paper"; `from_architecture` gives the defaults of each.
    """

    earlier: ClassVar[Mapping[str, Any]] = {
        "arch": "paper",
        "output": "tanh",
        "style_balance": "entries",
        "flat": 0.0,
    }

    steps: int = 2000
    schedule: str = "cosine"
    warmup: int = 50
    max_norm: float = 1e6  # gradients' usual norm at first, for STYLE_WEIGHT

    style: tuple[str, ...] = ()
    blend: tuple[float, ...] = ()
    style_size: int = 384
    style_layers: tuple[str, ...] = STYLE_LAYERS
    style_balance: str = "norm"
    style_weight: float = STYLE_WEIGHT
    content_layer: str = "relu2_2"
    content_weight: float = 1.0
    tv: float = 1e-4
    stability: float = 0.0
    match_color: bool = False
    denoise: float = 0.0

    size: int = 256
    flat: float = 0.1
    arch: str = "linear"
    width: int = 32
    norm: str = "instance"
    upsampling: str = "nearest"
    output: str = "linear"

    @classmethod
    def from_architecture(cls, arch: str = "linear", **given: Any) -> StyleConfig:
        """Return the defaults of `arch`, overridden by what is given.

        Raises:
            UserError: `arch` is unknown.
        """
        if arch not in ARCHITECTURES:
            raise UserError(f"architecture {arch!r}: expected one of {', '.join(ARCHITECTURES)}")
        return cls(**{**ARCHITECTURES[arch], "arch": arch, **given})

    def check(self) -> None:
        """Raise UserError if settings do not go together."""
        check_layers((*self.style_layers, self.content_layer))
        if not self.style:
            raise UserError("no style picture is given")
        check_blend(self.blend, self.style)
        self.check_devices()


class StyleRun(Run):
    """A style run, see `run.Run`.

    Args:
        config: The settings.

    Raises:
        UserError: Devices, photos, pictures or weights that are not there or do not fit.
    """

    def _prepare(self) -> None:
        config = self.config
        config.check()
        self._check_start()
        self.photos, held_out = split_photos(config.data, config.validation)
        self.held_out = self._choose_held_out(held_out, smallest_side(config.size))
        self.pairs = PhotoCrops(self.photos, config.size, config.seed, config.flat)
        self.styles = [self._style_picture(Path(path)) for path in config.style]
        self.natural_clipping = float(np.mean([clipped_area(style) for style in self.styles]))
        self.loss = self._make_loss()
        self.spec = ModelSpec("StyleNet", {name: getattr(config, name) for name in NETWORK})
        self.model = self._make_model()

    def _make_model(self) -> PixelRangeAdapter:
        model = self.spec.build(current_precision())
        self._initialize(model)
        return model

    def _check_start(self) -> None:
        """Another output has parameters of the same shapes, but what they learned is of no use to it."""
        spec = read_spec(model_path(self.config.start_from)) if self.config.start_from else None
        output = spec.arguments.get("output", "tanh") if spec else self.config.output
        if output != self.config.output:
            raise UserError(f"{self.config.start_from} has a {output} output: give --output {output} to start from it")

    def validation_pairs(self) -> PhotoCrops:
        """Return crops of the photos held out."""
        return PhotoCrops(self.held_out, self.config.size, self.config.seed)

    def _style_picture(self, path: Path) -> np.ndarray:
        config, picture = self.config, read_style(path, self.config.style_size)
        if config.denoise:
            picture = cv2.fastNlMeansDenoisingColored(picture, None, config.denoise, config.denoise)
        if config.match_color:
            picture = match_images(picture, self._photo_colors())
        return picture

    def _photo_colors(self) -> np.ndarray:
        """Return pixels of many photos, as a picture."""
        crops = [self.pairs[k][0][:, ::4, ::4] for k in range(min(COLOR_SAMPLES, len(self.pairs)))]
        return np.concatenate(crops, axis=2).transpose(1, 2, 0)

    def _make_loss(self) -> PerceptualLoss:
        config = self.config
        layers = tuple(dict.fromkeys((*config.style_layers, config.content_layer)))
        network = LossNetwork.pretrained(layers, config.vgg, self.devices)
        self._content_network = LossNetwork.pretrained((config.content_layer,), config.vgg, self.devices)
        self._content_network.hybridize(static_alloc=True, static_shape=True)
        self._grams = blended_grams(network, self.styles, config.blend, self.devices[0])
        style = style_weights(config.style_layers, self._grams, config.style_weight, config.style_balance)
        content = {config.content_layer: config.content_weight}
        return style_transfer_loss(network, content, style, config.tv, config.stability)

    def _step_model(self) -> Any:
        """Return the fast twin where all devices get the same number of pictures."""
        config, batch = self.config, self.config.batch // self.workers.num_workers
        if config.norm != "instance" or config.gpus or batch % len(self.devices):
            self._trained = self.model
        else:
            each = batch // len(self.devices)
            twin = PixelRangeAdapter(fast_twin(self.model.net, each, self.devices))
            twin.mean.reset_ctx(self.devices)
            twin.hybridize(static_alloc=True, static_shape=True)
            self._trained = twin
        return self._trained

    def _noise(self, pictures: Any) -> Any:
        """Return noise in the shape of `pictures`, for this update the same wherever the training went on from."""
        seed = (self.config.seed, self.trainer.optimizer.num_update, self.workers.rank, pictures.context.device_id)
        noise = np.random.default_rng(seed).uniform(-NOISE, NOISE, pictures.shape)
        return mx.nd.array(noise, ctx=pictures.context)

    def _targets(self) -> Callable[[Any], dict[str, Any]]:
        styles = {ctx: {name: gram.as_in_context(ctx) for name, gram in self._grams.items()} for ctx in self.devices}

        def targets(pictures: Any) -> dict[str, Any]:
            with mx.autograd.pause(train_mode=True):
                content = self._content_network(pictures)[0]
                found = {f"feature:{self.config.content_layer}": content, **styles[pictures.context]}
                if self.config.stability:
                    found["stability"] = self._trained((pictures + self._noise(pictures)).clip(0, 255))
            return found

        return targets
