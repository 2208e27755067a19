"""`optimize_image`: pictures by optimization, as before the paper."""

from __future__ import annotations

from typing import Any, Callable

import click

from ..choices import Optimizer, of
from ..losses.terms import STYLE_LAYERS, STYLE_WEIGHT
from ..training.settings import LARGEST_COUNT, LARGEST_SEED, LONGEST_SIDE
from ._command import Command
from ._console import tell
from ._options import gpus_option
from ._types import InputFile, Number, OutputFile, parse_names, parse_numbers


def optimization_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that both kinds share."""
    options = (
        click.option("-o", "--out", required=True, type=OutputFile(), help="Picture to write, beside a folder."),
        click.option(
            "--size", type=click.IntRange(32, LONGEST_SIDE), default=256, help="Longer side of the picture in pixels."
        ),
        click.option("--iterations", type=click.IntRange(1, LARGEST_COUNT), default=300, help="Steps at most."),
        click.option("--optimizer", type=click.Choice(of(Optimizer)), default="lbfgs", help="Method."),
        click.option("--lr", type=Number(0, min_open=True), default=5.0, help="Adam's rate in gray levels."),
        click.option("--tv", type=Number(0), default=1e-6, help="Weight of the total variation."),
        click.option("--vgg", metavar="shipped|zoo|zoo19|FILE", default="shipped", help="VGG16's or VGG19's weights."),
        click.option(
            "--save-every", type=click.IntRange(1, LARGEST_COUNT), default=50, help="Steps between pictures on the way."
        ),
        click.option("--seed", type=click.IntRange(0, LARGEST_SEED), default=0, help="Of the noise to start from."),
        gpus_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def optimize_image() -> None:
    """Optimize a picture: style transfer as by Gatys et al., or the inversion of features.

    Beside the picture OUT.png goes a new folder, OUT or OUT-2 and so on, with pictures on the way and the plot of the
    loss.
    """


@optimize_image.command(cls=Command)
@click.argument("content", type=InputFile())
@click.argument("styles", nargs=-1, required=True, type=InputFile(), metavar="STYLE...")
@click.option("--blend", metavar="W,W,...", callback=parse_numbers, help="Weights of the styles.  [default: equal]")
@click.option(
    "--style-size", type=click.IntRange(0, LONGEST_SIDE), default=256, help="Longer side of the styles; 0: as they are."
)
@click.option("--style-weight", type=Number(0), default=STYLE_WEIGHT, help="Weight of each layer's style loss.")
@click.option("--content-weight", type=Number(0), default=1.0, help="Weight of the feature loss.")
@click.option("--content-layer", default="relu2_2", help="Where content is compared.")
@click.option("--style-layers", default=",".join(STYLE_LAYERS), callback=parse_names, help="Where style is compared.")
@click.option("--start", type=click.Choice(["content", "noise"]), default="content", help="What to start from.")
@optimization_options
def style(content: str, styles: tuple[str, ...], style_size: int, start: str, **options: Any) -> None:
    """Paint CONTENT in the style of STYLE, or of several, blended."""
    from pathlib import Path

    from ..image.formats import format_for
    from ..image.io import to_tensor
    from ..losses.style_transfer import check_blend, read_style
    from ..optimize import noise, style_objective
    from ._optimize import Optimization, read_content

    run = Optimization.from_options(options)
    format_for(run.out)
    check_blend(options["blend"] or (), styles)
    picture = read_content(Path(content), options.pop("size"))
    options["blend"] = options["blend"] or ()
    seed = options.pop("seed")
    paintings = [read_style(Path(path), style_size) for path in styles]
    objective = style_objective(picture, paintings, ctx=run.device, **options)
    run(objective, noise(objective.shape, seed) if start == "noise" else to_tensor(picture))


@optimize_image.command(cls=Command)
@click.argument("image", type=InputFile())
@click.option(
    "--layer",
    "layers",
    default="relu2_2",
    callback=parse_names,
    metavar="LAYER,...",
    help="VGG's activations; of several, OUT is the series of pictures, as the paper's figure 3.",
)
@optimization_options
def invert(image: str, layers: tuple[str, ...], size: int, tv: float, vgg: str, seed: int, **options: Any) -> None:
    """Find a picture with the features of IMAGE at a layer: what the layer knows of it."""
    from pathlib import Path

    from ..evaluation.metrics import psnr
    from ..figures import check_figure_path, comparison_figure, save_figure
    from ..image.formats import format_for
    from ..optimize import inversion_objective, noise
    from ._optimize import Optimization, read_content

    run = Optimization.from_options(options)
    (check_figure_path if len(layers) > 1 else format_for)(run.out)
    picture = read_content(Path(image), size)
    found = []
    for layer in layers:
        objective = inversion_objective(picture, layer, tv, vgg, run.device)
        found.append(run(objective, noise(objective.shape, seed), layer if len(layers) > 1 else ""))
        tell(f"{layer}: PSNR {psnr(found[-1], picture, data_range=255):.2f} dB")
    if len(layers) > 1:
        save_figure(comparison_figure(["photo", *layers], [[picture, *found]]), run.out)
        tell(f"figure {run.out}")
