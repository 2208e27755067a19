"""`evaluate`: score models on photos."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, Sequence

import click

from ..choices import Degradation
from ._command import Command
from ._console import show, show_json, tell_failures
from ._options import degradation_option, gpu_option, match_histogram_option, model_help, model_of, precision_option
from ._types import InputFile, Number, OutputFile


@click.command(cls=Command)
@click.option(
    "--model",
    "models",
    multiple=True,
    required=True,
    callback=model_of("super-resolution"),
    help=f"{model_help} May be repeated.",
)
@click.option(
    "--data", required=True, type=InputFile(), help="Photos, the ground truth: a folder, a list or a .rec file."
)
@click.option("--scale", type=click.IntRange(1, 16), required=True, help="How many times to enlarge.")
@click.option("--sigma", type=Number(0, 100), default=0.0, help="Blur before shrinking, in pixels (benchmarks: 0).")
@degradation_option(default="bicubic")
@click.option(
    "--jpeg", type=click.IntRange(1, 100), help="First save the small photos as JPEG of this quality (4:2:0)."
)
@match_histogram_option
@precision_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON with all photos.")
@click.option("--figure", type=OutputFile(), help="Plot of the mean scores to write.")
@gpu_option
def evaluate(
    models: tuple[str, ...],
    data: str,
    scale: int,
    match_histogram: str | None,
    precision: str,
    as_json: bool,
    figure: str | None,
    gpus: str | None,
    **degraded: Any,
) -> None:
    """Score models and bicubic enlargement on photos that are shrunk first.

    PSNR and SSIM by the field's protocol (Y, border cropped), the loss network's distances relu2_2 and relu4_3, the
    color error CIEDE2000, the energy at the upsampling grid's frequencies (1: no dots), and the weave, fine waves in
    smooth areas (gray levels; mean and worst tenth). With `pip install 'gluon-perceptual[perceptual]'` also ST-LPIPS.
    """
    from .._mxnet import devices
    from ..data.photos import find_photos
    from ..evaluation.super_resolution import baseline
    from ..figures import check_figure_path
    from ..files import check_target, input_file
    from ..inference import Upscaler
    from ..inference.comparing import title

    photos = find_photos(data)
    if figure:
        for photo in photos:
            input_file(str(photo))
        check_figure_path(check_target(figure))
    methods = baseline(scale)
    for model in models:
        upscaler = Upscaler(model, devices(gpus)[0], match_histogram=match_histogram, scale=scale, precision=precision)
        methods[title(model, methods)] = upscaler
    rows, failures = score(methods, photos, scale, **degraded)
    tell_failures(failures)
    report(rows, as_json, figure)
    raise SystemExit(1 if failures else 0)


def score(
    methods: dict[str, Any], photos: Sequence[Any], scale: int, sigma: float, degradation: Degradation, jpeg: int | None
) -> tuple[list[Any], list[str]]:
    """Return the rows of all photos, and the failures."""
    from tqdm import tqdm

    from ..errors import UserError
    from ..evaluation import super_resolution
    from ..evaluation.stlpips import st_lpips_if_installed
    from ..inference.jobs import failure
    from ..nets.vgg import LossNetwork

    loss_network = LossNetwork.pretrained(super_resolution.DISTANCE_LAYERS)
    st_lpips = st_lpips_if_installed()
    rows: list[Any] = []
    failures, named = [], Counter(photo.name for photo in photos)
    for photo in tqdm(photos, unit="photo", dynamic_ncols=True):
        try:
            found = super_resolution.evaluate(methods, photo, scale, loss_network, sigma, degradation, jpeg, st_lpips)
            rows += [row if named[photo.name] == 1 else replace(row, photo=str(photo)) for row in found]
        except (UserError, OSError) as error:
            failures.append(failure(error, photo, photo))
    return rows, failures


def report(rows: list[Any], as_json: bool, figure: str | None) -> None:
    """Draw the means if a figure is wanted, and print the rows as JSON, or their means as a table."""
    import numpy as np

    from ..evaluation import scores
    from ..figures import save_figure, scores_figure

    averages = scores.means(rows)
    if figure and averages:  # first: whoever reads the table may have gone
        names = scores.measured(averages)
        values = np.array([[getattr(row, name) for name in names] for row in averages])
        save_figure(scores_figure(names, [row.method for row in averages], values), Path(figure))
    if as_json:
        show_json({"rows": scores.as_json(rows), "means": scores.as_json(averages)})
    else:
        show(scores.table(averages))
