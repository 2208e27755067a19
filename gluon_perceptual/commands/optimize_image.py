"""`optimize_image`: pictures by optimization, the method before the paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..choices import Optimizer, VariationKind, of
from ..losses.terms import STYLE_LAYERS, STYLE_WEIGHT
from ..training.settings import LARGEST_COUNT, LARGEST_SEED, LONGEST_SIDE
from ._command import Command
from ._console import Group, tell
from ._options import combined, gpu_option
from ._types import InputFile, Number, OutputFile, parse_names, parse_numbers

TV = {"isotropic": 1e4, "blog": 1e4, "paper": 1e-6}  # default weights of the total variation by kind

optimization_options = combined(
    click.option("-o", "--out", required=True, type=OutputFile(), help="Picture to write, with a folder beside it."),
    click.option(
        "--size", type=click.IntRange(32, LONGEST_SIDE), default=256, help="Longer side of the picture in pixels."
    ),
    click.option("--iterations", type=click.IntRange(1, LARGEST_COUNT), default=300, help="Largest number of steps."),
    click.option("--optimizer", type=click.Choice(of(Optimizer)), default="lbfgs", help="Optimizer."),
    click.option("--lr", type=Number(0, min_open=True), default=5.0, help="Learning rate of Adam, in gray levels."),
    click.option("--vgg", metavar="shipped|zoo|zoo19|FILE", default="shipped", help="Weights of VGG16 or VGG19."),
    click.option(
        "--save-every", type=click.IntRange(1, LARGEST_COUNT), default=50, help="Steps between intermediate pictures."
    ),
    click.option("--seed", type=click.IntRange(0, LARGEST_SEED), default=0, help="Seed of the noise to start from."),
    gpu_option,
)


@click.group(cls=Group)
def optimize_image() -> None:
    """Optimize a picture: style transfer as by Gatys et al., or the inversion of features.

    A new folder beside the picture OUT.png, named OUT or OUT-2 and so on, gets intermediate pictures and the plot of
    the loss.
    """


@optimize_image.command(cls=Command)
@click.argument("content", type=InputFile())
@click.argument("styles", nargs=-1, required=True, type=InputFile(), metavar="STYLE...")
@click.option("--blend", metavar="W,W,...", callback=parse_numbers, help="Weights of the styles.  [default: equal]")
@click.option(
    "--style-size",
    type=click.IntRange(0, LONGEST_SIDE),
    default=256,
    help="Longer side of the styles in pixels; 0: as they are.",
)
@click.option("--style-weight", type=Number(0), default=STYLE_WEIGHT, help="Weight of each layer's style loss.")
@click.option("--content-weight", type=Number(0), default=1.0, help="Weight of the feature loss.")
@click.option(
    "--tv", type=Number(0), help="Weight of the total variation, against speckles.  [default: 1e4; paper: 1e-6]"
)
@click.option("--tv-kind", type=click.Choice(of(VariationKind)), default="isotropic", help="Kind of total variation.")
@click.option("--content-layer", default="relu2_2", help="VGG layer whose features are compared.")
@click.option(
    "--style-layers", default=",".join(STYLE_LAYERS), callback=parse_names, help="VGG layers whose style is compared."
)
@click.option("--start", type=click.Choice(["content", "noise"]), default="content", help="What to start from.")
@optimization_options
def style(content: str, styles: tuple[str, ...], style_size: int, start: str, **options: Any) -> None:
    """Paint CONTENT in the style of STYLE, or of several styles, blended."""
    from ..image.formats import format_for
    from ..image.io import read_rgb, to_tensor
    from ..image.resize import resize_longest_side
    from ..losses.style_transfer import check_blend, read_style
    from ..optimize import noise, style_objective
    from ._optimize import Optimization

    run = Optimization(options)
    format_for(run.out)
    options["blend"] = options["blend"] or ()
    options["tv"] = TV[options["tv_kind"]] if options["tv"] is None else options["tv"]
    check_blend(options["blend"], styles)
    picture = resize_longest_side(read_rgb(content), options.pop("size"))
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
    help="VGG layers; for several, OUT is a series of pictures, as in the paper's figure 3.",
)
@click.option("--tv", type=Number(0), default=1e-6, help="Weight of the total variation.")
@optimization_options
def invert(image: str, layers: tuple[str, ...], size: int, tv: float, vgg: str, seed: int, **options: Any) -> None:
    """Find a picture with the features of IMAGE at a layer: it shows what the layer represents."""
    from ..evaluation.metrics import psnr
    from ..figures import check_figure_path, comparison_figure, save_figure
    from ..image.formats import format_for
    from ..image.io import read_rgb
    from ..image.resize import resize_longest_side
    from ..optimize import inversion_objective, noise
    from ._optimize import Optimization

    run = Optimization(options)
    (check_figure_path if len(layers) > 1 else format_for)(run.out)
    picture = resize_longest_side(read_rgb(image), size)
    # All are made before any work, so that mistakes are reported first.
    objectives = [inversion_objective(picture, layer, tv, vgg, run.device) for layer in layers]
    found = []
    for layer in layers:
        objective = objectives.pop(0)  # whose memory is freed after its turn
        found.append(run(objective, noise(objective.shape, seed), layer if len(layers) > 1 else ""))
        tell(f"{layer}: PSNR {psnr(found[-1], picture, data_range=255):.2f} dB")
    if len(layers) > 1:
        save_figure(comparison_figure(["photo", *layers], [[picture, *found]]), run.out)
        tell(f"figure {run.out}")
