"""Weights that ship with the package; `manifest.json` says what each file is and where it comes from."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from ..errors import UserError

FOLDER = Path(__file__).parent


def manifest() -> dict[str, dict[str, Any]]:
    """Return the manifest: file name -> its sha256, origin, licence and the like."""
    entries: dict[str, dict[str, Any]] = json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))
    return entries


def shipped_path(name: str) -> Path:
    """Return the path of the shipped file called `name`, its content verified.

    Raises:
        UserError: There is no such file, or its sha256 is not the manifest's.
    """
    entries, path = manifest(), FOLDER / name
    if name not in entries or not path.exists():
        raise UserError(f"{name} does not ship with this package; there are {', '.join(entries)}")
    if hashlib.sha256(path.read_bytes()).hexdigest() != entries[name]["sha256"]:
        raise UserError(f"{path} is damaged (its sha256 is not the manifest's): install gluon-perceptual again")
    return path


def vgg16_paths(stages: int) -> list[Path]:
    """Return the files with the first `stages` stages of VGG16: float32 up to the second, float16 from the third."""
    names = ["vgg16_stages_1_2.params", "vgg16_stages_3_4.params"]
    return [shipped_path(name) for name in names[: 1 + (stages > 2)]]
