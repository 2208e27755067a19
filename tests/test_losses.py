import numpy as np
import pytest

from gluon_perceptual._mxnet import mx
from gluon_perceptual.errors import UserError
from gluon_perceptual.losses import (
    FeatureLoss,
    GridLoss,
    PerceptualLoss,
    PixelLoss,
    StyleLoss,
    TotalVariationLoss,
    functional,
)

RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(2, 3, 5, 4)), RNG.normal(size=(2, 3, 5, 4))


def gram(x):
    n, c, h, w = x.shape
    flat = x.reshape(n, c, h * w)
    return flat @ flat.transpose(0, 2, 1) / (c * h * w)


REFERENCES = {
    "squared_error": lambda a: ((a - B) ** 2).mean(axis=(1, 2, 3)),
    "absolute_error": lambda a: np.abs(a - B).mean(axis=(1, 2, 3)),
    "total_variation": lambda a: (np.diff(a, axis=2) ** 2).sum((1, 2, 3)) + (np.diff(a, axis=3) ** 2).sum((1, 2, 3)),
    "mean_absolute_variation": lambda a: (
        np.abs(np.diff(a, axis=2)).mean((1, 2, 3)) + np.abs(np.diff(a, axis=3)).mean((1, 2, 3))
    ),
    "isotropic_variation": lambda a: (
        np.sqrt(np.diff(a, axis=2, append=a[:, :, -1:]) ** 2 + np.diff(a, append=a[..., -1:]) ** 2 + 1) - 1
    ).mean((1, 2, 3)),
    "range_error": lambda a: 2 * (np.minimum(a, 0) ** 2).mean((1, 2, 3)) + (np.maximum(a, 0) ** 2).mean((1, 2, 3)),
    "style_error": lambda a: ((gram(a) - gram(B)) ** 2).sum((1, 2)),
}


def ours(name, x):
    if name == "style_error":
        grams = [functional.gram_matrix(mx.nd, values) for values in (x, mx.nd.array(B, dtype="float64"))]
        return functional.style_error(mx.nd, *grams)
    if name == "range_error":  # below 0, counted twice, and above 255
        return 2 * functional.range_error(mx.nd, x) + functional.range_error(mx.nd, x + 255)
    if name.endswith("variation"):
        return getattr(functional, name)(mx.nd, x)
    return getattr(functional, name)(mx.nd, x, mx.nd.array(B, dtype="float64"))


@pytest.mark.parametrize("name", REFERENCES)
def test_value_and_gradient(name):
    x = mx.nd.array(A, dtype="float64")
    x.attach_grad()
    with mx.autograd.record():
        y = ours(name, x)
    y.backward()
    np.testing.assert_allclose(y.asnumpy(), REFERENCES[name](A), rtol=1e-10)
    numeric, step = np.zeros_like(A), 1e-6
    for index in np.ndindex(*A.shape):
        for sign in (1, -1):
            moved = A.copy()
            moved[index] += sign * step
            numeric[index] += sign * REFERENCES[name](moved).sum() / (2 * step)
    np.testing.assert_allclose(x.grad.asnumpy(), numeric, rtol=1e-5, atol=1e-7)


def test_grid_error_is_the_mean_at_each_place_of_a_cell():
    error = RNG.normal(size=(2, 3, 24, 24))  # 12×12 cells: windows at 0 and 4, of 8 each
    places = [error[:, :, y::2, x::2] for y in range(2) for x in range(2)]
    corners = [(top, left) for top in (0, 4) for left in (0, 4)]
    windows = [place[:, :, top : top + 8, left : left + 8] for place in places for top, left in corners]
    expected = np.mean([window.mean(axis=(2, 3)) ** 2 for window in windows], axis=(0, 2))
    truth = mx.nd.array(RNG.uniform(0, 255, error.shape), dtype="float64")
    x, way = truth + mx.nd.array(error, dtype="float64"), RNG.normal(size=error.shape)
    x.attach_grad()
    with mx.autograd.record():
        y = functional.grid_error(mx.nd, x, truth, 2)
    y.backward()
    np.testing.assert_allclose(y.asnumpy(), expected, rtol=1e-10)
    up, down = (
        functional.grid_error(mx.nd, x + sign * mx.nd.array(way, dtype="float64"), truth, 2) for sign in (1, -1)
    )
    slope = (up - down).sum().asscalar() / 2  # exact: the error is quadratic
    assert np.sum(x.grad.asnumpy() * way) == pytest.approx(slope, rel=1e-8)


