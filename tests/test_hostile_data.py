"""Photos as they come: hundreds that are damaged, each kind of refusal, failures of a worker."""

import json
import logging
import os

import numpy as np
import pytest
from cli import assert_one_line_error, run
from hostile import KINDS, good, write_hostile
from pictures import of_size
from PIL import Image

from gluon_perceptual.data import reading
from gluon_perceptual.data.batches import batches
from gluon_perceptual.data.crops import PhotoCrops
from gluon_perceptual.data.patches import PatchDataset
from gluon_perceptual.data.photos import find_photos, readable_photos
from gluon_perceptual.data.reading import read_photo, write_report
from gluon_perceptual.errors import ImageError, UserError

PATCH = 16
ROUNDS = 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """500 mutated pictures and one good picture of each kind."""
    folder = tmp_path_factory.mktemp("hostile")
    write_hostile(folder, 500)
    for kind in KINDS:
        (folder / f"good.{kind}").write_bytes(good(kind))
    return folder


@pytest.fixture(scope="module")
def bad(folder):
    """Those that cannot be used, found one by one."""

    def is_bad(path):
        try:
            return min(read_photo(path).shape[:2]) < PATCH
        except (ImageError, OSError):
            return True

    return {str(path) for path in find_photos(folder) if is_bad(path)}


@pytest.fixture(scope="module")
def expected(folder, bad):
    """Some pairs of a round, each from a `PatchDataset` that knows of no bad photo yet."""
    photos = find_photos(folder)
    assert 250 < len(bad) < 500
    return {k: PatchDataset(photos, 2, PATCH)[k] for k in range(0, len(photos), 5)}


