"""Parameter files: reading, writing, and loading into any network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from ..errors import ParamsFormatError
from ..formats.mxnet_params import read_params, write_params

if TYPE_CHECKING:
    from .loading import LoadReport, load_parameters

__all__ = ["LoadReport", "ParamsFormatError", "load_parameters", "read_params", "write_params"]
__getattr__, _, _ = lazy_loader.attach(__name__, submod_attrs={"loading": ["LoadReport", "load_parameters"]})