def test_dots_have_grid_error_and_noise_next_to_none():
    flat, dots, noise = (np.full((1, 3, 64, 64), 100.0) for _ in range(3))
    dots[:, :, ::2, ::2] += 4
    noise += RNG.normal(0, 2, noise.shape)  # as much squared error as the dots
    ours = [float(functional.grid_error(mx.nd, mx.nd.array(a), mx.nd.array(flat), 2).asscalar()) for a in (dots, noise)]
    assert ours[0] == pytest.approx(4**2 / 4)
    assert ours[1] < 0.05 * ours[0]


def test_style_is_defined_for_pictures_of_other_sizes():
    large = np.tile(A, (1, 1, 3, 2))  # the same statistics
    grams = [functional.gram_matrix(mx.nd, mx.nd.array(values)) for values in (A, large)]
    np.testing.assert_allclose(functional.style_error(mx.nd, *grams).asnumpy(), 0, atol=1e-10)


def tiny_loss_network():
    """Two layers of fixed random convolutions, smooth so that finite differences work."""

    class Tiny(mx.gluon.HybridBlock):
        layers = ("one", "two")

        def __init__(self):
            super().__init__()
            self.a = mx.gluon.nn.Conv2D(4, 3, in_channels=3, activation="tanh")
            self.b = mx.gluon.nn.Conv2D(5, 3, in_channels=4, activation="tanh")

        def hybrid_forward(self, F, x):
            first = self.a(x / 100)
            return [first, self.b(first)]

    mx.random.seed(3)
    net = Tiny()
    net.initialize(mx.init.Normal(0.3))
    net.cast("float64")
    net.collect_params().setattr("grad_req", "null")
    return net


def test_the_loss_is_the_weighted_sum_of_its_terms_and_its_gradient_is_numeric():
    weights = {FeatureLoss("two"): 2.0, StyleLoss("one"): 30.0, StyleLoss("two"): 5.0, PixelLoss(): 1e-3}
    loss = PerceptualLoss({**weights, TotalVariationLoss(): 1e-4, GridLoss(2): 0.0}, tiny_loss_network())
    picture = RNG.uniform(0, 255, (1, 3, 7, 6))
    targets = loss.targets(mx.nd.array(RNG.uniform(0, 255, (1, 3, 7, 6)), dtype="float64"))

    def total(values):
        terms = loss.terms(mx.nd.array(values, dtype="float64"), targets)
        assert set(terms) == {"feature:two", "style:one", "style:two", "pixel", "tv"}
        expected = sum(loss.weights[name] * float(term.asscalar()) for name, term in terms.items())
        result = float(loss.total(terms).asscalar())
        assert result == pytest.approx(expected, rel=1e-12)
        return result

    x = mx.nd.array(picture, dtype="float64")
    x.attach_grad()
    with mx.autograd.record():
        y = loss.total(loss.terms(x, targets))
    y.backward()
    for index in [(0, 0, 0, 0), (0, 1, 3, 2), (0, 2, 6, 5), (0, 0, 2, 4)]:
        up, down = picture.copy(), picture.copy()
        up[index] += 1e-3
        down[index] -= 1e-3
        numeric = (total(up) - total(down)) / 2e-3
        assert x.grad.asnumpy()[index] == pytest.approx(numeric, rel=1e-4, abs=1e-9)


