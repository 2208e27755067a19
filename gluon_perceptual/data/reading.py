"""Reading photos: bad ones are skipped and reported; unexpected errors name their photo."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

import numpy as np

from ..errors import ImageError, UserError
from ..files import write_json
from ..image.files import PictureFile
from ..image.io import read_rgb

MAX_PIXELS = 200_000_000  # lower than for single pictures, since several photos are decoded at a time
UNUSABLE = (ImageError, OSError)  # errors that mean a bad photo or disk

log = logging.getLogger(__name__)


def read_photo(photo: PictureFile) -> np.ndarray:
    """Return (H, W, 3) uint8, as `image.io.read_rgb`; a photo over `MAX_PIXELS` is refused by its header.

    Raises:
        ImageError, OSError: It cannot be used, see `UNUSABLE`.
    """
    return read_rgb(photo, MAX_PIXELS)


def note(skipped: dict[str, str], photo: PictureFile, problem: Exception | str) -> None:
    """Record in `skipped`, by the photo's name, what is wrong with it, and log it the first time."""
    name = str(photo)
    reason = (problem.strerror if isinstance(problem, OSError) else None) or str(problem)
    reason = reason.partition(f"{name}: ")[2] or reason
    if skipped.setdefault(name, reason) is reason:  # atomic, since several threads may find the same photo
        log.warning("skipped: %s: %s", name, reason)


def write_report(path: str | Path, skipped: dict[str, str]) -> None:
    """Write which photos were skipped and why, as JSON sorted by name; raises OSError."""
    write_json(path, dict(sorted(skipped.copy().items())))


@contextmanager
def naming_photo(photo: PictureFile) -> Iterator[None]:
    """Turn unexpected errors, such as in a worker thread, into a UserError that names the photo."""
    try:
        yield
    except (UserError, OSError):
        raise
    except Exception as error:
        log.debug("%s", photo, exc_info=True)
        what = " ".join(f"{type(error).__name__} {error}".split())
        raise UserError(f"{photo}: processing this photo failed ({what}); leave it out, or report this") from error
