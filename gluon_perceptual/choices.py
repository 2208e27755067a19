"""The values that arguments, settings and options choose from, each list typed once.

The `Literal` is for type checkers; `of` makes it a tuple, for a command's option and for `check_choice`.
"""

from __future__ import annotations

from typing import Iterable, Literal, get_args

from .errors import UserError

Norm = Literal["batch", "instance", "none"]
Upsampling = Literal["transposed", "nearest", "subpixel"]
Enlargement = Literal["transposed", "nearest", "subpixel", "direct"]
Output = Literal["tanh", "linear"]

Loss = Literal["pixel", "feature", "mix"]
PixelKind = Literal["squared", "absolute"]
VariationKind = Literal["paper", "blog", "isotropic"]
WaveKind = Literal["waves", "echoes"]
Balance = Literal["norm", "entries"]

Schedule = Literal["cosine", "step", "constant"]
OnNonfinite = Literal["stop", "skip"]
TrainingOptimizer = Literal["adam", "soap"]
TrainingPrecision = Literal["float32", "bfloat16", "float16"]
InferencePrecision = Literal["auto", "float32", "bfloat16"]
KVSTORES = ("local", "device", "nccl", "dist_sync")
VGG_WEIGHTS = ("shipped", "zoo", "zoo19")  # or a file
Optimizer = Literal["lbfgs", "adam"]

ColorSpace = Literal["RGB", "LAB", "LCH", "LUV", "XYZ"]
Degradation = Literal["bicubic", "decimate", "web"]
Statistics = Literal["whole", "reduced"]
PreserveColor = Literal["luminance", "histogram"]


SCALES = (1, 2, 4, 8)  # how many times networks enlarge


def of(choices: object) -> tuple[str, ...]:
    """Return what a `Literal` allows."""
    return get_args(choices)


def check_choice(name: str, value: object, choices: Iterable[object]) -> None:
    """Raise UserError unless the argument `name` has one of these values."""
    known = list(choices)
    if value not in known:
        raise UserError(f"`{name}` {value!r}: expected one of {', '.join(map(str, known))}")
