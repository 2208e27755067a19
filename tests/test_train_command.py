"""Training as a user runs it, on tiny networks and photos."""

import errno
import json
import os
import shlex
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest
from cli import assert_one_line_error, run, start, wait_until, write, write_photos
from helpers import built

from gluon_perceptual._mxnet import mx
from gluon_perceptual._mxnet.gluon import values_of
from gluon_perceptual.checkpoint import write_params
from gluon_perceptual.checkpoint.model import load_model, load_with_spec, save_model
from gluon_perceptual.checkpoint.spec import ModelSpec
from gluon_perceptual.commands._recipes import how_made
from gluon_perceptual.training.step import NonFiniteLossError, TrainingStep

TINY = ["--width", 4, "--blocks", 1, "--patch", 32, "--steps", 4, "--workers", 1]
PARTS = [
    ".lock", "checkpoints", "config.json", "figure.png", "log.jsonl", "loss.png", "previews", "scores.json",
    "skipped.json", "training.log", "validation.jsonl",
]  # fmt: skip


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_photos(tmp_path_factory.mktemp("photos"), 4, 70, 90)


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--arch", "paper", "--scale", 4],
        ["--arch", "blog"],
        ["--scale", 8, "--loss", "mix", "--tv", 1e-6, "--upsampling", "nearest", "--schedule", "step", "--crops", 2],
        ["--degrade", "web", "--sigma", 0, "--loss", "pixel"],
        ["--degrade", "web", "--sigma", 0, "--scale", 1],
        ["--cpus", 2, "--batch", 3, "--max-norm", 1.0, "--loss", "pixel", "--pixel-loss", "squared", "--norm", "batch"],
    ],
    ids=["default", "paper", "blog", "mix", "web", "mend", "devices"],
)
def test_a_run_leaves_everything(photos, tmp_path, options, request):
    if options:  # figures are drawn in one of the runs
        request.getfixturevalue("no_figures")
    out = tmp_path / "run"
    status, stdout, _ = run("train-sr", "--data", photos, *TINY, "--preview-every", 2, "--out", out, *options)
    assert status == 0
    assert sorted(path.name for path in out.iterdir()) == PARTS
    config = json.loads((out / "config.json").read_text())
    baseline = "input" if config["config"]["scale"] == 1 else "bicubic"
    assert f"against {baseline}: PSNR" in stdout
    assert config["config"]["steps"] == 4
    assert config["versions"]["mxnet"] == mx.__version__
    assert config["pairs"] == 3 * config["config"]["crops"]
    assert (config["loss_network"] is None) == (config["config"]["loss"] == "pixel")
    log = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in log] == [1, 2, 3, 4]
    assert len(list((out / "previews").iterdir())) == 2
    assert {row["method"] for row in json.loads((out / "scores.json").read_text())} == {baseline, "model"}
    model = load_model(out / "checkpoints" / "step-0000004.params")
    assert model.scale == config["config"]["scale"]
    for picture in ("figure.png", "loss.png") if not options else ():
        assert cv2.imread(str(out / picture)).std() > 5


@pytest.mark.usefixtures("no_figures")
def test_a_low_pass_is_trained_with_and_validation_tells_of_the_weave(tmp_path):
    shading = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 200, (90, 90, 3)), (0, 0), 12) + 128
    for number in range(3):
        write(tmp_path / "photos" / f"{number}.png", shading.clip(0, 255).astype(np.uint8))
    given = ("train-sr", "--data", tmp_path / "photos", *TINY, "--steps", 1, "--loss", "pixel", "--save-every", 1)
    assert run(*given, "--lowpass", 0.3, "--out", tmp_path / "run")[0] == 0
    (line,) = map(json.loads, (tmp_path / "run/validation.jsonl").read_text().splitlines())
    assert 0 <= line["weave"] <= line["worst_weave"] < 0.2  # the network adds next to nothing yet
    checkpoint = tmp_path / "run/checkpoints/step-0000001.params"
    assert load_with_spec(checkpoint)[1].arguments["lowpass"] == 0.3
    for cutoff in (0.4, 0):  # the run's, whatever that of the network it starts from
        again = tmp_path / f"again{cutoff}"
        assert run(*given, "--start-from", checkpoint, "--lowpass", cutoff, "--out", again)[0] == 0
        found = load_with_spec(again / "checkpoints/step-0000001.params")[1].arguments
        assert found.get("lowpass") == (cutoff or None)
    assert run(*given, "--waves", 1e6, "--echoes", 2e6, "--patch", 32, "--out", tmp_path / "waves")[0] == 0
    (line,) = map(json.loads, (tmp_path / "waves/log.jsonl").read_text().splitlines())
    assert line["loss"] == pytest.approx(line["pixel"] + 1e6 * line["waves"] + 2e6 * line["echoes"])
    assert line["waves"] > 0 and line["echoes"] > 0
    assert_one_line_error(run(*given, "--arch", "paper", "--lowpass", 0.3), "--lowpass is for --arch skip")


