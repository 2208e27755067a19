"""Names and shapes of each network's parameters, without building it, so that inspecting a file needs no MXNet."""

from __future__ import annotations

from typing import Any, Callable, Iterator, Tuple

from ..nets.lowpass_kernel import RADIUS, Cutoff, planes_together
from .spec import ModelSpec

Shape = Tuple[int, ...]
CELL = 4  # pixels, of `nets.style`, which loads MXNet
NORMS = {"batch": ("gamma", "beta", "running_mean", "running_var"), "instance": ("gamma", "beta"), "none": ()}


def expected_parameters(spec: ModelSpec) -> dict[str, Shape]:
    """Return the shapes of a network's parameters by their structural names, as `save_parameters` writes them.

    Args:
        spec: With all of the network's arguments, as found by `recognition`.
    """
    return dict(PARAMETERS[spec.network](**spec.arguments))


def _conv(
    name: str, out: int, into: int, kernel: int, bias: bool = False, transposed: bool = False
) -> dict[str, Shape]:
    first = (into, out) if transposed else (out, into)
    return {f"{name}.weight": (*first, kernel, kernel), **({f"{name}.bias": (out,)} if bias else {})}


def _normed(name: str, norm_name: str, out: int, into: int, kernel: int, norm: str, **options: Any) -> dict[str, Shape]:
    """Return the parameters of a convolution and of the norm after it; without a norm it has a bias."""
    convolution = _conv(name, out, into, kernel, bias=norm == "none", **options)
    return {**convolution, **{f"{norm_name}.{kind}": (out,) for kind in NORMS[norm]}}


def _residual(name: str, width: int, norm: str) -> dict[str, Shape]:
    first = _normed(f"{name}.conv.0", f"{name}.conv.1", width, width, 3, norm)
    return {**first, **_normed(f"{name}.conv2", f"{name}.norm2", width, width, 3, norm)}


def _upsampling(name: str, out: int, into: int, norm: str, kind: str) -> dict[str, Shape]:
    if kind == "transposed":
        return _normed(f"{name}.0", f"{name}.1", out, into, 3, norm, transposed=True)
    if kind == "nearest":
        return _normed(f"{name}.1", f"{name}.2", out, into, 3, norm)
    phases = _conv(f"{name}.0", 4 * out, into, 3, bias=norm == "none")
    return {**phases, **{f"{name}.2.{parameter}": (out,) for parameter in NORMS[norm]}}


def _lowpass_shape(cutoff: Cutoff, step: int) -> Shape:
    planes, side = planes_together(cutoff), step + 2 * RADIUS
    return (planes * step**2, planes, side, side)


def _super_resolution(
    scale: int, width: int, blocks: int, norm: str, upsampling: str, skip: bool, lowpass: Cutoff | None = None
) -> Iterator[tuple[str, Shape]]:
    yield from _normed("head.0", "head.1", width, 3, 9, norm).items()
    for k in range(blocks):
        yield from _residual(f"body.{k}", width, norm).items()
    if upsampling == "direct":
        yield from _conv("tail.0", 3 * scale**2, width, 3, bias=True).items()
    else:
        for k in range(scale.bit_length() - 1):
            yield from _upsampling(f"up.{k}", width, width, norm, upsampling).items()
        yield from _conv("tail", 3, width, 9, bias=True).items()
    if skip:
        yield "enlarge.filters", (scale**2, 1, 5, 5)
    if lowpass is not None:
        yield "lowpass.filters", _lowpass_shape(lowpass, scale)


def _plsr(width: int, blocks: int, norm: str = "batch") -> Iterator[tuple[str, Shape]]:
    yield from _conv("net.0", width, 3, 9).items()
    for k in range(blocks):
        for number in (1, 2):
            yield from _normed(f"net.1.{k}.conv{number}", f"net.1.{k}.bn{number}", width, width, 3, norm).items()
        yield from _conv(f"net.1.{k}.conv3", width, width, 1).items()
    yield from _conv("net.2", width, width, 3).items()
    yield from _conv("net.3", 3, width, 9).items()


def _style(
    width: int, norm: str, upsampling: str, output: str, lowpass: Cutoff | None = None
) -> Iterator[tuple[str, Shape]]:
    for k, (out, into, kernel) in enumerate(((width, 3, 9), (2 * width, width, 3), (4 * width, 2 * width, 3)), 1):
        yield from _normed(f"encode.{k}.0", f"encode.{k}.1", out, into, kernel, norm).items()
    for k in range(5):
        yield from _residual(f"body.{k}", 4 * width, norm).items()
    for k, out in enumerate((2 * width, width)):
        yield from _upsampling(f"decode.{k}", out, 2 * out, norm, upsampling).items()
    yield from _conv("decode.2" if output == "tanh" else "decode.3", 3, width, 9, bias=True).items()
    if lowpass is not None:
        yield "decode.lowpass.filters", _lowpass_shape(lowpass, CELL)


def _fast_neural_style(width: int, norm: str) -> Iterator[tuple[str, Shape]]:
    for k, (out, into, kernel) in enumerate(((width, 3, 9), (2 * width, width, 3), (4 * width, 2 * width, 3))):
        yield from _normed(f"encode.{k}.1", f"encode.{k}.2", out, into, kernel, norm).items()
    for k in range(5):
        for part in ("conv", "conv2"):
            yield from _normed(f"body.{k}.{part}.1", f"body.{k}.{part}.2", 4 * width, 4 * width, 3, norm).items()
    for k, out in ((1, 2 * width), (3, width)):
        yield from _normed(f"decode.{k}.1", f"decode.{k}.2", out, 2 * out, 3, norm).items()
    yield from _conv("decode.5", 3, width, 9, bias=True).items()


PARAMETERS: dict[str, Callable[..., Iterator[tuple[str, Shape]]]] = {
    "SuperResolutionNet": _super_resolution,
    "PlsrNet": _plsr,
    "StyleNet": _style,
    "FastNeuralStyleNet": _fast_neural_style,
}
