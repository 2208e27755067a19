"""How a checkpoint was made: the commands that train it again, its steps and hours, by the records of its runs."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files import parse_json
from ..training.config import TrainingConfig
from ..training.jsonl import read_lines
from ..training.style_config import StyleConfig
from ..training.super_resolution_config import SuperResolutionConfig
from ..weights import models
from ._settings import options_for

CPU = "CPU cores"  # the device of runs whose record names none
THEN = ", then "  # between devices


def how_made(*checkpoints: Path) -> dict[str, Any]:
    """Return the commands that train such checkpoints, earliest run first, their devices, and all steps and hours.

    Photos are named by their folder alone, runs as if they were in `runs/`. Shipped models have recipes of their own;
    runs that are in these are left out.

    Raises:
        UserError: There is no such checkpoint, or no record of its run.
    """
    for checkpoint in checkpoints:
        if not checkpoint.is_file():
            raise UserError(f"{checkpoint}: no such file; expected a checkpoint in a run's folder")
    histories = [_history(checkpoint) for checkpoint in checkpoints]
    known = {command for name, _ in histories if name for command in models()[name].get("recipe", ())}
    found = dict.fromkeys(run for _, history in histories for run in history)
    runs = [run for run in found if _command(run) not in known]
    started = [
        models()[name] for name in dict.fromkeys(name for name, [first, *_] in histories if first in runs) if name
    ]
    devices = [entry.get("device", CPU).split(THEN) for entry in [*started, *map(_record, runs)]]
    return {
        "recipe": [_command(run) for run in runs],
        "steps": sum(entry.get("steps", 0) for entry in started) + sum(map(_steps, runs)),
        "hours": round(sum(entry.get("hours", 0) for entry in started) + sum(map(_hours, runs)), 2),
        "device": THEN.join(dict.fromkeys(chain(*devices))),
    }


def started_from(*checkpoints: Path) -> tuple[str, ...]:
    """Return the shipped models that such checkpoints were trained from."""
    return tuple(dict.fromkeys(name for name, _ in map(_history, checkpoints) if name))


def _command(run: Path) -> str:
    style = "style" in settings_of_run(run)
    kind: type[TrainingConfig] = StyleConfig if style else SuperResolutionConfig
    values = {**kind.earlier, **settings_of_run(run)}
    words = [f"train_{'style' if style else 'sr'}", *(Path(path).name for path in values.get("style", ()))]
    return " ".join([*words, *options_for(kind, values), f"--out runs/{run.name}"])


def _history(checkpoint: Path) -> tuple[str | None, list[Path]]:
    """Return the shipped model that the first run started from, if any, and the folders of the runs, in order."""
    runs: list[Path] = []
    before: str | None = str(checkpoint)
    while before and before not in models():
        run = run_of(Path(before))
        if run in runs:
            raise UserError(f"{run / 'config.json'}: this run started from itself")
        runs.insert(0, run)
        before = settings_of_run(run).get("start_from")
    return before, runs


def run_of(checkpoint: Path) -> Path:
    return checkpoint.absolute().parent.parent


def settings_of_run(run: Path) -> dict[str, Any]:
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
    lines = read_lines(run / "log.jsonl")
    return [line for line in lines if "skipped" not in line and line.get("images_per_second")]


def _steps(run: Path) -> int:
    return max((line["step"] for line in _log(run)), default=0)


def _hours(run: Path) -> float:
    """Return the hours of a run from its speed; a log may have a line for every few steps only."""
    lines, batch = _log(run), settings_of_run(run)["batch"]
    before = [0, *(line["step"] for line in lines)]
    return sum(batch * (line["step"] - b) / line["images_per_second"] for b, line in zip(before, lines)) / 3600
