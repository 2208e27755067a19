"""The weighted sum of terms that is minimized in training."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping

from .._mxnet import Block, NDArray, Operators, mx
from ..errors import UserError
from . import functional
from .term import Features, Term
from .terms import PixelLoss

Targets = Callable[[NDArray], Dict[str, NDArray]]  # from a batch of references to the targets


class PerceptualLoss(mx.gluon.HybridBlock):
    """The loss of pictures (N, 3, H, W) float32 RGB in [0, 255]: the weighted sum of its terms.

        PerceptualLoss({FeatureLoss("relu2_2"): 1.0, TotalVariationLoss(): 1e-6}, LossNetwork.pretrained(("relu2_2",)))

    Args:
        weights: The terms (see `losses.terms`) and their weights; terms of weight 0 are left out.
        loss_network: Block from pictures to a list of feature maps, with their names in `.layers`; may be None
            if no term uses a layer.
        texture_scale: If not 0, the loss network compares only textures, see `functional.texture`, of pictures enlarged
            by this factor, whose sides are multiples of it. Elsewhere it sees the reference in place of the output, so
            that no feature loss counts there: it leaves a weave on plain ground, and lines beside edges. Not in the
            paper or the blog.

    Raises:
        UserError: No term has a weight, two have the same name, the loss network lacks a term's layer, or
            `texture_scale` is given without a pixel loss.
    """

    def __init__(
        self, weights: Mapping[Term, float], loss_network: Block = None, texture_scale: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.texture_scale = texture_scale
        self.active_terms = tuple(term for term, weight in weights.items() if weight)
        self.weights = {term.name: weight for term, weight in weights.items() if weight}
        self.loss_network = loss_network
        self._check()

    def _check(self) -> None:
        layers = self.loss_network.layers if self.loss_network is not None else ()
        if not self.active_terms:
            raise UserError("the loss has no term: give at least one nonzero weight")
        if len(self.weights) < len(self.active_terms):
            raise UserError(f"two terms have the same name: {', '.join(term.name for term in self.active_terms)}")
        for term in self.active_terms:
            if term.layer and term.layer not in layers:
                raise UserError(f"the loss network has {', '.join(layers) or 'no layers'}, but not {term.layer}")
        if self.texture_scale and PixelLoss.name not in self.weights:
            raise UserError("`texture_scale` leaves the rest to a pixel loss: give it a weight")

    @property
    def terms_with_target(self) -> tuple[Term, ...]:
        """The terms that compare the output with a target."""
        return tuple(term for term in self.active_terms if term.needs_target)

    def targets(self, references: NDArray) -> dict[str, NDArray]:
        """Return the targets that the output is compared with, by term, computed without recording gradients.

        Terms whose target cannot be computed from references, such as the stability loss, are left out.

        Args:
            references: (N, 3, H, W) in [0, 255]; for style terms, the style picture.
        """
        with mx.autograd.pause(train_mode=True):
            reference = self._features(references)
            found = {term.name: term.target(mx.nd, reference) for term in self.terms_with_target}
        return {name: target for name, target in found.items() if target is not None}

    def terms(self, output: NDArray, targets: Mapping[str, NDArray]) -> dict[str, NDArray]:
        """Return each term's value, unweighted, for each picture of the output: name -> (N,).

        Args:
            output: (N, 3, H, W) in [0, 255].
            targets: By term, see `targets`; feature maps computed elsewhere are accepted.

        Raises:
            UserError: A term has no target.
        """
        missing = [term.name for term in self.terms_with_target if term.name not in targets]
        if missing:
            raise UserError(f"the loss term {missing[0]} needs a target; there are {', '.join(targets) or 'none'}")
        values = self(output, *(targets[term.name] for term in self.terms_with_target))
        return dict(zip(self.weights, values))

    def total(self, terms: Mapping[str, NDArray]) -> NDArray:
        """Return the loss: the weighted sum of the terms, (N,)."""
        weighted = [terms[name] * weight for name, weight in self.weights.items()]
        return sum(weighted[1:], weighted[0])

    def _features(self, pictures: NDArray, shown: NDArray | None = None) -> Features:
        """Return pictures and the features of what the loss network is shown: by default the pictures."""
        if not any(term.layer for term in self.active_terms):
            return Features(pictures, {})
        maps = self.loss_network(pictures if shown is None else shown)
        return Features(pictures, dict(zip(self.loss_network.layers, maps)))

    def _shown(self, F: Operators, output: NDArray, truth: NDArray) -> NDArray:
        """Return the output in textures, and the truth elsewhere."""
        return truth + F.broadcast_mul(functional.texture(F, truth, self.texture_scale), output - truth)

    def hybrid_forward(self, F: Operators, output: NDArray, *targets: NDArray) -> list[NDArray]:
        """(N, 3, H, W) and the targets of `terms_with_target` -> the terms in the order of `weights`, each (N,)."""
        target = dict(zip((term.name for term in self.terms_with_target), targets))
        truth = target[PixelLoss.name] if self.texture_scale else None
        features = self._features(output, None if truth is None else self._shown(F, output, truth))
        return [term.value(F, features, target.get(term.name)) for term in self.active_terms]
