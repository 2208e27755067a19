"""The only module that imports MXNet; all others use `from gluon_perceptual._mxnet import mx`.

Also here: names for MXNet's types, devices, precision, and MXNet's errors as one line; `gluon` holds every use of
MXNet's private parts.
"""

from __future__ import annotations

import importlib
from contextlib import contextmanager
from typing import Any, Iterator

from .. import cpu, cuda
from ..choices import InferencePrecision, check_choice, of
from ..errors import UserError
from .loading import keep_freed_memory, load_mxnet, usable_cores

__all__ = [
    "Block", "Context", "KVStore", "NDArray", "Operators", "Parameter", "Symbol", "Trainer", "check_bfloat16",
    "devices", "free_memory", "inference_precision", "keep_freed_memory", "mx", "mxnet_errors", "nn", "start_amp",
    "usable_cores",
]  # fmt: skip

mx: Any = load_mxnet()
nn: Any = mx.gluon.nn

# MXNet has no types: these names say what is meant where a type checker sees anything.
Operators = Any  # mx.nd or mx.sym, the F of hybrid_forward
NDArray = Any  # or a symbol in its place, in hybrid_forward
Symbol = Any
Block = Any
Parameter = Any
Trainer = Any
Context = Any
KVStore = Any


def devices(gpus: str | None = None, cpus: int = 1) -> list[Context]:
    """Return the contexts to run on.

    Args:
        gpus: Comma-separated GPU numbers such as "0,1"; None or "" for the CPU.
        cpus: Number of CPU contexts if no GPU is given; they share the cores.

    Raises:
        UserError: `gpus` is not a list of distinct numbers, or names a GPU that MXNet does not see or support.
    """
    if not gpus:
        return [mx.cpu(i) for i in range(cpus)]
    try:
        numbers = [int(number) for number in gpus.split(",")]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 0 or len(set(numbers)) < len(numbers):
        raise UserError(f"`gpus` {gpus}: expected distinct GPU numbers such as 0 or 0,1")
    seen = _count_gpus()
    missing = [str(number) for number in numbers if number >= seen]
    if missing:
        hint = "use `gpus` with a smaller number" if seen else "leave `gpus` out to run on the CPU"
        raise UserError(f"`gpus` {gpus}: no GPU {', '.join(missing)}; MXNet {mx.__version__} sees {seen}; {hint}")
    if cuda.is_installed():
        cuda.check_gpus(numbers)
    return [mx.gpu(number) for number in numbers]


def free_memory(ctx: Context) -> int:
    """Return how many bytes of memory a device has free."""
    return int(mx.context.gpu_memory_info(ctx.device_id)[0]) if ctx.device_type == "gpu" else cpu.free_memory()


def inference_precision(precision: str, ctx: Context | None = None, kind: str = "super-resolution") -> str:
    """Return the precision, "float32" or "bfloat16", in which a network runs when `precision` is requested.

    "auto" is bfloat16 on a CPU with AMX, and for super-resolution also on one with AVX512-BF16 alone, where styles,
    whose instance norms are float32, gain little.

    Args:
        precision: "auto", "float32" or "bfloat16".
        ctx: Device; None for the CPU.
        kind: The network's use, "super-resolution" or "style".

    Raises:
        UserError: `precision` is unknown, or bfloat16 is not supported here.
    """
    check_choice("precision", precision, of(InferencePrecision))
    on_cpu = ctx is None or ctx.device_type != "gpu"
    if precision == "bfloat16":
        check_bfloat16(on_cpu)
    if precision != "auto":
        return precision
    gaining = (cpu.AMX,) if kind == "style" else (cpu.AMX, cpu.BFLOAT16)
    return "bfloat16" if on_cpu and cpu.bfloat16_support() in gaining else "float32"


def check_bfloat16(on_cpu: bool) -> None:
    """Raise UserError unless the device computes in bfloat16."""
    if not on_cpu:
        raise UserError("`precision` bfloat16: MXNet 1.9.1 supports it only on CPUs; use float32")
    if cpu.bfloat16_support() == cpu.NONE:
        raise UserError(
            "`precision` bfloat16: this processor has neither AVX512-BF16 nor AMX, or DNNL_MAX_CPU_ISA disables them; "
            "use float32"
        )


@contextmanager
def mxnet_errors(hint: str) -> Iterator[None]:
    """Turn MXNet's errors, such as running out of memory, into a UserError with `hint`."""
    try:
        yield
    except mx.MXNetError as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise UserError(f"MXNet failed: {lines[-1] if lines else 'no reason given'}; {hint}") from error


def start_amp() -> None:
    """Make MXNet compute in float16 from now on where that is safe; parameters and losses stay float32."""
    importlib.import_module("mxnet.contrib.amp").init()


def _count_gpus() -> int:
    try:
        return int(mx.context.num_gpus())
    except mx.MXNetError:  # a wheel with CUDA on a machine without a driver
        return 0
