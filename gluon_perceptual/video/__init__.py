"""Videos and animated pictures, a frame at a time: read, converted and written by FFmpeg and Pillow. No MXNet."""

from .pipeline import convert_video, open_video
from .steady import Steady

__all__ = [
    "Steady",
    "animation",
    "colors",
    "convert_video",
    "formats",
    "frames",
    "open_video",
    "pipeline",
    "reading",
    "steady",
    "writing",
]
