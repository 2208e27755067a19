"""Report of a style training: held-out photos in the style."""

from __future__ import annotations

from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np

from ..figures import comparison_figure, save_figure
from ..image.io import Picture, read_rgb, write_picture
from ..image.resize import resize_longest_side
from ..inference import Stylizer
from ..training.folder import make_part
from ..training.run import Run
from ..training.style import StyleTask
from ._console import tell
from ._run_folder import RunReport

FIGURE_ROWS = 4
FIGURE_SIDE = 512  # longer side of the photos in pixels


class StyleReport(RunReport):
    """The pictures of a run."""

    def __init__(self, run: Run, folder: Path) -> None:
        super().__init__(run, folder)
        assert isinstance(run.task, StyleTask)
        self.styles = run.task.styles
        self.photos = [resize_longest_side(read_rgb(path), FIGURE_SIDE) for path in run.task.held_out[:FIGURE_ROWS]]

    def figure(self) -> Any:
        """Return a figure of photos, styles and the photos in the styles."""
        return self._figure(self._painted())

    def finish(self) -> None:
        """Draw the figure, and write each of its pictures at full size."""
        painted = self._painted()
        save_figure(self._figure(painted), self.folder / "figure.png")
        folder = make_part(self.folder / "stylized")
        names: set[str] = set()  # photos in other folders may have the same
        for path, picture in zip(self.run.task.held_out, painted):
            stem = Path(path.name).stem
            name = next(each for each in chain([stem], (f"{stem}-{k}" for k in count(2))) if each not in names)
            names.add(name)
            write_picture(folder / f"{name}.png", Picture(picture))
        tell(f"pictures {folder}")

    def _painted(self) -> list[np.ndarray]:
        paint = Stylizer(self.run.model, self.run.devices[0])
        return [paint(photo) for photo in self.photos]

    def _figure(self, painted: list[np.ndarray]) -> Any:
        rows = [
            [photo, self.styles[k % len(self.styles)], picture]
            for k, (photo, picture) in enumerate(zip(self.photos, painted))
        ]
        return comparison_figure(["photo", "style", "stylized"], rows)
