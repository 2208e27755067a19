"""The page's settings, checked: the options of `upscale` and `stylize`, and the job that they describe."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import lru_cache, partial
from typing import Any, Mapping

from ..choices import ColorSpace, InferencePrecision, PreserveColor, of
from ..image.formats import ALL
from ..image.size import Size, fewest_passes
from ..weights import DEFAULTS, RESTORER, models
from .folder import RefusedError

SUFFIXES = tuple(form.suffixes[0] for form in ALL if not form.plugin or form.name == "AVIF")
SPACES = of(ColorSpace)
OPEN_MODELS = 8  # models that stay open
MEASURES = ("scale", "width", "height", "megapixels")
CHOICES: dict[str, tuple[Any, ...]] = {
    "kind": ("upscale", "stylize"),
    "preserve_color": of(PreserveColor),
    "match_histogram": SPACES,
    "self_ensemble": (True, False),
    "precision": of(InferencePrecision),
    "suffix": SUFFIXES,
    "temporal": (True, False),
}
NUMBERS: dict[str, tuple[float, float, Any]] = {  # minimum, maximum and step of a form's field
    "scale": (0.01, 64, "any"),
    "width": (1, 65535, 1),
    "height": (1, 65535, 1),
    "megapixels": (0.01, 1000, "any"),
    "strength": (0, 1, "any"),
    "tile": (64, 4096, 1),
    "quality": (1, 100, 1),
    "crf": (0, 63, 1),
}


@dataclass(frozen=True)
class Settings:
    """What to do to a picture or video: the commands' options, with their defaults.

    Attributes:
        kind: "upscale" or "stylize".
        model: Name of a shipped model; None: the model that `upscale` chooses for the size and the file.
        scale: One of `scale`, `width`, `height` and `megapixels` is given; the others are None.
    """

    kind: str = "upscale"
    model: str | None = None
    scale: float | None = 2
    width: int | None = None
    height: int | None = None
    megapixels: float | None = None
    strength: float = 1.0
    preserve_color: str | None = None
    match_histogram: str | None = None
    self_ensemble: bool = False
    precision: str = "auto"
    tile: int | str = "auto"
    suffix: str | None = None
    quality: int | None = None
    crf: int | None = None
    temporal: bool = True

    @property
    def size(self) -> Size:
        """The size of the result of `upscale`."""
        return Size(*(getattr(self, name) for name in MEASURES))

    @property
    def named(self) -> str | None:
        """The model for all pictures: the given one, or `RESTORER` at the same size; None if each picture decides."""
        return self.model or (RESTORER if self.kind == "upscale" and self.size.scale == 1 else None)

    @property
    def label(self) -> str:
        """The part that is added to a result's name, as by the commands."""
        return str(self.model) if self.kind == "stylize" else self.size.label

    def pixels(self, height: int, width: int) -> tuple[int, int]:
        """Return the number of pixels of the result for a picture of this size, and of what it is reduced from."""
        if self.kind == "stylize":
            return height * width, height * width
        result, ratio = math.prod(self.size.of(height, width)), self.size.ratio(height, width)
        scale = models()[self.named]["scale"] if self.named else fewest_passes(DEFAULTS, ratio)
        return result, height * width * int(scale) ** (2 * self.size.passes(scale, height, width))

    def job(self) -> Any:
        """Return the job; raises UserError as `Upscaler` and `Stylizer` do."""
        from .._mxnet import devices
        from ..inference.jobs import StylizeJob, UpscaleJob

        found, opened = devices(), partial(_opened, self.precision)
        common: dict[str, Any] = {"crf": self.crf, "tile": self.tile, "opened": opened}
        if self.kind == "stylize":
            colors: dict[str, Any] = {"strength": self.strength, "preserve_color": self.preserve_color}
            return StylizeJob(str(self.model), found, self.quality, temporal=self.temporal, **common, **colors)
        more: dict[str, Any] = {"match_histogram": self.match_histogram, "self_ensemble": self.self_ensemble}
        return UpscaleJob(self.model, found, self.quality, self.size, **common, **more)


@lru_cache(OPEN_MODELS)
def _opened(precision: str, name: str, device: Any) -> Any:
    from ..inference.model import open_model

    return open_model(name, device, precision)


KNOWN = {field.name for field in fields(Settings)}


def parse_settings(given: Any) -> Settings:
    """Return the settings that the page sent; null stands for the default.

    Raises:
        RefusedError: A setting is unknown, or has an invalid value.
    """
    if not isinstance(given, Mapping):
        raise RefusedError("settings: expected a JSON object")
    given = {name: value for name, value in given.items() if value is not None}
    for name, value in given.items():
        _check(name, value)
    measures = [name for name in MEASURES if name in given]
    if len(measures) > 1:
        raise RefusedError(f"{' and '.join(measures)}: expected only one of {', '.join(MEASURES)}")
    settings = Settings(**{"scale": None if measures else Settings.scale, **given})
    if settings.model is not None or settings.kind == "stylize":
        entry = models("style" if settings.kind == "stylize" else "super-resolution").get(str(settings.model))
        if entry is None:
            raise RefusedError(f"model {settings.model} cannot {settings.kind}: choose another")
    return settings


def _check(name: str, value: Any) -> None:
    shown = f"{name[:40]} {value!r:.40}"
    if name in CHOICES:
        if not any(type(value) is type(known) and value == known for known in CHOICES[name]):
            raise RefusedError(f"{shown}: expected one of {', '.join(map(str, CHOICES[name]))}")
    elif name in NUMBERS and (name, value) != ("tile", Settings.tile):
        least, most, step = NUMBERS[name]
        is_number = isinstance(value, int if step == 1 else (int, float)) and not isinstance(value, bool)
        if not (is_number and least <= value <= most):
            raise RefusedError(f"{shown}: expected a {'whole ' * (step == 1)}number from {least} to {most}")
    elif name not in KNOWN:
        raise RefusedError(f"{shown}: unknown setting")
