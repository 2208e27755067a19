"""`train_sr`: train a super-resolution network."""

from __future__ import annotations

from typing import Any

import click

from ._command import Command
from ._options import degradation_option, scales
from ._training_options import Picture, given, run_options, training_options
from ._types import Number


@click.command(cls=Command)
@click.option("--scale", type=scales, default="2", help="How many times to enlarge; 1: restore at the same size.")
@click.option(
    "--arch",
    type=click.Choice(["skip", "paper", "blog"]),
    default="skip",
    help="skip: the paper's network added to the bicubic enlargement, without batch norm; paper and blog: theirs, with "
    "the training that they describe. Sets the defaults of the options that show none.",
)
@click.option("--width", type=click.IntRange(1, 1024), help="Channels inside.  [default: 64]")
@click.option("--blocks", type=click.IntRange(0, 256), help="Residual blocks.  [default: 4]")
@click.option("--norm", type=click.Choice(["batch", "none"]), help="Normalization.")
@click.option("--upsampling", type=click.Choice(["transposed", "nearest", "subpixel"]), help="The convs of stride 1/2.")
@click.option(
    "--lowpass",
    type=Number(0, 0.5),
    metavar="CUT-OFF",
    help="Low-pass filter on what the network adds, against dots, in cycles a pixel; 0: none.  [default: with a "
    "feature loss and --arch skip 0.4 for ×2, 0.3 for ×4 and ×8]",
)
@click.option("--shards", type=Picture, help="Folder of trainx_i.params and trainy_i.params, instead of --data.")
@click.option("--patch", type=click.IntRange(8, 4096), help="Side of the high-resolution patches.  [default: 144]")
@click.option("--crops", type=click.IntRange(1, 1000000), help="Patches in a row from a photo.  [default: 1]")
@click.option("--sigma", type=Number(0, 100), help="Blur before shrinking, in pixels.  [default: 1.0]")
@degradation_option()
@click.option("--loss", type=click.Choice(["feature", "pixel", "mix"]), help="What is minimized.")
@click.option("--mix", type=Number(0), help="Weight of the feature loss beside the pixel loss in mix.")
@click.option("--pixel-loss", type=click.Choice(["absolute", "squared"]), help="Kind of pixel loss.")
@click.option("--feature-layer", metavar="LAYER", help="Of VGG16, where the feature loss compares.  [default: relu2_2]")
@click.option("--grid", type=Number(0), help="Weight of the grid left by upsampling, against dots.")
@click.option("--tv-kind", type=click.Choice(["paper", "blog"]), help="Kind of total variation.")
@training_options
@click.pass_context
def train_sr(context: click.Context, /, **options: Any) -> None:
    """Train a network that enlarges photos.

    Everything that the run makes is in its folder: config.json, log.jsonl, training.log, checkpoints, previews, the
    loss plot, and at the end the scores on photos held out and the figure input | output | histogram matched | truth.
    """
    from ..training.config import SuperResolutionConfig
    from ..training.super_resolution import super_resolution_task
    from ._train import Kind, train
    from ._train_sr import SuperResolutionPictures

    chosen = given(context)
    if "scale" in chosen:
        chosen["scale"] = int(chosen["scale"])
    kind = Kind(
        SuperResolutionConfig,
        SuperResolutionConfig.from_architecture,
        super_resolution_task,
        SuperResolutionPictures,
        f"sr_x{options['scale']}",
    )
    raise SystemExit(train(kind, chosen, run_options(context)))
