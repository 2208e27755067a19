"""The content of a parameter file: each array's statistics, and the network it fits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Mapping

import numpy as np

from ..errors import UserError
from ..formats.arrays import format_of, read_arrays
from ..formats.matching import match_names
from ..nets.vgg_files import read_vgg_weights
from .parameters import expected_parameters
from .recognition import CONSTANTS, is_fast_neural_style, spec_of


@dataclass(frozen=True)
class ArrayFacts:
    """An array: minimum, maximum and mean of its finite values (None without any), and how many are not finite."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int
    min: float | None
    max: float | None
    mean: float | None
    not_finite: int


@dataclass(frozen=True)
class FileFacts:
    """A file; `fits` names the network of this package that it fits, if any."""

    path: str
    format: str
    bytes: int
    fits: str | None
    arrays: tuple[ArrayFacts, ...]

    def table(self) -> str:
        """Return the same as text, one line per array."""
        head = ("name", "shape", "dtype", "bytes", "min", "max", "mean", "not finite")
        rows = [head, *(_row(facts) for facts in self.arrays)]
        widths = [max(len(row[k]) for row in rows) for k in range(len(head))]
        lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
        values = sum(int(np.prod(facts.shape)) for facts in self.arrays)
        summary = f"{self.path}: {self.format}, {len(self.arrays)} arrays, {values:,} values, {self.bytes:,} bytes"
        return "\n".join([*lines, summary, f"fits: {self.fits or 'no network of this package'}"])


def inspect_file(path: Path) -> FileFacts:
    """Return what is in a file of any kind that `formats.arrays.read_arrays` reads; raises as it does."""
    arrays = read_arrays(path)
    facts = tuple(_facts(name, array) for name, array in arrays.items())
    return FileFacts(str(path), format_of(path), path.stat().st_size, _fits(path, arrays), facts)


def _facts(name: str, array: np.ndarray) -> ArrayFacts:
    finite = array[np.isfinite(array)]
    least, greatest, mean = None, None, None
    if finite.size:
        least, greatest, mean = float(finite.min()), float(finite.max()), float(finite.mean(dtype=np.float64))
    not_finite = array.size - finite.size
    return ArrayFacts(name, array.shape, array.dtype.name, array.nbytes, least, greatest, mean, not_finite)


def _fits(path: Path, arrays: Mapping[str, np.ndarray]) -> str | None:
    shapes = {name: array.shape for name, array in arrays.items()}
    spec = spec_of(arrays)
    if spec is not None:
        wanted = expected_parameters(spec)
        try:
            strategy, _ = match_names(wanted, shapes, CONSTANTS)
        except UserError:
            return None
        arguments = ", ".join(f"{name}={value!r}" for name, value in spec.arguments.items())
        return f"{spec.network}({arguments}), matched by {strategy}"
    if is_fast_neural_style(arrays):
        return "FastNeuralStyleNet, once converted by convert_style"
    try:
        weights, variant, depth = read_vgg_weights([path])
    except UserError:
        return None
    return f"LossNetwork: {len(weights) // 2} convolutions of VGG{depth}, {variant} variant"


def _row(facts: ArrayFacts) -> tuple[str, ...]:
    numbers = ["" if value is None else f"{value:.4g}" for value in (facts.min, facts.max, facts.mean)]
    shape = "×".join(map(str, facts.shape)) or "scalar"
    return (facts.name, shape, facts.dtype, str(facts.bytes), *numbers, str(facts.not_finite))
