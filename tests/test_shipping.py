"""Models that ship: made from runs, listed, loaded by name; and what `upscale` and `stylize` do without options."""

import json
import shlex
import shutil

import numpy as np
import pytest
from cli import assert_one_line_error, draw_nothing, run, write
from PIL import Image

from gluon_perceptual import weights
from gluon_perceptual._mxnet.gluon import values_of
from gluon_perceptual.checkpoint.model import load_with_spec, save_model, with_lowpass
from gluon_perceptual.commands._recipes import how_made
from gluon_perceptual.evaluation.scores import SCORES
from gluon_perceptual.formats.mxnet_params import read_params
from gluon_perceptual.image.io import read_rgb
from gluon_perceptual.inference import Upscaler

TINY = ("--width", 4, "--workers", 0, "--batch", 1, "--vgg", "shipped")
WORDS = ("--what", "for tests", "--data", "noise", "--license", "none")

pytestmark = [pytest.mark.usefixtures("no_figures"), pytest.mark.xdist_group("shelf")]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for seed in range(3):
        write(folder / f"{seed}.png", np.random.default_rng(seed).integers(0, 256, (64, 72, 3), np.uint8))
    return folder


@pytest.fixture(scope="module")
def shelf(photos, tmp_path_factory):
    """A folder of shipped weights with two models alone."""
    folder, runs = tmp_path_factory.mktemp("weights"), tmp_path_factory.mktemp("somewhere")
    for path in weights.FOLDER.glob("*.*"):
        (folder / path.name).symlink_to(path)
    (folder / "manifest.json").unlink()
    no_models = {name: entry for name, entry in weights.manifest().items() if "kind" not in entry}
    (folder / "manifest.json").write_text(json.dumps(no_models))
    sr = ("train-sr", "--data", photos, *TINY, "--blocks", 1, "--patch", 16, "--loss", "pixel", "--sigma", 0)
    style = ("train-style", photos / "0.png", "--data", photos, *TINY, "--size", 48, "--steps", 1, "--style-size", 32)
    start = runs / "pixel/checkpoints/step-0000002.params"
    with pytest.MonkeyPatch.context() as patch:
        draw_nothing(patch)
        assert run(*sr, "--steps", 2, "--out", runs / "pixel")[0] == 0
        assert run(*sr, "--steps", 3, "--out", runs / "sharp", "--start-from", start)[0] == 0
        blunt = ("--out", runs / "blunt", "--start-from", start, "--seed", 1)
        assert run(*sr, "--steps", 3, *blunt)[0] == 0
        assert run(*style, "--out", runs / "noise")[0] == 0
        for module in ("weights", "commands._shipping"):
            patch.setattr(f"gluon_perceptual.{module}.FOLDER", folder)
        given = (*WORDS, "--evaluate", f"noise={photos}")
        assert run("ship-model", runs / "sharp/checkpoints/step-0000003.params", "sr_x2_deep", *given)[0] == 0
        assert run("ship-model", runs / "noise/checkpoints/step-0000001.params", "noise", *given)[0] == 0
        yield folder


def test_the_manifest_tells_all(shelf):
    entry = weights.models("super-resolution")["sr_x2_deep"]
    assert entry["steps"] == 5
    assert set(entry["scores"]["noise"]) == {*SCORES[:6]}  # of noise, no place is smooth
    assert entry["dtype"] == "float16"
    assert entry["device"] == "CPU cores"
    assert {array.dtype for array in read_params(shelf / "sr_x2_deep.params").values()} == {np.dtype("float16")}
    first, second = entry["recipe"]
    assert "--start-from" not in first
    assert "--start-from runs/pixel/checkpoints/step-0000002.params" in second
    assert str(shelf) not in json.dumps(entry)
    scores = weights.models("style")["noise"]["scores"]["noise"]
    assert set(scores) == {"clipped", "blobs", "color_noise", "edges"}
    assert 0 <= scores["clipped"] <= 1
    style = weights.models("style")["noise"]["recipe"][0]
    assert style.startswith("train_style 0.png --data photos")
    assert "--style-layers" not in style  # which are as always


