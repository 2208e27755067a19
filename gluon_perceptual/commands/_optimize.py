"""What `optimize_image` does around an optimization: progress, intermediate pictures, the plot of the loss."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from .._mxnet import devices
from ..figures import loss_figure, save_figure
from ..image.io import Picture, to_image, write_picture
from ..optimize import Iterate, Objective, minimize
from ..signals import StopRequest
from ._console import tell
from ._outputs import first_unused


class Optimization:
    """How to optimize, and where to write the picture and a new folder beside it; taken out of a command's options."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.out, self.device = Path(options.pop("out")), devices(options.pop("gpus"))[0]
        self.folder = first_unused(self.out.with_name(self.out.stem))
        self.iterations, self.save_every = options.pop("iterations"), options.pop("save_every")
        self.optimizer, self.learning_rate = options.pop("optimizer"), options.pop("lr")

    def __call__(self, objective: Objective, start: np.ndarray, name: str = "") -> np.ndarray:
        """Optimize, write the picture to OUT, or as one of several into the folder beside it, and return it."""
        folder = self.folder / name
        target = self.folder / f"{name}.png" if name else self.out
        log: list[dict[str, float]] = []
        bar = tqdm(total=self.iterations, desc=name or self.out.name, unit="step", dynamic_ncols=True)
        with bar, StopRequest() as stop:  # Python would lose a KeyboardInterrupt in an array's `__del__`

            def watch(iterate: Iterate) -> None:
                log.append({"step": iterate.number, **iterate.terms})
                bar.update()
                bar.set_postfix(loss=f"{iterate.terms['loss']:.5g}")
                if iterate.number % self.save_every == 0:
                    write_picture(folder / f"step-{iterate.number:05d}.png", Picture(to_image(iterate.picture)))
                if stop.requested:
                    raise KeyboardInterrupt if stop.requested == signal.SIGINT else SystemExit(stop.exit_status)

            found = minimize(objective, start, self.iterations, self.optimizer, self.learning_rate, watch)
        image = to_image(found)
        write_picture(target, Picture(image))
        if log:
            save_figure(loss_figure(log), folder / "loss.png")
        ended = "" if len(log) == self.iterations else f" after {len(log)} steps, since no lower loss was found"
        tell(f"picture {target}{ended}")
        return image
