"""Options of training commands besides the settings: what is saved of a run, and how often."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Callable

import click

from ..choices import KVSTORES
from ..training.settings import LARGEST_COUNT, setting
from ._options import combined
from ._settings import settings_options


@dataclass(frozen=True)
class RunOptions:
    """What is saved of a run, and how often."""

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


def run_options(context: click.Context) -> RunOptions:
    """Return their values on the command line."""
    return RunOptions(**{entry.name: context.params[entry.name] for entry in fields(RunOptions)})
