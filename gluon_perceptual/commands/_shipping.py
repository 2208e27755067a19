"""Turns a training's result into a shipped model: in float16 if that costs nothing, with an entry in the manifest.

The entry records how the model was made, as commands that anyone can repeat, and how good it is.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Mapping, Sequence

import numpy as np

from .._mxnet import mx
from .._mxnet.gluon import parameters_of, values_of
from ..checkpoint.model import load_with_spec, with_lowpass
from ..checkpoint.recognition import LOW_PASSES
from ..checkpoint.spec import ModelSpec, describe
from ..errors import UserError
from ..evaluation import scores, super_resolution
from ..evaluation.metrics import psnr
from ..evaluation.style_metrics import style_scores
from ..files import write_json
from ..formats.mxnet_params import write_params
from ..image.files import PictureFile
from ..image.io import read_rgb, to_tensor
from ..image.resize import resize_longest_side
from ..inference import Stylizer, Upscaler
from ..nets.lowpass_kernel import Cutoff
from ..nets.pixels import PixelRangeAdapter
from ..nets.vgg import LossNetwork
from ..weights import FOLDER, manifest, models, sha256
from ._recipes import how_made, run_of, settings_of_run, started_from

HALF_IS_ENOUGH = 62.0  # dB between outputs of the two precisions: costs a model of 37 dB less than 0.02 dB
STYLE_SIDE = 512  # longer side in pixels of the photos that a style is scored on
Sets = Mapping[str, Sequence[PictureFile]]
JPEG_QUALITIES = (75, 60, 40)  # of additional files for scoring models for photos from the web


def ship(
    checkpoint: Path,
    name: str,
    words: dict[str, str],
    sets: Sets,
    lowpass: Cutoff | None = None,
    average: Sequence[Path] = (),
) -> dict[str, Any]:
    """Add a run's checkpoint to the shipped weights as `name`, and return its new entry in the manifest.

    Args:
        checkpoint: `step-….params` in the `checkpoints` of a run's folder.
        name: The model's name. A model trained from the one that it replaces also keeps that one's recipe.
        words: Further fields of the entry: `what` (one line), `data` and `license`.
        sets: Photos to score the model on, by name of the set; for a style they are scaled to 512 pixels.
        lowpass: Cut-off of the model's low-pass, or luma's and chroma's, see `nets.lowpass`; it is noted in the entry.
        average: Further checkpoints: the parameters become the mean of all; one given twice counts twice. Noted, too.

    Raises:
        UserError, OSError: The runs or the photos cannot be read, or `average` has other networks.
    """
    made_by = how_made(checkpoint, *average)  # before anything is written
    model, spec, changes = _changed(checkpoint, average, lowpass)
    if name in started_from(checkpoint, *average):
        changes = _continue(name, made_by, changes)
    kept, settings = _halved_if_enough(model), settings_of_run(run_of(checkpoint))
    with TemporaryDirectory() as folder:  # scoring takes minutes, and may fail
        trial = Path(folder) / f"{name}.params"
        _write(trial, kept, spec)
        entry = {"kind": spec.kind, **words, **({"changes": changes} if changes else {}), **made_by}
        entry.update(_use_and_scores(trial, model.scale, settings, sets))
        entry["dtype"] = str(next(iter(kept.values())).dtype)
        entry["sha256"], entry["sidecar_sha256"] = map(sha256, (trial, trial.with_suffix(".json")))
    _write(FOLDER / trial.name, kept, spec)
    write_json(FOLDER / "manifest.json", {**manifest(), trial.name: entry})
    return entry


def _write(path: Path, arrays: dict[str, np.ndarray], spec: ModelSpec) -> None:
    """Write a model and its description."""
    write_params(path, arrays)
    write_json(path.with_suffix(".json"), describe(spec))


def _continue(name: str, made_by: dict[str, Any], changes: str) -> str:
    """Put the recipe of the model that is replaced before the new one, and return its changes and the new ones."""
    former = models()[name]
    further = f"from command {len(former['recipe']) + 1} of the recipe on, --start-from {name} is the result"
    made_by["recipe"] = [*former["recipe"], *made_by["recipe"]]
    return "; ".join(filter(None, [former.get("changes"), further, changes]))


def _use_and_scores(target: Path, scale: int, settings: Mapping[str, Any], sets: Sets) -> dict[str, Any]:
    """Return the fields of the entry for a model's use and scores, by the settings of its run."""
    if "style" in settings:
        return {"scores": _style_scores(target, sets)}
    web = settings["degradation"] == "web"
    scores = _scores(target, sets, JPEG_QUALITIES if web else ())
    return {"scale": scale, "inputs": "web" if web else "clean", "scores": scores}


