"""The networks of the paper and of the blog, and the loss network; MXNet is imported when one is first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from .plsr import PlsrNet as PlsrNet
    from .style import StyleNet as StyleNet
    from .super_resolution import SuperResolutionNet as SuperResolutionNet
    from .vgg import LossNetwork as LossNetwork

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "plsr": ["PlsrNet"],
        "style": ["StyleNet"],
        "super_resolution": ["SuperResolutionNet"],
        "vgg": ["LossNetwork"],
    },
)