@pytest.mark.parametrize(("option", "cutoff"), [("0.3", 0.3), ("0.3,0.22", [0.3, 0.22])])
def test_a_low_pass_can_be_put_in(shelf, option, cutoff):
    before = (shelf / "manifest.json").read_text()
    try:
        checkpoint = next(shelf.parent.rglob("sharp/checkpoints/step-0000003.params"))
        assert run("ship-model", checkpoint, "softer", *WORDS, "--lowpass", option)[0] == 0
        assert f"(--lowpass {option})" in weights.models()["softer"]["changes"]
        assert load_with_spec("softer")[1].arguments["lowpass"] == cutoff
    finally:
        (shelf / "manifest.json").write_text(before)


@pytest.mark.parametrize("option", ["0", "x", "0.3,", "0.3,0.7", "0.3,0.2,0.1"])
def test_low_passes_that_are_none(shelf, option):
    before = (shelf / "manifest.json").read_text()
    checkpoint = next(shelf.parent.rglob("sharp/checkpoints/step-0000003.params"))
    assert_one_line_error(run("ship-model", checkpoint, "softer", *WORDS, "--lowpass", option), "--lowpass", status=2)
    assert (shelf / "manifest.json").read_text() == before


def test_the_mean_of_two_runs_can_be_shipped(shelf):
    before = (shelf / "manifest.json").read_text()
    first, second = (next(shelf.parent.rglob(f"{name}/checkpoints/step-*3.params")) for name in ("sharp", "blunt"))
    try:
        assert run("ship-model", first, "mild", *WORDS, "--average", second, "--average", second)[0] == 0
        entry = weights.models()["mild"]
        assert "the mean of those of runs/sharp, runs/blunt (2 times)" in entry["changes"]
        assert entry["steps"] == 2 + 3 + 3  # the run that both started from counts once
        assert [step.rpartition("/")[2] for step in entry["recipe"]] == ["pixel", "sharp", "blunt"]
        mean, *arrays = (values_of(load_with_spec(model)[0].net) for model in ("mild", first, second))
        for key, values in mean.items():
            np.testing.assert_allclose(values, (arrays[0][key] + 2 * arrays[1][key]) / 3, rtol=1e-3, atol=1e-5)
    finally:
        (shelf / "manifest.json").write_text(before)


def test_what_fails_leaves_the_models_as_they_are(shelf, tmp_path):
    before = {path.name: path.read_bytes() for path in shelf.iterdir()}
    checkpoint = next(shelf.parent.rglob("blunt/checkpoints/step-0000003.params"))
    other = next(shelf.parent.rglob("noise/checkpoints/step-0000001.params"))
    write(tmp_path / "small/a.png", height=9, width=9)
    given = ("ship-model", checkpoint, "sr_x2_deep", *WORDS)
    assert_one_line_error(run(*given, "--evaluate", f"small={tmp_path / 'small'}"), "too small to be scored")
    assert_one_line_error(run(*given, "--average", other), "different networks, which have no mean")
    assert {path.name: path.read_bytes() for path in shelf.iterdir()} == before


def test_low_passes_of_a_mean(shelf, tmp_path):
    """Where they differ, one must be given; it replaces them."""
    before = (shelf / "manifest.json").read_text()
    run_folder = next(shelf.parent.rglob("sharp/checkpoints")).parent
    shutil.copytree(run_folder, tmp_path / "soft")
    second = tmp_path / "soft/checkpoints/step-0000003.params"
    save_model(second, *with_lowpass(*load_with_spec(second), 0.4))
    first = run_folder / "checkpoints/step-0000003.params"
    try:
        for one, other in ((first, second), (second, first)):
            given = ("ship-model", one, "mild", *WORDS, "--average", other)
            assert_one_line_error(run(*given), "the low-passes of the checkpoints differ: give --lowpass")
            assert (shelf / "manifest.json").read_text() == before
            assert run(*given, "--lowpass", "0.3,0.2")[0] == 0
            assert load_with_spec("mild")[1].arguments["lowpass"] == [0.3, 0.2]
            (shelf / "manifest.json").write_text(before)
    finally:
        (shelf / "manifest.json").write_text(before)


