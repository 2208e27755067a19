"""Applies models to pictures: `open_model` opens one, `Upscaler` enlarges pictures, `Stylizer` repaints them."""

from .model import Model, open_model
from .stylizer import Stylizer
from .upscaler import Upscaler

__all__ = ["Model", "Stylizer", "Upscaler", "open_model"]
