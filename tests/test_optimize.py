"""Pictures by optimization: L-BFGS and Adam, styles of any size, the commands."""

import numpy as np
import pytest
from cli import assert_one_line_error, run, write
from test_stylizer import photo

from gluon_perceptual._mxnet import mx
from gluon_perceptual.errors import UserError
from gluon_perceptual.evaluation.metrics import psnr
from gluon_perceptual.image.io import read_rgb, to_image, to_tensor
from gluon_perceptual.losses.style_transfer import blended_grams
from gluon_perceptual.nets.vgg import LossNetwork
from gluon_perceptual.optimize import Objective, inversion_objective, minimize, noise, style_objective


def losses_of(objective, start, iterations, **options):
    losses = []
    found = minimize(objective, start, iterations, watch=lambda i: losses.append(i.terms["loss"]), **options)
    return found, losses


@pytest.mark.parametrize("variation", [{"tv": 1e-4}, {"tv": 1e4, "tv_kind": "isotropic"}])
def test_gradient_is_that_of_the_loss(variation):
    objective = style_objective(photo(32, 40), [photo(33, 50, seed=1)], **variation)
    rng = np.random.default_rng(0)
    start = rng.uniform(50, 200, 3 * 32 * 40)
    loss, gradient = objective(start)
    direction = gradient * rng.uniform(0, 2, start.size)  # where the slope is steep, beside rounding and kinks
    direction /= np.abs(direction).max()
    assert loss == pytest.approx(sum(w * objective.terms[n] for n, w in objective.loss.weights.items()))
    step = 0.05
    difference = (objective(start + step * direction)[0] - objective(start - step * direction)[0]) / (2 * step)
    assert gradient @ direction == pytest.approx(difference, rel=0.02)


def test_the_compiled_gradient_is_the_plain_one():
    """MXNet reshapes oneDNN's layouts in place, which once spoilt what the backward pass needs."""
    objective = style_objective(photo(32, 40), [photo(33, 50, seed=1)])
    start = noise(objective.shape).ravel()
    compiled = objective(start)
    objective.loss.hybridize(False)
    plain = objective(start)
    assert compiled[0] == pytest.approx(plain[0], rel=1e-6)
    np.testing.assert_allclose(compiled[1], plain[1], rtol=1e-3, atol=1e-5 * np.abs(plain[1]).max())


@pytest.mark.parametrize("layer", ["relu1_2", "relu2_2"])
def test_every_accepted_step_of_lbfgs_lowers_the_loss(layer):
    image = photo(40, 36)
    objective = inversion_objective(image, layer)
    found, losses = losses_of(objective, noise(objective.shape), 60)
    assert len(losses) == 60
    assert all(after < before for before, after in zip(losses, losses[1:]))
    assert found.min() >= 0
    assert found.max() <= 255
    assert (
        psnr(to_image(found), image, data_range=255) > psnr(to_image(noise(objective.shape)), image, data_range=255) + 5
    )


def test_style_comes_nearer_and_content_stays():
    content, style = photo(40, 56), photo(64, 48, seed=5)
    objective = style_objective(content, [style], content_weight=0.1)
    start = to_tensor(content).astype(np.float64).ravel()
    before = objective(start)[0]
    _, losses = losses_of(objective, to_tensor(content), 10)
    assert losses[-1] < 0.5 * before


def test_adam_lowers_the_loss():
    objective = inversion_objective(photo(32, 32), "relu1_2")
    found, losses = losses_of(objective, noise(objective.shape), 20, optimizer="adam")
    assert losses[-1] < 0.2 * losses[0]
    assert found.min() >= 0
    with pytest.raises(UserError, match="`optimizer` 'sgd': expected one of lbfgs, adam"):
        minimize(objective, found, 1, "sgd")


def test_blended_grams_are_the_weighted_mean():
    network = LossNetwork.pretrained(("relu1_2", "relu2_2"))
    one, other = photo(32, 40), photo(50, 33, seed=2)
    grams = [blended_grams(network, [picture]) for picture in (one, other)]
    blend = blended_grams(network, [one, other], (3.0, 1.0))
    for name, gram in blend.items():
        expected = 0.75 * grams[0][name] + 0.25 * grams[1][name]
        np.testing.assert_allclose(gram.asnumpy(), expected.asnumpy(), rtol=1e-5)


def test_vgg19_from_a_file(tmp_path):
    """Random weights: VGG19 has a fourth convolution in its third stage, relu3_4."""
    source = LossNetwork(("relu3_4", "relu1_1"), "torchvision", depth=19)
    source.initialize(mx.init.Xavier())
    x = mx.nd.array(to_tensor(photo(32, 32)))
    expected = [maps.asnumpy() for maps in source(x)]
    source.features.save_parameters(str(tmp_path / "vgg19.params"))
    loaded = LossNetwork.pretrained(("relu3_4", "relu1_1"), str(tmp_path / "vgg19.params"))
    for mine, theirs in zip(loaded(x), expected):
        np.testing.assert_allclose(mine.asnumpy(), theirs, rtol=1e-5)
    with pytest.raises(UserError, match="layer relu3_4: expected some of"):
        LossNetwork(("relu3_4",))


