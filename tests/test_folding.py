import numpy as np
import pytest
from helpers import built, saved

from gluon_perceptual._mxnet import mx
from gluon_perceptual.checkpoint.model import load_for_use, load_model
from gluon_perceptual.checkpoint.spec import ModelSpec
from gluon_perceptual.nets.folding import fold_batch_norm, folded_parameters, has_batch_norm

SPECS = {
    "transposed": ModelSpec("SuperResolutionNet", {"scale": 2, "width": 6, "blocks": 2, "upsampling": "transposed"}),
    "nearest": ModelSpec("SuperResolutionNet", {"scale": 4, "width": 6, "blocks": 1, "upsampling": "nearest"}),
    "subpixel": ModelSpec("SuperResolutionNet", {"scale": 2, "width": 6, "blocks": 1, "upsampling": "subpixel"}),
    "low-pass": ModelSpec("SuperResolutionNet", {"scale": 2, "width": 6, "blocks": 1, "skip": True, "lowpass": 0.3}),
    "blog": ModelSpec("PlsrNet", {"width": 6, "blocks": 2}, max_value=1.0, mean=(0.4, 0.5, 0.6)),
}  # fmt: skip


@pytest.mark.parametrize("name", SPECS)
def test_a_model_loaded_for_use_has_no_norms_and_the_same_outputs(name, tmp_path):
    path = saved(tmp_path / "model.params", SPECS[name])
    folded = load_for_use(path)[0]
    assert not has_batch_norm(folded)
    x = mx.nd.random.uniform(0, 255, shape=(2, 3, 9, 8))
    expected = load_model(path)(x).asnumpy()
    assert expected.std() > 1
    np.testing.assert_allclose(folded(x).asnumpy(), expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


def test_folding_changes_none_of_its_arguments():
    rng = np.random.default_rng(0)
    weight, bias = rng.normal(size=(4, 3, 1, 1)), rng.normal(size=4)
    norm = {name: rng.uniform(1, 2, 4) for name in ("gamma", "beta", "running_mean", "running_var")}
    copies = weight.copy(), bias.copy(), {name: values.copy() for name, values in norm.items()}
    x = rng.normal(size=3)
    new_weight, new_bias = fold_batch_norm(weight, bias, norm, 1e-3)
    plain = weight[:, :, 0, 0] @ x + bias
    expected = (plain - norm["running_mean"]) / np.sqrt(norm["running_var"] + 1e-3) * norm["gamma"] + norm["beta"]
    np.testing.assert_allclose(new_weight[:, :, 0, 0] @ x + new_bias, expected, rtol=1e-12)
    np.testing.assert_array_equal(weight, copies[0])
    np.testing.assert_array_equal(bias, copies[1])
    assert all((norm[name] == copies[2][name]).all() for name in norm)


def test_parameters_without_norms_stay_as_they_are():
    arguments = {"scale": 2, "width": 4, "blocks": 1, "norm": "none", "skip": True}
    net = built(ModelSpec("SuperResolutionNet", arguments)).net
    parameters = net._collect_params_with_prefix()
    folded = folded_parameters(net)
    assert set(folded) == set(parameters)
    assert all((folded[name] == parameter.data().asnumpy()).all() for name, parameter in parameters.items())
