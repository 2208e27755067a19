"""RecordIO files: ours and MXNet's are the same, photos in them are like photos in a folder."""

import io
import json

import numpy as np
import pytest
from cli import assert_one_line_error, run
from hostile import good
from hypothesis import given, settings
from hypothesis import strategies as st

from gluon_perceptual._mxnet import mx
from gluon_perceptual.data.batches import batches
from gluon_perceptual.data.patches import PatchDataset
from gluon_perceptual.data.photos import find_photos, split_photos
from gluon_perceptual.data.recordio import MAGIC_BYTES, read_record, write_record
from gluon_perceptual.data.records import write_records
from gluon_perceptual.errors import UserError
from gluon_perceptual.image.formats import titles

CONTENTS = st.lists(st.lists(st.one_of(st.binary(max_size=9), st.just(MAGIC_BYTES)), max_size=9).map(b"".join))


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    for number, name in enumerate(["0.png", "1.jpg", "2.webp", "more/x.tif", "4.bmp"]):
        (folder / name).write_bytes(good(name.rpartition(".")[2], number))
    (folder / "broken.jpg").write_bytes(b"nothing")
    return folder


@pytest.fixture
def packed(folder, tmp_path):
    assert run("prepare-data", "--data", folder, "--out", tmp_path, "--format", "rec")[0] == 0
    return tmp_path / "data.rec"


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("records")


@settings(max_examples=150)
@given(CONTENTS)
def test_mxnet_reads_what_we_write(scratch, contents):
    with (scratch / "a.rec").open("wb") as file:
        for data in contents:
            write_record(file, data)
    theirs = mx.recordio.MXRecordIO(str(scratch / "a.rec"), "r")
    assert [theirs.read() for _ in contents] == contents
    assert theirs.read() is None
    theirs.close()


@settings(max_examples=150)
@given(CONTENTS)
def test_we_read_what_mxnet_writes_and_write_the_same(scratch, contents):
    theirs = mx.recordio.MXRecordIO(str(scratch / "b.rec"), "w")
    for data in contents:
        theirs.write(data)
    theirs.close()
    ours = io.BytesIO()
    for data in contents:
        write_record(ours, data)
    with (scratch / "b.rec").open("rb") as file:
        assert [read_record(file) for _ in contents] == contents
        assert file.read() == b""
    assert (scratch / "b.rec").read_bytes() == ours.getvalue()


def test_mxnet_reads_the_pictures(packed, folder):
    theirs = mx.recordio.MXIndexedRecordIO(str(packed.with_suffix(".idx")), str(packed), "r")
    photos = find_photos(packed)
    assert theirs.keys == [0, 1, 2, 3, 4]
    for number, photo in enumerate(photos):
        header, data = mx.recordio.unpack(theirs.read_idx(number))
        assert (header.flag, header.id) == (0, number)
        assert data == photo.read_bytes()
    theirs.close()


def test_photos_in_it_are_those_of_the_folder(packed, folder):
    names = [path for path in find_photos(folder) if path.name != "broken.jpg"]
    photos = find_photos(packed)
    assert [str(photo) for photo in photos] == [f"{packed}: {path}" for path in names]
    assert [photo.name for photo in photos] == [path.name for path in names]
    assert json.loads((packed.parent / "skipped.json").read_text()) == {
        str(folder / "broken.jpg"): f"not a {titles()} picture"
    }
    for found, wanted in zip(
        batches(PatchDataset(photos, 2, 16), 4, 0, 5), batches(PatchDataset(names, 2, 16), 4, 0, 5)
    ):
        for side in (0, 1):
            np.testing.assert_array_equal(found[side], wanted[side])


@pytest.mark.filterwarnings("ignore:tostring")  # MXNet's
def test_what_im2rec_made(tmp_path):
    """It has labels, shuffles, and leaves out of the index what it could not read, but not out of the list."""
    theirs = mx.recordio.MXIndexedRecordIO(str(tmp_path / "x.idx"), str(tmp_path / "x.rec"), "w")
    for key, label in ((7, 3.0), (2, [1.0, 2.0, 3.0])):
        theirs.write_idx(key, mx.recordio.pack(mx.recordio.IRHeader(0, label, key, 0), good("png", key)))
    theirs.close()
    unnamed = find_photos(tmp_path / "x.rec")
    assert [photo.name for photo in unnamed] == ["record 7", "record 2"]
    (tmp_path / "x.lst").write_text("7\t3.0\tb/c d.png\n5\t0\tgone.png\n2\t1\t2\t3\ta.png\n")
    photos = find_photos(tmp_path / "x.rec")
    assert [photo.name for photo in photos] == ["c d.png", "a.png"]
    assert [photo.read_bytes() for photo in photos] == [good("png", 7), good("png", 2)]


