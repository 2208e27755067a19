"""`inspect_params`: the content of a parameter file."""

from __future__ import annotations

import click

from ._command import Command
from ._console import show
from ._types import InputFile


@click.command(cls=Command)
@click.argument("file", type=InputFile())
@click.option("--json", "as_json_text", is_flag=True, help="Print JSON.")
def inspect_params(file: str, as_json_text: bool) -> None:
    """Show what is in FILE: names, shapes, types, statistics, format, and which network of this package it fits.

    FILE is MXNet's (.params, .nd), PyTorch's (.pth), Keras's (.h5, .keras), safetensors or .npz, or the name of a
    shipped model.
    """
    import json

    from ..checkpoint.inspection import inspect_file
    from ..weights import model_path

    facts = inspect_file(model_path(file))
    show(json.dumps(facts.as_json(), indent=2) if as_json_text else facts.table())
