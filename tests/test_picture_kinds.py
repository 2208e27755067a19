"""Kinds of picture files that decoders disagree on, or refuse for what stands beside the pixels."""

import io
import logging
import lzma
import struct
import zlib

import numpy as np
import pytest
import tifffile
from pictures import chunk, png, save, smooth
from PIL import Image, ImageCms

from gluon_perceptual.errors import ImageError
from gluon_perceptual.image.containers import heif
from gluon_perceptual.image.io import Picture, read_picture, read_rgb, read_size, write_picture
from gluon_perceptual.image.jpeg import file_quality

PASSES = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]  # Adam7
KINDS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def packed(samples, depth):
    """(H, W, C) integers -> PNG's rows of bytes."""
    rows = samples.reshape(len(samples), -1)
    if depth == 16:
        rows = rows.astype(">u2").view(np.uint8)
    elif depth < 8:
        bits = (rows[:, :, np.newaxis] >> np.arange(depth)[::-1]) & 1
        rows = np.packbits(bits.reshape(len(rows), -1).astype(np.uint8), axis=1)
    return [row.astype(np.uint8).tobytes() for row in rows]


def png_of(samples, depth, kind, interlaced, *chunks):
    height, width = samples.shape[:2]
    parts = [samples[y::dy, x::dx] for y, x, dy, dx in PASSES] if interlaced else [samples]
    rows = [row for part in parts if part.size for row in packed(part, depth)]
    return png(width, height, depth, kind, rows, *chunks, interlaced=interlaced)