def test_a_log_may_be_thinned(shelf, tmp_path):
    run_folder = next(shelf.parent.rglob("sharp/checkpoints")).parent
    thin = tmp_path / "sharp"
    shutil.copytree(run_folder, thin)
    lines = (thin / "log.jsonl").read_text().splitlines()
    (thin / "log.jsonl").write_text(lines[-1] + "\n")
    made = how_made(thin / "checkpoints/step-0000003.params")
    assert made["steps"] == 2 + 3


def test_recipes_can_be_repeated(shelf, photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / photos.name).symlink_to(photos)
    for command in weights.models("super-resolution")["sr_x2_deep"]["recipe"]:
        name, *arguments = shlex.split(command)
        assert run(name.replace("_", "-"), *arguments)[0] == 0


def test_a_run_from_a_shipped_model_says_so(shelf, photos, tmp_path):
    before = (shelf / "manifest.json").read_text()
    sr = ("train-sr", "--data", photos, *TINY, "--blocks", 1, "--patch", 16, "--loss", "pixel", "--steps", 2)
    assert run(*sr, "--start-from", "sr_x2_deep", "--out", tmp_path / "run")[0] == 0
    try:
        assert run("ship-model", tmp_path / "run/checkpoints/step-0000002.params", "sharper", *WORDS)[0] == 0
        entry = weights.models()["sharper"]
        assert len(entry["recipe"]) == 1
        assert "--start-from sr_x2_deep " in entry["recipe"][0]
        assert entry["steps"] == 5 + 2
        checkpoint = "checkpoints/step-0000002.params"
        for out, commands in (("again", 2), ("more", 3)):  # from the model that it replaces
            assert run(*sr, "--start-from", "sharper", "--out", tmp_path / out)[0] == 0
            mean = (tmp_path / out / checkpoint, "sharper", *WORDS, "--average", tmp_path / "run" / checkpoint)
            assert run("ship-model", *mean)[0] == 0
            replaced = weights.models()["sharper"]
            assert replaced["recipe"][0] == entry["recipe"][0]
            assert replaced["recipe"][-1].endswith(f"runs/{out}")
            assert len(replaced["recipe"]) == commands  # the averaged run is there already
            assert replaced["steps"] == 5 + 2 * commands
        assert (
            "from command 2 of the recipe on, --start-from sharper is the result; the parameters are"
            in replaced["changes"]
        )
        assert (
            "; from command 3 of the recipe on, --start-from sharper is the result; the parameters are"
            in replaced["changes"]
        )
    finally:
        (shelf / "manifest.json").write_text(before)
    assert_one_line_error(run(*sr, "--start-from", "sr_x3", "--out", tmp_path / "other"), "sr_x3", "sr_x2_deep")


def test_models_are_used_by_name(shelf, tmp_path):
    photo = write(tmp_path / "photo.png")
    assert run("upscale", photo)[0] == 0
    assert read_rgb(tmp_path / "photo_x2.png").shape == (24, 20, 3)
    assert run("stylize", photo, "--model", "noise")[0] == 0
    assert read_rgb(tmp_path / "photo_noise.png").shape == (12, 10, 3)
    write(tmp_path / "folder/in/a.png")
    assert run("upscale", tmp_path / "folder", "--model", "sr_x2_deep")[0] == 0
    assert (tmp_path / "folder_x2/in/a.png").exists()


def test_models_are_listed(shelf):
    assert run("upscale", "--list-models")[:2] == (0, "sr_x2_deep  ×2  for tests (default for ×2)\n")
    assert run("stylize", "--list-models")[:2] == (0, "noise  for tests\n")


