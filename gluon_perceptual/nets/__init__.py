"""The networks of the paper and of the blog, and the loss network."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .plsr import PlsrNet
    from .style import StyleNet
    from .super_resolution import SuperResolutionNet
    from .vgg import LossNetwork

__all__ = ["LossNetwork", "PlsrNet", "StyleNet", "SuperResolutionNet"]
_MODULES = {"LossNetwork": "vgg", "PlsrNet": "plsr", "StyleNet": "style", "SuperResolutionNet": "super_resolution"}


def __getattr__(name: str) -> Any:
    """Import what needs MXNet only when it is asked for."""
    if name in _MODULES:
        return getattr(import_module(f".{_MODULES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
