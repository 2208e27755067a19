"""Commands among hostile names, files and streams: one line, nothing lost, nothing waited for."""

import errno
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from cli import FORKS, PROGRAM, ROOT, assert_one_line_error, run, write
from helpers import saved

from gluon_perceptual.checkpoint.spec import ModelSpec
from gluon_perceptual.commands import main
from gluon_perceptual.commands._console import Forgiving, Guarded, printable
from gluon_perceptual.errors import UserError
from gluon_perceptual.files import atomic_path, check_regular, input_file, keeping_inputs, write_bytes
from gluon_perceptual.inference import Stylizer, Upscaler
from gluon_perceptual.training.folder import GrowingFile, locked, make_part
from gluon_perceptual.training.record import RunRecord, resumed_config
from gluon_perceptual.training.super_resolution_config import SuperResolutionConfig
from gluon_perceptual.weights import models


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    arguments = {"scale": 2, "width": 4, "blocks": 1}
    return saved(tmp_path_factory.mktemp("model") / "x2.params", ModelSpec("SuperResolutionNet", arguments))


# Nothing that was read is written over, and only files are written to.


def test_what_a_command_has_read_is_not_replaced(tmp_path):
    read, other = tmp_path / "a", tmp_path / "b"
    read.write_text("mine")
    (tmp_path / "link").symlink_to(read)
    with keeping_inputs():
        input_file(read)
        for path in (read, tmp_path / "link"):
            with pytest.raises(UserError, match="is an input"), atomic_path(path):
                pass
        with atomic_path(other) as temporary:
            temporary.write_text("new")
    assert (read.read_text(), other.read_text()) == ("mine", "new")
    with atomic_path(read) as temporary:  # nobody's command
        temporary.write_text("new")
    assert read.read_text() == "new"


def test_a_folder_that_cannot_be_read_gets_its_file(tmp_path, monkeypatch):
    opened = os.open

    def refuse(path, *arguments, **more):
        if Path(path) == tmp_path:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return opened(path, *arguments, **more)

    monkeypatch.setattr(os, "open", refuse)
    write_bytes(tmp_path / "x", b"complete")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_inputs_of_every_kind_are_kept(model, tmp_path):
    photo, other = write(tmp_path / "photo.png", height=40, width=40), write(tmp_path / "photo_plot.png")
    bytes_before = {path: path.read_bytes() for path in (photo, other, model, model.with_suffix(".json"))}
    for command in (
        ("export-onnx", model, "-o", model),
        ("export-safetensors", model, "-o", model),
        ("export-safetensors", model, "-o", model.with_suffix(".json")),
        ("match-histogram", photo, other, photo),
        ("match-histogram", photo, other, other),
        ("evaluate", "--model", model, "--data", tmp_path, "--scale", 2, "--figure", photo),
        ("optimize-image", "invert", photo, "-o", photo),
        ("match-histogram", photo, other, tmp_path / "photo.jpg", "--plot"),
    ):
        assert_one_line_error(run(*command), "is an input, which the result would overwrite")
    assert {path: path.read_bytes() for path in bytes_before} == bytes_before


@pytest.mark.parametrize("name", ["pipe", "link", "folder", "/dev/null", "/dev/stdout"])
def test_outputs_are_files(model, tmp_path, name):
    path = Path(name) if name.startswith("/") else tmp_path / f"{name}.png"
    if name == "pipe":
        os.mkfifo(path)
    elif name == "link":
        path.symlink_to("/dev/null")
    elif name == "folder":
        path.mkdir()
    photo = write(tmp_path / "a.jpg")
    assert_one_line_error(run("match-histogram", photo, photo, path), str(path))
    assert_one_line_error(run("export-onnx", model, "-o", path), str(path))


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="no folder in memory")
def test_files_in_memory_are_files():
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        for content in (b"old", b"new"):
            write_bytes(Path(folder, "a"), content)
        assert Path(folder, "a").read_bytes() == b"new"


