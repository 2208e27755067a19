"""Our own exported models in the runtimes that users would choose: ONNX Runtime and OpenVINO."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Callable

import numpy as np

from gluon_perceptual.checkpoint.export import export_onnx
from gluon_perceptual.timing import workloads


def _exported(network: str, folder: str) -> Path:
    path = Path(folder, "model.onnx")
    export_onnx(path, workloads.build(network), workloads.NETWORKS[network])
    return path


def _picture() -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, (1, 3, 256, 256)).astype(np.float32)


def onnx_runtime(network: str) -> Callable[[], object]:
    """As `gluon_perceptual.timing.workloads.inference`, in float32: its CPU kernels have no bfloat16."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        session = onnxruntime.InferenceSession(
            str(_exported(network, folder)), options, providers=["CPUExecutionProvider"]
        )
    x = _picture()
    return lambda: session.run(None, {"input": x})


def openvino(network: str, precision: str) -> Callable[[], object]:
    """As `gluon_perceptual.timing.workloads.inference`, for pictures of one size."""
    from openvino import Core

    core, x = Core(), _picture()
    with tempfile.TemporaryDirectory() as folder:
        model = core.read_model(str(_exported(network, folder)))
    model.reshape({"input": x.shape})
    hint = {"float32": "f32", "bfloat16": "bf16"}[precision]
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": hint})
    return lambda: compiled([x])
