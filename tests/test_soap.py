"""SOAP: the arithmetic of its authors' algorithm, in NumPy, and what it is for."""

import numpy as np
import pytest

from gluon_perceptual._mxnet import mx
from gluon_perceptual.training.soap import FLOOR, SOAP, axes_of, covariances_of, rotated

SHAPES = [(6, 4, 3, 3), (8, 5, 2, 2), (6, 6)]  # no axis is longer than the others together: it has all eigenvectors


class Reference:
    """Algorithm 3 of the paper for an array of any number of axes, with NumPy's own eigenvectors and QR.

    What the paper leaves open is as in the authors' code: covariances start at 0, the first gradient changes nothing,
    and bases are sorted before a step of the power iteration.
    """

    def __init__(self, weight, rate, beta1=0.9, beta2=0.99, decay=0.95, every=10):
        self.weight, self.rate, self.betas, self.decay, self.every = weight.copy(), rate, (beta1, beta2), decay, every
        self.mean, self.variance, self.count = np.zeros_like(weight), np.zeros_like(weight), 0

    @staticmethod
    def along(array, matrices):
        for axis, matrix in enumerate(matrices):
            array = np.moveaxis(np.tensordot(matrix, array, (1, axis)), 0, axis)
        return array

    def update(self, gradient):
        axes = range(gradient.ndim)
        measured = [np.tensordot(gradient, gradient, [[k for k in axes if k != axis]] * 2) for axis in axes]
        if not self.count:
            self.covariances = [(1 - self.decay) * matrix for matrix in measured]
            self.bases = [np.linalg.eigh(matrix)[1][:, ::-1] for matrix in measured]
            self.count = 1
            return
        (b1, b2), t = self.betas, self.count
        back, there = self.bases, [basis.T for basis in self.bases]
        self.mean = b1 * self.mean + (1 - b1) * gradient
        self.variance = b2 * self.variance + (1 - b2) * self.along(gradient, there) ** 2
        deviation = np.sqrt(self.variance / (1 - b2**t))
        change = self.along(self.mean, there) / (1 - b1**t) / (deviation + FLOOR * deviation.max())
        self.weight -= self.rate * self.along(change, back)
        self.covariances = [self.decay * c + (1 - self.decay) * m for c, m in zip(self.covariances, measured)]
        self.count += 1
        if self.count % self.every == 0:
            for axis in axes:
                covariance, basis = self.covariances[axis], self.bases[axis]
                order = np.argsort(-np.diag(basis.T @ covariance @ basis))
                self.variance = np.take(self.variance, order, axis)
                self.bases[axis] = np.linalg.qr(covariance @ basis[:, order])[0]


def quadratic(shape, seed=0):
    """Return a start and the gradient of a loss that is far from round, along directions that are not the axes'."""
    random = np.random.default_rng(seed)
    shape = (*shape[:2], int(np.prod(shape[2:]))) if len(shape) > 2 else shape
    rotations = [np.linalg.qr(random.normal(size=(size, size)))[0] for size in shape]
    steep = [np.geomspace(1, 1e-2, size) for size in shape]
    curvatures = [rotation @ np.diag(values) @ rotation.T for rotation, values in zip(rotations, steep)]
    return random.normal(size=shape), lambda weight: Reference.along(weight, curvatures)


@pytest.mark.parametrize("shape", SHAPES)
def test_updates_are_those_of_the_paper(shape):
    start, gradient_at = quadratic(shape)
    random, every = np.random.default_rng(1), 4
    expected = Reference(start, 0.01, every=every)
    weight = mx.nd.array(start.reshape(shape))
    update = mx.optimizer.get_updater(SOAP(learning_rate=0.01, every=every))
    for _ in range(3 * every):
        gradient = gradient_at(expected.weight) + random.normal(size=start.shape)
        expected.update(gradient)
        update(0, mx.nd.array(gradient.reshape(shape)), weight)
    assert np.abs(expected.weight - start).max() > 0.03
    np.testing.assert_allclose(weight.asnumpy().reshape(start.shape), expected.weight, atol=2e-5)


def test_weights_of_one_axis_get_adams_update():
    random = np.random.default_rng(2)
    start = random.normal(size=7)
    options = {"learning_rate": 0.01, "beta2": 0.99}
    mine, expected = (mx.nd.array(start) for _ in range(2))
    update, adam = (mx.optimizer.get_updater(kind(**options)) for kind in (SOAP, mx.optimizer.Adam))
    for _ in range(5):
        gradient = mx.nd.array(random.normal(size=7))
        update(0, gradient, mine)
        adam(0, gradient, expected)
    np.testing.assert_array_equal(mine.asnumpy(), expected.asnumpy())
    assert (mine.asnumpy() != start).all()


