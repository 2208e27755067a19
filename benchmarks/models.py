"""Scores of the models that ship: `python -m benchmarks.models --data Set5=FOLDER --data BSD100=FOLDER …`.

Prints the tables of docs/models.md: the shipped models, from the manifest; for each scale, bicubic enlargement and
its models, on photos made smaller by imresize without blur; and the time that each model takes, which needs a quiet
machine. `--drawings FOLDER` scores the ×2 models on the drawings that the model for drawings was not trained on.
"""

from __future__ import annotations

from functools import partial
from typing import Sequence

import click
import numpy as np
from tqdm import tqdm

from gluon_perceptual.data.photos import find_photos, split_photos
from gluon_perceptual.evaluation.metrics import grid_energy
from gluon_perceptual.evaluation.scores import Row, as_text, means
from gluon_perceptual.evaluation.stlpips import st_lpips_if_installed
from gluon_perceptual.evaluation.super_resolution import DISTANCE_LAYERS, Method, baseline, evaluate
from gluon_perceptual.image.files import PictureFile
from gluon_perceptual.image.io import read_rgb
from gluon_perceptual.image.resize import crop_to_multiple
from gluon_perceptual.inference import Upscaler
from gluon_perceptual.nets import LossNetwork
from gluon_perceptual.timing.measuring import seconds
from gluon_perceptual.weights import models, shipped_path, web_model

from .tables import markdown

ROUNDS = 5
QUALITIES = (95, 90, 85, 75, 60, 40)
LEVELS = range(0, 256, 15)
in_float32 = partial(Upscaler, precision="float32")  # whatever the processor is faster in
HEAD = ("", "PSNR", "SSIM", "relu2_2", "relu4_3", "CIEDE2000", "grid / truth's", "weave", "worst", "ST-LPIPS")


@click.command()
@click.option("--data", multiple=True, required=True, metavar="NAME=FOLDER", help="Photos to score on.")
@click.option("--drawings", type=click.Path(exists=True), help="The folder of drawings that a model was trained on.")
@click.option("--only", help="Models to score, separated by commas; by default all.")
def main(data: Sequence[str], drawings: str | None, only: str | None) -> None:
    """Print the tables."""
    click.echo(summary())
    names = only.split(",") if only else list(models("super-resolution"))
    sets = [(title, find_photos(folder)) for title, _, folder in (given.partition("=") for given in data)]
    for scale in sorted({models()[name]["scale"] for name in names}):
        found = {name: in_float32(name) for name in names if models()[name]["scale"] == scale}
        methods: dict[str, Method] = {**baseline(scale), **found}
        (first, photos), (last, others) = sets[0], sets[-1]
        if scale > 1:  # what keeps the size has nothing to do on clean photos
            for title, files in sets:
                click.echo(f"\n### ×{scale}, {title}\n\n{scored(methods, files, scale)}")
            click.echo(f"\n### ×{scale}, {first}: matching and self-ensemble\n\n{varied(found, photos, scale)}")
        if web_model(scale) in found:
            click.echo(f"\n### ×{scale}, {last} as JPEG\n\n{saved(methods, others, scale)}")
        if scale == 2 and drawings:
            click.echo(f"\n### ×2, drawings\n\n{scored(methods, split_photos(drawings)[1], 2)}")
    click.echo(f"\n### Time\n\n{timed(names)}")
    click.echo("\nLargest deviation of a flat gray picture's enlargement, in gray levels:")
    for name in names:
        click.echo(f"- {name}: {deviation(in_float32(name)):.3f}")


def summary() -> str:
    """Return the table of all models, from the manifest."""
    lines = []
    for name, entry in sorted(models().items()):
        known = [entry["scores"].get(set_) if entry.get("scale") != 1 else None for set_ in ("Set5", "BSD100")]
        scores = [f"{values['psnr']:.2f} / {values['ssim']:.4f}" if values else "" for values in known]
        megabytes = shipped_path(f"{name}.params").stat().st_size / 1e6
        training = f"{entry['steps']:,} steps, {entry['hours']} h"
        lines.append([f"`{name}`", entry["what"], *scores, training, f"{megabytes:.1f} MB"])
    return markdown(("model", "", "Set5: PSNR / SSIM", "BSD100", "trained", "file"), lines)


