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

FIGURE_ROWS = 4
FIGURE_SIDE = 512  # longer side of the photos in pixels


class StylePictures:
    """The pictures of a run, in `folder`."""

    def __init__(self, run: Run, folder: Path) -> None:
        assert isinstance(run.task, StyleTask)
        self.run, self.folder, self.styles = run, folder, run.task.styles
        self.photos = [resize_longest_side(read_rgb(path), FIGURE_SIDE) for path in run.task.held_out[:FIGURE_ROWS]]

    def preview(self, step: int) -> Path:
        """Write the figure after a step, and return its path."""
        path = self.folder / "previews" / f"step-{step:07d}.png"
        save_figure(self._figure(), path)
        return path

    def _figure(self) -> Any:
        """Return the figure: photo, style, the photo in the style."""
        paint, styles = Stylizer(self.run.model, self.run.devices[0]), self.styles
        rows = [[photo, styles[k % len(styles)], paint(photo)] for k, photo in enumerate(self.photos)]
        return comparison_figure(["photo", "style", "stylized"], rows)

    def report(self, checkpoint: Path) -> None:
        """Draw the figure, and write each of its pictures in full."""
        save_figure(self._figure(), self.folder / "figure.png")
        paint = Stylizer(self.run.model, self.run.devices[0])
        folder = make_part(self.folder / "stylized")
        for path, photo in zip(self.run.task.held_out, self.photos):
            write_picture(folder / f"{Path(path.name).stem}.png", Picture(paint(photo)))
        tell(f"pictures {folder}")
