"""The loss of fine waves on plain ground."""

import numpy as np
import pytest

from gluon_perceptual._mxnet import mx
from gluon_perceptual.evaluation import spectrum
from gluon_perceptual.losses import PerceptualLoss, WaveLoss, waves

RNG = np.random.default_rng(0)
LOUD = np.s_[..., 32:]  # columns where `plain` has texture


BOTH = pytest.mark.parametrize("kind", waves.KINDS)


def plain():
    """A truth (2, 3, 48, 64): noise, weak in the left half and strong in the right one."""
    truth = 128 + RNG.normal(0, 2, (2, 3, 48, 64))
    truth[LOUD] += RNG.normal(0, 40, truth[LOUD].shape)
    return truth


def wave(height, frequency, angle=0.0, shape=(48, 64)):
    y, x = np.indices(shape)
    return height * np.cos(2 * np.pi * frequency * (x * np.cos(angle) + y * np.sin(angle)) + 1)


def reference(a, b, kind="waves"):
    """The error by NumPy: the half sum of all excesses over the full plane of frequencies, per picture."""
    counted = waves.KINDS[kind]
    side, step = counted.block, counted.block // 2
    frequencies = np.fft.fftfreq(side)
    fine = np.hypot.outer(frequencies, frequencies) > counted.fine
    hann = np.sin(np.pi * np.arange(side) / side) ** 2
    window = np.outer(hann, hann) * 2 / np.sqrt(np.sum(np.outer(hann, hann) ** 2) * side**2)

    def excess(a, b):
        powers = [np.abs(np.fft.fft2(block * window)) ** 2 for block in (a, b)]
        return np.sum(np.maximum(powers[0] - powers[1], 0) * fine) / 2 * (b.std() <= counted.smooth)

    rows, columns = (range(0, size - side + 1, step) for size in a.shape[2:])
    places = [np.s_[y : y + side, x : x + side] for y in rows for x in columns]
    return [
        np.mean([excess(p[place], q[place]) for p, q in zip(one, other) for place in places])
        for one, other in zip(a, b)
    ]


def error(a, b, kind="waves"):
    return waves.wave_error(mx.nd, *(mx.nd.array(values, dtype="float64") for values in (a, b)), kind)


@BOTH
def test_value_and_gradient(kind):
    truth = plain()
    output, way = truth + RNG.normal(0, 2, truth.shape), RNG.normal(size=truth.shape)
    x = mx.nd.array(output, dtype="float64")
    x.attach_grad()
    with mx.autograd.record():
        y = waves.wave_error(mx.nd, x, mx.nd.array(truth, dtype="float64"), kind)
    y.backward()
    np.testing.assert_allclose(y.asnumpy(), reference(output, truth, kind), rtol=1e-9)
    step = 1e-6
    slope = np.sum(
        error(output + step * way, truth, kind).asnumpy() - error(output - step * way, truth, kind).asnumpy()
    )
    assert np.sum(x.grad.asnumpy() * way) == pytest.approx(slope / (2 * step), rel=1e-5)
    assert not x.grad.asnumpy()[..., 48:].any()  # no block there is smooth


@pytest.mark.parametrize("frequency", [0.3, 0.35, 0.45])
@pytest.mark.parametrize("angle", [0.0, 0.6, np.pi / 2])
@BOTH
def test_a_wave_on_plain_ground_has_its_squared_height(frequency, angle, kind):
    flat = np.full((1, 3, 48, 64), 128.0)
    found = error(flat + wave(2, frequency, angle), flat, kind)
    assert float(found.asscalar()) == pytest.approx(4, rel={"waves": 0.02, "echoes": 0.2}[kind])


def test_echoes_beside_an_edge_are_seen_where_no_large_block_is_smooth():
    truth = np.full((1, 3, 48, 64), 20.0)
    truth[..., 24:] = 220
    fades = np.exp((np.arange(64) - 24) / 6) * (np.arange(64) < 24)
    output = truth + wave(30, 0.3) * fades
    assert error(output, truth, "waves").asscalar() < 0.01 * error(output, truth, "echoes").asscalar()


@BOTH
def test_coarse_waves_texture_and_the_truth_itself_cost_nothing(kind):
    flat, truth = np.full((1, 3, 48, 64), 128.0), plain()
    coarse = wave(5, {"waves": 0.15, "echoes": 0.01}[kind])
    assert error(flat + coarse, flat, kind).asscalar() < 0.01
    assert not error(truth, truth, kind).asnumpy().any()
    loud = truth[LOUD]
    assert not error(loud + wave(5, 0.4, shape=loud.shape[2:]), loud, kind).asnumpy().any()


def test_it_sees_what_the_evaluation_measures():
    assert waves.KINDS["waves"] == (spectrum.BLOCK, spectrum.SMOOTH, spectrum.FINE)
    flat, output = np.full((64, 64, 3), 128.0), np.full((64, 64, 3), 128.0)
    output += wave(1, 0.4, shape=(64, 64))[..., None]
    planes = (np.moveaxis(picture, -1, 0)[None] for picture in (output, flat))
    assert spectrum.weave(output, flat).mean ** 2 == pytest.approx(error(*planes).asscalar(), rel=0.2)


@BOTH
def test_as_a_term_of_a_hybrid_loss(kind):
    truth, loss = plain().astype(np.float32), PerceptualLoss({WaveLoss(kind): 2.0})
    loss.hybridize(static_alloc=True, static_shape=True)
    output = truth + wave(3, 0.35).astype(np.float32)
    terms = loss.terms(mx.nd.array(output), loss.targets(mx.nd.array(truth)))
    np.testing.assert_allclose(terms[kind].asnumpy(), reference(output, truth, kind), rtol=1e-4)
    np.testing.assert_allclose(loss.total(terms).asnumpy(), 2 * terms[kind].asnumpy())
