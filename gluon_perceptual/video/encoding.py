"""FFmpeg's settings for encoding frames, by the format of the file and the traits of the source."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av

from .colors import chain, from_rgb
from .formats import H264_CRF, VP9_CRF, VideoFormat
from .frames import ENDLESS, Traits

QUALITY = 95  # of WebP, unless the source was lossless
LONGEST_SIDES = {"libx264": 16384, "libvpx-vp9": 16384, "libwebp_anim": 16383, "gif": 65535}
DIVERSE = "palettegen", "stats_mode=single:reserve_transparent=1"  # 256 colors for each frame of a GIF


@dataclass(frozen=True)
class Encoding:
    """How the frames of one file are encoded.

    Attributes:
        form: The file's format.
        traits: The source's traits.
        height: Height of the file's frames.
        width: Their width.
        alpha: Whether they have alpha.
        crf: Quality of H.264 and VP9; None: the default.
        quality: Quality of WebP; None: see `convert_video`.
    """

    form: VideoFormat
    traits: Traits
    height: int
    width: int
    alpha: bool
    crf: int | None = None
    quality: int | None = None

    @property
    def fits(self) -> bool:
        """Whether the encoder supports frames of this size."""
        return max(self.height, self.width) <= LONGEST_SIDES.get(self.form.codec, 2**31)

    @property
    def is_odd(self) -> bool:
        """Whether H.264 needs its profile 4:4:4, which few players support, because a side is odd."""
        return bool(self.form.codec == "libx264" and (self.width % 2 or self.height % 2))

    @property
    def container_options(self) -> dict[str, str]:
        """Options of the container."""
        plays = self.traits.plays
        if self.form.container == "gif":
            return {"loop": str({ENDLESS: 0, 1: -1}.get(plays, plays - 1))}
        if self.form.container == "webp":
            return {"loop": str(plays)}
        if self.form.container == "apng":
            last = Fraction(self.traits.last_duration * self.traits.time_base).limit_denominator(30000)
            return {"plays": str(plays), "final_delay": str(last)}
        if self.form.container in ("mp4", "mov"):
            return {"movflags": "+write_colr"}
        return {"fflags": "+bitexact"}  # otherwise files with the same content would differ in random numbers

    @property
    def codec_options(self) -> dict[str, str]:
        """Options of the encoder."""
        if self.form.codec == "libx264":
            return {"crf": str(H264_CRF if self.crf is None else self.crf), "preset": "medium"}
        if self.form.codec == "libvpx-vp9":
            crf = str(VP9_CRF if self.crf is None else self.crf)
            return {"crf": crf, "b": "0", "row-mt": "1", "cpu-used": "4", "deadline": "good"}
        if self.form.codec == "libwebp_anim":
            return {"lossless": "1"} if self._is_lossless() else {"quality": str(self.quality or QUALITY)}
        return {}

    def _is_lossless(self) -> bool:
        return self.traits.lossless and self.quality is None

    @property
    def pixel_format(self) -> str:
        """FFmpeg's name of the pixel format."""
        if self.form.codec == "gif":
            return "pal8"
        if self.form.codec == "apng":
            return "rgba" if self.alpha else "rgb24"
        if self.form.codec == "libwebp_anim":
            return "bgra" if self._is_lossless() else "yuva420p" if self.alpha else "yuv420p"
        chroma = "444" if self.traits.full_chroma or self.is_odd else "420"
        return f"yuv{chroma}p" + ("10le" if self.traits.bits > 8 and self.form.codec == "libx264" else "")

    def graph(self, frame: Any) -> Any:
        """Return the graph that converts RGB frames like this one to `pixel_format`."""
        target = self.pixel_format
        if target == "pal8":
            return _palettes(frame)
        if not self.form.is_picture:
            return from_rgb(frame, self.traits.colors, target)
        return chain(frame, [("scale", "flags=accurate_rnd+full_chroma_int"), ("format", target)])


def _palettes(frame: Any) -> Any:
    """Return the graph that converts frames like this one to palettes of their own."""
    graph = av.filter.Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
    split, palettes = graph.add("split"), graph.add(*DIVERSE)
    used, sink = graph.add("paletteuse", "new=1:dither=sierra2_4a"), graph.add("buffersink")
    source.link_to(split)
    split.link_to(palettes, 0, 0)
    split.link_to(used, 1, 0)
    palettes.link_to(used, 0, 1)
    used.link_to(sink)
    graph.configure()
    return graph
