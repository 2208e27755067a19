"""The one training loop: it is given the step, the batches and the callbacks, and knows none of them."""

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
    """What a step did: its number (from 1) of how many, its terms and loss, its learning rate, its speed.

    `terms` has the gradient's norm, too. `skipped` says why a step was left out, whose terms are empty; else it is "".
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
        """The weighted sum of the terms; not a number in a step that was skipped."""
        return self.terms.get("loss", math.nan)


class Callback:
    """Something that happens beside the training; every method may be left as it is.

    An OSError of either is warned of, and the training goes on.
    """

    def after_step(self, result: StepResult) -> None:
        """Be told of a step."""

    def close(self) -> None:
        """Be told that no step follows, whatever the reason."""


class Stop(Protocol):
    """Whether the training is to end, asked after each step: the number of the signal that wants it, or 0."""

    @property
    def requested(self) -> int:
        """The signal's number."""


class StepFailedError(NonFiniteLossError):
    """The loss is not finite; `step` is the number of the step."""

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
    """Train for a step on each of `batches` and return the number of the last step.

    Args:
        step: From a batch to its terms, `loss` among them; see `step.TrainingStep`.
        trainer: Asked for the learning rate.
        batches: (inputs, references) of NumPy arrays.
        steps: How many there are, for those who show the progress.
        callbacks: Told of each step, in this order.
        stop: Ends the loop after the step in which it was requested.
        done: Steps that were made before these.
        skips: How many steps in a row may be left out because the loss or the gradient is not finite.

    Raises:
        StepFailedError: The loss is not finite, once more than that.
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
    """Yield what each step did; its time does not count what is done with the result. Arguments as of `fit`."""
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
    """Return the terms of a step, and why it could not be made, or ""."""
    try:
        return step(*batch), ""
    except NonFiniteLossError as error:
        return {}, str(error)


def _tell(step: int, method: Callable[..., None], *result: StepResult) -> None:
    try:
        method(*result)
    except OSError as error:
        log.warning("after step %d, and the training goes on: %s", step, error)
