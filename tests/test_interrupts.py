"""Ctrl-C: what is finished stays, what is not is not there."""

import os
import re
import signal

import cv2
import numpy as np
import pytest
from cli import FORKS, run, start, wait_until, write
from helpers import saved

from gluon_perceptual.checkpoint.spec import ModelSpec
from gluon_perceptual.files import atomic_path, end_process

COUNT = 300
ENLARGING = ModelSpec("SuperResolutionNet", {"scale": 2, "width": 4, "blocks": 1})
PAINTING = ModelSpec("StyleNet", {"width": 4})


@pytest.fixture
def folder(tmp_path):
    """Many names of a picture."""
    first = write(tmp_path / "photos/000.png", height=160, width=160)
    for number in range(1, COUNT):
        os.link(first, first.with_name(f"{number:03}.png"))
    return first.parent


def assert_all_whole(folder, shape):
    """Return how many pictures there are in a folder, which has nothing else."""
    paths = list(folder.iterdir()) if folder.exists() else []
    assert all(path.suffix == ".png" and not path.name.startswith(".") for path in paths)
    assert all(cv2.imread(str(path)).shape == shape for path in paths)
    return len(paths)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_finishes_the_pictures_in_work(folder, tmp_path, number, status):
    said, out = tmp_path / "said", tmp_path / "out"
    enlarging = saved(tmp_path / "x2.params", ENLARGING)
    process = start(said, "upscale", folder, "-o", out, "--model", enlarging)
    wait_until(lambda: out.exists() and len(list(out.glob("[0-9]*"))) > 1, process, said)
    os.kill(process.pid, number)
    process.join()
    assert process.exitcode == status
    done = assert_all_whole(out, (320, 320, 3))
    assert 1 < done < COUNT
    text = said.read_text()
    assert f"interrupted: {done} of {COUNT} pictures are done" in text
    assert text.count("stopping after") == 1
    assert text.count(f"{out}/") == done
    assert "Traceback" not in text


def test_the_second_does_not_wait_for_them(tmp_path):
    said, out = tmp_path / "said", tmp_path / "out"
    photos = [write(tmp_path / f"{side}.png", height=side, width=side) for side in (64, 3000)]
    options = ("--model", saved(tmp_path / "x2.params", ENLARGING), "--tile", 64)
    process = start(said, "upscale", *photos, "-o", out, *options)
    wait_until(lambda: "64.png" in said.read_text(), process, said)  # a thread has the large one
    os.kill(process.pid, signal.SIGINT)
    wait_until(lambda: "stopping after" in said.read_text(), process, said)
    os.kill(process.pid, signal.SIGINT)
    process.join()
    assert process.exitcode == 130
    assert assert_all_whole(out, (128, 128, 3)) == 1
    assert said.read_text().endswith("interrupted\n")


def end_while_writing(path):
    with atomic_path(path) as temporary:
        temporary.write_text("half")
        end_process(7)


def test_what_was_being_written_is_removed(tmp_path):
    process = FORKS.Process(target=end_while_writing, args=(tmp_path / "a.txt",))
    process.start()
    process.join()
    assert process.exitcode == 7
    assert not list(tmp_path.iterdir())


def film(path):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 64))
    for _ in range(COUNT):
        writer.write(np.zeros((64, 64, 3), np.uint8))
    writer.release()
    return path


def test_failures_before_are_told(tmp_path):
    said = tmp_path / "said"
    (tmp_path / "broken.mp4").write_bytes(b"broken")
    inputs = [tmp_path / "broken.mp4", film(tmp_path / "a.avi")]
    process = start(said, "stylize", *inputs, "-o", tmp_path / "out", "--model", saved(tmp_path / "s.params", PAINTING))
    wait_until(lambda: re.search(r"a\.avi: +[1-9]", said.read_text()), process, said)
    os.kill(process.pid, signal.SIGINT)
    process.join()
    assert re.search(r"\n[^\n]*broken\.mp4: [^\n]+\n0 of 2 videos are done, 1 failed\ninterrupted\n", said.read_text())


@pytest.mark.parametrize("first", ["video", "pictures"])
def test_a_video_in_work_is_not_there_and_later_ones_are_not_begun(folder, tmp_path, first):
    said, out = tmp_path / "said", tmp_path / "out"
    inputs = [film(tmp_path / "a.avi"), *([folder] if first == "pictures" else [])]
    process = start(said, "stylize", *inputs, "-o", out, "--model", saved(tmp_path / "style.params", PAINTING))
    begun = r"a\.avi: +[1-9]" if first == "video" else re.escape(f"{out}/")
    wait_until(lambda: re.search(begun, said.read_text()), process, said)
    os.kill(process.pid, signal.SIGINT)
    process.join()
    assert process.exitcode == 130
    assert ("a.avi" in said.read_text()) == (first == "video")
    assert "interrupted" in said.read_text().splitlines()[-1]
    assert (assert_all_whole(out, (160, 160, 3)) > 0) == (first == "pictures")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_an_optimization_leaves_its_pictures_on_the_way(tmp_path, number, status):
    said, out = tmp_path / "said", tmp_path / "out.png"
    photo = write(tmp_path / "photo.png", height=40, width=32)
    options = ("--layer", "relu1_1", "--size", 40, "--optimizer", "adam", "--iterations", 100000, "--save-every", 1)
    process = start(said, "optimize-image", "invert", photo, "-o", out, *options)
    wait_until((tmp_path / "out/step-00003.png").exists, process, said)
    os.kill(process.pid, number)
    process.join()
    assert process.exitcode == status
    assert assert_all_whole(tmp_path / "out", (40, 32, 3)) >= 3
    assert not out.exists()
    assert (said.read_text().splitlines()[-1] == "interrupted") == (number == signal.SIGINT)
    assert "Traceback" not in said.read_text()


class Interrupting:
    """When it is deleted, SIGINT comes: Python drops an exception that is raised there."""

    def __del__(self):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.usefixtures("no_figures")
def test_an_interruption_while_something_is_deleted_is_not_lost(tmp_path, monkeypatch):
    monkeypatch.setattr("gluon_perceptual.commands._optimize.write_picture", lambda *_: Interrupting() and None)
    photo = write(tmp_path / "photo.png", height=40, width=32)
    options = ("--layer", "relu1_1", "--size", 40, "--optimizer", "adam", "--iterations", 3, "--save-every", 1)
    status, _, said = run("optimize-image", "invert", photo, "-o", tmp_path / "out.png", *options)
    assert status == 130
    assert said.endswith("interrupted\n")
    assert not (tmp_path / "out.png").exists()
