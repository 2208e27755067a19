"""How to build a model: what a checkpoint's sidecar says."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping

from ..errors import UserError
from ..nets.fast_neural_style import FastNeuralStyleNet
from ..nets.pixels import OnPixels
from ..nets.plsr import PlsrNet
from ..nets.style import StyleNet
from ..nets.super_resolution import SuperResolutionNet

IMAGENET_MEAN = (0.485, 0.456, 0.406)
NETWORKS = {net.__name__: net for net in (SuperResolutionNet, PlsrNet, StyleNet, FastNeuralStyleNet)}


@dataclass(frozen=True)
class Recipe:
    """How to build a model: a network's name and arguments, and its range (see `nets.pixels.OnPixels`)."""

    network: str
    arguments: Mapping[str, Any]
    peak: float = 255.0
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)

    def build(self, **block_arguments: Any) -> OnPixels:
        """Return the model, its network not initialised and made with Gluon's `block_arguments` such as `params`."""
        return OnPixels(NETWORKS[self.network](**self.arguments, **block_arguments), self.peak, self.mean)


def read_recipe(sidecar: Path) -> Recipe:
    """Read a sidecar.

    Raises:
        UserError: It is none.
    """
    try:
        values = json.loads(sidecar.read_text(encoding="utf-8"))
        recipe = Recipe(values["network"], values["arguments"], values["peak"], tuple(values["mean"]))
        recipe.build()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{sidecar}: this is not the description of a model ({error!r})") from error
    return recipe