@pytest.mark.parametrize("transparent", [False, True])
@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(("kind", "depth"), [(kind, depth) for kind, depths in KINDS.items() for depth in depths])
def test_every_kind_of_png(tmp_path, kind, depth, interlaced, transparent):
    rng = np.random.default_rng(0)
    samples = rng.integers(0, 2**depth, (11, 13, CHANNELS[kind]))
    dtype, top = (np.uint16, 65535) if depth == 16 else (np.uint8, 255)
    chunks, color = [], (samples * (top // (2**depth - 1))).astype(dtype)
    alpha = color[:, :, -1] if kind in (4, 6) else None
    if kind == 3:
        palette = rng.integers(0, 256, (2**depth, 3), np.uint8)
        chunks.append(chunk(b"PLTE", palette.tobytes()))
        color = palette[samples[:, :, 0]]
    if transparent and kind == 3:
        opacity = rng.integers(0, 256, 2**depth, np.uint8)
        chunks.append(chunk(b"tRNS", opacity.tobytes()))
        alpha = opacity[samples[:, :, 0]]
    elif transparent and kind in (0, 2):
        chunks.append(chunk(b"tRNS", samples[5, 5].astype(">u2").tobytes()))
        alpha = np.where((samples == samples[5, 5]).all(axis=2), 0, top).astype(dtype)
    (tmp_path / "p.png").write_bytes(png_of(samples, depth, kind, interlaced, *chunks))
    picture = read_picture(tmp_path / "p.png")
    np.testing.assert_array_equal(picture.color, color[:, :, 0] if kind in (0, 4) else color[:, :, :3])
    assert picture.color.dtype == dtype
    assert (picture.alpha is None) == (alpha is None)
    if alpha is not None:
        np.testing.assert_array_equal(picture.alpha, alpha)
    assert read_size(tmp_path / "p.png") == (11, 13)


DAMAGED = {
    "checksum": lambda name: chunk(name, b"some body")[:-1] + b"\0",
    "body": lambda name: chunk(name, b"some body, but no good one"),
    "nothing": lambda name: chunk(name, b""),
}


@pytest.mark.parametrize("how", DAMAGED)
@pytest.mark.parametrize(
    "name", [b"iCCP", b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"gAMA", b"cHRM", b"pHYs", b"tIME", b"bKGD", b"acTL", b"xYzz"]
)
def test_no_chunk_beside_the_pixels_spoils_a_png(tmp_path, name, how):
    samples = smooth(channels=3)
    whole = png_of(samples, 8, 2, False)
    for at in (33, len(whole) - 12):
        (tmp_path / "p.png").write_bytes(whole[:at] + DAMAGED[how](name) + whole[at:])
        np.testing.assert_array_equal(read_picture(tmp_path / "p.png").color, samples)
        write_picture(tmp_path / "q.png", read_picture(tmp_path / "p.png"))
        np.testing.assert_array_equal(read_picture(tmp_path / "q.png").color, samples)


def test_a_damaged_chunk_is_named(tmp_path, caplog):
    (tmp_path / "p.png").write_bytes(png_of(smooth(channels=3), 8, 2, False, DAMAGED["checksum"](b"iCCP")))
    with caplog.at_level(logging.WARNING):
        read_picture(tmp_path / "p.png")
    assert caplog.messages == [f"{tmp_path / 'p.png'}: its iCCP chunk is damaged"]
    caplog.clear()
    read_rgb(tmp_path / "p.png")  # wants no more than pixels
    assert not caplog.messages


def test_large_texts_are_kept_and_bombs_are_not_inflated(tmp_path, caplog):
    text = b"workflow\0\0" + zlib.compress(b"node " * 400_000)
    bomb = b"ICC Profile\0\0" + zlib.compress(bytes(2**27))
    (tmp_path / "p.png").write_bytes(
        png_of(smooth(channels=3), 8, 2, False, chunk(b"zTXt", text), chunk(b"iCCP", bomb))
    )
    picture = read_picture(tmp_path / "p.png")
    assert picture.metadata.icc_profile is None
    assert "its color profile is damaged" in caplog.text
    write_picture(tmp_path / "q.png", picture)
    assert chunk(b"zTXt", text) in (tmp_path / "q.png").read_bytes()


# --- TIFF


def tiff_kinds():
    for dtype in (np.uint8, np.uint16):
        top = np.iinfo(dtype).max
        gray, color, alpha = smooth(dtype=dtype), smooth(channels=3, dtype=dtype), smooth(dtype=dtype)[::-1].copy()
        multiplied = np.rint(color * (np.maximum(alpha, 1)[..., np.newaxis] / top)).astype(dtype)
        rgba, la = np.dstack([color, alpha]), np.dstack([gray, alpha])
        inks = np.dstack([top - color, np.zeros_like(gray)])
        contiguous, plain = {"planarconfig": "contig"}, {"extrasamples": ["unassalpha"]}
        separate = {"photometric": "rgb", "planarconfig": "separate"}
        yield "black", dtype, gray, gray, {"photometric": "minisblack"}
        yield "white", dtype, top - gray, gray, {"photometric": "miniswhite"}
        yield "gray alpha", dtype, la, la, {"photometric": "minisblack", **contiguous, **plain}
        white = np.dstack([top - gray, alpha])
        yield "white alpha", dtype, white, la, {"photometric": "miniswhite", **contiguous, **plain}
        yield "RGB", dtype, color, color, {"photometric": "rgb"}
        yield "RGB alpha", dtype, rgba, rgba, {"photometric": "rgb", **plain}
        yield "RGB planes", dtype, color.transpose(2, 0, 1), color, separate
        yield "RGB alpha planes", dtype, rgba.transpose(2, 0, 1), rgba, {**separate, **plain}
        yield "RGB and another", dtype, rgba, color, {"photometric": "rgb", "extrasamples": ["unspecified"]}
        yield "inks", dtype, inks, color, {"photometric": "separated"}
        yield "tiles", dtype, color, color, {"photometric": "rgb", "tile": (16, 16)}
        yield "BigTIFF", dtype, color, color, {"photometric": "rgb", "bigtiff": True}
        multiplied = np.dstack([multiplied, alpha])
        yield "multiplied", dtype, multiplied, rgba, {"photometric": "rgb", "extrasamples": ["assocalpha"]}


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize(("what", "dtype", "stored", "shown", "options"), list(tiff_kinds()))
def test_every_kind_of_tiff(tmp_path, what, dtype, stored, shown, options, order, compression):
    path = tmp_path / "p.tif"
    tifffile.imwrite(path, stored, metadata=None, byteorder=order, compression=compression, **options)
    channels = read_picture(path).channels.squeeze()
    assert channels.dtype == dtype
    if what == "multiplied":
        seen = shown[:, :, 3] > np.iinfo(dtype).max // 2
        np.testing.assert_allclose(channels[seen], shown[seen], atol=1)
    else:
        np.testing.assert_array_equal(channels, shown)
    assert read_size(path) == shown.shape[:2]
    assert file_quality(path) is None


@pytest.mark.parametrize(("code", "compress"), [(8, zlib.compress), (34925, lzma.compress)])
def test_a_tiff_that_inflates_to_more_than_its_picture_is_refused(tmp_path, code, compress):
    path = tmp_path / "p.tif"
    strip = compress(bytes(2**22))
    tifffile.imwrite(path, iter([strip]), shape=(8, 8), dtype=np.uint16, rowsperstrip=8, compression=code)
    with pytest.raises(ImageError, match="larger than its picture"):
        read_picture(path)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "LAB"])
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "packbits", "tiff_deflate", "group4"])
def test_every_compression_of_tiff(tmp_path, mode, compression):
    if compression == "group4" and mode != "1":
        pytest.skip("of 1 bit only")
    image = Image.fromarray(smooth(channels=3))
    stored = image.convert(mode if mode != "LAB" else "RGB")
    if mode == "LAB":
        profiles = [ImageCms.createProfile(space) for space in ("sRGB", "LAB")]
        stored = ImageCms.profileToProfile(image, *profiles, outputMode="LAB")
    path = save(tmp_path / "p.tif", stored, compression=compression)
    expected = np.asarray(image if mode == "LAB" else stored.convert("RGB"))
    assert np.abs(read_picture(path).rgb.astype(int) - expected).mean() <= (4 if mode == "LAB" else 0)


