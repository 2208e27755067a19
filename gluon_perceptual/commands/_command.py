"""What all commands share: errors as one line with the right exit status, logs on stderr."""

from __future__ import annotations

import logging
import sys
from typing import Any

import click

from ..errors import UserError, describe_failure, printable
from ..files import check_target, end_process, input_file, keeping_inputs
from ..signals import ended_by
from ._console import Guarded, in_options
from ._types import InputFile, OutputFile

INTERRUPTED = 130  # exit status that shells expect after SIGINT


class Command(Guarded):
    """A click command that reports a user's mistake as one line on stderr with exit status 1.

    Wrong options are reported by click with exit status 2. SIGTERM and SIGHUP leave no half-written files.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse; the word after an option with an optional value is its value only if it is a valid choice."""
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

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        log_to_stderr(ctx)
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
    """Raise UserError or OSError unless inputs are files, or missing, and outputs other files that may be replaced."""
    for kind, check in ((InputFile, input_file), (OutputFile, check_target)):
        for option in context.command.params:
            given = context.params.get(str(option.name))
            if isinstance(option.type, kind):
                for path in given if isinstance(given, tuple) else (given,):
                    if path is not None:
                        check(path)


def log_to_stderr(context: click.Context) -> None:
    """Show this package's messages, and no other library's, on stderr as it is now."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine(context))
    logger = logging.getLogger(__package__.partition(".")[0])
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)


class OneLine(logging.Formatter):
    """A message as one line, unprintable characters escaped, in the words of a command, in whatever thread."""

    def __init__(self, context: click.Context) -> None:
        super().__init__()
        self.context = context

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return printable(in_options(record.getMessage(), self.context))
