"""Parameter files: reading, writing, and loading into any network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import ParamsFormatError
from ..formats.mxnet_params import read_params, write_params

if TYPE_CHECKING:
    from .loading import LoadReport, load_parameters

__all__ = ["LoadReport", "ParamsFormatError", "load_parameters", "read_params", "write_params"]


def __getattr__(name: str) -> Any:
    """Import what needs MXNet only when it is first used."""
    if name in ("LoadReport", "load_parameters"):
        from . import loading

        return getattr(loading, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
