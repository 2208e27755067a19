"""The loss of quality by bfloat16: `python -m benchmarks.precision --data Set5=FOLDER --photos FOLDER`.

Prints, for each shipped model, how its results differ from those in float32: super-resolution on photos reduced by
imresize, styles on the photos themselves. If the processor has no bfloat16, it is simulated by rounding arrays.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterator, Sequence

import click
import numpy as np
from tqdm import tqdm

from gluon_perceptual import cpu
from gluon_perceptual._mxnet import mx
from gluon_perceptual.checkpoint.model import load_for_use
from gluon_perceptual.data.photos import find_photos
from gluon_perceptual.evaluation.metrics import luma_scores
from gluon_perceptual.image.files import PictureFile
from gluon_perceptual.image.io import read_rgb, to_image, to_tensor
from gluon_perceptual.image.resize import crop_to_multiple, imresize, resize_longest_side
from gluon_perceptual.nets.precision import BFloat16
from gluon_perceptual.weights import models

from .tables import markdown

STYLE_SIDE = 256  # longer side of the photos to repaint, in pixels
SPLITTER = 2.0**16 + 1  # leaves 8 of float32's 24 bits


class Rounded(BFloat16):
    """Inputs and outputs of convolutions, and sums, are rounded to bfloat16 but stay float32."""

    def narrow(self, F: Any, x: Any) -> Any:
        """Round values, and in the same way gradients, by Dekker's splitting: as a cast, but 14 times as fast.

        The gradients of x and of its copy are added as the values are.
        """
        copy = F.identity(x)
        return x * SPLITTER + (copy - copy * SPLITTER)

    def widen(self, F: Any, x: Any) -> Any:
        """Return `x`, which is float32."""
        return x

    def convolution(self, F: Any, *inputs: Any, **settings: Any) -> Any:
        """Round the output, too."""
        return self.narrow(F, super().convolution(F, *inputs, **settings))

    def transposed_convolution(self, F: Any, x: Any, weight: Any, **settings: Any) -> Any:
        """Likewise, where it is in bfloat16."""
        out = super().transposed_convolution(F, x, weight, **settings)
        return self.narrow(F, out) if self.forward_only else out

    def add(self, F: Any, a: Any, b: Any) -> Any:
        """Round the sum, too."""
        return self.narrow(F, super().add(F, a, b))


def narrow_precision() -> BFloat16:
    """Return the processor's bfloat16, or `Rounded` if it has none."""
    return Rounded() if cpu.bfloat16_support() == cpu.NONE else BFloat16()


@click.command()
@click.option("--data", multiple=True, metavar="NAME=FOLDER", help="Photos to enlarge; may be given several times.")
@click.option("--photos", type=click.Path(exists=True), help="Photos to repaint.")
def main(data: Sequence[str], photos: str | None) -> None:
    """Print the tables."""
    click.echo(f"{type(narrow_precision()).__name__}\n")
    for given in data:
        title, _, folder = given.partition("=")
        rows = (enlarged(name, find_photos(folder)) for name in models("super-resolution"))
        click.echo(markdown((title, "PSNR, difference in dB", "largest difference, gray levels"), rows))
    if photos:
        rows = (repainted(name, find_photos(photos)) for name in models("style"))
        click.echo(markdown((Path(photos).name, "mean difference, gray levels", "largest of a picture"), rows))


def both(name: str, pictures: Iterator[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the outputs of a model in bfloat16 and in float32, (1, 3, H, W), not clipped."""
    narrow, wide = (load_for_use(name, None, precision)[0] for precision in (narrow_precision(), "float32"))
    for picture in pictures:
        x = mx.nd.array(to_tensor(picture))
        yield narrow(x).asnumpy(), wide(x).asnumpy()


def enlarged(name: str, photos: Sequence[PictureFile]) -> list[str]:
    """Return the line of a super-resolution model in the table."""
    scale = models()[name]["scale"]
    truths = [crop_to_multiple(read_rgb(photo), scale) for photo in photos]
    pairs = both(name, (imresize(truth, 1 / scale) if scale > 1 else truth for truth in truths))
    losses, largest = [], 0.0
    for truth, (narrow, wide) in zip(truths, tqdm(pairs, name, len(truths))):
        scores = [luma_scores(to_image(values, np.uint8), truth, scale)[0] for values in (narrow, wide)]
        losses.append(scores[0] - scores[1])
        largest = max(largest, float(np.abs(narrow - wide).max()))
    return [name, f"{np.mean(losses):+.4f}", f"{largest:.2f}"]


def repainted(name: str, photos: Sequence[PictureFile]) -> list[str]:
    """Return the line of a style model in the table."""
    pairs = both(name, (resize_longest_side(read_rgb(photo), STYLE_SIDE) for photo in photos))
    means = [
        float(np.abs(narrow.clip(0, 255) - wide.clip(0, 255)).mean()) for narrow, wide in tqdm(pairs, name, len(photos))
    ]
    return [name, f"{np.mean(means):.3f}", f"{max(means):.3f}"]


if __name__ == "__main__":
    main()
