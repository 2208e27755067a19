"""Whatever ends a training, it goes on as if nothing had happened."""

import errno
import json
import logging
import os
import random
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from cli import assert_one_line_error, logged, run, start, wait_until, write, write_photos

from gluon_perceptual.checkpoint import read_params
from gluon_perceptual.checkpoint.model import load_model
from gluon_perceptual.checkpoint.spec import read_spec
from gluon_perceptual.commands._run_folder import last_good
from gluon_perceptual.training import checkpoints, super_resolution
from gluon_perceptual.training.checkpoints import Checkpoints, latest, step_of
from gluon_perceptual.training.folder import locked
from gluon_perceptual.training.loop import Callback, StepFailedError, fit
from gluon_perceptual.training.run import Run
from gluon_perceptual.training.step import NonFiniteLossError
from gluon_perceptual.training.super_resolution import super_resolution_task
from gluon_perceptual.training.super_resolution_config import SuperResolutionConfig
from gluon_perceptual.weights import FOLDER

RUN_OPTIONS = ["--save-every", 2, "--keep", 0, "--preview-every", 99]
TINY = ["--width", 4, "--workers", 1, "--batch", 2, *RUN_OPTIONS]
SR = ["train-sr", "--blocks", 1, "--patch", 32]
KINDS = {
    "pixel": [*SR, "--loss", "pixel"],
    "features, batch norm": [*SR, "--arch", "paper", "--patch", 32, "--scale", 4, "--max-norm", 1, "--batch", 3],
    "three devices": [*SR, "--cpus", 3, "--loss", "pixel", "--batch", 3],
    "two devices, batch norm": [*SR, "--arch", "paper", "--patch", 32, "--cpus", 2, "--batch", 3],
    "two devices": [*SR, "--cpus", 2, "--loss", "pixel", "--max-norm", 0.5, "--batch", 3, "--schedule", "step"],
    "mix": [*SR, "--patch", 64],
    "style": ["train-style", "STYLE", "--size", 32, "--style-size", 48, "--stability", 1],
}

pytestmark = pytest.mark.usefixtures("no_figures")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_photos(tmp_path_factory.mktemp("photos"), 5, 70, 90)


def assert_same_run(folder, other):
    for name in ("log.jsonl", "validation.jsonl"):
        assert logged(folder / name) == logged(other / name)
    assert (folder / "training.log").read_text() == (other / "training.log").read_text()
    last, best = checkpoints.checkpoints(folder / "checkpoints")[-1].name, "best.params"
    for name in (last, last.replace(".params", ".state"), best):
        mine, others = (read_params(run / "checkpoints" / name) for run in (folder, other))
        assert list(mine) == list(others)
        for key, value in mine.items():
            np.testing.assert_array_equal(value, others[key])


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_goes_on_is_the_same(photos, tmp_path, kind):
    style = write(tmp_path / "style.png", height=50, width=60)
    command = [style if part == "STYLE" else part for part in KINDS[kind]]
    command += ["--data", photos, *TINY[:4], *TINY[6:], "--steps", 7]
    whole, again = tmp_path / "whole", tmp_path / "again"
    assert run(*command, "--out", whole)[0] == 0
    shutil.copytree(whole, again)
    for path in (again / "checkpoints").iterdir():
        if path.name.startswith(("step-0000006", "step-0000007")):
            path.unlink()
    assert run(command[0], *RUN_OPTIONS, "--resume", "--out", again)[0] == 0  # the settings are those of config.json
    assert_same_run(whole, again)


