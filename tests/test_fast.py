"""Each fast layer beside MXNet's plain one: outputs, gradients, and a training."""

import json

import numpy as np
import pytest
from helpers import randomize

from gluon_perceptual._mxnet import mx
from gluon_perceptual.losses import PerceptualLoss, PixelLoss
from gluon_perceptual.nets import fast
from gluon_perceptual.nets.fast import BLOCK, ColorConv2D, FilledConv2D, InputConv2D, OutputConv2D
from gluon_perceptual.nets.fast_neural_style import FastNeuralStyleNet
from gluon_perceptual.nets.fast_upsampling import NearestConv2D, TransposedConv2D
from gluon_perceptual.nets.instance_norm import InstanceNorm, for_single_pictures
from gluon_perceptual.nets.pixels import PixelRangeAdapter
from gluon_perceptual.nets.plsr import PlsrNet
from gluon_perceptual.nets.precision import as_precision, computing_in
from gluon_perceptual.nets.style import StyleNet
from gluon_perceptual.nets.super_resolution import SuperResolutionNet
from gluon_perceptual.training.step import TrainingStep

nn = mx.gluon.nn


class Repeated(nn.HybridSequential):
    """Nearest-neighbor enlargement, then a convolution whose parameters are this block's only ones."""

    def __init__(self, bias):
        super().__init__()
        self.add(nn.HybridLambda(lambda F, x: F.UpSampling(x, scale=2, sample_type="nearest")))
        self.add(nn.Conv2D(4, 3, padding=1, in_channels=5, use_bias=bias))


def in_training(norm, batch):
    norm.use_batch_norm(batch)
    return norm


LAYERS = {
    "input": lambda bias: (InputConv2D(4, 9, 5, bias), nn.Conv2D(4, 9, padding=4, in_channels=5, use_bias=bias)),
    "filled": lambda bias: (
        FilledConv2D(12, 3, padding=1, in_channels=5, use_bias=bias),
        nn.Conv2D(12, 3, padding=1, in_channels=5, use_bias=bias),
    ),
    "colors": lambda bias: (
        ColorConv2D(16, 3, 5, use_bias=bias),
        nn.Conv2D(16, 3, padding=1, in_channels=5, use_bias=bias),
    ),
    "output": lambda bias: (OutputConv2D(3, 9, 5, bias), nn.Conv2D(3, 9, padding=4, in_channels=5, use_bias=bias)),
    "output, whole blocks": lambda bias: (
        OutputConv2D(16, 3, 5, bias),
        nn.Conv2D(16, 3, padding=1, in_channels=5, use_bias=bias),
    ),
    "transposed": lambda bias: (
        TransposedConv2D(8, 3, 2, 1, 1, in_channels=5, use_bias=bias),
        nn.Conv2DTranspose(8, 3, 2, 1, 1, in_channels=5, use_bias=bias),
    ),
    "nearest": lambda bias: (NearestConv2D(4, 5, bias), Repeated(bias)),
    "instance norm": lambda bias: (InstanceNorm(5), nn.InstanceNorm(in_channels=5, scale=True)),
    "instance norm in training": lambda bias: (
        in_training(InstanceNorm(5), 2),
        nn.InstanceNorm(in_channels=5, scale=True),
    ),
}


def learned(net):
    return [p for p in net.collect_params().values() if p.grad_req != "null"]


def run(net, x, head):
    x.attach_grad()
    with mx.autograd.record():
        y = net(x)
    y.backward(head)
    return [y.asnumpy(), x.grad.asnumpy(), *(p.grad().asnumpy() for p in learned(net))]


def with_same_parameters(nets, hybrid):
    """Initialize a layer and its plain form."""
    mx.random.seed(1)
    for net in nets:
        net.initialize()
    for ours, plains in zip(*map(learned, nets)):
        assert ours.shape == plains.shape
        ours.set_data(mx.nd.random.normal(shape=ours.shape))
        plains.set_data(ours.data())
    if hybrid:
        nets[0].hybridize(static_alloc=True, static_shape=True)
    return nets


