"""Models of several files, one of them damaged: symbols with parameters, checkpoints with sidecars."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import numpy as np

from gluon_perceptual.formats.mxnet_params import write_params

from .damage import Kind, damaged_json


def _symbol() -> list[bytes]:
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
    return [json.dumps(graph).encode()]


def _sidecar() -> list[bytes]:
    arguments = {"scale": 2, "width": 8, "blocks": 1, "norm": "none", "upsampling": "transposed", "skip": True}
    spec = {"network": "SuperResolutionNet", "arguments": arguments, "peak": 255.0, "mean": [0.0, 0.0, 0.0]}
    return [json.dumps(spec).encode()]


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


KINDS = {"symbol": Kind(_symbol, damaged_json, _read_symbol), "sidecar": Kind(_sidecar, damaged_json, _read_sidecar)}
