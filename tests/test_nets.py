import numpy as np
import pytest
from helpers import randomize

from gluon_perceptual._mxnet import mx
from gluon_perceptual.choices import Upsampling, of
from gluon_perceptual.errors import UserError
from gluon_perceptual.image.resize import imresize
from gluon_perceptual.nets.blocks import BicubicEnlargement, ResidualBlock, upsample
from gluon_perceptual.nets.pixels import PixelRangeAdapter
from gluon_perceptual.nets.plsr import PlsrNet
from gluon_perceptual.nets.super_resolution import SuperResolutionNet


def pictures(shape, seed=0):
    return mx.nd.array(np.random.default_rng(seed).uniform(0, 255, shape), dtype="float32")


def sizes_through(net, x):
    """Output shapes of the children, in order of their calls."""
    shapes = []
    for child in net._children.values():
        child.register_forward_hook(lambda block, inputs, output: shapes.append(output.shape[1:]))
    net(x)
    return shapes


@pytest.mark.parametrize("scale", [1, 2, 4, 8])
def test_super_resolution_follows_the_papers_table(scale):
    net = randomize(SuperResolutionNet(scale))
    low = 288 // scale // 4  # a quarter of the paper's patch
    shapes = sizes_through(net, pictures((1, 3, low, low)))
    assert shapes == [(64, low, low), (64, low, low), (64, 72, 72), (3, 72, 72)]
    assert len(net.body) == 4
    weights = [p.shape for name, p in net.collect_params(".*weight").items()]
    expected = [(64, 3, 9, 9)] + 8 * [(64, 64, 3, 3)] + (scale.bit_length() - 1) * [(64, 64, 3, 3)] + [(3, 64, 9, 9)]
    assert weights == expected


def test_paper_network_stays_in_range_and_differs_from_skip():
    x = 100 * pictures((1, 3, 9, 7))
    y = randomize(SuperResolutionNet(2, width=8, blocks=1))(x).asnumpy()
    assert y.min() >= 0
    assert y.max() <= 255


