"""The other end of `process.SymbolProcess`."""

from __future__ import annotations

import json
import logging
import os
import signal
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from .._mxnet import mx, mxnet_errors
from ..checkpoint.export import export_onnx
from ..errors import MissingDependencyError, UserError
from ..files import Json
from .files import describe
from .loading import load_here
from .model import SymbolModel


def serve(descriptor: int) -> None:
    """Do what is asked for over a socket until its other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the other process decides when to end
    connection = Connection(descriptor)
    model: Any = None
    try:
        while True:
            what, values = json.loads(connection.recv_bytes())
            given = connection.recv_bytes() if what == "run" else b""
            made: np.ndarray | None = None
            answer: dict[str, Json] = {}
            try:
                if what == "load":
                    model, answer = _load(**values)
                elif what == "run":
                    made = _run(model, np.frombuffer(given, np.float32).reshape(values["shape"]))
                else:
                    export_onnx(Path(values["path"]), model, describe(model.options), values["pictures"])
            except (UserError, OSError, MemoryError) as error:
                connection.send_bytes(json.dumps(_as_json(error)).encode())
                continue
            connection.send_bytes(json.dumps([None, answer]).encode())
            if made is not None:
                connection.send_bytes(made.data.cast("B"))
    except (EOFError, ConnectionError):
        os._exit(0)  # MXNet's own shutdown takes a second


def _as_json(error: Exception) -> list[Json]:
    """Return an error in a form that `process.ERRORS` knows."""
    if isinstance(error, MemoryError):
        return ["memory", []]
    if isinstance(error, OSError) and not isinstance(error, UserError):
        return ["os", [error.errno, error.strerror, error.filename and str(error.filename)]]
    return ["dependency" if isinstance(error, MissingDependencyError) else "user", [str(error)]]


def _load(path: str, device: list[Json], scale: int | None) -> tuple[SymbolModel, dict[str, Json]]:
    notes: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: notes.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("gluon_perceptual").addHandler(handler)
    logging.getLogger("gluon_perceptual").setLevel(logging.INFO)
    try:
        model = load_here(path, mx.Context(*device), scale)
    except (UserError, OSError, MemoryError):
        raise
    except Exception as error:  # an untrusted file can cause any error
        raise UserError(f"{path}: it cannot be run ({error!r})") from error
    model.hybridize()
    found = {"options": describe(model.options), "scale": model.scale, "halo": model.halo, "notes": notes}
    return model, found


def _run(model: SymbolModel, array: np.ndarray) -> np.ndarray:
    with mxnet_errors("if memory ran out, use a smaller `tile`"):
        made = model(mx.nd.array(array, ctx=model.mean.list_ctx()[0]))
        return np.ascontiguousarray(made.asnumpy(), np.float32)
