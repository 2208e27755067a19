"""Pictures of a super-resolution training: previews, the blog's figure, scores on held-out photos."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Sequence

import numpy as np
from tqdm import tqdm

from ..evaluation.scores import as_json, means, table
from ..evaluation.super_resolution import DISTANCE_LAYERS, Method, bicubic, center_pair, evaluate
from ..figures import blog_figure, save_figure
from ..files import write_json
from ..image.files import PictureFile
from ..image.io import read_rgb
from ..inference import Upscaler
from ..nets.vgg import LossNetwork
from ..training.run import Run
from ..training.super_resolution_config import SuperResolutionConfig
from ._console import show

FIGURE_ROWS = 4
FIGURE_SIDE = 144  # of the crops in the figure, as in the blog


class SuperResolutionPictures:
    """The pictures and scores of a run, in `folder`."""

    def __init__(self, run: Run, folder: Path) -> None:
        assert isinstance(run.config, SuperResolutionConfig)
        self.run, self.folder, self.config = run, folder, run.config
        self.pairs = held_out_pairs(run.task.held_out, run.config)

    def preview(self, step: int) -> Path:
        """Write the blog's figure after a step, and return its path."""
        path = self.folder / "previews" / f"step-{step:07d}.png"
        save_figure(self._figure(), path)
        return path

    def _figure(self) -> Any:
        return blog_figure(Upscaler(self.run.model, self.run.devices[0]), self.pairs)

    def report(self, checkpoint: Path) -> None:
        """Measure on the held-out photos, print the table, and draw the figure."""
        run, config, folder = self.run, self.config, self.folder
        loss_network = LossNetwork.pretrained(DISTANCE_LAYERS)
        methods: dict[str, Method] = {"bicubic": bicubic(config.scale), "model": Upscaler(run.model, run.devices[0])}
        protocol = (config.scale, loss_network, config.sigma, config.degradation)
        held_out = tqdm(run.task.held_out, desc="scoring", unit="photo", dynamic_ncols=True)
        rows = [row for photo in held_out for row in evaluate(methods, photo, *protocol)]
        write_json(folder / "scores.json", as_json(rows))
        save_figure(self._figure(), folder / "figure.png")
        base, model = means(rows)
        show(table([*rows, base, model]))
        show(
            f"against bicubic: PSNR {model.psnr - base.psnr:+.2f} dB, relu2_2 distance "
            f"{100 * (model.relu2_2 / max(base.relu2_2, 1e-9) - 1):+.0f} %, grid {base.grid:.2f} -> {model.grid:.2f}, "
            f"CIEDE2000 {base.ciede2000:.2f} -> {model.ciede2000:.2f}"
        )


def held_out_pairs(held_out: Sequence[PictureFile], c: SuperResolutionConfig) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return crops of the held-out photos, (low, true), for the figure and the previews."""
    photos = map(read_rgb, held_out[:FIGURE_ROWS])
    return [center_pair(photo, c.scale, FIGURE_SIDE, c.sigma, c.degradation) for photo in photos]