@pytest.mark.parametrize("upsampling", of(Upsampling))
@pytest.mark.parametrize("norm", ["batch", "none"])
@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("size", [(1, 1), (7, 13)])
def test_any_size_and_hybrid_equals_imperative(upsampling, norm, skip, size):
    net = randomize(SuperResolutionNet(4, 4, 1, norm, upsampling, skip))
    x = pictures((2, 3, *size))
    plain = net(x).asnumpy()
    net.hybridize(static_alloc=True, static_shape=True)
    assert plain.shape == (2, 3, 4 * size[0], 4 * size[1])
    np.testing.assert_allclose(net(x).asnumpy(), plain, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("arguments", [{"scale": 3}, {"scale": 2, "norm": "layer"}, {"scale": 2, "upsampling": "x"}])
def test_unknown_choices_are_named(arguments):
    with pytest.raises(UserError, match="expected one of"):
        SuperResolutionNet(**arguments)


@pytest.mark.parametrize("scale", [1, 2, 4, 8])
def test_enlargement_is_matlabs(scale):
    image = np.random.default_rng(1).uniform(0, 255, (9, 11, 3)).astype(np.float32)
    block = BicubicEnlargement(scale)
    block.initialize()
    large = block(mx.nd.array(image.transpose(2, 0, 1)[np.newaxis])).asnumpy()[0].transpose(1, 2, 0)
    np.testing.assert_allclose(large, imresize(image, scale), atol=1e-3)
    flat = block(mx.nd.full((1, 3, 5, 5), 77.0)).asnumpy()
    np.testing.assert_allclose(flat, 77.0, rtol=1e-6)


@pytest.mark.parametrize("scale", [2, 4])
def test_a_network_that_adds_begins_as_bicubic(scale):
    net = SuperResolutionNet(scale, 8, 2, "none", skip=True)
    net.initialize()
    x = pictures((1, 3, 9, 11))
    bicubic = imresize(x[0].transpose((1, 2, 0)).asnumpy(), scale).transpose(2, 0, 1)
    np.testing.assert_allclose(net(x).asnumpy()[0], bicubic, atol=1)


def test_at_scale_1_the_network_adds_to_its_very_input():
    net = randomize(SuperResolutionNet(1, 4, 1, "none", skip=True))
    net.tail.weight.set_data(mx.nd.zeros(net.tail.weight.shape))
    x = pictures((2, 3, 9, 7))
    np.testing.assert_array_equal(net(x).asnumpy(), x.asnumpy())


@pytest.mark.parametrize("upsampling", of(Upsampling))
def test_upsampling_begins_with_values_of_the_same_size(upsampling):
    """As after another convolution with ReLU; half as large in each block, and training ×8 learns nothing."""
    x = np.maximum(np.random.default_rng(0).normal(size=(1, 64, 16, 16)), 0)
    block = upsample(64, upsampling, "none")
    mx.random.seed(0)
    block.initialize(mx.init.Xavier())
    output = block(mx.nd.array(x, dtype="float32")).asnumpy()
    assert 0.6 < np.sqrt(np.square(output).mean() / np.square(x).mean()) < 1.2


def test_residual_block_has_no_relu_after_the_sum():
    block = randomize(ResidualBlock(4, "none"))
    block.conv2.weight.set_data(mx.nd.zeros((4, 4, 3, 3)))
    x = mx.nd.array(np.random.default_rng(0).normal(size=(1, 4, 5, 5)))
    np.testing.assert_allclose(block(x).asnumpy(), x.asnumpy(), rtol=1e-6)


def test_plsr_parameters_are_the_blogs_in_creation_order():
    names = [name.partition("_")[2] for name in PlsrNet().collect_params()]
    weights = [p.shape for name, p in PlsrNet().collect_params(".*weight").items()]
    unit = [(64, 64, 3, 3), (64, 64, 3, 3), (64, 64, 1, 1)]
    assert weights == [(64, 3, 9, 9), *(4 * unit), (64, 64, 3, 3), (3, 64, 9, 9)]
    assert not any(name.endswith("bias") for name in names)


def test_plsr_is_the_blogs_arithmetic():
    """Recomputed with MXNet's plain operators, a unit of width 2."""
    net = randomize(PlsrNet(2, 1))
    for p in net.collect_params(".*(gamma|beta|running_mean|running_var)").values():
        p.set_data(mx.nd.random.uniform(0.5, 1.5, shape=p.shape))
    x = mx.nd.random.uniform(shape=(1, 3, 6, 5))
    p = {name: value.data() for name, value in net._collect_params_with_prefix().items()}

    def conv(x, weight, kernel):
        return mx.nd.Convolution(
            x, weight, kernel=(kernel, kernel), pad=(kernel // 2, kernel // 2), num_filter=weight.shape[0], no_bias=True
        )

    def norm(x, n):
        gamma, beta, mean, var = (
            p[f"net.1.0.bn{n}.{part}"].reshape((1, -1, 1, 1))
            for part in ("gamma", "beta", "running_mean", "running_var")
        )
        return (x - mean) / (var + 1e-5).sqrt() * gamma + beta

    first = conv(x, p["net.0.weight"], 9)
    t = norm(conv(first, p["net.1.0.conv1.weight"], 3), 1).relu()
    t = norm(conv(t, p["net.1.0.conv2.weight"], 3), 2).relu()
    unit = (t + conv(first, p["net.1.0.conv3.weight"], 1)).relu()
    up = mx.nd.Deconvolution(
        unit, p["net.2.weight"], kernel=(3, 3), stride=(2, 2), pad=(1, 1), adj=(1, 1), num_filter=2, no_bias=True
    )
    np.testing.assert_allclose(net(x).asnumpy(), conv(up, p["net.3.weight"], 9).asnumpy(), rtol=1e-4, atol=1e-5)


def test_on_pixels_changes_the_range_and_back():
    class Double(mx.gluon.HybridBlock):
        scale, halo = 1, 0

        def hybrid_forward(self, F, x):
            return 2 * x

    model = PixelRangeAdapter(Double(), max_value=1.0, mean=(0.1, 0.2, 0.3))
    y = model(mx.nd.full((1, 3, 1, 1), 255.0)).asnumpy().ravel()
    np.testing.assert_allclose(y, 255 * 2 * (1 - np.array([0.1, 0.2, 0.3])), rtol=1e-6)


@pytest.mark.parametrize(
    "net", [SuperResolutionNet(2, 4, 2), SuperResolutionNet(4, 4, 1, "none", "nearest", True),
            SuperResolutionNet(8, 4, 1, "none", "subpixel"), SuperResolutionNet(1, 4, 2, "none", skip=True),
            SuperResolutionNet(2, 4, 1, "none", skip=True, lowpass=0.4),
            SuperResolutionNet(4, 4, 2, "none", "direct", True, 0.3), SuperResolutionNet(2, 4, 1, "batch", "direct"),
            PlsrNet(4, 2)],
    ids=["x2", "x4", "x8", "x1", "low-pass", "direct, low-pass", "direct", "blog"],
)  # fmt: skip
def test_halo_covers_the_receptive_field(net):
    """Changing one input pixel changes nothing further away than the halo."""
    randomize(net)
    side = 2 * net.halo + 9
    x = pictures((1, 3, side, side)) / 255
    center = side // 2
    changed = x.copy()
    changed[:, :, center, center] += 100
    rows, columns = np.nonzero(np.abs((net(changed) - net(x)).asnumpy()).max(axis=(0, 1)))
    for positions in (rows, columns):
        reach = max(center - positions.min() // net.scale, positions.max() // net.scale - center)
        assert 0 < reach <= net.halo


def test_networks_leave_nothing_in_mxnet():
    before = mx.registry.get_registry(mx.init.Initializer)
    net = PixelRangeAdapter(SuperResolutionNet(scale=2, width=4, blocks=1, skip=True, lowpass=0.3), mean=(1, 2, 3))
    net.net.initialize()
    assert net.mean.data().asnumpy().ravel().tolist() == [1, 2, 3]
    assert mx.registry.get_registry(mx.init.Initializer) == before
