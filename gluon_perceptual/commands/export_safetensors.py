"""`export_safetensors`: a model's parameters and spec in one safetensors file."""

from __future__ import annotations

from pathlib import Path

import click

from ._command import Command
from ._console import tell
from ._types import InputFile, OutputFile


@click.command(cls=Command)
@click.argument("model", type=InputFile())
@click.option("-o", "--out", required=True, type=OutputFile(), help="File to write (.safetensors).")
def export_safetensors(model: str, out: str) -> None:
    """Write MODEL (.params) as safetensors with its spec as metadata; `--model` of all commands accepts it, too."""
    from ..checkpoint import export
    from ..checkpoint.model import load_with_spec

    export.export_safetensors(Path(out), *load_with_spec(model))
    tell(out)
