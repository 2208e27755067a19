"""`train_style`: train a style transfer network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ._command import Command
from ._training_options import Picture, given, run_options, training_options
from ._types import LONGEST_SIDE, Number, parse_names, parse_numbers


@click.command(cls=Command)
@click.option(
    "--arch",
    type=click.Choice(["linear", "paper"]),
    default="linear",
    help="linear: the paper's layers with instance norms and a linear output; paper: the paper's network and training. "
    "Sets the defaults of the options that show none.",
)
@click.argument("style", nargs=-1, type=Picture)
@click.option("--blend", metavar="W,W,...", callback=parse_numbers, help="Weights of the styles.  [default: equal]")
@click.option(
    "--style-size", type=click.IntRange(0, LONGEST_SIDE), help="Longer side of the style pictures; 0: as they are."
)
@click.option(
    "--style-layers",
    metavar="LAYER,...",
    callback=parse_names,
    help="Where style is compared.  [default: relu1_2,relu2_2,relu3_3,relu4_3]",
)
@click.option("--style-weight", type=Number(0), help="Weight of each layer's style loss.")
@click.option("--content-layer", type=click.Choice(["relu2_2", "relu3_3"]), help="Where content is compared.")
@click.option("--content-weight", type=Number(0), help="Weight of the feature loss.")
@click.option(
    "--stability",
    type=Number(0),
    help="Weight of the stability loss (output change under input noise); reduces flicker.",
)
@click.option("--match-color", is_flag=True, default=None, help="First give the style pictures the photos' colors.")
@click.option("--denoise", type=Number(0, 100), help="First denoise the style pictures, 3 or more; against dots.")
@click.option("--size", type=click.IntRange(32, LONGEST_SIDE), help="Side of the photo crops.")
@click.option("--flat", type=Number(0, 1), help="Share of crops taken from flat parts of photos.")
@click.option("--width", type=click.IntRange(1, 1024), help="Channels of the first layer.")
@click.option("--norm", type=click.Choice(["instance", "batch", "none"]), help="Normalization.")
@click.option("--upsampling", type=click.Choice(["transposed", "nearest", "subpixel"]), help="The convs of stride 1/2.")
@click.option("--output", type=click.Choice(["tanh", "linear"]), help="Last layer; tanh is the paper's.")
@training_options
@click.pass_context
def train_style(context: click.Context, /, style: tuple[str, ...], **options: Any) -> None:
    """Train a network that repaints photos in the style of the picture STYLE, or of several, blended.

    Everything that the run makes is in its folder: config.json, log.jsonl, training.log, checkpoints, previews, the
    loss plot, and at the end photos held out in the style.
    """
    from ..training.style import StyleConfig, style_task
    from ._train import Kind, train
    from ._train_style import StylePictures

    name = Path(style[0]).stem if style else "style"
    kind = Kind(StyleConfig, StyleConfig.from_architecture, style_task, StylePictures, name)
    raise SystemExit(train(kind, given(context), run_options(context)))
