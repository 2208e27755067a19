"""Learning rates over a run, by gluoncv's schedulers."""

from __future__ import annotations

import sys
import warnings
from typing import Any

from ..errors import UserError

SCHEDULES = ("cosine", "step", "constant")
FINAL_FRACTION = 0.02  # of the rate, where the cosine ends
STEP_FRACTION = 0.3  # of the rate, after each drop
STEPS_AT = (0.6, 0.85)  # of the steps after the warm-up


def learning_rate_schedule(kind: str, rate: float, steps: int, warmup: int) -> Any:
    """Return a scheduler: linear from near 0 to `rate` in `warmup` updates, then down by `kind` until update `steps`.

    Raises:
        UserError: `kind` is none of `SCHEDULES`.
    """
    if kind not in SCHEDULES:
        raise UserError(f"schedule {kind!r}: expected one of {', '.join(SCHEDULES)}")
    LRScheduler, LRSequential = _gluoncv_schedulers()
    warmup = min(warmup, steps // 2)
    rest = max(steps - warmup, 2)  # gluoncv divides by one less
    down = LRScheduler(
        kind,
        base_lr=rate,
        target_lr=rate * FINAL_FRACTION,
        niters=rest,
        step_factor=STEP_FRACTION,
        step_iter=[int(rest * part) for part in STEPS_AT],
    )
    if warmup < 2:
        return LRSequential([down])
    return LRSequential([LRScheduler("linear", base_lr=rate / warmup, target_lr=rate, niters=warmup), down])


def _gluoncv_schedulers() -> tuple[Any, Any]:
    """Import them; gluoncv, which can do without PyTorch, refuses to be imported beside its version 2.

    It also tells Pillow to take what is left of truncated pictures, for the whole process; here they are errors.
    """
    from PIL import ImageFile

    torch, truncated = sys.modules.get("torch"), ImageFile.LOAD_TRUNCATED_IMAGES
    sys.modules["torch"] = None  # type: ignore[assignment]  # as if it were not installed
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import gluoncv.utils as utils
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = truncated
        del sys.modules["torch"]
        if torch is not None:
            sys.modules["torch"] = torch
    return utils.LRScheduler, utils.LRSequential
