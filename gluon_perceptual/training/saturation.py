"""Detects outputs that are driven to black or white, where a tanh has no gradient."""

from __future__ import annotations

import logging
from collections import deque

from .loop import Callback, StepResult

WINDOW = 20  # steps that are averaged
TOO_MUCH = 0.1  # share of clipped pixels beyond the natural one

log = logging.getLogger(__name__)


class SaturationWarning(Callback):
    """Warns once when the output has far more clipped pixels than the style picture that it imitates.

    Args:
        natural: Share of clipped pixels in what the output should look like, see `losses.functional.clipped_share`.
    """

    def __init__(self, natural: float) -> None:
        self._natural, self._warned = natural, False
        self._shares: deque[float] = deque(maxlen=WINDOW)

    def after_step(self, result: StepResult) -> None:
        """Add the step's share to the mean, and warn if that is too large."""
        if "clipped" in result.terms and not self._warned:
            self._shares.append(result.terms["clipped"])
            share = sum(self._shares) / len(self._shares)
            if len(self._shares) == WINDOW and share > self._natural + TOO_MUCH:
                self._warned = True
                log.warning(
                    "step %d: the output saturates: %.0f %% of its pixels are clipped (the style's own: %.1f %%), and "
                    "these patches will not recover; restart with `output` linear, a lower `learning_rate` or a longer "
                    "`warmup`",
                    *(result.step, 100 * share, 100 * self._natural),
                )
