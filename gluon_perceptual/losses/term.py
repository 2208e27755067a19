"""What all terms of a loss have in common; the terms themselves are in `terms`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Callable, ClassVar, Mapping

from ..choices import check_choice

if TYPE_CHECKING:
    from .._mxnet import NDArray, Operators


Kinds = Mapping[str, Callable[..., "NDArray"]]


@dataclass(frozen=True)
class Features:
    """Pictures (N, 3, H, W) and their feature maps by layer of the loss network, (N, C, h, w) each."""

    pictures: NDArray
    maps: Mapping[str, NDArray]


class Term:
    """What every term has.

    Attributes:
        name: Its name in logs.
        layer: The layer of the loss network that it uses, or "".
        needs_target: Whether it compares the output with a target.
        kinds: Functions to choose from, for terms with a `kind`.
    """

    name: str = ""
    layer: str = ""
    needs_target: ClassVar[bool] = True
    kinds: ClassVar[Kinds] = {}

    def __post_init__(self) -> None:
        """Raise UserError if there is no such kind."""
        kind = getattr(self, "kind", None)
        if kind is not None:
            check_choice("kind", kind, self.kinds)

    def target(self, F: Operators, reference: Features) -> NDArray:
        """Return what the output is compared with: by default the reference picture.

        None if it cannot be computed from the reference; the training then supplies it, see `training.run.Run.targets`.
        """
        return reference.pictures

    def value(self, F: Operators, output: Features, target: NDArray) -> NDArray:
        """Return the term for each picture of the output, (N,)."""
        raise TypeError(f"{type(self).__name__} has no value of its own")


@dataclass(frozen=True)
class LayerTerm(Term):
    """A term of one layer of the loss network, called for example "feature:relu2_2"."""

    layer: str = field()  # without a default, unlike the inherited one
    kind_of_term: ClassVar[str] = ""

    @property
    def name(self) -> str:  # type: ignore[override]
        """For example "feature:relu2_2"."""
        return f"{self.kind_of_term}:{self.layer}"
