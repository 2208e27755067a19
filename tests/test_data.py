import logging
import os

import numpy as np
import pytest
from cli import write_photo

from gluon_perceptual._mxnet import mx
from gluon_perceptual.data.batches import batches
from gluon_perceptual.data.patches import PatchDataset
from gluon_perceptual.data.photos import EMBEDDED_HELD_OUT, find_photos, split_photos
from gluon_perceptual.data.sampler import PictureCache
from gluon_perceptual.data.shards import ShardDataset, write_shards
from gluon_perceptual.errors import UserError
from gluon_perceptual.formats.mxnet_params import read_params
from gluon_perceptual.image.io import read_rgb
from gluon_perceptual.image.resize import degrade


@pytest.fixture
def photos(tmp_path):
    return [write_photo(tmp_path / f"{i}.png", 40 + i, 52 - i, i) for i in range(5)]


def test_embedded_photos_need_no_download():
    train, held_out = split_photos(None)
    assert {path.name for path in held_out} == set(EMBEDDED_HELD_OUT)
    assert not set(train) & set(held_out)
    assert all(read_rgb(path).shape[2] == 3 for path in [*train, *held_out])


def test_folders_are_searched_recursively_and_hidden_files_left_out(tmp_path):
    wanted = [write_photo(tmp_path / "a/b/1.jpg"), write_photo(tmp_path / "a/2.PNG")]
    write_photo(tmp_path / ".hidden/3.png")
    (tmp_path / "a/notes.txt").write_text("no picture")
    assert list(find_photos(tmp_path)) == sorted(wanted)


def test_photos_are_in_the_order_of_their_paths(tmp_path):
    names = [
        "b.png",
        "a/z.png",
        "a-b/1.png",
        "a.png",
        "a/b/c.png",
        "a/b.png",
        "a b/1.png",
        "B/é.png",
        "a/10.png",
        "a/9.png",
    ]
    wanted = [write_photo(tmp_path / name, 8, 8) for name in names]
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert list(find_photos(tmp_path)) == sorted(wanted)
    assert list(find_photos(tmp_path / "a")) == sorted(path for path in wanted if tmp_path / "a" in path.parents)


def test_a_photo_under_another_name_is_not_trained_on_either(photos, tmp_path):
    (tmp_path / "link.png").symlink_to(photos[1])
    (tmp_path / "apart").mkdir()
    os.link(photos[2], tmp_path / "apart/copy.png")
    train, held_out = split_photos(tmp_path, tmp_path / "apart")
    assert list(held_out) == [tmp_path / "apart/copy.png"]
    assert list(train) == sorted({*photos, tmp_path / "link.png"} - {photos[2]})


def test_of_a_coco_folder_only_the_training_set(tmp_path):
    wanted = write_photo(tmp_path / "train2017/1.jpg")
    write_photo(tmp_path / "val2017/2.jpg")
    (tmp_path / "annotations").mkdir()
    assert list(find_photos(tmp_path)) == [wanted]


def test_a_list_is_relative_to_itself(tmp_path):
    photo = write_photo(tmp_path / "photos/1.png")
    listing = tmp_path / "list.txt"
    listing.write_text(f"# photos\nphotos/1.png\n\n{photo}\n")
    assert list(find_photos(listing)) == [photo, photo]


def test_what_has_no_photos_is_said(tmp_path):
    with pytest.raises(UserError, match="no pictures in it"):
        find_photos(tmp_path)
    with pytest.raises(UserError, match="no such file or folder"):
        find_photos(tmp_path / "nowhere")
    (tmp_path / "x.bin").write_bytes(b"\xff\xfd\x00\x80")
    with pytest.raises(UserError, match="neither a picture nor a text file"):
        find_photos(tmp_path / "x.bin")
    (tmp_path / "x.txt").write_text("a letter\nof two lines\n")
    with pytest.raises(UserError, match="none of its lines is the path"):
        find_photos(tmp_path / "x.txt")


@pytest.mark.parametrize("count", [1, 2, 5, 300])
def test_held_out_photos_are_not_trained_on(tmp_path, count):
    listing = tmp_path / "list.txt"
    listing.write_text("".join(f"{i}.png\n" for i in range(count)))
    (tmp_path / "0.png").touch()
    train, held_out = split_photos(listing)
    assert 1 <= len(held_out) <= 8
    assert count == 1 or (not set(train) & set(held_out) and len(train) + len(held_out) == count)


