"""The networks of the paper and of the blog, and the loss network."""

from .plsr import PlsrNet
from .style import StyleNet
from .super_resolution import SuperResolutionNet
from .vgg import LossNetwork

__all__ = ["LossNetwork", "PlsrNet", "StyleNet", "SuperResolutionNet"]
