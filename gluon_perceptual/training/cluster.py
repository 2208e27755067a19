"""Training in several processes with MXNet's parameter server, whose processes `dmlc_tracker` starts.

Servers and the scheduler do not use this module: in them `import mxnet` serves until the workers have left, then ends
the process. Workers call `join`. In every exchange each waits for the others, but never forever.
"""

from __future__ import annotations

import atexit
import os
import signal
import time
from contextlib import suppress
from typing import Callable, Mapping, Sequence, TypeVar

import numpy as np

from .._mxnet import KVStore, Trainer, mx, mxnet_errors
from .._mxnet.gluon import forget_kvstore, share_parameters
from ..choices import KVSTORES, check_choice
from ..cluster import check_variables, scheduler_answers
from ..errors import UserError
from ..signals import StopRequest
from .waiting import WorkerLostError, call_with_timeout, end_at_once

T = TypeVar("T")
PATIENCE = 300.0  # seconds
SELDOM = 5.0  # seconds between checks of the scheduler
NUMBERS_KEY = 1 << 20  # beyond those of parameters, which are their places in Gluon's Trainer
NUMBERS = 32  # that can be summed at once, in float32
EXACT = 1 << 20  # integers up to this are exact in it
FAILED = NUMBERS - 1  # index among them by which a failing worker tells the others


class Workers:
    """The processes that share a training, as seen from one of them; `Workers()` is a single process.

    As a context manager it reports an error in its body to the others, whose next exchange then fails, too.

    Args:
        kvstore: What sums the gradients: "local", "device", "nccl", or MXNet's distributed store.
        patience: Seconds to wait for the other workers.

    Attributes:
        rank: The number of this process; process 0 writes the run's folder.
        num_workers: The number of processes.
    """

    def __init__(self, kvstore: KVStore = "local", patience: float = PATIENCE) -> None:
        self.kvstore, self.patience = kvstore, patience
        self.alone = isinstance(kvstore, str)
        self._looked = time.monotonic()
        self.rank: int = 0 if self.alone else kvstore.rank
        self.num_workers: int = 1 if self.alone else kvstore.num_workers
        if not self.alone:
            self.wait(lambda: kvstore.init(NUMBERS_KEY, mx.nd.zeros(NUMBERS)))

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, WorkerLostError) and not self.alone:
            with suppress(WorkerLostError):
                self._exchange([0.0] * FAILED + [1.0])

    def wait(self, action: Callable[[], T]) -> T:
        """Return the result of `action`, an exchange with the other workers.

        Raises:
            WorkerLostError: It takes longer than `patience`.
        """
        return action() if self.alone else call_with_timeout(self.patience, action, self._has_scheduler)

    def _has_scheduler(self) -> bool:
        self._looked = time.monotonic()
        return scheduler_answers(os.environ)

    def add(self, numbers: Mapping[str, float]) -> dict[str, float]:
        """Return the sums of all workers' numbers, by name; up to 31, with the same names in all.

        Raises:
            WorkerLostError: Another worker does not answer, or has failed.
        """
        if self.alone:
            return dict(numbers)
        totals = self._exchange(list(numbers.values()))
        if totals[FAILED]:
            raise WorkerLostError("another worker has failed; its log has the reason")
        return dict(zip(numbers, map(float, totals)))

    def _exchange(self, numbers: Sequence[float]) -> np.ndarray:
        """Return the element-wise sums over all workers."""
        if time.monotonic() > self._looked + SELDOM and not self._has_scheduler():
            raise WorkerLostError("the cluster's scheduler has ended")  # otherwise noticed only when leaving
        mine, total = mx.nd.zeros(NUMBERS), mx.nd.zeros(NUMBERS)
        mine[: len(numbers)] = list(numbers)

        def exchange() -> np.ndarray:
            self.kvstore.push(NUMBERS_KEY, mine)
            self.kvstore.pull(NUMBERS_KEY, out=total)
            return total.asnumpy()

        return self.wait(exchange)

    def check_agreed(self, step: int) -> None:
        """Raise UserError if workers resume from different steps, WorkerLostError if one of them cannot start."""
        high, low = self.add(dict(zip(("high", "low"), (0, 0) if self.rank else divmod(step, EXACT)))).values()
        first = round(high) * EXACT + round(low)
        if self.add({"differs": step != first})["differs"]:
            raise UserError(
                f"worker {self.rank} is at step {step}, worker 0 at {first}: all need the same run's folder"
            )

    def share(self, trainer: Trainer) -> None:
        """Send the first worker's and first device's parameters to all, and return when they have arrived.

        Gluon's trainer does so in its first exchange of gradients: after the forward pass, whose running statistics
        would be lost, and without waiting, so that a worker that asks the server too late would receive gradients.

        Raises:
            WorkerLostError: Another worker does not answer.
        """

        def exchange() -> None:
            share_parameters(trainer)
            mx.nd.waitall()

        self.wait(exchange)

    def leave(self, trainer: Trainer) -> None:
        """Leave the cluster, all workers together; `trainer`, which uses its kvstore, cannot be used afterwards.

        Raises:
            WorkerLostError: Another worker does not answer.
        """
        if self.alone:
            return
        stores = [self.kvstore]
        forget_kvstore(trainer)
        self.kvstore = None
        self.wait(stores.clear)  # MXNet's store disconnects when its last reference goes
        atexit.unregister(end_at_once)
        self.alone = True


