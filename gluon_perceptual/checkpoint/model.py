"""Models as files: parameters in `NAME.params`, everything else that a user of them needs in `NAME.json` beside it."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Mapping

import gluon_perceptual

from .._mxnet import mx
from ..errors import UserError
from ..files import write_json
from ..nets.folding import folded_parameters, has_batch_norm
from ..nets.instance_norm import take_inference_form
from ..nets.pixels import OnPixels
from ..nets.plsr import PlsrNet
from ..nets.style import StyleNet
from ..nets.super_resolution import SuperResolutionNet
from .mapping import load_parameters
from .params_file import read_params, write_params

IMAGENET_MEAN = (0.485, 0.456, 0.406)
NETWORKS = {"SuperResolutionNet": SuperResolutionNet, "PlsrNet": PlsrNet, "StyleNet": StyleNet}


@dataclass(frozen=True)
class Recipe:
    """How to build a model: a network's name and arguments, and its range (see `nets.pixels.OnPixels`)."""

    network: str
    arguments: Mapping[str, Any]
    peak: float = 255.0
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)

    def build(self) -> OnPixels:
        """Return the model, its network not initialised."""
        return OnPixels(NETWORKS[self.network](**self.arguments), self.peak, self.mean)


def save_model(path: Path, model: OnPixels, recipe: Recipe) -> None:
    """Write `path` as Gluon's `save_parameters` does (which ignores a full disk), and its sidecar."""
    parameters = model.net._collect_params_with_prefix()
    write_params(path, {name: parameter._reduce().asnumpy() for name, parameter in parameters.items()})
    versions = {"gluon_perceptual": gluon_perceptual.__version__, "mxnet": mx.__version__}
    write_json(path.with_suffix(".json"), {**asdict(recipe), "versions": versions})


def load_model(path: str | Path, ctx: Any = None) -> OnPixels:
    """Return the model in `path`, on the device or devices `ctx` (None: the CPU).

    Without a sidecar the network is told by the parameters' names and shapes.

    Raises:
        UserError: The file or its sidecar is no model of this package, or the two do not fit.
        OSError: The file cannot be read.
    """
    return _load(Path(path), ctx or mx.cpu())[0]


def load_for_use(path: str | Path, ctx: Any = None) -> OnPixels:
    """Return the model in `path` as `load_model` does, faster but good for inference only: without batch norms."""
    model = fold(*_load(Path(path), ctx or mx.cpu()), ctx)
    take_inference_form(model)
    return model


def fold(model: OnPixels, recipe: Recipe, ctx: Any = None) -> OnPixels:
    """Return a model that does what `model` does in inference, without batch norms; `recipe` is that of `model`."""
    ctx = ctx or mx.cpu()
    if not has_batch_norm(model.net):
        return model
    folded = replace(recipe, arguments={**recipe.arguments, "norm": "none"}).build()
    folded.net.initialize(ctx=ctx)
    parameters = folded.net._collect_params_with_prefix()
    for name, values in folded_parameters(model.net).items():
        parameters[name].set_data(mx.nd.array(values))
    folded.mean.reset_ctx(ctx)
    return folded


def _load(path: Path, ctx: Any) -> tuple[OnPixels, Recipe]:
    sidecar = path.with_suffix(".json")
    recipe = read_recipe(sidecar) if sidecar.exists() else recognise(path)
    model = recipe.build()
    load_parameters(model.net, path, ctx)
    model.mean.reset_ctx(ctx)
    return model, recipe


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


def recognise(path: Path) -> Recipe:
    """Tell by a file's parameters which network it belongs to.

    The blog's network is known by its 1×1 convolutions, whatever the names; its data's mean is unknown and taken as
    ImageNet's. The paper's networks are known by their names as `save_parameters` writes them.

    Raises:
        UserError: It belongs to none.
    """
    shapes = {name: array.shape for name, array in read_params(path).items()}
    kernels = [shape for shape in shapes.values() if len(shape) == 4]
    units = sum(shape[2:] == (1, 1) for shape in kernels)
    if len(kernels) == 3 * units + 3 and kernels[0][1:] == (3, 9, 9) and units:
        arguments = {"width": kernels[0][0], "blocks": units}
        return Recipe("PlsrNet", arguments, peak=1.0, mean=IMAGENET_MEAN)
    if {"head.0.weight", "tail.weight"} <= set(shapes) and {"up.0.0.weight", "up.0.1.weight"} & set(shapes):
        return Recipe("SuperResolutionNet", _super_resolution_arguments(shapes))
    if "encode.1.0.weight" in shapes and {"decode.0.0.weight", "decode.0.1.weight"} & set(shapes):
        return Recipe("StyleNet", _style_arguments(shapes))
    raise UserError(f"{path}: these parameters are of no network here, and there is no {path.stem}.json to say which")


def _super_resolution_arguments(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    def count(part: str) -> int:
        return len({match[1] for name in shapes if (match := re.match(rf"{part}\.(\d+)\.", name))})

    width = shapes["head.0.weight"][0]
    return {
        "scale": 2 ** count("up"),
        "width": int(width),
        "blocks": count("body"),
        "norm": _norm(shapes, "head.1"),
        "upsampling": _upsampling(shapes, "up.0", width),
        "skip": "enlarge.filters" in shapes,
    }


def _style_arguments(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    width = shapes["encode.1.0.weight"][0]
    upsampling = _upsampling(shapes, "decode.0", 2 * width)
    return {"width": int(width), "norm": _norm(shapes, "encode.1.1"), "upsampling": upsampling}


def _norm(shapes: Mapping[str, tuple[int, ...]], name: str) -> str:
    if f"{name}.gamma" not in shapes:
        return "none"
    return "batch" if f"{name}.running_mean" in shapes else "instance"


def _upsampling(shapes: Mapping[str, tuple[int, ...]], name: str, channels: int) -> str:
    """Tell the kind of `blocks.upsample` to so many channels."""
    if f"{name}.0.weight" not in shapes:
        return "nearest"
    return "subpixel" if shapes[f"{name}.0.weight"][0] == 4 * channels else "transposed"
