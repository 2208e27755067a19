"""What all readers of videos provide: frames with their times, and the traits to keep."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Iterator, Mapping, Protocol

import av

from ..image.io import Picture
from .colors import Colors

ENDLESS = 0


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame.

    Attributes:
        picture: The upright picture.
        start: The time at which it is shown, in units of the video's `time_base`.
    """

    picture: Picture
    start: int


@dataclass(frozen=True)
class Traits:
    """What a result takes over from its source.

    Attributes:
        frames: The number of frames, or an estimate.
        time_base: The unit of times, in seconds.
        rate: Frames per second; the mean if it varies.
        last_start: The time at which the last frame is shown, in units of `time_base`.
        last_duration: How long it is shown, likewise.
        colors: The color tags.
        bits: Bits per channel, 8 or more.
        aspect: Width of a pixel divided by its height, in the upright picture.
        full_chroma: Whether each pixel has its own chroma.
        plays: How often an animated picture is played; 0: endlessly.
        lossless: Whether the file is lossless.
        metadata: Texts such as the title and the date.
    """

    frames: int
    time_base: Fraction
    rate: Fraction
    last_start: int
    last_duration: int
    colors: Colors = field(default_factory=Colors)
    bits: int = 8
    aspect: Fraction = Fraction(1)
    full_chroma: bool = False
    plays: int = ENDLESS
    lossless: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)

    def seconds(self, time: int) -> float:
        """Return a time in seconds."""
        return float(time * self.time_base)


class Source(Protocol):
    """An open video or animated picture.

    Attributes:
        path: The file.
        traits: What its result takes over.
        copied: FFmpeg's streams that are copied to the result, sound first.
        faults: What was wrong with the file, a phrase for each fault found so far.
    """

    path: Any
    traits: Traits
    copied: list[Any]
    faults: list[str]

    def __iter__(self) -> Iterator[Frame | av.Packet]:
        """Yield frames, and packets of the copied streams, in the file's order."""
