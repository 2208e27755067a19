"""Faults in the middle of a training: disks that are full, files that are damaged, photos that go away."""

import errno
import json
import os
import resource
import shutil
from pathlib import Path

import pytest
from cli import assert_one_line_error, logged, run, write_photos

from gluon_perceptual.checkpoint import read_params
from gluon_perceptual.data.sampler import PictureCache
from gluon_perceptual.training import checkpoints
from gluon_perceptual.training.checkpoints import Checkpoints, latest
from gluon_perceptual.training.folder import GrowingFile
from gluon_perceptual.training.jsonl import JsonLines
from gluon_perceptual.training.run import Run
from gluon_perceptual.training.step import TrainingStep
from gluon_perceptual.training.super_resolution import super_resolution_task
from gluon_perceptual.training.super_resolution_config import SuperResolutionConfig

TINY = ["train-sr", "--width", 2, "--blocks", 1, "--patch", 16, "--batch", 1, "--loss", "pixel", "--workers", 0]
pytestmark = pytest.mark.usefixtures("no_figures")


@pytest.fixture
def photos(tmp_path):
    return write_photos(tmp_path / "photos", 5, 40, 50)


def limit_files(size):
    """Let no file grow beyond so many bytes: what stands for a full disk, half-written pieces included."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@pytest.fixture
def steps(monkeypatch):
    """What happens at the beginning of a step, by its number."""
    actions, whole, done = {}, TrainingStep.__call__, []

    def step(self, *batch):
        done.append(1)
        actions.get(len(done), lambda: None)()
        return whole(self, *batch)

    monkeypatch.setattr(TrainingStep, "__call__", step)
    yield actions
    limit_files(resource.RLIM_INFINITY)


# --- a full disk


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The folder of a run, and the command without its folder."""
    pytest.importorskip("tensorboardX")
    folder = tmp_path_factory.mktemp("undisturbed")
    options = ["--save-every", 2, "--preview-every", 4, "--tensorboard"]
    command = [*TINY, "--data", write_photos(folder / "photos", 5, 40, 50), "--steps", 24, *options]
    assert run(*command, "--out", folder / "run")[0] == 0
    return folder / "run", command


@pytest.mark.xdist_group("undisturbed")
@pytest.mark.parametrize("size", [0, 700])
def test_a_disk_that_is_full_for_a_while_costs_no_line(undisturbed, tmp_path, steps, size, caplog):
    (whole, command), disturbed = undisturbed, tmp_path / "disturbed"
    steps.update({3: lambda: limit_files(size), 15: lambda: limit_files(resource.RLIM_INFINITY)})
    assert run(*command, "--out", disturbed)[0] == 0
    assert "after step 4: " in caplog.text
    assert "; the training continues" in caplog.text
    assert "File too large" in caplog.text
    for name in ("log.jsonl", "validation.jsonl"):
        mine, others = logged(disturbed / name), logged(whole / name)
        for line in (*mine, *others):
            line.pop("best", None)
        assert mine == others
    assert (disturbed / "training.log").read_text() == (whole / "training.log").read_text()
    saved = [checkpoints.step_of(path) for path in checkpoints.checkpoints(disturbed / "checkpoints")]
    assert saved == [20, 22, 24]
    assert latest(disturbed / "checkpoints") == disturbed / "checkpoints/step-0000024.params"
    assert scalars(disturbed) == scalars(whole)
    assert not [path for path in disturbed.rglob(".*") if path.name != ".lock"]


def scalars(folder):
    """What TensorBoard would show: (step, name, value) of every event whose checksums are right."""
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.record_writer import masked_crc32c

    (path,) = (folder / "tensorboard").iterdir()
    data, found = path.read_bytes(), []
    while data:
        size = int.from_bytes(data[:8], "little")
        record, data = data[: size + 16], data[size + 16 :]
        for part, crc in ((record[:8], record[8:12]), (record[12:-4], record[-4:])):
            assert masked_crc32c(part) == int.from_bytes(crc, "little")
        event = Event.FromString(record[12:-4])
        found += [(event.step, value.tag, value.simple_value) for value in event.summary.value]
    assert len(found) > 24 * 3
    return found


