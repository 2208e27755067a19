"""What `optimize_image` does around an optimization: progress, intermediate pictures, the plot of the loss."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from .._mxnet import devices
from ..choices import Optimizer
from ..figures import loss_figure, save_figure
from ..image.io import Picture, to_image, write_picture
from ..optimize import Iterate, Objective, minimize
from ._console import tell
from ._outputs import first_unused


@dataclass
class Optimization:
    """How to optimize, and where to write the picture and a new folder beside it."""

    out: Path
    folder: Path
    iterations: int
    optimizer: Optimizer
    learning_rate: float
    save_every: int
    device: Any

    @classmethod
    def from_options(cls, options: dict[str, Any]) -> Optimization:
        """Remove this class's settings from a command's options and return them."""
        out, device = Path(options.pop("out")), devices(options.pop("gpus"))[0]
        iterations, optimizer, rate = (options.pop(name) for name in ("iterations", "optimizer", "lr"))
        return cls(
            out, first_unused(out.with_name(out.stem)), iterations, optimizer, rate, options.pop("save_every"), device
        )

    def __call__(self, objective: Objective, start: np.ndarray, name: str = "") -> np.ndarray:
        """Optimize, write the picture to OUT, or as one of several into the folder beside it, and return it."""
        folder = self.folder / name
        target = self.folder / f"{name}.png" if name else self.out
        log: list[dict[str, float]] = []
        with tqdm(total=self.iterations, desc=name or self.out.name, unit="step", dynamic_ncols=True) as bar:

            def watch(iterate: Iterate) -> None:
                log.append({"step": iterate.number, **iterate.terms})
                bar.update()
                bar.set_postfix(loss=f"{iterate.terms['loss']:.5g}")
                if iterate.number % self.save_every == 0:
                    write_picture(folder / f"step-{iterate.number:05d}.png", Picture(to_image(iterate.picture)))

            found = minimize(objective, start, self.iterations, self.optimizer, self.learning_rate, watch)
        image = to_image(found)
        write_picture(target, Picture(image))
        if log:
            save_figure(loss_figure(log), folder / "loss.png")
        ended = "" if len(log) == self.iterations else f" after {len(log)} steps, since no lower loss was found"
        tell(f"picture {target}{ended}")
        return image
