"""What all commands share: errors as one line with the right exit status, logs on stderr, common options."""

from __future__ import annotations

import io
import logging
import math
import sys
from pathlib import Path
from typing import Any, Callable

import click

from ..errors import UserError
from ..files import check_target, end_process, input_file, keeping_inputs
from ..signals import ended_by
from ._console import guard_streams, in_options, printable, tell

LARGEST_NUMBER, LARGEST_COUNT, LARGEST_SEED = 1e30, 10**9, 2**31 - 1
LONGEST_SIDE = 8192  # of pictures that an option sets the size of, in pixels
INTERRUPTED = 130  # what a shell expects of a program that ended by SIGINT


class Number(click.FloatRange):
    """A number that is finite, and that float32 holds."""

    name = "number"

    def convert(self, value: Any, option: click.Parameter | None, context: click.Context | None) -> Any:
        """Return the number."""
        number = super().convert(value, option, context)
        if math.isnan(number) or abs(number) > LARGEST_NUMBER:
            self.fail(f"{value} is not a number of up to {LARGEST_NUMBER:g}.", option, context)
        return number


class InputFile(click.Path):
    """A file to be read: no result of the command may replace it."""


class OutputFile(click.Path):
    """A file to be written, which `Command` checks before the work."""


class Command(click.Command):
    """A click command that ends a user's mistake with one line on stderr and exit status 1.

    Wrong options are click's own affair: exit status 2. SIGTERM and SIGHUP leave no half-written file.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("context_settings", {"help_option_names": ["-h", "--help"], "show_default": True})
        super().__init__(*args, **kwargs)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse; what follows an option whose value may be left away is that value only if it can be."""
        optional: dict[str, Any] = {
            name: option
            for option in self.params
            if isinstance(option.type, click.Choice) and isinstance(getattr(option, "flag_value", None), str)
            for name in option.opts
            if not getattr(option, "is_flag", True)
        }
        for number, (word, following) in enumerate(zip(args, [*args[1:], ""])):
            option = optional.get(word)
            if option and following.lower() not in (str(choice).lower() for choice in option.type.choices):
                args[number] = f"{word}={option.flag_value}"
        return super().parse_args(ctx, args)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command as the whole program."""
        guard_streams()
        return super().main(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        log_to_stderr()
        if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
            sys.stdout.reconfigure(errors="backslashreplace")  # names of files may be any bytes
        try:
            with keeping_inputs(), ended_by(end_process):
                check_files(ctx)
                return super().invoke(ctx)
        except UserError as error:
            raise click.ClickException(printable(in_options(str(error).strip()))) from error
        except BrokenPipeError:
            raise
        except OSError as error:
            raise click.ClickException(describe_failure(error)) from error
        except MemoryError as error:
            raise click.ClickException("out of memory; use smaller pictures, patches, batches or tiles") from error
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            return ctx.exit(INTERRUPTED)


def check_files(context: click.Context) -> None:
    """Raise UserError or OSError unless inputs are files, or not there, and outputs other ones that may be replaced."""
    for kind, check in ((InputFile, input_file), (OutputFile, check_target)):
        for option in context.command.params:
            given = context.params.get(str(option.name))
            if isinstance(option.type, kind):
                for path in given if isinstance(given, tuple) else (given,):
                    if path is not None:
                        check(path)


def describe_failure(error: OSError, file: str | Path = "") -> str:
    """Return one line such as `large/a.png: No space left on device`; `file` if the error names none."""
    name = error.filename if error.filename is not None else file
    return printable(f"{name}: " if name else "") + describe_reason(error)


def log_to_stderr() -> None:
    """Show this package's messages, and no other library's, on stderr as it is now."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine())
    logger = logging.getLogger(__package__.partition(".")[0])
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)


class OneLine(logging.Formatter):
    """A message as one line, what does not print escaped."""

    def format(self, record: logging.LogRecord) -> str:
        """Return it."""
        return printable(in_options(record.getMessage()))


def describe_reason(error: OSError) -> str:
    """Return one line such as `No space left on device`."""
    return " ".join((error.strerror or str(error)).split())


def parse_names(context: click.Context, option: click.Parameter, text: str | None) -> tuple[str, ...] | None:
    """Return ("relu1_2", "relu2_2") for "relu1_2,relu2_2", as an option's callback."""
    return tuple(part.strip() for part in text.split(",")) if text is not None else None


def parse_numbers(context: click.Context, option: click.Parameter, text: str | None) -> tuple[float, ...] | None:
    """Return (1.0, 0.5) for "1,0.5", as an option's callback."""
    try:
        return tuple(Number().convert(part, option, context) for part in text.split(",")) if text is not None else None
    except click.BadParameter:
        raise click.BadParameter(f"{text!r}: expected numbers with commas between, such as 1,0.5") from None


