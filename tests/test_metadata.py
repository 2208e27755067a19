"""What stands beside the pixels of a file stands beside those of the result."""

import io
import re
import struct

import numpy as np
import pytest
import tifffile
from cli import start
from pictures import SRGB, chunk, smooth
from PIL import Image, ImageCms

from gluon_perceptual.image.containers.metadata import Metadata
from gluon_perceptual.image.formats import available
from gluon_perceptual.image.io import Picture, read_picture, write_picture

GRAY = SRGB[:16] + b"GRAY" + SRGB[20:]
DATE, PLACE = "2023:04:05 06:07:08", (47.0, 30.0, 12.5)
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6" dc:title="A"/></x:xmpmeta>'
KINDS = [".jpg", ".png", ".tif", ".webp", *([".avif"] if any(form.name == "AVIF" for form in available()) else [])]


def exif(orientation=6, width=37, height=24):
    found = Image.Exif()
    found[0x0112], found[0x0132], found[0x010F] = orientation, DATE, "Maker"
    found[0x8769] = {0x9003: DATE, 0xA002: width, 0xA003: height}
    found[0x8825] = {1: "N", 2: PLACE}
    return found.tobytes()[6:]


def told(path):
    """What Pillow finds in a file."""
    with Image.open(path) as image:
        found = image.getexif()
        inner, place = found.get_ifd(0x8769), found.get_ifd(0x8825)
        seen = {"date": (found.get(0x132), inner.get(0x9003)), "maker": found.get(0x10F)}
        seen["place"] = tuple(map(float, place.get(2, ())))
        seen["orientation"] = found.get(0x112, 1)
        seen["profile"] = image.info.get("icc_profile")
        seen["dpi"] = tuple(round(float(value)) for value in image.info.get("dpi", ()))
        return seen


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("target", KINDS)
@pytest.mark.parametrize("source", KINDS)
def test_date_place_profile_and_density_go_from_each_kind_to_each(tmp_path, source, target, dtype):
    if dtype == np.uint16 and not {source, target} <= {".png", ".tif"}:
        pytest.skip("holds no 16 bits")
    metadata = Metadata(SRGB, exif(), XMP, (300.0, 300.0))
    write_picture(tmp_path / f"a{source}", Picture(smooth(channels=3, dtype=dtype), None, metadata))
    picture = read_picture(tmp_path / f"a{source}")
    write_picture(tmp_path / f"b{target}", picture)
    seen = told(tmp_path / f"b{target}")
    assert seen["date"] == (DATE, DATE)
    assert seen["maker"] == "Maker"
    assert seen["place"] == PLACE
    assert seen["orientation"] == 1
    assert seen["profile"] == SRGB
    if not {source, target} & {".webp", ".avif"}:  # which hold no density
        assert seen["dpi"] == (300, 300)
    xmp = read_picture(tmp_path / f"b{target}").metadata.xmp
    assert xmp == XMP.replace(b"6", b"1")


@pytest.mark.parametrize("number", range(1, 9))
@pytest.mark.parametrize("suffix", KINDS)
def test_a_turned_picture_is_written_upright_and_says_so(tmp_path, suffix, number):
    pixels = smooth(channels=3)
    options = {"quality": 100, "subsampling": "4:4:4"} if suffix in (".jpg", ".avif") else {}
    options = {"lossless": True} if suffix == ".webp" else options
    raw = b"Exif\0\0" + exif(number)
    Image.fromarray(pixels).save(tmp_path / f"a{suffix}", exif=raw if suffix != ".tif" else _loaded(raw), **options)
    first = read_picture(tmp_path / f"a{suffix}")
    assert first.color.shape == ((37, 24, 3) if number > 4 else (24, 37, 3))
    write_picture(tmp_path / f"b{suffix}", first, quality=100 if options.get("quality") else None)
    again = read_picture(tmp_path / f"b{suffix}")
    assert np.abs(again.color.astype(int) - first.color).mean() < 2
    assert told(tmp_path / f"b{suffix}")["orientation"] == 1


def _loaded(raw):
    found = Image.Exif()
    found.load(raw)
    return found


def small_copy_at(data):
    """Where EXIF data say which directory is a thumbnail's: big-endian, behind the entries of the first."""
    return 10 + 12 * struct.unpack_from(">H", data, 8)[0]


def test_the_size_in_exif_is_the_pictures_and_the_small_copy_goes(tmp_path):
    data = bytearray(exif())
    struct.pack_into(">I", data, small_copy_at(data), len(data))
    data += struct.pack(">HHHIIHHIII", 2, 0x201, 4, 1, len(data) + 30, 0x202, 4, 1, 9, 0) + b"thumbnail"
    write_picture(tmp_path / "p.jpg", Picture(smooth(40, 50, 3), None, Metadata(exif=bytes(data))))
    with Image.open(tmp_path / "p.jpg") as image:
        inner = image.getexif().get_ifd(0x8769)
    assert (inner[0xA002], inner[0xA003]) == (50, 40)
    written = read_picture(tmp_path / "p.jpg").metadata.exif
    assert struct.unpack_from(">I", written, small_copy_at(written)) == (0,)