@pytest.mark.parametrize("size", [(1, 2), (4, 8), (9, 6), (13, 15)])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("hybrid", [True, False])
@pytest.mark.parametrize("layer", LAYERS)
def test_layer_equals_the_plain_one_and_so_do_its_gradients(layer, hybrid, bias, size):
    nets = with_same_parameters(LAYERS[layer](bias), hybrid)
    x = mx.nd.random.normal(shape=(2, 5, *size))
    head = mx.nd.random.normal(shape=nets[1](x).shape)
    for ours, plains in zip(run(nets[0], x, head), run(nets[1], x, head)):
        np.testing.assert_allclose(ours, plains, rtol=1e-5, atol=1e-5 * max(1, np.abs(plains).max()))


def graph(layer):
    return json.loads(layer(mx.sym.var("data")).tojson(remove_amp_cast=False))["nodes"]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_filters_fill_whole_blocks(precision):
    with computing_in(precision):
        layers = [FilledConv2D(12, 3, padding=1, in_channels=5), OutputConv2D(3, 9, 5), OutputConv2D(3, 3, 5)]
    for layer in layers:
        filters = [int(node["attrs"]["num_filter"]) for node in graph(layer) if node["op"] == "Convolution"]
        assert filters
        assert not any(number % BLOCK for number in filters)


def test_colors_are_filled_up_only_in_bfloat16():
    for precision, joined in (("float32", 0), ("bfloat16", 2)):
        with computing_in(precision):
            nodes = graph(ColorConv2D(16, 3, 3))
        assert sum(node["op"] == "Concat" for node in nodes) == joined


@pytest.mark.parametrize("size", [(1, 2), (9, 6), (13, 15)])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("hybrid", [True, False])
@pytest.mark.parametrize("layer", ["nearest", "transposed"])
def test_layer_for_inference_equals_the_plain_one(layer, hybrid, bias, size):
    with computing_in(as_precision("float32").for_inference()):
        ours, plain = with_same_parameters(LAYERS[layer](bias), hybrid)
    assert "Deconvolution" in ours(mx.sym.var("data")).tojson()
    x = mx.nd.random.normal(shape=(2, 5, *size))
    expected = plain(x).asnumpy()
    np.testing.assert_allclose(ours(x).asnumpy(), expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("shape", [(3, 1, 1), (3, 16, 20), (16, 7, 1), (16, 300, 300)])
def test_instance_norm_of_one_picture(shape):
    channels = shape[0]
    x = (np.random.default_rng(0).gamma(2, 3, (1, *shape)) + 5).astype(np.float32)
    net = InstanceNorm(channels)
    net.use_batch_norm(1)
    net.initialize()
    gamma, beta = np.linspace(-1, 2, channels), np.linspace(3, 0, channels)
    net.gamma.set_data(mx.nd.array(gamma))
    net.beta.set_data(mx.nd.array(beta))
    centered = x - x.mean(axis=(2, 3), keepdims=True, dtype=np.float64)
    normal = centered / np.sqrt(x.var(axis=(2, 3), keepdims=True, dtype=np.float64) + 1e-5)
    expected = normal * gamma.reshape(-1, 1, 1) + beta.reshape(-1, 1, 1)
    with mx.autograd.train_mode():
        found = net(mx.nd.array(x)).asnumpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())
    assert np.isnan(net(mx.nd.array(x)).asnumpy()).all()


