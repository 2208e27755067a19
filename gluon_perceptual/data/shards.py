"""The blog's training files: `trainx_<i>.params` and `trainy_<i>.params`, each a list with one float32 array.

trainx contains low-resolution patches (N, 3, h, w) RGB in [0, 1]; trainy contains the relu2_2 activations of the true
patches (N, 128, H/2, W/2), as in the blog, or the true patches themselves (N, 3, H, W) in [0, 1].
"""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path
from typing import Callable, Iterator

import numpy as np

from .._mxnet import Block, mx
from ..errors import UserError
from ..files import Json, input_file, parse_json
from ..formats.mxnet_params import Pieces, read_params, write_params
from ..image.resize import check_degradation
from .batches import Pairs
from .sampler import shuffled_rounds

STRIDE, FEATURES = 2, 128  # relu2_2's stride in pixels, and its number of channels
BATCH = 8  # pairs to compute at a time
_NAME = re.compile(r"trainx_(\d+)\.params$")


class ShardDataset:
    """Endless pairs from shards, in an order shuffled anew for each round, reproducible like `patches.PatchDataset`.

    `shards[k]` is (low, reference): float32 (3, h, w) in [0, 255], and either activations (128, H/2, W/2) or a patch
    (3, H, W) in [0, 255], see `holds_features`. `patch` is the smaller of H and W. The files are memory-mapped: only
    what is used is read.

    Raises:
        UserError: There are no shards in `folder`, or they do not belong together.
    """

    def __init__(self, folder: Path, seed: int = 0) -> None:
        numbers = sorted(int(match[1]) for path in folder.glob("trainx_*.params") if (match := _NAME.match(path.name)))
        if not numbers:
            raise UserError(f"{folder}: no trainx_0.params, trainy_0.params, … in it; see prepare_data")
        pairs = [(_only_array(folder, "x", i), _only_array(folder, "y", i)) for i in numbers]
        self._inputs, self._references = ([pair[side] for pair in pairs] for side in (0, 1))
        self._check(folder)
        self.holds_features = self._references[0].shape[1] != 3
        factor = STRIDE if self.holds_features else 1
        self.patch = factor * min(self._references[0].shape[2:])
        self.scale = factor * self._references[0].shape[2] / self._inputs[0].shape[2]
        self.loss_network = describe_shards(folder)["loss_network"]
        self._ends = np.cumsum([len(array) for array in self._inputs])
        self.skipped: dict[str, str] = {}  # see `batches.Pairs`; shards have no photos
        self._order = shuffled_rounds(seed, len(self))

    def _check(self, folder: Path) -> None:
        for x, y in zip(self._inputs, self._references):
            alike = x.shape[1:] == self._inputs[0].shape[1:] and y.shape[1:] == self._references[0].shape[1:]
            right = x.ndim == y.ndim == 4 and x.shape[1] == 3 and y.shape[1] in (3, FEATURES) and x.size and y.size
            if not right or len(x) != len(y) or not alike:
                raise UserError(
                    f"{folder}: arrays of {x.shape} and {y.shape}; expected (N, 3, h, w) and as many references of 3 "
                    f"or {FEATURES} channels, all like the first shard's"
                )

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        round_number, position = divmod(k, len(self))
        index = self._order(round_number)[position]
        shard = int(np.searchsorted(self._ends, index, side="right"))
        row = index - self._ends[shard]  # counted from the shard's end
        low, reference = self._inputs[shard][row], self._references[shard][row]
        return low * np.float32(255), np.array(reference) if self.holds_features else reference * np.float32(255)


def describe_shards(folder: Path) -> dict[str, Json]:
    """Return how shards were made, from `shards.json`: `sigma`, `degradation`, and `loss_network`.

    `loss_network` identifies the network that computed the features; None for patches, or if it is unknown. The blog's
    own shards lack that file; their photos were blurred by 1 pixel and decimated.

    Raises:
        UserError: The file is not a description of shards.
    """
    path = folder / "shards.json"
    if not path.exists():
        return {"sigma": 1.0, "degradation": "decimate", "loss_network": None}
    try:
        found = parse_json(input_file(path).read_bytes())
        network = found["loss_network"]
        origin = {name: str(network[name]) for name in ("weights", "sha256")} if network else None
        sigma, degradation = float(found["sigma"]), str(found["degradation"])
        check_degradation(sigma, degradation)
        return {"sigma": sigma, "degradation": degradation, "loss_network": origin}
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise UserError(f"{path}: not a description of shards ({error!r})") from error


def _only_array(folder: Path, side: str, number: int) -> np.ndarray:
    path = folder / f"train{side}_{number}.params"
    arrays = list(read_params(path).values())
    if len(arrays) != 1 or arrays[0].dtype != np.float32:
        raise UserError(f"{path}: expected a list of one float32 array, as the blog's code writes it")
    return arrays[0]


def write_shards(
    pairs: Pairs,
    count: int,
    folder: Path,
    shard_size: int = 1000,
    loss_network: Block | None = None,
    progress: Callable[[int], object] = lambda pairs: None,
) -> None:
    """Write the first `count` of `pairs` as shards.

    Memory holds one shard's inputs (60 MB for 1000 of 72×72) and a batch: the references, usually far larger, are
    written as they are computed.

    Args:
        pairs: A `patches.PatchDataset`, or another such dataset.
        count: Number of pairs.
        folder: An existing folder.
        shard_size: Pairs in a file (blog: 1000).
        loss_network: Block whose first output is written as the reference; None: the patches themselves.
        progress: Called with the number of pairs done since the last call.
    """
    for number, first in enumerate(range(0, count, shard_size)):
        size = min(shard_size, count - first)
        inputs: list[np.ndarray] = []
        references = _references(pairs, range(first, first + size), inputs, loss_network, progress)
        sample = next(references)
        pieces = Pieces((size, *sample.shape[1:]), np.dtype(np.float32), chain([sample], references))
        write_params(folder / f"trainy_{number}.params", [pieces])
        pieces = Pieces((size, *inputs[0].shape), np.dtype(np.float32), inputs)
        write_params(folder / f"trainx_{number}.params", [pieces])


def _references(
    pairs: Pairs, numbers: range, inputs: list[np.ndarray], loss_network: Block, progress: Callable[[int], object]
) -> Iterator[np.ndarray]:
    """Yield the references in batches, and append the inputs to `inputs`."""
    for start in range(0, len(numbers), BATCH):
        lows, highs = zip(*(pairs[k] for k in numbers[start : start + BATCH]))
        inputs.extend(low.astype(np.float32) / np.float32(255) for low in lows)
        patches = np.stack(highs).astype(np.float32)
        if loss_network is None:
            yield patches / np.float32(255)
        else:
            yield loss_network(mx.nd.array(patches))[0].asnumpy()
        progress(len(patches))