def test_a_growing_file_has_every_piece_once(tmp_path):
    file = GrowingFile(tmp_path / "log")
    try:
        limit_files(10)
        file.append(b"12345678")
        with pytest.raises(OSError, match="File too large"):
            file.append(b"abcd")
        with pytest.raises(OSError, match="File too large"):
            file.append(b"efgh")
        assert (tmp_path / "log").read_bytes() == b"12345678ab"
    finally:
        limit_files(resource.RLIM_INFINITY)
    file.append(b"i")
    file.close()
    assert (tmp_path / "log").read_bytes() == b"12345678abcdefghi"


def test_what_is_saved_is_on_the_disk_before_it_is_named(photos, tmp_path, monkeypatch):
    """The order that a power failure needs: the log, then a file's content, then its name, then the folder."""
    seen, fsync, replace = [], os.fsync, Path.replace

    def note_fsync(descriptor):
        seen.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).name)
        fsync(descriptor)

    def note_replace(path, target):
        seen.append((path.name, target.name))
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(Path, "replace", note_replace)
    assert run(*TINY, "--data", photos, "--steps", 2, "--save-every", 2, "--out", tmp_path / "run")[0] == 0
    named = {entry[1]: (at, entry[0]) for at, entry in enumerate(seen) if isinstance(entry, tuple)}
    parts = [f"step-0000002.{suffix}" for suffix in ("params", "json", "state", "sha256")]
    assert [at for at, _ in map(named.get, parts)] == sorted(at for at, _ in map(named.get, parts))
    for part in parts:
        at, temporary = named[part]
        assert seen[at - 1 : at + 2] == [temporary, (temporary, part), "checkpoints"]
    assert "log.jsonl" in seen[: named["step-0000002.params"][0]]