@pytest.mark.usefixtures("no_figures")
def test_a_run_starts_from_the_parameters_of_another(photos, tmp_path):
    first, second, other = (tmp_path / name for name in ("first", "second", "other"))
    given = ("train-sr", "--data", photos, *TINY, "--loss", "pixel")
    assert run(*given, "--out", first)[0] == 0
    start = first / "checkpoints" / "step-0000004.params"
    assert run(*given, "--start-from", start, "--out", second, "--steps", 1, "--lr", 1e-30)[0] == 0
    ours = load_model(second / "checkpoints" / "step-0000001.params").net.collect_params().values()
    theirs = load_model(start).net.collect_params().values()
    for one, two in zip(ours, theirs):
        np.testing.assert_array_equal(one.data().asnumpy(), two.data().asnumpy())
    status, _, stderr = run(*given, "--start-from", start, "--out", other, "--width", 8)
    assert status == 1
    assert "does not fit SuperResolutionNet" in stderr


@pytest.mark.usefixtures("no_figures")
def test_a_run_grows_out_of_a_smaller_network(photos, tmp_path):
    given = ("train-sr", "--data", photos, *TINY, "--loss", "pixel", "--steps", 1)
    assert run(*given, "--blocks", 1, "--lr", 0.01, "--out", tmp_path / "small")[0] == 0
    start = ("--start-from", tmp_path / "small/checkpoints/step-0000001.params", "--lr", 1e-30)
    picture = mx.nd.array(np.random.default_rng(0).uniform(0, 255, (1, 3, 12, 14)))
    small = load_model(start[1])(picture).asnumpy()
    for upsampling, tolerance in (("transposed", 1e-3), ("direct", 0.5)):  # another upsampling adds next to nothing yet
        out = tmp_path / upsampling
        assert run(*given, *start, "--blocks", 3, "--upsampling", upsampling, "--out", out)[0] == 0
        grown, spec = load_with_spec(out / "checkpoints/step-0000001.params")
        assert (spec.arguments["blocks"], spec.arguments["upsampling"]) == (3, upsampling)
        compared = small if upsampling == "transposed" else grown.net.enlarge(picture).asnumpy()
        np.testing.assert_allclose(grown(picture).asnumpy(), compared, atol=tolerance)
        head = values_of(grown.net)["head.0.weight"]
        np.testing.assert_array_equal(head, values_of(load_model(start[1]).net)["head.0.weight"])
    for scale in (1, 4):  # what enlarges begins anew, and adds next to nothing
        out = tmp_path / f"x{scale}"
        assert run(*given, *start, "--scale", scale, "--blocks", 1, "--out", out)[0] == 0
        other = load_model(out / "checkpoints/step-0000001.params")
        np.testing.assert_array_equal(values_of(other.net)["head.0.weight"], head)
        np.testing.assert_allclose(other(picture).asnumpy(), other.net.enlarge(picture).asnumpy(), atol=0.5)
    again = ("--start-from", tmp_path / "direct/checkpoints/step-0000001.params", "--blocks", 1)
    assert_one_line_error(run(*given, *again, "--out", tmp_path / "shrunk"), "blocks 3, not 1")


