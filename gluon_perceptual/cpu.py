"""What this processor can do, how MXNet's libraries are made to use it, and how much memory is free.

MXNet 1.9.1 contains oneDNN 2.4, which uses AMX, the matrix unit of Intel's processors since 2023, for bfloat16 only if
an environment variable enables it and Linux grants the process the unit's registers; and an OpenBLAS that does not know
these processors, which needs a variable to use AVX2 on them.
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

NONE, BFLOAT16, AMX = "float32", "bfloat16", "bfloat16 with AMX"  # values of `bfloat16_support`

_VARIABLE = "DNNL_MAX_CPU_ISA"
_AMX_ISA = "AVX512_CORE_AMX"
_ALLOWING = {"AVX512_CORE_BF16": BFLOAT16, _AMX_ISA: AMX, "ALL": AMX}  # values of the variable
_ARCH_PRCTL, _REQUEST_REGISTERS, _TILE_DATA = 158, 0x1023, 18  # x86-64's system call; ARCH_REQ_XCOMP_PERM; AMX's tiles


def flags(path: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """Return the processor's features that Linux lists, such as "avx2"; none if it lists none."""
    return frozenset(_listed("flags", path).split())


def vendor(path: Path = Path("/proc/cpuinfo")) -> str:
    """Return the processor's maker as Linux names it, such as "GenuineIntel"; "" if it does not."""
    return _listed("vendor_id", path)


def _listed(name: str, path: Path) -> str:
    lines = _text_of(path).splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")


def free_memory(machine: Path = Path("/proc/meminfo"), container: Path = Path("/sys/fs/cgroup/memory.max")) -> int:
    """Return how many bytes of memory this process may still take; 4 GiB if Linux does not say."""
    found = re.search(r"^MemAvailable: *(\d+) kB", _text_of(machine), re.MULTILINE)
    limit = _text_of(container).strip()
    return min(1024 * int(found[1]) if found else 4 << 30, int(limit) if limit.isdecimal() else 1 << 62)


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


@contextmanager
def best_kernels() -> Iterator[None]:
    """Let the libraries that are loaded in this block use the best of their kernels that run on this processor.

    oneDNN uses AMX if its first primitive is made in this block and processor and kernel support it. OpenBLAS takes
    those for AVX2, the best that MXNet's has, also on Intel's processors that are newer than it is, on which it would
    take those for SSE3.

    What the user has set stays, unless it is empty. Processes started later do not inherit our settings, since they may
    not have requested AMX's registers.
    """
    settings = {_VARIABLE: _AMX_ISA} if hardware() == AMX else {}
    if {"avx2", "fma"} <= flags() and vendor() == "GenuineIntel":
        settings["OPENBLAS_CORETYPE"] = "Haswell"
    added = {name: value for name, value in settings.items() if not os.environ.get(name)}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


def bfloat16_support() -> str:
    """Return what this processor supports for convolutions: "float32", "bfloat16", or "bfloat16 with AMX".

    That is what the hardware supports, unless DNNL_MAX_CPU_ISA forbids it.
    """
    has, limit = hardware(), os.environ.get(_VARIABLE, "").upper()
    if has == NONE or not limit:
        return has
    allowed = _ALLOWING.get(limit, NONE)
    return has if allowed == AMX else allowed


@lru_cache(maxsize=None)
def hardware() -> str:
    """Return what the hardware alone supports; this requests AMX's registers from Linux."""
    found = flags()
    if {"amx_tile", "amx_bf16"} <= found and _request_tiles():
        return AMX
    return BFLOAT16 if "avx512_bf16" in found else NONE


def _request_tiles() -> bool:
    """Request AMX's registers for this process and its threads; older kernels refuse."""
    if platform.machine() != "x86_64":
        return False
    syscall = ctypes.CDLL(None, use_errno=True).syscall
    return int(syscall(_ARCH_PRCTL, _REQUEST_REGISTERS, _TILE_DATA)) == 0
