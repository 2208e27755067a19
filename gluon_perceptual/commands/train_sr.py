"""`train_sr`: train a super-resolution network."""

from __future__ import annotations

from typing import Any

import click

from ..training.super_resolution_config import SuperResolutionConfig
from ._command import Command
from ._settings import given, run_options, training_options


@click.command(cls=Command)
@training_options(SuperResolutionConfig)
@click.pass_context
def train_sr(context: click.Context, /, **options: Any) -> None:
    """Train a network that enlarges photos.

    The run's folder contains everything that it makes: config.json, log.jsonl, training.log, checkpoints, previews, the
    loss plot, and at the end scores on held-out photos and the figure input | output | histogram matched | truth.
    """
    from ..training.super_resolution import super_resolution_task
    from ._sr_report import SuperResolutionReport
    from ._train import TrainingKind, train

    kind = TrainingKind(SuperResolutionConfig, super_resolution_task, SuperResolutionReport, f"sr_x{options['scale']}")
    raise SystemExit(train(kind, given(context, SuperResolutionConfig), run_options(context)))
