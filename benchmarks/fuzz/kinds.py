"""The kinds of files by name, and the outcome of reading one."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any, Callable

from gluon_perceptual.errors import UserError

from .damage import Kind

MODULES = {  # where kinds are: those without MXNet, whose threads take more memory than they use, in the first
    "arrays": ("params", "npz", "torch", "torch-legacy", "safetensors", "keras"),
    "models": ("symbol", "sidecar"),
    "trainings": ("records", "index", "shards", "config", "log", "sums", "state"),
}
NAMES = [name for names in MODULES.values() for name in names]


def kind_of(name: str) -> Kind:
    """Return the kind of files of a name."""
    module = next(module for module, names in MODULES.items() if name in names)
    kind: Kind = import_module(f".{module}", __package__).KINDS[name]
    return kind


def outcome_of(content: bytes, read: Callable[[Path], Any], path: Path) -> str:
    """Return "read", "refused", or in words what else happened."""
    path.write_bytes(content)
    try:
        read(path)
    except UserError as error:
        return "refused" if len(str(error).splitlines()) == 1 else f"several lines: {error!r}"
    except Exception as error:
        return repr(error)[:300]
    return "read"
