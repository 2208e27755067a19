"""Videos and animated pictures, a frame at a time: read, converted and written by FFmpeg and Pillow. No MXNet."""

from .pipeline import convert_video, first_frame, is_by_frames, open_video
from .steady import Steady

__all__ = [
    "Steady",
    "animation",
    "colors",
    "containers",
    "convert_video",
    "copying",
    "encoding",
    "first_frame",
    "formats",
    "frames",
    "is_by_frames",
    "open_video",
    "orientation",
    "pipeline",
    "reading",
    "steady",
    "survey",
    "writing",
]
