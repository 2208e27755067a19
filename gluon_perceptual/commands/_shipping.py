"""Turns a training's result into a shipped model: in float16 if that costs nothing, with an entry in the manifest.

The entry records how the model was made, as commands that anyone can repeat, and how good it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping, Sequence

import numpy as np

from .._mxnet import mx
from .._mxnet.gluon import parameters_of, values_of
from ..checkpoint.model import load_with_spec, with_lowpass
from ..checkpoint.spec import describe
from ..errors import UserError
from ..evaluation import scores, super_resolution
from ..evaluation.metrics import psnr
from ..evaluation.style_metrics import style_scores
from ..files import parse_json, write_json
from ..formats.mxnet_params import write_params
from ..image.files import PictureFile
from ..image.io import read_rgb, to_tensor
from ..image.resize import resize_longest_side
from ..inference import Stylizer, Upscaler
from ..nets.pixels import PixelRangeAdapter
from ..nets.vgg import LossNetwork
from ..training.config import TrainingConfig
from ..training.jsonl import read_lines
from ..training.style_config import StyleConfig
from ..training.super_resolution_config import SuperResolutionConfig
from ..weights import FOLDER, manifest, models, sha256
from ._settings import options_for

HALF_IS_ENOUGH = 62.0  # dB between outputs of the two precisions: costs a model of 37 dB less than 0.02 dB
STYLE_SIDE = 512  # longer side in pixels of the photos that a style is scored on
Sets = Mapping[str, Sequence[PictureFile]]
JPEG_QUALITIES = (75, 60, 40)  # of additional files for scoring models for photos from the web


def ship(
    checkpoint: Path,
    name: str,
    words: dict[str, str],
    sets: Sets,
    lowpass: float | None = None,
    average: Sequence[Path] = (),
) -> dict[str, Any]:
    """Add a run's checkpoint to the shipped weights as `name`, and return its new entry in the manifest.

    Args:
        checkpoint: `step-….params` in the `checkpoints` of a run's folder.
        name: The model's name.
        words: Further fields of the entry: `what` (one line), `data` and `license`.
        sets: Photos to score the model on, by name of the set; for a style they are scaled to 512 pixels.
        lowpass: Cut-off of a low-pass to add to the model, see `nets.lowpass`; it is noted in the entry.
        average: Checkpoints of other runs; the model's parameters are the mean of all, which is noted, too.

    Raises:
        UserError, OSError: The runs or the photos cannot be read.
    """
    for path in (checkpoint, *average):
        if not path.is_file():
            raise UserError(f"{path}: no such file; expected a checkpoint in a run's folder")
    made_by = how_made(checkpoint, *average)  # before anything is written
    model, spec = load_with_spec(checkpoint)
    changes = []
    if average:
        _average(model, [load_with_spec(path)[0] for path in average])
        runs = ", ".join(f"runs/{_run_of(path).name}" for path in (checkpoint, *average))
        changes.append(f"the parameters are the mean of those of {runs} (--average)")
    if lowpass is not None:
        model, spec = with_lowpass(model, spec, lowpass)
        changes.append(f"after training, a low-pass on what the network adds (--lowpass {lowpass:g})")
    target = FOLDER / f"{name}.params"
    kept = _halved_if_enough(model)
    write_params(target, kept)
    write_json(target.with_suffix(".json"), describe(spec))
    entry = {
        "kind": spec.kind,
        **words,
        **({"changes": "; ".join(changes)} if changes else {}),
        **made_by,
        **_use_and_scores(target, model.scale, _settings(_run_of(checkpoint)), sets),
        "dtype": str(next(iter(kept.values())).dtype),
        "sha256": sha256(target),
        "sidecar_sha256": sha256(target.with_suffix(".json")),
    }
    write_json(FOLDER / "manifest.json", {**manifest(), target.name: entry})
    return entry


def _use_and_scores(target: Path, scale: int, settings: Mapping[str, Any], sets: Sets) -> dict[str, Any]:
    """Return the fields of the entry for a model's use and scores, by the settings of its run."""
    if "style" in settings:
        return {"scores": _style_scores(target, sets)}
    web = settings["degradation"] == "web"
    scores = _scores(target, sets, JPEG_QUALITIES if web else ())
    return {"scale": scale, "inputs": "web" if web else "clean", "scores": scores}


