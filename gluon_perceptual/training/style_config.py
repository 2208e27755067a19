"""The settings of a style run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Mapping

from ..choices import Balance, Norm, Output, TrainingOptimizer, Upsampling, VariationKind
from ..errors import UserError
from ..losses.terms import STYLE_LAYERS, STYLE_WEIGHT
from .config import TrainingConfig
from .settings import LONGEST_SIDE, setting, with_default


@dataclass(frozen=True)
class StyleConfig(TrainingConfig):
    """A style run's settings."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "linear": {},
        "paper": {
            "norm": "batch", "upsampling": "transposed", "output": "tanh", "flat": 0.0,
            "lowpass": 0.0, "style_balance": "entries", "style_weight": 5.0, "tv": 1e-6,
            "optimizer": "adam", "schedule": "constant", "warmup": 0, "max_norm": 0.0,
        },
    }  # fmt: skip
    earlier: ClassVar[Mapping[str, Any]] = {
        "arch": "paper", "output": "tanh", "lowpass": 0.0, "style_balance": "entries", "flat": 0.0,
        "optimizer": "adam",
    }  # fmt: skip

    style: tuple[str, ...] = setting((), "Style pictures.", is_file=True, is_option=False)
    blend: tuple[float, ...] = setting(
        (), "Weights of the styles.", kind=float, metavar="W,W,...", default_text="equal"
    )
    arch: str = setting(
        "linear",
        "linear: the paper's layers with instance norms and a linear output; paper: the paper's network and training. "
        "It decides the defaults of other options.",
        choices=tuple(presets),
    )
    width: int = setting(32, "Channels of the first layer.", least=1, most=1024)
    norm: Norm = setting("instance", "Normalization.", choices=Norm)
    upsampling: Upsampling = setting(
        "nearest", "Layers that enlarge (the paper's convs of stride 1/2).", choices=Upsampling
    )
    output: Output = setting("linear", "Last layer.", choices=Output)
    lowpass: float = setting(
        0.3,
        "Cut-off, in cycles per pixel, of a low-pass filter on the output, against a mesh in flat areas; 0: no filter.",
        least=0,
        most=0.5,
        metavar="CUT-OFF",
    )

    size: int = setting(256, "Side of the photo crops in pixels.", least=32, most=LONGEST_SIDE)
    flat: float = setting(0.1, "Share of the crops that are taken from flat parts of photos.", least=0, most=1)
    style_size: int = setting(
        512, "Longer side of the style pictures in pixels; 0: as they are.", least=0, most=LONGEST_SIDE
    )
    match_color: bool = setting(False, "First give the style pictures the photos' colors.")
    denoise: float = setting(
        0.0, "First denoise the style pictures, with a strength of 3 or more; against dots.", least=0, most=100
    )

    style_layers: tuple[str, ...] = setting(STYLE_LAYERS, "VGG layers whose style is compared.", metavar="LAYER,...")
    style_balance: Balance = setting(
        "norm",
        "What each layer's style weight is divided by. norm: that of the style's Gram matrix; entries: their number.",
        choices=Balance,
    )
    style_weight: float = setting(STYLE_WEIGHT, "Weight of each layer's style loss.", least=0)
    content_layer: str = setting("relu2_2", "VGG layer whose features are compared.", choices=("relu2_2", "relu3_3"))
    content_weight: float = setting(1.0, "Weight of the feature loss.", least=0)
    tv: float = setting(1e-4, "Weight of the total variation.", least=0)
    tv_kind: VariationKind = setting(
        "paper", "Kind of total variation. isotropic: mean length of the gradient.", choices=VariationKind
    )
    stability: float = setting(
        0.0, "Weight of the stability loss (output change under input noise); reduces flicker.", least=0
    )
    range: float = setting(
        0.0, "Weight of what a linear output has beyond 0 and 255, such as 2e3; against clipped areas.", least=0
    )

    steps: int = with_default(TrainingConfig, "steps", 2000)
    optimizer: TrainingOptimizer = with_default(TrainingConfig, "optimizer", "soap")
    warmup: int = with_default(TrainingConfig, "warmup", 50)
    max_norm: float = with_default(TrainingConfig, "max_norm", 1e6)  # about twice the gradient's usual norm at first

    @classmethod
    def from_architecture(cls, arch: str | None = None, **given: Any) -> StyleConfig:
        """Return the defaults of an architecture (None: "linear"), overridden by what is given and not None.

        Raises:
            UserError: A setting has an invalid value, or a kind of total variation has no weight.
        """
        kind = given.get("tv_kind")
        if kind in ("blog", "isotropic") and given.get("tv") is None:
            raise UserError(
                f"`tv_kind` {kind}: give its weight, too, such as `tv` 1e4; that of another kind does not fit"
            )
        return super().from_architecture(arch, **given)
