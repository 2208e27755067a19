"""The precision in which convolutions compute: float32, or bfloat16 between float32 parameters and results.

A network computes in the precision of the `computing_in` block in which it is built:

    with computing_in("bfloat16"):
        net = SuperResolutionNet(2)

Its parameters and their gradients are float32 in both, so that checkpoints fit both.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Iterator

import numpy as np

from ..choices import check_choice

if TYPE_CHECKING:
    from .._mxnet import NDArray, Operators


class Precision:
    """float32: arrays as they are, without any cast."""

    name = "float32"

    def narrow(self, F: Operators, x: NDArray) -> NDArray:
        """Return `x` in the type that convolutions take."""
        return x

    def widen(self, F: Operators, x: NDArray) -> NDArray:
        """Return `x` as float32."""
        return x

    def convolution(self, F: Operators, *inputs: NDArray, **settings: Any) -> NDArray:
        """`F.Convolution` of data, weight and, unless `no_bias`, bias, in the type that convolutions take."""
        return F.Convolution(*(self.narrow(F, each) for each in inputs), **settings)

    def add(self, F: Operators, a: NDArray, b: NDArray) -> NDArray:
        """Add feature maps, in the type that convolutions take."""
        return self.narrow(F, a) + self.narrow(F, b)


class BFloat16(Precision):
    """8 bits of mantissa, float32's exponent: products are summed in float32, and each sum is rounded once.

    A cast to the type that an array already has costs nothing. The gradient of a cast is the cast back.
    """

    name = "bfloat16"
    _dtype = np.dtype([("bfloat16", np.uint16)])  # MXNet's

    def narrow(self, F: Operators, x: NDArray) -> NDArray:
        """Round to bfloat16, to the nearest, ties to even."""
        return F.amp_cast(x, dtype=self._dtype)

    def widen(self, F: Operators, x: NDArray) -> NDArray:
        """Return float32."""
        return F.amp_cast(x, dtype="float32")


FLOAT32 = Precision()
PRECISIONS = {each.name: each for each in (FLOAT32, BFloat16())}
_current: ContextVar[Precision] = ContextVar("precision", default=FLOAT32)


@contextmanager
def computing_in(precision: str | Precision) -> Iterator[None]:
    """Make networks that are built in this block compute in a precision: one of `PRECISIONS`, or its name.

    Raises:
        UserError: The name is unknown.
    """
    if isinstance(precision, str):
        check_choice("precision", precision, PRECISIONS)
        precision = PRECISIONS[precision]
    token = _current.set(precision)
    try:
        yield
    finally:
        _current.reset(token)


def current_precision() -> Precision:
    """Return the precision of the innermost `computing_in` block; float32 outside."""
    return _current.get()
