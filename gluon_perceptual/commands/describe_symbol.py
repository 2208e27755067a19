"""`describe_symbol`: the inputs and outputs of a model given as symbol and parameters, probed or specified."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from ._command import Command
from ._console import show_json
from ._types import InputFile, Number, parse_numbers


@click.command(cls=Command)
@click.argument("symbol", metavar="MODEL", type=InputFile())
@click.option("--color", type=click.Choice(["rgb", "y"]), help="Its input: RGB, or luma alone.")
@click.option("--enlarge", type=click.IntRange(1, 16), help="Bicubic enlargement before it, as for SRCNN and VDSR.")
@click.option(
    "--padding",
    type=click.IntRange(0, 1024),
    help="Mirrored pixels added around its input and cropped from its output.",
)
@click.option("--peak", "max_value", type=Number(0, min_open=True), help="Value of white in its range: 255 or 1.")
@click.option("--mean", metavar="R,G,B", callback=parse_numbers, help="Mean to subtract, in its range.")
@click.option(
    "--halo", type=click.IntRange(0, 1024), help="Distance in pixels up to which an output pixel depends on the input."
)
def describe_symbol(symbol: str, **given: Any) -> None:
    """Find out how to run a model of X-symbol.json and X-0000.params, and save that in X-model.json beside it.

    What is not given is probed; the result is printed as JSON. For a checkpoint, X.params, --peak and --mean are saved
    in X.json: for example for the blog's, which lacks the mean of its training data.
    """
    from ..symbols.files import describe, is_symbol_file, save_options
    from ..symbols.process import load_symbol

    values = {name: value for name, value in given.items() if value not in (None, ())}
    if not is_symbol_file(symbol):
        _describe_checkpoint(Path(symbol), values)
        return
    found = load_symbol(symbol).options
    crop = found.crop + found.scale * (values.get("padding", found.padding) - found.padding)
    options = replace(found, crop=crop, **values)
    save_options(Path(symbol), options)
    show_json(describe(options))


def _describe_checkpoint(path: Path, values: dict[str, Any]) -> None:
    """Write the sidecar of a checkpoint with this range."""
    from ..checkpoint.model import load_with_spec
    from ..checkpoint.spec import describe
    from ..files import keeping_inputs, write_json

    if not path.exists():  # the description of a shipped model would be written here, and never read
        raise click.UsageError(f"{path}: there is no such file")
    if not set(values) <= {"max_value", "mean"} or len(values.get("mean", (0, 0, 0))) != 3:
        raise click.UsageError(f"{path}: a checkpoint takes only --peak and --mean R,G,B")
    with keeping_inputs():  # of their own: the description is written over
        _, spec = load_with_spec(path)
    spec = replace(spec, **values)
    write_json(path.with_suffix(".json"), describe(spec))
    show_json(describe(spec))
