"""How styles fare on photos: `python -m benchmarks.styles wave=wave.jpg candy.params --photos FOLDER`.

Prints the table of docs/styles.md: for each model the means over the photos of the measures in
`gluon_perceptual.style_metrics`; and, where its painting is given, its loss on the first photos as a multiple of what
L-BFGS reaches on the same pair, which is how the paper judges its networks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Sequence

import click
import numpy as np
from tqdm import tqdm

from gluon_perceptual.data.photos import find_photos
from gluon_perceptual.images import read_rgb, to_tensor
from gluon_perceptual.inference import Stylizer
from gluon_perceptual.optimize import Objective, minimize, style_objective
from gluon_perceptual.resize import fit
from gluon_perceptual.style_metrics import blob_area, clipped_area, color_noise, edge_correlation
from gluon_perceptual.styles import read_style
from gluon_perceptual.training.style import StyleConfig

from .models import markdown

HEAD = ("", "clipped", "blobs", "color noise", "the painting's", "edges", "loss / L-BFGS's", "content", "style")
Paint = Callable[[np.ndarray], np.ndarray]


@click.command(context_settings={"show_default": True})
@click.argument("models", nargs=-1, required=True, metavar="MODEL[=PAINTING]...")
@click.option("--photos", required=True, multiple=True, help="Folder or list of photos that no model was trained on.")
@click.option("--size", default=512, help="Longer side of the photos in pixels.")
@click.option("--loss-photos", default=2, help="Photos on which the loss is compared.")
@click.option("--loss-size", default=256, help="Longer side of these.")
@click.option("--style-size", default=384, help="Longer side of the paintings, as in training.")
@click.option("--iterations", default=300, help="Steps of L-BFGS.")
def main(models: Sequence[str], photos: Sequence[str], **options: int) -> None:
    """Print the table."""
    pictures = [read_rgb(path) for folder in photos for path in find_photos(folder)]
    lines = []
    for given in tqdm(models, desc="models"):
        name, _, painting = given.partition("=")
        paint = Stylizer(name)
        cells = measured(paint, [fit(picture, options["size"]) for picture in pictures])
        if painting:
            style = read_style(Path(painting), options["style_size"])
            cells[3] = f"{color_noise(style):.2f}"
            small = [fit(picture, options["loss_size"]) for picture in pictures[: options["loss_photos"]]]
            cells[5:] = compared(paint, small, style, options["iterations"])
        lines.append([f"`{Path(name).stem}`", *cells])
    click.echo(markdown(HEAD, lines))


def measured(paint: Paint, photos: Sequence[np.ndarray]) -> list[str]:
    """Return a line of the table, without what needs a painting."""
    rows = []
    for photo in tqdm(photos, desc="photos", leave=False):
        painted = paint(photo)
        edges = edge_correlation(painted, photo)
        rows.append((clipped_area(painted), blob_area(painted, photo), color_noise(painted), edges))
    clipped, blobs, noise, edges = np.mean(rows, axis=0)
    return [f"{100 * clipped:.1f} %", f"{100 * blobs:.1f} %", f"{noise:.2f}", "", f"{edges:.2f}", "", "", ""]


def compared(paint: Paint, photos: Sequence[np.ndarray], style: np.ndarray, iterations: int) -> list[str]:
    """Return the mean loss of painted photos, and its content and style, each over the mean that L-BFGS reaches."""
    ours, reached = [], []
    for photo in tqdm(photos, desc="L-BFGS", leave=False):
        objective = style_objective(photo, [style], style_weight=StyleConfig.style_weight, tv=StyleConfig.tv)
        ours.append(parts(objective, to_tensor(paint(photo))))
        reached.append(parts(objective, minimize(objective, to_tensor(photo), iterations)))
    return [f"{ratio:.2f}" for ratio in np.mean(ours, axis=0) / np.mean(reached, axis=0)]


def parts(objective: Objective, picture: Any) -> tuple[float, float, float]:
    """Return the loss of (1, 3, H, W) in [0, 255], and how much of it is content and style, weighted."""
    loss, _ = objective(np.asarray(picture, np.float64).ravel())
    weighted = {name: weight * objective.terms[name] for name, weight in objective.loss.weights.items()}
    content, style = (
        sum(value for name, value in weighted.items() if name.startswith(kind)) for kind in ("feature:", "style:")
    )
    return loss, content, style


if __name__ == "__main__":
    main()