@pytest.mark.parametrize("shape", [(1, 3, 1, 1), (1, 3, 16, 20), (3, 3, 7, 1), (1, 3, 2000, 700)])
@pytest.mark.parametrize("hybrid", [False, True])
def test_instance_norm_for_inference_is_exact(shape, hybrid):
    """Also for more than a million values far from 0, where MXNet's own is off by some hundredths."""
    x = (np.random.default_rng(0).gamma(2, 3, shape) + 5).astype(np.float32)
    net = InstanceNorm(3)
    net.initialize()
    net.gamma.set_data(mx.nd.array([0.5, 1, 2]))
    net.beta.set_data(mx.nd.array([0, -1, 3]))
    net.use_rows()
    if hybrid:
        net.hybridize()
    centered = x - x.mean(axis=(2, 3), keepdims=True, dtype=np.float64)
    normal = centered / np.sqrt(x.var(axis=(2, 3), keepdims=True, dtype=np.float64) + 1e-5)
    expected = normal * np.reshape([0.5, 1, 2], (3, 1, 1)) + np.reshape([0, -1, 3], (3, 1, 1))
    np.testing.assert_allclose(net(mx.nd.array(x)).asnumpy(), expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("channels", [4, 8])
def test_instance_norm_for_inference_after_a_convolution(channels):
    """8 channels come in oneDNN's own layout, which MXNet's layer norm takes for its own."""
    net = nn.HybridSequential()
    net.add(nn.Conv2D(channels, 3, padding=1, in_channels=3, use_bias=False), InstanceNorm(channels))
    net.add(nn.Activation("relu"), nn.Conv2D(channels, 3, in_channels=channels))
    net.initialize(mx.init.Xavier())
    x = mx.nd.random.uniform(0, 255, shape=(2, 3, 21, 30))
    plain = net(x).asnumpy()
    net[1].use_rows()
    net.hybridize()
    np.testing.assert_allclose(net(x).asnumpy(), plain, rtol=1e-5, atol=1e-5 * np.abs(plain).max())


@pytest.mark.parametrize("make", [lambda: StyleNet(width=4), lambda: FastNeuralStyleNet(width=4)])
def test_network_for_single_pictures_equals_the_plain_one(make):
    net = randomize(make())
    run = for_single_pictures(net)
    for size in ((40, 52), (21, 30)):
        x = mx.nd.random.uniform(0, 255, shape=(1, 3, *size))
        plain = net(x).asnumpy()
        np.testing.assert_allclose(run(x).asnumpy(), plain, atol=1e-5 * max(255, np.abs(plain).max()))
    large = mx.nd.random.uniform(0, 255, shape=(1, 3, 340, 330))
    found = run(large).asnumpy()
    net.apply(lambda block: block.use_rows() if isinstance(block, InstanceNorm) else None)
    np.testing.assert_array_equal(found, net(large).asnumpy())  # the exact form
    with pytest.raises(ValueError, match="2 pictures: expected one"):
        run(mx.nd.zeros((2, 3, 40, 52)))


def operators(net):
    symbol = net(mx.sym.var("data"))
    return {node for node in symbol.get_internals().list_outputs() if node.endswith("_output")}


@pytest.mark.parametrize("layer", [name for name in LAYERS if name != "nearest"])
def test_on_a_gpu_a_layer_is_its_plain_form(layer):
    for net in LAYERS[layer](True):
        with mx.gpu():
            assert len(operators(net)) == 1


def trained(net, scale, steps):
    """The losses of a network that learns to enlarge random blots."""
    rng = np.random.default_rng(0)
    model = PixelRangeAdapter(net)
    randomize(net, seed=3)
    model.hybridize(static_alloc=True, static_shape=True)
    loss = PerceptualLoss({PixelLoss(): 1.0})
    trainer = mx.gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 1e-3}, update_on_kvstore=False)
    step = TrainingStep(model, loss, loss.targets, trainer, [mx.cpu()])
    low = rng.uniform(0, 255, (2, 3, 8, 8)).astype(np.float32)
    high = low.repeat(scale, axis=2).repeat(scale, axis=3)
    return [step(low, high)["loss"] for _ in range(steps)]


@pytest.mark.parametrize(
    "make",
    [
        lambda: SuperResolutionNet(2, 8, 1),
        lambda: SuperResolutionNet(4, 8, 1, "none", "nearest"),
        lambda: PlsrNet(8, 1),
    ],
    ids=["x2", "x4", "blog"],
)
def test_a_training_follows_the_plain_networks(make, monkeypatch):
    scale = make().scale
    ours = trained(make(), scale, 50)
    monkeypatch.setattr(fast, "on_gpu", lambda: True)
    plain = trained(make(), scale, 50)
    assert ours[-1] < 0.9 * ours[0]
    np.testing.assert_allclose(ours, plain, rtol=2e-2)
    np.testing.assert_allclose(ours[:5], plain[:5], rtol=1e-5)