def test_terms_vanish_at_the_target_and_hybrid_equals_imperative():
    network = tiny_loss_network()
    network.cast("float32")
    x = mx.nd.array(RNG.uniform(0, 255, (2, 3, 8, 8)))
    other = mx.nd.array(RNG.uniform(0, 255, (2, 3, 8, 8)))
    loss = PerceptualLoss({FeatureLoss("one"): 1.0, StyleLoss("two"): 1.0, PixelLoss("absolute"): 1.0}, network)
    for values in loss.terms(x, loss.targets(x)).values():
        np.testing.assert_array_equal(values.asnumpy(), 0)
    plain = {name: values.asnumpy() for name, values in loss.terms(other, loss.targets(x)).items()}
    loss.hybridize(static_alloc=True)
    for name, values in loss.terms(other, loss.targets(x)).items():
        np.testing.assert_allclose(values.asnumpy(), plain[name], rtol=1e-5)


def scene():
    """A gray picture, (1, 3, 160, 160), with an edge at column 40 and texture from column 80 on."""
    picture = np.full((1, 3, 160, 160), 100.0)
    picture[..., :40] = 20
    picture[..., 80:] = RNG.uniform(0, 255, (160, 80))
    return picture


@pytest.mark.parametrize("scale", [1, 2])
def test_texture_is_where_details_are_dense_and_not_at_an_edge(scale):
    found = functional.texture(mx.nd, mx.nd.array(scene()), scale).asnumpy()
    assert found.shape == (1, 1, 160, 160)
    assert not found[..., :70].any()
    np.testing.assert_array_equal(found[..., 90:], 1)


def test_texture_is_decided_by_what_the_network_sees():
    fine = 100.0 + 80 * (-1) ** np.add.outer(range(64), range(64)) * np.ones((1, 3, 1, 1))
    assert (functional.texture(mx.nd, mx.nd.array(fine), 1).asnumpy() == 1).all()
    assert not functional.texture(mx.nd, mx.nd.array(fine), 2).asnumpy().any()


def test_outside_of_textures_the_pixel_loss_alone_has_a_gradient():
    truth, gradients = mx.nd.array(scene(), dtype="float64"), {}
    output = truth + mx.nd.array(RNG.normal(0, 10, truth.shape), dtype="float64")
    output.attach_grad()
    for scale in (0, 2):
        loss = PerceptualLoss({FeatureLoss("two"): 1.0, PixelLoss(): 1e-9}, tiny_loss_network(), texture_scale=scale)
        loss.hybridize(static_alloc=True)
        with mx.autograd.record():
            total = loss.total(loss.terms(output, loss.targets(truth)))
        total.backward()
        gradients[scale] = output.grad.asnumpy()
    pixel = 2e-9 * (output - truth).asnumpy() / truth.size
    np.testing.assert_allclose(gradients[2][..., :70], pixel[..., :70], rtol=1e-9)
    assert np.median(np.abs(gradients[0][..., :70])) > 100 * np.abs(pixel).max()
    np.testing.assert_allclose(gradients[2][..., 96:], gradients[0][..., 96:], rtol=1e-9)


def test_mistakes_are_named():
    with pytest.raises(UserError, match="`texture_scale` leaves the rest to a pixel loss"):
        PerceptualLoss({FeatureLoss("two"): 1.0}, tiny_loss_network(), texture_scale=4)
    with pytest.raises(UserError, match="no term"):
        PerceptualLoss({})
    with pytest.raises(UserError, match="has one, two, but not relu9"):
        PerceptualLoss({FeatureLoss("relu9"): 1.0}, tiny_loss_network())
    with pytest.raises(UserError, match="two terms have the same name: pixel, pixel"):
        PerceptualLoss({PixelLoss(): 1.0, PixelLoss("absolute"): 1.0})
    with pytest.raises(UserError, match="`kind` 'cubed': expected one of squared, absolute"):
        PixelLoss("cubed")
    loss = PerceptualLoss({PixelLoss(): 1.0})
    with pytest.raises(UserError, match="needs a target"):
        loss.terms(mx.nd.zeros((1, 3, 4, 4)), {})
