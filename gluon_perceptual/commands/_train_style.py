"""Pictures of a style training: held-out photos in the style."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..figures import comparison_figure, save_figure
from ..image.io import Picture, read_rgb, write_picture
from ..image.resize import resize_longest_side
from ..inference import Stylizer
from ..training.folder import make_part
from ..training.run import Run
from ..training.style import StyleTask
from ._console import tell
from ._run_folder import Pictures

FIGURE_ROWS = 4
FIGURE_SIDE = 512  # longer side of the photos in pixels


class StylePictures(Pictures):
    """The pictures of a run."""

    def __init__(self, run: Run, folder: Path) -> None:
        super().__init__(run, folder)
        assert isinstance(run.task, StyleTask)
        self.styles = run.task.styles
        self.photos = [resize_longest_side(read_rgb(path), FIGURE_SIDE) for path in run.task.held_out[:FIGURE_ROWS]]

    def figure(self) -> Any:
        """Return a figure of photos, styles and the photos in the styles."""
        paint, styles = Stylizer(self.run.model, self.run.devices[0]), self.styles
        rows = [[photo, styles[k % len(styles)], paint(photo)] for k, photo in enumerate(self.photos)]
        return comparison_figure(["photo", "style", "stylized"], rows)

    def report(self) -> None:
        """Draw the figure, and write each of its pictures at full size."""
        save_figure(self.figure(), self.folder / "figure.png")
        paint = Stylizer(self.run.model, self.run.devices[0])
        folder = make_part(self.folder / "stylized")
        for path, photo in zip(self.run.task.held_out, self.photos):
            write_picture(folder / f"{Path(path.name).stem}.png", Picture(paint(photo)))
        tell(f"pictures {folder}")
