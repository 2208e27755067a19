"""Style training as a user runs it, on a tiny network and photos."""

import json

import numpy as np
import pytest
from cli import assert_one_line_error, run, write, write_photos

from gluon_perceptual._mxnet import mx
from gluon_perceptual.checkpoint.model import load_model
from gluon_perceptual.data.crops import PhotoCrops
from gluon_perceptual.errors import UserError
from gluon_perceptual.losses import functional
from gluon_perceptual.losses.style_transfer import read_style, style_weights
from gluon_perceptual.nets.pixels import PixelRangeAdapter
from gluon_perceptual.nets.vgg import LossNetwork
from gluon_perceptual.training.loop import StepResult
from gluon_perceptual.training.record import resumed_config
from gluon_perceptual.training.run import Run
from gluon_perceptual.training.saturation import SaturationWarning
from gluon_perceptual.training.step import TrainingStep
from gluon_perceptual.training.style import StyleConfig, style_task

ISOTROPIC = ["--tv", 1e4, "--tv-kind", "isotropic"]
TINY = ["--width", 2, "--size", 32, "--style-size", 40, "--batch", 2, "--steps", 4, "--workers", 1, "--warmup", 0]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_photos(tmp_path_factory.mktemp("photos"), 4, 40, 56)


@pytest.fixture(scope="module")
def painting(tmp_path_factory):
    return write(tmp_path_factory.mktemp("style") / "painting.png", height=50, width=44)


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--norm", "batch", "--content-layer", "relu3_3", "--style-layers", "relu1_1,relu2_1", *ISOTROPIC],
        ["--cpus", 2, "--stability", 1.0, "--range", 1.0, "--match-color", "--denoise", 3, "--upsampling", "subpixel"],
        ["--cpus", 2, "--batch", 3, "--norm", "instance", "--upsampling", "transposed", "--schedule", "constant"],
    ],
    ids=["default", "batch norm", "devices", "uneven devices"],
)
def test_a_run_leaves_everything(photos, painting, tmp_path, options, request):
    if options:  # figures are drawn in one of the runs
        request.getfixturevalue("no_figures")
    out = tmp_path / "run"
    command = ("train-style", painting, "--data", photos, *TINY, "--preview-every", 2, "--out", out, *options)
    status, stdout, _ = run(*command)
    assert status == 0
    assert "stylized" in stdout
    expected = [
        ".lock",
        "checkpoints",
        "config.json",
        "figure.png",
        "log.jsonl",
        "loss.png",
        "previews",
        "skipped.json",
        "stylized",
        "training.log",
        "validation.jsonl",
    ]
    assert sorted(path.name for path in out.iterdir()) == expected
    config = json.loads((out / "config.json").read_text())["config"]
    log = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in log] == [1, 2, 3, 4]
    terms = {f"feature:{config['content_layer']}", *(f"style:{layer}" for layer in config["style_layers"]), "tv"}
    assert terms <= set(log[0])
    for optional in ("stability", "range"):
        assert (optional in log[0]) == bool(config[optional])
    assert len(list((out / "previews").iterdir())) == 2
    assert load_model(out / "checkpoints" / "step-0000004.params").net.arguments["width"] == 2


@pytest.mark.usefixtures("no_figures")
def test_training_lowers_the_loss(photos, painting, tmp_path):
    command = ("train-style", painting, "--data", photos, *TINY, "--out", tmp_path / "run", "--steps", 15, "--lr", 0.03)
    assert run(*command)[0] == 0
    losses = [json.loads(line)["loss"] for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:3])


def make_run(photos, painting, **settings):
    given = {"width": 2, "size": 32, "style_size": 40, "steps": 3, "batch": 2, "workers": 0, **settings}
    return Run(style_task(StyleConfig(style=(str(painting),), data=str(photos), **given)))


@pytest.mark.parametrize("cpus", [1, 2])
def test_the_fast_twin_trains_the_network_itself(photos, painting, cpus):
    """The same updates, to rounding, as training the network without its twin."""
    results = []
    for fast in (True, False):
        training = make_run(photos, painting, cpus=cpus, optimizer="adam")
        assert training.trained_form is not training.model
        model = training.trained_form if fast else training.model
        step = TrainingStep(model, training.task.loss, training.targets, training.trainer, training.devices)
        pairs = training.task.pairs
        terms = [step(*(np.stack(part) for part in zip(pairs[k], pairs[k + 1]))) for k in (0, 2)]
        values = training.model.net._collect_params_with_prefix().items()
        results.append((terms, {name: p.data(training.devices[0]).asnumpy() for name, p in values}))
    for one, other in zip(results[0][0], results[1][0]):
        assert one == pytest.approx(other, rel=1e-3)
    for name, value in results[0][1].items():
        np.testing.assert_allclose(value, results[1][1][name], rtol=1e-2, atol=2e-4, err_msg=name)


