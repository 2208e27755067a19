"""What is minimized: pure functions, the terms that they are the values of, and the block that weighs these."""

from .perceptual import PerceptualLoss
from .terms import FeatureLoss, GridLoss, PixelLoss, StabilityLoss, StyleLoss, TotalVariationLoss

__all__ = [
    "FeatureLoss",
    "GridLoss",
    "PerceptualLoss",
    "PixelLoss",
    "StabilityLoss",
    "StyleLoss",
    "TotalVariationLoss",
]
