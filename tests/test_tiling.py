import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluon_perceptual.errors import UserError
from gluon_perceptual.image.tiling import map_tiles, plan, plan_axis


@given(st.integers(1, 500), st.integers(1, 80), st.integers(0, 20))
def test_spans_cover_once_with_halo(length, window, halo):
    if length > window and window <= 2 * halo:
        with pytest.raises(UserError, match="tiles of"):
            plan_axis(length, window, halo)
        return
    spans = plan_axis(length, window, halo)
    kept = [pixel for span in spans for pixel in range(span.keep_start, span.keep_stop)]
    assert kept == list(range(length))
    (side,) = {span.stop - span.start for span in spans}
    assert side <= window
    if length > window:  # one fewer would not do, nor would smaller ones
        assert (len(spans) - 1) * (window - 2 * halo) + 2 * halo < length
        assert len(spans) * (side - 1 - 2 * halo) + 2 * halo < length
    for span in spans:
        assert span.start == 0 or span.keep_start - span.start >= halo
        assert span.stop == length or span.stop - span.keep_stop >= halo


def test_tiles_put_together_equal_the_whole():
    image = np.random.default_rng(0).integers(0, 255, (37, 53, 3)).astype(np.int64)

    def work(window):  # each pixel looks 3 around itself, the border repeated, and becomes 2×2
        padded = np.pad(window, ((3, 3), (3, 3), (0, 0)), mode="edge")
        total = sum(
            padded[i : i + window.shape[0], j : j + window.shape[1]] * (i + 2 * j + 1)
            for i in range(7)
            for j in range(7)
        )
        return total.repeat(2, axis=0).repeat(2, axis=1)

    result = np.zeros((74, 106, 3), np.int64)
    for rows, columns, values in map_tiles(image, work, 2, plan(37, 53, 16, 3)):
        result[rows, columns] = values
    np.testing.assert_array_equal(result, work(image))
