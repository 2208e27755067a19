"""What is minimized: pure functions, the terms of a loss that use them, and the weighted sum of terms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from .perceptual import PerceptualLoss as PerceptualLoss
    from .terms import FeatureLoss as FeatureLoss
    from .terms import GridLoss as GridLoss
    from .terms import PixelLoss as PixelLoss
    from .terms import RangeLoss as RangeLoss
    from .terms import StabilityLoss as StabilityLoss
    from .terms import StyleLoss as StyleLoss
    from .terms import TotalVariationLoss as TotalVariationLoss
    from .terms import WaveLoss as WaveLoss

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "perceptual": ["PerceptualLoss"],
        "terms": [
            "FeatureLoss",
            "GridLoss",
            "PixelLoss",
            "RangeLoss",
            "StabilityLoss",
            "StyleLoss",
            "TotalVariationLoss",
            "WaveLoss",
        ],
    },
)
