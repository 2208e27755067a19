"""A training that starts from the parameters of a smaller network."""

from __future__ import annotations

from typing import Mapping

import numpy as np

from ..checkpoint.parameters import expected_parameters
from ..checkpoint.recognition import spec_of
from ..checkpoint.spec import ModelSpec

GROWING = {"blocks", "upsampling", "lowpass"}  # arguments that may differ


def grown(arrays: Mapping[str, np.ndarray], ours: ModelSpec) -> dict[str, np.ndarray] | None:
    """Return what a super-resolution network takes over from one with fewer residual blocks, or other upsampling.

    The further blocks begin by returning their input: their second convolution is zero. Layers that are not in the
    result, the upsampling's if it is another one, keep their initial values.

    Args:
        arrays: The other network's parameters, by structural name.
        ours: How the new network is built.

    Returns:
        Its parameters; None if the two networks have the same blocks and upsampling, or are not comparable.
    """
    theirs = spec_of(arrays)
    if theirs is None or theirs.network != ours.network or ours.network != "SuperResolutionNet":
        return None
    old, new = theirs.arguments, ours.arguments
    differing = {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
    if not differing & {"blocks", "upsampling"} or differing - GROWING or old["blocks"] > new["blocks"]:
        return None
    shapes = expected_parameters(ours)
    taken = {name: array for name, array in arrays.items() if shapes.get(name) == array.shape}
    further = [f"body.{k}.conv2." for k in range(old["blocks"], new["blocks"])]
    zeros = {name: np.zeros(shape, np.float32) for name, shape in shapes.items() if name.startswith(tuple(further))}
    return {**taken, **zeros}
