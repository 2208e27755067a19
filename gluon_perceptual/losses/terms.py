"""The terms whose weighted sum is a loss: each knows its target, its value and its source.

A term compares a network's output with a target, or measures the output alone. It sees pictures (N, 3, H, W) RGB in
[0, 255] and their feature maps. Terms are compared and hashed by their settings. A new term is a dataclass here, its
math a function of `functional`; a training's task gives it a weight.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from ..choices import PixelKind, VariationKind, WaveKind
from . import functional
from .term import Features, Kinds, LayerTerm, Term
from .waves import KINDS, wave_error

if TYPE_CHECKING:
    from .._mxnet import NDArray, Operators


STYLE_LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")  # the paper's (section 4.1)
STYLE_WEIGHT = 1e5  # of `style_transfer.style_weights`


@dataclass(frozen=True)
class FeatureLoss(LayerTerm):
    """‖φ(ŷ) − φ(y)‖² / (C·H·W), with φ the activation `layer`, C×H×W (paper, section 3.2, equation 2)."""

    kind_of_term = "feature"

    def target(self, F: Operators, reference: Features) -> NDArray:
        """Return the reference's feature maps."""
        return reference.maps[self.layer]

    def value(self, F: Operators, output: Features, target: NDArray) -> NDArray:
        """Return the mean squared difference."""
        return functional.squared_error(F, output.maps[self.layer], target)


@dataclass(frozen=True)
class StyleLoss(LayerTerm):
    """‖G(ŷ) − G(y)‖²_F, with G the Gram matrix of the activation `layer` (paper, section 3.2, equations 3, 4)."""

    kind_of_term = "style"

    def target(self, F: Operators, reference: Features) -> NDArray:
        """Return the reference's Gram matrix; one, (1, C, C), serves outputs of any number and size."""
        return functional.gram_matrix(F, reference.maps[self.layer])

    def value(self, F: Operators, output: Features, target: NDArray) -> NDArray:
        """Return the squared Frobenius norm of the Gram matrices' difference."""
        return functional.style_error(F, functional.gram_matrix(F, output.maps[self.layer]), target)


@dataclass(frozen=True)
class PixelLoss(Term):
    """‖ŷ − y‖² / (C·H·W) (paper, section 3.3), or the mean absolute difference.

    Args:
        kind: "squared" (paper) or "absolute", which is less sensitive to outliers and trains to sharper edges.
    """

    kind: PixelKind = "squared"
    name = "pixel"
    kinds: ClassVar[Kinds] = {"squared": functional.squared_error, "absolute": functional.absolute_error}

    def value(self, F: Operators, output: Features, target: NDArray) -> NDArray:
        """Return the mean difference of that kind."""
        return self.kinds[self.kind](F, output.pictures, target)


@dataclass(frozen=True)
class GridLoss(Term):
    """How strongly the grid that an upsampling network leaves shows in the error, see `functional.grid_error`.

    Not in the paper or the blog.

    Args:
        period: Of the grid in pixels: the network's scale. Pictures must have at least 8 periods.
    """

    period: int
    name = "grid"

    def value(self, F: Operators, output: Features, target: NDArray) -> NDArray:
        """Return the square of the grid's height."""
        return functional.grid_error(F, output.pictures, target, self.period)


@dataclass(frozen=True)
class WaveLoss(Term):
    """The fine waves on plain ground that the truth lacks, see `waves.wave_error`; not in the paper or the blog.

    Args:
        kind: "waves", a weave in smooth blocks of 32×32 pixels; "echoes", lines beside edges, in plain ones of 8×8. It
            is also the term's name.
    """

    kind: WaveKind = "waves"
    kinds: ClassVar[Kinds] = {kind: partial(wave_error, kind=kind) for kind in KINDS}

    @property
    def name(self) -> str:  # type: ignore[override]
        """The kind."""
        return self.kind

    def value(self, F: Operators, output: Features, target: NDArray) -> NDArray:
        """Return the mean over blocks and channels of the waves' squared heights in excess of the truth's, summed."""
        return self.kinds[self.kind](F, output.pictures, target)


@dataclass(frozen=True)
class TotalVariationLoss(Term):
    """The output's total variation; it needs no target.

    Args:
        kind: "paper", the sum of squared differences of neighboring pixels (paper, section 3.3, as in its released
            code); "blog", the mean absolute differences; "isotropic", the mean length of the gradient.
    """

    kind: VariationKind = "paper"
    name = "tv"
    needs_target = False
    kinds: ClassVar[Kinds] = {
        "paper": functional.total_variation,
        "blog": functional.mean_absolute_variation,
        "isotropic": functional.isotropic_variation,
    }

    def value(self, F: Operators, output: Features, target: NDArray) -> NDArray:
        """Return the variation of that kind."""
        return self.kinds[self.kind](F, output.pictures)


@dataclass(frozen=True)
class RangeLoss(Term):
    """How far the output leaves [0, 255], outside of which pictures are clipped; it needs no target.

    Not in the paper or the blog.
    """

    name = "range"
    needs_target = False

    def value(self, F: Operators, output: Features, target: NDArray) -> NDArray:
        """Return the mean squared distance from the range."""
        return functional.range_error(F, output.pictures)


@dataclass(frozen=True)
class StabilityLoss(Term):
    """‖ŷ − ŷ'‖² / (C·H·W), with ŷ' the output for the same input and noise: against flicker of videos.

    Not in the paper or the blog. Its target is ŷ'.
    """

    name = "stability"

    def target(self, F: Operators, reference: Features) -> NDArray:
        """Return None: ŷ' comes from the network."""
        return None

    def value(self, F: Operators, output: Features, target: NDArray) -> NDArray:
        """Return the mean squared difference."""
        return functional.squared_error(F, output.pictures, target)