def scored(methods: dict[str, Method], photos: Sequence[PictureFile], scale: int) -> str:
    """Return the table of the methods' mean scores; the grid is relative to the mean of the true photos."""
    network = LossNetwork.pretrained(DISTANCE_LAYERS)
    photos = [photo for photo in photos if min(read_rgb(photo).shape[:2]) >= 5 * scale]
    look = st_lpips_if_installed()
    rows = [row for photo in tqdm(photos) for row in evaluate(methods, photo, scale, network, st_lpips=look)]
    true = np.mean([grid_energy(crop_to_multiple(read_rgb(photo), scale), scale) for photo in photos])
    return markdown(HEAD, (line(row, float(true)) for row in means(rows)))


def line(row: Row, true_grid: float) -> list[str]:
    """Return a line of the table."""
    scores = (f"{row.psnr:.2f}", f"{row.ssim:.4f}", f"{row.relu2_2:.0f}", f"{row.relu4_3:.0f}", f"{row.ciede2000:.2f}")
    looks = (as_text(row, name) for name in ("weave", "worst_weave", "st_lpips"))
    return [row.method, *scores, f"{row.grid / true_grid:.2f}", *looks]


def saved(methods: dict[str, Method], photos: Sequence[PictureFile], scale: int) -> str:
    """Return the table of the mean scores for inputs saved as JPEG at some qualities."""
    network, columns = LossNetwork.pretrained(DISTANCE_LAYERS), []
    for jpeg in (None, *QUALITIES):
        rows = [row for photo in tqdm(photos) for row in evaluate(methods, photo, scale, network, jpeg=jpeg)]
        columns.append([f"{row.psnr:.2f} / {row.relu4_3:.0f}" for row in means(rows)])
    head = ("PSNR / relu4_3", "as it is", *(f"quality {jpeg}" for jpeg in QUALITIES))
    return markdown(head, [[name, *cells] for name, *cells in zip(methods, *columns)])


def varied(found: dict[str, Upscaler], photos: Sequence[PictureFile], scale: int) -> str:
    """Return the table of scores with histogram matching and with self-ensemble."""
    network, lines = LossNetwork.pretrained(DISTANCE_LAYERS), []
    for name, plain in found.items():
        methods: dict[str, Method] = {"plain": plain, "ensemble": in_float32(name, self_ensemble=True)}
        for space in ("RGB", "LAB"):
            methods[space] = in_float32(name, match_histogram=space)
        rows = means([row for photo in tqdm(photos) for row in evaluate(methods, photo, scale, network)])
        lines.append([name, *(f"{row.psnr:.2f} / {row.relu4_3:.0f} / {row.ciede2000:.2f}" for row in rows)])
    return markdown(("PSNR / relu4_3 / CIEDE2000", "plain", "--self-ensemble", "matched, RGB", "matched, LAB"), lines)


def timed(names: Sequence[str]) -> str:
    """Return the table of the models' times for a picture of 256×256, measured in turn, and their scores."""
    picture = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    found = {name: in_float32(name) for name in names}
    times: dict[str, list[float]] = {name: [] for name in names}
    for _ in tqdm(range(1 + ROUNDS)):
        for name, upscaler in found.items():
            times[name].append(seconds(partial(upscaler, picture)))
    lines = []
    for name, measured in times.items():
        scores = models()[name]["scores"].get("Set5")
        psnr = f"{scores['psnr']:.2f}" if scores else ""
        lines.append([name, f"×{models()[name]['scale']}", f"{np.median(measured[1:]):.2f}", psnr])
    return markdown(("", "", "seconds for 256×256", "Set5: PSNR"), lines)


def deviation(upscaler: Upscaler) -> float:
    """Return the largest standard deviation of the enlargement of a flat gray picture, over gray levels."""
    return max(float(upscaler(np.full((32, 32, 3), level, np.uint8)).std()) for level in LEVELS)


if __name__ == "__main__":
    main()
