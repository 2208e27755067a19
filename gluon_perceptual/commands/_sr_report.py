"""Report of a super-resolution training: previews, the blog's figure, scores on held-out photos."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..evaluation.scores import as_json, means, table
from ..evaluation.super_resolution import DISTANCE_LAYERS, Method, baseline, center_pair, evaluate
from ..figures import blog_figure, save_figure
from ..files import write_json
from ..image.io import read_rgb
from ..inference import Upscaler
from ..nets.vgg import LossNetwork
from ..training.run import Run
from ..training.super_resolution_config import SuperResolutionConfig
from ._console import show
from ._run_folder import RunReport

FIGURE_ROWS = 4
FIGURE_SIDE = 144  # of the crops in the figure, as in the blog


class SuperResolutionReport(RunReport):
    """The pictures and scores of a run."""

    def __init__(self, run: Run, folder: Path) -> None:
        super().__init__(run, folder)
        assert isinstance(run.config, SuperResolutionConfig)
        c = self.config = run.config
        photos = map(read_rgb, run.task.held_out[:FIGURE_ROWS])
        self.pairs = [center_pair(photo, c.scale, FIGURE_SIDE, c.sigma, c.degradation) for photo in photos]

    def figure(self) -> Any:
        """Return the blog's figure, of crops of held-out photos."""
        return blog_figure(Upscaler(self.run.model, self.run.devices[0]), self.pairs)

    def finish(self) -> None:
        """Measure on the held-out photos, print the table, and draw the figure."""
        run, config, folder = self.run, self.config, self.folder
        loss_network = LossNetwork.pretrained(DISTANCE_LAYERS)
        methods: dict[str, Method] = {**baseline(config.scale), "model": Upscaler(run.model, run.devices[0])}
        protocol = (config.scale, loss_network, config.sigma, config.degradation)
        held_out = tqdm(run.task.held_out, desc="scoring", unit="photo", dynamic_ncols=True)
        rows = [row for photo in held_out for row in evaluate(methods, photo, *protocol)]
        write_json(folder / "scores.json", as_json(rows))
        save_figure(self.figure(), folder / "figure.png")
        base, model = means(rows)
        show(table([*rows, base, model]))
        show(
            f"against {base.method}: PSNR {model.psnr - base.psnr:+.2f} dB, relu2_2 distance "
            f"{100 * (model.relu2_2 / max(base.relu2_2, 1e-9) - 1):+.0f} %, grid {base.grid:.2f} -> {model.grid:.2f}, "
            f"CIEDE2000 {base.ciede2000:.2f} -> {model.ciede2000:.2f}"
        )
