"""`upscale`: enlarge pictures."""

from __future__ import annotations

import click

from ._command import Command, device_options, match_histogram_option


@click.command(cls=Command)
@click.argument("inputs", nargs=-1, required=True, type=click.Path())
@click.option("-o", "--out", required=True, type=click.Path(), help="Output file or folder.")
@click.option("--model", required=True, help="Checkpoint (.params), or symbol (X-symbol.json).")
@click.option(
    "--scale",
    type=click.Choice(["2", "4", "8"]),
    help="Insist on a model that enlarges so many times; enlarge before a symbol that keeps the size.",
)
@click.option("--tile", default="auto", metavar="auto|N", help="Side of the tiles in input pixels.")
@match_histogram_option
@click.option("--skip-existing", is_flag=True, help="Leave outputs that are there already.")
@click.option(
    "--suffix",
    type=click.Choice([".png", ".jpg", ".webp", ".tif", ".bmp"]),
    help="File type of the outputs.  [default: that of each input]",
)
@device_options
def upscale(
    inputs: tuple[str, ...],
    out: str,
    model: str,
    scale: str | None,
    tile: str,
    match_histogram: str | None,
    skip_existing: bool,
    suffix: str | None,
    gpus: str | None,
    cpus: int,
) -> None:
    """Enlarge INPUTS: pictures, or folders of them, whose tree is kept.

    Alpha, grey, 16 bits and colour profiles are kept. What fails is named at the end, and the rest is done.
    """
    from pathlib import Path

    from .._mxnet import devices
    from ..images import read_picture, write_picture
    from ..inference import Upscaler
    from ._batch import plan_outputs, process

    if tile != "auto" and not tile.isdecimal():
        raise click.BadParameter(f"{tile}: expected auto or a number of pixels", param_hint="--tile")
    tasks = plan_outputs([Path(path) for path in inputs], Path(out), suffix)
    workers = [
        Upscaler(model, device, tile if tile == "auto" else int(tile), match_histogram, int(scale) if scale else None)
        for device in devices(gpus, cpus)
    ]
    raise SystemExit(process(tasks, workers, read_picture, Upscaler.enlarge, write_picture, skip_existing))
