"""What a kind of training makes of its settings: data, loss, network. A `run.Run` trains it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Callable, Iterator, Sequence

from .._mxnet import NDArray, check_bfloat16, mx, start_amp
from ..checkpoint.model import ModelSpec
from ..data.batches import Pairs
from ..data.photos import readable_photos
from ..errors import UserError
from ..image.files import PictureFile
from ..losses.perceptual import PerceptualLoss, Targets
from ..nets.precision import computing_in
from .config import TrainingConfig


def no_measures(outputs: NDArray, references: NDArray) -> dict[str, float]:
    """Measure nothing beside the loss."""
    return {}


@dataclass(frozen=True)
class Task:
    """What is trained, on what, towards what.

    Args:
        config: The settings that all this is made of.
        photos: Those that are trained on.
        held_out: Those that are measured on.
        unreadable: Photos found unusable so far, by name, and why.
        pairs: (input, reference) by number, of NumPy arrays: `data.patches.PatchDataset` and the like.
        validation_pairs: Likewise, of the photos held out.
        spec: The network.
        loss: What is minimized.
        targets: From a batch of references, (N, 3, H, W) in [0, 255] as NDArray, to what the loss compares with.
        validation_targets: Likewise, for references of `validation_pairs`.
        measure: From outputs and references, likewise, to what validation says beside the loss.
        noise: Half the width, in gray levels, of the noise that the stability loss adds to inputs; 0: there is none.
        natural_clipping: Share of clipped pixels of what the output is to look like; 1: not known.
    """

    config: TrainingConfig
    photos: Sequence[PictureFile]
    held_out: list[PictureFile]
    unreadable: dict[str, str]
    pairs: Pairs
    validation_pairs: Pairs
    spec: ModelSpec
    loss: PerceptualLoss
    targets: Targets
    validation_targets: Targets
    measure: Callable[[NDArray, NDArray], dict[str, float]] = no_measures
    noise: float = 0.0
    natural_clipping: float = 1.0


@contextmanager
def computing_as(config: TrainingConfig) -> Iterator[None]:
    """Have networks that are built meanwhile compute in the run's precision, and begin with the seed's weights.

    Raises:
        UserError: The devices do not compute in it.
    """
    half = config.precision == "float16"
    if half:
        start_amp()
    elif config.precision == "bfloat16":
        check_bfloat16(on_cpu=not config.gpus)
    mx.random.seed(config.seed)
    with computing_in("float32" if half else config.precision):
        yield


def choose_held_out(
    candidates: Sequence[PictureFile], photos: Sequence[PictureFile], side: int
) -> tuple[list[PictureFile], dict[str, str]]:
    """Return the candidates of at least `side` pixels, or the first such photo; and what is wrong with the others.

    Raises:
        UserError: There is no such photo.
    """
    unreadable: dict[str, str] = {}
    good = list(readable_photos(candidates, side, unreadable))
    good = good or list(islice(readable_photos(photos, side, unreadable), 1))
    if not good:
        raise UserError(f"none of the {len(candidates)} photos to measure on can be used; see the log above")
    return good, unreadable
