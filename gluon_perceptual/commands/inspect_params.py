"""`inspect_params`: the content of a parameter file."""

from __future__ import annotations

from dataclasses import asdict

import click

from ._command import Command
from ._console import show, show_json
from ._options import json_option
from ._types import InputFile


@click.command(cls=Command)
@click.argument("file", type=InputFile())
@json_option
def inspect_params(file: str, as_json: bool) -> None:
    """Show what is in FILE: names, shapes, types, statistics, format, and which network of this package it fits.

    FILE is MXNet's (.params, .nd), PyTorch's (.pth), Keras's (.h5, .keras), safetensors or .npz, or the name of a
    shipped model.
    """
    from ..checkpoint.inspection import inspect_file
    from ..weights import model_path

    facts = inspect_file(model_path(file))
    if as_json:
        show_json(asdict(facts))
    else:
        show(facts.table())
