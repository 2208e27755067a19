"""What is measured: works, each with its contenders, this package first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Iterator

from gluon_perceptual import workloads

from .harness import Contender

PHOTO_PARTS = 5  # a 12-megapixel photo takes minutes: each run does a fifth of its tiles


@dataclass(frozen=True)
class Work:
    """A row of the table: what is done, by whom, with how many useful operations, on how many cores (None: all).

    Work too long to repeat is done in `parts`, one a run; its seconds are those of all parts.
    """

    name: str
    contenders: list[Contender]
    flop: float | None = None
    cores: int | None = None
    parts: int | None = None


def _three(work: str, network: str, both_layouts: bool = True, **arguments: Any) -> list[Contender]:
    peers = [Contender("PyTorch, channels last", f"benchmarks.pytorch:{work}", {"name": network, **arguments})]
    if both_layouts:
        plain = {"name": network, **arguments, "channels_last": False}
        peers.append(Contender("PyTorch", f"benchmarks.pytorch:{work}", plain))
    return [Contender("ours", f"gluon_perceptual.workloads:{work}", {"network": network, **arguments}), *peers]


def training() -> Iterator[Work]:
    """Yield a training step of each network: batch 4, output 144×144, of style networks 256×256."""
    for network in workloads.NETWORKS:
        flop = workloads.training_flop(network)
        yield Work(f"train {network}", _three("training_step", network), flop)


def inference() -> Iterator[Work]:
    """Yield the pass of each network over a picture of 256×256."""
    for network in workloads.NETWORKS:
        yield Work(f"infer {network} 256²", _three("inference", network), workloads.inference_flop(network))


def sizes() -> Iterator[Work]:
    """Yield the ×2 network's pass over pictures of many sizes, large ones in tiles."""
    for size in (64, 128, 256, 512):
        contenders = _three("inference", "sr2", both_layouts=False, size=size)
        yield Work(f"infer sr2 {size}²", contenders, workloads.inference_flop("sr2", size))
    for size in (1024, 2048):
        yield _photo(f"infer sr2 {size}², tiles", size, size)


def batches() -> Iterator[Work]:
    """Yield the ×2 network's training step with batches of 1 to 16."""
    for batch in (1, 2, 4, 8, 16):
        contenders = _three("training_step", "sr2", both_layouts=False, batch=batch)
        yield Work(f"train sr2, batch {batch}", contenders, workloads.training_flop("sr2", batch=batch))


def cores() -> Iterator[Work]:
    """Yield training step and pass of the ×2 network on one core and on two."""
    for number in (1, 2):
        for work, flop in (("training_step", workloads.training_flop), ("inference", workloads.inference_flop)):
            name = f"{'train' if work == 'training_step' else 'infer'} sr2, {number} core{'s' * (number > 1)}"
            yield Work(name, _three(work, "sr2", both_layouts=False), flop("sr2"), number)


def photo() -> Iterator[Work]:
    """Yield the enlargement of a 12-megapixel photo."""
    yield _photo("photo of 12 megapixels ×2, tiles", 3000, 4000)


def _photo(name: str, height: int, width: int) -> Work:
    halo, tile = workloads.build("sr2").halo, _automatic_tile("sr2")
    arguments = {"name": "sr2", "height": height, "width": width, "parts": PHOTO_PARTS, "tile": tile, "halo": halo}
    contenders = [
        Contender("ours", "benchmarks.photo:photo", arguments),
        Contender("PyTorch, channels last", "benchmarks.pytorch:photo", arguments),
    ]
    return Work(name, contenders, parts=PHOTO_PARTS)


def _automatic_tile(network: str) -> int:
    from gluon_perceptual.inference import Upscaler

    return Upscaler(workloads.build(network)).tile


def histograms() -> Iterator[Work]:
    """Yield histogram matching of 12-megapixel RGB pictures."""
    for dtype in ("uint8", "uint16"):
        contenders = [
            Contender(name, f"benchmarks.histograms:{function}", {"dtype": dtype})
            for name, function in (
                ("ours", "ours"),
                ("scikit-image", "scikit_image"),
                ("rio-hist's formula", "rio_hist_formula"),
            )
        ]
        yield Work(f"histogram 12 MP {dtype}", contenders)


def reading() -> Iterator[Work]:
    """Yield the reading of parameters, 20 times; of tiny files the calls of Python per array are what takes time."""
    functions = {"ours": "ours", "MXNet": "mxnet", "bytes alone": "bytes_alone"}
    files = {"vgg": "half of VGG16", "blog": "47 arrays, 1.5 MB", "few": "6 arrays, 32 kB", "tiny": "70 arrays, 12 kB"}
    for file, name in files.items():
        contenders = [Contender(who, f"benchmarks.reading:{what}", {"file": file}) for who, what in functions.items()]
        yield Work(f"read {name}", contenders)


SUITES: dict[str, Callable[[], Iterator[Work]]] = {
    "training": training,
    "inference": inference,
    "sizes": sizes,
    "batches": batches,
    "cores": cores,
    "photo": photo,
    "histograms": histograms,
    "reading": reading,
}
