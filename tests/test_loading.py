import re

import numpy as np
import pytest
from helpers import built

from gluon_perceptual._mxnet import mx
from gluon_perceptual._mxnet.gluon import values_of
from gluon_perceptual.checkpoint import load_parameters, read_params, write_params
from gluon_perceptual.checkpoint.loading import load_arrays
from gluon_perceptual.checkpoint.spec import ModelSpec
from gluon_perceptual.errors import ParamsFormatError, UserError
from gluon_perceptual.formats.matching import canonical_name, match_names
from gluon_perceptual.nets import LossNetwork, PlsrNet
from gluon_perceptual.training.growth import grown

FILES = ["save_parameters", "save_params", "collect_params_save", "export-0003"]
nn = mx.gluon.nn


class ResidualUnit(mx.gluon.HybridBlock):
    """As in the blog: no name scope of its own, so that layers count through the whole network."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2D(64, 3, padding=1, use_bias=False)
        self.bn1 = nn.BatchNorm()
        self.conv2 = nn.Conv2D(64, 3, padding=1, use_bias=False)
        self.bn2 = nn.BatchNorm()
        self.conv3 = nn.Conv2D(64, 1, use_bias=False)

    def hybrid_forward(self, F, x):
        out = F.relu(self.bn1(self.conv1(x)))
        return F.relu(F.relu(self.bn2(self.conv2(out))) + self.conv3(x))


class BlogNet(mx.gluon.HybridBlock):
    """The blog's network with the blog's names; sizes of inputs are left to deferred initialization."""

    def __init__(self):
        super().__init__()
        with self.name_scope():
            conv1 = nn.Conv2D(64, 9, padding=4, use_bias=False)
            units = nn.HybridSequential()
            units.add(*(ResidualUnit() for _ in range(4)))
            deconv = nn.Conv2DTranspose(64, 3, 2, 1, 1, use_bias=False)
            conv2 = nn.Conv2D(3, 9, padding=4, use_bias=False)
        self.net = nn.HybridSequential()
        self.net.add(conv1, units, deconv, conv2)

    def hybrid_forward(self, F, x):
        return self.net(x)


def check_output(net, shared):
    with np.load(shared / "params" / "blog_plsr.expected.npz") as arrays:
        x, y = mx.nd.array(arrays["input"]), arrays["output"]
    np.testing.assert_allclose(net(x).asnumpy(), y, atol=1e-5)


@pytest.mark.parametrize(("network", "otherwise"), [(PlsrNet, "order"), (BlogNet, "numbers")])
@pytest.mark.parametrize("kind", FILES)
def test_the_blogs_files_in_all_four_namings(shared, kind, network, otherwise):
    net = network()
    report = load_parameters(net, shared / "params" / f"blog_plsr.{kind}.params")
    assert report.strategy == ("names" if kind == "save_parameters" else otherwise)
    assert len(report.pairs) == 47
    assert "47 arrays matched" in str(report)
    check_output(net, shared)


def renamed(name, prefix, counter):
    """Give "arg:plsr_network0_conv3_weight" another prefix and another counter."""
    mark, layer, number, rest = re.fullmatch(r"(arg:|aux:|)(?:plsr_network0_)?([a-z]+)(\d+)(_\w+)", name).groups()
    return f"{mark}{prefix}{layer}{counter(int(number))}{rest}"


@pytest.mark.parametrize("network", [PlsrNet, BlogNet])
@pytest.mark.parametrize("kind", FILES[1:])
@pytest.mark.parametrize("order", [list, sorted, reversed])
def test_prefixes_and_counters_do_not_matter(shared, tmp_path, kind, order, network):
    rng = np.random.default_rng(len(kind))
    prefix, counters = f"my_net{rng.integers(99)}_", sorted(rng.choice(120, 15, replace=False))
    arrays = read_params(shared / "params" / f"blog_plsr.{kind}.params")
    arrays = {renamed(name, prefix, counters.__getitem__): array for name, array in arrays.items()}
    write_params(tmp_path / "x.params", {name: arrays[name] for name in order(list(arrays))})
    net = network()
    load_parameters(net, tmp_path / "x.params")
    check_output(net, shared)


def test_a_file_whose_names_tell_nothing(shared):
    net = nn.HybridSequential()
    net.add(*(nn.Conv2D(channels, 3, padding=1) for channels in [64] * 19 + [1]))
    path = shared / "params" / "srzoo_IRL_VDSR_4x-0000.params"
    assert load_parameters(net, path).strategy == "order"
    arrays = read_params(path)
    for i, layer in enumerate(net):
        np.testing.assert_array_equal(layer.weight.data().asnumpy(), arrays[f"arg:learned_{2 * i}"])
        np.testing.assert_array_equal(layer.bias.data().asnumpy(), arrays[f"arg:learned_{2 * i + 1}"])


def test_a_list_without_names_goes_by_order(shared, tmp_path):
    arrays = read_params(shared / "params" / "blog_plsr.save_parameters.params")
    write_params(tmp_path / "list.params", list(arrays.values()))
    net = PlsrNet()
    load_parameters(net, tmp_path / "list.params")
    check_output(net, shared)


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_precisions_are_cast(tmp_path, dtype):
    source, net = PlsrNet(2, 1), PlsrNet(2, 1)
    source.initialize(mx.init.Normal(1))
    arrays = {name: p.data().asnumpy().astype(dtype) for name, p in source._collect_params_with_prefix().items()}
    write_params(tmp_path / "x.params", arrays)
    report = load_parameters(net, tmp_path / "x.params")
    assert set(report.cast) == set(arrays)
    for name, p in net._collect_params_with_prefix().items():
        assert p.data().dtype == np.float32
        np.testing.assert_array_equal(p.data().asnumpy(), arrays[name].astype(np.float32))


@pytest.mark.parametrize("weight", [np.float32([[np.nan, 1]]), np.array([[1e300, 1]])])
def test_values_that_are_not_finite_are_refused(tmp_path, weight):
    """Or that the parameter's type cannot hold."""
    net = mx.gluon.nn.Dense(1, in_units=2)
    write_params(tmp_path / "x.params", {"weight": weight, "bias": np.zeros(1, "f4")})
    with pytest.raises(UserError, match=r"x\.params: 1 of 2 values of weight are infinite or NaN"):
        load_parameters(net, tmp_path / "x.params")
    assert net.weight._data is None


