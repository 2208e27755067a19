"""`train_sr`: train a super-resolution network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ._command import Command, device_options


@click.command(cls=Command)
@click.option("--scale", type=click.Choice(["2", "4", "8"]), default="2", help="How many times to enlarge.")
@click.option(
    "--arch",
    type=click.Choice(["skip", "paper", "blog"]),
    default="skip",
    help="skip: the paper's network added to the bicubic enlargement, without batch norm; paper and blog: theirs, with "
    "the training that they describe. Sets the defaults of the options that show none.",
)
@click.option("--width", type=click.IntRange(1), help="Channels inside.  [default: 64]")
@click.option("--blocks", type=click.IntRange(0), help="Residual blocks.  [default: 4]")
@click.option("--norm", type=click.Choice(["batch", "none"]), help="Normalisation.")
@click.option("--upsampling", type=click.Choice(["transposed", "nearest", "subpixel"]), help="The convs of stride 1/2.")
@click.option("--data", type=click.Path(), help="Folder of photos, or a list of files.  [default: sample photos]")
@click.option("--validation", type=click.Path(), help="Likewise, to measure on.  [default: some of --data, held out]")
@click.option("--shards", type=click.Path(), help="Folder of trainx_i.params and trainy_i.params, instead of --data.")
@click.option("--patch", type=click.IntRange(8), help="Side of the high-resolution patches.  [default: 144]")
@click.option("--crops", type=click.IntRange(1), help="Patches in a row from a photo.  [default: 1]")
@click.option("--sigma", type=click.FloatRange(0), help="Blur before shrinking, in pixels.  [default: 1.0]")
@click.option("--degradation", type=click.Choice(["bicubic", "decimate"]), help="How photos are shrunk.")
@click.option("--loss", type=click.Choice(["feature", "pixel", "mix"]), help="What is minimised.")
@click.option("--mix", type=click.FloatRange(0), help="Weight of the feature loss beside the pixel loss in mix.")
@click.option("--pixel-loss", type=click.Choice(["absolute", "squared"]), help="Kind of pixel loss.")
@click.option("--tv", type=click.FloatRange(0), help="Weight of the total variation.  [default: 0]")
@click.option("--tv-kind", type=click.Choice(["paper", "blog"]), help="Kind of total variation.")
@click.option("--vgg", metavar="shipped|zoo|FILE", help="Weights of the loss network.  [default: shipped]")
@click.option("--steps", type=click.IntRange(1), help="Updates.")
@click.option("--batch", type=click.IntRange(1), help="Patches in an update.  [default: 4]")
@click.option("--learning-rate", "--lr", type=click.FloatRange(0, min_open=True), help="Adam's rate after the warm-up.")
@click.option("--schedule", type=click.Choice(["cosine", "step", "constant"]), help="How the rate goes down.")
@click.option("--warmup", type=click.IntRange(0), help="Updates in which the rate goes up.")
@click.option("--max-norm", type=click.FloatRange(0), help="Clip gradients to this norm; 0: never.")
@click.option("--seed", type=click.IntRange(0), help="Of everything random.  [default: 0]")
@click.option("--workers", type=click.IntRange(0), help="Threads that prepare patches.  [default: 2]")
@click.option("--out", type=click.Path(), help="The run's folder.  [default: runs/sr_x2 or the next that is free]")
@click.option("--save-every", type=click.IntRange(1), default=500, help="Steps between checkpoints.")
@click.option("--preview-every", type=click.IntRange(1), default=200, help="Steps between preview pictures.")
@click.option("--tensorboard", is_flag=True, help="Write TensorBoard events too.")
@device_options
def train_sr(scale: str, arch: str, out: str | None, **options: Any) -> None:
    """Train a network that enlarges photos.

    Everything that the run makes is in its folder: config.json, log.jsonl, training.log, checkpoints, previews, the
    loss plot, and at the end the scores on photos held out and the figure input | output | histogram matched | truth.
    """
    from ..training.config import SuperResolutionConfig
    from ..training.super_resolution import SuperResolutionRun
    from ._train import run_folder, train
    from ._train_sr import SuperResolutionPictures

    habits = {name: options.pop(name) for name in ("save_every", "preview_every", "tensorboard")}
    config = SuperResolutionConfig.from_architecture(arch, scale=int(scale), **options)
    folder = run_folder(Path(out) if out else None, f"sr_x{scale}")
    run = SuperResolutionRun(config)
    raise SystemExit(train(run, SuperResolutionPictures(run), folder, **habits))
