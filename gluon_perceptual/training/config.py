"""What a super-resolution run is made of: everything that is needed to repeat it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Mapping

from ..errors import UserError
from ..losses.functional import GRID_CELLS
from ..losses.terms import FeatureLoss, GridLoss, PixelLoss, Term, TotalVariationLoss

# The blog weighs the total variation of its normalized output, in VGG inputs of about a 57.4th of [0, 255], by 0.1.
# Here it is measured in [0, 255]; with the original VGG16, whose inputs are so too, features' squares are 57.4² larger.
BLOG_TV = {"original": 0.1 * 57.4, "torchvision": 0.1 / 57.4}
MACHINE = ("gpus", "cpus", "workers")  # settings that do not change what a run computes, but for rounding
PRECISIONS = ("float32", "bfloat16", "float16")
# By scale, for "skip": what a feature loss leaves beyond is dots and a weave, see `nets.lowpass`.
LOWPASS = {2: 0.4, 4: 0.3, 8: 0.3}
DECIDED_BY_SHARDS = ("data", "patch", "crops", "sigma", "degradation")

ARCHITECTURES: dict[str, dict[str, Any]] = {
    "skip": {},
    "paper": {
        "norm": "batch",
        "patch": 288,
        "loss": "feature",
        "learning_rate": 1e-3,
        "schedule": "constant",
        "warmup": 0,
        "max_norm": 0.0,
    },
    "blog": {
        "norm": "batch",
        "loss": "feature",
        "tv_kind": "blog",
        "learning_rate": 1e-5,
        "beta2": 0.99,
        "schedule": "constant",
        "warmup": 0,
        "max_norm": 0.0,
        "degradation": "decimate",
    },
}


@dataclass(frozen=True)
class TrainingConfig:
    """The settings that every training has.

    `data`, `validation`: folders of photos or lists of files, see `data.photos.split_photos`. `vgg`: see
    `nets.vgg.LossNetwork.pretrained`. `start_from`: a file of parameters, or a shipped model's name, to start from
    instead of random ones, as from those that a pixel loss has trained for a training with the feature loss.
    `max_norm`: gradients are clipped to it, unless it is 0. `on_nonfinite`: "stop" or "skip", what an infinite loss or
    gradient does. `precision`: "float32"; "bfloat16" on CPUs, see `nets.precision`; "float16" on GPUs, by MXNet's AMP.
    """

    earlier: ClassVar[Mapping[str, Any]] = {}  # what settings were, before they could be set: for older config.json

    data: str | None = None
    validation: str | None = None
    vgg: str = "shipped"
    start_from: str | None = None

    steps: int = 360
    batch: int = 4
    learning_rate: float = 1e-3
    beta2: float = 0.999
    schedule: str = "cosine"
    warmup: int = 60
    max_norm: float = 5.0
    on_nonfinite: str = "stop"
    precision: str = "float32"
    seed: int = 0
    workers: int = 2

    gpus: str | None = None
    cpus: int = 1

    def check_devices(self, workers: int = 1) -> None:
        """Raise UserError if a batch does not go round the workers of a cluster and the devices of each."""
        if self.precision not in PRECISIONS:
            raise UserError(f"precision {self.precision!r}: expected one of {', '.join(PRECISIONS)}")
        if self.precision == "float16" and not self.gpus:
            raise UserError("precision float16 is for GPUs (`gpus`): on a CPU it is no faster")
        devices = len(self.gpus.split(",")) if self.gpus else self.cpus
        if self.batch % workers:
            raise UserError(f"`batch` {self.batch} is for all {workers} workers: give a multiple of their number")
        if self.batch // workers < devices:
            total = devices * workers
            raise UserError(f"`batch` {self.batch} is less than the {total} devices; give each at least one picture")


@dataclass(frozen=True)
class SuperResolutionConfig(TrainingConfig):
    """A super-resolution run's settings; the defaults are those that measured best for ×2 in some minutes on two cores.

    `arch`: "skip", the paper's network without normalization, added to the bicubic enlargement; "paper"; "blog".
    `from_architecture` gives the defaults of each. `lowpass`: for "skip" alone, see `nets.SuperResolutionNet`;
    `from_architecture` has one where there is a feature loss, and takes 0 for none.
    `loss`: "pixel", "feature", or "mix", pixel + `mix` × feature.
    """

    scale: int = 2
    arch: str = "skip"
    width: int = 64
    blocks: int = 4
    norm: str = "none"
    upsampling: str = "transposed"
    lowpass: float | None = None

    shards: str | None = None
    patch: int = 144
    crops: int = 1
    sigma: float = 1.0
    degradation: str = "bicubic"

    loss: str = "mix"
    mix: float = 1e-4
    feature_layer: str = "relu2_2"
    pixel_loss: str = "absolute"
    grid: float = 0.0
    tv: float = 0.0
    tv_kind: str = "paper"

    def term_weights(self) -> dict[Term, float]:
        """Return the terms of the loss and their weights, as `losses.PerceptualLoss` takes them."""
        return {
            FeatureLoss(self.feature_layer): {"pixel": 0.0, "feature": 1.0, "mix": self.mix}[self.loss],
            PixelLoss(self.pixel_loss): 0.0 if self.loss == "feature" else 1.0,
            GridLoss(self.scale): self.grid,
            TotalVariationLoss(self.tv_kind): self.tv,
        }

    @classmethod
    def from_architecture(cls, arch: str = "skip", **given: Any) -> SuperResolutionConfig:
        """Return the defaults of `arch`, overridden by what is given and not None.

        Raises:
            UserError: Settings that do not go together.
        """
        if arch not in ARCHITECTURES:
            raise UserError(f"architecture {arch!r}: expected one of {', '.join(ARCHITECTURES)}")
        chosen = {name: value for name, value in given.items() if value is not None}
        defaults = dict(ARCHITECTURES[arch])
        if arch == "blog":
            defaults["tv"] = BLOG_TV["original" if chosen.get("vgg", cls.vgg) == "shipped" else "torchvision"]
            refused = {"norm", "upsampling"} & set(chosen)
            if refused:
                raise UserError(f"`arch` blog has no choice of `{min(refused)}`: leave it out, or use `arch` paper")
        decided = [name for name in DECIDED_BY_SHARDS if name in chosen and "shards" in chosen]
        if decided:
            raise UserError(f"`{decided[0]}` is decided by the shards, which hold patches already: leave it out")
        config = cls(**{**defaults, "arch": arch, **chosen})
        if arch == "skip" and config.loss != "pixel" and "lowpass" not in chosen:
            config = replace(config, lowpass=LOWPASS.get(config.scale))
        config = replace(config, lowpass=config.lowpass or None)
        config._check()
        return config

    def _check(self) -> None:
        if self.arch == "blog" and self.scale != 2:
            raise UserError(f"`arch` blog enlarges 2 times, not {self.scale}: use `scale` 2, or another `arch`")
        if self.lowpass is not None and self.arch != "skip":
            raise UserError(f"`lowpass` is for `arch` skip, not {self.arch}: leave it out")
        if self.patch % self.scale:
            raise UserError(f"`patch` {self.patch}: expected a multiple of `scale` {self.scale}")
        if self.grid and self.scale == 1:
            raise UserError("`grid` is against the grid that enlarging leaves: leave it out with `scale` 1")
        if self.grid and self.patch < GRID_CELLS * self.scale:
            raise UserError(f"`patch` {self.patch}: `grid` needs {GRID_CELLS} times `scale` {self.scale} at least")
        self.check_devices()
