"""A page of all commands and their options, as `--help` shows them."""

from __future__ import annotations

import inspect
from typing import Any, Iterator

import click
from mkdocs.structure.files import File, Files

from gluon_perceptual.commands import main

HEAD = """# Options of the commands

What `--help` says. [Commands](commands.md) has examples.
"""


def on_files(files: Files, config: Any) -> Files:
    """Add the page."""
    files.append(File.generated(config, "options.md", content="\n\n".join([HEAD, *sections()])))
    return files


def sections() -> Iterator[str]:
    """Yield the section of each command and subcommand."""
    top = click.Context(main, info_name="gluon-perceptual")
    for name in main.list_commands(top):
        if command := main.get_command(top, name):
            context = click.Context(command, info_name=name, parent=top)
            yield section(context)
            for inner, subcommand in getattr(command, "commands", {}).items():
                yield section(click.Context(subcommand, info_name=inner, parent=context))


def section(context: click.Context) -> str:
    """Return what the help of a command says."""
    title = context.command_path.split(" ", 1)[1]
    about = inspect.cleandoc(context.command.help or "").replace("\b\n", "")
    usage = f"    {context.command_path} {' '.join(context.command.collect_usage_pieces(context))}"
    options = (option for option in context.command.get_params(context) if isinstance(option, click.Option))
    records = (option.get_help_record(context) for option in options)
    rows = "\n".join(f"| `{option}` | {escaped(text)} |" for option, text in filter(None, records))
    return f"## {title}\n\n{about}\n\n{usage}\n\n| option | |\n| --- | --- |\n{rows}"


def escaped(text: str) -> str:
    """Return a text without what Markdown would take for markup in a table."""
    for mark in "\\`*_|<[":
        text = text.replace(mark, f"\\{mark}" if mark != "<" else "&lt;")
    return " ".join(text.split())
