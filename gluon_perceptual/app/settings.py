"""What the page may ask for, checked: the options of `upscale` and `stylize`, as a job that does it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Callable, Mapping

from ..image.formats import ALL
from ..image.size import Size
from ..weights import models
from .pictures import RefusedError

SUFFIXES = tuple(form.suffixes[0] for form in ALL if not form.plugin or form.name == "AVIF")
SPACES = (None, "RGB", "LCH", "LAB", "LUV", "XYZ")
LARGEST_TILE = 4096
LARGEST_SIDE = 65535
MEASURES = ("scale", "width", "height", "megapixels")


def _one_of(*values: Any) -> Callable[[Any], bool]:
    return lambda value: any(value == known and type(value) is type(known) for known in values)


def _number(low: int, high: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high


def _whole(low: int, high: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_model(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value in models())


CHECKS: dict[str, Callable[[Any], bool]] = {
    "kind": _one_of("upscale", "stylize"),
    "model": _is_model,
    "scale": lambda value: value is None or (_number(0, 64)(value) and value > 0),
    "width": lambda value: value is None or _whole(1, LARGEST_SIDE)(value),
    "height": lambda value: value is None or _whole(1, LARGEST_SIDE)(value),
    "megapixels": lambda value: value is None or (_number(0, 1000)(value) and value > 0),
    "strength": _number(0, 1),
    "preserve_color": _one_of(None, "luminance", "histogram"),
    "match_histogram": _one_of(*SPACES),
    "self_ensemble": _one_of(True, False),
    "precision": _one_of("auto", "float32", "bfloat16"),
    "tile": lambda value: value == "auto" or _whole(1, LARGEST_TILE)(value),
    "suffix": _one_of(None, *SUFFIXES),
    "quality": lambda value: value is None or _whole(1, 100)(value),
    "crf": lambda value: value is None or _whole(0, 63)(value),
    "temporal": _one_of(True, False),
}


@dataclass(frozen=True)
class Settings:
    """What is to be done to a picture or video: the commands' options, with their defaults.

    Attributes:
        kind: "upscale" or "stylize".
        model: Name of a shipped one; None: the one that `upscale` takes for the size and the file.
        scale: One of this and the next three is given; the others are None.
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
        """Of the result of `upscale`."""
        return Size(*(getattr(self, name) for name in MEASURES))

    @property
    def label(self) -> str:
        """What the result's name has more than the picture's, as the commands have it."""
        return str(self.model) if self.kind == "stylize" else self.size.label

    def told(self) -> dict[str, Any]:
        """Return what the page is told."""
        return asdict(self)

    def job(self) -> Any:
        """Return the job that does it; raises UserError as of `Upscaler` and `Stylizer`."""
        from .._mxnet import devices
        from ..inference.jobs import StylizeJob, UpscaleJob

        common: dict[str, Any] = {"crf": self.crf, "tile": self.tile, "precision": self.precision}
        if self.kind == "stylize":
            colors: dict[str, Any] = {"strength": self.strength, "preserve_color": self.preserve_color}
            return StylizeJob(str(self.model), devices(), self.quality, temporal=self.temporal, **common, **colors)
        more: dict[str, Any] = {"match_histogram": self.match_histogram, "self_ensemble": self.self_ensemble}
        return UpscaleJob(self.model, devices(), self.quality, self.size, **common, **more)


def settings_of(given: Any) -> Settings:
    """Return settings as the page gave them.

    Raises:
        RefusedError: There is no such setting, or it has no such value.
    """
    if not isinstance(given, Mapping):
        raise RefusedError("settings: expected an object")
    known = {field.name for field in fields(Settings)}
    for name, value in given.items():
        if name not in known or not CHECKS[name](value):
            raise RefusedError(f"{str(name)[:40]} {str(value)[:40]!r}: there is no such setting")
    if sum(given.get(name) is not None for name in MEASURES) > 1:
        raise RefusedError(f"expected one of {', '.join(MEASURES)}")
    elsewise = any(given.get(name) is not None for name in MEASURES[1:])
    given = {**given, "scale": None if elsewise else given.get("scale") or Settings.scale}
    settings = Settings(**given)
    if settings.model is not None or settings.kind == "stylize":
        entry = models("style" if settings.kind == "stylize" else "super-resolution").get(str(settings.model))
        if entry is None:
            raise RefusedError(f"model {settings.model}: not one to {settings.kind}: choose another")
    return settings