@pytest.fixture(scope="module")
def six_steps(photos, tmp_path_factory):
    """The folder of a run of six steps, saved after every second, and the command without its folder."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    command = [*KINDS["pixel"], "--data", photos, *TINY, "--steps", 6]
    assert run(*command, "--out", folder)[0] == 0
    return folder, command


@pytest.fixture
def trained(six_steps, tmp_path):
    """The same, to be changed."""
    folder, command = six_steps
    return shutil.copytree(folder, tmp_path / "run"), command


def test_only_the_machine_may_change(trained):
    folder, command = trained
    assert run(*command, "--out", folder, "--resume", "--workers", 0)[0] == 0
    assert_one_line_error(run(*command, "--out", folder, "--resume", "--lr", 0.5), "learning_rate is 0.001", "not 0.5")
    assert_one_line_error(run(*command, "--out", folder), "already contains a run", "--resume")
    write(Path(command[command.index("--data") + 1]) / "new.png", height=70, width=90)
    try:
        assert_one_line_error(run(*command, "--out", folder, "--resume"), "pairs differs from the saved run")
    finally:
        (Path(command[command.index("--data") + 1]) / "new.png").unlink()


def test_a_run_completed_elsewhere_is_not_resumed(trained):
    folder, command = trained
    record = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**record, "device": "a CPU, with PyTorch 2"}))
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    for how in ("always", "auto"):
        assert_one_line_error(run(*command, "--out", folder, "--resume", how), "completed on a CPU, with PyTorch 2")
    assert {
        path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.name != ".lock"
    }.items() <= before.items()


def test_no_filter_may_be_repeated(photos, tmp_path):
    command = (*KINDS["mix"], "--data", photos, *TINY, "--steps", 1, "--lowpass", 0, "--out", tmp_path / "run")
    for _ in range(2):
        assert run(*command, "--resume", "auto")[0] == 0


def test_the_mean_of_the_inputs_stays(tmp_path):
    photos = write_photos(tmp_path / "photos", 6, 70, 90)
    command = ["train-sr", "--arch", "blog", "--blocks", 1, "--data", photos, *TINY, "--patch", 32, "--steps", 4]
    assert run(*command, "--out", tmp_path / "run")[0] == 0
    for path in (tmp_path / "run/checkpoints").glob("step-0000004.*"):
        path.unlink()
    (photos / "1.png").write_bytes(b"")
    assert run(*command[:1], *RUN_OPTIONS, "--resume", "--out", tmp_path / "run")[0] == 0
    first, last = (read_spec(tmp_path / f"run/checkpoints/step-000000{step}.params") for step in (2, 4))
    assert first == last


def test_files_of_the_beginning_are_found_or_not_needed(photos, trained, tmp_path, monkeypatch):
    (tmp_path / "vgg.params").symlink_to(FOLDER / "vgg16_stages_1_2.params")
    monkeypatch.chdir(tmp_path)
    style = [write(tmp_path / "style.png", height=50, width=60) if part == "STYLE" else part for part in KINDS["style"]]
    common = (*style, "--data", photos, *TINY[:4], *TINY[6:], "--batch", 2, "--steps", 3)
    layers = ("--style-layers", "relu1_1", "--content-layer", "relu2_2", "--vgg", "vgg.params")
    assert run(*common, *layers, "--out", "first")[0] == 0
    start = tmp_path / "first/checkpoints/step-0000003.params"
    assert run(*common, *layers, "--start-from", start, "--out", "second")[0] == 0
    shutil.rmtree(start.parent)
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    for path in (tmp_path / "second/checkpoints").glob("step-0000003.*"):
        path.unlink()
    assert run("train-style", *RUN_OPTIONS, "--resume", "--out", tmp_path / "second")[0] == 0


def test_auto_starts_what_is_not_there(trained, tmp_path):
    folder, command = trained
    new = tmp_path / "new"
    assert_one_line_error(run(*command, "--out", new, "--resume"), "no complete checkpoint")
    assert_one_line_error(run(*command, "--out", tmp_path, "--resume"), "no complete checkpoint")
    assert not (tmp_path / ".lock").exists()  # it is no run's folder
    assert not new.exists()
    assert run(*command, "--out", new, "--resume", "auto")[0] == 0
    assert_same_run(folder, new)
    for path in (new / "checkpoints").iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    assert run(*command, "--out", new, "--resume", "auto")[0] == 0  # from the start, in place of the old one
    assert_same_run(folder, new)
    assert_one_line_error(run(*command, "--resume"), "--out", status=2)


@pytest.mark.parametrize("part", [".params", ".json", ".state", ".sha256"])
def test_damaged_checkpoints_are_passed_over(trained, part, caplog):
    folder, _ = trained
    path = folder / "checkpoints" / f"step-0000006{part}"
    good, rng = path.read_bytes(), random.Random(0)
    damaged = [b"", good[: len(good) // 2], b"x" + good]
    for _ in range(20):
        flipped = bytearray(good)
        flipped[rng.randrange(len(good))] ^= 1 << rng.randrange(8)
        damaged.append(bytes(flipped))
    for content in damaged:
        path.write_bytes(content)
        caplog.clear()
        assert latest(path.parent).name == "step-0000004.params"
        assert "step-0000006.params is ignored" in caplog.text
    path.unlink()
    assert latest(path.parent).name == "step-0000004.params"


class FailingDisk:
    """Lets the k-th operation on files fail, a write after half of its bytes."""

    def __init__(self, monkeypatch, k, number):
        self.k, self.number, self.done, self.whole = k, number, 0, Path.open
        monkeypatch.setattr(Path, "open", self.open_)
        for owner, name in ((os, "fsync"), (Path, "replace"), (Path, "unlink")):
            monkeypatch.setattr(owner, name, self.counted(getattr(owner, name)))

    def counted(self, method):
        def call(*args, **kwargs):
            self.done += 1
            if self.done == self.k:
                raise OSError(self.number, os.strerror(self.number))
            return method(*args, **kwargs)

        return call

    @property
    def open_(self):
        disk = self

        def open_(path, mode="r", *args, **kwargs):
            file = disk.counted(disk.whole)(path, mode, *args, **kwargs)
            if "w" in mode:
                return Half(file, disk)
            return file

        return open_


class Half:
    def __init__(self, file, disk):
        self.file, self.disk = file, disk

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.file.close()

    def __getattr__(self, name):
        return getattr(self.file, name)

    def write(self, data):
        self.disk.done += 1
        if self.disk.done == self.disk.k:
            whole = data if isinstance(data, str) else bytes(data)
            self.file.write(whole[: len(whole) // 2])
            raise OSError(self.disk.number, os.strerror(self.disk.number))
        return self.file.write(data)


def make_run(photos):
    config = SuperResolutionConfig(data=str(photos), width=4, blocks=1, patch=32, loss="pixel")
    return Run(super_resolution_task(config))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_no_failing_write_loses_or_changes_a_checkpoint(photos, tmp_path, number):
    run = make_run(photos)
    saver = Checkpoints(run, tmp_path, every=1, keep=1)
    weight = run.model.net.tail.weight
    weight.set_data(weight.data() * 0 + 1)
    saver.save(1)
    for k in range(1, 999):
        step = 1 + k
        weight.set_data(weight.data() * 0 + step)
        with pytest.MonkeyPatch.context() as monkeypatch:
            disk = FailingDisk(monkeypatch, k, number)
            try:
                saver.save(step)
                failed = False
            except OSError as error:
                failed = True
                assert error.errno == number
        assert not list(tmp_path.glob(".*"))
        found = latest(tmp_path)
        value = float(load_model(found).net.tail.weight.data().asnumpy().flat[0])
        assert value == checkpoints.step_of(found)
        if disk.done < k:
            assert not failed
            break
        assert value == step or (failed and value == step - 1)
        saver.save(step)
        assert latest(tmp_path).name == f"step-{step:07d}.params"
    assert k > 25


def test_what_could_not_be_saved_is_saved_after_the_next_step(photos, tmp_path, monkeypatch, caplog):
    training = make_run(photos)
    saver, seen = Checkpoints(training, tmp_path, every=2), []
    whole = checkpoints.save_state

    def full(*args):
        seen.append(args)
        if len(seen) == 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        whole(*args)

    monkeypatch.setattr(checkpoints, "save_state", full)
    trainer = training.trainer
    batch = np.zeros((1, 3, 4, 4))
    fit(lambda x, y: {"loss": 1.0}, trainer, [(batch, batch)] * 4, 4, [saver])
    assert "No space left on device" in caplog.text
    assert [path.name for path in checkpoints.checkpoints(tmp_path) if path.with_suffix(".sha256").exists()] == [
        "step-0000003.params", "step-0000004.params",
    ]  # fmt: skip


def test_old_checkpoints_go_and_the_best_stays(photos, tmp_path):
    out = tmp_path / "run"
    command = [*KINDS["pixel"], "--data", photos, *TINY[:6], "--steps", 5, "--save-every", 1, "--keep", 2]
    assert run(*command, "--out", out)[0] == 0
    assert sorted(path.name for path in (out / "checkpoints").glob("*.params")) == [
        "best.params", "step-0000004.params", "step-0000005.params",
    ]  # fmt: skip
    losses = [line["loss"] for line in logged(out / "validation.jsonl")]
    assert len(losses) == 5
    assert load_model(out / "checkpoints/best.params").scale == 2


def test_two_runs_do_not_share_a_folder_at_a_time(trained):
    folder, command = trained
    with locked(folder):
        assert_one_line_error(run(*command, "--out", folder, "--resume"), f"process {os.getpid()} is writing to it")


def test_two_runs_that_begin_at_once_do_not_share_a_folder(photos, tmp_path, monkeypatch):
    """The second is there before the first has made the folder."""
    out = tmp_path / "run"

    def prepare(config):
        out.mkdir()
        return super_resolution_task(config)

    monkeypatch.setattr(super_resolution, "super_resolution_task", prepare)
    assert_one_line_error(run(*KINDS["pixel"], "--data", photos, *TINY, "--steps", 1, "--out", out), f"{out}: File exi")
    assert not list(out.iterdir())


def test_a_full_disk_is_noticed_at_the_start(trained, photos, tmp_path, monkeypatch):
    folder, command = trained
    monkeypatch.setattr(checkpoints.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1000}))
    result = run(*KINDS["pixel"], "--data", photos, *TINY, "--steps", 1, "--out", tmp_path / "new")
    assert_one_line_error(result, "the disk has 0 MiB free")
    assert_one_line_error(run(*command, "--out", folder, "--resume"), "the disk has 0 MiB free")


class Recorder(Callback):
    def __init__(self):
        self.seen = []

    def after_step(self, result):
        self.seen.append((result.step, result.skipped))


def test_steps_that_are_not_finite_can_be_skipped():
    recorder, batch = Recorder(), (np.zeros((1, 3, 4, 4)),) * 2
    bad = {2, 5, 6}
    trainer = type("Trainer", (), {"learning_rate": 0.1})

    def step(x, y):
        if len(recorder.seen) + 1 in bad:
            raise NonFiniteLossError("loss nan")
        return {"loss": 1.0}

    assert fit(step, trainer, [batch] * 7, 7, [recorder], skips=2) == 7
    assert [number for number, skipped in recorder.seen if skipped] == [2, 5, 6]
    recorder.seen.clear()
    with pytest.raises(StepFailedError, match="step 6: loss nan"):
        fit(step, trainer, [batch] * 7, 7, [recorder], skips=1)


def test_a_run_that_skips_says_so(photos, tmp_path, caplog):
    out = tmp_path / "run"
    command = [*KINDS["pixel"], "--data", photos, *TINY, "--steps", 60, "--warmup", 0, "--lr", 1e30, "--max-norm", 0]
    result = run(*command, "--save-every", 1, "--out", out, "--on-nonfinite", "skip")
    assert_one_line_error(result, "not finite", "there is no good checkpoint yet")
    skipped = [line for line in logged(out / "log.jsonl") if "skipped" in line]
    assert len(skipped) == 20
    first = skipped[0]["step"]
    assert [step_of(path) for path in checkpoints.checkpoints(out / "checkpoints")] == list(range(1, first))


def test_the_last_good_checkpoint_is_from_before_the_steps_that_were_skipped(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    for step in (2, 4, 6):
        (tmp_path / f"checkpoints/step-{step:07d}.params").touch()
    log = [{"step": k, "loss": 1.0} if k in (1, 2, 3, 5) else {"step": k, "skipped": "infinite"} for k in range(1, 9)]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in log))
    assert last_good(tmp_path, 9).endswith("step-0000004.params")
    assert last_good(tmp_path, 6).endswith("step-0000004.params")
    assert last_good(tmp_path, 5).endswith("step-0000002.params")


def test_two_devices_that_were_stopped_do_as_one_that_was_not(photos, tmp_path):
    """With clipping and schedule; `--cpus` may change on the way."""
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    command = [*KINDS["two devices"], "--data", photos, *TINY, "--batch", 4, "--warmup", 2, "--steps", 6]
    assert run(*command, "--cpus", 1, "--out", whole)[0] == 0
    assert run(*command, "--out", stopped)[0] == 0
    for path in (*stopped.glob("checkpoints/step-0000004*"), *stopped.glob("checkpoints/step-0000006*")):
        path.unlink()
    assert run(*command, "--out", stopped, "--resume")[0] == 0
    mine, other = ([line["loss"] for line in logged(folder / "log.jsonl")] for folder in (stopped, whole))
    np.testing.assert_allclose(mine, other, rtol=1e-4)
    mine, other = (read_params(folder / "checkpoints/step-0000006.params") for folder in (stopped, whole))
    for name, value in mine.items():
        np.testing.assert_allclose(value, other[name], rtol=1e-3, atol=1e-5, err_msg=name)


KILLS = 20
STEPS = 160


def test_killed_at_any_moment(photos, tmp_path):
    """SIGKILL, 20 times; the checkpoints, one after each step, take up much of the time."""
    command = [*KINDS["pixel"], "--data", photos, *TINY[:6], "--steps", STEPS, "--save-every", 1]
    whole, killed, said = tmp_path / "whole", tmp_path / "killed", tmp_path / "said"
    assert run(*command, "--out", whole)[0] == 0
    rng, reached, log = random.Random(0), [], killed / "log.jsonl"
    for _ in range(KILLS):
        before = log.stat().st_size if log.exists() else 0
        process = start(said, *command, "--resume", "auto", "--out", killed)
        wait_until(lambda: log.exists() and abs(log.stat().st_size - before) > 150 * 5, process, said)  # noqa: B023
        moment = time.monotonic() + rng.uniform(0, 0.05)
        wait_until(lambda: time.monotonic() >= moment, process, said)  # noqa: B023
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL, said.read_text()
        reached.append(len(log.read_text().splitlines()))
    assert 20 < reached[-1] < STEPS
    assert run(*command, "--resume", "--out", killed)[0] == 0
    assert_same_run(whole, killed)
    assert not [path for path in killed.rglob(".*") if path.name != ".lock"]


logging.getLogger("gluon_perceptual").setLevel(logging.INFO)