def test_it_needs_fewer_steps_than_adam_where_steep_directions_are_not_the_axes():
    start, gradient_at = quadratic((8, 6, 3, 3))

    def end(kind):
        weight = mx.nd.array(0.3 * start)
        update = mx.optimizer.get_updater(kind(learning_rate=0.01, beta2=0.99))
        for _ in range(200):
            update(0, mx.nd.array(gradient_at(weight.asnumpy())), weight)
        return float((weight.asnumpy() * gradient_at(weight.asnumpy())).sum())

    assert end(SOAP) < 0.01 * end(mx.optimizer.Adam)


def test_rotations_are_undone_by_their_transposes_and_diagonalize_covariances():
    array = mx.nd.array(np.random.default_rng(3).normal(size=(4, 3, 2, 2)))
    bases = [mx.nd.linalg.syevd(covariance)[0].T for covariance in covariances_of(array)]
    turned = rotated(array, bases)
    for covariance in covariances_of(turned):
        values = covariance.asnumpy()
        np.testing.assert_allclose(values, np.diag(np.diag(values)), atol=1e-4)
    np.testing.assert_allclose(rotated(turned, [basis.T for basis in bases]).asnumpy(), array.asnumpy(), atol=1e-5)
    assert [axes_of(mx.nd.zeros(shape)) for shape in ((2,), (2, 3), (2, 3, 5, 7))] == [(), (2, 3), (2, 3, 35)]


@pytest.mark.parametrize("scale", [0.0, 1e-20, 1e9])
def test_gradients_of_any_size_leave_weights_finite(scale):
    weight = mx.nd.ones((3, 2, 3, 3))
    update = mx.optimizer.get_updater(SOAP(learning_rate=0.01, every=2))
    random = np.random.default_rng(4)
    for _ in range(7):
        update(0, mx.nd.array(scale * random.normal(size=weight.shape)), weight)
    assert np.isfinite(weight.asnumpy()).all()
    assert np.abs(weight.asnumpy() - 1).max() <= 7 * 0.01 * 54**0.5


def test_devices_stay_the_same():
    devices = [mx.cpu(0), mx.cpu(1)]
    net = mx.gluon.nn.Conv2D(6, 3, in_channels=4)
    net.initialize(ctx=devices)
    trainer = mx.gluon.Trainer(net.collect_params(), SOAP(learning_rate=0.01, every=2), update_on_kvstore=False)
    start = net.weight.data(devices[0]).asnumpy()
    pictures = mx.nd.array(np.random.default_rng(5).normal(size=(4, 4, 9, 9)))
    for _ in range(7):
        with mx.autograd.record():
            losses = [(net(part) ** 2).sum() for part in mx.gluon.utils.split_and_load(pictures, devices)]
        mx.autograd.backward(losses)
        trainer.step(4)
    one, other = (net.weight.data(device).asnumpy() for device in devices)
    np.testing.assert_array_equal(one, other)
    assert np.abs(one - start).min() > 0


def test_devices_that_round_differently_stay_together():
    """Where there is no gradient, its rounding errors have eigenvectors, too."""
    random = np.random.default_rng(6)
    mixing = random.normal(size=(16, 6))  # 10 of 16 directions have no gradient
    weights = [mx.nd.zeros((16, 8, 3, 3)) for _ in range(2)]
    updates = [mx.optimizer.get_updater(SOAP(learning_rate=0.01)) for _ in weights]
    for _ in range(50):
        gradient = 1e5 * np.tensordot(mixing, random.normal(size=(6, 8, 3, 3)), 1).astype(np.float32)
        rounded = np.nextafter(gradient, gradient * random.choice([-1, 3], gradient.shape))
        for update, weight, values in zip(updates, weights, (gradient, rounded)):
            update(0, mx.nd.array(values), weight)
    one, other = (weight.asnumpy() for weight in weights)
    assert np.abs(one).max() > 0.1
    np.testing.assert_allclose(one, other, atol=1e-3)


def test_gradients_are_clipped_as_adam_clips_them():
    weight = mx.nd.ones((3, 4))
    update = mx.optimizer.get_updater(SOAP(learning_rate=0.01, epsilon=1.0, clip_gradient=1e-6))
    for _ in range(3):
        update(0, 1e6 * mx.nd.ones((3, 4)), weight)
    np.testing.assert_allclose(weight.asnumpy(), 1, atol=1e-6)
