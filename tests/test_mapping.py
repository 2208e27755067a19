import numpy as np
import pytest

from gluon_perceptual._mxnet import mx
from gluon_perceptual.checkpoint import load_parameters, read_params, write_params
from gluon_perceptual.checkpoint.mapping import canonical_name, match_names
from gluon_perceptual.errors import ParamsFormatError, UserError
from gluon_perceptual.nets import PlsrNet

FILES = ["save_parameters", "save_params", "collect_params_save", "export-0003"]


def expected(shared):
    with np.load(shared / "params" / "blog_plsr.expected.npz") as arrays:
        return mx.nd.array(arrays["input"]), arrays["output"]


def check_output(net, shared):
    x, y = expected(shared)
    np.testing.assert_allclose(net(x).asnumpy(), y, atol=1e-5)


@pytest.mark.parametrize("kind", FILES)
def test_the_blogs_files_in_all_four_namings(shared, kind):
    net = PlsrNet()
    report = load_parameters(net, shared / "params" / f"blog_plsr.{kind}.params")
    assert report.strategy == ("names" if kind == "save_parameters" else "order")
    assert len(report.pairs) == 47
    assert "47 arrays matched" in str(report)
    check_output(net, shared)


@pytest.mark.parametrize("kind", FILES[1:])
@pytest.mark.parametrize("seed", range(3))
def test_prefixes_and_counters_do_not_matter(shared, tmp_path, kind, seed):
    rng = np.random.default_rng(seed)
    prefix, shift = f"other{rng.integers(99)}_", int(rng.integers(1, 200))
    renamed = {}
    for name, array in read_params(shared / "params" / f"blog_plsr.{kind}.params").items():
        mark, bare = (name[:4], name[4:]) if name[3:4] == ":" else ("", name)
        layer, number, rest = bare.replace("plsr_network0_", "").partition("_")[0], "", bare.split("_")[-1]
        layer, number = layer.rstrip("0123456789"), int(layer[len(layer.rstrip("0123456789")) :])
        rest = bare.replace("plsr_network0_", "").partition("_")[2]
        renamed[f"{mark}{prefix}{layer}{number * 3 + shift}_{rest}"] = array
    names = sorted(renamed) if seed else list(renamed)  # alphabetic: conv10 before conv2
    write_params(tmp_path / "renamed.params", {name: renamed[name] for name in names})
    net = PlsrNet()
    load_parameters(net, tmp_path / "renamed.params")
    check_output(net, shared)


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


def test_values_that_are_not_finite_are_counted(tmp_path):
    net = mx.gluon.nn.Dense(2, in_units=2)
    write_params(tmp_path / "x.params", {"weight": np.float32([[np.nan, 1], [np.inf, 2]]), "bias": np.zeros(2, "f4")})
    assert load_parameters(net, tmp_path / "x.params").not_finite == 2


def test_several_devices(tmp_path):
    net = mx.gluon.nn.Dense(1, in_units=1)
    write_params(tmp_path / "x.params", {"weight": np.float32([[3]]), "bias": np.float32([4])})
    load_parameters(net, tmp_path / "x.params", [mx.cpu(0), mx.cpu(1)])
    assert [float(data.asscalar()) for data in net.weight.list_data()] == [3, 3]


def test_names():
    assert canonical_name("aux:bn0_moving_var") == "bn0_running_var"
    assert canonical_name("arg:conv0_weight") == "conv0_weight"


WANTED = {"a.weight": (2, 3), "a.bias": (2,), "b.weight": (4, 2), "b.bias": (4,)}


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({"a.weight": (2, 3), "a.bias": (2,), "b.weight": (4, 2)}, r"lacks 1 of 4 parameters, first b\.bias"),
        ({**WANTED, "c.bias": (1,)}, r"1 arrays that the network lacks, first c\.bias"),
        ({**WANTED, "a.weight": (2, 9)}, r"a\.weight is \(2, 3\) in the network and \(2, 9\) in the file"),
        ({"a.weight": (2, 3), "a.bias": (2,), "b.weigth": (4, 2), "b.bias": (4,)}, r"its b\.weigth is nearest"),
        ({"x0_weight": (2, 3), "x0_bias": (2,), "x1_weight": (2, 4), "x1_bias": (4,)}, r"has b\.weight \(4, 2\)"),
        ({"x0_weight": (2, 3), "x0_bias": (2,)}, r"has b\.weight \(4, 2\), the file has nothing"),
        ({"arg:a.weight": (2, 3), "a.weight": (2, 3)}, "the same name"),
        ({"0": (2, 3), "1": (2,)}, "the file has nothing"),
    ],
)
def test_what_does_not_fit_is_shown(found, message):
    with pytest.raises(UserError, match=message):
        match_names(WANTED, found)


def test_constants_may_be_missing():
    found = {name: shape for name, shape in WANTED.items() if name != "b.bias"}
    strategy, pairs = match_names(WANTED, found, {"b.bias"})
    assert strategy == "names"
    assert len(pairs) == 3


def test_a_file_that_is_none(tmp_path):
    (tmp_path / "x.params").write_bytes(b"hello")
    with pytest.raises(ParamsFormatError, match=r"x\.params.*at byte"):
        load_parameters(mx.gluon.nn.Dense(1, in_units=1), tmp_path / "x.params")
