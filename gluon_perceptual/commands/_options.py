"""Options that several commands share."""

from __future__ import annotations

import os
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Iterable

import click
from click.core import ParameterSource

from ..choices import ColorSpace, Degradation, InferencePrecision, of
from ..errors import printable
from ._console import tell
from ._types import Number, parse_gpu, parse_tile

if TYPE_CHECKING:
    from ..image.size import Size
    from ._outputs import Files


def combined(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the decorator that adds several options to a command, in this order."""
    return lambda command: reduce(lambda decorated, option: option(decorated), reversed(options), command)


def list_models_option(kind: str) -> Callable[[Any], Any]:
    """Return the option `--list-models`, which prints the shipped models of a kind and exits."""

    def show(context: click.Context, option: click.Parameter, wanted: bool) -> None:
        from ..weights import DEFAULTS, RESTORER, models

        if wanted and not context.resilient_parsing:
            tell_models(models(kind), {1: RESTORER, **DEFAULTS})
            context.exit()

    options: dict[str, Any] = {"is_flag": True, "is_eager": True, "expose_value": False, "callback": show}
    return click.option("--list-models", help="List the shipped models and exit.", **options)


def tell_models(found: dict[str, Any], defaults: dict[int, str]) -> None:
    """Print models by scale and name: their scale, PSNR on Set5 if they enlarge, and purpose."""
    width = max(map(len, found), default=0)
    for name, entry in sorted(found.items(), key=lambda item: (item[1].get("scale", 0), item[0])):
        psnr = entry.get("scores", {}).get("Set5", {}).get("psnr") if entry.get("scale", 0) > 1 else None
        words = [f"{name:{width}}", f"×{entry['scale']}" if "scale" in entry else "", f"{psnr:.2f} dB" if psnr else ""]
        usual = f" (default for ×{entry['scale']})" if name in defaults.values() else ""
        tell("  ".join([*filter(None, words), entry["what"] + usual]))


def model_of(kind: str) -> Callable[..., Any]:
    """Return an option's callback that refuses names of neither files nor shipped models of a kind."""

    def check(context: click.Context, option: click.Parameter, given: Any) -> Any:
        from ..weights import models

        for name in given if isinstance(given, tuple) else (given,):
            if name is not None and not Path(name).suffix and name not in models() and not os.path.lexists(name):
                known = ", ".join(sorted(models(kind))) or "none"
                raise click.ClickException(printable(f"{name}: neither a file nor a shipped {kind} model: {known}"))
        return given

    return check


model_help = "Name of a shipped model, checkpoint (.params), or symbol (X-symbol.json)."
out_option = click.option(
    "-o",
    "--out",
    type=click.Path(),
    help="Output file or folder.  [default: beside each input, with the scale, size or style added to its name]",
)
tile_option = click.option(
    "--tile", default="auto", metavar="auto|N", callback=parse_tile, help="Side of the tiles in input pixels."
)
skip_existing_option = click.option("--skip-existing", is_flag=True, help="Skip inputs whose output exists.")
suffix_option = click.option(
    "--suffix",
    type=click.Choice([".png", ".jpg", ".webp", ".tif", ".bmp", ".gif", ".avif"]),
    help="File type of output pictures.  [default: that of each input]",
)
match_histogram_option = click.option(
    "--match-histogram",
    type=click.Choice(of(ColorSpace), case_sensitive=False),
    is_flag=False,
    flag_value="RGB",
    help="Match each output's histogram to its input's, in this color space or RGB.",
)
quality_option = click.option(
    "--quality",
    type=click.IntRange(1, 100),
    help="Quality of JPEG, WebP and AVIF outputs.  [default: 95; lossless WebP for lossless inputs]",
)
crf_option = click.option(
    "--crf",
    type=click.IntRange(0, 63),
    help="Quality of videos, H.264 (up to 51) or VP9 (.webm); lower is better.  [default: 18; .webm: 24]",
)
precision_option = click.option(
    "--precision",
    type=click.Choice(of(InferencePrecision)),
    default="auto",
    help="Numeric precision of the network. auto: bfloat16 where the processor is faster in it.",
)
MOST_TIMES, MOST_SIDE, MOST_MEGAPIXELS = 64, 100_000, 2000
size_options = combined(  # for `take_size`
    click.option("--scale", type=Number(1, MOST_TIMES), help="Enlargement factor: any number, such as 3 or 1.5."),
    click.option("--width", type=click.IntRange(1, MOST_SIDE), help="Width of the results in pixels."),
    click.option("--height", type=click.IntRange(1, MOST_SIDE), help="Height of the results in pixels."),
    click.option(
        "--megapixels", type=Number(0, MOST_MEGAPIXELS, min_open=True), help="Size of the results in megapixels."
    ),
)
compare_option = click.option(
    "--compare", is_flag=True, help="Write a figure instead: a detailed crop by each suitable shipped model, labeled."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
gpus_option = click.option("--gpus", metavar="0,1", help="GPUs to run on.  [default: none: the CPU]")
gpu_option = click.option("--gpus", metavar="0", callback=parse_gpu, help="GPU to run on.  [default: none: the CPU]")
device_options = combined(  # for `take_devices`
    gpus_option,
    click.option("--cpus", type=click.IntRange(1, 256), default=1, metavar="N", help="CPU contexts to share the work."),
)
output_options = combined(precision_option, skip_existing_option, suffix_option, quality_option, crf_option)


def refuse(names: Iterable[str], purpose: str) -> None:
    """Raise UsageError if the running command was given one of these options, which are for another purpose."""
    context = click.get_current_context()
    for name in names:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name.replace('_', '-')} is for {purpose}")


def take_files(options: dict[str, Any]) -> Files:
    """Remove INPUTS, `out_option` and the options on outputs from a command's options and return what they name."""
    from ._outputs import Files

    inputs = [Path(path) for path in options.pop("inputs")]
    return Files(inputs, options.pop("out"), options.pop("suffix"), options.pop("skip_existing"))


def take_size(options: dict[str, Any]) -> Size | None:
    """Remove `size_options` from a command's options and return the `image.size.Size` that they specify, or None.

    Raises:
        UsageError: More than one is given.
    """
    from ..image.size import Size

    given = {name: options.pop(name) for name in ("scale", "width", "height", "megapixels")}
    values = {name: value for name, value in given.items() if value is not None}
    if len(values) > 1:
        raise click.UsageError(f"{' and '.join(f'--{name}' for name in values)}: give only one of them")
    return Size(**values) if values else None


def take_devices(options: dict[str, Any]) -> Any:
    """Remove `device_options` from a command's options and return their contexts, see `_mxnet.devices`."""
    from .._mxnet import devices

    return devices(options.pop("gpus"), options.pop("cpus"))


def degradation_option(default: Degradation) -> Callable[[Any], Any]:
    """Return the option `--degradation`, see `image.resize.degrade`."""
    return click.option(
        "--degradation",
        "--degrade",
        type=click.Choice(of(Degradation)),
        default=default,
        help="How photos are shrunk. web: bicubic, then JPEG compression, noise and blur at random.",
    )
