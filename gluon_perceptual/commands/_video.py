"""Videos and animated pictures through one command, one after the other."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Callable, Sequence

import click

from ..errors import UserError
from ..image.io import Picture
from ..signals import StopRequest
from ..video import convert_video, open_video
from ..video.animation import is_animation
from ..video.formats import INSTEAD, holds_frames, is_video_file, video_format_for
from ._batch import FAILED, NEW, REPLACED, SKIPPED, is_there, summary
from ._command import describe_failure
from ._console import printable, tell
from ._outputs import Tasks, check_apart, plan_outputs
