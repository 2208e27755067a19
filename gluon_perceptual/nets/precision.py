"""The precision in which convolutions compute: float32, or bfloat16 between float32 parameters and results.

A network computes in the precision of the `computing_in` block in which it is built:

    with computing_in("bfloat16"):
        net = SuperResolutionNet(2)

Its parameters and their gradients are float32 in both, so that checkpoints fit both. In a network that is built in
`computing_in(as_precision("bfloat16").for_inference())`, layers may take faster forms that have no gradient.
"""

from __future__ import annotations

import copy
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Iterator

import numpy as np

from ..choices import check_choice

if TYPE_CHECKING:
    from .._mxnet import NDArray, Operators


class Precision:
    """float32: arrays as they are, without any cast.

    Attributes:
        name: "float32" or "bfloat16".
        rounds: Whether `narrow` changes values.
        forward_only: Whether layers may take forms that have no gradient.
    """

    name = "float32"
    rounds = False
    forward_only = False

    def for_inference(self) -> Precision:
        """Return the same precision, with `forward_only`."""
        twin = copy.copy(self)
        twin.forward_only = True
        return twin

    def narrow(self, F: Operators, x: NDArray) -> NDArray:
        """Return `x` in the type that convolutions take."""
        return x

    def widen(self, F: Operators, x: NDArray) -> NDArray:
        """Return `x` as float32."""
        return x

    def convolution(self, F: Operators, *inputs: NDArray, **settings: Any) -> NDArray:
        """`F.Convolution` of data, weight and, unless `no_bias`, bias, in the type that convolutions take."""
        return F.Convolution(*(self.narrow(F, each) for each in inputs), **settings)

    def transposed_convolution(self, F: Operators, x: NDArray, weight: NDArray, **settings: Any) -> NDArray:
        """`F.Deconvolution` without bias; in float32 if it needs a gradient.

        The gradient crashes the process where the weight is computed, if only by a cast.
        """
        inputs = [self.narrow(F, each) for each in (x, weight)] if self.forward_only else [self.widen(F, x), weight]
        return F.Deconvolution(*inputs, **{**settings, "no_bias": True})

    def add(self, F: Operators, a: NDArray, b: NDArray) -> NDArray:
        """Add feature maps in the type that convolutions take; the sum is rounded to it.

        Outside of a graph, `+` would be MXNet's broadcast_add, which cuts bits off instead of rounding.
        """
        return F.elemwise_add(self.narrow(F, a), self.narrow(F, b))


class BFloat16(Precision):
    """8 bits of mantissa, float32's exponent: products are summed in float32, and each sum is rounded once.

    A cast to the type that an array already has costs nothing. The gradient of a cast is the cast back.
    """

    name = "bfloat16"
    rounds = True
    _dtype = np.dtype([("bfloat16", np.uint16)])  # MXNet's

    def narrow(self, F: Operators, x: NDArray) -> NDArray:
        """Round to bfloat16, to the nearest, ties to even."""
        return F.amp_cast(x, dtype=self._dtype)

    def widen(self, F: Operators, x: NDArray) -> NDArray:
        """Return float32."""
        return F.amp_cast(x, dtype="float32")


PRECISIONS = {each.name: each for each in (Precision(), BFloat16())}
_current: ContextVar[Precision] = ContextVar("precision", default=PRECISIONS["float32"])


def as_precision(precision: str | Precision) -> Precision:
    """Return the precision of this name, one of `PRECISIONS`; a `Precision` is returned unchanged.

    Raises:
        UserError: The name is unknown.
    """
    if isinstance(precision, Precision):
        return precision
    check_choice("precision", precision, PRECISIONS)
    return PRECISIONS[precision]


@contextmanager
def computing_in(precision: str | Precision) -> Iterator[None]:
    """Make networks that are built in this block compute in a precision, or that of this name; see `as_precision`."""
    token = _current.set(as_precision(precision))
    try:
        yield
    finally:
        _current.reset(token)


def current_precision() -> Precision:
    """Return the precision of the innermost `computing_in` block; float32 outside."""
    return _current.get()