def test_held_out_records_are_not_trained_on(packed):
    train, held_out = split_photos(packed)
    assert (len(train), len(held_out)) == (4, 1)
    assert not set(train) & set(held_out)
    with pytest.raises(UserError, match="has all the photos to train on"):
        split_photos(packed, packed)


@pytest.mark.parametrize("damage", ["flip", "cut", "index", "header"])
def test_a_damaged_record_is_skipped_and_named(packed, damage):
    third = int(packed.with_suffix(".idx").read_text().split()[5])
    data = packed.read_bytes()
    if damage == "flip":
        packed.write_bytes(data[:third] + b"\0" + data[third + 1 :])
    elif damage == "cut":
        packed.write_bytes(data[: third + 50])
    elif damage == "header":
        packed.write_bytes(data[: third + 8] + b"\xff\xff\xff\xff" + data[third + 12 :])
    else:
        index = packed.with_suffix(".idx")
        index.write_text(index.read_text().replace(f"2\t{third}\n", f"2\t{third + 4}\n"))
    photos = find_photos(packed)
    pairs = PatchDataset(photos, 2, 16)
    for k in range(10):
        assert pairs[k][1].shape == (3, 16, 16)
    wanted = photos[2:] if damage == "cut" else photos[2:3]
    assert set(pairs.sampler.skipped) == {str(photo) for photo in wanted}
    assert "damaged record" in pairs.sampler.skipped[str(photos[2])] or damage == "header"


@settings(max_examples=200)
@given(st.data())
def test_a_mutated_file_gives_pictures_or_is_skipped(scratch, data):
    if not (scratch / "data.rec").exists():
        for number in range(4):
            (scratch / f"{number}.png").write_bytes(good("png", number))
        write_records(find_photos(scratch), scratch, lambda count: None)
        (scratch / "data.rec").rename(scratch / "whole")
    content = bytearray((scratch / "whole").read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    (scratch / "data.rec").write_bytes(content[: data.draw(st.integers(0, len(content)))])
    pairs = PatchDataset(find_photos(scratch / "data.rec"), 2, 16)
    try:
        assert all(pairs[k][1].shape == (3, 16, 16) for k in range(4))
    except UserError as error:
        assert "none of the 4 photos can be used" in str(error)


def test_what_is_no_index_is_said_in_a_line(tmp_path):
    (tmp_path / "x.rec").write_bytes(b"")
    command = ("prepare-data", "--data", tmp_path / "x.rec", "--out", tmp_path / "new", "--format", "rec")
    assert_one_line_error(run(*command), "x.rec: its index", "x.idx is missing")
    for text in ("0\n", "a\tb\n", f"0\t{2**70}\n", "0\t-4\n", "é"):
        (tmp_path / "x.idx").write_text(text)
        assert_one_line_error(run(*command), "x.idx: not an index")
    (tmp_path / "x.idx").write_text("")
    assert_one_line_error(run(*command), "x.rec: there are no pictures")
    assert not list(tmp_path.glob("new/*"))


def test_nothing_is_left_where_writing_fails(folder, tmp_path, monkeypatch):
    def full(file, data):
        if file.tell() > 2000:
            raise OSError(28, "No space left on device", file.name)
        write_record(file, data)

    monkeypatch.setattr("gluon_perceptual.data.records.write_record", full)
    result = run("prepare-data", "--data", folder, "--out", tmp_path / "new", "--format", "rec")
    assert_one_line_error(result, "No space left on device")
    assert not list((tmp_path / "new").iterdir())


def test_usage(packed, folder):
    again = run("prepare-data", "--data", folder, "--out", packed.parent, "--format", "rec")
    assert_one_line_error(again, "data.rec already exists")
    result = run("prepare-data", "--out", folder / "new", "--format", "rec", "--shard-size", 3)
    assert_one_line_error(result, "--shard-size is for --format shards", status=2)
    (folder / "only").mkdir()
    (folder / "only/broken.jpg").write_bytes(b"nothing")
    result = run("prepare-data", "--data", folder / "only", "--out", folder / "new", "--format", "rec")
    assert_one_line_error(result, "none of the 1 photos can be used")