COLORS = [
    (b"cICP", bytes([9, 16, 0, 1])),
    (b"gAMA", struct.pack(">I", 100_000)),
    (b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)),
    (b"sRGB", b"\0"),
]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    "chunks", [*([one] for one in COLORS), COLORS, [(b"tEXt", b"Title\0A")], [(b"tIME", bytes(7))]]
)
def test_chunks_of_color_and_text_are_kept(tmp_path, chunks, dtype):
    write_picture(tmp_path / "p.png", Picture(smooth(channels=3, dtype=dtype)))
    data = (tmp_path / "p.png").read_bytes()
    written = [chunk(name, body) for name, body in chunks]
    (tmp_path / "p.png").write_bytes(data[:33] + b"".join(written) + data[33:])
    write_picture(tmp_path / "q.png", read_picture(tmp_path / "p.png"))
    again = (tmp_path / "q.png").read_bytes()
    assert all(one in again[: again.index(b"IDAT")] for one in written)


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".tif"])
def test_gamma_and_primaries_become_a_profile_in_other_formats(tmp_path, suffix):
    linear = np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16), 16, axis=0)[:, :, np.newaxis].repeat(3, axis=2)
    write_picture(tmp_path / f"p{suffix}", Picture(linear, metadata=Metadata(chunks=tuple(COLORS[1:3]))), quality=100)
    with Image.open(tmp_path / f"p{suffix}") as image:
        profile = io.BytesIO(image.info["icc_profile"])
        shown = np.asarray(ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"))).astype(float)
    expected = np.where(linear < 0.8, 12.92 * linear, 255 * (1.055 * (linear / 255) ** (1 / 2.4) - 0.055))
    assert np.abs(shown - expected).mean() < 1.5
    chunks = ((b"gAMA", struct.pack(">I", 45455)), COLORS[2])  # sRGB by other words
    write_picture(tmp_path / f"q{suffix}", Picture(linear, metadata=Metadata(chunks=chunks)))
    assert read_picture(tmp_path / f"q{suffix}").metadata.icc_profile is None


def test_a_profile_of_gray_goes_with_gray_alone(tmp_path):
    for picture, kept in ((Picture(smooth()), GRAY), (Picture(smooth(channels=3)), None)):
        write_picture(tmp_path / "p.png", Picture(picture.color, None, Metadata(icc_profile=GRAY)))
        assert read_picture(tmp_path / "p.png").metadata.icc_profile == kept


# --- how pixels are stored


@pytest.mark.parametrize(("options", "kind"), [({"lossless": True}, b"VP8L"), ({"quality": 80}, b"VP8 ")])
def test_webp_without_loss_stays_so(tmp_path, options, kind):
    Image.fromarray(smooth(channels=3)).save(tmp_path / "a.webp", **options)
    picture = read_picture(tmp_path / "a.webp")
    write_picture(tmp_path / "b.webp", picture)
    assert kind in (tmp_path / "b.webp").read_bytes()[:64]
    write_picture(tmp_path / "c.webp", picture, quality=90)
    assert b"VP8 " in (tmp_path / "c.webp").read_bytes()[:64]


@pytest.mark.parametrize("source", [".png", ".bmp", ".tif", ".gif"])
def test_what_had_no_loss_has_none_in_webp(tmp_path, source):
    picture = Picture(np.dstack([smooth()] * 3), smooth()[::-1] if source in (".png", ".tif") else None)
    write_picture(tmp_path / f"a{source}", picture)
    first = read_picture(tmp_path / f"a{source}")
    write_picture(tmp_path / "b.webp", first)
    again = read_picture(tmp_path / "b.webp")
    np.testing.assert_array_equal(again.rgb, first.rgb)
    if first.alpha is not None:
        np.testing.assert_array_equal(again.alpha, first.alpha)


@pytest.mark.parametrize(("source", "expected"), [(0, 0), (1, 1), (2, 2), (None, 0)])
def test_chroma_is_stored_as_in_the_source(tmp_path, source, expected):
    from PIL.JpegImagePlugin import get_sampling

    picture = Picture(smooth(channels=3))
    if source is not None:
        Image.fromarray(picture.color).save(tmp_path / "a.jpg", subsampling=source)
        picture = read_picture(tmp_path / "a.jpg")
    write_picture(tmp_path / "b.jpg", picture)
    with Image.open(tmp_path / "b.jpg") as image:
        assert get_sampling(image) == expected


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_deflate"])
def test_tiff_is_compressed_if_the_source_was(tmp_path, compression):
    Image.fromarray(np.zeros((200, 200, 3), np.uint8)).save(tmp_path / "a.tif", compression=compression)
    write_picture(tmp_path / "b.tif", read_picture(tmp_path / "a.tif"))
    size = (tmp_path / "b.tif").stat().st_size
    assert (size > 120_000) == (compression == "raw")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("compressed", [True, False])
def test_others_read_our_tiff(tmp_path, dtype, channels, compressed):
    values = smooth(700, 900, channels, dtype)
    picture = Picture(
        values[:, :, 0] if channels < 3 else values[:, :, :3],
        values[:, :, -1] if channels in (2, 4) else None,
        Metadata(compressed=compressed, exif=exif()),
    )
    write_picture(tmp_path / "p.tif", picture)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "p.tif").reshape(values.shape), values)
    if dtype == np.uint8:
        with Image.open(tmp_path / "p.tif") as image:
            np.testing.assert_array_equal(np.asarray(image).reshape(values.shape), values)