def test_pipes_and_devices_are_not_read(model, tmp_path):
    for name in ("x.params", "x.pth", "x-symbol.json", "x.png", "list.txt"):
        os.mkfifo(tmp_path / name)
    for suffix in (".params", ".json"):
        (tmp_path / f"y{suffix}").write_bytes(model.with_suffix(suffix).read_bytes())
    (tmp_path / "y.json").unlink()
    os.mkfifo(tmp_path / "y.json")
    photo = write(tmp_path / "photo.png")
    for command in (
        ("inspect-params", tmp_path / "x.params"),
        ("convert-style", tmp_path / "x.pth", "-o", tmp_path / "o.params"),
        ("describe-symbol", tmp_path / "x-symbol.json"),
        ("upscale", photo, "--model", tmp_path / "x.params"),
        ("upscale", photo, "--model", tmp_path / "y.params"),
        ("upscale", tmp_path / "x.png", "--model", model),
        ("prepare-data", "--data", tmp_path / "list.txt", "--out", tmp_path / "out"),
        ("match-histogram", tmp_path / "x.png", photo, tmp_path / "o.png"),
    ):
        assert_one_line_error(run(*command), str(tmp_path))
    with pytest.raises(UserError, match="is a device"):
        check_regular("/dev/zero")


def test_links_in_a_runs_folder_are_not_followed(tmp_path):
    mine = tmp_path / "mine"
    mine.write_text("precious")
    for name in (".lock", "training.log"):
        (tmp_path / name).symlink_to(mine)
    with pytest.raises(OSError, match="a link"), locked(tmp_path):
        pass
    with pytest.raises(OSError, match="a link"):
        GrowingFile(tmp_path / "training.log")
    os.link(mine, tmp_path / "hard")
    with pytest.raises(OSError, match="alone"):
        GrowingFile(tmp_path / "hard")
    (tmp_path / "previews").symlink_to(tmp_path)
    with pytest.raises(UserError, match="is a link"):
        make_part(tmp_path / "previews")
    assert mine.read_text() == "precious"


# Streams and names.


def test_what_does_not_print_is_escaped():
    assert printable("a\x1b[31m\n\u202e\udcff ü") == "a\\x1b[31m\\n\\u202e\\udcff ü"
    assert printable("a\nb", but="\n") == "a\nb"


def test_a_stream_that_fails_takes_all():
    class Full:
        def write(self, data):
            raise OSError

    assert Forgiving(Full()).write(b"abc") == 3


@pytest.mark.parametrize("name", ["a\x1b]0;owned\x07.png", "a\nError: b.png", "a\rb.png"])
def test_names_control_no_terminal(model, tmp_path, name):
    photo = write(tmp_path / "plain.png")
    photo.rename(tmp_path / name)
    status, out, _ = run("upscale", tmp_path / name, "-o", tmp_path / "out", "--model", model)
    assert status == 0
    assert out == f"{printable(str(tmp_path / 'out' / name))}\n"
    result = run("upscale", tmp_path / f"no{name}", "-o", tmp_path / "out", "--model", model)
    assert_one_line_error(result, printable(f"no{name}"))
    assert not set(result[2]) & {"\x1b", "\x07"}


def test_messages_to_closed_streams_stop_no_work(model, tmp_path):
    write(tmp_path / "é.png")
    words = [*PROGRAM, "upscale", "é.png", "-o", "o.png", "--model", str(model)]
    settings = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii:strict", "OMP_NUM_THREADS": "1"}
    closed = ["sh", "-c", '"$@" <&- >&- 2>&-', "sh", *words]
    assert subprocess.run(closed, cwd=tmp_path, env=settings, check=False).returncode == 0
    assert cv2.imread(str(tmp_path / "o.png")).shape == (24, 20, 3)


def test_all_commands_guard_their_streams_also_alone():
    """As tools/NAME.py runs them."""
    assert all(isinstance(main.get_command(None, name), Guarded) for name in main.list_commands(None))


