"""A symbol in a separate process: if MXNet crashes there, that becomes an error here.

The two talk over a socket, in JSON and the bytes of arrays, so that nothing from the other process can run here.
"""

from __future__ import annotations

import json
import logging
import signal
import socket
import subprocess
import sys
import threading
import weakref
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from .._mxnet import Context, NDArray, mx
from ..errors import MissingDependencyError, UserError
from ..files import Json, check_target, input_file
from .files import parameters_path, parse_options, read_options
from .options import SymbolOptions

log = logging.getLogger(__name__)

START = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); "
    "from gluon_perceptual.symbols.worker import serve; serve(int(sys.argv[2]))"
)
LONGEST = 120  # seconds to load a model and to probe it; the largest in use take about 40
ERRORS = {"user": UserError, "dependency": MissingDependencyError, "os": OSError, "memory": MemoryError}


def load_symbol(path: str | Path, ctx: Context | None = None, scale: int | None = None) -> SymbolProcess:
    """Return the model with the symbol in `path`, see `loading.load_here`, running in a separate process.

    Raises:
        UserError: The files are damaged, do not match, or are not an image-to-image network; or MXNet crashed.
        OSError: They cannot be read.
    """
    input_file(path).open().close()  # says why it cannot be read
    input_file(parameters_path(Path(path)))
    read_options(Path(path))  # errors in these are found without a process
    return SymbolProcess(Path(path), ctx or mx.cpu(), scale)


class SymbolProcess:
    """(N, 3, H, W) float32 RGB in [0, 255] -> (N, 3, scale·H, scale·W), not clipped, computed in another process.

    Args:
        path: `X-symbol.json`.
        ctx: Device.
        scale: How many times to enlarge, or None.
    """

    def __init__(self, path: Path, ctx: Context, scale: int | None = None) -> None:
        self.path, self.ctx = path, ctx
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = start_worker(theirs)
        self._connection = Connection(ours.detach())
        self._lock = threading.Lock()
        self._end = weakref.finalize(self, _end, self._process, self._connection)
        device = [ctx.device_type, ctx.device_id]
        found = self.ask("load", {"path": str(path), "device": device, "scale": scale}, patience=LONGEST)
        self.options: SymbolOptions = parse_options(found["options"])
        self.scale, self.halo = int(found["scale"]), int(found["halo"])
        for note in found["notes"]:
            log.info("%s", note)

    def __call__(self, x: NDArray) -> NDArray:
        """Run the model on an MXNet array."""
        count, channels, height, width = x.shape
        shape = (count, channels, self.scale * height, self.scale * width)
        values = x.asnumpy()
        with self._lock:
            self._send("run", {"shape": x.shape}, values)
            self._receive()
            made = np.frombuffer(self._receive_bytes(), np.float32)
        if made.size != np.prod(shape):
            raise UserError(f"{self.path}: it returned {made.size} values; expected shape {shape}")
        return mx.nd.array(made.reshape(shape), ctx=self.ctx)

    def export_onnx(self, path: Path, pictures: bool = False) -> None:
        """Write the model as `checkpoint.export.export_onnx` does; raises as it does."""
        self.ask("export", {"path": str(check_target(path)), "pictures": pictures})  # the process knows no inputs

    def ask(self, what: str, values: dict[str, Json], patience: float | None = None) -> dict[str, Json]:
        """Send the process a request, and return its answer.

        Raises:
            UserError: It failed, has ended, or takes longer than `patience`, in seconds.
        """
        with self._lock:
            self._send(what, values)
            if patience is not None and not self._connection.poll(patience):
                self._end()
                raise UserError(f"{self.path}: loading took over {patience} s; expected an image-to-image network")
            return self._receive()

    def _send(self, what: str, values: dict[str, Json], array: np.ndarray | None = None) -> None:
        try:
            self._connection.send_bytes(json.dumps([what, values]).encode())
            if array is not None:
                self._connection.send_bytes(np.ascontiguousarray(array, np.float32).data.cast("B"))
        except OSError as error:
            raise self._ended() from error

    def _receive(self) -> dict[str, Json]:
        kind, values = json.loads(self._receive_bytes())
        if kind in ERRORS:
            raise ERRORS[kind](*values)
        return values

    def _receive_bytes(self) -> bytes:
        try:
            return self._connection.recv_bytes()
        except (EOFError, OSError) as error:
            raise self._ended() from error

    def _ended(self) -> UserError:
        self._end()
        status = self._process.returncode
        how = f" ({signal.Signals(-status).name})" if status and status < 0 else ""
        return UserError(f"{self.path}: MXNet ended while running it{how}")


def start_worker(end: socket.socket) -> subprocess.Popen[bytes]:
    """Start a process that answers at the other end of this socket."""
    command = [sys.executable, "-I", "-c", START, json.dumps(sys.path), str(end.fileno())]
    nowhere = subprocess.DEVNULL
    return subprocess.Popen(command, pass_fds=[end.fileno()], stdin=nowhere, stdout=nowhere, stderr=nowhere)


def _end(process: subprocess.Popen[bytes], connection: Connection) -> None:
    """End the process, which only waits for the connection."""
    connection.close()
    try:
        process.wait(1)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
