"""Perceptual losses for real-time style transfer and super-resolution (Johnson et al., 2016) in MXNet Gluon.

What most users need can be imported from here; `__init__.pyi` lists where each name is from. Importing this package
loads neither MXNet nor any other heavy library: a name's module is imported when the name is first used.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

import lazy_loader

__version__ = "0.1.0"
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


class _Alias(ModuleType):
    """Another name of a module, which is imported when the first attribute is asked for."""

    def __init__(self, name: str, module: str) -> None:
        super().__init__(f"{__name__}.{name}", f"Another name of `{__name__}.{module}`.")
        self._module = f"{__name__}.{module}"
        sys.modules[self.__name__] = self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # looking at all modules, as `inspect` does, imports nothing
            raise AttributeError(name)
        return getattr(import_module(self._module), name)


# Public names from before these modules moved into packages.
histogram = _Alias("histogram", "image.histogram")
resize = _Alias("resize", "image.resize")
metrics = _Alias("metrics", "evaluation.metrics")
