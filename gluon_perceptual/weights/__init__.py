"""Weights that ship with the package; `manifest.json` describes each file and its origin."""

from __future__ import annotations

import hashlib
import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any, Dict

from ..errors import UserError

__all__ = ["DEFAULTS", "RESTORER", "manifest", "model_path", "models", "shipped_path", "vgg16_paths", "web_model"]

Entry = Dict[str, Any]  # type: ignore[explicit-any]  # of the manifest
FOLDER = Path(__file__).parent
DEFAULTS = {2: "sr_x2_deep", 4: "sr_x4_feature", 8: "sr_x8_pixel"}  # what `upscale` takes, by scale
RESTORER = "clean"  # what it takes for pictures that keep their size


def manifest() -> dict[str, Entry]:
    """Return the manifest: file name -> its sha256, origin, license and the like."""
    return json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))


def shipped_path(name: str) -> Path:
    """Return the path of the shipped file `name`; its content and that of its sidecar are verified.

    Raises:
        UserError: There is no such file, or a SHA-256 differs from the manifest's.
    """
    entries, path = manifest(), FOLDER / name
    if name not in entries or not path.exists():
        raise UserError(f"{name} does not ship with this package; the shipped files are {', '.join(entries)}")
    for file, key in ((path, "sha256"), (path.with_suffix(".json"), "sidecar_sha256")):
        if key in entries[name] and (not file.exists() or checksum(file) != entries[name][key]):
            raise UserError(f"{file} is damaged (its SHA-256 differs from the manifest's): reinstall gluon-perceptual")
    return path


def sha256(path: Path) -> str:
    """Return the checksum of a file's content, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal, computed once for a file that does not change."""
    found = path.stat()
    return _checksum(path, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=64)
def _checksum(path: Path, changed: int, size: int) -> str:
    return sha256(path)


def models(kind: str | None = None) -> dict[str, Entry]:
    """Return the shipped models, name -> entry in the manifest: all, or the "super-resolution" or "style" ones."""
    kinds = (kind,) if kind else ("super-resolution", "style")
    return {Path(name).stem: entry for name, entry in manifest().items() if entry.get("kind") in kinds}


def web_model(scale: int) -> str | None:
    """Return the name of the shipped model for photos from the web, mostly JPEG files, at this scale, or None."""
    found = models("super-resolution").items()
    return next((name for name, entry in found if (entry["scale"], entry["inputs"]) == (scale, "web")), None)


def model_path(model: str | os.PathLike[str]) -> Path:
    """Return the path of the shipped model of that name, or of the file `model`.

    Raises:
        UserError: Neither exists.
    """
    path, name = Path(model), os.fspath(model)
    if name in models():  # even beside a folder of that name, such as "clean"
        return shipped_path(f"{name}.params")
    if path.exists() or path.suffix:
        return path
    known = ", ".join(sorted(models())) or "none"
    raise UserError(f"{name}: neither a file nor a shipped model; shipped are {known}")


def vgg16_paths(stages: int) -> list[Path]:
    """Return the files with the first `stages` stages of VGG16: float32 up to the second, float16 from the third."""
    names = ["vgg16_stages_1_2.params", "vgg16_stages_3_4.params"]
    return [shipped_path(name) for name in names[: 1 + (stages > 2)]]
