"""`python -m benchmarks.pytorch_training RUN`: make the training of a run's folder in PyTorch."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Callable

import click
import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from gluon_perceptual.errors import UserError
from gluon_perceptual.files import parse_json, write_json
from gluon_perceptual.formats.mxnet_params import read_params, write_params
from gluon_perceptual.nets.lowpass_kernel import lowpass_kernel, phases_of
from gluon_perceptual.training.style_config import StyleConfig
from gluon_perceptual.training.super_resolution_config import SuperResolutionConfig
from gluon_perceptual.weights import model_path

from .networks import SuperResolutionNet, load, network_of
from .pairs import Pairs, make_pairs
from .training import Step, train

Config = Any  # StyleConfig or SuperResolutionConfig


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--pairs", "count", type=click.IntRange(1), default=40_000, help="Pairs to make; they are used in rounds."
)
@click.option("--device", default="cuda", help="As PyTorch calls it.")
@click.option("--processes", type=click.IntRange(1), default=os.cpu_count(), help="Processes that make pairs.")
def main(run: Path, count: int, device: str, processes: int) -> None:
    """Make all steps of RUN, the folder of a training that was stopped at its beginning, in PyTorch.

    For GPUs of CUDA 12 and later, on which MXNet 1.9.1 does not run. The settings in RUN/config.json decide all: the
    pairs are the command's, by number; the losses, the schedule and the clipping, too. In float32 the first steps
    equal MXNet's to rounding; on a GPU the VGG16 and the convolutions of styles compute in bfloat16, those of
    super-resolution in TF32.
    """
    try:
        config = config_of(parse_json((run / "config.json").read_bytes())["config"])
        made = make_pairs(config, min(count, config.steps * config.batch), processes)
        save(run, config, *finish(config, made, torch.device(device)))
    except (UserError, OSError) as error:
        raise click.ClickException(str(error)) from error


def config_of(values: dict[str, Any]) -> Config:
    """Return the settings that config.json holds."""
    kind: Callable[..., Config] = StyleConfig if "style" in values else SuperResolutionConfig
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})


def finish(
    config: Config, made: tuple[np.ndarray, ...], device: torch.device
) -> tuple[nn.Module, list[dict[str, float]]]:
    """Return the trained network, and the lines of its log, one a step."""
    on_gpu = device.type == "cuda"
    torch.backends.cudnn.benchmark = torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = on_gpu
    torch.manual_seed(config.seed)
    net = network_of(config)
    if config.start_from:
        load(net, read_params(model_path(config.start_from)))
    net = net.to(device, memory_format=torch.channels_last)
    step = Step(net, config, Pairs(made, config.batch, device), torch.bfloat16 if on_gpu else torch.float32)
    log: list[dict[str, float]] = []
    with tqdm(total=config.steps, mininterval=5) as bar:
        for lines in train(step):
            log += lines
            bar.set_postfix(loss=f"{lines[-1]['loss']:.4g}", refresh=False)
            bar.update(len(lines))
    return net, log


def save(run: Path, config: Config, net: nn.Module, log: list[dict[str, float]]) -> None:
    """Write the last step's checkpoint and the log, and note in config.json what the run was made on."""
    device = next(net.parameters()).device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "a CPU"
    record = parse_json((run / "config.json").read_bytes())
    write_json(run / "config.json", {**record, "device": f"{name}, with PyTorch {torch.__version__}"})
    folder = run / "checkpoints"
    folder.mkdir(exist_ok=True)
    write_params(folder / f"step-{config.steps:07d}.params", arrays_of(net, config))
    (run / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in log), encoding="utf-8")


def arrays_of(net: nn.Module, config: Config) -> dict[str, np.ndarray]:
    """Return all parameters that Gluon's network has, by its names, its constants among them."""
    arrays = {name: values.detach().cpu().numpy() for name, values in net.state_dict().items()}
    if isinstance(net, SuperResolutionNet):
        arrays["enlarge.filters"] = net.phases.cpu().numpy()
        if config.lowpass is not None:
            arrays["lowpass.filters"] = phases_of(lowpass_kernel(config.lowpass), config.scale)
    return {name: np.ascontiguousarray(array) for name, array in arrays.items()}


if __name__ == "__main__":
    main()
