"""A progress bar for pictures that counts parts of a picture."""

from __future__ import annotations

from pathlib import Path

from tqdm import tqdm

from ..inference.progress import Progress
from ._console import tell

FORMAT = "{percentage:3.0f}%|{bar}| {n:.1f} of {total} [{elapsed}<{remaining}]"


class PictureBar(tqdm):
    """A bar on stderr for a number of pictures that several threads process."""

    def __init__(self, total: int) -> None:
        super().__init__(total=total, miniters=0, dynamic_ncols=True, bar_format=FORMAT)

    def picture(self) -> Progress:
        """Return the progress function of a picture, which may also go back, to 0 for one that has failed."""
        reached = 0.0

        def progress(share: float) -> None:
            nonlocal reached
            with self.get_lock():
                self.update(share - reached)
            reached = share

        return progress

    def leave_out(self) -> None:
        """Reduce the total by one picture."""
        with self.get_lock():
            self.total -= 1
            self.refresh()

    def tell(self, path: Path) -> None:
        """Print a path on stdout without disturbing the bar."""
        with self.external_write_mode():
            tell(str(path))
