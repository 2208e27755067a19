"""The works to measure, each with its contenders, this package first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Iterator, Sequence

from gluon_perceptual.timing import operations, workloads

from .harness import Contender

OURS_FLOAT32 = "ours, float32"  # for comparison with ours in bfloat16; not a peer
PHOTO_PARTS = 5  # a 12-megapixel photo takes minutes: each run does a fifth of its tiles


@dataclass(frozen=True)
class Work:
    """A row of the table: what is done, by which contenders, with how many useful operations, and cores (None: all).

    Work that is too long to repeat is done in `parts`, one in each run; its seconds are those of all parts.
    """

    name: str
    contenders: list[Contender]
    flop: float | None = None
    cores: int | None = None
    parts: int | None = None


def _contenders(
    work: str, network: str, precision: str, both_layouts: bool = True, **arguments: Any
) -> list[Contender]:
    """Return ours and PyTorch's; in bfloat16, also ours in float32."""
    plain = {"network": network, **arguments}
    given = {**plain, "precision": precision}
    ours, theirs = f"gluon_perceptual.timing.workloads:{work}", f"benchmarks.pytorch:{work}"
    contenders = [Contender("ours", ours, given), Contender("PyTorch, channels last", theirs, given)]
    if precision != "float32":
        contenders.append(Contender(OURS_FLOAT32, ours, plain))
    elif both_layouts:  # in the other layout, bfloat16 is slower
        contenders.append(Contender("PyTorch", theirs, {**given, "channels_last": False}))
    return contenders


def _named(name: str, precision: str) -> str:
    return name if precision == "float32" else f"{name}, {precision}"


def training(precision: str) -> Iterator[Work]:
    """Yield a training step of each network: batch 4, output 144×144, or 256×256 for style networks."""
    for network in workloads.NETWORKS:
        flop = operations.training_flop(network)
        yield Work(_named(f"train {network}", precision), _contenders("training_step", network, precision), flop)


def inference(precision: str) -> Iterator[Work]:
    """Yield the inference of each network on a picture of 256×256."""
    for network in workloads.NETWORKS:
        name = _named(f"infer {network} 256²", precision)
        yield Work(name, _contenders("inference", network, precision), operations.inference_flop(network))


def runtimes(precision: str) -> Iterator[Work]:
    """Yield the same against runtimes that compile a network first: torch.compile, ONNX Runtime and OpenVINO."""
    for network in workloads.NETWORKS:
        given = {"network": network, "precision": precision}
        contenders = [
            Contender("ours", "gluon_perceptual.timing.workloads:inference", given),
            Contender("torch.compile", "benchmarks.pytorch:inference", {**given, "compiled": True}),
            Contender("ONNX Runtime", "benchmarks.runtimes:onnx_runtime", {"network": network}),
            Contender("OpenVINO", "benchmarks.runtimes:openvino", given),
        ]
        flop = operations.inference_flop(network)
        yield Work(_named(f"infer {network} 256², compiled", precision), contenders, flop)


def sizes(precision: str) -> Iterator[Work]:
    """Yield the ×2 network's inference on pictures of many sizes, large ones in tiles."""
    for size in (64, 128, 256, 512):
        contenders = _contenders("inference", "sr2", precision, both_layouts=False, size=size)
        yield Work(_named(f"infer sr2 {size}²", precision), contenders, operations.inference_flop("sr2", size))
    for size in (1024, 2048):
        yield _photo(f"infer sr2 {size}², tiles", size, size, precision)


def batches(precision: str) -> Iterator[Work]:
    """Yield the ×2 network's training step with batches of 1 to 16."""
    for batch in (1, 2, 4, 8, 16):
        contenders = _contenders("training_step", "sr2", precision, both_layouts=False, batch=batch)
        name = _named(f"train sr2, batch {batch}", precision)
        yield Work(name, contenders, operations.training_flop("sr2", batch=batch))


def cores(precision: str) -> Iterator[Work]:
    """Yield training step and inference of the ×2 network on one core and on two."""
    for number in (1, 2):
        for work, flop in (("training_step", operations.training_flop), ("inference", operations.inference_flop)):
            name = f"{'train' if work == 'training_step' else 'infer'} sr2, {number} core{'s' * (number > 1)}"
            contenders = _contenders(work, "sr2", precision, both_layouts=False)
            yield Work(_named(name, precision), contenders, flop("sr2"), number)


def photo(precision: str) -> Iterator[Work]:
    """Yield the enlargement of a 12-megapixel photo."""
    yield _photo("photo of 12 megapixels ×2, tiles", 3000, 4000, precision)


def _photo(name: str, height: int, width: int, precision: str) -> Work:
    from gluon_perceptual.inference import Upscaler

    model = workloads.build("sr2")
    plain = {"network": "sr2", "height": height, "width": width, "parts": PHOTO_PARTS}
    given = {**plain, "precision": precision}
    tiles = {"tile": Upscaler(model).tile, "halo": model.halo}
    contenders = [
        Contender("ours", "benchmarks.photo:photo", given),
        Contender("PyTorch, channels last", "benchmarks.pytorch:photo", {**given, **tiles}),
    ]
    if precision != "float32":
        contenders.append(Contender(OURS_FLOAT32, "benchmarks.photo:photo", plain))
    return Work(_named(name, precision), contenders, parts=PHOTO_PARTS)


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
    """Yield the reading of parameters, 20 times; for tiny files, Python's calls per array take most of the time."""
    functions = {"ours": "ours", "MXNet": "mxnet", "bytes alone": "bytes_alone"}
    files = {"vgg": "half of VGG16", "blog": "47 arrays, 1.5 MB", "few": "6 arrays, 32 kB", "tiny": "70 arrays, 12 kB"}
    for file, name in files.items():
        contenders = [Contender(who, f"benchmarks.reading:{what}", {"file": file}) for who, what in functions.items()]
        yield Work(f"read {name}", contenders)


IN_EACH_PRECISION: dict[str, Callable[[str], Iterator[Work]]] = {
    "training": training,
    "inference": inference,
    "runtimes": runtimes,
    "sizes": sizes,
    "batches": batches,
    "cores": cores,
    "photo": photo,
}
IN_NONE: dict[str, Callable[[], Iterator[Work]]] = {"histograms": histograms, "reading": reading}
SUITES = (*IN_EACH_PRECISION, *IN_NONE)


def works(suite: str, precisions: Sequence[str]) -> Iterator[Work]:
    """Yield the works of one of `SUITES`; those with networks in each precision."""
    if suite in IN_NONE:
        yield from IN_NONE[suite]()
    else:
        for precision in precisions:
            yield from IN_EACH_PRECISION[suite](precision)
