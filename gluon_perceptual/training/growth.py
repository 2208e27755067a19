"""A training that starts from the parameters of a smaller network, or of one for another scale."""

from __future__ import annotations

from typing import Mapping

import numpy as np

from ..checkpoint.parameters import expected_parameters
from ..checkpoint.recognition import spec_of
from ..checkpoint.spec import ModelSpec

GROWING = {"scale", "blocks", "upsampling"}  # arguments that may differ
ENLARGING = ("up.", "tail.")


def grown(arrays: Mapping[str, np.ndarray], ours: ModelSpec) -> dict[str, np.ndarray] | None:
    """Return what a super-resolution network takes over from one of fewer residual blocks, other upsampling or scale.

    The further blocks begin by returning their input: their last layer is zero. For another scale or other upsampling,
    the layers that enlarge and the last one are not in the result, and keep their initial values.

    Args:
        arrays: The other network's parameters, by structural name.
        ours: How the new network is built.

    Returns:
        Its parameters; None if the two networks have the same scale, blocks and upsampling, or are not comparable.
    """
    theirs = spec_of(arrays)
    if theirs is None or theirs.network != ours.network or ours.network != "SuperResolutionNet":
        return None
    old, new = theirs.arguments, ours.arguments
    differing = {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
    if not differing & GROWING or differing - GROWING - {"lowpass"} or old["blocks"] > new["blocks"]:
        return None
    enlarges_otherwise = "scale" in differing or ("upsampling" in differing and new["scale"] > 1)
    shapes, anew = expected_parameters(ours), ENLARGING if enlarges_otherwise else ()
    taken = {name: a for name, a in arrays.items() if shapes.get(name) == a.shape and not name.startswith(anew)}
    last = "norm2.gamma" if new["norm"] == "batch" else "conv2."
    further = tuple(f"body.{k}.{last}" for k in range(old["blocks"], new["blocks"]))
    zeros = {name: np.zeros(shape, np.float32) for name, shape in shapes.items() if name.startswith(further)}
    return {**taken, **zeros}
