"""`export_onnx`: a model as an ONNX graph."""

from __future__ import annotations

from pathlib import Path

import click

from ._command import Command
from ._console import tell
from ._types import InputFile, OutputFile


@click.command(cls=Command)
@click.argument("model", type=InputFile())
@click.option("-o", "--out", required=True, type=OutputFile(), help="File to write (.onnx).")
@click.option("--pictures", is_flag=True, help="Take and return uint8 pictures (N, H, W, 3) instead of float tensors.")
def export_onnx(model: str, out: str, pictures: bool) -> None:
    """Write MODEL (.params, X-symbol.json) as an ONNX graph from "input" to "output", for any batch, height and width.

    Both are float32 (N, 3, H, W), RGB in [0, 255], the output not clipped; with --pictures they are uint8 (N, H, W, 3),
    and pre- and post-processing are part of the graph.
    """
    from ..checkpoint import export
    from ..checkpoint.model import fold, load_with_spec
    from ..symbols.files import is_symbol_file
    from ..symbols.process import load_symbol

    if is_symbol_file(model):
        load_symbol(model).export_onnx(Path(out), pictures)
    else:
        loaded, spec = load_with_spec(model)
        export.export_onnx(Path(out), fold(loaded, spec), spec, pictures)
    tell(out)
