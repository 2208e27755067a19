"""A run's folder: its settings, and what its training leaves there."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from gluon_perceptual.checkpoint.parameters import CELL
from gluon_perceptual.checkpoint.spec import ModelSpec
from gluon_perceptual.errors import UserError
from gluon_perceptual.files import parse_json, write_bytes, write_json
from gluon_perceptual.formats.mxnet_params import read_params, write_params
from gluon_perceptual.nets.lowpass_kernel import lowpass_filters
from gluon_perceptual.training.config import TrainingConfig
from gluon_perceptual.training.growth import grown
from gluon_perceptual.training.style_config import StyleConfig
from gluon_perceptual.training.super_resolution_config import SuperResolutionConfig
from gluon_perceptual.weights import model_path

from .networks import MARGIN, SuperResolutionNet, load, network_of
from .pairs import Pairs, make_pairs
from .training import Step, train

Config = Any  # StyleConfig or SuperResolutionConfig


def complete_run(run: Path, count: int, device: str, processes: int) -> None:
    """Run all steps of a run, on the first `count` pairs of its data, see `__main__`."""
    config = config_of(parse_json((run / "config.json").read_bytes())["config"])
    check(config)
    made = make_pairs(config, min(count, config.steps * config.batch), processes)
    save(run, config, *trained(config, made, torch.device(device)))


def config_of(values: dict[str, Any]) -> Config:
    """Return the settings that config.json holds."""
    kind: type[TrainingConfig] = StyleConfig if "style" in values else SuperResolutionConfig
    values = {**kind.earlier, **values}
    settings: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
    return kind(**settings)


def check(config: Config) -> None:
    """Raise UserError if a run has settings that would be ignored here."""
    kinds = ("transposed", "nearest", "direct")
    expected = {"vgg": ("shipped",), "schedule": ("cosine", "constant"), "upsampling": kinds, "on_nonfinite": ("stop",)}
    for name, values in expected.items():
        if getattr(config, name) not in values:
            raise UserError(f"`{name}` {getattr(config, name)}: only {' and '.join(values)} can be trained here")
    if isinstance(config, StyleConfig) and (config.size % CELL or config.size <= MARGIN):
        raise UserError(f"`size` {config.size}: only multiples of {CELL} over {MARGIN} can be trained here")
    if getattr(config, "shards", None):
        raise UserError("`shards`: only runs on photos can be trained here")


def trained(
    config: Config, made: tuple[np.ndarray, ...], device: torch.device
) -> tuple[nn.Module, list[dict[str, float]]]:
    """Return the trained network, and the lines of its log, one per step."""
    on_gpu = device.type == "cuda"
    torch.backends.cudnn.benchmark = torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = on_gpu
    torch.manual_seed(config.seed)
    net = network_of(config)
    if config.start_from:
        start(net, config)
    net = net.to(device, memory_format=torch.channels_last)
    narrow = on_gpu or config.precision == "bfloat16"
    step = Step(net, config, Pairs(made, config.batch, device), torch.bfloat16 if narrow else torch.float32)
    log: list[dict[str, float]] = []
    with tqdm(total=config.steps, mininterval=5) as bar:
        for lines in train(step):
            log += lines
            if not math.isfinite(lines[-1]["loss"]):
                raise UserError(f"the loss is not finite after {len(log)} steps; nothing is written")
            bar.set_postfix(loss=f"{lines[-1]['loss']:.4g}", refresh=False)
            bar.update(len(lines))
    return net, log


def start(net: nn.Module, config: Config) -> None:
    """Load the parameters that a run starts from, which may be a smaller network's, see `training.growth`."""
    arrays = read_params(model_path(config.start_from))
    if isinstance(config, SuperResolutionConfig):
        names = ("scale", "width", "blocks", "norm", "upsampling")
        spec = ModelSpec("SuperResolutionNet", {**{name: getattr(config, name) for name in names}, "skip": True})
        further = grown(arrays, spec)
        if further is not None:
            arrays = {**{name: value.numpy() for name, value in net.state_dict().items()}, **further}
    load(net, arrays)


def save(run: Path, config: Config, net: nn.Module, log: list[dict[str, float]]) -> None:
    """Write the last step's checkpoint and the log, and record the device in config.json."""
    device = next(net.parameters()).device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "a CPU"
    record = parse_json((run / "config.json").read_bytes())
    write_json(run / "config.json", {**record, "device": f"{name}, with PyTorch {torch.__version__}"})
    folder = run / "checkpoints"
    folder.mkdir(exist_ok=True)
    write_params(folder / f"step-{config.steps:07d}.params", arrays_of(net, config))
    write_bytes(run / "log.jsonl", "".join(f"{json.dumps(line)}\n" for line in log).encode())


def arrays_of(net: nn.Module, config: Config) -> dict[str, np.ndarray]:
    """Return all parameters that Gluon's network has, by its names, its constants among them."""
    arrays = {name: values.detach().cpu().numpy() for name, values in net.state_dict().items()}
    enlarges = isinstance(net, SuperResolutionNet)
    if enlarges:
        arrays["enlarge.filters"] = net.phases.cpu().numpy()
    if config.lowpass:
        name, step = ("lowpass.filters", config.scale) if enlarges else ("decode.lowpass.filters", CELL)
        arrays[name] = lowpass_filters(config.lowpass, step)
    return {name: np.ascontiguousarray(array) for name, array in arrays.items()}
