"""What all videos have in common, whoever reads them: frames with their times, and what is to be kept of the rest."""

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
        picture: Upright.
        start: When it is shown, in the video's `time_base`.
    """

    picture: Picture
    start: int


@dataclass(frozen=True)
class Traits:
    """What a result has from its source.

    Attributes:
        frames: How many there are, or nearly so where the file does not say it.
        time_base: The unit of times, in seconds.
        rate: Frames a second; the mean where it varies.
        last_start: When the last frame is shown, in units of `time_base`.
        last_duration: For how long, likewise.
        colors: What the numbers mean.
        bits: Of a channel, 8 or more.
        aspect: Width of a pixel by its height, of the upright picture.
        full_chroma: Whether each pixel has a color of its own.
        plays: How often an animated picture is shown; 0: without end.
        lossless: Whether the file had all pixels as they were.
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
    """A video or animated picture that is open.

    Attributes:
        path: The file.
        traits: What its result has from it.
        copied: FFmpeg's streams that go with the result as they are, sound first.
        faults: What was wrong while it was read, a phrase each.
    """

    path: Any
    traits: Traits
    copied: list[Any]
    faults: list[str]

    def __iter__(self) -> Iterator[Frame | av.Packet]:
        """Yield frames, and packets of the streams that are copied, in the file's order."""
