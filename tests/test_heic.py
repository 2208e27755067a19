"""HEIC files, where pillow-heif has Pillow read and write them."""

import numpy as np
import pytest
from PIL import Image

from gluon_perceptual.errors import ImageError
from gluon_perceptual.image.formats import format_for
from gluon_perceptual.image.io import Picture, read_picture, read_size, write_picture

ORIENTATION, DATE = 274, 306
ROWS = np.linspace(0, 255, 48, dtype=np.uint8)[:, np.newaxis, np.newaxis] * np.ones((1, 64, 3), np.uint8)


@pytest.fixture(autouse=True)
def _heif():
    pytest.importorskip("pillow_heif", reason="HEIC needs pillow-heif: pip install pillow-heif")


def test_pixels_and_alpha_are_written_and_read(tmp_path):
    path, alpha = tmp_path / "x.heic", np.ascontiguousarray(ROWS[::-1, :, 0])
    write_picture(path, Picture(ROWS, alpha), quality=100)
    found = read_picture(path)
    assert np.abs(found.color.astype(int) - ROWS).max() <= 4
    assert np.abs(found.alpha.astype(int) - alpha).max() <= 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_stands_upright_once(tmp_path, orientation):
    """libheif turns it; the EXIF orientation is not obeyed a second time."""
    path, exif = tmp_path / "x.heic", Image.Exif()
    exif[ORIENTATION], exif[DATE] = orientation, "2024:05:06 07:08:09"
    Image.fromarray(ROWS).save(path, exif=exif, quality=100)
    with Image.open(path) as image:
        shown = np.asarray(image)
    found = read_picture(path)
    assert read_size(path) == found.color.shape[:2] == shown.shape[:2]
    assert np.array_equal(found.color, shown)
    write_picture(tmp_path / "y.jpg", found)
    with Image.open(tmp_path / "y.jpg") as image:
        written = image.getexif()
    assert written.get(ORIENTATION, 1) == 1
    assert written[DATE] == "2024:05:06 07:08:09"


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "x.heic"
    Image.fromarray(ROWS).save(path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ImageError, match=r"x\.heic"):
        read_picture(path)


def test_the_suffixes_are_known(tmp_path):
    assert {format_for(tmp_path / f"x{suffix}").name for suffix in (".heic", ".heif", ".HEIC")} == {"HEIF"}
