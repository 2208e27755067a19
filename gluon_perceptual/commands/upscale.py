"""`upscale`: enlarge pictures."""

from __future__ import annotations

import click

from ._command import Command, device_options, match_histogram_option, skip_existing_option, suffix_option, tile_option


@click.command(cls=Command)
@click.argument("inputs", nargs=-1, required=True, type=click.Path())
@click.option("-o", "--out", required=True, type=click.Path(), help="Output file or folder.")
@click.option("--model", required=True, help="Checkpoint (.params), or symbol (X-symbol.json).")
@click.option(
    "--scale",
    type=click.Choice(["2", "4", "8"]),
    help="Insist on a model that enlarges so many times; enlarge before a symbol that keeps the size.",
)
@tile_option
@match_histogram_option
@skip_existing_option
@suffix_option
@device_options
def upscale(
    inputs: tuple[str, ...],
    out: str,
    model: str,
    scale: str | None,
    tile: int | str,
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

    tasks = plan_outputs([Path(path) for path in inputs], Path(out), suffix)
    workers = [
        Upscaler(model, device, tile, match_histogram, int(scale) if scale else None) for device in devices(gpus, cpus)
    ]
    raise SystemExit(process(tasks, workers, read_picture, Upscaler.enlarge, write_picture, skip_existing))
