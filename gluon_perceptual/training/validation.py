"""The loss on held-out photos during a training; the best model is kept."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Callable

import numpy as np

from .._mxnet import mx, mxnet_errors
from ..checkpoint.model import save_model
from ..data.batches import stack
from ..errors import UserError
from .jsonl import JsonLines
from .loop import Callback, StepResult
from .run import Run

PAIRS = 8

log = logging.getLogger(__name__)


class Validation(Callback):
    """Every `every` steps writes the loss on held-out photos, and the model if it is the best so far.

    The line's `best` is whether the model was written.

    Args:
        run: What is measured.
        lines: Where lines are added; those in it are from this run's earlier steps.
        best: Path of the best model's file.
        every: Steps between measurements.
        tell: Called with the step and the measures.
    """

    def __init__(
        self, run: Run, lines: JsonLines, best: Path, every: int, tell: Callable[[int, dict[str, float]], None]
    ) -> None:
        self._run, self._lines, self._path, self._every = run, lines, best, every
        losses = (line.get("loss") for line in lines.read() if line.get("best"))
        self._best = min((loss for loss in losses if loss is not None), default=math.inf)
        self._batches, self._tell = validation_batches(run), tell

    def after_step(self, result: StepResult) -> None:
        """Measure if it is time."""
        if self._batches and result.step % self._every == 0:
            terms, before = validate(self._run, self._batches), self._best
            try:
                if terms["loss"] < self._best:
                    save_model(self._path, self._run.model, self._run.task.spec)
                    self._best = terms["loss"]
            finally:
                self._note(result.step, terms, self._best < before)

    def _note(self, step: int, terms: dict[str, float], is_best: bool) -> None:
        try:
            self._lines.append({"step": step, **terms, "best": is_best})
            self._lines.sync()
        finally:
            self._tell(step, terms)

    def close(self) -> None:
        """Close the file."""
        self._lines.close()


def validation_batches(run: Run) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the batches to measure on, of what a device trains on at a time; empty without usable photos."""
    size = max(1, run.config.batch // run.workers.num_workers // len(run.devices))
    try:
        pairs = run.task.validation_pairs
        numbers = range(size * math.ceil(PAIRS / size))
        return [stack([pairs[k] for k in numbers[i : i + size]]) for i in range(0, len(numbers), size)]
    except UserError as error:
        log.warning("nothing to validate on: %s", error)
        return []


def validate(run: Run, batches: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
    """Return the mean of each term, of the loss and of other measures over `batches`, in inference mode.

    Raises:
        UserError: MXNet failed, for example for lack of memory.
    """
    device, sums = run.devices[0], []
    for inputs, references in batches:
        with mxnet_errors("if memory ran out, use smaller batches or patches"):
            x, y = (mx.nd.array(part, ctx=device, dtype="float32") for part in (inputs, references))
            outputs = run.model(x)
            terms = run.task.loss.terms(outputs, run.validation_targets(y))
            values = {**terms, "loss": run.task.loss.total(terms)}
            measured = {name: float(value.mean().asscalar()) for name, value in values.items()}
            sums.append({**measured, **run.task.measure(outputs, y)})
    names = dict.fromkeys(name for part in sums for name in part)
    return {name: float(np.mean([part[name] for part in sums if name in part])) for name in names}