def upscale_into(streams, folder, model):
    """In a process of its own, whose streams are as Python begins with: none where the descriptor is closed."""
    os.chdir(folder)
    targets = {name: os.open(streams.get(name, os.devnull) or os.devnull, os.O_WRONLY) for name in ("stdout", "stderr")}
    for descriptor, (name, target) in enumerate(targets.items(), start=1):
        os.dup2(target, descriptor)
        os.close(target)
        stream = os.fdopen(descriptor, "w", encoding="ascii", errors="strict")
        if streams.get(name, "") is None:
            stream = stream.close()
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    main(["upscale", "é.png", "-o", "o.png", "--model", str(model)], prog_name="gluon-perceptual")


@pytest.mark.parametrize(
    "streams",
    [
        {"stderr": None},
        {"stderr": "/dev/full"},
        {"stdout": None},
        {"stdout": "/dev/full"},
        {"stdout": None, "stderr": None},
    ],
    ids=str,
)
def test_messages_that_cannot_be_written_stop_no_work(model, tmp_path, streams):
    write(tmp_path / "é.png")
    process = FORKS.Process(target=upscale_into, args=(streams, tmp_path, model), daemon=True)
    process.start()
    process.join(120)
    assert process.exitcode == 0
    assert cv2.imread(str(tmp_path / "o.png")).shape == (24, 20, 3)


def test_a_result_that_cannot_be_written_is_an_error(model):
    words = [*PROGRAM, "inspect-params", str(model)]
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(words, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert_one_line_error((ended.returncode, "", ended.stderr), "standard output: No space left on device")


def test_a_name_that_is_too_long_or_a_folder_fails_alone(model, tmp_path):
    for name in ("a.png", "b.png", f"{'n' * 251}.png"):
        write(tmp_path / "in" / "x.png").rename(tmp_path / "in" / name)
    (tmp_path / "out/b.webp").mkdir(parents=True)
    status, _, err = run("upscale", tmp_path / "in", "-o", tmp_path / "out", "--model", model, "--suffix", ".webp")
    assert status == 1
    assert err.splitlines()[-1] == "1 of 3 pictures are done, 2 failed"
    assert (tmp_path / "out/a.webp").is_file()


# Numbers and settings.


@pytest.mark.parametrize(
    "options",
    [
        ("train-sr", "--lr", "nan"),
        ("train-sr", "--lr", "inf"),
        ("train-sr", "--sigma", "1e9"),
        ("train-sr", "--width", 100000),
        ("train-sr", "--seed", "9" * 5000),
        ("train-sr", "--patience", "1e300"),
        ("train-sr", "--workers", 10**6),
        ("train-style", "x.png", "--blend", "1,nan"),
        ("upscale", "x.png", "--tile", "9" * 5000),
        ("upscale", "x.png", "--cpus", 10**6),
        ("stylize", "x.png", "--model", "wave", "--strength", "nan"),
        ("match-histogram", "a", "b", "c", "-m", "nan"),
        ("benchmark", "--headline", "--sizes", "9" * 5000),
        ("cluster", "-n", 10**6, "true"),
        ("prepare-data", "--out", "out", "--sigma", "nan"),
    ],
)
def test_numbers_that_cannot_be_are_wrong_options(options, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert_one_line_error(run(*options), "Invalid value", status=2)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "value"),
    [("scale", 0), ("cpus", 0), ("width", -1), ("width", True), ("loss", "most"), ("learning_rate", float("nan")),
     ("beta2", 2.0), ("sigma", 1e9), ("steps", 0), ("steps", "many"), ("batch", 10**30)],
)  # fmt: skip
def test_a_config_is_taken_as_options_are(name, value, tmp_path):
    path = tmp_path / "config.json"
    RunRecord(SuperResolutionConfig(), None, 1, []).write(path)
    resumed_config(SuperResolutionConfig, path, {})
    record = json.loads(path.read_text())
    record["config"][name] = value
    path.write_text(json.dumps(record))
    with pytest.raises(UserError, match=f"config.json: .*{name}"):
        resumed_config(SuperResolutionConfig, path, {})


# Progress and summaries.


