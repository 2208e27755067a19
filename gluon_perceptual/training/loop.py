"""The training loop: it is given the step, the batches and the callbacks, and knows nothing about them."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass
from typing import Any, Callable, Iterable, Iterator, Protocol, Sequence

import numpy as np

from .._mxnet import Trainer
from .step import NonFiniteLossError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StepResult:
    """What a step did: its number (from 1) and the total, its terms and loss, its learning rate, its speed.

    `terms` includes the gradient's norm. `skipped` is the reason why a step was skipped, whose terms are empty, or "".
    """

    step: int
    steps: int
    terms: dict[str, float]
    learning_rate: float
    pictures_per_second: float
    seconds_waiting: float
    skipped: str = ""

    @property
    def loss(self) -> float:
        """The weighted sum of the terms; NaN in a skipped step."""
        return self.terms.get("loss", math.nan)


class Callback:
    """Something that happens alongside the training; subclasses override what they need.

    An OSError in a method is logged as a warning, and the training continues.
    """

    def after_step(self, result: StepResult) -> None:
        """Called after each step."""

    def close(self) -> None:
        """Called when no step follows, for whatever reason."""


class Stop(Protocol):
    """Asked after each step whether the training is to end: the number of a signal, or 0."""

    @property
    def requested(self) -> int:
        """The signal's number."""


class StepFailedError(NonFiniteLossError):
    """The loss is not finite in the step with number `step`."""

    def __init__(self, step: int, reason: str) -> None:
        super().__init__(f"step {step}: {reason}")
        self.step = step


def fit(
    step: Callable[[np.ndarray, np.ndarray], dict[str, float]],
    trainer: Trainer,
    batches: Iterable[tuple[np.ndarray, np.ndarray]],
    steps: int,
    callbacks: Sequence[Callback] = (),
    stop: Stop | None = None,
    done: int = 0,
    skips: int = 0,
) -> int:
    """Train a step on each of `batches` and return the number of the last step.

    Args:
        step: From a batch to its terms, including `loss`; see `step.TrainingStep`.
        trainer: Asked for the learning rate.
        batches: (inputs, references) of NumPy arrays.
        steps: Their total number, for callbacks that show the progress.
        callbacks: Called after each step, in this order.
        stop: Ends the loop after the step in which it was requested.
        done: Number of steps done before.
        skips: How many steps in a row may be skipped because the loss or the gradient is not finite.

    Raises:
        StepFailedError: The loss is not finite in more steps in a row than that.
    """
    try:
        for result in _results(step, trainer, batches, steps, done, skips):
            done = result.step
            for callback in callbacks:
                _tell(done, callback.after_step, result)
            if stop is not None and stop.requested:
                break
    finally:
        for callback in callbacks:
            _tell(done, callback.close)
    return done


def _results(
    step: Callable[..., dict[str, float]], trainer: Trainer, batches: Iterable[Any], steps: int, done: int, skips: int
) -> Iterator[StepResult]:
    """Yield the result of each step, not counting the time until the next one is asked for; arguments as in `fit`."""
    row, before = 0, time.perf_counter()
    for number, batch in enumerate(batches, done + 1):
        ready = time.perf_counter()
        terms, skipped = _attempt(step, *batch)
        row = row + 1 if skipped else 0
        if row > skips:
            raise StepFailedError(number, skipped)
        now = time.perf_counter()
        speed, waited = len(batch[0]) / (now - before), ready - before
        yield StepResult(number, steps, terms, trainer.learning_rate, speed, waited, skipped)
        before = time.perf_counter()


def _attempt(step: Callable[..., dict[str, float]], *batch: np.ndarray) -> tuple[dict[str, float], str]:
    """Return the terms of a step, and why it failed, or ""."""
    try:
        return step(*batch), ""
    except NonFiniteLossError as error:
        return {}, str(error)


def _tell(step: int, method: Callable[..., None], *result: StepResult) -> None:
    try:
        method(*result)
    except OSError as error:
        log.warning("after step %d: %s; the training continues", step, error)
