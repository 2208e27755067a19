"""Learning rates over a run, from gluoncv's schedulers."""

from __future__ import annotations

import sys
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from ..choices import Schedule, check_choice, of
from ..errors import MissingDependencyError

MODULE = "gluoncv.utils.lr_scheduler"
FINAL_FRACTION = 0.02  # of the rate, at the end of the cosine
STEP_FRACTION = 0.3  # of the rate, after each drop
STEPS_AT = (0.6, 0.85)  # of the steps after the warm-up


def learning_rate_schedule(kind: Schedule, rate: float, steps: int, warmup: int) -> Any:
    """Return a scheduler: linear from about 0 to `rate` in `warmup` updates, then falling by `kind` to update `steps`.

    Raises:
        UserError: The schedule is unknown.
    """
    check_choice("schedule", kind, of(Schedule))
    LRScheduler, LRSequential = _gluoncv_schedulers()
    warmup = min(warmup, steps // 2)
    warmup = warmup if warmup > 1 else 0
    rest = max(steps - warmup, 2)  # gluoncv divides by one less
    down = LRScheduler(
        kind,
        base_lr=rate,
        target_lr=rate * FINAL_FRACTION,
        niters=rest,
        step_factor=STEP_FRACTION,
        step_iter=[int(rest * part) for part in STEPS_AT],
    )
    if warmup:
        start = LRScheduler("linear", base_lr=rate / warmup, target_lr=rate, niters=warmup)
    else:
        start = LRScheduler("constant", base_lr=rate, niters=1)  # updates count from 1, gluoncv's from 0
    return LRSequential([start, down])


def _gluoncv_schedulers() -> tuple[Any, Any]:
    """Return gluoncv's `LRScheduler` and `LRSequential`, from the single file that defines them.

    Importing all of gluoncv takes a second, fails beside PyTorch 2, and makes Pillow accept truncated pictures, which
    are errors here.

    Raises:
        MissingDependencyError: gluoncv is not installed.
    """
    module = sys.modules.get(MODULE)
    if module is None:
        package = find_spec(MODULE.partition(".")[0])
        if package is None or package.origin is None:
            raise MissingDependencyError("gluoncv is not installed: run `pip install gluoncv`")
        spec = spec_from_file_location(MODULE, Path(package.origin).with_name("utils") / "lr_scheduler.py")
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[MODULE] = module_from_spec(spec)
        spec.loader.exec_module(module)
    return module.LRScheduler, module.LRSequential
