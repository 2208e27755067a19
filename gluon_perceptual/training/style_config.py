"""What a style run is made of: everything that is needed to repeat it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Mapping

from ..errors import UserError
from ..nets.vgg import check_layers
from ..styles import STYLE_LAYERS, STYLE_WEIGHT, check_blend
from .config import TrainingConfig

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
    style_size: int = 512
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