def parse_tile(context: click.Context, option: click.Parameter, text: str) -> int | str:
    """Return "auto" or the number of pixels, as an option's callback."""
    if text != "auto" and not (text.isdecimal() and len(text) < 7):
        raise click.BadParameter(f"{text}: expected auto or a number of pixels")
    return text if text == "auto" else int(text)


def list_models_option(kind: str) -> Callable[[Any], Any]:
    """Return the option `--list-models`, which prints the shipped models of a kind and ends the command."""

    def show(context: click.Context, option: click.Parameter, wanted: bool) -> None:
        from ..weights import DEFAULTS, models

        if wanted and not context.resilient_parsing:
            tell_models(models(kind), DEFAULTS)
            context.exit()

    options: dict[str, Any] = {"is_flag": True, "is_eager": True, "expose_value": False, "callback": show}
    return click.option("--list-models", help="List the models that ship, and end.", **options)


def tell_models(found: dict[str, Any], defaults: dict[int, str]) -> None:
    """Print models by scale and name: their scale, PSNR on Set5 where it was measured, what they are for."""
    width = max(map(len, found), default=0)
    for name, entry in sorted(found.items(), key=lambda item: (item[1].get("scale", 0), item[0])):
        psnr = entry.get("scores", {}).get("Set5", {}).get("psnr")
        words = [f"{name:{width}}", f"×{entry['scale']}" if "scale" in entry else "", f"{psnr:.2f} dB" if psnr else ""]
        usual = f" (default for ×{entry['scale']})" if name in defaults.values() else ""
        tell("  ".join([*filter(None, words), entry["what"] + usual]))


def model_of(kind: str) -> Callable[..., Any]:
    """Return an option's callback: a name that is neither a file's nor that of a shipped model of a kind is refused."""

    def check(context: click.Context, option: click.Parameter, given: Any) -> Any:
        from ..weights import models

        for name in given if isinstance(given, tuple) else (given,):
            if name is not None and not Path(name).suffix and name not in models() and not Path(name).exists():
                known = ", ".join(sorted(models(kind))) or "none"
                raise click.ClickException(printable(f"{name}: neither a file nor a {kind} model that ships: {known}"))
        return given

    return check


model_help = "Name of a shipped model, checkpoint (.params), or symbol (X-symbol.json)."
out_option = click.option(
    "-o",
    "--out",
    type=click.Path(),
    help="Output file or folder.  [default: beside each input, the model's scale or name added to its name]",
)
tile_option = click.option(
    "--tile", default="auto", metavar="auto|N", callback=parse_tile, help="Side of the tiles in input pixels."
)
skip_existing_option = click.option("--skip-existing", is_flag=True, help="Leave outputs that are there already.")
suffix_option = click.option(
    "--suffix",
    type=click.Choice([".png", ".jpg", ".webp", ".tif", ".bmp", ".gif", ".avif"]),
    help="File type of the output pictures.  [default: that of each input]",
)
match_histogram_option = click.option(
    "--match-histogram",
    type=click.Choice(["RGB", "LCH", "LAB", "LUV", "XYZ"], case_sensitive=False),
    is_flag=False,
    flag_value="RGB",
    help="Match each output's histogram to its input's, in this color space or RGB.",
)
quality_option = click.option(
    "--quality",
    type=click.IntRange(1, 100),
    help="Of JPEG, WebP and AVIF outputs.  [default: 95; WebP of inputs without loss: without loss]",
)
precision_option = click.option(
    "--precision",
    type=click.Choice(["auto", "float32", "bfloat16"]),
    default="auto",
    help="Numeric precision of the network. auto: bfloat16 where the processor has AMX, else float32.",
)
scales = click.Choice(["1", "2", "4", "8"])
gpus_option = click.option("--gpus", metavar="0,1", help="GPUs to run on; without it the CPU.")


def degradation_option(help: str = "How photos are shrunk.", **options: Any) -> Callable[[Any], Any]:
    """Return the option `--degradation`, as `image.resize.degrade` takes it."""
    kinds = click.Choice(["bicubic", "decimate", "web"])
    text = f"{help} web: bicubic, then JPEG compression, noise and blur at random."
    return click.option("--degradation", "--degrade", type=kinds, help=text, **options)


def device_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--gpus` and `--cpus`, for `_mxnet.devices`."""
    cpus = click.option(
        "--cpus", type=click.IntRange(1, 256), default=1, metavar="N", help="CPU contexts to share the work."
    )
    return gpus_option(cpus(command))
