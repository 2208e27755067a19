"""`stylize`: repaint pictures and videos."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..choices import PreserveColor, Statistics, of
from . import _options
from ._command import Command
from ._types import Number


@click.command(cls=Command)
@click.argument("inputs", nargs=-1, required=True, type=click.Path())
@_options.out_option
@click.option("--model", callback=_options.model_of("style"), help=_options.model_help)
@_options.list_models_option("style")
@_options.compare_option
@click.option(
    "--preserve-color",
    type=click.Choice(of(PreserveColor)),
    help="Keep the photo's colors: use only the style's luminance, or match the result's histogram to the photo's.",
)
@click.option("--strength", type=Number(0, 1), default=1.0, help="Blend, from 0, the photo, to 1, the style.")
@click.option(
    "--statistics",
    type=click.Choice(of(Statistics)),
    default="whole",
    help="For photos that need tiles. whole: as if the network saw the photo at once; reduced: statistics of a small "
    "copy, in about half the time.",
)
@_options.tile_option
@_options.output_options
@click.option(
    "--temporal/--no-temporal",
    default=True,
    help="For videos: blend each frame with the previous result, moved along with the picture, to reduce flicker.",
)
@_options.device_options
def stylize(
    model: str | None, compare: bool, quality: int | None, crf: int | None, temporal: bool, **options: Any
) -> None:
    """Repaint INPUTS in the model's style: pictures, folders of them (their tree is kept), and videos.

    Alpha, 16 bits, color profiles, date and location are kept; for videos also sound, timing and color tags. Videos
    inside folders are skipped: name them. Failures are listed at the end and do not stop the rest.
    """
    from ..inference.comparing import StylizeComparison
    from ..inference.jobs import StylizeJob
    from ._batch import process_comparisons
    from ._video import process_all

    files = _options.take_files(options)
    if compare:
        _options.refuse(["crf", "temporal"], "videos, not for --compare")
        comparison = StylizeComparison(model, _options.take_devices(options), quality, **options)
        raise SystemExit(process_comparisons(files, comparison))
    if model is None:
        raise click.UsageError("Missing option '--model'; --compare shows all shipped models.")
    job = StylizeJob(model, _options.take_devices(options), quality, crf, temporal, **options)
    raise SystemExit(process_all(files, job, Path(model).stem))
