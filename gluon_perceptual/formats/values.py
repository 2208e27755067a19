"""A check that parameters are finite."""

from __future__ import annotations

import os
from typing import Mapping

import numpy as np

from ..errors import UserError


def check_finite(path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray]) -> None:
    """Raise UserError if values are infinite or NaN: a model may give plausible pictures in spite of them."""
    found = {name: array.size - int(np.isfinite(array).sum()) for name, array in arrays.items()}
    bad = [name for name, count in found.items() if count]
    if bad:
        others = f" and {len(bad) - 1} more arrays" if len(bad) > 1 else ""
        raise UserError(
            f"{os.fspath(path)}: {found[bad[0]]} of {arrays[bad[0]].size} values of {bad[0]}{others} are infinite or "
            "NaN: this model is damaged; use an earlier one"
        )
