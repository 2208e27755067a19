"""The commands: `gluon-perceptual NAME`, one module each, also run by `tools/NAME.py`.

NAME.py has a command's options and help, and imports nothing heavy at the top, so that `--help` answers at once;
_NAME.py has what several commands share, or what one imports only when it runs. To add a command, add NAME.py with a
click command of that name, `cls=Command` and files of type `InputFile` or `OutputFile`; tools/NAME.py; and a line in
tests/test_bad_files.py.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import click

import gluon_perceptual

from ._console import Group

__all__ = ["CommandGroup", "main"]


class CommandGroup(Group):
    """Loads a command's module only when that command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands: the modules of this folder, underscores as dashes."""
        modules = (path.stem for path in Path(__file__).parent.glob("*.py"))
        return sorted(name.replace("_", "-") for name in modules if not name.startswith("_"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command called `cmd_name`, or None."""
        if cmd_name not in self.list_commands(ctx):
            return None
        name = cmd_name.replace("-", "_")
        return getattr(import_module(f"{__name__}.{name}"), name)


@click.group(cls=CommandGroup)
@click.version_option(gluon_perceptual.__version__, prog_name="gluon-perceptual")
def main() -> None:
    """Train and use networks for super-resolution and style transfer with perceptual losses."""
