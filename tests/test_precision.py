"""bfloat16 beside float32: each layer and network, forward and backward, in a process of its own; pictures; trainings.

Where the processor has no bfloat16, the same is computed with arrays that are rounded to it.
"""

import json
import os

import numpy as np
import pytest
from cli import ROOT, assert_one_line_error, python, run
from helpers import randomize

from benchmarks.precision import Rounded
from gluon_perceptual import cpu
from gluon_perceptual._mxnet import inference_precision, mx
from gluon_perceptual.checkpoint.model import load_for_use
from gluon_perceptual.errors import UserError
from gluon_perceptual.image.io import to_image, to_tensor
from gluon_perceptual.inference import Stylizer, Upscaler
from gluon_perceptual.inference.model import KINDS
from gluon_perceptual.losses import FeatureLoss, PerceptualLoss, PixelLoss
from gluon_perceptual.nets.blocks import ResidualBlock, upsample
from gluon_perceptual.nets.fast import ColorConv2D, Conv2D, FilledConv2D, InputConv2D, OutputConv2D
from gluon_perceptual.nets.fast_neural_style import FastNeuralStyleNet
from gluon_perceptual.nets.fast_upsampling import NearestConv2D, TransposedConv2D
from gluon_perceptual.nets.instance_norm import fast_twin
from gluon_perceptual.nets.pixels import PixelRangeAdapter
from gluon_perceptual.nets.plsr import PlsrNet
from gluon_perceptual.nets.precision import BFloat16, as_precision, computing_in, current_precision
from gluon_perceptual.nets.style import StyleNet
from gluon_perceptual.nets.super_resolution import SuperResolutionNet
from gluon_perceptual.nets.vgg import LossNetwork
from gluon_perceptual.training.step import TrainingStep
from gluon_perceptual.weights import models

IN_HARDWARE = cpu.bfloat16_support() != cpu.NONE
BOTH = ["rounded", pytest.param("bfloat16", marks=pytest.mark.skipif(not IN_HARDWARE, reason="no bfloat16 here"))]

LAYERS = {
    "plain": lambda: Conv2D(16, 3, padding=1, in_channels=16),
    "strided": lambda: Conv2D(32, 3, 2, 1, in_channels=16),
    "odd channels": lambda: Conv2D(5, 3, padding=1, in_channels=3, use_bias=False),
    "input": lambda: InputConv2D(16, 9, 3),
    "colors": lambda: ColorConv2D(16, 3, 3),
    "filled": lambda: FilledConv2D(12, 3, padding=1, in_channels=16),
    "output": lambda: OutputConv2D(3, 9, 16),
    "output, small": lambda: OutputConv2D(3, 3, 16),
    "output, many channels": lambda: OutputConv2D(20, 3, 16),
    "transposed": lambda: TransposedConv2D(16, 3, 2, 1, 1, in_channels=16),
    "transposed, no bias": lambda: TransposedConv2D(5, 3, 2, 1, 1, in_channels=3, use_bias=False),
    "nearest": lambda: NearestConv2D(16, 16),
    "subpixel": lambda: upsample(16, "subpixel", "none")[:2],
}
NETWORKS = {
    "residual": lambda: ResidualBlock(16, "batch"),
    "residual, no padding": lambda: ResidualBlock(16, "none", padding=False),
    "instance norm": lambda: upsample(16, "nearest", "instance"),
    "x2": lambda: SuperResolutionNet(2, 16, 1),
    "x4, nearest, skip": lambda: SuperResolutionNet(4, 16, 1, "none", "nearest", True),
    "x2, subpixel": lambda: SuperResolutionNet(2, 16, 1, "batch", "subpixel"),
    "x4, direct": lambda: SuperResolutionNet(4, 16, 1, "none", "direct", True),
    "blog": lambda: PlsrNet(16, 1),
    "style": lambda: StyleNet(8),
    "style, batch norm": lambda: StyleNet(8, "batch", "nearest"),
    "fast neural style": lambda: FastNeuralStyleNet(8),
    "VGG16": lambda: LossNetwork(("relu1_2", "relu2_2", "relu3_3")),
}
PICTURES = [name for name in NETWORKS if name not in ("residual", "residual, no padding", "instance norm")]
CHANNELS = {"odd channels": 3, "colors": 3, "input": 3, "transposed, no bias": 3}
MAKERS = {**LAYERS, **NETWORKS}


