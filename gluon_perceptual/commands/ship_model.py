"""`ship_model`: add a checkpoint to the package's models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import UserError
from ._command import Command
from ._console import show_json
from ._types import InputFile, parse_numbers

if TYPE_CHECKING:
    from ..nets.lowpass_kernel import Cutoff


def parse_cutoff(context: click.Context, option: click.Parameter, text: str | None) -> Cutoff | None:
    """Return 0.3 for "0.3", [0.3, 0.22] for "0.3,0.22", as an option's callback."""
    from ..nets.lowpass_kernel import lowpass_filters

    if text is None:
        return None
    try:
        numbers = parse_numbers(context, option, text) or ()
        cutoff = numbers[0] if len(numbers) == 1 else list(numbers)
        lowpass_filters(cutoff, 1)
    except (click.BadParameter, UserError):
        raise click.BadParameter(f"{text}: expected one or two of 0.1 to 0.5, such as 0.3 or 0.3,0.22") from None
    return cutoff


@click.command(cls=Command)
@click.argument("checkpoint", type=InputFile())
@click.argument("name")
@click.option("--what", required=True, help="What the model is for, in one line.")
@click.option("--data", required=True, help="What it was trained on, in words.")
@click.option("--license", "terms", required=True, help="Terms under which it may be used.")
@click.option("--evaluate", "sets", multiple=True, metavar="SET=FOLDER", help="Photos to score it on; may be repeated.")
@click.option(
    "--average",
    multiple=True,
    type=InputFile(),
    metavar="CHECKPOINT",
    help="Take the mean of the parameters of CHECKPOINT and this one; may be repeated, also with the same one.",
)
@click.option(
    "--lowpass",
    metavar="CUT-OFF[,CUT-OFF]",
    callback=parse_cutoff,
    help="Add or replace the low-pass filter: 0.1 to 0.5 (cycles per pixel), or luma's and chroma's, such as 0.3,0.22.",
)
def ship_model(
    checkpoint: str,
    name: str,
    what: str,
    data: str,
    terms: str,
    sets: tuple[str, ...],
    average: tuple[str, ...],
    lowpass: Cutoff | None,
) -> None:
    """Add CHECKPOINT, from a run's folder, to the package's weights, for use as `--model NAME`.

    Its parameters are written in float16 if that makes no visible difference. The manifest records the commands of its
    training, steps, hours, scores and SHA-256.
    """
    from ..data.photos import find_photos
    from ._shipping import ship

    for text in sets:
        if "=" not in text:
            raise click.BadParameter(f"{text}: expected SET=FOLDER", param_hint="--evaluate")
    photos = {key: find_photos(folder) for key, _, folder in (text.partition("=") for text in sets)}
    words = {"what": what, "data": data, "license": terms}
    entry = ship(Path(checkpoint), name, words, photos, lowpass, [Path(path) for path in average])
    show_json(entry)