def test_jpeg_files_of_low_quality_get_the_model_for_them(shelf, photos, tmp_path):
    image = read_rgb(photos / "0.png")
    for quality in (40, 95):
        Image.fromarray(image).save(tmp_path / f"{quality}.jpg", quality=quality)
    write(tmp_path / "clean.png", image)
    status, _, stderr = run("upscale", tmp_path, "-o", tmp_path / "a")
    assert status == 0
    assert stderr.count("sr_x2_deep is for clean pictures") == 1
    assert "40.jpg: JPEG quality is about 40" in stderr
    assert "--model" not in stderr
    before = (shelf / "manifest.json").read_text()
    sr = ("train-sr", "--data", photos, *TINY, "--blocks", 1, "--patch", 16, "--loss", "pixel", "--steps", 1)
    assert run(*sr, "--start-from", "sr_x2_deep", "--degrade", "web", "--lr", 1, "--out", tmp_path / "run")[0] == 0
    try:
        checkpoint, given = tmp_path / "run/checkpoints/step-0000001.params", (*WORDS, "--evaluate", f"noise={photos}")
        assert run("ship-model", checkpoint, "sr_x2_web", *given)[0] == 0
        entry = weights.models()["sr_x2_web"]
        assert (entry["scale"], entry["inputs"]) == (2, "web")
        assert list(entry["scores"]) == ["noise", "noise, JPEG 75", "noise, JPEG 60", "noise, JPEG 40"]
        status, _, stderr = run("upscale", *sorted(tmp_path.glob("*.*g")), "-o", tmp_path / "b")
        assert (status, "clean pictures" in stderr) == (0, False)
        for name, changes in (("40.jpg", True), ("95.jpg", False), ("clean.png", False)):
            assert np.array_equal(*(read_rgb(tmp_path / part / name) for part in "ab")) != changes
        stderr = run("upscale", tmp_path / "40.jpg", "-o", tmp_path / "c", "--model", "sr_x2_deep")[2]
        assert "; use --model sr_x2_web" in stderr
    finally:
        (shelf / "manifest.json").write_text(before)


def test_unknown_and_damaged_models(shelf, tmp_path):
    photo = write(tmp_path / "photo.png")
    assert_one_line_error(run("upscale", photo, "--model", "sr_x3"), "sr_x3", "sr_x2_deep")
    assert_one_line_error(run("upscale", photo, "--scale", 8), "sr_x8_pixel", "sr_x2_deep")
    assert_one_line_error(run("stylize", photo, "--model", "sr_x2_deep"), "use upscale")
    path = shelf / "noise.params"
    whole = path.read_bytes()
    try:
        path.write_bytes(whole[:-1] + b"x")
        assert_one_line_error(run("stylize", photo, "--model", "noise"), "damaged")
    finally:
        path.write_bytes(whole)


def test_a_run_without_record_is_refused(tmp_path, shelf):
    assert_one_line_error(run("ship-model", "nothere.params", "other", *WORDS), "nothere.params: no such file")
    path = tmp_path / "run/checkpoints/model.params"
    path.parent.mkdir(parents=True)
    for suffix in (".params", ".json"):
        path.with_suffix(suffix).write_bytes((shelf / f"noise{suffix}").read_bytes())
    for text in ("[]", json.dumps({"config": {"start_from": str(path)}})):
        (tmp_path / "run/config.json").write_text(text)
        assert_one_line_error(run("ship-model", path, "other", *WORDS), "config.json")
    assert "other" not in weights.models()
    assert not list(shelf.glob("other*"))


def test_self_ensemble_is_the_mean_over_the_square(shelf):
    image = np.random.default_rng(1).integers(80, 176, (14, 10, 3), np.uint8)  # nothing is clipped
    once, mean = Upscaler("sr_x2_deep"), Upscaler("sr_x2_deep", self_ensemble=True)
    total = np.zeros((28, 20, 3))
    for turns in range(4):
        turned = np.rot90(image, turns)
        total += np.rot90(once(turned).astype(float), -turns)
        total += np.rot90(once(turned[:, ::-1])[:, ::-1].astype(float), -turns)
    assert np.abs(mean(image) - total / 8).max() <= 1  # each of the eight was rounded
    np.testing.assert_array_equal(mean(np.rot90(image)), np.rot90(mean(image)))
