"""`upscale`: enlarge pictures."""

from __future__ import annotations

import click

from ..weights import DEFAULTS
from ._command import Command
from ._options import (
    device_options,
    list_models_option,
    match_histogram_option,
    model_help,
    model_of,
    out_option,
    precision_option,
    quality_option,
    scales,
    skip_existing_option,
    suffix_option,
    tile_option,
)

CHOSEN = ", ".join(f"{name} for --scale {scale}" for scale, name in DEFAULTS.items() if scale != 2)


@click.command(cls=Command)
@click.argument("inputs", nargs=-1, required=True, type=click.Path())
@out_option
@click.option(
    "--model", callback=model_of("super-resolution"), help=f"{model_help}  [default: {DEFAULTS[2]}; {CHOSEN}]"
)
@list_models_option("super-resolution")
@click.option(
    "--scale",
    type=scales,
    help="Insist on a model that enlarges so many times; enlarge before a symbol that keeps the size.",
)
@tile_option
@match_histogram_option
@click.option("--self-ensemble", is_flag=True, help="Mean over 8 turned and flipped copies: better, 8 times slower.")
@precision_option
@skip_existing_option
@suffix_option
@quality_option
@device_options
def upscale(
    inputs: tuple[str, ...],
    out: str | None,
    model: str | None,
    scale: str | None,
    tile: int | str,
    match_histogram: str | None,
    self_ensemble: bool,
    precision: str,
    skip_existing: bool,
    suffix: str | None,
    quality: int | None,
    gpus: str | None,
    cpus: int,
) -> None:
    """Enlarge INPUTS: pictures, or folders of them, whose tree is kept.

    Alpha, gray, 16 bits, color profiles, date and place are kept. Without --model, JPEG files of a quality below 90 are
    enlarged by the model for photos from the web, if one ships for that scale. What fails is named at the end, and
    the rest is done.
    """
    from functools import partial
    from pathlib import Path

    from .._mxnet import devices
    from ..image.io import Picture, check_target, read_picture, write_picture
    from ..inference import Upscaler
    from ..inference.progress import Progress
    from ._batch import process
    from ._inputs import ModelChoice, default_models
    from ._outputs import plan_outputs

    factor = int(scale) if scale else None
    names = [model] if model else default_models(factor or 2)
    options = (tile, match_histogram, self_ensemble, factor, precision)
    workers = [{name: Upscaler(name, device, *options) for name in names} for device in devices(gpus, cpus)]
    times = workers[0][names[0]].scale
    tasks = plan_outputs([Path(path) for path in inputs], out, suffix, f"x{times}")
    choose = ModelChoice(names)

    def read(path: Path, target: Path) -> tuple[Picture, str]:
        picture = read_picture(path)
        check_target(target, picture, times)
        return picture, choose(path)

    def work(upscalers: dict[str, Upscaler], job: tuple[Picture, str], progress: Progress) -> Picture:
        picture, name = job
        return upscalers[name].enlarge(picture, progress)

    raise SystemExit(process(tasks, workers, read, work, partial(write_picture, quality=quality), skip_existing))