@pytest.mark.usefixtures("no_figures")
def test_runs_do_not_share_a_folder(photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert run("train-sr", "--data", photos, *TINY, "--steps", 1)[0] == 0
    assert sorted(path.name for path in Path("runs").iterdir()) == ["sr_x2", "sr_x2-2"]
    assert_one_line_error(run("train-sr", "--data", photos, *TINY, "--out", "runs/sr_x2"), "already contains a run")


def test_shards_that_a_full_disk_cut_short_say_what_is_missing(photos, tmp_path, monkeypatch):
    def fill(path, arrays):
        if path.name == "trainy_1.params":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        write_params(path, arrays)

    monkeypatch.setattr("gluon_perceptual.data.shards.write_params", fill)
    options = ("--count", 5, "--shard-size", 2, "--patch", 32, "--targets", "patches")
    assert_one_line_error(run("prepare-data", "--data", photos, "--out", tmp_path / "new", *options), "No space left")
    assert json.loads((tmp_path / "new/shards.json").read_text())["missing"] == 3


def test_patches_in_shards_too_small_for_a_loss_are_refused(photos, tmp_path):
    shards = tmp_path / "shards"
    made = run("prepare-data", "--data", photos, "--out", shards, "--count", 2, "--patch", 16, "--targets", "patches")
    assert made[0] == 0
    common = ("train-sr", "--shards", shards, "--validation", photos, "--loss", "pixel", "--out", tmp_path / "run")
    assert_one_line_error(run(*common, "--waves", 1), f"{shards}, made with --patch 16: --waves needs at least 32")


@pytest.mark.usefixtures("no_figures")
@pytest.mark.parametrize("targets", ["features", "patches"])
def test_training_on_shards(photos, tmp_path, monkeypatch, targets):
    shards = tmp_path / "shards"
    status, out, _ = run(
        "prepare-data", "--data", photos, "--out", shards, "--count", 6, "--shard-size", 4, "--patch", 32,
        "--targets", targets,
    )  # fmt: skip
    assert status == 0
    assert "6 patches" in out
    assert sorted(path.name for path in shards.glob("*.params")) == [
        "trainx_0.params", "trainx_1.params", "trainy_0.params", "trainy_1.params",
    ]  # fmt: skip
    tiny = [*TINY[:4], *TINY[6:]]  # the patch's size is the shards'
    common = ["train-sr", "--shards", shards, "--validation", photos, *tiny, "--out", tmp_path / "run"]
    assert_one_line_error(run(*common, "--patch", 32), "--patch is decided by the shards")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/shards.json").write_text("[]")
    assert_one_line_error(run("train-sr", "--shards", tmp_path / "bad"), "shards.json")
    again = run("prepare-data", "--data", photos, "--out", shards, "--count", 1, "--patch", 32)
    assert_one_line_error(again, "already contains shards")
    if targets == "features":
        assert_one_line_error(run(*common, "--loss", "pixel"), "--loss feature")
        assert_one_line_error(run(*common, "--loss", "feature", "--grid", 1), "leave --grid, --waves and --echoes out")
        assert not (tmp_path / "run").exists()
        assert_one_line_error(run(*common, "--loss", "feature", "--scale", 4), "--scale")
    assert run(*common, "--loss", "feature", "--arch", "blog")[0] == 0
    (command,) = how_made(tmp_path / "run/checkpoints/step-0000004.params")["recipe"]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").symlink_to(photos)
    assert run("train-sr", *shlex.split(command.replace(photos.name, "photos"))[1:])[0] == 0
    assert (tmp_path / "runs/run/loss.png").exists()


def test_features_of_odd_patches_are_refused(photos, tmp_path):
    made = run("prepare-data", "--data", photos, "--out", tmp_path / "new", "--patch", 33, "--scale", 1)
    assert_one_line_error(made, "--patch 33: expected a multiple of 2 for --targets features")


@pytest.mark.usefixtures("no_figures")
def test_training_lowers_the_loss_of_the_default(photos, tmp_path):
    out = tmp_path / "run"
    run("train-sr", "--data", photos, *TINY, "--steps", 40, "--warmup", 5, "--lr", 3e-3, "--out", out)
    losses = [json.loads(line)["loss"] for line in (out / "log.jsonl").read_text().splitlines()]
    assert np.mean(losses[-10:]) < np.mean(losses[:10])


def test_mistakes(photos, tmp_path):
    out = ["--out", tmp_path / "run"]
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "broken.png").write_bytes(b"broken")
    assert_one_line_error(run("train-sr", *out, "--scale", 3), "3", status=2)
    assert_one_line_error(run("train-sr", *out, "--gpus", "7"), "no GPU 7")
    assert_one_line_error(run("train-sr", *out, "--arch", "blog", "--scale", 4), "--arch blog enlarges 2 times")
    assert_one_line_error(run("train-sr", *out, "--data", tmp_path / "nowhere"), "no such file or folder")
    assert_one_line_error(run("train-sr", *out, "--data", empty), "none of the 1 photos")
    assert_one_line_error(run("train-sr", *out, "--data", photos, "--patch", 33), "multiple of --scale")
    assert_one_line_error(run("train-sr", *out, "--data", photos, "--scale", 1, "--grid", 1), "with --scale 1")
    small = ("--data", photos, "--patch", 28, "--waves", 1)
    assert_one_line_error(run("train-sr", *out, *small), "--patch 28: --waves needs at least 32")
    assert_one_line_error(run("train-sr", *out, "--loss", "pixel", "--textures-only"), "use --loss mix, not pixel")
    assert_one_line_error(run("train-sr", *out, "--data", photos, "--batch", 1, "--cpus", 2), "less than the 2 devices")
    assert_one_line_error(
        run("train-sr", *out, "--data", photos, "--loss", "mix", "--vgg", tmp_path / "x.params"), "x.params"
    )


