import io

import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut

from gluon_perceptual.errors import UserError
from gluon_perceptual.image.jpeg import SUBSAMPLINGS, compress, file_quality, quality_of


@pytest.fixture(scope="module")
def photo():
    return np.ascontiguousarray(astronaut()[30:94, 180:260])


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_the_quality_of_a_file_is_that_it_was_saved_at(photo, tmp_path, mode):
    for quality in range(10, 101):
        path = tmp_path / "a.jpg"
        Image.fromarray(photo).convert(mode).save(path, quality=quality)
        assert file_quality(path) == quality


def test_tables_of_other_programs_are_placed_by_how_coarse_they_are():
    assert quality_of({1: [3] * 64, 2: [200] * 64}) == quality_of({0: [3] * 64})  # numbers are free
    flat = [quality_of({0: [step] * 64}) for step in (1, 3, 10, 40, 200)]
    assert flat == sorted(flat, reverse=True)
    assert flat[0] == 100
    assert flat[-1] < 25


def test_what_is_no_jpeg_has_no_quality(photo, tmp_path):
    Image.fromarray(photo).save(tmp_path / "a.png")
    assert file_quality(tmp_path / "a.png") is None
    (tmp_path / "a.jpg").write_bytes(b"broken")
    with pytest.raises(UserError, match=r"a\.jpg: not a PNG"):
        file_quality(tmp_path / "a.jpg")


@pytest.mark.parametrize("subsampling", SUBSAMPLINGS)
def test_compressing_is_saving_and_reading(photo, subsampling):
    errors = []
    for quality in (20, 60, 95):
        file = io.BytesIO()
        Image.fromarray(photo).save(file, "JPEG", quality=quality, subsampling=subsampling)
        back = compress(photo, quality, subsampling)
        np.testing.assert_array_equal(back, np.array(Image.open(file)))
        errors.append(np.mean((back.astype(float) - photo) ** 2))
    assert errors == sorted(errors, reverse=True)
    assert compress(photo[:, :, 0], 50).shape == photo.shape[:2]


def test_chroma_at_half_the_size_costs(photo):
    half, whole = (np.abs(compress(photo, 95, kind).astype(float) - photo).mean() for kind in SUBSAMPLINGS)
    assert half > whole


@pytest.mark.parametrize("quality", [0, 101])
def test_other_qualities_are_refused(photo, quality):
    with pytest.raises(UserError, match="expected 1 to 100"):
        compress(photo, quality)
