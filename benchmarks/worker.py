"""A contender in a separate process: prepares its work, does it on request, and reports how long it took.

Run as `python -m benchmarks.worker MODULE:FUNCTION ARGUMENTS_AS_JSON CORES`. FUNCTION returns a function that does the
work once. Each line on stdin asks for a run, answered by its seconds on stdout; the peak memory in bytes follows at the
end.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Callable

WARM_UPS = 2
WARM_UP_SECONDS = 8.0  # a new process speeds up over its first seconds


def main(target: str, arguments: str, cores: str) -> None:
    """Serve runs until stdin ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever libraries print goes to stderr
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(cores)])  # before any library counts them
    module, _, function = target.partition(":")
    work = getattr(import_module(module), function)(**json.loads(arguments))
    warm_up(work)
    print("ready", file=answers)
    for _ in sys.stdin:
        start = time.perf_counter()
        work()
        print(time.perf_counter() - start, file=answers)
    print(peak_memory(), file=answers)


def peak_memory(process: int | str = "self") -> int:
    """Return the peak memory of a process so far, in bytes (getrusage would include its parent's)."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])  # type: ignore[index]


def warm_up(work: Callable[[], object]) -> None:
    """Do the work a few times, unless it is `warm` already."""
    start = time.perf_counter()
    for number in count():
        if getattr(work, "warm", False) or (number >= WARM_UPS and time.perf_counter() - start > WARM_UP_SECONDS):
            return
        work()


if __name__ == "__main__":
    main(*sys.argv[1:])
