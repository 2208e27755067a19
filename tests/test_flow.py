"""Motion between pictures, and repainted videos that hold still: flow, warping, the measure, blending."""

import cv2
import numpy as np
import pytest

from gluon_perceptual.evaluation.warping import warping_error
from gluon_perceptual.image.flow import is_visible, optical_flow, warp
from gluon_perceptual.image.io import Picture
from gluon_perceptual.video.steady import Steady

HEIGHT, WIDTH = 64, 96


def scene(seed=0, height=160, width=240):
    rng = np.random.default_rng(seed)
    picture = cv2.resize(
        rng.uniform(0, 255, (height // 8, width // 8, 3)), (width, height), interpolation=cv2.INTER_CUBIC
    )
    return np.clip(picture, 0, 255).astype(np.uint8)


def crop(picture, x, y):
    return np.ascontiguousarray(picture[y : y + HEIGHT, x : x + WIDTH])


def pan(count, step=(3, 2)):
    """Frames of a camera that moves, and the flow from each to the one before."""
    picture = scene()
    frames = [crop(picture, step[0] * k, step[1] * k) for k in range(count)]
    return frames, np.broadcast_to(np.float32(step), (HEIGHT, WIDTH, 2))


def zoom(count, noise=4.0, factor=1.02):
    """Frames of a zoom with noise, and the flow from each to the one before."""
    picture, rng, frames = scene(), np.random.default_rng(1), []
    center = np.float32([WIDTH / 2, HEIGHT / 2])
    for k in range(count):
        scale = factor**k
        inverse = np.float32([[1 / scale, 0, 120 - center[0] / scale], [0, 1 / scale, 80 - center[1] / scale]])
        frame = cv2.warpAffine(
            picture,
            inverse,
            (WIDTH, HEIGHT),
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REFLECT,
        )
        frames.append(np.clip(frame + rng.normal(0, noise, frame.shape), 0, 255).astype(np.uint8))
    rows, columns = np.indices((HEIGHT, WIDTH), np.float32)
    there = np.dstack([columns, rows]) - center
    return frames, there / factor - there


def flickering():
    """A painter whose texture changes from frame to frame."""
    rng = np.random.default_rng(2)

    def work(picture):
        texture = rng.normal(0, 25, picture.color.shape)
        return Picture(np.clip(255 - picture.color + texture, 0, 255).astype(np.uint8))

    return work


def inside(flow):
    rows, columns = np.indices(flow.shape[:2])
    x, y = columns + flow[:, :, 0], rows + flow[:, :, 1]
    return (x >= 0) & (x <= WIDTH - 1) & (y >= 0) & (y <= HEIGHT - 1)


def test_warping_moves_whole_pixels_exactly():
    frames, flow = pan(2)
    np.testing.assert_array_equal(warp(frames[0], flow)[inside(flow)], frames[1][inside(flow)])


@pytest.mark.parametrize("motion", [pan, zoom])
def test_flow_is_the_true_one(motion):
    frames, true = motion(2)
    found = optical_flow(frames[1], frames[0])
    assert np.abs(found - true)[8:-8, 8:-8].mean() < 0.5


def test_what_enters_the_picture_is_not_visible_before():
    frames, _ = pan(2, (12, 0))
    visible = is_visible(optical_flow(frames[1], frames[0]), optical_flow(frames[0], frames[1]))
    assert not visible[:, -8:].any()
    assert visible[8:-8, 8:-24].mean() > 0.9


def test_small_pictures_do_not_move():
    assert not optical_flow(np.zeros((8, 8, 3), np.uint8), np.ones((8, 8, 3), np.uint8)).any()


def test_the_error_of_what_moves_along_is_0():
    frames, flow = pan(2)
    assert warping_error(frames[1], frames[0], flow, inside(flow)) == 0
    assert warping_error(frames[1] + 0.5, frames[0], flow, inside(flow)) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="no pixel"):
        warping_error(frames[1], frames[0], flow, np.zeros((HEIGHT, WIDTH), bool))


def errors(frames, flow, work):
    results = [work(Picture(frame)).color for frame in frames]
    return np.mean([warping_error(new, old, flow, inside(flow)) for old, new in zip(results, results[1:])])


@pytest.mark.parametrize("motion", [pan, zoom])
def test_steady_results_move_at_most_half_as_much(motion):
    frames, flow = motion(6)
    by_themselves, steady = errors(frames, flow, flickering()), errors(frames, flow, Steady(flickering()))
    assert steady < by_themselves / 2


def test_nothing_is_left_after_a_cut():
    steady, frames = Steady(lambda picture: picture), [scene(3, HEIGHT, WIDTH), 255 - scene(4, HEIGHT, WIDTH)]
    results = [steady(Picture(frame)).color for frame in frames]
    np.testing.assert_array_equal(results[1], frames[1])


@pytest.mark.parametrize("width", [2**15 - 2, 2**15])
def test_frames_wider_than_opencv_warps_stay_as_they_are(width):
    steady, frame = Steady(lambda picture: picture), Picture(np.zeros((16, width, 3), np.uint8))
    for _ in range(2):
        np.testing.assert_array_equal(steady(frame).color, frame.color)


def test_a_moving_thing_leaves_no_trail():
    background, frames = scene(5, HEIGHT, WIDTH) // 2, []
    for k in range(6):
        frame = background.copy()
        frame[20:44, 10 + 9 * k : 30 + 9 * k] = (255, 40, 40)
        frames.append(frame)
    steady = Steady(lambda picture: picture)
    for frame in frames:
        result = steady(Picture(frame)).color
    assert np.abs(result.astype(int) - frames[-1]).mean() < 2
    assert np.abs(result.astype(int) - frames[-1])[20:44, :46].mean() < 4


def test_nothing_of_a_fade_stays():
    start, steady = scene(7, HEIGHT, WIDTH), Steady(lambda picture: picture)
    for brightness in (*np.linspace(1, 0, 30), *[0] * 30):
        result = steady(Picture((start * brightness).astype(np.uint8))).color
    np.testing.assert_array_equal(result, 0)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_first_frame_and_another_size_are_as_they_are(dtype):
    steady = Steady(lambda picture: picture)
    for height in (HEIGHT, 40):
        frame = scene(6, HEIGHT, WIDTH)[:height].astype(dtype)
        result = steady(Picture(frame)).color
        assert result.dtype == dtype
        np.testing.assert_array_equal(result, frame)
