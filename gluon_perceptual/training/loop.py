"""The one training loop: it is given the step, the batches and the callbacks, and knows none of them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Callable, Iterable, Sequence

import numpy as np

from .signals import StopRequest
from .step import NonFiniteLossError


@dataclass(frozen=True)
class Progress:
    """What a step did: its number (from 1) of how many, its terms and loss, its learning rate, its speed."""

    step: int
    steps: int
    terms: dict[str, float]
    learning_rate: float
    pictures_per_second: float
    seconds_waiting: float

    @property
    def loss(self) -> float:
        """The weighted sum of the terms."""
        return self.terms["loss"]


class Callback:
    """Something that happens beside the training; every method may be left as it is."""

    def after_step(self, progress: Progress) -> None:
        """Be told of a step."""

    def close(self) -> None:
        """Be told that no step follows, whatever the reason."""


class StepFailedError(NonFiniteLossError):
    """The loss is not finite; `step` is the number of the step."""

    def __init__(self, step: int, reason: str) -> None:
        super().__init__(f"step {step}: the loss is not finite: {reason}")
        self.step = step


def fit(
    step: Callable[[np.ndarray, np.ndarray], dict[str, float]],
    trainer: Any,
    batches: Iterable[tuple[np.ndarray, np.ndarray]],
    steps: int,
    callbacks: Sequence[Callback] = (),
    stop: StopRequest | None = None,
) -> int:
    """Train for a step on each of `batches` and return the number of steps done.

    Args:
        step: From a batch to its terms, `loss` among them; see `step.TrainingStep`.
        trainer: Asked for the learning rate.
        batches: (inputs, references) of NumPy arrays.
        steps: How many there are, for those who show the progress.
        callbacks: Told of each step, in this order.
        stop: Ends the loop after the step in which it was requested.

    Raises:
        StepFailedError: The loss is not finite.
    """
    done = 0
    before = time.perf_counter()
    try:
        for number, (inputs, references) in enumerate(batches, 1):
            ready = time.perf_counter()
            try:
                terms = step(inputs, references)
            except NonFiniteLossError as error:
                raise StepFailedError(number, str(error)) from error
            now = time.perf_counter()
            speed, waited = len(inputs) / (now - before), ready - before
            progress = Progress(number, steps, terms, trainer.learning_rate, speed, waited)
            done = number
            for callback in callbacks:
                callback.after_step(progress)
            before = time.perf_counter()
            if stop is not None and stop.requested:
                break
    finally:
        for callback in callbacks:
            callback.close()
    return done
