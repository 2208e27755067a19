"""`evaluate`: score models on photos."""

from __future__ import annotations

import click

from ._command import (
    Command,
    degradation_option,
    describe_reason,
    gpus_option,
    match_histogram_option,
    precision_option,
    scales,
)


@click.command(cls=Command)
@click.option("--model", "models", multiple=True, required=True, help="Checkpoint (.params); may come several times.")
@click.option("--data", required=True, type=click.Path(), help="Folder, list or .rec file of photos: the truth.")
@click.option("--scale", type=scales, required=True, help="How many times to enlarge.")
@click.option("--sigma", type=click.FloatRange(0), default=0.0, help="Blur before shrinking (benchmarks: none).")
@degradation_option(default="bicubic")
@click.option("--jpeg", type=click.IntRange(1, 100), help="Save the small photos as JPEG of this quality (4:2:0).")
@match_histogram_option
@precision_option
@click.option("--json", "as_json_text", is_flag=True, help="Print JSON, all photos.")
@click.option("--figure", type=click.Path(), help="Write the mean scores as a plot.")
@gpus_option
def evaluate(
    models: tuple[str, ...],
    data: str,
    scale: str,
    sigma: float,
    degradation: str,
    jpeg: int | None,
    match_histogram: str | None,
    precision: str,
    as_json_text: bool,
    figure: str | None,
    gpus: str | None,
) -> None:
    """Measure models beside bicubic enlargement on photos that are shrunk first.

    PSNR and SSIM by the field's protocol (Y, border shaved), the loss network's distances relu2_2 and relu4_3, the
    color error CIEDE2000, the energy at the upsampling grid's frequencies (1: no dots), the height in gray levels of
    fine waves where photos are smooth, as mean and in the worst tenth of places, and, where `pip install
    'gluon-perceptual[perceptual]'` was done, the perceptual distance ST-LPIPS.
    """
    import json
    from pathlib import Path

    import numpy as np
    from tqdm import tqdm

    from .._mxnet import devices
    from ..data.photos import find_photos
    from ..errors import UserError
    from ..evaluation import scores, super_resolution
    from ..evaluation.stlpips import st_lpips_if_installed
    from ..figures import check_figure_path, save_figure, scores_figure
    from ..inference import Upscaler
    from ..nets.vgg import LossNetwork

    if figure:
        check_figure_path(Path(figure))
    factor, photos = int(scale), find_photos(data)
    methods = {"bicubic": super_resolution.bicubic(factor)}
    for model in models:
        upscaler = Upscaler(model, devices(gpus)[0], match_histogram=match_histogram, scale=factor, precision=precision)
        methods[Path(model).stem if Path(model).stem not in methods else model] = upscaler
    loss_network = LossNetwork.pretrained(super_resolution.DISTANCE_LAYERS)
    st_lpips = st_lpips_if_installed()
    rows, failures = [], []
    for photo in tqdm(photos, unit="photo", dynamic_ncols=True):
        try:
            rows += super_resolution.evaluate(methods, photo, factor, loss_network, sigma, degradation, jpeg, st_lpips)
        except UserError as error:
            failures.append(str(error))
        except OSError as error:
            failures.append(f"{photo}: {describe_reason(error)}")
    averages = scores.means(rows)
    if as_json_text:
        click.echo(json.dumps({"rows": scores.as_json(rows), "means": scores.as_json(averages)}, indent=2))
    else:
        click.echo(scores.table(averages))
    if figure and averages:
        names = scores.measured(averages)
        values = np.array([[getattr(row, name) for name in names] for row in averages])
        save_figure(scores_figure(names, [row.method for row in averages], values), Path(figure))
    for failure in failures:
        click.echo(f"Error: {failure}", err=True)
    raise SystemExit(1 if failures else 0)
