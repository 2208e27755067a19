"""The command `match_histogram` as a user runs it."""

from pathlib import Path

import cli
import numpy as np
import pytest
import tifffile
from cli import assert_one_line_error
from PIL import ImageCms

from gluon_perceptual.image.containers.metadata import Metadata
from gluon_perceptual.image.histogram import histogram_match, match_images
from gluon_perceptual.image.io import Picture, read_picture, write_picture

TOOL = Path(__file__).resolve().parents[1] / "tools" / "match_histogram.py"


def run(*arguments):
    return cli.run("match-histogram", *arguments)


def colors(shape=(24, 30, 3), top=255, low=0, seed=0, dtype=np.uint8):
    return np.random.default_rng(seed).integers(low, top + 1, shape).astype(dtype)


@pytest.fixture
def source(tmp_path):
    write_picture(tmp_path / "source.png", Picture(colors(top=160)))
    return tmp_path / "source.png"


@pytest.fixture
def reference(tmp_path):
    write_picture(tmp_path / "reference.png", Picture(colors((20, 18, 3), low=90, seed=1)))
    return tmp_path / "reference.png"


@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        ([], ("RGB", (1, 2, 3), 1.0)),
        (["-c", "lab", "-b", "1,3", "-m", "0.8"], ("LAB", (1, 3), 0.8)),
        (["--color-space", "XYZ", "--bands", " 2", "--match-proportion", "0"], ("XYZ", (2,), 0.0)),
    ],
)
def test_options_reach_the_matching(source, reference, tmp_path, options, arguments):
    status, out, _ = run(source, reference, tmp_path / "new" / "out.png", *options)
    assert (status, out) == (0, f"{tmp_path}/new/out.png\n")
    expected = match_images(read_picture(source).color, read_picture(reference).color, *arguments)
    np.testing.assert_array_equal(read_picture(tmp_path / "new" / "out.png").color, expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_alpha_profile_and_depth_are_kept(reference, tmp_path, dtype):
    top = np.iinfo(dtype).max
    color, alpha = colors(top=top // 2, dtype=dtype), np.full((24, 30), top, dtype)
    alpha[:, :10], color[:, :10], alpha[:, 10:20] = 0, 7, top // 3
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    write_picture(tmp_path / "a.png", Picture(color, alpha, Metadata(icc_profile=profile)))
    assert run(tmp_path / "a.png", reference, tmp_path / "b.png", "-c", "LUV", "--plot")[0] == 0
    written = read_picture(tmp_path / "b.png")
    np.testing.assert_array_equal(written.alpha, alpha)
    assert written.metadata.icc_profile == profile
    assert written.color.dtype == dtype
    assert (written.color[:, :10] == 7).all()
    expected = match_images(color[:, 10:], read_picture(reference).color, "LUV")
    np.testing.assert_array_equal(written.color[:, 10:], expected)


def test_transparent_pixels_of_the_reference_do_not_count(source, tmp_path):
    alpha = np.full((20, 18), 255, np.uint8)
    alpha[:10] = 0
    color = colors((20, 18, 3))
    write_picture(tmp_path / "half.png", Picture(color, alpha))
    assert run(source, tmp_path / "half.png", tmp_path / "out.png")[0] == 0
    expected = match_images(read_picture(source).color, color[10:])
    np.testing.assert_array_equal(read_picture(tmp_path / "out.png").color, expected)
    write_picture(tmp_path / "hidden.png", Picture(color, np.zeros_like(alpha)))
    assert_one_line_error(run(source, tmp_path / "hidden.png", tmp_path / "no.png"), "hidden.png: no pixel is visible")
    assert run(tmp_path / "hidden.png", source, tmp_path / "same.png", "--plot")[0] == 0
    np.testing.assert_array_equal(read_picture(tmp_path / "same.png").color, color)


def test_what_is_no_data_of_a_map_stays_and_does_not_count(source, tmp_path):
    map_colors = colors(low=100)
    map_colors[:, :9] = 7
    tag = [(42113, "s", 0, "7", True)]
    tifffile.imwrite(tmp_path / "map.tif", map_colors, photometric="rgb", metadata=None, extratags=tag)
    assert run(tmp_path / "map.tif", source, tmp_path / "out.tif")[0] == 0
    found = read_picture(tmp_path / "out.tif")
    assert found.metadata.nodata == 7
    np.testing.assert_array_equal(found.color[:, :9], 7)
    np.testing.assert_array_equal(found.color[:, 9:], match_images(map_colors[:, 9:], read_picture(source).color))


@pytest.mark.parametrize(("dtype", "first_seen"), [(np.uint8, 0), (np.uint16, 0), (np.uint8, 3)])
def test_gray_matches_gray(tmp_path, dtype, first_seen):
    top = np.iinfo(dtype).max
    gray, wanted = colors((16, 12), top // 2, dtype=dtype), colors((9, 14), top, top // 3, seed=1, dtype=dtype)
    alpha = np.full(gray.shape, top, dtype) if first_seen else None
    if first_seen:
        alpha[:first_seen] = 0
    write_picture(tmp_path / "a.png", Picture(gray, alpha))
    write_picture(tmp_path / "b.png", Picture(wanted))
    assert run(tmp_path / "a.png", tmp_path / "b.png", tmp_path / "c.png", "--plot", "-c", "LAB")[0] == 0
    written = read_picture(tmp_path / "c.png")
    assert written.is_gray
    np.testing.assert_array_equal(written.color[:first_seen], gray[:first_seen])
    expected = np.rint(histogram_match(gray[first_seen:], wanted))
    np.testing.assert_array_equal(written.color[first_seen:], expected)


def test_gray_does_not_match_colors(source, tmp_path):
    write_picture(tmp_path / "gray.png", Picture(colors((16, 12))))
    assert_one_line_error(run(tmp_path / "gray.png", source, tmp_path / "out.png"), "gray.png", "source.png", "gray")
    assert run(source, tmp_path / "gray.png", tmp_path / "out.png")[0] == 0


@pytest.mark.parametrize("options", [["-c", "LCH", "-b", "2"], ["-b", "1,2,3"]])
def test_the_plot_lies_beside_the_picture(source, reference, tmp_path, options):
    status, out, _ = run(source, reference, tmp_path / "out.jpg", "--plot", *options)
    assert (status, out.splitlines()) == (0, [f"{tmp_path}/out.jpg", f"{tmp_path}/out_plot.png"])
    plot = read_picture(tmp_path / "out_plot.png").rgb
    assert plot.shape[1] == 1000
    assert (plot[..., :3] < 128).any()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "out.jpg", "out_plot.png", "reference.png", "source.png",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-c", "CMYK"], "'CMYK' is not one of"),
        (["-b", "4"], "some of 1, 2 and 3"),
        (["-b", ""], "some of 1, 2 and 3"),
        (["-b", "1,,2"], "some of 1, 2 and 3"),
        (["-b", "red"], "some of 1, 2 and 3"),
        (["-m", "-2"], "0<=x<=1"),
        (["-m", "half"], "not a valid number"),
        (["-m", "nan"], "is not a number"),
    ],
)
def test_bad_options(source, reference, tmp_path, options, message):
    assert_one_line_error(run(source, reference, tmp_path / "out.png", *options), message, status=2)
    assert not (tmp_path / "out.png").exists()


def test_bad_outputs(source, reference, tmp_path):
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder.png").mkdir()
    for name in ("file/out.png", "folder.png", "out.xyz", "out"):
        assert_one_line_error(run(source, reference, tmp_path / name), name.split("/")[0])
    before = source.read_bytes(), reference.read_bytes()
    for target in (source, reference):
        assert_one_line_error(run(source, reference, target), target.name, "is an input")
    assert before == (source.read_bytes(), reference.read_bytes())
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["file", "folder.png", "reference.png", "source.png"]
