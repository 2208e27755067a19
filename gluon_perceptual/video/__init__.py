"""Videos and animated pictures, read and written by FFmpeg and Pillow, one frame at a time, without MXNet."""

from .pipeline import convert_video, is_by_frames, open_video
from .reading import first_frame
from .steady import Steady

__all__ = [
    "Steady", "animation", "colors", "containers", "convert_video", "encoding", "first_frame", "formats",
    "frames", "is_by_frames", "matroska", "open_video", "pipeline", "reading", "sound", "steady", "survey",
    "writing",
]  # fmt: skip
