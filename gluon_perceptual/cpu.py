"""What this processor does in bfloat16, how oneDNN is brought to use it, and how much memory is left.

The loaded MXNet 1.9.1 has oneDNN 2.4, whose kernels for AMX, the matrix unit of Intel's processors since 2023, run only
where the environment asks for them and Linux lets the process have the unit's registers.
"""

from __future__ import annotations

import ctypes
import os
import platform
import re
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Iterator

NONE, BFLOAT16, AMX = "float32", "bfloat16", "bfloat16 with AMX"  # what `bfloat16_support` answers

_VARIABLE = "DNNL_MAX_CPU_ISA"
_AMX_ISA = "AVX512_CORE_AMX"
_ALLOWING = {"AVX512_CORE_BF16": BFLOAT16, _AMX_ISA: AMX, "ALL": AMX}  # values of the variable
_ARCH_PRCTL, _REQUEST_REGISTERS, _TILE_DATA = 158, 0x1023, 18  # x86-64's system call; ARCH_REQ_XCOMP_PERM; AMX's tiles


def flags(path: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """Return the features that Linux names of this processor, such as "avx2"; none where it names none."""
    lines = _text_of(path).splitlines()
    return next((frozenset(line.partition(":")[2].split()) for line in lines if line.startswith("flags")), frozenset())


def free_memory(machine: Path = Path("/proc/meminfo"), container: Path = Path("/sys/fs/cgroup/memory.max")) -> int:
    """Return how many bytes this process may still take; 4 GiB where Linux does not say."""
    found = re.search(r"^MemAvailable: *(\d+) kB", _text_of(machine), re.MULTILINE)
    limit = _text_of(container).strip()
    return min(1024 * int(found[1]) if found else 4 << 30, int(limit) if limit.isdecimal() else 1 << 62)


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


@contextmanager
def amx_dispatched() -> Iterator[None]:
    """Have the oneDNN whose first primitive is made in this block use AMX, where processor and kernel have it.

    A limit that the user has set in DNNL_MAX_CPU_ISA stays. Processes started later do not get ours: they may not have
    asked for the registers.
    """
    if _VARIABLE in os.environ or hardware() != AMX:
        yield
        return
    os.environ[_VARIABLE] = _AMX_ISA
    try:
        yield
    finally:
        del os.environ[_VARIABLE]


def bfloat16_support() -> str:
    """Return what convolutions on this processor are good for: "float32", "bfloat16", or "bfloat16 with AMX".

    That is what the hardware has, less what DNNL_MAX_CPU_ISA forbids.
    """
    has, limit = hardware(), os.environ.get(_VARIABLE, "").upper()
    if has == NONE or not limit:
        return has
    allowed = _ALLOWING.get(limit, NONE)
    return has if allowed == AMX else allowed


@lru_cache(maxsize=None)
def hardware() -> str:
    """Return the same of the hardware alone; asks Linux for the registers of AMX on the way."""
    found = flags()
    if {"amx_tile", "amx_bf16"} <= found and _request_tiles():
        return AMX
    return BFLOAT16 if "avx512_bf16" in found else NONE


def _request_tiles() -> bool:
    """Ask for AMX's registers, for this process and its threads; an older kernel says no."""
    if platform.machine() != "x86_64":
        return False
    syscall = ctypes.CDLL(None, use_errno=True).syscall
    return int(syscall(_ARCH_PRCTL, _REQUEST_REGISTERS, _TILE_DATA)) == 0
