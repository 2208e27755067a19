"""Files of parameters and symbols, damaged at random where they say something: `python -m benchmarks.fuzz KIND`.

Each case has to be read, or refused by one line; anything else is named and kept in `--out`. A case that ends the
process is there, too, as `current`.
"""

from __future__ import annotations

import io
import json
import resource
import struct
import tempfile
import time
import zipfile
from importlib import import_module
from pathlib import Path
from typing import Any, Callable

import click
import numpy as np

from gluon_perceptual.errors import UserError
from gluon_perceptual.formats.arrays import read_arrays
from gluon_perceptual.formats.mxnet_params import write_params

ARRAYS: dict[str, np.ndarray] = {
    "conv0_weight": np.ones((4, 3, 3, 3), np.float32),
    "arg:bias": np.zeros(4, np.float16),
    "steps": np.arange(3),
    "none": np.zeros((0, 3), np.uint8),
}
NUMBERS = (0, 1, 2, 3, 255, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1, 2**63, 2**64 - 1)
WORDS: tuple[Any, ...] = (
    0,
    -1,
    1,
    2,
    3,
    64,
    10**9,
    2**63,
    1e300,
    "",
    "nan",
    "(0,-1)",
    "(1,3,1,1)",
    "None",
    None,
    True,
    [],
    {},
    [[0, 0, 0]],
)
Make = Callable[[np.random.Generator], bytes]


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """Return bytes with some changed: one byte, a number put in their place, cut off, repeated."""
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 4))):
        place, how = int(rng.integers(len(data) or 1)), int(rng.integers(5))
        if how == 0:
            data[place : place + 1] = rng.bytes(1)
        elif how == 1:
            number = NUMBERS[int(rng.integers(len(NUMBERS)))]
            width, code = ((4, "<I"), (8, "<Q"))[int(rng.integers(2))]
            place -= place % 4
            data[place : place + width] = struct.pack(code, number % 2 ** (8 * width))
        elif how == 2:
            del data[place:]
        elif how == 3:
            data[place:place] = data[max(0, place - 32) : place]
        else:
            data[place : place + 1] = bytes([data[place] ^ 1 << int(rng.integers(8))]) if data else b""
    return bytes(data)


