"""Output of commands: file names cannot control the terminal, and closed, full or ASCII-only streams stop no work."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from contextlib import suppress
from typing import Any, Iterable

import click

from ..errors import UserError, printable
from ..files import Json

ARGUMENT = re.compile(r"`(\w+)`")
CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]")  # except tab, line feed and carriage return


def in_options(message: str, context: click.Context | None = None) -> str:
    """Return a message with the library's arguments, such as `max_norm`, replaced by options of the running command.

    The command is that of the context, or else of this thread.
    """
    context = context or click.get_current_context(silent=True)
    options = {option.name: option.opts[0] for option in reversed(context.command.params)} if context else {}
    return ARGUMENT.sub(lambda found: options.get(found[1], found[0]), message)


def tell(text: str) -> None:
    """Print a line on stdout about finished work; if that fails, the line is lost."""
    try:
        click.echo(printable(text))
    except OSError:
        _abandon_stdout()


def show(text: str) -> None:
    """Print a command's result on stdout.

    Raises:
        UserError: It cannot be written.
        SystemExit: The reader has closed the pipe.
    """
    try:
        click.echo(printable(text, but="\n"))
    except BrokenPipeError:
        _abandon_stdout()
        raise SystemExit(1) from None
    except OSError as error:
        _abandon_stdout()
        raise UserError(f"standard output: {error.strerror}") from error


def show_json(value: Json) -> None:
    """Print a command's result as JSON; raises as `show`."""
    show(json.dumps(value, indent=2))


def tell_failures(lines: Iterable[str]) -> None:
    """Print failures on stderr, one line each."""
    for line in lines:
        click.echo(f"Error: {in_options(line)}", err=True)


def _abandon_stdout() -> None:
    """Redirect stdout to /dev/null; otherwise Python, which flushes it at exit, would fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Forgiving(io.RawIOBase):
    """A binary stream that writes to another one, which may be closed or full; control characters are escaped.

    Args:
        stream: Where to write.
        owner: Kept, as a text stream that nobody else keeps would close `stream`.
    """

    def __init__(self, stream: Any, owner: Any = None) -> None:
        self._stream, self._owner = stream, owner

    def writable(self) -> bool:
        """Return True."""
        return True

    def fileno(self) -> int:
        """Return the descriptor by which the terminal's width is found."""
        return int(self._stream.fileno())

    def isatty(self) -> bool:
        """Return whether this is a terminal."""
        return bool(self._stream.isatty())

    def write(self, data: Any) -> int:
        """Write as much as possible."""
        with suppress(OSError, ValueError):
            self._stream.write(CONTROLS.sub(lambda found: found[0].decode().encode("unicode_escape"), bytes(data)))
            self._stream.flush()
        return len(data)


def guard_streams() -> None:
    """Make stderr accept anything and stdout any text; closed streams become /dev/null.

    Otherwise the next file opened would get the closed descriptor, and messages would go into it.
    """
    descriptor = os.open(os.devnull, os.O_RDWR)
    while descriptor <= 2:
        os.set_inheritable(descriptor, True)
        descriptor = os.open(os.devnull, os.O_RDWR)
    os.close(descriptor)
    sys.stdout, sys.stderr = (
        stream or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w") for stream in (sys.stdout, sys.stderr)
    )
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    if not isinstance(sys.stderr.buffer, Forgiving):
        forgiving = Forgiving(sys.stderr.buffer, sys.stderr)
        sys.stderr = io.TextIOWrapper(forgiving, sys.stderr.encoding, "backslashreplace", write_through=True)


class Guarded(click.Command):
    """A command that runs with guarded streams, see `guard_streams`, if it is the whole program."""

    def __init__(self, context_settings: Any = None, **kwargs: Any) -> None:
        usual = {"help_option_names": ["-h", "--help"], "show_default": True}
        super().__init__(context_settings={**usual, **(context_settings or {})}, **kwargs)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run it as the whole program."""
        guard_streams()
        return super().main(*args, **kwargs)


class Group(Guarded, click.Group):
    """A group of commands."""
