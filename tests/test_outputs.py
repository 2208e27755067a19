"""Where results go, what is said of files that are left out, and what is refused before the work."""

import codecs
import logging
import os
from pathlib import Path

import numpy as np
import pytest
from cli import assert_one_line_error, program, python, run, write
from PIL import Image

from gluon_perceptual.commands._outputs import plan_outputs
from gluon_perceptual.data.photos import find_photos
from gluon_perceptual.errors import ImageError, UserError
from gluon_perceptual.image import formats
from gluon_perceptual.image.io import MOST_WRITTEN, Picture, check_writable, write_picture
from gluon_perceptual.inference import Upscaler


def targets(tasks):
    return [str(target) for _, target in tasks]


@pytest.mark.parametrize("out", ["results.v2/", "results/", "results"])
def test_a_slash_or_no_suffix_is_a_folder(tmp_path, out):
    write(tmp_path / "a.jpg")
    planned = plan_outputs([tmp_path / "a.jpg"], f"{tmp_path}/{out}")
    assert targets(planned) == [str(tmp_path / out / "a.jpg")]
    assert targets(plan_outputs([tmp_path], f"{tmp_path}/{out}")) == [str(tmp_path / out / "a.jpg")]


def test_an_unknown_suffix_is_no_folder(tmp_path):
    write(tmp_path / "a.jpg")
    with pytest.raises(ImageError, match=r"unknown suffix '.v2'; expected one of .* or a folder/"):
        plan_outputs([tmp_path / "a.jpg"], f"{tmp_path}/results.v2")


@pytest.mark.parametrize(("name", "package"), [("a.avif", "pillow-avif-plugin"), ("a.heic", "pillow-heif")])
def test_a_format_that_is_not_installed(monkeypatch, name, package):
    monkeypatch.setattr(formats, "available", lambda: formats.ALL[:6])
    with pytest.raises(ImageError, match=f"{name}: .* needs {package}: pip install {package}, or choose PNG"):
        plan_outputs([Path("a.jpg")], name)


def test_folders_by_other_names(tmp_path, monkeypatch):
    write(tmp_path / "photos/a.jpg")
    (tmp_path / "photos/deep").mkdir()
    monkeypatch.chdir(tmp_path / "photos/deep")
    for name in ("..", "../", "../../photos", "../.", "../deep/.."):
        ((_, target),) = plan_outputs([Path(name)], None, None, "x2")
        assert target.resolve() == tmp_path / "photos_x2/a.jpg"
    monkeypatch.chdir(tmp_path / "photos")
    assert targets(plan_outputs([Path()], None, None, "x2")) == [str(tmp_path / "photos_x2/a.jpg")]
    with pytest.raises(UserError, match="this folder has no parent"):
        plan_outputs([Path("/")], None, None, "x2")


