import numpy as np
import pytest
from helpers import built, randomize
from scipy.ndimage import correlate

from gluon_perceptual._mxnet import mx
from gluon_perceptual._mxnet.gluon import parameters_of, values_of
from gluon_perceptual.checkpoint.loading import load_parameters
from gluon_perceptual.checkpoint.model import load_with_spec, save_model, with_lowpass
from gluon_perceptual.checkpoint.spec import ModelSpec
from gluon_perceptual.choices import Output, of
from gluon_perceptual.errors import UserError
from gluon_perceptual.image.color import rgb_to_ycbcr
from gluon_perceptual.nets import StyleNet, SuperResolutionNet
from gluon_perceptual.nets.lowpass import LowPass
from gluon_perceptual.nets.lowpass_kernel import cutoff_of, lowpass_kernel

ARGUMENTS = {"scale": 2, "width": 4, "blocks": 1, "norm": "none", "skip": True}


def gain(kernel, frequency, angle):
    """What is left of a wave's height, by its direction."""
    half = len(kernel) // 2
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    return np.sum(kernel * np.cos(2 * np.pi * frequency * (x * np.cos(angle) + y * np.sin(angle))))


def low_pass(cutoff, step):
    block = LowPass(cutoff, step)
    block.initialize()
    return block


@pytest.mark.parametrize("cutoff", [0.25, 0.3, 0.35])
def test_waves_are_kept_and_lost_by_their_frequency_alone(cutoff):
    kernel = lowpass_kernel(cutoff)
    assert kernel.sum() == pytest.approx(1, abs=1e-12)
    np.testing.assert_array_equal(kernel, kernel.T)
    np.testing.assert_array_equal(kernel, kernel[::-1])
    for share, expected in ((0.5, 1.0), (1, 0.47), (1.35, 0.0)):
        gains = [gain(kernel, share * cutoff, angle) for angle in np.radians([0, 20, 45])]
        assert gains[0] == pytest.approx(expected, abs=0.1)
        np.testing.assert_allclose(gains, gains[0], atol=0.02)


@pytest.mark.parametrize("hybrid", [False, True])
@pytest.mark.parametrize("step", [2, 4, 8])
def test_planes_are_filtered_as_by_scipy(step, hybrid):
    x = np.random.default_rng(0).normal(size=(2, 3, 2 * step, 3 * step)).astype(np.float32)
    expected = [[correlate(plane, lowpass_kernel(0.3), mode="nearest") for plane in planes] for planes in x]
    block = low_pass(0.3, step)
    if hybrid:
        block.hybridize(static_alloc=True, static_shape=True)
    np.testing.assert_allclose(block(mx.nd.array(x)).asnumpy(), expected, atol=1e-5)


@pytest.mark.parametrize("step", [1, 2, 4])
def test_luma_and_chroma_are_filtered_each_by_its_own_kernel(step):
    """In YCbCr by scipy, plane by plane."""

    def planes(rgb):
        return rgb_to_ycbcr(rgb.transpose(1, 2, 0)).transpose(2, 0, 1)

    x = np.random.default_rng(0).uniform(0, 255, (2, 3, 12, 8)).astype(np.float32)
    for before, after in zip(x, low_pass([0.35, 0.2], step)(mx.nd.array(x)).asnumpy()):
        kernels = map(lowpass_kernel, (0.35, 0.2, 0.2))
        expected = [correlate(plane, kernel, mode="nearest") for plane, kernel in zip(planes(before), kernels)]
        np.testing.assert_allclose(planes(after), expected, atol=1e-3)


@pytest.mark.parametrize("cutoff", [0.3, [0.3, 0.15]], ids=str)
def test_flat_stays_flat_up_to_the_border(cutoff):
    flat = low_pass(cutoff, 4)(mx.nd.full((1, 3, 8, 12), 100.0)).asnumpy()
    np.testing.assert_allclose(flat, 100, rtol=1e-6)


@pytest.mark.parametrize("cutoff", [0.3, [0.3, 0.2]], ids=str)
def test_the_gradient_is_that_of_a_linear_map(cutoff):
    """⟨A x, h⟩ = ⟨x, Aᵀ h⟩, with the gradient of ⟨A x, h⟩ for Aᵀ h."""
    x, head = (mx.nd.random.normal(shape=(1, 3, 8, 12)) for _ in range(2))
    x.attach_grad()
    with mx.autograd.record():
        product = (low_pass(cutoff, 4)(x) * head).sum()
    product.backward()
    assert float((x * x.grad).sum().asscalar()) == pytest.approx(float(product.asscalar()), rel=1e-4)


def alike(net, other):
    """Give two networks the same random parameters; the other has a low-pass besides."""
    randomize(net)
    other.initialize()
    for name, value in parameters_of(net).items():
        parameters_of(other)[name].set_data(value.data())
    return net, other


