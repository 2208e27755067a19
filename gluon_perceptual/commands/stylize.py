"""`stylize`: repaint pictures and videos."""

from __future__ import annotations

from typing import Any

import click

from ..choices import PreserveColor, Statistics, of
from ._command import Command
from ._options import (
    compare_option,
    crf_option,
    device_options,
    list_models_option,
    model_help,
    model_of,
    out_option,
    precision_option,
    quality_option,
    skip_existing_option,
    suffix_option,
    tile_option,
)
from ._types import Number


@click.command(cls=Command)
@click.argument("inputs", nargs=-1, required=True, type=click.Path())
@out_option
@click.option("--model", callback=model_of("style"), help=model_help)
@list_models_option("style")
@compare_option
@click.option(
    "--preserve-color",
    type=click.Choice(of(PreserveColor)),
    help="Keep the photo's colors: take the style's luminance alone, or match the result's histogram to the photo's.",
)
@click.option("--strength", type=Number(0, 1), default=1.0, help="Mix, from 0, the photo, to 1, the style.")
@click.option(
    "--statistics",
    type=click.Choice(of(Statistics)),
    default="whole",
    help="Of photos that do not go through at once. whole: as if the network saw the photo at once; reduced: those of "
    "a small copy, in about half of the time.",
)
@tile_option
@precision_option
@skip_existing_option
@suffix_option
@quality_option
@crf_option
@click.option(
    "--temporal/--no-temporal",
    default=True,
    help="Of videos: blend each result with the last one, moved as the photo has moved, so that it does not flicker.",
)
@device_options
def stylize(
    inputs: tuple[str, ...],
    out: str | None,
    suffix: str | None,
    skip_existing: bool,
    model: str | None,
    compare: bool,
    quality: int | None,
    crf: int | None,
    temporal: bool,
    gpus: str | None,
    cpus: int,
    **options: Any,
) -> None:
    """Repaint INPUTS in the model's style: pictures, folders of them, whose tree is kept, and videos.

    Alpha, 16 bits, color profiles, date and place are kept; of videos sound, times and color tags. Videos in folders
    are left out: name them. What fails is named at the end, and the rest is done.
    """
    from pathlib import Path

    from .._mxnet import devices
    from ..inference.comparing import StylizeComparison
    from ..inference.jobs import StylizeJob
    from ._batch import process
    from ._outputs import plan_comparisons
    from ._video import process_all

    paths = [Path(path) for path in inputs]
    if compare:
        tasks = plan_comparisons(paths, out)
        raise SystemExit(process(tasks, StylizeComparison(model, devices(gpus, cpus), **options), skip_existing))
    if model is None:
        raise click.UsageError("Missing option '--model'; --compare shows all that ship.")
    job = StylizeJob(model, devices(gpus, cpus), quality, crf, temporal, **options)
    raise SystemExit(process_all(paths, out, suffix, job, Path(model).stem, skip_existing))
