"""Files of a JSON object a line, one for each step, that a training which goes on continues."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, Mapping

from ..files import atomic_path


class JsonLines:
    """A log whose lines have a `step`, and numbers, of which those that are not finite are written as null.

    Args:
        path: The file, made if it is not there; `read_lines` reads it.
        last: Lines of later steps, and one that was cut off by a crash, are removed first.

    Raises:
        OSError: It cannot be written.
    """

    def __init__(self, path: Path, last: int) -> None:
        self._path = path
        kept = [line for line in read_lines(path) if line["step"] <= last] if path.exists() else []
        with atomic_path(path) as temporary:
            temporary.write_text("".join(map(_as_text, kept)), encoding="utf-8")
        self._file = path.open("a", encoding="utf-8", buffering=1)

    def append(self, line: Mapping[str, Any]) -> None:
        """Write a line at once."""
        finite = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in line.items()}
        self._file.write(_as_text(finite))

    def read(self) -> list[dict[str, Any]]:
        """Return the lines that are there."""
        return read_lines(self._path)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the objects in a log; a last line that was cut off is left out.

    Raises:
        OSError: It cannot be read.
        ValueError: A line is no JSON.
    """
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def _as_text(line: Mapping[str, Any]) -> str:
    return json.dumps(line, allow_nan=False) + "\n"
