"""The notebooks run, in their quick mode, and what is kept of their outputs is small and of no one machine."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
NOTEBOOKS = sorted(path.name for path in FOLDER.glob("*.ipynb"))


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder of small ones: what takes time in the notebooks is measuring whole photos."""
    folder = tmp_path_factory.mktemp("photos")
    for name in ("astronaut", "coffee", "rocket", "chelsea"):
        Image.fromarray(getattr(skimage.data, name)()[60:220, 140:300]).save(folder / f"{name}.png")
    return folder


def execute(*arguments, **settings):
    environment = {**os.environ, "GLUON_PERCEPTUAL_QUICK": "1", **settings}
    command = [sys.executable, FOLDER / "execute.py", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def outputs(path):
    return [output for cell in json.loads(path.read_text())["cells"] for output in cell.get("outputs", ())]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebooks_run(name, photos, tmp_path):
    before = (FOLDER / name).read_bytes()
    done = execute(FOLDER / name, "--out", tmp_path, GLUON_PERCEPTUAL_PHOTOS=str(photos))
    assert done.returncode == 0, done.stderr
    assert (FOLDER / name).read_bytes() == before
    found = outputs(tmp_path / name)
    assert any("image/jpeg" in output.get("data", ()) or "image/png" in output.get("data", ()) for output in found)
    for output in found:
        assert "Warning" not in "".join(output.get("text", ()))
        assert len(output.get("traceback", ())) <= 1  # a user's mistake is one line
    assert not any(folder in (tmp_path / name).read_text() for folder in (str(FOLDER.parent), sys.prefix))


def test_kept_outputs_are_small():
    assert sum((FOLDER / name).stat().st_size for name in NOTEBOOKS) < 8e6


def test_tracked_notebooks_are_written_only_where_that_is_asked_for():
    done = execute()
    assert (done.returncode, "--in-place" in done.stderr) == (2, True)


def test_quick_figures_are_not_kept():
    done = execute("--in-place")
    assert done.returncode == 2
    assert "give --out" in done.stderr


def test_a_notebook_that_fails_says_where(tmp_path):
    cell = {"cell_type": "code", "execution_count": None, "id": "a", "metadata": {}, "outputs": [], "source": "1 / 0"}
    notebook = tmp_path / "broken.ipynb"
    notebook.write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    done = execute(notebook, "--out", tmp_path / "out")
    assert done.returncode == 1
    assert "broken.ipynb" in done.stderr
    assert "ZeroDivisionError" in done.stderr
    assert not (tmp_path / "out").exists()


def smooth_noise():
    small = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    return np.asarray(Image.fromarray(small).resize((400, 300), Image.BICUBIC))


def test_plots_stay_exact_and_photos_become_small():
    from notebooks.execute import smallest

    plot = np.full((300, 400, 3), 255, np.uint8)
    plot[100:102] = 0
    for picture, expected in ((plot, "image/png"), (smooth_noise(), "image/jpeg")):
        png = io.BytesIO()
        Image.fromarray(picture).save(png, "PNG")
        kind, data = smallest(png.getvalue())
        assert kind == expected
        assert len(data) <= len(png.getvalue())
        found = np.asarray(Image.open(io.BytesIO(data)), int)
        assert np.abs(found - picture).mean() < (2 if kind == "image/jpeg" else 1e-9)
