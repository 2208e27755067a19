"""What a kind of training makes of its settings: data, loss, network; `run.Run` trains it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Callable, Iterator, Sequence

from .._mxnet import NDArray, check_bfloat16, mx, start_amp
from ..checkpoint.spec import ModelSpec
from ..data.batches import Pairs
from ..data.photos import readable_photos
from ..errors import UserError
from ..image.files import PictureFile
from ..losses.perceptual import PerceptualLoss, Targets
from ..nets.precision import computing_in
from .config import TrainingConfig


@dataclass(frozen=True)
class Task:
    """What is trained, on which data, to minimize what.

    Args:
        config: The settings that the rest is made from.
        photos: The photos to train on.
        held_out: The photos to measure on.
        unreadable: Photos found unusable so far, by name, and why.
        pairs: Pairs to train on, such as `data.patches.PatchDataset`.
        validation_pairs: Pairs of the held-out photos.
        spec: The network.
        loss: What is minimized.
        targets: From a batch of references, (N, 3, H, W) in [0, 255] as NDArray, to the loss's targets.
        validation_targets: Likewise, for references of `validation_pairs`.
        measure: Function (outputs, references) -> measures that validation logs besides the loss.
        noise: Amplitude, in gray levels, of the stability loss's uniform noise on inputs; 0: no stability loss.
        natural_clipping: Share of clipped pixels in what the output should look like; 1: unknown.
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
    measure: Callable[[NDArray, NDArray], dict[str, float]] = lambda outputs, references: {}
    noise: float = 0.0
    natural_clipping: float = 1.0


@contextmanager
def computing_as(config: TrainingConfig) -> Iterator[None]:
    """Make networks that are built in this block compute in the run's precision and start from the seed's weights.

    Raises:
        UserError: The devices do not support it.
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
    """Return the candidates of at least `side` pixels, or the first such photo; and what is wrong with the rest.

    Raises:
        UserError: There is no such photo.
    """
    unreadable: dict[str, str] = {}
    good = list(readable_photos(candidates, side, unreadable))
    good = good or list(islice(readable_photos(photos, side, unreadable), 1))
    if not good:
        raise UserError(f"none of the {len(candidates)} photos to measure on can be used; see the log above")
    return good, unreadable