def test_an_objective_of_one_term_says_what_it_is():
    objective = inversion_objective(photo(32, 32), "relu2_2", tv=0.0)
    assert isinstance(objective, Objective)
    objective(noise(objective.shape).ravel())
    assert set(objective.terms) == {"feature:relu2_2", "loss"}


def test_style_command(tmp_path):
    content, styles = write(tmp_path / "content.png", height=36, width=50), []
    for name in ("a", "b"):
        styles.append(write(tmp_path / f"{name}.png", height=40, width=44))
    out = tmp_path / "out.png"
    options = ("--size", 40, "--style-size", 0, "--iterations", 4, "--save-every", 2, "--blend", "1,2")
    status, stdout, _ = run("optimize-image", "style", content, *styles, "-o", out, *options)
    assert status == 0
    assert str(out) in stdout
    assert read_rgb(out).shape == (29, 40, 3)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "loss.png",
        "step-00002.png",
        "step-00004.png",
    ]


def test_each_kind_of_total_variation_has_a_weight(tmp_path):
    content, painting = (write(tmp_path / f"{name}.png", height=36, width=40) for name in ("content", "painting"))
    options = {"a": (), "b": ("--tv-kind", "isotropic", "--tv", 1e4), "c": ("--tv-kind", "paper"), "d": ("--tv", 0)}
    for name, given in options.items():
        given = ("--size", 40, "--iterations", 4, "-o", tmp_path / f"{name}.png", *given)
        assert run("optimize-image", "style", content, painting, *given)[0] == 0
    calm, same, papers, none = (read_rgb(tmp_path / f"{name}.png").astype(int) for name in options)
    assert np.array_equal(calm, same)
    assert np.abs(papers - none).mean() < np.abs(calm - none).mean()
    assert np.abs(np.diff(calm, axis=0)).sum() < np.abs(np.diff(none, axis=0)).sum()


def test_inversion_command_makes_the_series(tmp_path):
    image, out = write(tmp_path / "in.png", height=40, width=40), tmp_path / "out.png"
    options = ("--size", 40, "--iterations", 3)
    status, stdout, _ = run("optimize-image", "invert", image, "-o", out, "--layer", "relu1_2,relu2_2", *options)
    assert status == 0
    assert stdout.count("PSNR") == 2
    assert out.exists()
    for layer in ("relu1_2", "relu2_2"):
        assert read_rgb(tmp_path / "out" / f"{layer}.png").shape == (40, 40, 3)
        assert (tmp_path / "out" / layer / "loss.png").exists()


def test_what_cannot_be_written_is_not_begun(tmp_path):
    image, text = write(tmp_path / "in.png", height=40, width=40), tmp_path / "out.txt"
    for arguments in (["style", image, image], ["invert", image], ["invert", image, "--layer", "relu1_2,relu2_2"]):
        assert_one_line_error(run("optimize-image", *arguments, "-o", text), "out.txt", "'.txt'; expected one of")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["invert", "{photo}", "-o", "{out}", "--layer", "relu9_9"], ["relu9_9", "expected some of relu1_1"]),
        (["invert", "{photo}", "-o", "{out}", "--layer", "relu1_2,relu5_1"], ["relu5_1"]),
        (["style", "{photo}", "{dot}", "-o", "{out}"], ["dot.png", "1×1", "at least 32"]),
        (
            ["style", "{photo}", "{photo}", "-o", "{out}", "--blend", "1,2"],
            ["--blend: expected a weight for each style picture, 1 in all"],
        ),
        (["style", "{strip}", "{photo}", "-o", "{out}", "--size", 90], ["1×90 pixels", "at least 16"]),
        (["invert", "{strip}", "-o", "{out}", "--size", 90], ["1×90 pixels", "at least 16"]),
        (["style", "{photo}", "{dot}", "-o", "{dot}"], ["dot.png is an input"]),
        (["invert", "{photo}", "-o", "{photo}"], ["in.png is an input"]),
        (["style", "{photo}", "{photo}", "-o", "{out}", "--style-layers", "relu1"], ["layer relu1"]),
    ],
)
def test_bad_input(tmp_path, arguments, parts):
    places = {"photo": write(tmp_path / "in.png", height=40, width=40), "dot": write(tmp_path / "dot.png", None, 1, 1)}
    places["strip"] = write(tmp_path / "strip.png", height=2, width=180)
    filled = [str(argument).format(out=tmp_path / "out.png", **places) for argument in arguments]
    assert_one_line_error(run("optimize-image", *filled), *parts)
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "out.png").exists()