@pytest.mark.parametrize("workers", [0, 1, 4])
def test_the_bad_among_500_mutated_pictures_are_skipped_and_named(
    folder, bad, expected, workers, tmp_path, caplog, capfd
):
    photos = find_photos(folder)
    pairs = PatchDataset(photos, 2, PATCH)
    with caplog.at_level(logging.WARNING):
        found = list(batches(pairs, 8, 0, ROUNDS * len(photos) // 8, workers))
    assert set(pairs.sampler.skipped) == bad
    assert sorted(record.getMessage().split(": ")[1] for record in caplog.records) == sorted(bad)
    for k, pair in expected.items():
        for side in (0, 1):  # what was skipped before, by whichever thread, decides nothing
            np.testing.assert_array_equal(found[k // 8][side][k % 8], pair[side])
    write_report(tmp_path / "skipped.json", pairs.sampler.skipped)
    report = json.loads((tmp_path / "skipped.json").read_text())
    assert list(report) == sorted(bad)
    assert all(reason and str(folder) not in reason and "\n" not in reason for reason in report.values())


def test_a_recordio_file_of_them_holds_the_good_ones(folder, bad, tmp_path):
    unreadable = {name for name in bad if not list(readable_photos([folder / name], 1))}
    status, out, _ = run("prepare-data", "--data", folder, "--out", tmp_path / "new", "--format", "rec")
    assert status == 0
    assert f"{len(unreadable)} skipped" in out
    assert set(json.loads((tmp_path / "new/skipped.json").read_text())) == unreadable
    records = find_photos(tmp_path / "new/data.rec")
    assert len(records) == 500 + len(KINDS) - len(unreadable)
    for record in records:
        np.testing.assert_array_equal(read_photo(record), read_photo(folder / record.name))


# --- each kind


def unreadable(path):
    path.symlink_to("/proc/self/mem")  # reading at 0 is an I/O error, also for root


def sparse(path):
    with path.open("wb") as file:
        file.truncate(2**40)


REFUSED = {
    "empty": (lambda path: path.touch(), "an empty file"),
    "text": (lambda path: path.write_text("<html>404</html>"), "not a PNG, JPEG"),
    "other": (lambda path: Image.new("RGB", (30, 30)).save(path, "TGA"), "not a PNG, JPEG"),
    "cut": (lambda path: path.write_bytes(good("png")[:-200]), "damaged picture"),
    "bomb": (lambda path: path.write_bytes(of_size(20_000, 20_000)), "20000×20000 pixels are more than 200,000,000"),
    "sparse": (sparse, "1,099,511,627,776 bytes are more than"),
    "float": (lambda path: Image.new("F", (30, 30)).save(path, "TIFF"), "a picture of 32-bit floats per channel"),
    "small": (lambda path: path.write_bytes(good("png", side=8)), "8×8 is smaller than a patch of 16×16"),
    "dangling": (lambda path: path.symlink_to("nowhere"), "no such file"),
    "loop": (lambda path: path.symlink_to(path.name), "no such file"),
    "pipe": (os.mkfifo, "not a file"),
    "to a folder": (lambda path: path.symlink_to(path.parent), "not a file"),
    "unreadable": (unreadable, "Input/output error"),
    "forbidden": (lambda path: (path.write_bytes(good("png")), path.chmod(0)), "Permission denied"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_refused(tmp_path, kind):
    make, reason = REFUSED[kind]
    path = tmp_path / "bad.png"
    make(path)
    if kind == "forbidden" and os.access(path, os.R_OK):
        pytest.skip("root may read all")
    (tmp_path / "good.png").write_bytes(good("png"))
    pairs = PatchDataset(find_photos(tmp_path), 2, PATCH)
    assert all(pairs[k][1].shape == (3, PATCH, PATCH) for k in range(4))
    assert list(pairs.sampler.skipped) == [str(path)]
    assert pairs.sampler.skipped[str(path)].startswith(reason)
    skipped = {}
    assert list(readable_photos(find_photos(tmp_path), PATCH, skipped)) == [tmp_path / "good.png"]
    assert list(skipped) == [str(path)]


def test_a_folder_that_may_not_be_read_is_named(tmp_path, monkeypatch, caplog):
    for name in ("a/1.png", "closed/2.png", "z.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(good("png"))
    scandir = os.scandir

    def refusing(path):
        if str(path).endswith("closed/"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", lambda path: refusing(f"{path}/"))
    assert list(find_photos(tmp_path)) == [tmp_path / "a/1.png", tmp_path / "z.png"]
    assert f"skipped: {tmp_path / 'closed'}: Permission denied" in caplog.text


# --- a worker that fails


@pytest.mark.parametrize("workers", [0, 3])
@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("a bug\nin two lines")], ids=["memory", "bug"])
@pytest.mark.parametrize("where", ["reading", "cropping"])
def test_it_names_its_photo(tmp_path, monkeypatch, workers, error, where):
    for number in range(6):
        (tmp_path / f"{number}.png").write_bytes(good("png", number))
    victim, genuine = read_photo(tmp_path / "3.png"), reading.read_rgb

    def fail(path, *rest):
        if path == tmp_path / "3.png":
            raise error
        return genuine(path, *rest)

    def fail_at(self, picture, rng):
        if np.array_equal(picture, victim):
            raise error
        return np.zeros((3, PATCH, PATCH), np.uint8)

    monkeypatch.setattr(*((reading, "read_rgb", fail) if where == "reading" else (PhotoCrops, "_crop", fail_at)))
    with pytest.raises(UserError, match=r"3\.png: processing this photo failed \((Mem|Run).*\); leave it") as raised:
        list(batches(PhotoCrops(find_photos(tmp_path), PATCH), 2, 0, 3, workers))
    assert "\n" not in str(raised.value)


def test_a_command_tells_it_in_one_line(tmp_path, monkeypatch):
    (tmp_path / "photo.png").write_bytes(good("png", side=40))
    monkeypatch.setattr(PatchDataset, "_crop", lambda self, picture, rng: 1 / 0)
    options = ("--targets", "patches", "--patch", 16)
    result = run("prepare-data", "--data", tmp_path, "--out", tmp_path / "new", "--count", 4, *options)
    assert_one_line_error(result, "photo.png: processing this photo failed (ZeroDivisionError")
