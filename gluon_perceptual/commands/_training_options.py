"""The options that all training commands have."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Callable

import click
from click.core import ParameterSource

from ..errors import UserError
from ..weights import models
from ._options import device_options
from ._types import LARGEST_COUNT, LARGEST_SEED, InputFile, Number

WITHOUT_OPTION = {"beta2": Number(0, 1, min_open=True, max_open=True)}
Picture = InputFile(resolve_path=True)

_OPTIONS: list[Callable[[Any], Any]] = [
    click.option("--data", type=Picture, help="Photos: folder, list or .rec file.  [default: samples]"),
    click.option("--validation", type=Picture, help="Likewise, to measure on.  [default: some of --data, held out]"),
    click.option("--tv", type=Number(0), help="Weight of the total variation."),
    click.option("--vgg", metavar="shipped|zoo|zoo19|FILE", help="Weights of the loss network.  [default: shipped]"),
    click.option(
        "--start-from",
        metavar="NAME|FILE",
        callback=lambda context, option, value: absolute(value),
        help="Parameters to start from, of such a network; NAME: of a model that ships.  [default: random]",
    ),
    click.option("--steps", type=click.IntRange(1, LARGEST_COUNT), help="Updates."),
    click.option("--batch", type=click.IntRange(1, 65536), help="Pictures in an update.  [default: 4]"),
    click.option("--learning-rate", "--lr", type=Number(0, min_open=True), help="Adam's rate."),
    click.option("--schedule", type=click.Choice(["cosine", "step", "constant"]), help="How the rate goes down."),
    click.option("--warmup", type=click.IntRange(0, LARGEST_COUNT), help="Updates in which the rate goes up."),
    click.option("--max-norm", type=Number(0), help="Clip gradients to this norm; 0: never."),
    click.option(
        "--on-nonfinite",
        type=click.Choice(["stop", "skip"]),
        help="What to do where a loss or gradient is not finite.  [default: stop]",
    ),
    click.option(
        "--precision",
        type=click.Choice(["float32", "bfloat16", "float16"]),
        help="Numeric precision of the networks. bfloat16: on CPUs that support it; float16: on GPUs, with MXNet's AMP "
        "and loss scaling.  [default: float32]",
    ),
    click.option("--amp", "precision", flag_value="float16", hidden=True),  # its name before bfloat16 came
    click.option("--seed", type=click.IntRange(0, LARGEST_SEED), help="Of everything random.  [default: 0]"),
    click.option("--workers", type=click.IntRange(0, 256), help="Threads that prepare pictures.  [default: 2]"),
    click.option("--out", type=click.Path(), help="The run's folder.  [default: runs/… or the next that is free]"),
    click.option(
        "--resume",
        type=click.Choice(["always", "auto"]),
        is_flag=False,
        flag_value="always",
        help="Go on with the run in --out, from its last checkpoint and with its settings; auto: or start it.",
    ),
    click.option("--save-every", type=click.IntRange(1, LARGEST_COUNT), default=500, help="Steps between checkpoints."),
    click.option(
        "--keep", type=click.IntRange(0, LARGEST_COUNT), default=3, help="Checkpoints to keep, and the best; 0: all."
    ),
    click.option(
        "--preview-every", type=click.IntRange(1, LARGEST_COUNT), default=200, help="Steps between preview pictures."
    ),
    click.option("--tensorboard", is_flag=True, help="Write TensorBoard events too."),
    click.option(
        "--kvstore",
        type=click.Choice(["local", "device", "nccl", "dist_sync", "dist_async"]),
        help="What adds up gradients; dist_sync: those of a cluster's workers.  [default: local; device for GPUs]",
    ),
    click.option("--patience", type=Number(1, 1e6), default=300, help="Seconds to wait for the other workers."),
    device_options,
]


@dataclass(frozen=True)
class RunOptions:
    """What is kept of a run, and how often; see the options of the same names."""

    out: str | None
    resume: str | None
    save_every: int
    keep: int
    preview_every: int
    tensorboard: bool
    kvstore: str | None = None
    patience: float = 300


def absolute(model: str | None) -> str | None:
    """Return the path from the root of a model's file, or the name of a model that ships as it is."""
    return model if model is None or model in models() else str(Path(model).resolve())


def training_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add them."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def check_settings(command: click.Command, config: Any, path: Path) -> None:
    """Raise UserError where a setting in the file `path` is one that its option would not take."""
    kinds = {option.name: option.type for option in command.params}
    for name, kind in {**kinds, **WITHOUT_OPTION}.items():
        value = getattr(config, str(name), None)
        if value is not None and not isinstance(value, tuple) and not isinstance(kind, click.types.BoolParamType):
            try:
                kind.convert(str(value), None, None)
            except click.BadParameter as error:
                raise UserError(f"{path}: {name} {value!r}: {error.message}") from error


def run_options(context: click.Context) -> RunOptions:
    """Return what the command line says of them."""
    return RunOptions(**{entry.name: context.params[entry.name] for entry in fields(RunOptions)})


def given(context: click.Context) -> dict[str, Any]:
    """Return the settings that the command line has, without those of the run."""
    names = {entry.name for entry in fields(RunOptions)}
    return {
        name: value
        for name, value in context.params.items()
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE and name not in names
    }