@pytest.mark.parametrize("compression", [1, 5, 8, 32773])
@pytest.mark.parametrize("channels", [None, 3, 4])
def test_16_bit_compressions_of_tiff(tmp_path, compression, channels):
    import cv2

    values = smooth(channels=channels, dtype=np.uint16)
    bgr = values if channels is None else np.ascontiguousarray(values[:, :, [2, 1, 0, 3][:channels]])
    cv2.imwrite(str(tmp_path / "p.tif"), bgr, [cv2.IMWRITE_TIFF_COMPRESSION, compression])
    np.testing.assert_array_equal(read_picture(tmp_path / "p.tif").channels.squeeze(), values)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_small_copies_and_masks_are_passed_over(tmp_path, dtype, caplog):
    photo = smooth(48, 74, 3, dtype)
    with tifffile.TiffWriter(tmp_path / "p.tif") as file:
        file.write(photo[::2, ::2], photometric="rgb", subfiletype=1, metadata=None)
        file.write(photo, photometric="rgb", metadata=None)
    np.testing.assert_array_equal(read_picture(tmp_path / "p.tif").color, photo)
    assert read_size(tmp_path / "p.tif") == (48, 74)
    with tifffile.TiffWriter(tmp_path / "q.tif") as file:
        file.write(photo[::2, ::2], photometric="rgb", subfiletype=1, metadata=None, subifds=1)
        file.write(photo, photometric="rgb", metadata=None)
    np.testing.assert_array_equal(read_picture(tmp_path / "q.tif").color, photo)
    assert not caplog.messages


def test_more_frames_are_said(tmp_path, caplog):
    frames = [Image.fromarray(np.full((9, 8, 3), value, np.uint8)) for value in (10, 200, 90)]
    for suffix, what in ((".webp", "frames"), (".gif", "frames"), (".png", "frames"), (".tif", "pages")):
        path = save(tmp_path / f"a{suffix}", frames[0], save_all=True, append_images=frames[1:], duration=50)
        caplog.clear()
        np.testing.assert_allclose(read_picture(path).rgb, 10, atol=1)
        assert caplog.messages == [f"{path}: of its 3 {what} only the first is used"]


