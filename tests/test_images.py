import io
import os
import struct
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import SRGB, chunk, of_size, png, save, smooth
from PIL import Image, ImageOps

from gluon_perceptual.errors import ImageError
from gluon_perceptual.files import atomic_path
from gluon_perceptual.image.containers.metadata import Metadata
from gluon_perceptual.image.containers.png import chunks
from gluon_perceptual.image.formats import available, is_picture_file, titles
from gluon_perceptual.image.io import Picture, read_picture, read_rgb, read_size, to_image, to_tensor, write_picture

EXACT = [".png", ".tif", ".tiff", ".bmp"]
WITH_16_BITS = [".png", ".tif"]


def assert_same(a, b):
    np.testing.assert_array_equal(a.color, b.color)
    assert a.color.dtype == b.color.dtype
    assert (a.alpha is None) == (b.alpha is None)
    if a.alpha is not None:
        np.testing.assert_array_equal(a.alpha, b.alpha)
        assert a.alpha.dtype == b.alpha.dtype
    assert a.metadata.icc_profile == b.metadata.icc_profile


# --- round trips


@pytest.mark.parametrize("suffix", EXACT)
@pytest.mark.parametrize("channels", [None, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("profile", [None, SRGB])
def test_lossless_formats_give_back_what_was_written(tmp_path, suffix, channels, dtype, alpha, profile):
    picture = Picture(
        smooth(channels=channels, dtype=dtype),
        smooth(dtype=dtype)[::-1] if alpha else None,
        Metadata(icc_profile=profile),
    )
    path = tmp_path / f"ünïcode 图{suffix}"
    if suffix == ".bmp" and dtype == np.uint16:
        with pytest.raises(ImageError, match="BMP holds"):
            write_picture(path, picture)
        assert not path.exists()
        return
    write_picture(path, picture)
    if suffix == ".bmp":
        picture = Picture(picture.rgb if alpha else picture.color, picture.alpha)
    assert_same(read_picture(path), picture)
    assert read_size(path) == picture.color.shape[:2]
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", [".jpg", ".JPEG", ".webp"])
@pytest.mark.parametrize("channels", [None, 3])
def test_lossy_formats_come_close(tmp_path, suffix, channels):
    picture = Picture(smooth(64, 81, channels), metadata=Metadata(icc_profile=SRGB))
    errors = {}
    for quality in (30, 95):
        write_picture(tmp_path / f"p{suffix}", picture, quality=quality)
        back = read_picture(tmp_path / f"p{suffix}")
        assert back.is_gray == (channels is None and suffix != ".webp")
        assert back.metadata.icc_profile == SRGB
        assert read_size(tmp_path / f"p{suffix}") == (64, 81)
        errors[quality] = np.abs(back.rgb.astype(float) - picture.rgb).mean()
    assert errors[95] < errors[30]
    assert errors[95] < 3


@pytest.mark.parametrize("channels", [None, 3])
def test_webp_keeps_alpha_exactly(tmp_path, channels):
    picture = Picture(smooth(channels=channels), smooth()[::-1])
    write_picture(tmp_path / "p.webp", picture)
    back = read_picture(tmp_path / "p.webp")
    np.testing.assert_array_equal(back.alpha, picture.alpha)
    assert back.color.shape == (24, 37, 3)


def test_what_is_read_is_writable_contiguous_and_owned(tmp_path):
    for number, exif in enumerate((1, 6)):
        path = save(tmp_path / f"{number}.png", Image.fromarray(smooth(channels=4)), exif=orientation(exif))
        picture = read_picture(path)
        for array in (picture.color, picture.alpha, read_rgb(path)):
            assert array.flags.c_contiguous
            array[0, 0] = 1


# --- formats and modes


def test_gray_palette_and_one_bit(tmp_path):
    gray = smooth()
    one_bit = Image.fromarray(gray).convert("1")
    picture = read_picture(save(tmp_path / "1.png", one_bit))
    np.testing.assert_array_equal(picture.color, np.where(np.asarray(one_bit), 255, 0))
    assert picture.color.dtype == np.uint8
    palette = Image.fromarray(smooth(channels=3)).quantize(16)
    picture = read_picture(save(tmp_path / "p.png", palette))
    np.testing.assert_array_equal(picture.color, np.asarray(palette.convert("RGB")))
    assert picture.alpha is None
    picture = read_picture(save(tmp_path / "t.png", palette, transparency=bytes(range(0, 240, 15))))
    np.testing.assert_array_equal(picture.alpha, np.asarray(palette) * 15)
    np.testing.assert_array_equal(picture.color, np.asarray(palette.convert("RGB")))


@pytest.mark.parametrize(
    ("file", "color", "alpha"),
    [
        (png(4, 1, 1, 0, [b"\x50"], chunk(b"tRNS", b"\0\1")), [[0, 255, 0, 255]], [[255, 0, 255, 0]]),
        (png(2, 1, 8, 0, [b"\5\6"], chunk(b"tRNS", b"\0\6")), [[5, 6]], [[255, 0]]),
        (png(2, 1, 8, 2, [b"\1\2\3\1\2\4"], chunk(b"tRNS", b"\0\1\0\2\0\3")), [[[1, 2, 3], [1, 2, 4]]], [[0, 255]]),
        (png(2, 1, 16, 0, [b"\1\2\1\3"], chunk(b"tRNS", b"\1\3")), [[258, 259]], [[65535, 0]]),
        (
            png(2, 1, 16, 2, [b"\1\2\1\3\1\4\1\2\1\3\1\5"], chunk(b"tRNS", b"\1\2\1\3\1\4")),
            [[[258, 259, 260], [258, 259, 261]]],
            [[0, 65535]],
        ),
        (png(2, 1, 16, 4, [b"\1\2\3\4\5\6\7\x08"]), [[258, 1286]], [[772, 1800]]),
    ],
)
def test_rare_kinds_of_png(tmp_path, file, color, alpha):
    (tmp_path / "p.png").write_bytes(file)
    dtype = np.uint16 if np.max(alpha) > 255 else np.uint8
    assert_same(read_picture(tmp_path / "p.png"), Picture(np.array(color, dtype), np.array(alpha, dtype)))


def test_cmyk_becomes_rgb_without_its_profile(tmp_path):
    cmyk = Image.fromarray(smooth(channels=3)).convert("CMYK")
    path = save(tmp_path / "c.jpg", cmyk, icc_profile=b"a profile for inks", quality=98)
    picture = read_picture(path)
    assert picture.metadata.icc_profile is None
    assert np.abs(picture.color.astype(int) - smooth(channels=3)).mean() < 3


def test_the_bytes_decide_not_the_suffix(tmp_path):
    path = save(tmp_path / "p.jpg", Image.fromarray(smooth()), format="PNG")
    np.testing.assert_array_equal(read_picture(path).color, smooth())


@pytest.mark.parametrize("dtype", ["int32", "float32", "uint32", "float16", "int8", "int16", "float64"])
@pytest.mark.parametrize("channels", [1, 3])
def test_32_bits_and_signed_numbers_are_refused(tmp_path, dtype, channels):
    pixels = np.zeros((8, 9, channels), dtype)
    kind = {1: "minisblack", 3: "rgb"}[channels]
    numbers = {"u": "unsigned integers", "i": "signed integers", "f": "floats"}[pixels.dtype.kind]
    tifffile.imwrite(tmp_path / "p.tif", pixels if channels > 1 else pixels[:, :, 0], photometric=kind)
    with pytest.raises(ImageError, match=f"of {8 * pixels.itemsize}-bit {numbers} per channel; expected"):
        read_picture(tmp_path / "p.tif")


# --- orientation


def orientation(number):
    exif = Image.Exif()
    exif[0x0112] = number
    return exif


def turned_by_pillow(pixels, number):
    """By way of PNG: Pillow turns TIFF when it loads it, and then once more."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG", exif=orientation(number))
    return np.asarray(ImageOps.exif_transpose(Image.open(file)))


@pytest.mark.parametrize("number", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_orientation_is_pillows(tmp_path, number, suffix):
    image = Image.fromarray(smooth(channels=3 if suffix == ".jpg" else 4))
    stored = np.asarray(Image.open(save(tmp_path / f"stored{suffix}", image)))
    expected = turned_by_pillow(stored, number)
    path = save(tmp_path / f"turned{suffix}", image, exif=orientation(number))
    picture = read_picture(path)
    np.testing.assert_array_equal(picture.color, expected[:, :, :3])
    if suffix != ".jpg":
        np.testing.assert_array_equal(picture.alpha, expected[:, :, 3])
    assert read_size(path) == expected.shape[:2] == ((37, 24) if number > 4 else (24, 37))


@pytest.mark.parametrize("number", range(1, 9))
def test_orientation_of_16_bits(tmp_path, number):
    import tifffile

    color = smooth(channels=3, dtype=np.uint16)
    tag = [(0x0112, "H", 1, number, True)]
    tifffile.imwrite(tmp_path / "p.tif", color, photometric="rgb", extratags=tag, metadata=None)
    write_picture(tmp_path / "p.png", Picture(color))
    file = (tmp_path / "p.png").read_bytes()
    exif = chunk(b"eXIf", orientation(number).tobytes()[6:])
    (tmp_path / "p.png").write_bytes(file[:-12] + exif + file[-12:])  # it may come behind the pixels
    high, low = (turned_by_pillow(byte.astype(np.uint8), number) for byte in (color >> 8, color & 255))
    for name in ("p.tif", "p.png"):
        np.testing.assert_array_equal(read_picture(tmp_path / name).color, high * np.uint16(256) + low)
        assert read_size(tmp_path / name) == high.shape[:2]


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_broken_exif_spoils_no_picture(tmp_path):
    for number, exif in enumerate((b"Exif\0\0", b"Exif\0\0garbage that is none", b"Exif\0\0II*\0\xff\xff\xff\x7f")):
        path = save(tmp_path / f"{number}.jpg", Image.fromarray(smooth(channels=3)), exif=exif)
        assert read_picture(path).color.shape == (24, 37, 3)
        assert read_size(path) == (24, 37)


# --- what is no picture


def test_no_file_and_no_picture(tmp_path):
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.jpg").write_text("What a nice picture this is. " * 100)
    (tmp_path / "zeros.tif").write_bytes(bytes(5000))
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    reasons = {
        "missing.png": "no such file",
        "empty.png": "an empty file",
        "text.jpg": f"not a {titles()} picture",
        "zeros.tif": f"not a {titles()} picture",
        "folder.png": "not a file",
        "pipe.png": "not a file",
    }
    for name, reason in reasons.items():
        for read in (read_picture, read_rgb, read_size):
            with pytest.raises(ImageError) as caught:
                read(tmp_path / name)
            assert str(caught.value) == f"{tmp_path / name}: {reason}"


def survives(path, expected):
    """The picture is read whole, or refused in one line that names it."""
    try:
        picture = read_picture(path)
    except ImageError as error:
        assert str(error).startswith(f"{path}: ")
        assert "\n" not in str(error)
        return False
    np.testing.assert_array_equal(picture.color, expected.color)
    return True


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".bmp"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_truncated_file_is_refused(tmp_path, suffix, dtype):
    if dtype == np.uint16 and suffix not in WITH_16_BITS:
        pytest.skip("holds no 16 bits")
    rng = np.random.default_rng(0)
    noise = rng.integers(0, np.iinfo(dtype).max, (40, 50, 3)).astype(dtype)
    path = tmp_path / f"whole{suffix}"
    write_picture(path, Picture(noise))
    whole, data = read_picture(path), path.read_bytes()
    cut = tmp_path / f"cut{suffix}"
    for length in [*range(80), *range(80, len(data) - 20, len(data) // 97)]:
        cut.write_bytes(data[:length])
        assert not survives(cut, whole), f"read from {length} of {len(data)} bytes"
    for length in range(len(data) - 20, len(data) + 1):  # behind the pixels little is missed
        cut.write_bytes(data[:length])
        assert survives(cut, whole) or length < len(data)


@pytest.mark.parametrize("channels", [1, 3])
def test_16_bits_are_in_chunks_of_some_rows(tmp_path, channels):
    """A chunk of PNG holds no more than 2 GB."""
    path, noise = tmp_path / "p.png", np.random.default_rng(0).integers(0, 2**16, (300, 50, channels), np.uint16)
    write_picture(path, Picture(noise.squeeze()))
    sizes = [end - start for name, start, end in chunks(path.read_bytes()) if name == b"IDAT"]
    assert len(sizes) > 2
    assert max(sizes) < 2 * noise[:128].nbytes
    whole, data = read_picture(path), path.read_bytes()
    np.testing.assert_array_equal(whole.color, noise.squeeze())
    path.write_bytes(data[: data.rindex(b"IDAT") - 4])
    assert not survives(path, whole)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_truncation_prints_nothing(tmp_path, suffix, capfd):
    path = tmp_path / f"p{suffix}"
    write_picture(path, Picture(smooth(90, 90, 3)))
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(ImageError, match="damaged picture"):
        read_picture(path)
    assert capfd.readouterr() == ("", "")


@settings(max_examples=150)
@given(
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"RIFF\x40\0\0\0WEBPVP8 ", b"II*\0", b"BM"]),
    st.binary(max_size=400),
)
def test_random_bytes_are_refused(tmp_path_factory, magic, noise):
    path = tmp_path_factory.getbasetemp() / "noise.bin"
    path.write_bytes(magic + noise)
    for read in (read_picture, read_size):
        with pytest.raises(ImageError, match=r"noise\.bin: "):
            read(path)


# --- the limit of pixels


def test_too_many_pixels_are_refused_before_decoding(tmp_path):
    (tmp_path / "bomb.png").write_bytes(of_size(100_000, 100_000))
    for read in (read_picture, read_size):
        with pytest.raises(ImageError, match="100000×100000 pixels are more than 500,000,000"):
            read(tmp_path / "bomb.png")


def test_a_gif_with_a_large_frame_is_refused_before_pillow_makes_it(tmp_path, monkeypatch):
    screen, clear = struct.pack("<6sHHBBB", b"GIF89a", 10, 10, 0, 0, 0), bytes.fromhex("21f904 08 0a00 0000")
    frame = struct.pack("<cHHHHB", b",", 0, 0, 65535, 65535, 0) + bytes.fromhex("02 024401 00")
    (tmp_path / "a.gif").write_bytes(screen + clear + frame + b";")
    monkeypatch.setattr(Image, "open", None)
    for read in (read_picture, read_size):
        with pytest.raises(ImageError, match="65535×65535 pixels are more than 500,000,000"):
            read(tmp_path / "a.gif")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".bmp", ".gif"])
def test_the_limit_is_ours_not_pillows(tmp_path, suffix, monkeypatch):
    path = save(tmp_path / f"p{suffix}", Image.fromarray(smooth(10, 10, 3)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_picture(path).color.shape == (10, 10, 3)
    with pytest.raises(Image.DecompressionBombError):
        Image.open(path)
    with pytest.raises(ImageError, match="10×10 pixels are more than 99"):
        read_picture(path, max_pixels=99)


def test_a_file_of_more_bytes_than_a_picture_can_have_is_not_read(tmp_path):
    with (tmp_path / "sparse.png").open("wb") as file:
        file.truncate(2**40)
    for read in (read_picture, read_size):
        with pytest.raises(ImageError, match=r"sparse\.png: 1,099,511,627,776 bytes are more than the 4,067,108,864"):
            read(tmp_path / "sparse.png")


def test_threads_leave_pillows_limit_as_it_was(tmp_path):
    path = save(tmp_path / "p.png", Image.fromarray(smooth(channels=3)))
    limit = Image.MAX_IMAGE_PIXELS
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: read_rgb(path).tobytes(), range(200)))) == 1
    assert limit == Image.MAX_IMAGE_PIXELS


# --- read_rgb, names


def test_read_rgb(tmp_path):
    write_picture(tmp_path / "gray.png", Picture(smooth()))
    np.testing.assert_array_equal(read_rgb(tmp_path / "gray.png"), np.dstack([smooth()] * 3))
    deep = np.array([[[0, 128, 129], [257, 65406, 65407]], [[65535, 385, 386], [1, 300, 600]]], np.uint16)
    write_picture(tmp_path / "deep.png", Picture(deep))
    np.testing.assert_array_equal(read_rgb(tmp_path / "deep.png"), np.rint(deep / 257))
    for dtype in (np.uint8, np.uint16):
        top = np.iinfo(dtype).max
        color, alpha = smooth(channels=3, dtype=dtype), smooth(dtype=dtype)[::-1].copy()
        alpha[:3], alpha[3:6] = 0, top
        write_picture(tmp_path / "alpha.png", Picture(color, alpha))
        rgb = read_rgb(tmp_path / "alpha.png")
        opacity = alpha[:, :, np.newaxis] / top
        over_white = 255 * (1 - opacity + opacity * (color / top))
        assert rgb.dtype == np.uint8
        np.testing.assert_allclose(rgb, over_white, atol=0.501)
        assert (rgb[:3] == 255).all()
        np.testing.assert_array_equal(rgb[3:6], np.rint(color[3:6] * (255 / top)))


def test_is_picture_file():
    assert all(
        is_picture_file(name)
        for name in ("a.png", "a.b/c.JPG", "d.JpEg", "e.webp", "f.tif", "g.TIFF", "h.bmp", "i.jfif", "j.gif")
    )
    assert not any(is_picture_file(name) for name in ("a.svg", "a", "png", ".png", ".a.png", "a.png/b", "a.png.txt"))


# --- writing


EXPECTED = "expected one of " + " ".join(suffix for form in available() for suffix in form.suffixes) + ", or a folder/"


@pytest.mark.parametrize(
    ("name", "picture", "reason"),
    [
        ("p.jpg", Picture(smooth(), smooth()), "JPEG holds no alpha; choose PNG or WebP or TIFF"),
        ("p.jpeg", Picture(smooth(dtype=np.uint16)), "JPEG holds 8 bits a channel, not 16; choose PNG or TIFF"),
        ("p.webp", Picture(smooth(dtype=np.uint16)), "WebP holds 8 bits a channel, not 16; choose PNG or TIFF"),
        ("p.webp", Picture(smooth(1, 16384)), "WebP holds 16383 pixels a side, not 1×16384; choose PNG"),
        ("p.jpg", Picture(smooth(65501, 1)), "JPEG holds 65500 pixels a side, not 65501×1; choose PNG"),
        ("p.xyz", Picture(smooth()), f"unknown suffix '.xyz'; {EXPECTED}"),
        ("p", Picture(smooth()), f"unknown suffix ''; {EXPECTED}"),
    ],
)
def test_what_a_format_cannot_hold_is_refused(tmp_path, name, picture, reason):
    with pytest.raises(ImageError) as caught:
        write_picture(tmp_path / name, picture)
    assert str(caught.value) == f"{tmp_path / name}: {reason}"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "shape"), [("p.webp", (1, 16383)), ("p.jpg", (65500, 1))])
def test_the_longest_side_is_written(tmp_path, name, shape):
    write_picture(tmp_path / name, Picture(smooth(*shape)))
    assert read_size(tmp_path / name) == shape


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "p.png"
    write_picture(path, Picture(smooth()))

    def half(path, data):
        with path.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError("No space left on device")

    monkeypatch.setattr(type(path), "write_bytes", half)
    with pytest.raises(OSError, match="No space"):
        write_picture(path, Picture(smooth()[::-1]))
    np.testing.assert_array_equal(read_picture(path).color, smooth())
    assert list(tmp_path.iterdir()) == [path]


def test_atomic_path(tmp_path):
    path = tmp_path / "a" / "b" / "c.params"
    with atomic_path(path) as one, atomic_path(str(path)) as other:
        assert len({one, other, path}) == 3
        assert one.parent == other.parent == path.parent
        assert one.suffix == ".params"
        assert one.name.startswith(".")
        one.write_text("one")
        other.write_text("other")
        assert not path.exists()
    assert path.read_text() == "one"
    with pytest.raises(KeyboardInterrupt), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "one"
    assert list(path.parent.iterdir()) == [path]
    with pytest.raises(IsADirectoryError, match="a/b"), atomic_path(path.parent):
        raise AssertionError("not reached")


def test_new_files_have_usual_permissions(tmp_path):
    (tmp_path / "usual").touch()
    write_picture(tmp_path / "p.png", Picture(smooth()))
    assert (tmp_path / "p.png").stat().st_mode == (tmp_path / "usual").stat().st_mode


# --- tensors


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_all_values_survive_the_tensor(dtype):
    values = np.arange(np.iinfo(dtype).max + 1).astype(dtype).reshape(16, -1)
    image = np.dstack([values, values[::-1], values[:, ::-1]])
    tensor = to_tensor(image)
    assert tensor.dtype == np.float32
    assert tensor.shape == (1, 3, *values.shape)
    assert tensor.flags.c_contiguous
    assert (tensor.min(), tensor.max()) == (0, 255)
    np.testing.assert_allclose(tensor[0, 1], values[::-1] * (255 / np.iinfo(dtype).max), rtol=1e-6)
    for back in (to_image(tensor, dtype), to_image(tensor[0], dtype)):
        assert back.dtype == dtype
        assert back.flags.c_contiguous
        np.testing.assert_array_equal(back, image)
    np.testing.assert_array_equal(to_tensor(values), to_tensor(np.dstack([values] * 3)))


def test_to_image_clips_and_rounds():
    tensor = np.array([-1e9, -0.6, 0.4, 0.6, 254.4, 254.6, 256, 1e9, np.inf, -np.inf], np.float32)
    expected = [0, 0, 0, 1, 254, 255, 255, 255, 255, 0]
    for dtype in (np.float16, np.float32, np.float64):
        with np.errstate(over="ignore"):
            values = np.broadcast_to(tensor.astype(dtype), (1, 3, 1, 10))
        np.testing.assert_array_equal(to_image(values)[0], np.transpose([expected] * 3))
    wide = to_image(np.full((3, 1, 1), 1.0, np.float32), np.uint16)
    np.testing.assert_array_equal(wide, 257)


def test_what_is_no_tensor_or_image_is_refused():
    with pytest.raises(ImageError, match="NaN"):
        to_image(np.array([0, np.nan, 1], np.float32).reshape(3, 1, 1))
    for shape in [(2, 3, 4, 4), (4, 4, 3), (3, 3), (1, 1, 3, 4, 4), (1, 4, 4, 4)]:
        with pytest.raises(ImageError, match=r"expected \(1, 3, H, W\) or \(3, H, W\)"):
            to_image(np.zeros(shape, np.float32))
    for image in (np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros(3, np.uint8)):
        with pytest.raises(ImageError, match=r"expected \(H, W, 3\) or \(H, W\), uint8 or uint16"):
            to_tensor(image)


def test_shared_pictures_are_read_as_pillow_reads_them(shared):
    files = [file for file in sorted((shared / "data/illustrations").iterdir()) if is_picture_file(file)]
    assert len(files) > 50
    for file in files[::8]:
        picture = read_picture(file)
        with Image.open(file) as image:
            expected = np.asarray(image.convert("RGBA"))
        np.testing.assert_array_equal(picture.rgb, expected[:, :, :3])
        np.testing.assert_array_equal(255 if picture.alpha is None else picture.alpha, expected[:, :, 3])
        assert read_size(file) == expected.shape[:2]
