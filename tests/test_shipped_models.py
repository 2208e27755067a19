"""What holds of every super-resolution model that ships: no dots, no tint, and a photo sharper than bicubic's."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from cli import run, write
from skimage.data import astronaut, coffee

from benchmarks.models import summary
from gluon_perceptual.evaluation.metrics import color_error, grid_energy, psnr
from gluon_perceptual.evaluation.super_resolution import grid_period
from gluon_perceptual.image.resize import imresize
from gluon_perceptual.inference import Upscaler
from gluon_perceptual.weights import models

ROOT = Path(__file__).resolve().parents[1]
NAMES = sorted(models("super-resolution"))
MADE_FOR_PHOTOS = [name for name in NAMES if "illustration" not in name]
ENLARGING = [name for name in MADE_FOR_PHOTOS if models()[name]["scale"] > 1]
# `evaluation.metrics.grid_energy` of the benchmarks' own photos, the mean of each, by period
TRUE_GRID = {"Set5": {2: 0.9656, 4: 0.9981, 8: 0.9840}, "BSD100": {2: 0.8767, 4: 0.9714, 8: 0.9810}}


@pytest.fixture(scope="module")
def upscaler(request):
    return Upscaler(request.param)


@pytest.mark.parametrize("upscaler", NAMES, indirect=True)
def test_flat_gray_comes_out_flat(upscaler):
    for level in range(0, 256, 15):
        output = upscaler(np.full((24, 30, 3), level, np.uint8)).astype(float)
        assert output.shape == (24 * upscaler.scale, 30 * upscaler.scale, 3)
        assert output.std() < 0.5, level
        assert abs(output.mean() - level) < 2, level


@pytest.mark.parametrize("upscaler", ENLARGING, indirect=True)
def test_photos_get_no_grid_and_no_tint(upscaler):
    grids = []
    for photo in (astronaut()[:256, 64:320], coffee()[:256, 128:384]):
        truth = np.ascontiguousarray(photo)
        low = imresize(truth, 1 / upscaler.scale)
        output, bicubic = upscaler(low), imresize(low, upscaler.scale)
        grids.append(grid_energy(output, upscaler.scale) / grid_energy(truth, upscaler.scale))
        assert color_error(output, truth) < color_error(bicubic, truth) + 0.2
        assert psnr(output, truth, data_range=255) > psnr(bicubic, truth, data_range=255)
    assert np.mean(grids) < 1.5  # two photos; on the benchmarks' it is near 1, and dots that one can see have 4


@pytest.mark.parametrize("name", MADE_FOR_PHOTOS)
def test_the_benchmarks_saw_no_grid(name):
    entry = models("super-resolution")[name]
    for benchmark, scores in entry["scores"].items():
        assert scores["grid"] < 1.1 * TRUE_GRID[benchmark.partition(",")[0]][grid_period(entry["scale"])]


@pytest.fixture(scope="module")
def done():
    """The folders of runs by their commands, which some recipes share."""
    return {}


@pytest.mark.xdist_group("recipes")
@pytest.mark.usefixtures("no_figures")
@pytest.mark.parametrize("name", models())
def test_the_recipe_runs(name, done, tmp_path, monkeypatch):
    """For a step of each command, on small photos, drawings and paintings under the names that the recipe has."""
    monkeypatch.chdir(tmp_path)
    for folder in ("photos", "small_photos", "illustrations"):
        for number in range(3):
            write(tmp_path / folder / f"{number}.png", coffee()[90 * number :][:90, :100])
    for command in models()[name]["recipe"]:
        kind, *options = command.split()
        out = Path(options[options.index("--out") + 1])
        if command in done:
            shutil.copytree(done[command], out)
            continue
        if kind == "train_style":
            write(tmp_path / options[0], astronaut()[:64, :64])
        if "--start-from" in options:
            start = options.index("--start-from") + 1
            if options[start] not in models():
                options[start] = str(Path(options[start]).with_name("step-0000001.params"))
        small = ["--patch", 64] if kind == "train_sr" else ["--size", 48, "--style-size", 64]
        anywhere = ("--precision", "float32")  # also where the processor has no bfloat16
        status, _, stderr = run(kind.replace("_", "-"), *options, "--steps", 1, "--batch", 1, *small, *anywhere)
        assert status == 0, stderr
        done[command] = out.resolve()
    assert (out / "checkpoints/step-0000001.params").exists()


@pytest.mark.parametrize("document", ["README.md", "docs/models.md"])
def test_the_documents_say_what_the_manifest_says(document):
    assert summary() in (ROOT / document).read_text()
