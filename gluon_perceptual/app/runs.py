"""Trainings, read from their folders: losses, speed, validation, preview pictures."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..files import check_regular, parse_json
from ..training.jsonl import parse_line, read_lines
from .folder import RefusedError

MOST_POINTS = 600  # in a curve
MOST_PICTURES = 60
MOST_FOLDERS = 50
MOST_READ = 2**26  # bytes of a log that are read at a time
ABOUT = ("arch", "scale", "loss", "batch", "data")  # settings to show
SHOWN = (".png", ".jpg", ".jpeg")
LOG, MEASURED, PREVIEWS, SETTINGS = "log.jsonl", "validation.jsonl", "previews", "config.json"


@dataclass(frozen=True)
class Log:
    """The numbers read from a growing `log.jsonl`."""

    path: Path
    place: int = 0
    last: bytes = b""  # the line before that place
    rows: list[tuple[int, float | None, float | None]] = field(default_factory=list)  # step, loss, pictures per second

    def read(self) -> Log:
        """Return the log with its new lines, which alone are read; raises OSError."""
        place, last, rows = self.place, self.last, self.rows
        with check_regular(self.path).open("rb") as file:
            file.seek(place - len(last))
            if file.read(len(last)) != last:  # it was shortened, as by a resumed training
                place, last, rows = file.seek(0), b"", []
            data = file.read(MOST_READ)
        lines = data[: data.rfind(b"\n") + 1].splitlines(keepends=True)
        found = filter(None, map(parse_line, lines))
        new = [(line["step"], line.get("loss"), line.get("images_per_second")) for line in found]
        return Log(self.path, place + sum(map(len, lines)), (lines or [last])[-1], rows + new)

    def curve(self) -> list[list[float | None]]:
        """Return at most `MOST_POINTS` lists [step, loss, pictures per second], each the mean of some rows."""
        count = -(-len(self.rows) // MOST_POINTS) or 1
        groups = (self.rows[k : k + count] for k in range(0, len(self.rows), count))
        return [[group[-1][0], *(_mean([row[k] for row in group]) for k in (1, 2))] for group in groups]


class Runs:
    """The opened runs; those in the folder `root` are offered."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._logs: dict[Path, Log] = {}

    def offered(self) -> list[str]:
        """Return the runs to offer, latest first."""
        try:
            folders = [path for path in self._root.iterdir() if (path / LOG).is_file()]
            folders.sort(key=lambda path: (path / LOG).stat().st_mtime, reverse=True)
        except OSError:
            return []
        return [str(path) for path in folders[:MOST_FOLDERS]]

    def show(self, folder: str) -> dict[str, Any]:
        """Return the current state of a run; raises RefusedError if the folder is not a run's, and OSError."""
        path = _folder(folder)
        log = self._logs[path] = self._logs.get(path, Log(path / LOG)).read()
        settings = _settings(path / SETTINGS)
        measured = read_lines(path / MEASURED)[-MOST_POINTS:] if (path / MEASURED).is_file() else []
        return {
            "folder": str(path),
            "steps": settings.get("steps"),
            "about": {name: settings[name] for name in ABOUT if name in settings},
            "last": log.rows[-1] if log.rows else None,
            "log": log.curve(),
            "validation": measured,
            "previews": [file.name for file in _previews(path)],
        }

    def preview(self, folder: str, name: str) -> Path:
        """Return the file of a preview; raises RefusedError if it does not exist."""
        found = next((file for file in _previews(_folder(folder)) if file.name == name), None)
        if found is None:
            raise RefusedError("this preview does not exist", 404)
        return found


def _folder(given: str) -> Path:
    try:
        path = Path(given).expanduser().absolute()
        if given and (path / LOG).is_file():
            return path
    except (OSError, ValueError, RuntimeError):  # a long name, "\0", an unknown user
        pass
    raise RefusedError(f"{given or 'no folder'}: expected a run's folder, which contains {LOG}", 404)


def _previews(folder: Path) -> list[Path]:
    """Return the latest previews, except links."""
    place = folder / PREVIEWS
    if place.is_symlink() or not place.is_dir():
        return []
    found = [file for file in place.iterdir() if file.suffix.lower() in SHOWN and not file.name.startswith(".")]
    return sorted(file for file in found if file.is_file() and not file.is_symlink())[-MOST_PICTURES:]


def _settings(path: Path) -> dict[str, Any]:
    """Return the settings to show; none if one of them is not valid JSON, such as NaN."""
    try:
        found = parse_json(check_regular(path).read_bytes())["config"]
        shown = {name: found[name] for name in ("steps", *ABOUT) if name in found}
        json.dumps(shown, allow_nan=False)
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return shown


def _mean(values: list[Any]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
