"""`upscale`: enlarge pictures."""

from __future__ import annotations

from typing import Any

import click

from ..weights import DEFAULTS
from ._command import Command
from ._options import (
    compare_option,
    crf_option,
    device_options,
    list_models_option,
    match_histogram_option,
    model_help,
    model_of,
    out_option,
    precision_option,
    quality_option,
    size_of,
    size_options,
    skip_existing_option,
    suffix_option,
    tile_option,
)

CHOSEN = ", ".join(f"{name} over ×{scale // 2}" for scale, name in DEFAULTS.items() if scale != 2)


@click.command(cls=Command)
@click.argument("inputs", nargs=-1, required=True, type=click.Path())
@out_option
@click.option(
    "--model", callback=model_of("super-resolution"), help=f"{model_help}  [default: {DEFAULTS[2]}; {CHOSEN}]"
)
@list_models_option("super-resolution")
@size_options
@compare_option
@tile_option
@match_histogram_option
@click.option("--self-ensemble", is_flag=True, help="Mean over 8 turned and flipped copies: better, 8 times slower.")
@precision_option
@skip_existing_option
@suffix_option
@quality_option
@crf_option
@device_options
def upscale(
    inputs: tuple[str, ...],
    out: str | None,
    model: str | None,
    scale: float | None,
    width: int | None,
    height: int | None,
    megapixels: float | None,
    compare: bool,
    tile: int | str,
    match_histogram: str | None,
    self_ensemble: bool,
    precision: str,
    skip_existing: bool,
    suffix: str | None,
    quality: int | None,
    crf: int | None,
    gpus: str | None,
    cpus: int,
) -> None:
    """Enlarge INPUTS: pictures, folders of them, whose tree is kept, and videos.

    Results are exactly of the size asked for: what the next larger model makes, or several passes of one, is reduced.
    Without --model it is chosen by how much each picture has to grow; one that is large enough already is reduced only.

    Alpha, gray, 16 bits, color profiles, date and place are kept; of videos sound, times and color tags. Videos in
    folders are left out: name them. Without --model, JPEG files of a quality below 90 are
    enlarged by the model for photos from the web, if one ships for that scale. What fails is named at the end, and
    the rest is done.
    """
    from pathlib import Path

    from .._mxnet import devices
    from ..inference.comparing import UpscaleComparison
    from ..inference.jobs import UpscaleJob
    from ._batch import process
    from ._outputs import plan_comparisons
    from ._video import plan_all, process_videos

    options: dict[str, Any] = {
        "tile": tile,
        "match_histogram": match_histogram,
        "self_ensemble": self_ensemble,
        "precision": precision,
    }
    paths = [Path(path) for path in inputs]
    size = size_of(scale=scale, width=width, height=height, megapixels=megapixels)
    if compare:
        tasks = plan_comparisons(paths, out)
        raise SystemExit(process(tasks, UpscaleComparison(model, devices(gpus, cpus), size, **options), skip_existing))
    job = UpscaleJob(model, devices(gpus, cpus), quality, size, crf, **options)
    pictures, videos = plan_all(paths, out, suffix, job.label)
    raise SystemExit(process(pictures, job, skip_existing) | process_videos(videos, job, skip_existing))