def given(name, batch, size):
    """Inputs of a layer around 0, or pictures for a network."""
    rng = np.random.default_rng(0)
    if name in PICTURES:
        return rng.uniform(0, 255, (batch, 3, *size)).astype(np.float32)
    return rng.normal(size=(batch, CHANNELS.get(name, 16), *size)).astype(np.float32)


def results(name, precision, batch, size, devices):
    """The output and all gradients, by name."""
    with computing_in(precision):
        net = MAKERS[name]()
    randomize(net, seed=1, ctx=devices)
    net(mx.nd.zeros((1, *given(name, 1, size).shape[1:]), ctx=devices[0]))  # sizes that are known now
    rng = np.random.default_rng(2)
    for parameter in net.collect_params().values():
        if parameter.name.endswith(("weight", "bias")):
            scale = np.sqrt(2 / max(1, np.prod(parameter.shape[1:])))
            parameter.set_data(mx.nd.array(rng.normal(0, scale, parameter.shape)))
    trained = net
    if isinstance(net, StyleNet) and net.arguments["norm"] == "instance":
        trained = fast_twin(net, batch // len(devices), devices)
    trained.hybridize(static_alloc=True, static_shape=True)
    parts = mx.gluon.utils.split_and_load(mx.nd.array(given(name, batch, size)), devices)
    heads = []
    for part in parts:
        part.attach_grad()
    with mx.autograd.record():
        outputs = [trained(part) for part in parts]
        outputs = [out if isinstance(out, list) else [out] for out in outputs]
        for out in outputs:
            for k, each in enumerate(out):
                wide = mx.nd.amp_cast(each, dtype="float32")
                heads.append(
                    (wide * mx.nd.array(np.random.default_rng(k).normal(size=wide.shape), ctx=wide.context)).sum()
                )
    mx.autograd.backward(heads)
    found = {
        f"output {k}": np.concatenate([mx.nd.amp_cast(out[k], dtype="float32").asnumpy() for out in outputs])
        for k in range(len(outputs[0]))
    }
    found["input"] = np.concatenate([part.grad.asnumpy() for part in parts])
    for key, parameter in net._collect_params_with_prefix().items():
        if parameter.grad_req != "null":
            found[key] = sum(grad.asnumpy() for grad in parameter.list_grad())
    return found


def worst(name, precision, batch, size, devices=1):
    """How far outputs and gradients are from float32's: the RMS of the difference relative to what it should be."""
    contexts = [mx.cpu(number) for number in range(devices)]
    narrow, wide = (results(name, each, batch, size, contexts) for each in (precision, "float32"))
    kinds = {key: "output" if key.startswith("output") else "gradient" for key in wide}
    sizes = {key: np.sqrt(np.mean(values**2)) for key, values in wide.items()}
    errors = {}
    for key, expected in wide.items():
        assert narrow[key].dtype == expected.dtype == np.float32
        assert narrow[key].shape == expected.shape
        usual = np.median([size for other, size in sizes.items() if kinds[other] == kinds[key]])
        error = np.sqrt(np.mean((narrow[key] - expected) ** 2)) / max(sizes[key], usual / 100)  # some are nearly 0
        errors[key] = float(error)
    return {kind: [error for key, error in errors.items() if kinds[key] == kind] for kind in ("output", "gradient")}


def error_of_inference(name, precision, size):
    """How far the output of a layer for inference is from float32's of one that can be trained."""
    outputs = []
    for each in (as_precision(precision).for_inference(), "float32"):
        with computing_in(each):
            net = MAKERS[name]()
        randomize(net, seed=1)
        net.hybridize(static_alloc=True, static_shape=True)
        outputs.append(mx.nd.amp_cast(net(mx.nd.array(given(name, 1, size))), dtype="float32").asnumpy())
    return float(np.sqrt(np.mean((outputs[0] - outputs[1]) ** 2) / np.mean(outputs[1] ** 2)))


def in_a_process(function, *given):
    """As a function of this module with JSON's values; MXNet's failures end the process."""
    code = f"import json, test_precision as t; print(json.dumps(t.{function.__name__}(*{given})))"
    return json.loads(python(code, PYTHONPATH=str(ROOT / "tests"))[0])


def compared(name, kind, *given):
    return in_a_process(worst, name, kind, *given) if kind == "bfloat16" else worst(name, Rounded(), *given)


SHAPES = [(1, (13, 9), 1), (3, (16, 24), 1), (4, (12, 20), 2)]


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize(("batch", "size", "devices"), SHAPES)
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_and_its_gradients_are_float32s_to_two_percent(name, batch, size, devices, kind):
    errors = compared(name, kind, batch, size, devices)
    rounded = name != "transposed, no bias"  # which is float32 in training
    assert (max(errors["output"]) > 1e-5) == rounded
    assert max(errors["output"] + errors["gradient"]) < 0.02


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("size", [(1, 2), (13, 9), (16, 24)])
@pytest.mark.parametrize("name", ["transposed", "transposed, no bias", "nearest"])
def test_a_layer_for_inference_is_float32s_to_two_percent(name, size, kind):
    narrow = kind == "bfloat16"
    error = in_a_process(error_of_inference, name, kind, size) if narrow else error_of_inference(name, Rounded(), size)
    assert 1e-5 < error < 0.02


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize(("batch", "size", "devices"), SHAPES[::2])
@pytest.mark.parametrize("name", NETWORKS)
def test_networks_are_close_to_float32s(name, batch, size, devices, kind):
    """Gradients less so: where an activation is nearly 0, rounding decides whether a ReLU lets its gradient through."""
    errors = compared(name, kind, batch, size, devices)
    assert 1e-5 < max(errors["output"]) < 0.08
    assert np.median(errors["gradient"]) < 0.4 or name == "fast neural style"  # which is not trained here


@pytest.mark.parametrize("name", [name for name in MAKERS if "instance" not in name])
def test_float32_has_no_casts(name):
    net = MAKERS[name]()
    found = net(mx.sym.var("data"))
    symbol = mx.sym.Group(found) if isinstance(found, (list, tuple)) else found
    assert "amp_cast" not in symbol.tojson(remove_amp_cast=False)
    with computing_in("bfloat16"):
        found = MAKERS[name]()(mx.sym.var("data"))
    symbol = mx.sym.Group(found) if isinstance(found, (list, tuple)) else found
    assert "amp_cast" in symbol.tojson(remove_amp_cast=False)


def test_a_block_has_its_precision_to_its_end():
    with computing_in("bfloat16"):
        with computing_in("float32"):
            assert current_precision().name == "float32"
        assert current_precision().name == "bfloat16"
    with pytest.raises(ValueError, match="stop"), computing_in("bfloat16"):
        raise ValueError("stop")
    assert current_precision().name == "float32"
    with pytest.raises(UserError, match="`precision` 'half': expected one of float32, bfloat16"), computing_in("half"):
        pass


@pytest.mark.skipif(not IN_HARDWARE, reason="no bfloat16 here")
@pytest.mark.parametrize("name", ["x2, subpixel", "x4, direct", "blog"])
def test_layers_one_by_one_are_the_graph(name):
    with computing_in("bfloat16"):
        net = NETWORKS[name]()
    randomize(net, seed=4)
    x = mx.nd.array(np.random.default_rng(4).uniform(0, 255, (1, 3, 20, 24)))
    alone = net(x).asnumpy()
    net.hybridize(static_alloc=True, static_shape=True)
    np.testing.assert_array_equal(net(x).asnumpy(), alone)


def precisions():
    return [Rounded(), *(["bfloat16"] if IN_HARDWARE else [])]


def test_rounding_is_the_cast():
    class Round(mx.gluon.HybridBlock):
        def __init__(self, precision):
            super().__init__()
            self.precision = precision

        def hybrid_forward(self, F, x):
            return F.amp_cast(self.precision.narrow(F, x), dtype="float32")

    values = np.random.default_rng(0).normal(0, 10, (2, 4000)).astype(np.float32)
    x, gradient = mx.nd.array(values[0]), mx.nd.array(values[1])
    x.attach_grad()
    found = []
    for precision in (BFloat16(), Rounded()):
        block = Round(precision)
        block.hybridize()
        with mx.autograd.record():
            y = block(x)
        y.backward(gradient)
        found.append((y.asnumpy(), x.grad.asnumpy()))
    np.testing.assert_array_equal(found[0], found[1])
    assert np.abs(found[0] - values).max() > 0.01


def photo(side=48):
    """A picture with edges, slopes and texture, (side, side, 3) uint8."""
    y, x = np.mgrid[:side, :side] / side
    noise = np.random.default_rng(0).normal(0, 6, (side, side, 3))
    waves = np.stack([np.sin(40 * x * y), np.sign(np.sin(9 * x + 3)), x - y], axis=2)
    return np.clip(128 + 90 * waves + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("name", models("super-resolution"))
def test_shipped_models_enlarge_as_in_float32(name):
    model = load_for_use(name)[0]
    x = mx.nd.array(to_tensor(photo(48 if model.scale < 4 else 32)))
    expected = model(x).asnumpy()
    for precision in precisions():
        found = load_for_use(name, None, precision)[0](x).asnumpy()
        assert np.abs(found - expected).max() < 3
        assert 10 * np.log10(255**2 / np.mean((found - expected) ** 2)) > 54  # of 40 dB that takes less than 0.2


@pytest.mark.parametrize("name", ["sr_x2_pixel", "sr_x4_feature", "sr_x8_pixel"])
def test_flat_stays_flat_and_slopes_keep_their_levels(name):
    wide = load_for_use(name)[0]
    ramp = np.linspace(0, 65535, 2048 // wide.scale)[np.newaxis, :, np.newaxis] * np.ones((3, 1, 3))
    flat = np.full((16, 16, 3), 37, np.uint8)
    x = mx.nd.array(to_tensor(np.rint(ramp).astype(np.uint16)))
    expected = wide(x).asnumpy()
    for precision in precisions():
        narrow = load_for_use(name, None, precision)[0]
        assert to_image(narrow(mx.nd.array(to_tensor(flat))).asnumpy(), np.uint8).std() < 0.5
        found = narrow(x).asnumpy()
        for kind in (np.uint8, np.uint16):
            levels = [len(np.unique(to_image(output, kind)[3, :, 0])) for output in (found, expected)]
            assert levels[0] > 0.98 * levels[1]


@pytest.mark.parametrize("name", models("style"))
def test_shipped_styles_repaint_as_in_float32(name):
    x = mx.nd.array(to_tensor(photo(96)))
    expected = load_for_use(name)[0].net(x).asnumpy()
    for precision in precisions():
        found = load_for_use(name, None, precision)[0].net(x).asnumpy()
        assert np.abs(found.clip(0, 255) - expected.clip(0, 255)).mean() < 1


@pytest.mark.skipif(not IN_HARDWARE, reason="no bfloat16 here")
def test_tiles_are_the_whole_in_bfloat16():
    image = photo(120)
    whole = Upscaler("sr_x2_pixel", precision="bfloat16")(image)
    tiled = Upscaler("sr_x2_pixel", tile=64, precision="bfloat16")(image)
    assert np.abs(whole.astype(int) - tiled).max() <= 1
    image = photo(300)
    whole = Stylizer("wave", precision="bfloat16")(image).astype(int)
    tiled = Stylizer("wave", tile=128, precision="bfloat16")(image)
    assert np.abs(whole - tiled).mean() < 1


@pytest.mark.parametrize(
    "make",
    [lambda: SuperResolutionNet(2, 8, 1, "none", skip=True), lambda: SuperResolutionNet(2, 8, 1, "none", "nearest")],
)
def test_a_training_follows_float32s(make):
    """Of 40 steps, whose losses are float32's to 5 %."""

    def losses(precision):
        with computing_in(precision):
            model = PixelRangeAdapter(make())
            loss = PerceptualLoss(
                {FeatureLoss("relu1_2"): 1e-3, PixelLoss(): 1.0}, LossNetwork.pretrained(("relu1_2",))
            )
        randomize(model.net, seed=3)
        options = {"learning_rate": 1e-3}
        trainer = mx.gluon.Trainer(model.net.collect_params(), "adam", options, update_on_kvstore=False)
        step = TrainingStep(model, loss, loss.targets, trainer, [mx.cpu()], max_norm=5.0)
        high = np.stack([photo(16).transpose(2, 0, 1), photo(16)[::-1].transpose(2, 0, 1)]).astype(np.float32)
        low = high.reshape(2, 3, 8, 2, 8, 2).mean(axis=(3, 5))
        return [step(low, high)["loss"] for _ in range(40)]

    wide = losses("float32")
    for precision in precisions():
        narrow = losses(precision)
        assert narrow[-1] < 0.9 * narrow[0]
        np.testing.assert_allclose(narrow[-10:], wide[-10:], rtol=0.05)


def cpuinfo(monkeypatch, features, granted=True, limit=None):
    monkeypatch.setattr(cpu, "flags", lambda: frozenset(features.split()))
    monkeypatch.setattr(cpu, "_request_tiles", lambda: granted)
    monkeypatch.delenv("DNNL_MAX_CPU_ISA", raising=False)
    if limit:
        monkeypatch.setenv("DNNL_MAX_CPU_ISA", limit)
    cpu.hardware.cache_clear()


@pytest.fixture(autouse=True)
def forget_the_processor():
    yield
    cpu.hardware.cache_clear()


AMX_FEATURES = "avx2 fma avx512f avx512_bf16 amx_tile amx_bf16"


@pytest.mark.parametrize(
    ("features", "granted", "limit", "expected"),
    [
        ("avx2", True, None, "float32"),
        ("avx2 avx512f", True, "AVX512_CORE_AMX", "float32"),
        ("avx2 avx512f avx512_bf16", True, None, "bfloat16"),
        (AMX_FEATURES, True, None, "bfloat16 with AMX"),
        (AMX_FEATURES, False, None, "bfloat16"),
        (AMX_FEATURES, True, "avx512_core_amx", "bfloat16 with AMX"),
        (AMX_FEATURES, True, "AVX512_CORE_BF16", "bfloat16"),
        (AMX_FEATURES, True, "AVX2", "float32"),
        ("avx2 avx512f avx512_bf16", True, "ALL", "bfloat16"),
    ],
)
def test_what_a_processor_computes_in(monkeypatch, features, granted, limit, expected):
    cpuinfo(monkeypatch, features, granted, limit)
    assert cpu.bfloat16_support() == expected


def test_libraries_are_told_of_the_processor_while_they_load(monkeypatch):
    names = ("DNNL_MAX_CPU_ISA", "OPENBLAS_CORETYPE")

    def told(features, limit=None, core="", vendor="GenuineIntel"):
        cpuinfo(monkeypatch, features, limit=limit)
        monkeypatch.setattr(cpu, "vendor", lambda: vendor)
        monkeypatch.setenv("OPENBLAS_CORETYPE", core)
        with cpu.best_kernels():
            inside = [os.environ.get(name) for name in names]
        assert [os.environ.get(name) for name in names] == [limit, core or None]
        return inside

    assert told(AMX_FEATURES) == ["AVX512_CORE_AMX", "Haswell"]
    assert told(AMX_FEATURES, "AVX2", "Zen") == ["AVX2", "Zen"]
    assert told("avx2 fma") == [None, "Haswell"]
    assert told("avx2 fma", core="Zen", vendor="AuthenticAMD") == [None, "Zen"]
    assert told("sse3", core="Prescott") == [None, "Prescott"]


@pytest.mark.skipif("avx2" not in cpu.flags() or cpu.vendor() != "GenuineIntel", reason="not Intel's AVX2")
def test_mxnets_matrix_products_use_avx2():
    """Also on processors that its OpenBLAS does not know."""
    out, err = python("import gluon_perceptual._mxnet", OPENBLAS_VERBOSE="2", OPENBLAS_CORETYPE="")
    assert "Core: Haswell" in out + err


def test_features_are_read_from_linux(tmp_path):
    (tmp_path / "cpuinfo").write_text(
        "processor : 0\nvendor_id\t: GenuineIntel\nflags\t\t: fpu avx2 amx_tile\n\nprocessor : 1\nflags : fpu\n"
    )
    assert cpu.flags(tmp_path / "cpuinfo") == {"fpu", "avx2", "amx_tile"}
    assert cpu.vendor(tmp_path / "cpuinfo") == "GenuineIntel"
    assert cpu.flags(tmp_path / "missing") == frozenset()


def test_which_precision_is_run(monkeypatch):
    cpuinfo(monkeypatch, "avx2")
    assert inference_precision("auto") == inference_precision("float32") == "float32"
    with pytest.raises(UserError, match="`precision` bfloat16: this processor has neither AVX512-BF16 nor AMX"):
        inference_precision("bfloat16")
    cpuinfo(monkeypatch, "avx2 avx512_bf16")
    assert [inference_precision("auto", kind=kind) for kind in KINDS] == ["bfloat16", "float32"]
    assert inference_precision("bfloat16", kind="style") == "bfloat16"
    cpuinfo(monkeypatch, AMX_FEATURES)
    assert [inference_precision("auto", kind=kind) for kind in KINDS] == ["bfloat16", "bfloat16"]
    assert inference_precision("auto", mx.gpu()) == "float32"
    with pytest.raises(UserError, match="only on CPUs"):
        inference_precision("bfloat16", mx.gpu())
    with pytest.raises(UserError, match="expected one of auto, float32, bfloat16"):
        inference_precision("half")


def test_commands_refuse_what_the_processor_has_not(monkeypatch, tmp_path, shared):
    cpuinfo(monkeypatch, "avx2")
    content = next((shared / "data/content").iterdir())
    for command in (
        ("upscale", content, "-o", tmp_path / "x.png"),
        ("stylize", content, "--model", "wave", "-o", tmp_path / "y.png"),
        ("evaluate", "--model", "sr_x2_pixel", "--data", content.parent, "--scale", 2),
        ("train-sr", "--out", tmp_path / "run"),
    ):
        assert_one_line_error(run(*command, "--precision", "bfloat16"), "neither AVX512-BF16 nor AMX")
    assert not list(tmp_path.iterdir())
    assert run("upscale", content, "--precision", "float16")[0] == 2


def test_symbols_run_in_float32(monkeypatch, shared):
    cpuinfo(monkeypatch, AMX_FEATURES)
    path = shared / "params/blog_plsr.export-symbol.json"
    with pytest.raises(UserError, match="symbols run only in float32"):
        Upscaler(path, precision="bfloat16")
    with pytest.raises(UserError, match="symbols run only in float32"):
        Stylizer(path, precision="bfloat16")


def test_the_door_has_a_convolution_made():
    """Only a primitive has oneDNN read its settings."""
    assert "exec,cpu,convolution" in python("import gluon_perceptual._mxnet", DNNL_VERBOSE="1")[0]