def test_a_loss_that_explodes_ends_the_run_with_its_last_checkpoint_named(photos, tmp_path):
    result = run(
        "train-sr", "--data", photos, *TINY, "--steps", 200, "--warmup", 0, "--lr", 1e30, "--save-every", 1,
        "--out", tmp_path / "run",
    )  # fmt: skip
    assert_one_line_error(result, "not finite", "there is no good checkpoint yet")


def test_the_last_good_checkpoint_is_named(photos, tmp_path, monkeypatch):
    """That of step 5 has the parameters whose loss is not finite."""
    whole, done = TrainingStep.__call__, []

    def step(self, *batch):
        done.append(batch)
        if len(done) == 6:
            raise NonFiniteLossError("loss nan")
        return whole(self, *batch)

    monkeypatch.setattr(TrainingStep, "__call__", step)
    options = ("--steps", 9, "--save-every", 1, "--loss", "pixel", "--out", tmp_path / "run")
    result = run("train-sr", "--data", photos, *TINY, *options)
    named = f"the last good checkpoint is {tmp_path / 'run/checkpoints/step-0000004.params'}"
    assert_one_line_error(result, "step 6: loss nan", named)


@pytest.mark.usefixtures("no_figures")
def test_broken_photos_to_measure_on_are_left_out(photos, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "000.png").write_bytes(b"broken")  # the first is among those held out
    for path in photos.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    status, out, _ = run("train-sr", "--data", folder, *TINY, "--out", tmp_path / "run")
    assert status == 0
    assert "000.png" not in out


def test_a_refused_run_leaves_no_folder(photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert_one_line_error(run("train-sr", "--data", photos, "--gpus", 7), "no GPU 7")
    assert_one_line_error(run("train-sr", "--data", photos, *TINY, "--start-from", "nothere.params"), "nothere.params")
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_is_what_gluon_would_write_and_whole(tmp_path):
    spec = ModelSpec("SuperResolutionNet", {"scale": 2, "width": 4, "blocks": 1})
    model = built(spec)
    save_model(tmp_path / "ours.params", model, spec)
    model.net.save_parameters(str(tmp_path / "gluons.params"))
    assert (tmp_path / "ours.params").read_bytes() == (tmp_path / "gluons.params").read_bytes()


def test_a_full_disk_leaves_no_half_checkpoint(photos, tmp_path):
    options = ["--save-every", 1, "--preview-every", 99]
    log = tmp_path / "log"
    process = start(log, "train-sr", "--data", photos, "--out", tmp_path / "run", *TINY, *options, file_size=9000)
    process.join()
    assert_one_line_error((process.exitcode, "", log.read_text()), "File too large")
    assert list((tmp_path / "run/checkpoints").iterdir()) == []


def test_an_interrupt_leaves_a_checkpoint(photos, tmp_path):
    out, said = tmp_path / "run", tmp_path / "said"
    log = out / "log.jsonl"
    process = start(said, "train-sr", "--data", photos, *TINY, "--steps", 100000, "--out", out)
    wait_until(lambda: log.exists() and log.read_text().count("\n"), process, said)
    os.kill(process.pid, signal.SIGINT)
    process.join()
    assert process.exitcode == 130
    assert "Traceback" not in said.read_text()
    done = len(log.read_text().splitlines())
    assert load_model(out / "checkpoints" / f"step-{done:07d}.params").scale == 2
    assert (out / "loss.png").exists()
