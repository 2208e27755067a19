"""Perceptual losses for real-time style transfer and super-resolution (Johnson et al., 2016) in MXNet Gluon.

What most users need can be imported from here; `__init__.pyi` says where each name is from. Importing this package
loads neither MXNet nor any other heavy library: a name's module is imported when the name is first asked for.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

import lazy_loader

__version__ = "0.1.0"
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


class _Alias(ModuleType):
    """A module's other name: it takes every attribute from that module, imported when the first one is asked for."""

    def __init__(self, name: str, module: str) -> None:
        super().__init__(f"{__name__}.{name}", f"Another name of `{__name__}.{module}`.")
        self._module = f"{__name__}.{module}"
        sys.modules[self.__name__] = self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # whoever looks at all modules, as `inspect` does, loads none
            raise AttributeError(name)
        return getattr(import_module(self._module), name)


# Public names that are older than the packages these modules are in.
histogram = _Alias("histogram", "image.histogram")
resize = _Alias("resize", "image.resize")
metrics = _Alias("metrics", "evaluation.metrics")
