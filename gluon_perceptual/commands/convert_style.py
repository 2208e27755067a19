"""`convert_style`: a style checkpoint of PyTorch's example, converted for this package."""

from __future__ import annotations

from pathlib import Path

import click

from ._command import Command
from ._console import tell
from ._types import InputFile, OutputFile


@click.command(cls=Command)
@click.argument("checkpoint", type=InputFile())
@click.option("-o", "--out", required=True, type=OutputFile(), help="File to write (.params), with a .json beside it.")
def convert_style(checkpoint: str, out: str) -> None:
    """Convert CHECKPOINT of PyTorch's fast-neural-style example (.pth, .model) for `stylize`.

    Nothing in the file is run, and PyTorch is not needed.
    """
    from ..checkpoint.fast_neural_style import convert_fast_neural_style

    target = Path(out)
    if target.suffix != ".params":
        raise click.BadParameter(f"{out}: expected a name that ends in .params", param_hint="--out")
    converted = convert_fast_neural_style(Path(checkpoint))
    from ..checkpoint.model import save_model  # takes seconds, so only once the conversion has worked

    save_model(target, *converted)
    tell(str(target))
