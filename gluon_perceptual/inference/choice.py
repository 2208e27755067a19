"""The choice of the model for a picture: for clean photos, or for JPEG files of low quality, as from the web."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Iterable, Sequence

from ..image.jpeg import file_quality
from ..image.size import Size, fewest_passes
from ..weights import DEFAULTS, RESTORER, models, web_model

LOW_QUALITY = 90  # of JPEG files; below, a model for photos from the web is better
USUAL_SCALE = 2

log = logging.getLogger(__name__)


def model_choices(model: str | None, size: Size | None) -> dict[int, ModelChoice]:
    """Return the choice of models for results of this size, by scale; just the given model, if there is one."""
    if model or (size and size.scale == 1):
        return {USUAL_SCALE: ModelChoice([model or RESTORER])}
    if size is None or size.scale is None:
        scales: Iterable[int] = DEFAULTS if size else [USUAL_SCALE]
    else:
        scales = [fewest_passes(DEFAULTS, size.scale)]
    return {scale: ModelChoice(default_models(scale)) for scale in scales}


def default_models(scale: int) -> list[str]:
    """Return the names of the models that `upscale` uses by default, the one for clean photos first."""
    return [name for name in (DEFAULTS[scale], web_model(scale)) if name]


class ModelChoice:
    """Chooses a model for each picture file, and warns once if none is for JPEG files of low quality.

    Args:
        names: Names of shipped models, or paths. The first is the default.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names, self._usual = names, names[0]
        self._inputs = {models()[name].get("inputs"): name for name in reversed(names) if name in models()}
        self._said = False

    def __call__(self, file: Path) -> str:
        """Return the name of the model for a file; raises as `image.jpeg.file_quality`."""
        quality = file_quality(file)
        if quality is None or quality >= LOW_QUALITY:
            return self._usual
        if "web" not in self._inputs and "clean" in self._inputs and not self._said:
            self._said = True
            log.warning("%s", _misfit(file, quality, self._usual))
        return self._inputs.get("web", self._usual)


def _misfit(file: Path, quality: int, model: str) -> str:
    better = web_model(models()[model]["scale"])
    remedy = f"; use `model` {better}" if better else ""
    return f"{file}: JPEG quality is about {quality}, but {model} is for clean pictures and keeps artifacts{remedy}"
