"""The quality of styles on photos: `python -m benchmarks.styles wave=wave.jpg candy.params --photos FOLDER`.

Prints the table of docs/styles.md: for each model the means over the photos of the measures in
`gluon_perceptual.evaluation.style_metrics`; and, if its painting is given, its loss on the first photos as a multiple
of the loss that L-BFGS reaches on the same pair, as in the paper.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Sequence

import click
import numpy as np
from tqdm import tqdm

from gluon_perceptual._mxnet import mx
from gluon_perceptual.choices import VariationKind, of
from gluon_perceptual.data.photos import find_photos
from gluon_perceptual.evaluation.style_metrics import clipped_share, color_noise, style_scores
from gluon_perceptual.image.io import Picture, read_rgb, to_image, to_tensor, write_picture
from gluon_perceptual.image.resize import resize_longest_side
from gluon_perceptual.inference import Stylizer
from gluon_perceptual.losses.style_transfer import read_style
from gluon_perceptual.losses.terms import STYLE_LAYERS
from gluon_perceptual.nets.lowpass import LowPass
from gluon_perceptual.optimize import Objective, minimize, style_objective
from gluon_perceptual.training.style import StyleConfig

from .tables import line, markdown

MEASURES = ("", "clipped", "blobs", "color noise", "edges", "painting's clipped", "painting's color noise")
HEAD = (*MEASURES, "loss / L-BFGS's", "content + style", "content", "style", "L-BFGS, low-pass", *STYLE_LAYERS)
Paint = Callable[[np.ndarray], np.ndarray]


@click.command(context_settings={"show_default": True})
@click.argument("models", nargs=-1, required=True, metavar="MODEL[=PAINTING]...")
@click.option("--photos", required=True, multiple=True, help="Folder or list of photos that no model was trained on.")
@click.option("--size", default=512, help="Longer side of the photos in pixels.")
@click.option("--loss-photos", default=2, help="Photos on which the loss is compared; each takes minutes.")
@click.option("--loss-size", default=256, help="Longer side of these.")
@click.option("--style-size", default=StyleConfig.style_size, help="Longer side of the paintings in pixels.")
@click.option(
    "--style-weight",
    type=click.FloatRange(0, min_open=True),
    default=StyleConfig.style_weight,
    help="Weight of the style loss.",
)
@click.option(
    "--content-weight",
    type=click.FloatRange(0, min_open=True),
    default=StyleConfig.content_weight,
    help="Weight of the feature loss.",
)
@click.option("--tv", type=click.FloatRange(0), default=StyleConfig.tv, help="Weight of the total variation.")
@click.option("--tv-kind", type=click.Choice(of(VariationKind)), default=StyleConfig.tv_kind, help="Its kind.")
@click.option("--iterations", default=300, help="Steps of L-BFGS.")
@click.option("--keep", type=click.Path(path_type=Path), help="Folder for these photos, our pictures and L-BFGS's.")
def main(
    models: Sequence[str],
    photos: Sequence[str],
    size: int,
    loss_photos: int,
    loss_size: int,
    style_size: int,
    keep: Path | None,
    **options: Any,
) -> None:
    """Print the table, with the share of each layer in the style loss of the pictures by L-BFGS."""
    pictures = [read_rgb(path) for folder in photos for path in find_photos(folder)]
    click.echo(markdown(HEAD, []))
    for given in models:
        name, _, painting = given.partition("=")
        paint = Stylizer(name, precision="float32")
        name = Path(name).stem
        cells = [f"`{name}`", *measured(paint, [resize_longest_side(picture, size) for picture in pictures])]
        if painting:
            style = read_style(Path(painting), style_size)
            cells += [f"{100 * clipped_share(style):.1f} %", f"{color_noise(style):.2f}"]
            small = [resize_longest_side(picture, loss_size) for picture in pictures[:loss_photos]]
            cells += compared(paint, small, style, keep and keep / name, **options) if small else []
        click.echo(line([*cells, *[""] * (len(HEAD) - len(cells))]))


def measured(paint: Paint, photos: Sequence[np.ndarray]) -> list[str]:
    """Return the cells of the measures that do not need a painting."""
    rows = [list(style_scores(paint(photo), photo).values()) for photo in tqdm(photos, desc="photos", leave=False)]
    clipped, blobs, noise, edges = np.mean(rows, axis=0)
    return [f"{100 * clipped:.1f} %", f"{100 * blobs:.1f} %", f"{noise:.2f}", f"{edges:.2f}"]


def compared(
    paint: Paint, photos: Sequence[np.ndarray], style: np.ndarray, keep: Path | None, iterations: int, **weights: Any
) -> list[str]:
    """Return the cells of losses relative to L-BFGS's, and of each layer's share in this.

    They are the mean loss, its content and style, together and each; then the loss of L-BFGS's own pictures after the
    low-pass that a style network has by default: L-BFGS reaches part of its loss by fine waves that nobody wants.
    """
    ours, reached, filtered = [], [], []
    lowpass = LowPass(StyleConfig.lowpass, 1)
    lowpass.initialize()
    for number, photo in enumerate(tqdm(photos, desc="L-BFGS", leave=False), 1):
        objective = style_objective(photo, [style], **weights)
        picture, best = paint(photo), minimize(objective, to_tensor(photo), iterations)
        ours.append(parts(objective, to_tensor(picture)))
        reached.append(parts(objective, best))
        filtered.append(parts(objective, lowpass(mx.nd.array(best)).asnumpy())[0])
        if keep:
            for maker, made in (("photo", photo), (keep.name, picture), ("L-BFGS", to_image(best))):
                write_picture(keep / f"{number:02d}" / f"{maker}.png", Picture(made))
    a, b = np.mean(ours, axis=0), np.mean(reached, axis=0)
    return [f"{ratio:.2f}" for ratio in (*a[:4] / b[:4], np.mean(filtered) / b[0], *b[4:] / b[3])]


def parts(objective: Objective, picture: Any) -> tuple[float, ...]:
    """Return the loss of (1, 3, H, W) in [0, 255]; of this content and style, content, style, each layer's style."""
    loss, _ = objective(np.asarray(picture, np.float64).ravel())
    weighted = {name: weight * objective.terms[name] for name, weight in objective.loss.weights.items()}
    styles = [weighted[f"style:{layer}"] for layer in STYLE_LAYERS]
    content = weighted[f"feature:{StyleConfig.content_layer}"]
    return loss, content + sum(styles), content, sum(styles), *styles


if __name__ == "__main__":
    main()
