"""`benchmarks.pytorch_training` does the steps of MXNet's training: same pairs, losses, schedule and clipping."""

import shutil

import numpy as np
import pytest
from cli import run
from click.testing import CliRunner
from PIL import Image

from gluon_perceptual import cpu
from gluon_perceptual.choices import VariationKind, of
from gluon_perceptual.formats.mxnet_params import read_params
from gluon_perceptual.training.jsonl import read_lines

pytest.importorskip("torch", reason="PyTorch is not installed")
pytestmark = pytest.mark.usefixtures("no_figures")

SHARED = ("--width", 4, "--batch", 2, "--steps", 4, "--warmup", 2, "--workers", 0)
SR = ("--scale", 2, "--blocks", 1, "--patch", 32, "--sigma", 0, *SHARED)
STYLE = ("train-style", "{photos}/0.png", "--size", 48, "--style-size", 64, "--optimizer", "adam", *SHARED)
RUNS = {
    "pixel": ("train-sr", *SR, "--loss", "pixel"),
    "mix": ("train-sr", *SR, "--feature-layer", "relu3_3", "--mix", 0.01, "--grid", 2, "--lowpass", 0.3),
    "textures": ("train-sr", *SR, "--feature-layer", "relu2_2", "--mix", 0.01, "--textures-only"),
    "waves": ("train-sr", *SR, "--loss", "pixel", "--waves", 1, "--echoes", 2),
    "direct": ("train-sr", *SR, "--loss", "pixel", "--upsampling", "direct"),
    "style": STYLE,
    "soap": (*STYLE, "--optimizer", "soap", "--lr", 1e-3),
    "variation": (*STYLE, "--tv", 1e4, "--tv-kind", "isotropic"),
    "bfloat16": ("train-sr", *SR, "--mix", 0.01, "--upsampling", "direct", "--precision", "bfloat16"),
}


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder of photos, some of them held out."""
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for number in range(3):
        Image.fromarray(rng.integers(0, 256, (20, 20, 3), np.uint8)).resize((80, 80)).save(folder / f"{number}.png")
    return folder


@pytest.mark.parametrize("kind", RUNS)
def test_the_same_steps(kind, photos, tmp_path):
    from benchmarks.pytorch_training.__main__ import main

    if kind == "bfloat16" and cpu.bfloat16_support() == cpu.NONE:
        pytest.skip("this processor has no bfloat16")
    command, *options = (str(word).format(photos=photos) for word in RUNS[kind])
    start = tmp_path / "start/checkpoints/step-0000004.params"
    assert run(command, *options, "--data", photos, "--out", tmp_path / "start")[0] == 0
    again = ("--data", photos, "--out", tmp_path / "mxnet", "--start-from", start, "--seed", 1)
    assert run(command, *options, *again)[0] == 0
    shutil.copytree(tmp_path / "mxnet", tmp_path / "torch")
    (tmp_path / "torch/log.jsonl").unlink()
    found = CliRunner().invoke(main, [str(tmp_path / "torch"), "--device", "cpu", "--processes", "1"])
    assert found.exit_code == 0, found.output
    ours, theirs = (read_lines(tmp_path / name / "log.jsonl") for name in ("mxnet", "torch"))
    for key, tolerance in (("loss", 1e-3), ("gradient_norm", 1e-2), ("learning_rate", 1e-9)):
        np.testing.assert_allclose([line[key] for line in theirs], [line[key] for line in ours], rtol=tolerance)
    arrays, made = (read_params(tmp_path / name / "checkpoints/step-0000004.params") for name in ("mxnet", "torch"))
    assert set(made) == set(arrays)
    for name, array in arrays.items():
        assert made[name].shape == array.shape
        if kind == "soap":
            continue  # its eigenvectors are those of rounding errors where there is no gradient, and weights move, too
        difference = np.abs(made[name] - array)  # of four updates of at most 1e-3
        assert difference.mean() < 1e-4, name  # not the maximum: Adam moves by the sign of gradients that are about 0


@pytest.mark.parametrize("option", [("--schedule", "step"), ("--upsampling", "subpixel"), ("--tv", 1)])
def test_settings_that_would_be_ignored_are_refused(option, photos, tmp_path):
    from benchmarks.pytorch_training.__main__ import main

    command, *options = RUNS["pixel"]
    assert run(command, *options, *option, "--data", photos, "--out", tmp_path / "run")[0] == 0
    log = (tmp_path / "run/log.jsonl").read_bytes()
    found = CliRunner().invoke(main, [str(tmp_path / "run"), "--device", "cpu", "--processes", "1"])
    assert found.exit_code == 1
    assert found.output.splitlines()[-1].startswith("Error: ")
    assert (tmp_path / "run/log.jsonl").read_bytes() == log


@pytest.mark.parametrize("kind", of(VariationKind))
def test_the_same_variation(kind):
    import torch

    from benchmarks.pytorch_training.losses import variation
    from gluon_perceptual._mxnet import mx
    from gluon_perceptual.losses.terms import TotalVariationLoss

    pictures = np.random.default_rng(0).uniform(0, 255, (2, 3, 20, 24)).astype(np.float32)
    ours = TotalVariationLoss.kinds[kind](mx.nd, mx.nd.array(pictures)).asnumpy().mean()
    assert float(variation(torch.from_numpy(pictures), kind)) == pytest.approx(ours, rel=1e-5)


@pytest.mark.parametrize("kind", ["waves", "echoes"])
def test_the_same_waves(kind):
    import torch

    from benchmarks.pytorch_training.losses import wave_error
    from gluon_perceptual._mxnet import mx
    from gluon_perceptual.losses import waves

    rng = np.random.default_rng(0)
    truth = 128 + rng.normal(0, 2, (2, 3, 48, 64)).astype(np.float32)
    truth[..., 32:] *= rng.uniform(0, 2, (48, 32)).astype(np.float32)  # texture, where waves do not count
    output = truth + rng.normal(0, 2, truth.shape).astype(np.float32)
    ours = waves.wave_error(mx.nd, mx.nd.array(output), mx.nd.array(truth), kind).asnumpy().mean()
    found = wave_error(torch.from_numpy(output), torch.from_numpy(truth), kind)
    assert float(found) == pytest.approx(ours, rel=1e-4)


@pytest.mark.parametrize("shape", [(6, 4, 3, 3), (6, 6), (5,)])
def test_the_same_optimizer(shape):
    import torch

    from benchmarks.pytorch_training.soap import SOAP
    from gluon_perceptual._mxnet import mx
    from gluon_perceptual.training import soap

    rng = np.random.default_rng(0)
    start, scale = rng.normal(size=(2, *shape)).astype(np.float32)
    weight, parameter = mx.nd.array(start), torch.nn.Parameter(torch.tensor(start))
    update = mx.optimizer.get_updater(soap.SOAP(learning_rate=0.01))
    optimizer = SOAP([parameter], torch.tensor(0.01), (0.9, 0.99))
    for _ in range(25):
        gradient = weight.asnumpy() + scale * rng.normal(size=shape).astype(np.float32)
        update(0, mx.nd.array(gradient), weight)
        parameter.grad = torch.tensor(gradient)
        optimizer.step()
    assert np.abs(weight.asnumpy() - start).max() > 0.05
    np.testing.assert_allclose(parameter.detach().numpy(), weight.asnumpy(), atol=1e-5)