def test_results_below_the_inputs_are_no_inputs_by_whatever_name(tmp_path, monkeypatch):
    for name in ("a.jpg", "large.jpg", "large/a.jpg", "large/deep/b.jpg"):
        write(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    for folder in (Path(), tmp_path, Path("large/..")):
        for out in ("large", "./large/", str(tmp_path / "large"), f"../{tmp_path.name}/large"):
            planned = plan_outputs([folder], out)
            assert planned == [(folder / name, Path(out) / name) for name in ("a.jpg", "large.jpg")]
    with pytest.raises(UserError, match="is an input and would be overwritten"):
        plan_outputs([tmp_path], str(tmp_path))


def test_sources_that_differ_in_their_suffix_alone(tmp_path):
    for name in ("a.jpg", "a.png", "b.webp"):
        write(tmp_path / "in" / name)
    names = ["a_jpg.png", "a_png.png", "b.png"]
    assert targets(plan_outputs([tmp_path / "in"], str(tmp_path / "out"), ".png")) == [
        str(tmp_path / "out" / name) for name in names
    ]
    beside = plan_outputs([tmp_path / "in/a.jpg", tmp_path / "in/a.png"], None, ".png", "x2")
    assert targets(beside) == [str(tmp_path / "in" / name) for name in ("a_x2_jpg.png", "a_x2_png.png")]
    write(tmp_path / "other/a.jpg")
    with pytest.raises(UserError, match="would both become"):
        plan_outputs([tmp_path / "in/a.jpg", tmp_path / "other/a.jpg"], str(tmp_path / "out"), ".png")


def test_what_is_left_out_is_counted_by_kind(tmp_path, caplog):
    write(tmp_path / "a.jpg")
    for name in ("b.psd", "c.PSD", "notes", "deep/d.txt", ".hidden"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with caplog.at_level(logging.WARNING):
        plan_outputs([tmp_path], str(tmp_path / "out"))
    assert caplog.messages == [
        f"{tmp_path}: skipped, since they are not supported pictures: 1 without suffix, 2 .psd, 1 .txt"
    ]


# --- before the work


@pytest.mark.parametrize(
    ("name", "picture", "reason"),
    [
        ("p.jpg", Picture(np.zeros((9, 9), np.uint8), np.zeros((9, 9), np.uint8)), "JPEG holds no alpha"),
        ("p.jpg", Picture(np.zeros((9, 9), np.uint16)), "JPEG holds 8 bits a channel, not 16"),
        ("p.xyz", Picture(np.zeros((9, 9), np.uint8)), "unknown suffix"),
        ("p.webp", Picture(np.zeros((9, 9000), np.uint8)), "WebP holds 16383 pixels a side, not 18×18000"),
        ("p.png", Picture(np.broadcast_to(np.uint8(0), (50_000, 50_000))), f"are more than {MOST_WRITTEN:,}"),
        ("p.bmp", Picture(np.broadcast_to(np.uint8(0), (20_000, 20_000))), "BMP holds 1,073,741,568 pixels, not 40000"),
        ("p" * 252 + ".png", Picture(np.zeros((9, 9), np.uint8)), "the name is longer than 255 bytes"),
        ("图" * 90 + ".png", Picture(np.zeros((9, 9), np.uint8)), "the name is longer than 255 bytes"),
    ],
)
def test_targets_are_checked_for_the_enlarged_picture(tmp_path, name, picture, reason):
    with pytest.raises(ImageError, match=reason):
        check_writable(tmp_path / name, picture, tuple(2 * side for side in picture.color.shape))


def test_nothing_is_enlarged_for_a_target_that_cannot_hold_it(tmp_path, monkeypatch):
    monkeypatch.setattr(Upscaler, "enlarge", lambda *arguments: pytest.fail("enlarged"))
    write(tmp_path / "a.png", np.zeros((9, 9, 4), np.uint8))
    assert_one_line_error(run("upscale", tmp_path / "a.png", "-o", tmp_path / "o.jpg"), "holds no alpha")
    long = write(tmp_path / f"{'o' * 250}.png")
    assert_one_line_error(run("upscale", long), "the name is longer")
    assert_one_line_error(run("upscale", tmp_path / "a.png", "-o", tmp_path / f"{'o' * 252}.png"), "too long")


def test_quality(tmp_path):
    source = write(tmp_path / "a.jpg", height=64, width=64)
    sizes = {}
    for quality in (30, 95, None):
        option = [] if quality is None else ["--quality", quality]
        assert run("match-histogram", source, source, tmp_path / "b.jpg", *option)[0] == 0
        assert run("upscale", source, "-o", tmp_path / "c.jpg", *option)[0] == 0
        assert run("stylize", source, "--model", "wave", "-o", tmp_path / "d.jpg", *option)[0] == 0
        sizes[quality] = [(tmp_path / f"{name}.jpg").stat().st_size for name in "bcd"]
    assert sizes[95] == sizes[None]
    assert all(small < large for small, large in zip(sizes[30], sizes[95]))


# --- alpha


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("tile", ["auto", 40])
def test_alpha_far_from_edges_stays_as_it_is(dtype, tile):
    top = np.iinfo(dtype).max
    alpha = np.zeros((60, 60), dtype)
    alpha[15:45, 15:45], alpha[50:, 50:] = top, top // 2
    picture = Picture(np.random.default_rng(0).integers(0, top, (60, 60, 3)).astype(dtype), alpha)
    large = Upscaler("sr_x2_pixel", tile=tile).enlarge(picture).alpha
    assert set(np.unique(large[34:86, 34:86])) == {top}
    assert set(np.unique(large[:26])) == {0}
    assert set(np.unique(large[104:, 104:])) == {top // 2}
    assert large.shape == (120, 120)


# --- names and lists


def test_names_that_are_no_utf8(tmp_path):
    folder = os.fsencode(tmp_path / "in")
    Path(os.fsdecode(folder)).mkdir()
    for name in (b"a\xe9.png", b"b.png"):
        write_picture(os.fsdecode(folder + b"/" + name), Picture(np.zeros((8, 8, 3), np.uint8)))
    status, out, err = program("upscale", tmp_path / "in", "-o", tmp_path / "out", PYTHONIOENCODING="utf-8")
    assert status == 0, err
    assert sorted(os.fsencode(path.name) for path in (tmp_path / "out").iterdir()) == [b"a\xe9.png", b"b.png"]
    assert "a\\udce9.png" in out


@pytest.mark.parametrize(
    "encoded",
    [
        lambda text: codecs.BOM_UTF8 + text.encode(),
        lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
        lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
        lambda text: text.encode(),
        lambda text: text.encode("latin-1"),
    ],
)
def test_lists_in_any_encoding(tmp_path, encoded):
    text = "é.png\r\n# a comment\r\n\r\nb.png\r\n"
    (tmp_path / "list.txt").write_bytes(encoded(text))
    name = os.fsdecode("é.png".encode("latin-1")) if encoded(text) == text.encode("latin-1") else "é.png"
    for file in (name, "b.png"):
        write_picture(tmp_path / file, Picture(np.zeros((8, 8, 3), np.uint8)))
    assert list(find_photos(tmp_path / "list.txt")) == [tmp_path / name, tmp_path / "b.png"]


@pytest.mark.parametrize("root", ["coco", "coco/images"])
@pytest.mark.parametrize("annotations", [True, False])
@pytest.mark.parametrize("parts", ["images/", ""])
def test_of_coco_the_training_set_alone(tmp_path, root, annotations, parts):
    if root == "coco/images" and not parts:
        pytest.skip("is the same")
    for part in ("train2017", "val2017", "test2017"):
        write(tmp_path / "coco" / parts / part / "1.jpg")
    if annotations:
        (tmp_path / "coco/annotations").mkdir()
    assert [photo.parent.name for photo in find_photos(tmp_path / root)] == ["train2017"]


def test_a_large_picture_of_one_bit_is_read_in_little_memory(tmp_path):
    Image.new("1", (5000, 5000)).save(tmp_path / "p.png")
    code = (
        "import resource, sys; from gluon_perceptual.image.io import read_picture, write_picture\n"
        "m = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = m(); p = read_picture(sys.argv[1]); print(m() - before)"
    )
    assert int(python(code, tmp_path / "p.png")[0]) < 150_000  # kilobytes; of 25 megapixels