@pytest.mark.usefixtures("no_figures")
def test_the_paper_s_training(photos, painting, tmp_path):
    command = ("train-style", painting, "--data", photos, *TINY[:-2], "--arch", "paper", "--out", tmp_path / "run")
    assert run(*command)[0] == 0
    config = json.loads((tmp_path / "run" / "config.json").read_text())["config"]
    expected = {"norm": "batch", "upsampling": "transposed", "output": "tanh", "style_balance": "entries"}
    expected.update(schedule="constant", warmup=0, max_norm=0.0, learning_rate=1e-3, flat=0.0, style_weight=5.0)
    expected["optimizer"] = "adam"
    assert {name: config[name] for name in expected} == expected
    net = load_model(tmp_path / "run" / "checkpoints" / "step-0000004.params").net
    built = {name: expected[name] for name in ("norm", "upsampling", "output")}
    assert net.arguments == {"width": 2, **built, "lowpass": None}
    with pytest.raises(UserError, match="`arch` 'blog': expected one of"):
        StyleConfig.from_architecture("blog")


def test_runs_of_before_the_choice_go_on_as_they_were(photos, painting, tmp_path):
    training = make_run(photos, painting)
    training.record().write(tmp_path / "config.json")
    record = json.loads((tmp_path / "config.json").read_text())
    for name in ("arch", "flat", "output", "style_balance", "lowpass", "optimizer"):
        del record["config"][name]
    (tmp_path / "config.json").write_text(json.dumps(record))
    config = resumed_config(StyleConfig, tmp_path / "config.json", {})
    paper = StyleConfig.from_architecture("paper", style=(str(painting),), data=str(photos), width=2, size=32)
    last = Run(style_task(paper)).model.net.decode[-3]
    assert last.weight.data().asnumpy().std() < 0.02  # a tanh starts in its middle
    assert (config.arch, config.output, config.style_balance, config.flat) == ("paper", "tanh", "entries", 0.0)
    assert config.optimizer == "adam"
    assert config.lowpass == 0
    with pytest.raises(UserError, match="wave has a linear output: give `output` linear to start from it"):
        make_run(photos, painting, start_from="wave", width=16, output="tanh")


def test_each_layer_counts_by_its_relative_error():
    grams = {f"style:{layer}": mx.nd.full((1, 4, 4), size) for layer, size in (("relu1_2", 3), ("relu4_3", 0.01))}
    layers, expected = ("relu1_2", "relu4_3"), {"relu1_2": 7 / (16 * 9), "relu4_3": 7 / (16 * 1e-4)}
    assert style_weights(layers, grams, 7.0) == pytest.approx(expected)
    assert style_weights(layers, grams, 8.0, "entries") == pytest.approx({"relu1_2": 0.5, "relu4_3": 0.5})


def test_a_saturated_output_is_warned_of_once(photos, painting, caplog):
    training, watch = make_run(photos, painting), SaturationWarning(0.01)
    step = TrainingStep(training.model, training.task.loss, training.targets, training.trainer, training.devices)
    batch = np.stack([training.task.pairs[k][0] for k in (0, 1)])
    terms = step(batch, batch)
    assert terms["clipped"] < 0.1
    training.model.net.decode[3].bias.set_data(mx.nd.full(3, 1e3))
    saturated = step(batch, batch)
    assert saturated["clipped"] == 1
    for number in range(1, 60):
        watch.after_step(StepResult(number, 99, terms if number <= 20 else saturated, 1e-3, 1.0, 0.0))
    warnings = [record.message for record in caplog.records if "saturates" in record.message]
    assert len(warnings) == 1
    assert "of its pixels are clipped (the style's own: 1.0 %)" in warnings[0]


@pytest.mark.usefixtures("no_figures")
def test_styles_are_blended(photos, painting, tmp_path):
    other = write(tmp_path / "other.png", np.zeros((40, 40, 3), np.uint8))
    command = ("train-style", painting, other, "--data", photos, *TINY, "--out", tmp_path / "run", "--blend", "3,1")
    assert run(*command)[0] == 0
    assert json.loads((tmp_path / "run" / "config.json").read_text())["config"]["blend"] == [3.0, 1.0]


def test_matched_colors_are_those_of_the_photos(photos, tmp_path):
    gray = write(tmp_path / "gray.png", np.random.default_rng(0).integers(0, 40, (40, 40, 3), np.uint8))
    training = make_run(photos, gray, match_color=True, style_size=0)
    crops = np.stack([training.task.pairs[k][0] for k in range(len(training.task.pairs))])
    np.testing.assert_allclose(training.task.styles[0].mean(axis=(0, 1)), crops.mean(axis=(0, 2, 3)), atol=12)


def test_crops_are_reproducible_and_of_their_size(photos):
    files = sorted(photos.iterdir())
    crops, again = PhotoCrops(files, 32, seed=1), PhotoCrops(files, 32, seed=1)
    for k in (9, 0, 4):
        np.testing.assert_array_equal(crops[k][0], again[k][0])
        assert crops[k][0].shape == (3, 32, 32)
        assert crops[k][0].dtype == np.uint8
    assert not np.array_equal(crops[0][0], crops[4][0])
    with pytest.raises(UserError, match="too small for crops of 400"):
        PhotoCrops(files, 400)[0]