def test_bmp_holds_alpha(tmp_path):
    color, alpha = smooth(channels=3), smooth()[::-1]
    write_picture(tmp_path / "p.bmp", Picture(color, alpha, Metadata(dpi=(300.0, 300.0))))
    with Image.open(tmp_path / "p.bmp") as image:
        np.testing.assert_array_equal(np.asarray(image), np.dstack([color, alpha]))
        assert round(image.info["dpi"][0]) == 300


def test_an_alpha_that_hides_nothing_does_not_hinder_jpeg(tmp_path):
    write_picture(tmp_path / "p.jpg", Picture(smooth(channels=3), np.full((24, 37), 255, np.uint8)))
    assert read_picture(tmp_path / "p.jpg").color.shape == (24, 37, 3)


# --- maps


def write_map(path, points, scale=(10.0, 20.0, 0.0), tie=(0.0, 0.0, 0.0, 500.0, 900.0, 0.0)):
    keys = (1, 1, 0, 2, 1024, 0, 1, 1, 1025, 0, 1, 2 if points else 1)
    tags = [(33550, "d", 3, scale, True), (33922, "d", 6, tie, True), (34735, "H", len(keys), keys, True)]
    tags.append((42113, "s", 0, "7", True))
    tifffile.imwrite(path, smooth(10, 12, 3), photometric="rgb", metadata=None, extratags=tags)


@pytest.mark.parametrize("points", [False, True])
def test_an_enlarged_map_lies_where_it_lay(tmp_path, points):
    write_map(tmp_path / "a.tif", points)
    picture = read_picture(tmp_path / "a.tif")
    assert picture.metadata.nodata == 7
    write_picture(tmp_path / "same.tif", picture)
    write_picture(tmp_path / "large.tif", Picture(picture.color.repeat(2, 0).repeat(2, 1), None, picture.metadata))
    found = []
    for name in ("same", "large"):
        with tifffile.TiffFile(tmp_path / f"{name}.tif") as file:
            found.append({code: file.pages[0].tags[code].value for code in (33550, 33922, 42113)})
    assert found[0] == {33550: (10, 20, 0), 33922: (0, 0, 0, 500, 900, 0), 42113: "7"}
    shift = 0.5 if points else 0
    assert found[1] == {33550: (5, 10, 0), 33922: (shift, shift, 0, 500, 900, 0), 42113: "7"}


# --- a full disk


@pytest.mark.parametrize("suffix", [".jpg", ".bmp", ".tif", ".png", ".webp", ".gif"])
def test_a_full_disk_leaves_no_half_picture(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)
    for name in ("a", "b"):
        write_picture(tmp_path / f"{name}{suffix}", Picture(noise))
    arguments = [tmp_path / f"a{suffix}", tmp_path / f"b{suffix}", tmp_path / f"c{suffix}"]
    process = start(tmp_path / "log", "match-histogram", *arguments, file_size=4000)
    process.join(120)
    assert process.exitcode == 1
    assert re.search(rf"Error: .*c\{suffix}: File too large", (tmp_path / "log").read_text())
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"a{suffix}", f"b{suffix}", "log"]


def test_exif_may_end_with_its_entries(tmp_path):
    short = b"II*\0" + struct.pack("<IHHHIHH", 8, 1, 274, 3, 1, 6, 0)  # orientation 6, no offset of a next directory
    write_picture(tmp_path / "p.jpg", Picture(smooth(channels=3), None, Metadata(exif=short)))
    with Image.open(tmp_path / "p.jpg") as image:
        assert image.getexif()[274] == 1


def test_nothing_of_broken_exif_is_written(tmp_path):
    for broken in (b"MM\0*\0\0\0\x08\xff\xff", b"II", b"garbage", exif()[:40]):
        file = io.BytesIO()
        write_picture(tmp_path / "p.jpg", Picture(smooth(channels=3), None, Metadata(exif=broken)))
        with Image.open(tmp_path / "p.jpg") as image:
            image.save(file, "PNG")
            assert "exif" not in image.info
