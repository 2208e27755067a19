"""The settings that all trainings share; with those of its kind, they are all that is needed to repeat a run.

Modules of settings need neither MXNet nor NumPy: commands make their options from them before anything is loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Mapping, TypeVar

from ..choices import OnNonfinite, Schedule, TrainingOptimizer, TrainingPrecision, check_choice
from ..errors import UserError
from .settings import LARGEST_COUNT, LARGEST_SEED, check_settings, setting

MACHINE = ("gpus", "cpus", "workers")
"""Settings that do not change what a run computes, except for rounding, and what each device draws or normalizes for
itself: the statistics of batch norm, the noise of the stability loss."""

RATES: Mapping[str, Mapping[str, float]] = {
    "adam": {"learning_rate": 1e-3, "beta2": 0.999},
    "soap": {"learning_rate": 1e-2, "beta2": 0.99},
}
"""The defaults of each optimizer."""


def _of_each(name: str) -> str:
    return ", ".join(f"{optimizer}: {rates[name]}" for optimizer, rates in RATES.items())


Config = TypeVar("Config", bound="TrainingConfig")


@dataclass(frozen=True)
class TrainingConfig:
    """The settings that all trainings share."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}  # the defaults specific to each architecture
    earlier: ClassVar[Mapping[str, Any]] = {}  # values of settings that an older config.json lacks

    arch: str = setting("", "The kind of network.")

    data: str | None = setting(
        None, "Photos to train on: a folder, a list or a .rec file.", is_file=True, default_text="sample photos"
    )
    validation: str | None = setting(
        None, "Photos to measure on, likewise.", is_file=True, default_text="some of the training photos, held out"
    )
    vgg: str = setting("shipped", "Weights of the loss network.", metavar="shipped|zoo|zoo19|FILE")
    start_from: str | None = setting(
        None,
        "Parameters to start from: a shipped model, or a checkpoint of the same network; one that enlarges may have "
        "fewer blocks, other upsampling or another scale.",
        metavar="NAME|FILE",
        default_text="random",
    )

    steps: int = setting(360, "Number of updates.", least=1, most=LARGEST_COUNT)
    batch: int = setting(4, "Pictures per update.", least=1, most=65536)
    optimizer: TrainingOptimizer = setting(
        "adam", "soap needs fewer steps, each a little slower.", choices=TrainingOptimizer
    )
    learning_rate: float = setting(
        None,
        "Learning rate.",
        kind=float,
        least=0,
        is_open=True,
        other_names=("lr",),
        default_text=_of_each("learning_rate"),
    )
    beta2: float = setting(
        None,
        "Decay rate of squared gradients.",
        kind=float,
        least=0,
        most=1,
        is_open=True,
        default_text=_of_each("beta2"),
    )
    schedule: Schedule = setting("cosine", "How the learning rate falls.", choices=Schedule)
    warmup: int = setting(60, "Updates during which the learning rate rises.", least=0, most=LARGEST_COUNT)
    max_norm: float = setting(5.0, "Largest norm of the gradient, to which it is clipped; 0: unlimited.", least=0)
    on_nonfinite: OnNonfinite = setting(
        "stop", "What to do when a loss or gradient is not finite.", choices=OnNonfinite
    )
    precision: TrainingPrecision = setting(
        "float32",
        "Numeric precision of the networks. bfloat16: on CPUs that support it; float16: on GPUs, with MXNet's AMP and "
        "loss scaling.",
        choices=TrainingPrecision,
    )
    seed: int = setting(0, "Seed of all random numbers.", least=0, most=LARGEST_SEED)
    workers: int = setting(2, "Threads that prepare pictures.", least=0, most=256)

    gpus: str | None = setting(None, "GPUs to run on.", metavar="0,1", default_text="none: the CPU")
    cpus: int = setting(1, "CPU contexts that share the work.", least=1, most=256, metavar="N")

    def __post_init__(self) -> None:
        """Give the optimizer its rates where there are none."""
        for name, rate in RATES.get(self.optimizer, {}).items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, rate)

    @classmethod
    def from_architecture(cls: type[Config], arch: str | None = None, **given: Any) -> Config:
        """Return the defaults of an architecture (None: the default one), overridden by what is given and not None.

        Raises:
            UserError: A setting has an invalid value.
        """
        arch = cls.arch if arch is None else arch
        check_choice("arch", arch, cls.presets)
        chosen = {name: value for name, value in given.items() if value is not None}
        config = cls(**{**cls.presets[arch], "arch": arch, **chosen})
        check_settings(config)
        return config

    def check_devices(self, workers: int = 1) -> None:
        """Raise UserError unless a batch can be divided among the workers of a cluster and the devices of each."""
        if self.precision == "float16" and not self.gpus:
            raise UserError("`precision` float16 needs GPUs (`gpus`); it is not faster on a CPU")
        devices = len(self.gpus.split(",")) if self.gpus else self.cpus
        if self.batch % workers:
            raise UserError(f"`batch` {self.batch} is not divisible by the number of workers, {workers}")
        if self.batch // workers < devices:
            total = devices * workers
            raise UserError(f"`batch` {self.batch} is less than the {total} devices: each needs at least one picture")
