"""Models as files: parameters in `NAME.params`, everything else that a user of them needs in `NAME.json` beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .._mxnet import mx
from ..errors import UserError
from ..files import write_json
from ..formats.mxnet_params import write_params
from ..nets.folding import folded_parameters, has_batch_norm
from ..nets.pixels import OnPixels
from ..nets.precision import Float32
from ..weights import model_path
from .loading import load_parameters
from .recognition import recognise
from .spec import IMAGENET_MEAN, Recipe, describe, read_recipe

__all__ = [
    "IMAGENET_MEAN",
    "Recipe",
    "fold",
    "load_for_use",
    "load_model",
    "load_with_recipe",
    "recognise",
    "save_model",
    "with_lowpass",
]


def save_model(path: Path, model: OnPixels, recipe: Recipe) -> None:
    """Write `path` as Gluon's `save_parameters` does (which ignores a full disk), and its sidecar."""
    parameters = model.net._collect_params_with_prefix()
    write_params(path, {name: parameter._reduce().asnumpy() for name, parameter in parameters.items()})
    write_json(path.with_suffix(".json"), describe(recipe))


def load_with_recipe(
    path: str | Path, ctx: Any = None, precision: str | Float32 = "float32"
) -> tuple[OnPixels, Recipe]:
    """Return the model in the file `path`, or the shipped one called so, on `ctx` (None: the CPU), and its recipe.

    It computes in `precision`.

    Without a sidecar, or metadata in the file, the network is told by the parameters' names and shapes.

    Raises:
        UserError: The file or its sidecar is no model of this package, or the two do not fit.
        OSError: The file cannot be read.
    """
    path, ctx = model_path(path), ctx or mx.cpu()
    recipe = read_recipe(path) or recognise(path)
    model = recipe.build(precision)
    load_parameters(model.net, path, ctx)
    model.mean.reset_ctx(ctx)
    return model, recipe


def load_model(path: str | Path, ctx: Any = None) -> OnPixels:
    """Return the model in `path`, see `load_with_recipe`."""
    return load_with_recipe(path, ctx)[0]


def load_for_use(path: str | Path, ctx: Any = None, precision: str | Float32 = "float32") -> OnPixels:
    """Return the model in `path` as `load_model` does, faster but good for inference only: without batch norms."""
    return fold(*load_with_recipe(path, ctx, precision), ctx, precision)


def fold(model: OnPixels, recipe: Recipe, ctx: Any = None, precision: str | Float32 = "float32") -> OnPixels:
    """Return a model that does what `model` does in inference, without batch norms; `recipe` is that of `model`.

    It computes in `precision`, if it had batch norms, and else as `model` does.
    """
    ctx = ctx or mx.cpu()
    if not has_batch_norm(model.net):
        return model
    return _rebuilt(
        replace(recipe, arguments={**recipe.arguments, "norm": "none"}), folded_parameters(model.net), ctx, precision
    )


def with_lowpass(model: OnPixels, recipe: Recipe, cutoff: float) -> tuple[OnPixels, Recipe]:
    """Return the model with a low-pass on what its network adds to the bicubic enlargement, on the CPU, and its recipe.

    Args:
        model: A `SuperResolutionNet` with `skip`, and without a low-pass.
        recipe: Its recipe.
        cutoff: In cycles a pixel, see `nets.lowpass`.

    Raises:
        UserError: It is another network, or `cutoff` is none.
    """
    if recipe.network != "SuperResolutionNet" or recipe.arguments.get("lowpass") is not None:
        which = f"{recipe.network} with {dict(recipe.arguments)}"
        raise UserError(f"{which}: a low-pass is for a SuperResolutionNet that has none")
    recipe = replace(recipe, arguments={**recipe.arguments, "lowpass": cutoff})
    parameters = model.net._collect_params_with_prefix()
    return _rebuilt(recipe, {name: p._reduce().asnumpy() for name, p in parameters.items()}), recipe


def _rebuilt(
    recipe: Recipe, values: dict[str, np.ndarray], ctx: Any = None, precision: str | Float32 = "float32"
) -> OnPixels:
    """Return the recipe's model with these parameters, by structural name."""
    model, ctx = recipe.build(precision), ctx or mx.cpu()
    model.net.initialize(ctx=ctx)
    parameters = model.net._collect_params_with_prefix()
    for name, value in values.items():
        parameters[name].set_data(mx.nd.array(value))
    model.mean.reset_ctx(ctx)
    return model
