"""A contender in a process of its own: makes its work ready, does it whenever it is told to, and says how long it took.

Run as `python -m benchmarks.worker MODULE:FUNCTION ARGUMENTS_AS_JSON CORES`. FUNCTION returns a function that does the
work once. Each line on stdin is a run, answered by its seconds on stdout; at the end comes the peak memory in bytes.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from importlib import import_module

WARM_UPS = 4


def main(target: str, arguments: str, cores: str) -> None:
    """Serve runs until stdin ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever libraries print goes to stderr
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(cores)])  # before any library counts them
    module, _, function = target.partition(":")
    work = getattr(import_module(module), function)(**json.loads(arguments))
    for _ in range(getattr(work, "warm_ups", WARM_UPS)):
        work()
    print("ready", file=answers)
    for _ in sys.stdin:
        start = time.perf_counter()
        work()
        print(time.perf_counter() - start, file=answers)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, file=answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
