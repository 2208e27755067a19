"""`upscale`: enlarge pictures."""

from __future__ import annotations

from typing import Any

import click

from ..weights import DEFAULTS, RESTORER
from . import _options
from ._command import Command

CHOSEN = ", ".join(f"{name} over ×{scale // 2} up to ×{scale}" for scale, name in DEFAULTS.items() if scale != 2)
CHOSEN += f"; {RESTORER} with --scale 1"


@click.command(cls=Command)
@click.argument("inputs", nargs=-1, required=True, type=click.Path())
@_options.out_option
@click.option(
    "--model",
    callback=_options.model_of("super-resolution"),
    help=f"{_options.model_help}  [default: {DEFAULTS[2]}; {CHOSEN}]",
)
@_options.list_models_option("super-resolution")
@_options.size_options
@_options.compare_option
@_options.tile_option
@_options.match_histogram_option
@click.option(
    "--self-ensemble", is_flag=True, help="Average over 8 rotated and flipped copies: better, but 8 times slower."
)
@_options.output_options
@_options.device_options
def upscale(model: str | None, compare: bool, quality: int | None, crf: int | None, **options: Any) -> None:
    """Enlarge INPUTS: pictures, folders of them (their tree is kept), and videos.

    Results have exactly the requested size: the output of the next larger model, or of several passes, is reduced to
    it. Without --model, the model is chosen by each picture's enlargement, and JPEG files of a quality below 90 get the
    model for photos from the web, if one ships for that scale; pictures that are large enough are only reduced.
    --scale 1 keeps the size, and removes JPEG's blocks and noise.

    Alpha, gray, 16 bits, color profiles, date and location are kept; for videos also sound, timing and color tags.
    Videos inside folders are skipped: name them. Failures are listed at the end and do not stop the rest.
    """
    from ..inference.comparing import UpscaleComparison
    from ..inference.jobs import UpscaleJob
    from ._batch import process_comparisons
    from ._video import process_all

    files, size = _options.take_files(options), _options.take_size(options)
    if compare:
        _options.refuse(["crf"], "videos, not for --compare")
        comparison = UpscaleComparison(model, _options.take_devices(options), quality, size, **options)
        raise SystemExit(process_comparisons(files, comparison))
    job = UpscaleJob(model, _options.take_devices(options), quality, size, crf, **options)
    raise SystemExit(process_all(files, job, job.label))
