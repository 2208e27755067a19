"""The commands as a user runs them; training in tests/test_train_command.py."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import cv2
import numpy as np
import pytest
from cli import ROOT, assert_one_line_error, python, run, smooth_noise, start, write
from helpers import saved

from gluon_perceptual._mxnet import mx
from gluon_perceptual.checkpoint.spec import ModelSpec
from gluon_perceptual.commands import main
from gluon_perceptual.files import atomic_path

COMMANDS = sorted(path.stem for path in (ROOT / "gluon_perceptual/commands").glob("[a-z]*.py"))
NETWORK = {"scale": 2, "width": 4, "blocks": 1, "norm": "none", "upsampling": "transposed", "skip": True}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return saved(tmp_path_factory.mktemp("model") / "x2.params", ModelSpec("SuperResolutionNet", NETWORK))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_also_a_tool(name):
    assert (ROOT / "tools" / f"{name}.py").read_text().count(name) >= 3
    status, out, _ = run(name.replace("_", "-"), "--help")
    assert status == 0
    assert "Usage:" in out


def test_what_the_page_lacks_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert_one_line_error(run("app"), "the page needs ", "pip install 'gluon-perceptual[app]'")


def test_nothing_heavy_is_imported_for_help():
    code = (
        "import sys, gluon_perceptual, gluon_perceptual.commands as c\n"
        "[c.main.get_command(None, name) for name in c.main.list_commands(None)]\n"
        "print([m for m in ('mxnet', 'numpy', 'cv2', 'matplotlib', 'scipy', 'PIL') if m in sys.modules])"
    )
    assert python(code)[0] == "[]"


@pytest.mark.parametrize("name", main.list_commands(None))
def test_help_tells_every_default(name):
    command = main.get_command(None, name)
    context = click.Context(command, **command.context_settings)
    for option in command.params:
        value = option.get_default(context, call=False)
        given = isinstance(value, (str, float, int, Path, tuple))  # click has more than one name for nothing
        if isinstance(option, click.Option) and not option.is_flag and not option.hidden and given:
            assert "default: " in option.get_help_record(context)[1], option.name


def test_a_file_a_folder_and_its_tree(model, tmp_path):
    write(tmp_path / "in/a.png")
    write(tmp_path / "in/deep/b.jpg", height=9, width=7)
    status, out, _ = run("upscale", tmp_path / "in/a.png", "-o", tmp_path / "large.png", "--model", model)
    assert status == 0
    assert out.split() == [str(tmp_path / "large.png")]
    assert cv2.imread(str(tmp_path / "large.png")).shape == (24, 20, 3)
    status, out, _ = run("upscale", tmp_path / "in", "-o", tmp_path / "out", "--model", model, "--cpus", 2)
    assert status == 0
    assert cv2.imread(str(tmp_path / "out/a.png")).shape == (24, 20, 3)
    assert cv2.imread(str(tmp_path / "out/deep/b.jpg")).shape == (18, 14, 3)


def test_existing_outputs_are_left_if_wanted(model, tmp_path):
    write(tmp_path / "in/a.png")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a.png").write_bytes(b"mine")
    run("upscale", tmp_path / "in", "-o", tmp_path / "out", "--model", model, "--skip-existing")
    assert (tmp_path / "out/a.png").read_bytes() == b"mine"
    run("upscale", tmp_path / "in", "-o", tmp_path / "out", "--model", model)
    assert (tmp_path / "out/a.png").read_bytes() != b"mine"


@pytest.mark.parametrize(("options", "changes"), [([], False), (["--match-histogram", "LAB"], True)])
def test_histogram_matching_is_asked_for(model, tmp_path, options, changes):
    source = write(tmp_path / "a.png", height=30, width=30)
    run("upscale", source, "-o", tmp_path / "plain.png", "--model", model)
    run("upscale", source, "-o", tmp_path / "other.png", "--model", model, *options)
    plain, other = (cv2.imread(str(tmp_path / f"{name}.png")) for name in ("plain", "other"))
    assert np.array_equal(plain, other) != changes


def test_alpha_gray_and_depth_are_kept(model, tmp_path):
    rng = np.random.default_rng(1)
    shapes = {"gray": (8, 8), "rgb": (8, 8, 3), "rgba": (8, 8, 4)}
    for name, shape in shapes.items():
        for dtype in (np.uint8, np.uint16):
            file = write(tmp_path / f"{name}{dtype.__name__}.png", rng.integers(0, np.iinfo(dtype).max, shape, dtype))
            large = tmp_path / "large" / file.name
            assert run("upscale", file, "-o", large, "--model", model)[0] == 0
            image = cv2.imread(str(large), cv2.IMREAD_UNCHANGED)
            assert image.dtype == dtype
            assert image.shape == (16, 16, *shape[2:])


HOSTILE = {"missing.png": None, "empty.png": b"", "text.png": b"this is no picture\n" * 20, "folder.png": "folder"}


@pytest.mark.parametrize("name", [*HOSTILE, "truncated.png", "truncated.jpg"])
def test_bad_pictures(model, tmp_path, name):
    path = tmp_path / name
    if name.startswith("truncated"):
        write(path, height=60, width=60)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif HOSTILE[name] == "folder":
        path.mkdir()
    elif HOSTILE[name] is not None:
        path.write_bytes(HOSTILE[name])
    result = run("upscale", path, "-o", tmp_path / "out.png", "--model", model)
    assert_one_line_error(result, name)
    assert not (tmp_path / "out.png").exists()
    assert [p.name for p in tmp_path.iterdir() if p.name != name] == []


def test_one_bad_picture_does_not_stop_the_others(model, tmp_path):
    write(tmp_path / "in/a.png")
    write(tmp_path / "in/z.png")
    (tmp_path / "in/m.png").write_bytes(b"broken")
    status, out, err = run("upscale", tmp_path / "in", "-o", tmp_path / "out", "--model", model)
    assert status == 1
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "z.png"]
    assert "m.png" in err
    assert "2 of 3 pictures are done, 1 failed" in err.splitlines()[-1]
    assert len(out.splitlines()) == 2


def test_a_folder_without_pictures(model, tmp_path):
    (tmp_path / "in").mkdir()
    assert_one_line_error(run("upscale", tmp_path / "in", "-o", tmp_path / "out", "--model", model), "no pictures")


@pytest.mark.parametrize("size", [(1, 1), (2, 3)])
def test_pictures_smaller_than_the_receptive_field(model, tmp_path, size):
    source = write(tmp_path / "dot.png", height=size[0], width=size[1])
    assert run("upscale", source, "-o", tmp_path / "large.png", "--model", model)[0] == 0
    assert cv2.imread(str(tmp_path / "large.png")).shape == (2 * size[0], 2 * size[1], 3)


def test_scales_and_devices_and_tiles(model, tmp_path):
    source, out = write(tmp_path / "a.png", height=40, width=40), tmp_path / "out.png"
    common = ["upscale", source, "-o", out, "--model", model]
    assert_one_line_error(run(*common, "--scale", 0.5), "0.5", status=2)
    assert_one_line_error(run(*common, "--scale", 2, "--width", 9), "--scale and --width: give only one", status=2)
    assert_one_line_error(run(*common, "--gpus", 7), "sees")
    assert_one_line_error(run(*common, "--gpus", "one"), "expected distinct GPU numbers")
    assert_one_line_error(run("evaluate", "--model", model, "--gpus", "0,1"), "expected one GPU", status=2)
    assert_one_line_error(run("benchmark", "--sizes", "64"), "--sizes is for --headline", status=2)
    shards = ("prepare-data", "--out", tmp_path / "shards", "--targets", "patches", "--vgg", "zoo")
    assert_one_line_error(run(*shards), "--vgg is for --targets features", status=2)
    assert_one_line_error(run(*common, "--tile", "big"), "auto", status=2)
    assert_one_line_error(run(*common, "--tile", 4), "--tile 4: this model needs")
    assert not out.exists()


def test_an_output_that_cannot_be_written(model, tmp_path):
    source = write(tmp_path / "a.png")
    (tmp_path / "file").write_text("in the way")
    assert_one_line_error(run("upscale", source, "-o", tmp_path / "file" / "b.png", "--model", model), "file")
    assert_one_line_error(run("upscale", source, "-o", source, "--model", model), "overwritten")


def test_errors_name_the_file_and_not_the_temporary_one(tmp_path):
    with pytest.raises(FileNotFoundError) as caught, atomic_path(tmp_path / "b.png") as temporary:
        temporary.open("rb")  # as little there as in a folder that cannot be written to
    assert caught.value.filename == str(tmp_path / "b.png")


def test_a_full_disk_leaves_nothing_behind(model, tmp_path):
    source = write(tmp_path / "a.png", height=64, width=64)
    out = tmp_path / "out"
    process = start(tmp_path / "log", "upscale", source, "-o", out / "b.png", "--model", model, file_size=4096)
    process.join()
    assert_one_line_error((process.exitcode, "", (tmp_path / "log").read_text()), "b.png")
    assert list(out.iterdir()) == []


def test_unknown_kinds_of_files_are_refused_before_the_work(model, tmp_path):
    source = write(tmp_path / "a.png")
    common = ["upscale", source, "--model", model, "-o"]
    assert_one_line_error(run(*common, tmp_path / "out", "--suffix", ".tga"), ".tga", status=2)
    assert_one_line_error(run(*common, tmp_path / "big.tga"), "unknown suffix '.tga'")
    assert_one_line_error(run(*common, tmp_path / "big.png", source), "big.png names one file")
    result = run("upscale", tmp_path, "--model", model, "-o", tmp_path / "big.png")
    assert_one_line_error(result, "results of the folder")
    scores = ["evaluate", "--model", model, "--data", source, "--scale", 2, "--figure", tmp_path / "x.xyz"]
    assert_one_line_error(run(*scores), "figures cannot be '.xyz'")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png"]


def test_mxnets_errors_are_one_line(model, tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise mx.MXNetError("Traceback (most recent call last):\n  File x\nMXNetError: Failed to allocate CPU Memory")

    monkeypatch.setattr("gluon_perceptual.inference.upscaler.to_tensor", fail)
    result = run("upscale", write(tmp_path / "a.png"), "-o", tmp_path / "b.png", "--model", model)
    assert result[0] == 1
    assert "Traceback" not in result[2]


def test_evaluate_goes_on_after_a_bad_photo(model, tmp_path):
    write(tmp_path / "photos/b.png", smooth_noise(64, 70))
    (tmp_path / "photos/a.png").write_bytes(b"broken")
    write(tmp_path / "photos/c.png", height=9, width=9)
    status, out, err = run("evaluate", "--model", model, "--data", tmp_path / "photos", "--scale", 2)
    assert status == 1
    assert "mean of 1" in out
    assert [name for name in ("a.png: ", "b.png: ", "c.png: ") if name in err] == ["a.png: ", "c.png: "]
    assert err.count("Error:") == 2


def test_evaluate(model, tmp_path):
    for name in ("a", "b"):
        write(tmp_path / "photos" / f"{name}.png", smooth_noise(64, 70))
    common = ["evaluate", "--model", model, "--data", tmp_path / "photos", "--scale", 2]
    status, out, _ = run(*common)
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()] == ["method", "bicubic", "x2"]
    status, out, _ = run(*common, "--json", "--figure", tmp_path / "scores.png")
    scores = json.loads(out)
    assert len(scores["rows"]) == 4
    assert scores["means"][0]["method"] == "bicubic"
    assert scores["means"][0]["psnr"] > 20
    assert cv2.imread(str(tmp_path / "scores.png")) is not None
    for scale in (3, 4):
        assert run(*common[:-1], scale)[0] == 0


def test_evaluate_tells_photos_of_one_name_apart(model, tmp_path):
    for name in ("a/1", "b/1", "c"):
        write(tmp_path / f"photos/{name}.png", smooth_noise(64, 70, seed=len(name)))
    names = [str(tmp_path / "photos/a/1.png"), str(tmp_path / "photos/b/1.png"), "c.png"]
    common = ["evaluate", "--model", model, "--data", tmp_path / "photos", "--scale", 2]
    assert [row["photo"] for row in json.loads(run(*common, "--json")[1])["rows"]] == [
        each for each in names for _ in "12"
    ]


def test_evaluate_draws_names_with_dollars_before_it_prints(model, tmp_path, monkeypatch):
    write(tmp_path / "a.png", smooth_noise(64, 70))
    copy = shutil.copy(model, tmp_path / "m$1_$2.params")
    shutil.copy(model.with_suffix(".json"), tmp_path / "m$1_$2.json")
    monkeypatch.setattr("gluon_perceptual.commands.evaluate.show", lambda text: exit(1))
    common = ["evaluate", "--model", copy, "--data", tmp_path / "a.png", "--scale", 2]
    assert run(*common, "--figure", tmp_path / "scores.png")[0] == 1
    assert cv2.imread(str(tmp_path / "scores.png")) is not None


def test_evaluate_on_jpeg_files(model, tmp_path):
    write(tmp_path / "a.png", smooth_noise(64, 70))
    common = ["evaluate", "--model", model, "--data", tmp_path / "a.png", "--scale", 2, "--json"]
    texts = [run(*common, *options)[1] for options in ([], ["--jpeg", 75], ["--jpeg", 10], ["--jpeg", 10])]
    clean, good, bad, again = (json.loads(text)["means"][0]["psnr"] for text in texts)
    assert clean > good > bad == again
    assert run(*common, "--jpeg", 0)[0] == 2


def test_tools_run_from_anywhere(model, tmp_path):
    source = write(tmp_path / "a.png")
    result = subprocess.run(
        [sys.executable, str(ROOT / "tools/upscale.py"), "a.png", "-o", "b.png", "--model", str(model)],
        cwd=tmp_path, capture_output=True, text=True, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert result.stdout.strip() == "b.png"
    assert cv2.imread(str(tmp_path / "b.png")).shape[0] == 2 * cv2.imread(str(source)).shape[0]
