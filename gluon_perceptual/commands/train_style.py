"""`train_style`: train a style transfer network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ._command import Command, device_options, parse_names, parse_numbers


@click.command(cls=Command)
@click.argument("style", nargs=-1, required=True, type=click.Path())
@click.option("--data", type=click.Path(), help="Folder of photos, or a list of files.  [default: sample photos]")
@click.option("--validation", type=click.Path(), help="Likewise, for previews.  [default: some of --data, held out]")
@click.option("--blend", metavar="W,W,...", callback=parse_numbers, help="Weights of the styles.  [default: equal]")
@click.option("--style-size", type=click.IntRange(0), help="Longer side of the style pictures; 0: as they are.")
@click.option(
    "--style-layers",
    metavar="LAYER,...",
    callback=parse_names,
    help="Where style is compared.  [default: relu1_2,relu2_2,relu3_3,relu4_3]",
)
@click.option("--style-weight", type=click.FloatRange(0), help="Weight of the style losses.")
@click.option("--content-layer", type=click.Choice(["relu2_2", "relu3_3"]), help="Where content is compared.")
@click.option("--content-weight", type=click.FloatRange(0), help="Weight of the feature loss.")
@click.option("--tv", type=click.FloatRange(0), help="Weight of the total variation.")
@click.option("--stability", type=click.FloatRange(0), help="Weight of what noise changes, against flicker.")
@click.option("--match-color", is_flag=True, default=None, help="First give the style pictures the photos' colours.")
@click.option("--denoise", type=click.FloatRange(0), help="First denoise the style pictures, 3 or more; against dots.")
@click.option("--size", type=click.IntRange(32), help="Side of the photo crops.")
@click.option("--width", type=click.IntRange(1), help="Channels of the first layer.")
@click.option("--norm", type=click.Choice(["instance", "batch", "none"]), help="Normalisation.")
@click.option("--upsampling", type=click.Choice(["transposed", "nearest", "subpixel"]), help="The convs of stride 1/2.")
@click.option("--vgg", metavar="shipped|zoo|zoo19|FILE", help="Weights of the loss network.")
@click.option("--steps", type=click.IntRange(1), help="Updates.")
@click.option("--batch", type=click.IntRange(1), help="Photos in an update.")
@click.option("--learning-rate", "--lr", type=click.FloatRange(0, min_open=True), help="Adam's rate after the warm-up.")
@click.option("--schedule", type=click.Choice(["cosine", "step", "constant"]), help="How the rate goes down.")
@click.option("--warmup", type=click.IntRange(0), help="Updates in which the rate goes up.")
@click.option("--max-norm", type=click.FloatRange(0), help="Clip gradients to this norm; 0: never.")
@click.option("--seed", type=click.IntRange(0), help="Of everything random.")
@click.option("--workers", type=click.IntRange(0), help="Threads that prepare photos.")
@click.option("--out", type=click.Path(), help="The run's folder.  [default: runs/STYLE or the next that is free]")
@click.option("--save-every", type=click.IntRange(1), default=500, help="Steps between checkpoints.")
@click.option("--preview-every", type=click.IntRange(1), default=100, help="Steps between preview pictures.")
@click.option("--tensorboard", is_flag=True, help="Write TensorBoard events too.")
@device_options
def train_style(style: tuple[str, ...], out: str | None, **options: Any) -> None:
    """Train a network that repaints photos in the style of the picture STYLE, or of several, blended.

    Everything that the run makes is in its folder: config.json, log.jsonl, training.log, checkpoints, previews, the
    loss plot, and at the end photos held out in the style.
    """
    from ..training.style import StyleConfig, StyleRun
    from ._train import run_folder, train
    from ._train_style import StylePictures

    habits = {name: options.pop(name) for name in ("save_every", "preview_every", "tensorboard")}
    given = {name: value for name, value in options.items() if value is not None}
    config = StyleConfig(style=style, **given)
    folder = run_folder(Path(out) if out else None, Path(style[0]).stem)
    run = StyleRun(config)
    raise SystemExit(train(run, StylePictures(run), folder, **habits))
