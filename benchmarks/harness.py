"""Contenders measured in turns: one works while the others wait, so that disturbances affect all of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Sequence

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
REST = 0.3  # seconds after a run, while idle threads may still be spinning


@dataclass(frozen=True)
class Contender:
    """A name, and the function of `benchmarks.worker` that prepares its work."""

    name: str
    target: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """Seconds of each run, and the process' peak memory in bytes."""

    name: str
    seconds: list[float]
    peak_memory: float

    @property
    def median(self) -> float:
        """Seconds."""
        return float(np.median(self.seconds))


class Process:
    """A contender's process, ready to work; ended on leaving the `with` block."""

    def __init__(self, contender: Contender, cores: int) -> None:
        command = [sys.executable, "-m", "benchmarks.worker", contender.target, json.dumps(contender.arguments)]
        environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
        self._name = f"{contender.name} ({contender.target})"
        self._process = subprocess.Popen(
            [*command, str(cores)], cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Process:
        try:
            self._answer()
        except RuntimeError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: Any) -> None:
        self._process.kill()
        self._process.communicate()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if not line:
            raise RuntimeError(f"{self._name} ended: see its message above")
        return line

    def run(self) -> float:
        """Do the work once; return its seconds."""
        assert self._process.stdin is not None
        print(file=self._process.stdin, flush=True)
        seconds = float(self._answer())
        time.sleep(REST)
        return seconds

    def finish(self) -> float:
        """End the process; return its peak memory in bytes."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.stdin = None
        return float(self._answer())


def measure(contenders: Sequence[Contender], runs: int, cores: int | None = None) -> list[Result]:
    """Run each contender `runs` times, in turns.

    Raises:
        RuntimeError: A contender's process failed.
    """
    cores = cores or len(os.sched_getaffinity(0))
    with ExitStack() as stack:
        processes = [stack.enter_context(Process(contender, cores)) for contender in contenders]
        seconds = [[process.run() for process in processes] for _ in range(runs)]
        peaks = [process.finish() for process in processes]
    return [Result(c.name, list(times), peak) for c, times, peak in zip(contenders, zip(*seconds), peaks)]