@pytest.mark.parametrize("initialized", [False, True])
def test_sizes_that_the_network_does_not_know_come_from_the_file(tmp_path, initialized):
    write_params(tmp_path / "x.params", {"weight": np.float32([[1, 2, 3]]), "bias": np.float32([4])})
    net = nn.Dense(1)
    if initialized:
        net.initialize()
    load_parameters(net, tmp_path / "x.params")
    assert net.weight.shape == (1, 3)
    assert net(mx.nd.ones((1, 3))).asscalar() == 10
    assert net.weight.grad().shape == (1, 3)


def test_the_network_stays_where_it_is(tmp_path):
    net = nn.HybridSequential()
    net.add(nn.Dense(1, in_units=1), nn.Dense(1, in_units=1))
    net[0].initialize(ctx=mx.cpu(1))  # and the other not at all
    write_params(tmp_path / "x.params", [np.float32([[3]]), np.float32([4]), np.float32([[5]]), np.float32([6])])
    load_parameters(net, tmp_path / "x.params")
    assert {ctx for p in net.collect_params().values() for ctx in p.list_ctx()} == {mx.cpu(1)}
    assert net(mx.nd.ones((1, 1), ctx=mx.cpu(1))).asscalar() == 41


def test_a_file_that_does_not_fit_changes_nothing(tmp_path):
    net = nn.Dense(2, in_units=2)
    net.initialize(mx.init.One())
    write_params(tmp_path / "x.params", {"weight": np.zeros((2, 2), "f4"), "bias": np.zeros(3, "f4")})
    with pytest.raises(UserError, match=r"x\.params does not fit Dense: bias is \(2,\)"):
        load_parameters(net, tmp_path / "x.params")
    np.testing.assert_array_equal(net.weight.data().asnumpy(), np.ones((2, 2)))


@pytest.mark.skipif(mx.context.num_gpus() > 0, reason="needs a machine without a GPU")
def test_a_device_that_is_not_there(tmp_path):
    write_params(tmp_path / "x.params", {"weight": np.float32([[1]]), "bias": np.float32([4])})
    with pytest.raises(UserError, match=r"weight on gpu\(0\)"):
        load_parameters(nn.Dense(1, in_units=1), tmp_path / "x.params", mx.gpu(0))


def test_several_devices(tmp_path):
    net = mx.gluon.nn.Dense(1, in_units=1)
    write_params(tmp_path / "x.params", {"weight": np.float32([[3]]), "bias": np.float32([4])})
    load_parameters(net, tmp_path / "x.params", [mx.cpu(0), mx.cpu(1)])
    assert [data.asnumpy().tolist() for data in net.weight.list_data()] == [[[3]], [[3]]]


def test_names():
    assert canonical_name("aux:bn0_moving_var") == "bn0_running_var"
    assert canonical_name("arg:conv0_weight") == "conv0_weight"