def test_flat_crops_are_the_flattest_of_some_places(tmp_path):
    photo = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    photo[:, 60:] = 200
    write(tmp_path / "photo.png", photo)
    crops = {flat: PhotoCrops([tmp_path / "photo.png"], 32, 0, flat) for flat in (0.0, 0.5, 1.0)}
    deviations = {flat: np.array([found[k][0].std() for k in range(20)]) for flat, found in crops.items()}
    assert (deviations[0.0] > 10).all()
    assert (deviations[1.0] < 10).mean() > 0.8
    assert 0.2 < (deviations[0.5] < 10).mean() < 0.8
    np.testing.assert_array_equal(crops[0.5][7][0], PhotoCrops([tmp_path / "photo.png"], 32, 0, 0.5)[7][0])


@pytest.mark.usefixtures("no_figures")
def test_photos_smaller_than_the_network_s_frame(painting, tmp_path):
    write(tmp_path / "photos" / "small.png", height=10, width=12)
    command = ("train-style", painting, "--data", tmp_path / "photos", *TINY, "--out", tmp_path / "run")
    assert run(*command)[0] == 0
    assert (tmp_path / "run" / "stylized" / "small.png").exists()


@pytest.mark.usefixtures("no_figures")
def test_photos_of_the_same_name_have_pictures_of_their_own(photos, painting, tmp_path):
    for folder in ("a", "b"):
        write(tmp_path / folder / "1.png", height=60, width=50)
    command = ("train-style", painting, "--data", photos, "--validation", tmp_path, *TINY, "--out", tmp_path / "run")
    assert run(*command)[0] == 0
    assert sorted(path.name for path in (tmp_path / "run/stylized").iterdir()) == ["1-2.png", "1.png"]


def test_vgg19_has_layers_of_its_own(photos, painting, tmp_path):
    source = LossNetwork(("relu3_4",), "torchvision", depth=19)
    source.initialize(mx.init.Xavier())
    source(mx.nd.zeros((1, 3, 16, 16)))
    source.features.save_parameters(str(tmp_path / "vgg19.params"))
    settings = {"style": (str(painting),), "data": str(photos), "size": 32, "vgg": str(tmp_path / "vgg19.params")}
    task = style_task(StyleConfig(**settings, style_layers=("relu3_4",)))
    assert set(task.loss.weights) == {"feature:relu2_2", "style:relu3_4", "tv"}


def test_narrow_style_pictures_keep_their_shape(tmp_path):
    narrow = write(tmp_path / "narrow.png", height=40, width=400)
    assert read_style(narrow, 64).shape == (32, 320, 3)
    assert read_style(narrow, 360).shape == (36, 360, 3)
    assert read_style(narrow).shape == (40, 400, 3)


def test_mistakes(photos, painting, tmp_path):
    dot = write(tmp_path / "dot.png", None, 1, 1)
    cases = [
        ([dot], ["dot.png", "1×1", "at least 32"]),
        ([painting, "--blend", "1,2"], ["--blend: expected a weight for each style picture, 1 in all"]),
        ([painting, "--style-layers", "relu1_2,conv4"], ["layer conv4", "expected some of relu1_1"]),
        ([painting, "--style-layers", "relu5_1"], ["relu5_1"]),
        ([painting, "--cpus", 3], ["--batch 2 is less than the 3 devices"]),
        ([painting, "--data", dot], ["none of the 1 photos to measure on can be used"]),
        ([painting, "--data", tmp_path / "nothing"], ["nothing", "no such file or folder"]),
    ]
    for arguments, parts in cases:
        out = tmp_path / "run"
        result = run("train-style", "--data", photos, *TINY, "--out", out, *arguments)
        assert_one_line_error(result, *parts)
        assert not out.exists()
    assert run("train-style", painting, "--blend", "one")[0] == 2


def test_the_model_of_a_run_is_the_paper_s_network_on_pixels(photos, painting):
    training = make_run(photos, painting, norm="batch")
    assert isinstance(training.model, PixelRangeAdapter)
    expected = {"width": 2, "norm": "batch", "upsampling": "nearest", "output": "linear", "lowpass": 0.3}
    assert training.model.net.arguments == expected
    assert training.devices == [mx.cpu(0)]


def test_the_kind_of_total_variation(photos, painting):
    with pytest.raises(UserError, match="`tv_kind` isotropic: give its weight"):
        StyleConfig.from_architecture(tv_kind="isotropic")
    settings = dict(zip(("tv", "tv_kind"), ISOTROPIC[1::2]), style=(str(painting),), data=str(photos), size=32)
    config = StyleConfig.from_architecture(**settings, style_size=40, batch=2)
    picture = mx.nd.array(np.random.default_rng(0).uniform(0, 255, (1, 3, 32, 32)))
    task = style_task(config)
    expected = functional.isotropic_variation(mx.nd, picture).asscalar()
    assert task.loss.terms(picture, task.targets(picture))["tv"].asscalar() == pytest.approx(expected)