def _changed(
    checkpoint: Path, average: Sequence[Path], lowpass: Cutoff | None
) -> tuple[PixelRangeAdapter, ModelSpec, str]:
    """Return the model to ship, its spec, and what was done to it after training, in words."""
    model, spec = load_with_spec(checkpoint)
    changes = []
    if average:
        others = [load_with_spec(path) for path in average]
        _check_alike(spec, [other for _, other in others], lowpass)
        _average(model, [other for other, _ in others])
        counts = Counter(f"runs/{run_of(path).name}" for path in (checkpoint, *average))
        runs = ", ".join(run if count == 1 else f"{run} ({count} times)" for run, count in counts.items())
        changes.append(f"the parameters are the mean of those of {runs} (--average)")
    if lowpass is not None:
        model, spec = with_lowpass(model, spec, lowpass)
        filtered = "what the network adds" if spec.kind == "super-resolution" else "the output"
        option = ",".join(f"{cutoff:g}" for cutoff in np.atleast_1d(lowpass))
        changes.append(f"after training, a low-pass on {filtered} (--lowpass {option})")
    return model, spec, "; ".join(changes)


def _check_alike(spec: ModelSpec, others: Sequence[ModelSpec], lowpass: Cutoff | None) -> None:
    """Raise UserError if networks have no mean; their low-passes may differ if there will be a new one."""
    apart = [replace(each, arguments={**each.arguments, "lowpass": None}) for each in (spec, *others)]
    if any(each != apart[0] for each in apart):
        raise UserError("--average: the checkpoints are of different networks, which have no mean")
    if lowpass is None and any(each.arguments.get("lowpass") != spec.arguments.get("lowpass") for each in others):
        raise UserError("--average: the low-passes of the checkpoints differ: give --lowpass")


def _average(model: PixelRangeAdapter, others: Sequence[PixelRangeAdapter]) -> None:
    """Give a model the mean of all parameters, its own and the others', but for low-passes."""
    arrays = [values_of(each.net) for each in (model, *others)]
    for key, parameter in parameters_of(model.net).items():
        if key not in LOW_PASSES:
            parameter.set_data(mx.nd.array(np.mean([values[key] for values in arrays], axis=0)))


def _halved_if_enough(model: PixelRangeAdapter) -> dict[str, np.ndarray]:
    """Return a model's parameters by name, in float16 if that hardly changes its output."""
    arrays = values_of(model.net)
    halves = {key: array.astype(np.float16) for key, array in arrays.items()}
    return halves if _agreement(model, arrays, halves) > HALF_IS_ENOUGH else arrays


def _agreement(model: PixelRangeAdapter, arrays: dict[str, np.ndarray], halves: dict[str, np.ndarray]) -> float:
    """Return the PSNR between the model's outputs with the two sets of parameters; the model ends up with `arrays`."""
    from skimage.data import astronaut

    tensor = mx.nd.array(to_tensor(astronaut()[:256, :256]))
    outputs = []
    for values in (halves, arrays):
        for key, parameter in parameters_of(model.net).items():
            parameter.set_data(mx.nd.array(values[key].astype(np.float32)))
        outputs.append(model(tensor).clip(0, 255).asnumpy())
    return psnr(*outputs, data_range=255)


def _scores(model: Path, sets: Sets, qualities: Sequence[int]) -> dict[str, dict[str, float]]:
    """Return a model's mean scores in float32 on each set, and on its inputs saved as JPEG files of these qualities."""
    upscaler = Upscaler(model, precision="float32")
    loss_network = LossNetwork.pretrained(super_resolution.DISTANCE_LAYERS)
    found = {}
    for name, photos in sets.items():
        for jpeg in (None, *qualities):
            title = name if jpeg is None else f"{name}, JPEG {jpeg}"
            rows = [
                row
                for photo in photos
                for row in super_resolution.evaluate({"": upscaler}, photo, upscaler.scale, loss_network, jpeg=jpeg)
            ]
            mean = scores.means(rows)[0]
            found[title] = {key: round(getattr(mean, key), 4) for key in scores.measured([mean])}
    return found


def _style_scores(model: Path, sets: Sets) -> dict[str, dict[str, float]]:
    """Return a style's mean scores in float32 on each set."""
    paint, found = Stylizer(model, precision="float32"), {}
    for name, files in sets.items():
        photos = (resize_longest_side(read_rgb(file), STYLE_SIDE) for file in files)
        rows = [style_scores(paint(photo), photo) for photo in photos]
        found[name] = {key: round(float(np.mean([row[key] for row in rows])), 4) for key in rows[0]}
    return found