def test_layers_go_by_number_even_where_the_structure_is_in_another_order():
    """The network made its second layer first: its own names say which is which."""
    wanted = {"head.weight": (4, 4), "tail.weight": (4, 4)}
    own = {"head.weight": "net0_dense1_weight", "tail.weight": "net0_dense0_weight"}
    found = {"other_dense12_weight": (4, 4), "other_dense9_weight": (4, 4)}
    strategy, pairs = match_names(wanted, found, prefixed_names=own)
    assert strategy == "numbers"
    assert dict(pairs) == {"head.weight": "other_dense12_weight", "tail.weight": "other_dense9_weight"}


def test_moving_averages_apart_from_the_rest_as_module_saves_them():
    kinds = ["gamma", "beta", "running_mean", "running_var"]
    wanted = {f"{i}.{kind}": (3,) for i in range(2) for kind in kinds}
    names = [f"arg:bn{i}_{kind}" for i in (7, 30) for kind in kinds[:2]]
    names += [f"aux:bn{i}_moving_{kind}" for i in (7, 30) for kind in ("mean", "var")]
    pairs = dict(match_names(wanted, dict.fromkeys(names, (3,)))[1])
    assert pairs["0.gamma"] == "arg:bn7_gamma"
    assert pairs["1.running_var"] == "aux:bn30_moving_var"


WANTED = {"a.weight": (2, 3), "a.bias": (2,), "b.weight": (4, 2), "b.bias": (4,)}


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({"a.weight": (2, 3), "a.bias": (2,), "b.weight": (4, 2)}, r"lacks 1 of 4 parameters, first b\.bias \(4,\)"),
        ({**WANTED, "c.bias": (1,)}, r"1 arrays that the network lacks, first c\.bias"),
        ({**WANTED, "a.weight": (2, 9)}, r"a\.weight is \(2, 3\) in the network and \(2, 9\) in the file"),
        (
            {"a.weight": (2, 3), "a.bias": (2,), "b.weigth": (4, 2), "b.bias": (4,)},
            r"first b\.weight \(4, 2\); its b\.weigth \(4, 2\) is nearest",
        ),
        ({"x0_weight": (2, 3), "x0_bias": (2,), "x1_weight": (2, 4), "x1_bias": (4,)}, r"has b\.weight \(4, 2\)"),
        ({"x0_weight": (2, 3), "x0_bias": (2,)}, r"has b\.weight \(4, 2\), the file has nothing"),
        ({"arg:a.weight": (2, 3), "a.weight": (2, 3)}, "the same name"),
        (
            {"in_weight": (2, 3), "in_bias": (2,), "out_weight": (2, 3), "out_bias": (2,)},
            "in and out are interchangeable",
        ),
        ({"0": (2, 3), "1": (2,)}, "the file has nothing"),
        ({"0": (2, 3), "1": (2,), "2": (4, 9), "3": (4,)}, r"has b\.weight \(4, 2\), the file has 2 \(4, 9\)"),
        ({}, r"has a\.weight \(2, 3\), the file has nothing"),
    ],
)
def test_what_does_not_fit_is_shown(found, message):
    with pytest.raises(UserError, match=message):
        match_names(WANTED, found)


def test_layers_are_not_guessed():
    """The file's second layer has the bias, the network's first: all shapes fit, and yet it is another network."""
    wanted = {"0.weight": (4, 4), "0.bias": (4,), "1.weight": (4, 4)}
    with pytest.raises(UserError, match="which of its layers"):
        match_names(wanted, {"a0_weight": (4, 4), "a1_weight": (4, 4), "a1_bias": (4,)})


def vgg_file(path, prefix="vgg0_", dense=True):
    """All of VGG16's convolutions, whose values tell which they are, under the model zoo's old names."""
    channels = [3, 64, 64, 128, 128, 256, 256, 256, *[512] * 6]
    arrays = {}
    for k, (into, out) in enumerate(zip(channels, channels[1:])):
        arrays[f"{prefix}conv{k}_weight"] = np.full((out, into, 3, 3), k, np.float16)
        arrays[f"{prefix}conv{k}_bias"] = np.full(out, -k, np.float16)
    if dense:
        arrays[f"{prefix}dense0_weight"], arrays[f"{prefix}dense0_bias"] = np.zeros((2, 512)), np.zeros(2)
    write_params(path, {name: arrays[name] for name in sorted(arrays)})


@pytest.mark.parametrize("dense", [False, True])
def test_a_whole_vgg_into_a_cut_one(tmp_path, dense):
    vgg_file(tmp_path / "vgg.params", dense=dense)
    for net in (LossNetwork(("relu2_2",), "torchvision"), mx.gluon.model_zoo.vision.vgg16().features[:9]):
        report = load_parameters(net, tmp_path / "vgg.params")
        assert report.strategy == "beginning"
        assert len(report.unused) == 26 - 8 + 2 * dense
        assert str(report).endswith("not used")
        weights = [p for name, p in net._collect_params_with_prefix().items() if name.endswith("weight")]
        assert [p.data()[0, 0, 0, 0].asscalar() for p in weights] == [0, 1, 2, 3]
    with pytest.raises(UserError, match="does not fit"):
        load_parameters(nn.Conv2D(64, 5, in_channels=3), tmp_path / "vgg.params")


