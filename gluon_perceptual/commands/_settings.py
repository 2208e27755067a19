"""Trainings' options: settings are declared once with `training.settings`, and parsed and written here."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Callable, Mapping

import click
from click.core import ParameterSource

from ..choices import KVSTORES, VGG_WEIGHTS
from ..training.config import MACHINE, TrainingConfig
from ..training.settings import LARGEST_COUNT, Setting, setting, settings_of
from ..training.super_resolution_config import DECIDED_BY_SHARDS
from ..weights import models
from ._options import combined
from ._types import InputFile, Number, NumberChoice, parse_names, parse_numbers

PATH_OR_NAME = ("start_from", "vgg")  # settings that are a file or one of our names


@dataclass(frozen=True)
class RunOptions:
    """Options of a training besides its settings: what is saved of the run, and how often."""

    out: str | None = setting(None, "The run's folder.", metavar="PATH", default_text="a new folder in runs/")
    save_every: int = setting(500, "Steps between checkpoints.", least=1, most=LARGEST_COUNT)
    keep: int = setting(3, "Checkpoints to keep beside the best; 0: all.", least=0, most=LARGEST_COUNT)
    preview_every: int = setting(200, "Steps between preview pictures.", least=1, most=LARGEST_COUNT)
    tensorboard: bool = setting(False, "Write TensorBoard events too.")
    kvstore: str | None = setting(
        None,
        "What sums the gradients; dist_sync: across a cluster's workers.",
        choices=(*KVSTORES, "dist_async"),
        default_text="local; device for GPUs",
    )
    patience: float = setting(300.0, "Seconds to wait for other workers.", least=1, most=1e6)
    resume: str | None = setting(None, "", is_option=False)


def training_options(config: type[Any]) -> Callable[[Any], Any]:
    """Return a decorator that adds a configuration's settings and `RunOptions`."""
    return combined(
        settings_options(config),
        click.option("--amp", "precision", flag_value="float16", hidden=True),  # its name before there was bfloat16
        click.option(
            "--resume",
            type=click.Choice(["always", "auto"]),
            is_flag=False,
            flag_value="always",
            help="Resume the run in --out from its last checkpoint, with its settings; auto: or start it.",
        ),
        settings_options(RunOptions),
    )


def settings_options(config: type[Any]) -> Callable[[Any], Any]:
    """Return a decorator that adds an option for each setting of a configuration."""
    return combined(*(option_of(config, name, each) for name, each in settings_of(config).items() if each.is_option))


def option_of(config: type[Any], name: str, setting: Setting) -> Callable[[Any], Any]:
    """Return the option for a setting; its help shows the default, and those of architectures that differ."""
    default = getattr(config, name)
    presets = getattr(config, "presets", {}).items()
    shown = setting.default_text or str(default)
    shown += "".join(f"; {arch}: {preset[name]}" for arch, preset in presets if preset.get(name, default) != default)
    names = [_spelled(each) for each in (name, *setting.other_names)]
    known: dict[str, Any] = {"help": setting.help, "metavar": setting.metavar, "default": default}
    if setting.kind is bool:
        return click.option(*names, is_flag=True, **known)
    if setting.is_list:
        parse = parse_numbers if setting.kind is float else parse_names
        known.update(default=",".join(map(str, default)) or None, callback=parse)
    elif name in PATH_OR_NAME:
        known["callback"] = parse_path_or_name
    else:
        known["type"] = _type_of(setting)
    shows = shown if shown != str(default) else default is not None
    return click.option(*names, show_default=shows, **known)


def _type_of(setting: Setting) -> click.ParamType[Any]:
    if setting.choices:
        return (NumberChoice if setting.kind is int else click.Choice)(setting.choices)
    if setting.kind is int:
        least, most = (None if bound is None else int(bound) for bound in (setting.least, setting.most))
        return click.IntRange(least, most)
    if setting.kind is float:
        is_open = setting.is_open
        return Number(setting.least, setting.most, is_open, is_open and setting.most is not None)
    return InputFile(resolve_path=True) if setting.is_file else click.STRING


def _spelled(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def parse_path_or_name(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """Return the absolute path of a file, or a name unchanged, as an option's callback."""
    names = VGG_WEIGHTS if option.name == "vgg" else models()
    return value if value is None or value in names else os.path.realpath(value)


def given(context: click.Context, config: type[Any]) -> dict[str, Any]:
    """Return the settings of a configuration that are given on the command line."""
    return {
        entry.name: context.params[entry.name]
        for entry in fields(config)
        if context.get_parameter_source(entry.name) is ParameterSource.COMMANDLINE
    }


def run_options(context: click.Context) -> RunOptions:
    """Return their values on the command line."""
    return RunOptions(**{entry.name: context.params[entry.name] for entry in fields(RunOptions)})


def options_for(config: type[TrainingConfig], values: Mapping[str, Any]) -> list[str]:
    """Return the options that give a run the settings in its `config.json`, without those of the machine."""
    chosen = config.from_architecture(values["arch"], optimizer=values.get("optimizer"))
    usual_optimizer = config.from_architecture(values["arch"]).optimizer
    defaults = {**asdict(chosen), "arch": config.arch, "optimizer": usual_optimizer}
    usual = json.loads(json.dumps(defaults))  # with lists for tuples, as the values
    settings = settings_of(config)
    decided = DECIDED_BY_SHARDS if values.get("shards") else ()
    return [
        f"{_spelled(name)}{_as_text(name, settings[name], values[name])}"
        for name in usual
        if settings[name].is_option
        and name not in (*MACHINE, *decided)
        and values.get(name, usual[name]) != usual[name]
    ]


def _as_text(name: str, setting: Setting, value: Any) -> str:
    """Return the text after an option's name; photos are named by their folder alone, runs as if in `runs/`."""
    if setting.kind is bool:
        return ""
    if name == "start_from" and value not in models():
        return " " + "/".join(("runs", *Path(value).parts[-3:]))
    if setting.is_file or (name == "vgg" and value not in VGG_WEIGHTS):
        return f" {Path(value).name}"
    if setting.is_list:
        return " " + ",".join(map(str, value))
    return f" {0 if value is None else value}"  # for numbers, 0 stands for None