def changed(value: Any, rng: np.random.Generator) -> Any:
    """Return JSON with one value in it, at any depth, replaced, left out or repeated."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    if not keys or rng.random() < 0.1:
        return WORDS[int(rng.integers(len(WORDS)))]
    key, copy = keys[int(rng.integers(len(keys)))], value.copy()
    if rng.random() < 0.1:
        del copy[key]
    elif rng.random() < 0.1 and isinstance(copy, list):
        copy.insert(key, copy[key])
    else:
        copy[key] = changed(copy[key], rng)
    return copy


def _params() -> Make:
    with tempfile.NamedTemporaryFile() as file:
        write_params(file.name, ARRAYS)
        good = Path(file.name).read_bytes()
    return lambda rng: damaged(good, rng)


def _npz() -> Make:
    def make(rng: np.random.Generator) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, array in ARRAYS.items():
                member = io.BytesIO()
                np.save(member, array)
                content = member.getvalue()
                archive.writestr(f"{name}.npy", damaged(content, rng) if rng.random() < 0.3 else content)
        return buffer.getvalue()

    return make


def _torch(legacy: bool) -> Make:
    by_hand = import_module("tests.torch_files")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x"
        by_hand.write_torch(path, ARRAYS, legacy)
        good = path.read_bytes()
        pickled = b"" if legacy else zipfile.ZipFile(path).read("archive/data.pkl")[2:-1]
    storages = {str(k): array.tobytes() for k, array in enumerate(ARRAYS.values())}

    def make(rng: np.random.Generator) -> bytes:
        if legacy:
            return damaged(good, rng)
        buffer = io.BytesIO()
        by_hand.archive(buffer, damaged(pickled, rng), storages)
        return buffer.getvalue()

    return make


def _safetensors() -> Make:
    from safetensors.numpy import save

    good = save(ARRAYS)
    (length,) = struct.unpack("<Q", good[:8])
    header, rest = json.loads(good[8 : 8 + length]), good[8 + length :]

    def make(rng: np.random.Generator) -> bytes:
        if rng.random() < 0.5:
            return damaged(good, rng)
        text = json.dumps(changed(header, rng)).encode()
        return struct.pack("<Q", len(text)) + text + rest

    return make


def _keras() -> Make:
    h5py = import_module("h5py")
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for name, array in ARRAYS.items():
            file[f"layer/{name}"] = array
    return lambda rng: damaged(buffer.getvalue(), rng)


def _symbol() -> Make:
    names = ("w", "g", "b", "m", "v")
    layer = {"kernel": "(3, 3)", "pad": "(1, 1)", "num_filter": "3", "no_bias": "True"}
    graph = import_module("tests.graphs").chain(
        ("Convolution", layer, names[:1]),
        ("BatchNorm", {"eps": "0.001", "axis": "1"}, names[1:]),
        ("UpSampling", {"scale": "2", "sample_type": "nearest", "num_args": "1"}),
        ("Reshape", {"shape": "(0,0,-1,0)"}),
        ("Pooling", {"kernel": "(3, 3)", "pad": "(1, 1)", "pool_type": "max"}),
        ("transpose", {"axes": "(0,1,3,2)"}),
        ("clip", {"a_min": "0", "a_max": "255"}),
        variables=names,
    )

    def make(rng: np.random.Generator) -> bytes:
        found = graph
        for _ in range(int(rng.integers(1, 4))):
            found = changed(found, rng)
        return json.dumps(found).encode()

    return make


def _sidecar() -> Make:
    arguments = {"scale": 2, "width": 8, "blocks": 1, "norm": "none", "upsampling": "transposed", "skip": True}
    good = {"network": "SuperResolutionNet", "arguments": arguments, "peak": 255.0, "mean": [0.0, 0.0, 0.0]}
    return lambda rng: json.dumps(changed(good, rng)).encode()


def _read_symbol(path: Path) -> None:
    from gluon_perceptual.symbols.loading import load_here

    symbol = path.with_name("x-symbol.json")
    symbol.write_bytes(path.read_bytes())
    if not symbol.with_name("x-0000.params").exists():
        sizes = {"w": (3, 3, 3, 3), **dict.fromkeys("gbmv", (3,))}
        write_params(symbol.with_name("x-0000.params"), {k: np.ones(size, np.float32) for k, size in sizes.items()})
    load_here(symbol)


def _read_sidecar(path: Path) -> None:
    from gluon_perceptual.checkpoint.spec import read_spec

    path.with_name("x.json").write_bytes(path.read_bytes())
    read_spec(path.with_name("x.params"))


MAKERS: dict[str, Callable[[], Make]] = {
    "params": _params,
    "npz": _npz,
    "torch": lambda: _torch(legacy=False),
    "torch-legacy": lambda: _torch(legacy=True),
    "safetensors": _safetensors,
    "keras": _keras,
    "symbol": _symbol,
    "sidecar": _sidecar,
}
READERS: dict[str, Callable[[Path], Any]] = {"symbol": _read_symbol, "sidecar": _read_sidecar}


@click.command()
@click.argument("kind", type=click.Choice(list(MAKERS)))
@click.option("--cases", type=int, default=10_000, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True, help="Case k is made of the seed and k alone.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("fuzz"), show_default=True, help="For what is found."
)
@click.option("--memory", type=int, default=4, show_default=True, help="GiB that the process may take.")
def main(kind: str, cases: int, seed: int, out: Path, memory: int) -> None:
    """Read damaged files of KIND, and say how many were read, refused, and neither."""
    make, read = MAKERS[kind](), READERS.get(kind, read_arrays)
    out.mkdir(parents=True, exist_ok=True)
    current = out / "current"
    if kind not in READERS:  # MXNet's threads take more than they use
        resource.setrlimit(resource.RLIMIT_AS, (memory << 30, memory << 30))
    counts, slowest, start = {"read": 0, "refused": 0, "neither": 0}, 0.0, time.perf_counter()
    for number in range(cases):
        content = make(np.random.default_rng([seed, number]))
        current.write_bytes(content)
        begin = time.perf_counter()
        outcome = _outcome(read, current)
        slowest = max(slowest, time.perf_counter() - begin)
        if outcome not in counts:
            (out / f"{kind}-{seed}-{number}").write_bytes(content)
            click.echo(f"case {number}: {outcome}")
            outcome = "neither"
        counts[outcome] += 1
    current.unlink(missing_ok=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    took = time.perf_counter() - start
    said = ", ".join(f"{count:,} {outcome}" for outcome, count in counts.items())
    click.echo(f"{kind}: {cases:,} cases in {took:.0f} s: {said}; slowest {slowest:.2f} s, peak memory {peak:.0f} MB")
    raise SystemExit(counts["neither"] > 0)


def _outcome(read: Callable[[Path], Any], path: Path) -> str:
    """Return "read", "refused", or what else came of a file."""
    try:
        read(path)
    except UserError as error:
        return "refused" if len(str(error).splitlines()) == 1 else f"several lines: {error!r}"
    except Exception as error:
        return repr(error)[:300]
    return "read"


if __name__ == "__main__":
    main()
