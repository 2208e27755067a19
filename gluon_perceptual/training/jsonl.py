"""Files with a JSON object per line, one for each step, to which a resumed training appends."""

from __future__ import annotations

import json
import logging
import math
import sys
from pathlib import Path
from typing import Mapping

from ..files import Json, atomic_path, check_regular, parse_json
from .folder import GrowingFile

WORDS = {"skipped": str, "best": bool}  # names of values other than numbers

log = logging.getLogger(__name__)


class JsonLines:
    """A log whose lines have a `step` and numbers; numbers that are not finite are written as null.

    Args:
        path: The file, created if it does not exist; `read_lines` reads it.
        last: Lines of later steps, and a line cut off by a crash, are removed first.

    Raises:
        OSError: It cannot be written.
    """

    def __init__(self, path: Path, last: int) -> None:
        self._path = path
        kept = [line for line in read_lines(path) if line["step"] <= last] if path.exists() else []
        with atomic_path(path) as temporary:
            temporary.write_text("".join(map(_as_text, kept)), encoding="utf-8")
        self._file = GrowingFile(path)

    def append(self, line: Mapping[str, Json]) -> None:
        """Write a line immediately; raises OSError, and then writes it before the next one."""
        finite = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in line.items()}
        self._file.append(_as_text(finite).encode())

    def read(self) -> list[dict[str, Json]]:
        """Return the lines in the file."""
        return read_lines(self._path)

    def sync(self) -> None:
        """Flush the lines to the disk; raises OSError."""
        self._file.sync()

    def close(self) -> None:
        """Close the file; raises OSError if some lines cannot be written."""
        self._file.close()


def read_lines(path: Path) -> list[dict[str, Json]]:
    """Return the objects in a log: the step, numbers or null, whether it was the best, and why it was skipped.

    A last line that was cut off is left out; so are damaged lines, with a warning.

    Raises:
        OSError: It cannot be read.
    """
    texts = check_regular(path).read_bytes().split(b"\n")[:-1]
    lines = [line for line in map(parse_line, texts) if line]
    if len(lines) < len(texts):
        log.warning("%s: %d damaged lines are ignored", path, len(texts) - len(lines))
    return lines


def parse_line(text: bytes) -> dict[str, Json]:
    """Return the object in a line, or an empty one if it is not what `JsonLines` writes."""
    try:
        line = parse_json(text)
    except ValueError:
        return {}
    if not isinstance(line, dict) or type(line.get("step")) is not int or line["step"] < 0:
        return {}
    return line if all(_is_right(name, value) for name, value in line.items()) else {}


def _is_right(name: str, value: Json) -> bool:
    if name in WORDS:
        return isinstance(value, WORDS[name])
    return value is None or (type(value) in (int, float) and abs(value) <= sys.float_info.max)


def _as_text(line: Mapping[str, Json]) -> str:
    return json.dumps(line, allow_nan=False) + "\n"
