"""How to build a model, as described by a checkpoint's sidecar."""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Mapping

import gluon_perceptual

from ..errors import UserError
from ..files import Json, input_file, parse_json
from ..formats.arrays import safetensors_metadata

if TYPE_CHECKING:
    from ..nets.pixels import PixelRangeAdapter
    from ..nets.precision import Precision

IMAGENET_MEAN = (0.485, 0.456, 0.406)
LARGEST = 4096  # value of an argument: a network with more channels would take too long to build
MOST_BLOCKS = 256  # each takes about 10 ms to build
NETWORKS = {  # name -> module
    "SuperResolutionNet": "super_resolution",
    "PlsrNet": "plsr",
    "StyleNet": "style",
    "FastNeuralStyleNet": "fast_neural_style",
}
STYLE_NETWORKS = ("StyleNet", "FastNeuralStyleNet")


@dataclass(frozen=True)
class ModelSpec:
    """How to build a model: a network's name and arguments, and its range (see `nets.pixels.PixelRangeAdapter`)."""

    network: str
    arguments: Mapping[str, Json]
    max_value: float = 255.0
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)

    @property
    def kind(self) -> str:
        """What the model is for: "super-resolution" or "style"."""
        return "style" if self.network in STYLE_NETWORKS else "super-resolution"

    def build(self, precision: str | Precision = "float32") -> PixelRangeAdapter:
        """Return the model, its network not yet initialized, computing in `precision`."""
        from ..nets.pixels import PixelRangeAdapter
        from ..nets.precision import computing_in

        network = getattr(import_module(f"gluon_perceptual.nets.{NETWORKS[self.network]}"), self.network)
        with computing_in(precision):
            return PixelRangeAdapter(network(**self.arguments), self.max_value, self.mean)


def describe(spec: ModelSpec) -> dict[str, Json]:
    """Return the spec and the current versions for JSON, where `max_value` is called `peak`."""
    from .._mxnet import mx

    versions = {"gluon_perceptual": gluon_perceptual.__version__, "mxnet": mx.__version__}
    values = {"network": spec.network, "arguments": spec.arguments, "peak": spec.max_value, "mean": spec.mean}
    return {**values, "versions": versions}


def read_spec(path: Path) -> ModelSpec | None:
    """Read how the model in the file `path` is built from the `.json` beside it, or from the file's metadata.

    Returns:
        The spec, or None if there is neither.

    Raises:
        UserError: It is not a valid description.
    """
    sidecar = path.with_suffix(".json")
    if sidecar != path and sidecar.exists():
        return _parse(sidecar, input_file(sidecar).read_text(encoding="utf-8", errors="replace"))
    text = safetensors_metadata(path).get("recipe")
    return _parse(path, text) if text else None


def _parse(path: Path, text: str) -> ModelSpec:
    from .._mxnet import mx

    try:
        values = parse_json(text)
        max_value, mean = float(values["peak"]), tuple(map(float, values["mean"]))
        if not 0 < max_value < math.inf or len(mean) != 3 or not all(map(math.isfinite, mean)):
            raise ValueError(f"peak {max_value:g}, mean {mean}")
        if any(isinstance(value, int) and value > LARGEST for value in values["arguments"].values()):
            raise ValueError(f"arguments {values['arguments']}; no number may be over {LARGEST}")
        if values["arguments"].get("blocks", 0) > MOST_BLOCKS:
            raise ValueError(f"blocks {values['arguments']['blocks']}; at most {MOST_BLOCKS} are allowed")
        spec = ModelSpec(values["network"], values["arguments"], max_value, mean)
        spec.build()
    except (ValueError, KeyError, TypeError, AttributeError, AssertionError, OverflowError, mx.MXNetError) as error:
        reason = " ".join(f"{error!r}".split())[:200]
        raise UserError(f"{path}: not a valid description of a model ({reason})") from error
    return spec
