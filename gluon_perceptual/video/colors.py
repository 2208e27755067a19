"""The color tags of videos, and the conversion to RGB and back."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av

UNSPECIFIED, RGB, BT709, BT601, SRGB = 2, 0, 1, 6, 13  # ITU-T H.273
FULL = 2  # FFmpeg's number for the range from 0 to 255
MATRICES = {1: "bt709", 4: "fcc", 5: "bt601", 6: "bt601", 7: "smpte240m", 9: "bt2020", 10: "bt2020"}
LARGEST_SD = (1024, 576)  # largest width and height of untagged videos that players decode as BT.601
EXACT = "flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"


@dataclass(frozen=True)
class Colors:
    """A video's color tags, as numbers of ITU-T H.273.

    Attributes:
        primaries: The colors of red, green and blue.
        transfer: From numbers to light.
        matrix: From luma and chroma to red, green and blue; always one of `MATRICES`.
        full: Whether the range is 0 to 255 instead of 16 to 235.
    """

    primaries: int = BT709
    transfer: int = SRGB
    matrix: int = BT709
    full: bool = False

    def options(self, side: str) -> str:
        """Return matrix and range as options of FFmpeg's filter `scale`, for its side "in" or "out"."""
        return f"{side}_color_matrix={MATRICES[self.matrix]}:{side}_range={'pc' if self.full else 'tv'}"


def colors_of(frame: Any, context: Any) -> Colors:
    """Return the colors of a decoded frame; for RGB frames, the colors with which the result is encoded."""
    if frame.format.is_rgb or frame.colorspace == RGB:
        known = context.color_primaries != UNSPECIFIED
        return Colors(*((context.color_primaries, context.color_trc) if known else (BT709, SRGB)))
    matrix = frame.colorspace
    if matrix not in MATRICES:
        is_small = frame.width <= LARGEST_SD[0] and frame.height <= LARGEST_SD[1]
        matrix = BT601 if is_small else BT709
    full = frame.color_range == FULL or frame.format.name.startswith("yuvj")
    return Colors(context.color_primaries, context.color_trc, matrix, full)


def bits_of(frame: Any) -> int:
    """Return the number of bits per channel of a frame."""
    return max(component.bits for component in frame.format.components)


def chain(frame: Any, filters: list[tuple[str, str]]) -> Any:
    """Return a graph of FFmpeg filters, given by names and options, for frames like this one."""
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1, 1000)
    )
    graph.link_nodes(source, *(graph.add(*each) for each in filters), graph.add("buffersink")).configure()
    return graph


def to_rgb(frame: Any, colors: Colors) -> Any:
    """Return the graph that converts frames like this one to RGB of 8 or 16 bits, with alpha if they have any."""
    has_alpha = any(component.is_alpha for component in frame.format.components)
    deep, plain = ("rgba64le", "rgba") if has_alpha else ("rgb48le", "rgb24")
    target = deep if bits_of(frame) > 8 else plain
    if frame.format.is_rgb:
        return chain(frame, [("scale", EXACT), ("format", target)])
    return chain(frame, [("scale", f"{colors.options('in')}:out_range=pc:{EXACT}"), ("format", target)])


def from_rgb(frame: Any, colors: Colors, target: str) -> Any:
    """Return the graph that converts RGB frames like this one to `target`, a pixel format of luma and chroma."""
    return chain(frame, [("scale", f"in_range=pc:{colors.options('out')}:{EXACT}"), ("format", target)])
