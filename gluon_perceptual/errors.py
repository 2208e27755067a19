"""Errors that a user can cause and fix; everything else is a bug and keeps its traceback."""

from __future__ import annotations

import importlib
import os
from types import ModuleType


class UserError(ValueError):
    """A mistake that the user can fix: one line that says what was given, what was expected and what to do."""

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows instead of a traceback: the same line."""
        return [f"{type(self).__name__}: {self}"]


class ImageError(UserError):
    """A picture that cannot be read, used or written."""


class ParamsFormatError(UserError):
    """A parameter file that cannot be read.

    Attributes:
        path: The file.
        offset: The byte at which reading stopped.
        reason: What is wrong there.
    """

    def __init__(self, path: str, offset: int, reason: str) -> None:
        super().__init__(path, offset, reason)
        self.path, self.offset, self.reason = path, offset, reason

    def __str__(self) -> str:
        return f"{self.path}: not a readable parameter file: at byte {self.offset}, {self.reason}"


class MissingDependencyError(UserError, ImportError):
    """A library that is needed here is not installed; the message says how to install it."""


def require(module: str, extra: str, need: object) -> ModuleType:
    """Return an optional library that `need`, a file or a task, requires.

    Raises:
        MissingDependencyError: It is not installed; `extra` is this package's extra that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        library = module.partition(".")[0]
        raise MissingDependencyError(
            f"{need} needs {library}: pip install 'gluon-perceptual[{extra}]' ({error})"
        ) from error


def printable(text: str, but: str = "") -> str:
    r"""Return a text with unprintable characters, such as `\x1b`, escaped, except those in `but`."""
    return "".join(c if c.isprintable() or c in but else c.encode("unicode_escape").decode("ascii") for c in text)


def describe_failure(error: OSError, file: str | os.PathLike[str] = "") -> str:
    """Return one line such as `large/a.png: No space left on device`; `file` if the error names none."""
    name = error.filename if error.filename is not None else file
    return printable(f"{name}: " if name else "") + describe_reason(error)


def describe_reason(error: OSError) -> str:
    """Return one line such as `No space left on device`."""
    return " ".join((error.strerror or str(error)).split())