def how_made(*checkpoints: Path) -> dict[str, Any]:
    """Return the commands that train such checkpoints, earliest run first, and the total of steps and hours.

    Photos are named by their folder alone, runs as if they were in `runs/`. Shipped models have recipes of their own.
    """
    histories = [_history(checkpoint) for checkpoint in checkpoints]
    runs = list(dict.fromkeys(run for _, history in histories for run in history))
    started = [models()[name] for name in dict.fromkeys(shipped for shipped, _ in histories) if name]
    device = _record(runs[-1]).get("device")
    return {
        "recipe": [_command(run) for run in runs],
        "steps": sum(entry.get("steps", 0) for entry in started) + sum(map(_steps, runs)),
        "hours": round(sum(entry.get("hours", 0) for entry in started) + sum(map(_hours, runs)), 2),
        **({"device": device} if device else {}),
    }


def _average(model: PixelRangeAdapter, others: Sequence[PixelRangeAdapter]) -> None:
    """Give a model the mean of all parameters, its own and the others'."""
    arrays = [values_of(each.net) for each in (model, *others)]
    for key, parameter in parameters_of(model.net).items():
        parameter.set_data(mx.nd.array(np.mean([values[key] for values in arrays], axis=0)))


def _command(run: Path) -> str:
    style = "style" in _settings(run)
    kind: type[TrainingConfig] = StyleConfig if style else SuperResolutionConfig
    values = {**kind.earlier, **_settings(run)}
    words = [f"train_{'style' if style else 'sr'}", *(Path(path).name for path in values.get("style", ()))]
    return " ".join([*words, *options_for(kind, values), f"--out runs/{run.name}"])


def _history(checkpoint: Path) -> tuple[str | None, list[Path]]:
    """Return the shipped model that the first run started from, if any, and the folders of the runs, in order."""
    runs: list[Path] = []
    before: str | None = str(checkpoint)
    while before and before not in models():
        run = _run_of(Path(before))
        if run in runs:
            raise UserError(f"{run / 'config.json'}: this run started from itself")
        runs.insert(0, run)
        before = _settings(run).get("start_from")
    return before, runs


def _run_of(checkpoint: Path) -> Path:
    return checkpoint.absolute().parent.parent


def _settings(run: Path) -> dict[str, Any]:
    settings: dict[str, Any] = _record(run)["config"]
    return settings


def _record(run: Path) -> dict[str, Any]:
    try:
        record: dict[str, Any] = parse_json((run / "config.json").read_bytes())
        record["config"]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{run / 'config.json'}: not the record of a run ({error})") from error
    return record


def _log(run: Path) -> list[dict[str, Any]]:
    return [line for line in read_lines(run / "log.jsonl") if "skipped" not in line]


def _steps(run: Path) -> int:
    return max((line["step"] for line in _log(run)), default=0)


def _hours(run: Path) -> float:
    """Return the hours of a run from its speed; a log may have a line for every few steps only."""
    lines, batch = _log(run), _settings(run)["batch"]
    before = [0, *(line["step"] for line in lines)]
    return sum(batch * (line["step"] - b) / line["images_per_second"] for b, line in zip(before, lines)) / 3600


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
    """Return a model's mean scores on each set, and on the set's inputs saved as JPEG files of these qualities."""
    upscaler, loss_network = Upscaler(model), LossNetwork.pretrained(super_resolution.DISTANCE_LAYERS)
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
    """Return a style's mean scores on each set."""
    paint, found = Stylizer(model), {}
    for name, files in sets.items():
        photos = (resize_longest_side(read_rgb(file), STYLE_SIDE) for file in files)
        rows = [style_scores(paint(photo), photo) for photo in photos]
        found[name] = {key: round(float(np.mean([row[key] for row in rows])), 4) for key in rows[0]}
    return found
