"""The formats of video files: their suffixes, and how each is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import ImageError

H264_CRF, VP9_CRF = 18, 24  # defaults, with hardly visible losses


@dataclass(frozen=True)
class VideoFormat:
    """A format of files with frames.

    Attributes:
        container: FFmpeg's name of the container.
        codec: FFmpeg's name of the encoder.
        suffixes: The usual one first.
        is_picture: Whether it is an animated picture: without sound, with alpha, each frame with its own duration.
        stores_aspect: Whether it can specify that pixels are not square.
    """

    container: str
    codec: str
    suffixes: tuple[str, ...]
    is_picture: bool = False
    stores_aspect: bool = False


WRITTEN = (
    VideoFormat("mp4", "libx264", (".mp4", ".m4v"), stores_aspect=True),
    VideoFormat("mov", "libx264", (".mov", ".qt"), stores_aspect=True),
    VideoFormat("matroska", "libx264", (".mkv",), stores_aspect=True),
    VideoFormat("webm", "libvpx-vp9", (".webm",)),
    VideoFormat("gif", "gif", (".gif",), is_picture=True),
    VideoFormat("webp", "libwebp_anim", (".webp",), is_picture=True),
    VideoFormat("apng", "apng", (".png", ".apng"), is_picture=True),
)
OTHERS = (".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".vob", ".wmv", ".flv", ".ogv", ".3gp", ".mxf")  # read only
INSTEAD = ".mkv"  # the format of results for these: it holds any sound
DEMUXERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,asf,flv,ogg,mxf"  # no playlists, no lists of pictures
_OF_SUFFIX = {suffix: form for form in WRITTEN for suffix in form.suffixes}
VIDEO_SUFFIXES = tuple(suffix for suffix, form in _OF_SUFFIX.items() if not form.is_picture) + OTHERS


def is_video_file(path: Path) -> bool:
    """Return whether the name has a video's suffix, in any case."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def result_suffix(path: Path) -> str:
    """Return the suffix of the result for a video: its own, or `INSTEAD` if that format is read only."""
    return INSTEAD if path.suffix.lower() in OTHERS else path.suffix


def holds_frames(path: Path) -> bool:
    """Return whether the name has the suffix of a format in which several frames can be written."""
    return path.suffix.lower() in _OF_SUFFIX


def video_format_for(path: Path) -> VideoFormat:
    """Return the format in which a video of that name is written.

    Raises:
        ImageError: The suffix is unknown.
    """
    form = _OF_SUFFIX.get(path.suffix.lower())
    if form is None:
        raise ImageError(f"{path}: unknown video suffix {path.suffix!r}; expected one of {' '.join(_OF_SUFFIX)}")
    return form