def test_progress_goes_by_tile_to_the_end(model):
    picture = np.zeros((40, 70, 3), np.uint8)
    told = []
    Upscaler(model, tile=32)(picture, told.append)
    assert len(told) > 3
    assert told == sorted(told)
    assert told[-1] == 1


@pytest.mark.parametrize("statistics", ["whole", "reduced"])
def test_progress_of_styles_goes_by_window(tmp_path, statistics):
    style = saved(tmp_path / "style.params", ModelSpec("StyleNet", {"width": 4}))
    told = []
    Stylizer(style, tile=64, statistics=statistics)(np.zeros((90, 140, 3), np.uint8), told.append)
    assert len(told) > 3
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1)


def test_pictures_go_through_at_once_as_memory_allows(tmp_path, monkeypatch):
    path = saved(tmp_path / "style.params", ModelSpec("StyleNet", {"width": 4}))
    style = Stylizer(path, precision="float32")  # of which AMX's bfloat16 would be far
    noise = np.random.default_rng(0).integers(0, 256, (410, 430, 3), np.uint8)
    monkeypatch.setattr("gluon_perceptual.inference.stylizer.free_memory", lambda ctx: 10**9)
    style.tile = 128
    told = []
    whole = style(noise, told.append)
    assert len(told) > 3  # by layers
    monkeypatch.setattr("gluon_perceptual.inference.stylizer.free_memory", lambda ctx: 10**6)
    assert not style.fits(410, 430)
    assert np.abs(style(noise).astype(int) - whole).max() <= 1


def test_the_last_line_says_what_became_of_the_pictures(model, tmp_path):
    for name in ("a", "b"):
        write(tmp_path / f"in/{name}.png")
    common = ("upscale", tmp_path / "in", "-o", tmp_path / "out", "--model", model)
    assert run(*common)[2].splitlines()[-1] == "2 of 2 pictures are done"
    (tmp_path / "out/b.png").unlink()
    assert run(*common)[2].splitlines()[-1] == "2 of 2 pictures are done (1 replaced a file)"
    (tmp_path / "in/c.png").write_bytes(b"broken")
    last = run(*common, "--skip-existing")[2].splitlines()[-1]
    assert last == "0 of 3 pictures are done, 2 left as they were there, 1 failed"
    assert "100%" not in run("upscale", tmp_path / "in/c.png", "-o", tmp_path / "o.png", "--model", model)[2]


# Options and lists.


def test_a_path_is_no_color_space(model, tmp_path):
    photo = write(tmp_path / "photo.png")
    for space in ([], ["LAB"], ["lab"]):
        status = run("upscale", "--model", model, "-o", tmp_path / "o.png", "--match-histogram", *space, photo)[0]
        assert status == 0
    assert_one_line_error(run("upscale", photo, "--match-histogram=HSV"), "HSV", status=2)


def test_only_models_that_fit_are_named(tmp_path):
    photo = write(tmp_path / "photo.png")
    result = run("upscale", photo, "--model", "nosuch")
    assert_one_line_error(result, "nosuch", "sr_x2_pixel")
    assert "wave" not in result[2]
    result = run("stylize", photo, "--model", "nosuch")
    assert_one_line_error(result, "nosuch", "wave")
    assert "sr_x2" not in result[2]
    lines = run("upscale", "--list-models")[1].splitlines()
    assert [line.split()[1] for line in lines] == sorted(line.split()[1] for line in lines)
    score = models()["sr_x2_pixel"]["scores"]["Set5"]["psnr"]
    assert f"{score:.2f} dB" in next(line for line in lines if line.startswith("sr_x2_pixel"))


def test_a_folder_that_is_there_is_left_alone(tmp_path):
    photo = write(tmp_path / "photo.png", height=32, width=32)
    mine = write(tmp_path / "out/loss.png")
    before = mine.read_bytes()
    options = ("--size", 32, "--iterations", 1, "--layer", "relu1_1")
    assert run("optimize-image", "invert", photo, "-o", tmp_path / "out.png", *options)[0] == 0
    assert mine.read_bytes() == before
    assert (tmp_path / "out-2/loss.png").exists()
