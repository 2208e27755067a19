"""Models at work on pictures: `Upscaler` enlarges them, `Stylizer` repaints them."""

from .stylizer import Stylizer
from .upscaler import Upscaler

__all__ = ["Stylizer", "Upscaler"]
