"""The weighted sum of named terms that training minimises."""

from __future__ import annotations

from typing import Any, Callable

from .._mxnet import mx
from ..errors import UserError
from . import functional

TOTAL_VARIATIONS: dict[str, Callable[..., Any]] = {
    "paper": functional.total_variation,
    "blog": functional.mean_absolute_variation,
}
PIXEL_LOSSES: dict[str, Callable[..., Any]] = {
    "squared": functional.squared_error,
    "absolute": functional.absolute_error,
}


class PerceptualLoss(mx.gluon.HybridBlock):
    """Named terms of the loss of pictures (N, 3, H, W) float32 RGB in [0, 255]; their weighted sum is the loss.

    Terms: `feature:LAYER` and `style:LAYER` on activations of the loss network, `pixel`, `grid`, `stability`, and
    `tv`.

    Args:
        loss_network: Block from pictures to a list of feature maps, with their names in `.layers`; may be None
            where there are no feature and style terms.
        feature: Weight of the feature loss for each layer, for example {"relu2_2": 1.0}.
        style: Weight of the style loss for each layer.
        pixel: Weight of the pixel loss.
        grid: Weight of the grid that an upsampling network leaves in the error; pictures then have 8 periods at least.
        period: Of that grid in pixels, the network's scale.
        stability: Weight of the mean squared difference from the output for a noisy input, against flicker.
        tv: Weight of the total variation of the output.
        pixel_loss: "squared" (paper) or "absolute".
        tv_kind: "paper" or "blog", see `losses.functional`.

    Raises:
        UserError: No term has a weight, or a layer is none of the loss network's.
    """

    def __init__(
        self,
        loss_network: Any = None,
        feature: dict[str, float] | None = None,
        style: dict[str, float] | None = None,
        pixel: float = 0.0,
        grid: float = 0.0,
        period: int = 2,
        stability: float = 0.0,
        tv: float = 0.0,
        pixel_loss: str = "squared",
        tv_kind: str = "paper",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        features = {f"feature:{layer}": weight for layer, weight in (feature or {}).items()}
        styles = {f"style:{layer}": weight for layer, weight in (style or {}).items()}
        weights = {**features, **styles, "pixel": pixel, "grid": grid, "stability": stability, "tv": tv}
        self.weights = {name: weight for name, weight in weights.items() if weight}
        self._check_terms(loss_network)
        self.loss_network = loss_network
        self._period = period
        self._pixel_loss = PIXEL_LOSSES[pixel_loss]
        self._total_variation = TOTAL_VARIATIONS[tv_kind]

    def _check_terms(self, loss_network: Any) -> None:
        layers = loss_network.layers if loss_network is not None else ()
        if not self.weights:
            raise UserError("the loss has no term: give at least one weight that is not 0")
        for name in self.weights:
            _, _, layer = name.partition(":")
            if layer and layer not in layers:
                raise UserError(f"the loss network gives {', '.join(layers) or 'nothing'}, not {layer}")

    @property
    def target_names(self) -> list[str]:
        """The terms that compare with a target: all but `tv`."""
        return [name for name in self.weights if name != "tv"]

    def targets(self, pictures: Any) -> dict[str, Any]:
        """Return what the output is compared with, by term but `stability`, computed without recording gradients.

        Args:
            pictures: (N, 3, H, W) in [0, 255]; for style terms, the style picture.
        """
        with mx.autograd.pause(train_mode=True):
            features = self._features(mx.nd, pictures)
        features["pixel"] = features["grid"] = pictures
        return {name: features[name] for name in self.target_names if name in features}

    def terms(self, output: Any, targets: dict[str, Any]) -> dict[str, Any]:
        """Return each term, unweighted, for each picture of the output: name -> (N,).

        Args:
            output: (N, 3, H, W) in [0, 255].
            targets: As of `targets`, by term; feature maps computed elsewhere are welcome.

        Raises:
            UserError: A term has no target.
        """
        missing = [name for name in self.target_names if name not in targets]
        if missing:
            raise UserError(f"the loss term {missing[0]} needs a target, but there is only {', '.join(targets)}")
        values = self(output, *(targets[name] for name in self.target_names))
        return dict(zip(self.weights, values))

    def total(self, terms: dict[str, Any]) -> Any:
        """Return the loss: the weighted sum of the terms, (N,)."""
        weighted = [terms[name] * weight for name, weight in self.weights.items()]
        return sum(weighted[1:], weighted[0])

    def _features(self, F: Any, pictures: Any) -> dict[str, Any]:
        if not any(":" in name for name in self.weights):
            return {}
        maps = dict(zip(self.loss_network.layers, self.loss_network(pictures)))
        named = {f"feature:{layer}": values for layer, values in maps.items()}
        styles = [name for name in self.weights if name.startswith("style:")]
        named.update({name: functional.gram_matrix(F, maps[name.partition(":")[2]]) for name in styles})
        return named

    def hybrid_forward(self, F: Any, output: Any, *targets: Any) -> list[Any]:
        """(N, 3, H, W) and the targets -> the terms in the order of `weights`, each (N,)."""
        features = self._features(F, output)
        target = dict(zip(self.target_names, targets))
        values = []
        for name in self.weights:
            if name == "tv":
                values.append(self._total_variation(F, output))
            elif name == "pixel":
                values.append(self._pixel_loss(F, output, target[name]))
            elif name == "grid":
                values.append(functional.grid_error(F, output, target[name], self._period))
            elif name == "stability":
                values.append(functional.squared_error(F, output, target[name]))
            elif name.startswith("style:"):
                values.append(functional.style_error(F, features[name], target[name]))
            else:
                values.append(functional.squared_error(F, features[name], target[name]))
        return values