# --- JPEG, inks, others


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"restart_marker_blocks": 2}])
def test_a_jpeg_file_that_lacks_only_its_end(tmp_path, options):
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8))
    whole = save(tmp_path / "p.jpg", image, **options)
    expected, data = read_picture(whole).color, whole.read_bytes()
    whole.write_bytes(data[:-2])
    np.testing.assert_array_equal(read_picture(whole).color, expected)
    for missing in (20, 100, 500, len(data) // 2):
        whole.write_bytes(data[:-missing])
        with pytest.raises(ImageError, match="damaged picture"):
            read_picture(whole)


def test_inks_become_srgb_by_their_profile(tmp_path):
    image = Image.fromarray(smooth(channels=3)).convert("CMYK")
    np.testing.assert_allclose(
        read_picture(save(tmp_path / "p.jpg", image, quality=98)).color, np.asarray(image.convert("RGB")), atol=9
    )
    np.testing.assert_array_equal(
        read_picture(save(tmp_path / "p.tif", image, icc_profile=b"none")).color, np.asarray(image.convert("RGB"))
    )


@pytest.mark.parametrize("suffix", [".jfif", ".jpe", ".JPEG", ".dib", ".apng"])
def test_other_suffixes(tmp_path, suffix):
    write_picture(tmp_path / f"p{suffix}", Picture(smooth(channels=3)))
    assert np.abs(read_picture(tmp_path / f"p{suffix}").color.astype(int) - smooth(channels=3)).mean() < 3


def test_gif(tmp_path):
    color = np.kron(np.random.default_rng(0).integers(0, 256, (4, 5, 3), np.uint8), np.ones((3, 3, 1), np.uint8))
    alpha = np.where(np.arange(15) < 4, 0, 255) * np.ones((12, 1), np.uint8)
    alpha = alpha.astype(np.uint8)
    write_picture(tmp_path / "p.gif", Picture(color, alpha))
    picture = read_picture(tmp_path / "p.gif")
    np.testing.assert_array_equal(picture.alpha, alpha)
    np.testing.assert_array_equal(picture.color[:, 4:], color[:, 4:])
    write_picture(tmp_path / "q.gif", Picture(smooth()))
    np.testing.assert_array_equal(read_picture(tmp_path / "q.gif").rgb, np.dstack([smooth()] * 3))


def test_broken_metadata_of_jpeg_spoil_no_picture(tmp_path):
    file = io.BytesIO()
    Image.fromarray(smooth(channels=3)).save(file, "JPEG")
    data = file.getvalue()
    expected = np.asarray(Image.open(file))
    for body in (
        b"ICC_PROFILE\0\1\2short",
        b"MPF\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0MM\0*\0\0\0\x08\xff\xff",
        b"",
        b"\0",
    ):
        for marker in (0xE1, 0xE2, 0xED, 0xEB):
            segment = bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body
            (tmp_path / "p.jpg").write_bytes(data[:2] + segment + data[2:])
            picture = read_picture(tmp_path / "p.jpg")
            np.testing.assert_array_equal(picture.color, expected)
            assert picture.metadata.icc_profile is None
            write_picture(tmp_path / "q.jpg", picture)


def test_a_file_of_many_large_directories_is_read_in_little_time_and_memory(tmp_path):
    count = 60_000
    entries = struct.pack("<HHII", 258, 3, 2**25, 0) + struct.pack("<HHII", 330, 4, 2**24, 0) * (count - 1)
    places = [8 + 2 * k for k in range(100)]
    data = b"II*\0" + struct.pack("<I", places[0]) + struct.pack("<H", count) * 100 + entries * 2 + bytes(2**20)
    (tmp_path / "p.tif").write_bytes(data)
    for read in (read_picture, read_size):
        with pytest.raises(ImageError, match=r"p\.tif: "):
            read(tmp_path / "p.tif")


def test_what_is_lost_of_an_avif_file_is_said():
    def box(kind, body):
        return (8 + len(body)).to_bytes(4, "big") + kind + body

    depths = box(b"pixi", bytes([0, 0, 0, 0, 3, 10, 10, 10]))
    colors = box(b"colr", b"nclx" + struct.pack(">HHHB", 9, 16, 9, 0x80))
    data = box(b"ftyp", b"avif\0\0\0\0") + box(b"meta", bytes(4) + box(b"iprp", box(b"ipco", depths + colors)))
    assert heif.read(data).left_out == (
        "of its 10 bits a channel only 8 are used",
        "its HDR colors are taken for those of a screen (sRGB)",
    )
    assert heif.read(data.replace(b"ipco", b"tmap")).left_out == ("its gain map for HDR is not used",)
    for ordinary in (data.replace(b"\3\n\n\n", b"\3\x08\x08\x08").replace(b"\0\x10\0\t", b"\0\r\0\t"), data[:20], b""):
        assert heif.read(ordinary).left_out == ()
