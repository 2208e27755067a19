"""Pictures that were damaged by mutation, as a folder from the internet has them."""

import io

import numpy as np
from PIL import Image

SIDE = 24
KINDS = {
    "png": ("RGB", {}), "jpg": ("RGB", {}), "webp": ("RGB", {}), "tif": ("RGB", {"compression": "tiff_lzw"}),
    "bmp": ("RGB", {}), "gray.png": ("L", {}), "palette.png": ("P", {}), "alpha.webp": ("RGBA", {"lossless": True}),
    "progressive.jpg": ("RGB", {"progressive": True}), "cmyk.jpg": ("CMYK", {}), "deep.png": ("I;16", {}),
    "jpeg.tif": ("RGB", {"compression": "jpeg"}),
}  # fmt: skip
FORMATS = {"jpg": "JPEG", "tif": "TIFF"}


def good(kind, seed=0, side=SIDE):
    """The bytes of a picture."""
    mode, options = KINDS[kind]
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)
    image = Image.fromarray(pixels)
    image = Image.fromarray(pixels[:, :, 0].astype(np.uint16) * 257) if mode == "I;16" else image.convert(mode)
    suffix = kind.rpartition(".")[2]
    buffer = io.BytesIO()
    image.save(buffer, FORMATS.get(suffix, suffix.upper()), **options)
    return buffer.getvalue()


def mutated(data, rng):
    """`data` with bytes flipped, cut, repeated, overwritten, or numbers in its header made huge."""
    data = bytearray(data)
    for _ in range(rng.integers(1, 4)):
        at = int(rng.integers(len(data))) if data else 0
        head = int(rng.integers(min(len(data), 64))) if data else 0
        how = int(rng.integers(6))
        if how == 0:
            del data[at:]
        elif how == 1:
            data[at : at + 1] = bytes(rng.integers(0, 256, 1, np.uint8))
        elif how == 2:
            data[head : head + 1] = bytes(rng.integers(0, 256, 1, np.uint8))
        elif how == 3:
            data[head : head + 4] = bytes(rng.choice([b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0"]))
        elif how == 4:
            data[at:at] = data[max(0, at - 40) : at]
        else:
            data[at : at + 30] = rng.bytes(30)
    return bytes(data)


def write_hostile(folder, count, seed=0):
    """Write `count` mutated pictures of all kinds."""
    rng = np.random.default_rng(seed)
    originals = {kind: good(kind) for kind in KINDS}
    for number in range(count):
        kind = list(KINDS)[number % len(KINDS)]
        (folder / f"{number:03}.{kind}").write_bytes(mutated(originals[kind], rng))