def test_photos_to_measure_on_are_not_trained_on(photos):
    train, held_out = split_photos(photos[0].parent, photos[1])
    assert list(held_out) == [photos[1]]
    assert list(train) == [photos[0], *photos[2:]]


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("method", ["bicubic", "decimate"])
def test_a_patch_is_what_the_degraded_photo_shows(photos, scale, method):
    pairs = PatchDataset(photos[:1], scale, 16, method=method, augment=False)
    whole = read_rgb(photos[0])
    low_whole = degrade(whole, scale, 1.0, method)
    for k in range(8):
        low, high = (image.transpose(1, 2, 0) for image in pairs[k])
        assert low.dtype == high.dtype == np.uint8
        tops = [
            (y, x)
            for y in range(0, whole.shape[0] - 15, scale)
            for x in range(0, whole.shape[1] - 15, scale)
            if np.array_equal(whole[y : y + 16, x : x + 16], high)
        ]
        (top, left) = tops[0]
        side = 16 // scale
        found = low_whole[top // scale : top // scale + side, left // scale : left // scale + side]
        np.testing.assert_array_equal(low, found)


def test_the_blocks_of_jpeg_begin_anywhere_in_a_patch(photos, monkeypatch):
    def places(image, rng):
        """In place of the defects: each pixel's place in its block."""
        rows, columns = np.indices(image.shape[:2]) % 16
        return np.dstack([rows, columns, rows]).astype(np.uint8)

    monkeypatch.setattr("gluon_perceptual.image.resize.with_defects", places)
    pairs = PatchDataset([write_photo(photos[0].with_name("large.png"), 200, 200)], 2, 16, 0.0, "web", augment=False)
    corners = {tuple(pairs[k][0][:2, 0, 0]) for k in range(300)}
    for axis in (0, 1):
        assert {corner[axis] for corner in corners} == set(range(16))


@pytest.mark.parametrize("method", ["bicubic", "web"])
def test_pairs_are_reproducible_in_any_order(photos, method):
    one, two = (PatchDataset(photos, 2, 16, method=method, seed=3) for _ in range(2))
    forwards = [one[k] for k in range(12)]
    for k in reversed(range(12)):
        for a, b in zip(forwards[k], two[k]):
            np.testing.assert_array_equal(a, b)
    other = PatchDataset(photos, 2, 16, method=method, seed=4)
    assert any(not np.array_equal(forwards[k][1], other[k][1]) for k in range(12))


@pytest.mark.parametrize("method", ["bicubic", "decimate"])
def test_turning_keeps_pairs_together(photos, method):
    """Shrinking the high patch gives the low one, whichever way they are turned."""
    pairs = PatchDataset(photos, 2, 32, sigma=0.0, method=method, seed=1)
    turned = 0
    for k in range(8):
        low, high = (image.transpose(1, 2, 0) for image in pairs[k])
        inner = np.s_[3:-3, 3:-3]  # the patch's own border lacks its surroundings
        assert np.abs(degrade(high, 2, 0.0, method).astype(int) - low)[inner].max() <= 1
        turned += not np.array_equal(PatchDataset(photos, 2, 32, sigma=0.0, seed=1, augment=False)[k][1], pairs[k][1])
    assert turned > 2


def shown_height(pairs, k):
    with pairs.sampler.photo(k) as picture:
        return picture.shape[0]


def test_each_round_shows_each_photo_once(photos):
    pairs = PatchDataset(photos, 2, 16, crops=2)
    shown = [next(i for i in range(5) if shown_height(pairs, k // 2) == 40 + i) for k in range(20)]
    assert shown[0::2] == shown[1::2]
    assert sorted(shown[:10:2]) == sorted(shown[10::2]) == [0, 1, 2, 3, 4]


def test_bad_photos_are_skipped_named_and_counted(photos, tmp_path, caplog):
    empty, small = tmp_path / "empty.jpg", write_photo(tmp_path / "small.png", 8, 8)
    empty.touch()
    missing = tmp_path / "missing.png"
    pairs = PatchDataset([*photos, empty, small, missing], 2, 16)
    with caplog.at_level(logging.WARNING):
        for k in range(24):
            assert pairs[k][1].shape == (3, 16, 16)
    assert set(pairs.sampler.skipped) == {str(path) for path in (empty, small, missing)}
    assert pairs.sampler.skipped[str(empty)] == "an empty file"
    for path in (empty, small, missing):
        assert sum(str(path) in record.getMessage() for record in caplog.records) == 1
    one_good = PatchDataset([*photos[:1], *(empty.with_name(f"{i}.gone") for i in range(9))], 2, 16)
    assert {one_good[k][1].shape for k in range(60)} == {(3, 16, 16)}
    with pytest.raises(UserError, match="none of the 2 photos"):
        PatchDataset([empty, missing], 2, 16)[0]


def test_a_patch_that_cannot_be_shrunk_is_refused(photos):
    with pytest.raises(UserError, match="multiple of the scale 4"):
        PatchDataset(photos, 4, 18)


@pytest.mark.parametrize(("count", "limit", "kept"), [(9, 3 * 41 * 51 * 3, 2), (2, 10**9, 2), (9, 10**9, 5)])
def test_the_cache_is_bounded(photos, count, limit, kept):
    cache = PictureCache(lambda number: read_rgb(photos[number]), count, limit)
    for number in [*range(5)] * 2:
        np.testing.assert_array_equal(cache(number), read_rgb(photos[number]))
        assert sum(picture.nbytes for picture in cache._pictures.values()) == cache._bytes <= cache._limit
    assert len(cache._pictures) == kept


@pytest.mark.parametrize("workers", [0, 3])
def test_batches_do_not_depend_on_the_workers(photos, workers):
    pairs = PatchDataset(photos, 2, 16)
    found = list(batches(pairs, 3, 2, 5, workers))
    assert len(found) == 3
    for number, (low, high) in enumerate(found, 2):
        for i in range(3):
            np.testing.assert_array_equal(low[i], pairs[3 * number + i][0])
            np.testing.assert_array_equal(high[i], pairs[3 * number + i][1])


@pytest.mark.parametrize("num_workers", [1, 2, 3])
def test_the_parts_of_a_clusters_workers_make_up_the_global_batch(photos, num_workers):
    pairs = PatchDataset(photos, 2, 16)
    whole = list(batches(pairs, 6, 1, 4))
    parts = [
        list(batches(pairs, 6 // num_workers, 1, 4, rank=rank, num_workers=num_workers)) for rank in range(num_workers)
    ]
    assert {len(part) for part in parts} == {len(whole)} == {3}
    for batch, *shares in zip(whole, *parts):
        for side in (0, 1):
            np.testing.assert_array_equal(np.concatenate([share[side] for share in shares]), batch[side])


class Doubled(mx.gluon.Block):
    """Stands for the loss network: 128 channels at half the size."""

    def forward(self, x):
        return [mx.nd.Pooling(x, kernel=(2, 2), stride=(2, 2), pool_type="avg").tile((1, 43, 1, 1))[:, :128]]


@pytest.mark.parametrize("network", [None, Doubled()])
def test_shards_round_trip(photos, tmp_path, network):
    pairs = PatchDataset(photos, 2, 16, augment=False)
    done = []
    write_shards(pairs, 7, tmp_path, shard_size=3, loss_network=network, progress=done.append)
    assert sum(done) == 7
    shards = ShardDataset(tmp_path)
    assert len(shards) == 7
    assert shards.holds_features == (network is not None)
    assert shards.scale == 2
    lows = {pairs[k][0].astype(np.float32).tobytes(): k for k in range(7)}
    seen = set()
    for position in range(7):
        low, reference = shards[position]
        k = lows[np.round(low).tobytes()]
        seen.add(k)
        if network is None:
            np.testing.assert_allclose(reference, pairs[k][1], atol=1e-3)
        else:
            expected = network(mx.nd.array(pairs[k][1][np.newaxis]))[0].asnumpy()[0]
            np.testing.assert_allclose(reference, expected, rtol=1e-6)
    assert seen == set(range(7))


def test_shards_are_the_files_that_the_blog_reads(photos, tmp_path):
    write_shards(PatchDataset(photos, 2, 16), 4, tmp_path, 4)
    x, y = (mx.nd.load(str(tmp_path / f"train{side}_0.params")) for side in "xy")
    assert isinstance(x, list)
    assert len(x) == len(y) == 1
    assert x[0].shape == (4, 3, 8, 8)
    assert y[0].shape == (4, 3, 16, 16)
    assert float(x[0].max().asscalar()) <= 1
    np.testing.assert_array_equal(read_params(tmp_path / "trainx_0.params")["0"], x[0].asnumpy())


def test_files_that_the_blogs_code_wrote_are_read(tmp_path):
    x, y = mx.nd.random.uniform(shape=(5, 3, 4, 4)), mx.nd.random.uniform(shape=(5, 128, 4, 4))
    mx.nd.save(str(tmp_path / "trainx_3.params"), [x])
    mx.nd.save(str(tmp_path / "trainy_3.params"), [y])
    shards = ShardDataset(tmp_path)
    assert shards.holds_features
    assert shards.scale == 2
    low, reference = shards[0]
    k = int(np.argmin(np.abs(x.asnumpy() * 255 - low).sum(axis=(1, 2, 3))))
    np.testing.assert_allclose(low, x.asnumpy()[k] * 255, rtol=1e-6)
    np.testing.assert_array_equal(reference, y.asnumpy()[k])


def test_shards_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"no trainx_0\.params"):
        ShardDataset(tmp_path)
    mx.nd.save(str(tmp_path / "trainx_0.params"), [mx.nd.zeros((5, 3, 4, 4))])
    mx.nd.save(str(tmp_path / "trainy_0.params"), [mx.nd.zeros((4, 128, 4, 4))])
    with pytest.raises(UserError, match="as many references"):
        ShardDataset(tmp_path)
    mx.nd.save(str(tmp_path / "trainy_0.params"), {"a": mx.nd.zeros(1), "b": mx.nd.zeros(1)})
    with pytest.raises(UserError, match="a list of one float32 array"):
        ShardDataset(tmp_path)