def test_what_fits_alone_may_be_taken(tmp_path):
    net = nn.HybridSequential()
    net.add(nn.Dense(2, in_units=2), nn.Dense(2, in_units=2, use_bias=False))
    net.initialize(mx.init.One())
    write_params(
        tmp_path / "x.params", {"0.weight": np.zeros((2, 2)), "1.weight": np.zeros((3, 2)), "9.a": np.zeros(1)}
    )
    with pytest.raises(UserError, match="lacks 1 of 3"):
        load_parameters(net, tmp_path / "x.params")
    report = load_parameters(net, tmp_path / "x.params", strict=False)
    assert report.pairs == (("0.weight", "0.weight"),)
    assert (report.unused, report.missing) == (("1.weight", "9.a"), ("0.bias", "1.weight"))
    assert net[1].weight.data().asnumpy().tolist() == [[1, 1], [1, 1]]


def test_constants_may_be_missing():
    found = {name: shape for name, shape in WANTED.items() if name != "b.bias"}
    strategy, pairs = match_names(WANTED, found, {"b.bias"})
    assert strategy == "names"
    assert len(pairs) == 3


def test_constants_in_bfloat16(tmp_path):
    spec = ModelSpec(
        "SuperResolutionNet", {"scale": 2, "width": 4, "blocks": 1, "norm": "none", "skip": True, "lowpass": 0.3}
    )
    net = spec.build().net
    net.initialize()
    arrays = values_of(net)
    rounded = {name: (array.view(np.uint32) + 0x8000 & 0xFFFF0000).view(np.float32) for name, array in arrays.items()}
    assert not np.array_equal(rounded["lowpass.filters"], arrays["lowpass.filters"])
    load_arrays(net, rounded, tmp_path / "x.safetensors")
    for name, array in values_of(net).items():
        constant = name in ("enlarge.filters", "lowpass.filters")
        np.testing.assert_array_equal(array, (arrays if constant else rounded)[name], err_msg=name)


def test_a_file_that_is_none(tmp_path):
    (tmp_path / "x.params").write_bytes(b"hello")
    with pytest.raises(ParamsFormatError, match=r"x\.params.*at byte"):
        load_parameters(mx.gluon.nn.Dense(1, in_units=1), tmp_path / "x.params")


@pytest.mark.parametrize(
    ("theirs", "ours", "anew"),
    [
        ({"scale": 2, "upsampling": "direct"}, {"scale": 1, "upsampling": "direct"}, True),
        ({"scale": 2, "upsampling": "transposed"}, {"scale": 4, "upsampling": "transposed"}, True),
        ({"scale": 2, "upsampling": "transposed"}, {"scale": 2, "upsampling": "nearest"}, True),
        ({"scale": 1, "upsampling": "nearest"}, {"scale": 1, "upsampling": "nearest"}, False),
    ],
)
def test_what_enlarges_otherwise_begins_anew(theirs, ours, anew):
    arguments = {"width": 4, "norm": "none", "blocks": 1, "skip": True}
    arrays = values_of(built(ModelSpec("SuperResolutionNet", {**arguments, **theirs})).net)
    taken = grown(arrays, ModelSpec("SuperResolutionNet", {**arguments, **ours, "blocks": 2}))
    assert {"head.0.weight", "body.0.conv2.weight", "body.1.conv2.weight"} <= set(taken)
    assert any(name.startswith(("up.", "tail.")) for name in taken) != anew


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_further_blocks_begin_by_doing_nothing(norm):
    arguments = {"scale": 2, "width": 4, "norm": norm, "upsampling": "nearest", "skip": True}
    small, large = (ModelSpec("SuperResolutionNet", {**arguments, "blocks": blocks}) for blocks in (1, 3))
    before, after = built(small), large.build()
    after.net.initialize()
    arrays = grown(values_of(before.net), large)
    assert load_arrays(after.net, arrays, "", strict=False).unused == ()
    x = mx.nd.array(np.random.default_rng(0).uniform(0, 255, (1, 3, 9, 8)))
    for training in (False, True):  # batch norm would turn a convolution of zeros into noise
        with mx.autograd.record(train_mode=training):
            np.testing.assert_allclose(after(x).asnumpy(), before(x).asnumpy(), atol=1e-3)
    for other in ({"width": 8}, {"blocks": 0}, {"lowpass": 0.3}, {"skip": False, "blocks": 3}):
        spec = ModelSpec("SuperResolutionNet", {**small.arguments, **other})
        assert grown(values_of(built(small).net), spec) is None