@pytest.mark.parametrize("error", [errno.EROFS, errno.EACCES])
def test_a_folder_that_may_not_be_written_to_is_named(photos, tmp_path, monkeypatch, error):
    def refuse(path, *args, **kwargs):
        raise OSError(error, os.strerror(error), str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    result = run(*TINY, "--data", photos, "--steps", 1, "--out", tmp_path / "run")
    assert_one_line_error(result, f"{tmp_path / 'run'}: {os.strerror(error)}")


def test_a_list_of_skipped_photos_that_cannot_be_written_ends_nothing(photos, tmp_path, caplog):
    (tmp_path / "run/skipped.json").mkdir(parents=True)
    assert run(*TINY, "--data", photos, "--steps", 1, "--out", tmp_path / "run")[0] == 0
    assert "skipped.json: Is a directory" in caplog.text
    assert latest(tmp_path / "run/checkpoints")


# --- damage


DAMAGE = {
    "cut off": lambda data: data[:-30],
    "zeros, as after a power failure": lambda data: data[:-200] + b"\0" * 200 + b"\n",
    "no JSON": lambda data: data.replace(b'"step"', b"step", 1),
    "no UTF-8": lambda data: data.replace(b'"step"', b'"st\xffp"', 1),
    "another object": lambda data: b"[]\n3\n{}\n" + data,
    "empty": lambda data: b"",
}


@pytest.fixture(scope="module")
def eight_steps(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    command = [*TINY, "--data", write_photos(folder / "photos", 5, 40, 50), "--steps", 8, "--save-every", 4]
    assert run(*command, "--out", folder / "run")[0] == 0
    return folder / "run"


@pytest.mark.xdist_group("eight steps")
@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_log_stops_no_run(eight_steps, tmp_path, kind, caplog):
    out = shutil.copytree(eight_steps, tmp_path / "run")
    whole = {name: logged(out / name) for name in ("log.jsonl", "validation.jsonl")}
    epochs = (out / "training.log").read_text().splitlines()
    for name in whole:
        (out / name).write_bytes(DAMAGE[kind]((out / name).read_bytes()))
    for path in (out / "checkpoints").glob("step-0000008*"):
        path.unlink()
    assert run("train-sr", "--resume", "--out", out, "--save-every", 4)[0] == 0
    assert logged(out / "log.jsonl")[-4:] == whole["log.jsonl"][-4:]
    assert logged(out / "validation.jsonl")[-1] == whole["validation.jsonl"][-1]
    assert len((out / "training.log").read_text().splitlines()) == len(epochs)
    lost = 8 - len(logged(out / "log.jsonl"))
    assert (f"lacks the lines of {lost} steps" in caplog.text) == bool(lost)


def test_lines_of_later_steps_and_half_lines_go(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"step": 1}\n{"step": 2}\n{"step": 3}\n{"st')
    log = JsonLines(path, 2)
    log.append({"step": 3, "loss": float("nan")})
    log.close()
    assert path.read_text() == '{"step": 1}\n{"step": 2}\n{"step": 3, "loss": null}\n'


def test_a_damaged_checkpoint_does_not_take_the_place_of_a_good_one(photos, tmp_path):
    """The next are saved before it, where the run goes on from an earlier one."""
    config = SuperResolutionConfig(data=str(photos), width=2, blocks=1, patch=16, loss="pixel")
    saver = Checkpoints(Run(super_resolution_task(config)), tmp_path, every=1, keep=1)
    saver.save(4)
    saver.path(6).write_bytes(b"half of it")
    saver.save(5)
    assert latest(tmp_path) == saver.path(5)
    assert checkpoints.checkpoints(tmp_path) == [saver.path(5)]


def test_a_checkpoint_of_another_run_is_refused(photos, tmp_path):
    mine, other = tmp_path / "mine", tmp_path / "other"
    for out, width in ((mine, 2), (other, 3)):
        assert run(*TINY, "--data", photos, "--steps", 2, "--width", width, "--out", out)[0] == 0
    shutil.rmtree(mine / "checkpoints")
    shutil.copytree(other / "checkpoints", mine / "checkpoints")
    result = run("train-sr", "--resume", "--out", mine)
    assert_one_line_error(result, "step-0000002.params")
    assert len(read_params(mine / "checkpoints/step-0000002.params")) > 5


@pytest.mark.xdist_group("eight steps")
@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"config": {"unknown": 1}}', '{"config": 3}', "\0\0", pytest.param("[" * 99999, id="deep")]
)
def test_a_damaged_record_of_a_run_is_named(eight_steps, tmp_path, text):
    out = shutil.copytree(eight_steps, tmp_path / "run")
    (out / "config.json").write_text(text)
    assert_one_line_error(run("train-sr", "--resume", "--out", out), "config.json")


@pytest.mark.xdist_group("eight steps")
def test_other_versions_are_warned_of(eight_steps, tmp_path, caplog):
    out = shutil.copytree(eight_steps, tmp_path / "run")
    text = (out / "config.json").read_text()
    (out / "config.json").write_text(text.replace('"mxnet": "', '"mxnet": "0.'))
    assert run("train-sr", "--resume", "--out", out)[0] == 0
    assert "versions of mxnet differ from the saved run's; rounding may differ" in caplog.text


# --- photos that go away


def test_photos_removed_while_running_are_skipped(photos, tmp_path, steps, monkeypatch):
    monkeypatch.setattr(PictureCache, "__call__", lambda cache, number: cache._read(number))
    gone = photos / "3.png"
    steps[2] = gone.unlink
    out = tmp_path / "run"
    assert run(*TINY, "--data", photos, "--steps", 12, "--out", out)[0] == 0
    assert json.loads((out / "skipped.json").read_text()) == {str(gone): "no such file"}
    assert len(logged(out / "log.jsonl")) == 12
    result = run("train-sr", "--resume", "--out", out)
    assert_one_line_error(result, "pairs differs from the saved run")


def test_a_run_without_photos_ends_and_goes_on_when_they_are_back(photos, tmp_path, steps, monkeypatch):
    monkeypatch.setattr(PictureCache, "__call__", lambda cache, number: cache._read(number))
    away, out = photos.with_name("away"), tmp_path / "run"
    steps[6] = lambda: photos.rename(away)
    command = [*TINY, "--data", photos, "--steps", 8, "--save-every", 2, "--out", out]
    assert_one_line_error(run(*command), "none of the 4 photos can be used", "no such file")
    away.rename(photos)
    assert run("train-sr", "--resume", "--out", out)[0] == 0
    assert [line["step"] for line in logged(out / "log.jsonl")] == list(range(1, 9))
