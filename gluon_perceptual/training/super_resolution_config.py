"""The settings of a super-resolution run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Mapping

from ..choices import SCALES, Degradation, Enlargement, Loss, Norm, PixelKind, VariationKind
from ..errors import UserError
from ..losses.functional import GRID_CELLS
from ..losses.term import Term
from ..losses.terms import FeatureLoss, GridLoss, PixelLoss, TotalVariationLoss, WaveLoss
from ..losses.waves import KINDS
from .config import TrainingConfig
from .settings import setting

# The blog's weight of the total variation is 0.1, for outputs normalized as VGG inputs, about 1/57.4 of [0, 255]. Here
# it is measured in [0, 255]; with the original VGG16, which also takes [0, 255], squared features are 57.4² times
# larger. By the loss network's variant, see `nets.vgg`.
BLOG_TV = {"original": 0.1 * 57.4, "torchvision": 0.1 / 57.4}
# By scale, for "skip": above these frequencies a feature loss leaves dots and a weave, see `nets.lowpass`.
LOWPASS = {2: 0.4, 4: 0.3, 8: 0.3}
DECIDED_BY_SHARDS = ("data", "patch", "crops", "sigma", "degradation")


@dataclass(frozen=True)
class SuperResolutionConfig(TrainingConfig):
    """A super-resolution run's settings; the defaults are those that measured best for ×2 in some minutes on two cores.

    Those of each architecture come from `from_architecture`, which also chooses a low-pass for "skip" with a feature
    loss, and the blog's total variation by the loss network.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "skip": {},
        "paper": {
            "norm": "batch", "patch": 288, "loss": "feature",
            "schedule": "constant", "warmup": 0, "max_norm": 0.0,
        },
        "blog": {
            "norm": "batch", "loss": "feature", "tv_kind": "blog", "degradation": "decimate",
            "learning_rate": 1e-5, "beta2": 0.99, "schedule": "constant", "warmup": 0, "max_norm": 0.0,
        },
    }  # fmt: skip

    scale: int = setting(2, "How many times to enlarge; 1: restore at the same size.", choices=SCALES)
    arch: str = setting(
        "skip",
        "skip: the paper's network added to the bicubic enlargement, without batch norm; paper and blog: theirs, with "
        "the training that they describe. It decides the defaults of other options.",
        choices=tuple(presets),
    )
    width: int = setting(64, "Channels inside the network.", least=1, most=1024)
    blocks: int = setting(4, "Residual blocks.", least=0, most=256)
    norm: Norm = setting("none", "Normalization.", choices=("batch", "none"))
    upsampling: Enlargement = setting(
        "transposed",
        "Layers that enlarge (the paper's convs of stride 1/2). direct: the last layer alone.",
        choices=Enlargement,
    )
    lowpass: float | None = setting(
        None,
        "Cut-off, in cycles per pixel, of a low-pass filter on what the network adds, against dots; 0: no filter.",
        kind=float,
        least=0,
        most=0.5,
        metavar="CUT-OFF",
        default_text="with arch skip and a feature loss: 0.4 for ×2, 0.3 for ×4 and ×8",
    )

    shards: str | None = setting(
        None, "Folder of trainx_i.params and trainy_i.params, to train on instead of photos.", is_file=True
    )
    patch: int = setting(144, "Side of the high-resolution patches in pixels.", least=8, most=4096)
    crops: int = setting(1, "Patches to take from a photo each time it is read.", least=1, most=1_000_000)
    sigma: float = setting(1.0, "Blur before shrinking, in pixels.", least=0, most=100)
    degradation: Degradation = setting(
        "bicubic",
        "How photos are shrunk. web: bicubic, then JPEG compression, noise and blur at random.",
        choices=Degradation,
        other_names=("degrade",),
    )

    loss: Loss = setting("mix", "What is minimized. mix: the pixel loss plus the weighted feature loss.", choices=Loss)
    mix: float = setting(1e-4, "Weight of the feature loss in mix.", least=0)
    feature_layer: str = setting("relu2_2", "VGG layer whose features are compared.", metavar="LAYER")
    textures_only: bool = setting(False, "Compare features only where the photo has texture, against weave and lines.")
    pixel_loss: PixelKind = setting("absolute", "Kind of pixel loss.", choices=PixelKind)
    grid: float = setting(0.0, "Weight of the grid that upsampling leaves, against dots.", least=0)
    waves: float = setting(
        0.0, "Weight of fine waves where the photo is smooth, such as 150, or 4 for ×2; against a weave.", least=0
    )
    echoes: float = setting(
        0.0, "Weight of fine waves in small plain places, such as 60; against lines beside edges.", least=0
    )
    tv: float = setting(
        0.0, "Weight of the total variation.", least=0, default_text="0; blog: as the blog's, by the VGG"
    )
    tv_kind: VariationKind = setting("paper", "Kind of total variation.", choices=VariationKind)

    @classmethod
    def from_architecture(cls, arch: str | None = None, **given: Any) -> SuperResolutionConfig:
        """Return the defaults of an architecture (None: "skip"), overridden by what is given and not None.

        Raises:
            UserError: A setting has an invalid value, or settings conflict.
            OSError: `vgg` is a file that cannot be read.
        """
        arch = cls.arch if arch is None else arch
        given = {name: value for name, value in given.items() if value is not None}
        if arch == "blog":
            refused = {"norm", "upsampling"} & set(given)
            if refused:
                raise UserError(f"`{min(refused)}` cannot be chosen for `arch` blog: leave it out, or use `arch` paper")
            from ..nets.vgg_files import variant_of  # NumPy is loaded only where it is needed

            if "tv" not in given:
                given["tv"] = BLOG_TV[variant_of(given.get("vgg", cls.vgg))]
        decided = [name for name in DECIDED_BY_SHARDS if {name, "shards"} <= set(given)]
        if decided:
            raise UserError(f"`{decided[0]}` is decided by the shards, which already contain patches: leave it out")
        config = super().from_architecture(arch, **given)
        if arch == "skip" and config.loss != "pixel" and "lowpass" not in given:
            config = replace(config, lowpass=LOWPASS.get(config.scale))
        config = replace(config, lowpass=config.lowpass or None)
        config.check()
        return config

    def check(self) -> None:
        """Raise UserError if settings conflict."""
        if self.arch == "blog" and self.scale != 2:
            raise UserError(f"`arch` blog enlarges 2 times, not {self.scale}: use `scale` 2, or another `arch`")
        if self.lowpass is not None and self.arch != "skip":
            raise UserError(f"`lowpass` is for `arch` skip, not {self.arch}: leave it out")
        if self.textures_only and self.loss != "mix":
            raise UserError(f"`textures_only` leaves the rest to the pixel loss: use `loss` mix, not {self.loss}")
        if self.patch % self.scale:
            raise UserError(f"`patch` {self.patch}: expected a multiple of `scale` {self.scale}")
        if self.grid and self.scale == 1:
            raise UserError("`grid` acts on the grid that enlarging leaves: leave it out with `scale` 1")
        if self.grid and self.patch < GRID_CELLS * self.scale:
            raise UserError(f"`patch` {self.patch}: `grid` needs at least {GRID_CELLS} times `scale` {self.scale}")
        for name, counted in KINDS.items():
            if getattr(self, name) and self.patch < counted.block:
                raise UserError(f"`patch` {self.patch}: `{name}` needs at least {counted.block}")
        self.check_devices()


def term_weights(config: SuperResolutionConfig) -> dict[Term, float]:
    """Return the terms of the loss and their weights, as `losses.PerceptualLoss` takes them."""
    return {
        FeatureLoss(config.feature_layer): {"pixel": 0.0, "feature": 1.0, "mix": config.mix}[config.loss],
        PixelLoss(config.pixel_loss): 0.0 if config.loss == "feature" else 1.0,
        GridLoss(config.scale): config.grid,
        WaveLoss("waves"): config.waves,
        WaveLoss("echoes"): config.echoes,
        TotalVariationLoss(config.tv_kind): config.tv,
    }
