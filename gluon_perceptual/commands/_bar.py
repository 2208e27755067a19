"""A progress bar for pictures that counts parts of a picture."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..inference.progress import Progress
from ._console import tell

FORMAT = "{percentage:3.0f}%|{bar}| {n:.1f} of {total} [{elapsed}<{remaining}]"


class PictureBar:
    """A bar on stderr, as a context manager, for a number of pictures that several threads process."""

    def __init__(self, total: int) -> None:
        self._bar: Any = tqdm(total=total, miniters=0, dynamic_ncols=True, bar_format=FORMAT)
        self._lock = threading.Lock()

    def __enter__(self) -> PictureBar:
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.close()

    def picture(self) -> Progress:
        """Return the progress function of a picture, which may also go back, to 0 for one that has failed."""
        reached = 0.0

        def progress(share: float) -> None:
            nonlocal reached
            with self._lock:
                self._bar.update(share - reached)
            reached = share

        return progress

    def leave_out(self) -> None:
        """Reduce the total by one picture."""
        with self._lock:
            self._bar.total -= 1
            self._bar.refresh()

    def tell(self, path: Path) -> None:
        """Print a path on stdout without disturbing the bar."""
        with self._bar.external_write_mode():
            tell(str(path))
