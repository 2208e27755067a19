"""Videos and animated pictures, a frame at a time: read, converted and written by FFmpeg and Pillow. No MXNet."""

from .pipeline import convert_video, first_frame, is_by_frames, open_video
from .steady import Steady

__all__ = [
    "Steady",
    "animation",
    "colors",
    "convert_video",
    "first_frame",
    "formats",
    "frames",
    "is_by_frames",
    "open_video",
    "pipeline",
    "reading",
    "steady",
    "writing",
]