class SharedStop:
    """The `signals.StopRequest` of all workers: when one is to stop, all stop after the same step."""

    def __init__(self, stop: StopRequest, workers: Workers) -> None:
        self._stop, self._workers = stop, workers

    @property
    def requested(self) -> int:
        """The signal, or 0; must be read exactly once after each step."""
        if not self._workers.add({"stop": float(bool(self._stop.requested))})["stop"]:
            return 0  # even if a signal has arrived since the exchange
        self._stop.requested = self._stop.requested or signal.SIGTERM
        return int(self._stop.requested)


def join(kvstore: str | None, gpus: str | None = None, patience: float = PATIENCE) -> Workers:
    """Return the workers of a training, once all have joined.

    Args:
        kvstore: One of `KVSTORES`; None: "device" for GPUs, otherwise "local".
        gpus: See `_mxnet.devices`.
        patience: See `Workers`.

    Raises:
        UserError: The kvstore does not fit the process or its devices, or this MXNet lacks it.
        WorkerLostError: Another worker does not join.
    """
    kvstore = kvstore or ("device" if gpus else "local")
    _check(kvstore, gpus)
    if not kvstore.startswith("dist"):
        with mxnet_errors("use `kvstore` device"):
            mx.kv.create(kvstore)
        return Workers(kvstore)
    atexit.register(end_at_once)  # until they `leave`: closing the store would wait for all workers
    return Workers(call_with_timeout(patience, lambda: mx.kv.create(kvstore)), patience)


def _check(kvstore: str, gpus: str | None) -> None:
    role = os.environ.get("DMLC_ROLE")
    if kvstore == "dist_async":
        raise UserError(
            "`kvstore` dist_async: its servers keep the optimizer's state, which checkpoints lack, and its results "
            "are not reproducible; use dist_sync"
        )
    check_choice("kvstore", kvstore, KVSTORES)
    if kvstore == "nccl" and not gpus:
        raise UserError("`kvstore` nccl is for GPUs: give `gpus`, or leave it out")
    if not kvstore.startswith("dist"):
        if role == "worker":
            raise UserError(f"a worker of a cluster (DMLC_ROLE) needs `kvstore` dist_sync, not {kvstore}")
        return
    try:
        check_variables(os.environ)
    except UserError as error:
        raise UserError(f"`kvstore` {kvstore}: {error}") from error
