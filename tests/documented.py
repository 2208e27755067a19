"""The command lines of the documentation: where they are, and whether the commands take them, without running any."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import re
import shlex
import sys
from pathlib import Path
from typing import Any, Iterator, NamedTuple
from unittest import mock

import click
from click.testing import CliRunner

from gluon_perceptual.commands import _command, main

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = ("README.md", "CONTRIBUTING.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))))
PROGRAMS = r"(?:\w+=\S+ )?(?:python3? |gluon-perceptual |pip |pytest\b|mkdocs |ruff |\.ci/)"
OTHERS = ("pip", "pytest", "ruff", "mypy", "mkdocs", "source", ".ci/run", ".ci/documented", ".ci/pythons")


class Line(NamedTuple):
    """A command line, the document that it is in, and the number of its paragraph there."""

    document: str
    paragraph: int
    text: str


def blocks() -> Iterator[Line]:
    """Yield the command lines of code blocks, those that go on over several lines put together, without comments."""
    for document in DOCUMENTS:
        text = re.sub(r" *\\\n\s+", " ", (ROOT / document).read_text(encoding="utf-8"))
        for paragraph, lines in enumerate(re.split(r"\n\s*\n", text)):
            for line in re.findall(rf"^    ({PROGRAMS}.*)$", lines, re.MULTILINE):
                yield Line(document, paragraph, re.split(r"\s+#", line)[0].strip())


def spans() -> Iterator[Line]:
    """Yield the command lines in running text, but for those that leave a name open: `python tools/NAME.py`."""
    for document in DOCUMENTS:
        text = re.sub(r"^    .*$", "", (ROOT / document).read_text(encoding="utf-8"), flags=re.MULTILINE)
        for span in re.findall(rf"`({PROGRAMS}[^`]*)`", text):
            if not re.search(r"\bNAME\b|…|^pip install 'gluon", span):
                yield Line(document, -1, " ".join(span.split()))


def commands(text: str) -> Iterator[list[str]]:
    """Yield the words of the commands that a line joins by `&&`, without the variables set before them."""
    for part in text.split("&&"):
        words = shlex.split(part)
        yield words[next(k for k, word in enumerate(words) if not re.match(r"[A-Z_]+=", word)) :]


def check(text: str) -> None:
    """Raise ValueError or an error of imports unless every command of a line is there and takes its options."""
    for words in commands(text):
        _check(words)


def _check(words: list[str]) -> None:
    program, *arguments = words
    if program == "pip":
        _check_extras(arguments)
    elif program == "pytest":
        missing = [word for word in arguments if word.endswith(".py") and not (ROOT / word).is_file()]
        if missing:
            raise ValueError(f"{' '.join(words)}: {missing} not there")
    elif program == "gluon-perceptual":
        _parse(main, arguments)
    elif program in ("python", "python3"):
        _check_python(arguments)
    elif program not in OTHERS:
        raise ValueError(f"{program}: an unknown program")


def _check_python(arguments: list[str]) -> None:
    script, *rest = arguments
    if script == "-m":
        if rest[0] in ("venv", "gluon_perceptual.cuda"):
            return
        name = rest[0] + ".__main__" * hasattr(importlib.import_module(rest[0]), "__path__")
        _parse(importlib.import_module(name).main, rest[1:])
    elif script.startswith("tools/"):
        if not (ROOT / script).is_file():
            raise ValueError(f"{script} is not there")
        _parse(main, [Path(script).stem.replace("_", "-"), *rest])
    else:
        _parse(_load(ROOT / script).main, rest)


def _load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))  # as Python does for a script
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(path.parent))
    return module


def _check_extras(arguments: list[str]) -> None:
    known = set(importlib.metadata.metadata("gluon-perceptual").get_all("Provides-Extra"))
    asked = set(re.findall(r"\w+", "".join(re.findall(r"\[(.*)\]", " ".join(arguments)))))
    if not asked <= known:
        raise ValueError(f"pip {' '.join(arguments)}: no extra {asked - known}")


def _parse(command: Any, arguments: list[str]) -> None:
    """Have click read the arguments, whatever files there are; a command within the command is checked, too."""
    if not isinstance(command, click.Command):
        if arguments:
            raise ValueError(f"{' '.join(arguments)}: expected nothing")
        return
    with mock.patch.object(click.Command, "invoke"), mock.patch.object(_command, "check_files"), _any_path():
        result = CliRunner().invoke(command, arguments)
    if result.exit_code:
        raise ValueError(f"{' '.join(arguments)}: {result.output.strip() or result.exception!r}")
    if arguments[:1] == ["cluster"]:
        _check(arguments[next(k for k, word in enumerate(arguments) if word == "python") :])


def _any_path() -> Any:
    return mock.patch.object(click.Path, "convert", lambda self, value, option, context: value)