def test_only_what_the_network_adds_is_filtered():
    nets = alike(SuperResolutionNet(**ARGUMENTS), SuperResolutionNet(**ARGUMENTS, lowpass=0.3))
    x = mx.nd.random.uniform(0, 255, (1, 3, 9, 7))
    bicubic = nets[0].enlarge(x).asnumpy()
    added = nets[0](x).asnumpy() - bicubic
    expected = bicubic[0] + [correlate(plane, lowpass_kernel(0.3), mode="nearest") for plane in added[0]]
    np.testing.assert_allclose(nets[1](x).asnumpy()[0], expected, atol=2e-3)


@pytest.mark.parametrize("output", of(Output))
def test_a_style_networks_output_is_filtered(output):
    nets = alike(StyleNet(2, output=output), StyleNet(2, output=output, lowpass=0.3))
    x = mx.nd.random.uniform(0, 255, (1, 3, 16, 24))
    expected = [correlate(plane, lowpass_kernel(0.3), mode="nearest") for plane in nets[0](x).asnumpy()[0]]
    np.testing.assert_allclose(nets[1](x).asnumpy()[0], expected, atol=2e-3)


@pytest.mark.parametrize("cutoff", [0.1, 0.25, 0.3, 0.457, 0.5, [0.3, 0.22], [0.25, 0.4], [0.3, 0.3]], ids=str)
def test_the_cutoff_is_told_by_the_filters_also_in_float16(cutoff):
    assert cutoff_of(low_pass(cutoff, 2).filters.data().asnumpy().astype(np.float16)) == cutoff


@pytest.mark.parametrize("shape", [(16, 1, 12, 12), (48, 3, 12, 12)])
@pytest.mark.parametrize("value", [np.inf, np.nan, 1e308])
def test_damaged_filters_are_taken_for_some_low_pass(value, shape):
    """Without a warning; that they are not its filters is found when they are loaded."""
    for cutoff in np.atleast_1d(cutoff_of(np.full(shape, value))):
        assert 0.1 <= cutoff <= 0.5


STYLE = {"width": 2, "norm": "instance", "upsampling": "nearest", "output": "linear"}


@pytest.mark.parametrize("cutoff", [0.3, [0.3, 0.22]], ids=str)
@pytest.mark.parametrize(
    ("network", "arguments", "layer"), [("SuperResolutionNet", ARGUMENTS, "tail"), ("StyleNet", STYLE, "decode.3")]
)
def test_a_model_gets_a_low_pass(network, arguments, layer, cutoff, tmp_path):
    spec = ModelSpec(network, arguments)
    model, path = built(spec), tmp_path / "model.params"
    save_model(path, *with_lowpass(model, spec, cutoff))
    loaded, found = load_with_spec(path)
    assert found.arguments == {**spec.arguments, "lowpass": cutoff}
    before, after = (values_of(each.net)[f"{layer}.weight"] for each in (model, loaded))
    np.testing.assert_array_equal(after, before)
    path.with_suffix(".json").unlink()
    assert load_with_spec(path)[1].arguments["lowpass"] == cutoff
    other = 0.4 if cutoff == 0.3 else [0.3, 0.3]
    with pytest.raises(UserError, match=r"lowpass\.filters differs from this network's constant"):
        load_parameters(type(model.net)(**spec.arguments, lowpass=other), path)
    with pytest.raises(UserError, match=r"lowpass\.filters"):
        load_parameters(type(model.net)(**spec.arguments, lowpass=0.3 if cutoff != 0.3 else [0.3, 0.22]), path)


@pytest.mark.parametrize("cutoff", [0.4, [0.3, 0.22]], ids=str)
def test_a_low_pass_is_replaced(cutoff):
    spec = ModelSpec("StyleNet", STYLE)
    model = built(spec)
    replaced, found = with_lowpass(*with_lowpass(model, spec, 0.3), cutoff)
    x = mx.nd.random.uniform(0, 255, (1, 3, 16, 24))
    np.testing.assert_array_equal(replaced(x).asnumpy(), with_lowpass(model, spec, cutoff)[0](x).asnumpy())
    assert found.arguments["lowpass"] == cutoff


def test_other_networks_have_none():
    spec = ModelSpec("FastNeuralStyleNet", {"width": 2, "norm": "instance"})
    with pytest.raises(UserError, match="FastNeuralStyleNet: only a SuperResolutionNet or StyleNet can have"):
        with_lowpass(built(spec), spec, 0.3)


@pytest.mark.parametrize(
    ("cutoff", "message"),
    [
        *((cutoff, "expected 0.1 to 0.5 cycles per pixel") for cutoff in (0, 0.7, float("nan"), [0.3, 0.7])),
        *((cutoff, "expected a number") for cutoff in ([0.3], [0.3, 0.2, 0.1], "ab", ["0.3", "0.2"], [None, 0.3])),
    ],
    ids=str,
)
def test_cutoffs_that_are_none(cutoff, message):
    with pytest.raises(UserError, match=message):
        SuperResolutionNet(**ARGUMENTS, lowpass=cutoff)


def test_without_bicubic_enlargement_there_is_nothing_to_filter():
    with pytest.raises(UserError, match="it needs `skip`"):
        SuperResolutionNet(2, lowpass=0.3)
