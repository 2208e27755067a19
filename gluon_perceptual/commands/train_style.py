"""`train_style`: train a style transfer network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..training.style_config import StyleConfig
from ._command import Command
from ._settings import given, run_options, training_options
from ._types import InputFile


@click.command(cls=Command)
@click.argument("style", nargs=-1, type=InputFile(resolve_path=True))
@training_options(StyleConfig)
@click.pass_context
def train_style(context: click.Context, /, style: tuple[str, ...], **options: Any) -> None:
    """Train a network that repaints photos in the style of the picture STYLE, or of several pictures, blended.

    The run's folder contains everything that it makes: config.json, log.jsonl, training.log, checkpoints, previews, the
    loss plot, and at the end held-out photos in the style.
    """
    from ..training.style import style_task
    from ._style_report import StyleReport
    from ._train import TrainingKind, train

    kind = TrainingKind(StyleConfig, style_task, StyleReport, Path(style[0]).stem if style else "style")
    raise SystemExit(train(kind, given(context, StyleConfig), run_options(context)))
