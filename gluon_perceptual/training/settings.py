"""How a setting of a run is declared: once, with its default, its help and its limits.

The fields of a configuration are made by `setting`. The commands make their options from them, `record` checks
`config.json` by them, and a shipped model's recipe is written by them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any, Iterator

from ..choices import of
from ..errors import UserError

LARGEST_NUMBER, LARGEST_COUNT, LARGEST_SEED = 1e30, 10**9, 2**31 - 1
LONGEST_SIDE = 8192  # of the pictures whose size is a setting, in pixels
NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


@dataclass(frozen=True)
class Setting:
    """What is known of a setting besides its name and its default.

    Attributes:
        help: What it does, a sentence.
        kind: The type int, float, str or bool; of each value where there may be several.
        choices: The values that it may have; none: any of its type.
        least: The smallest number allowed.
        most: The largest number allowed.
        is_open: Whether these two are not allowed themselves.
        is_list: Whether it has several values, a tuple.
        is_file: Whether it is the path of a file or folder that is read.
        is_option: Whether it is an option of a command; otherwise the command gets it in another way.
        other_names: Shorter or older names of the option.
        metavar: What the help shows as its value.
        default_text: What the help says of the default where the value alone does not tell.
    """

    help: str
    kind: type = str
    choices: tuple[Any, ...] = ()
    least: float | None = None
    most: float | None = None
    is_open: bool = False
    is_list: bool = False
    is_file: bool = False
    is_option: bool = True
    other_names: tuple[str, ...] = ()
    metavar: str | None = None
    default_text: str = ""

    def wrong(self, value: Any) -> str:
        """Return what was expected instead of a value, or ""."""
        values = value if self.is_list and isinstance(value, tuple) else (value,)
        return next((expected for each in values if (expected := self._wrong(each))), "")

    def _wrong(self, value: Any) -> str:
        kinds = (int, float) if self.kind is float else self.kind
        if not isinstance(value, kinds) or isinstance(value, bool) != (self.kind is bool):
            return f"expected {NAMES[self.kind]}"
        if self.choices and value not in self.choices:
            return f"expected one of {', '.join(map(str, self.choices))}"
        if self.kind not in (int, float) or self._is_in_range(value):
            return ""
        return f"expected {NAMES[self.kind]} {self._range}"

    def _is_in_range(self, number: Any) -> bool:
        least = -math.inf if self.least is None else self.least
        most = math.inf if self.most is None else self.most
        inside = least < number < most if self.is_open else least <= number <= most
        return inside and abs(number) <= LARGEST_NUMBER

    @property
    def _range(self) -> str:
        if self.least is None:
            return f"up to {LARGEST_NUMBER:g}"
        if self.most is None:
            return f"{'above' if self.is_open else 'of at least'} {self.least:g}"
        return f"between {self.least:g} and {self.most:g}"


def setting(default: Any, help: str, choices: Any = (), **known: Any) -> Any:
    """Return a dataclass field with a `Setting`, whose kind is that of the default unless given.

    Args:
        default: The setting's default.
        help: As of `Setting`.
        choices: As of `Setting`, or a `Literal`.
        known: More of `Setting`.
    """
    inferred: dict[str, Any] = {"choices": tuple(choices) if isinstance(choices, (tuple, list)) else of(choices)}
    if isinstance(default, tuple):
        inferred["is_list"] = True
    elif default is not None:
        inferred["kind"] = type(default)
    return field(default=default, metadata={"setting": Setting(help, **{**inferred, **known})})


def with_default(base: Any, name: str, default: Any) -> Any:
    """Return a base class's setting as a field with another default."""
    return field(default=default, metadata=base.__dataclass_fields__[name].metadata)


def settings_of(config: Any) -> dict[str, Setting]:
    """Return the settings of a configuration, or of its class, by name: first those that its class declares."""
    own = (config if isinstance(config, type) else type(config)).__annotations__
    entries = sorted(fields(config), key=lambda entry: entry.name not in own)
    return {entry.name: entry.metadata["setting"] for entry in entries}


def faults(config: Any) -> Iterator[tuple[str, Any, str]]:
    """Yield name, value, and what was expected, of each setting with a value that it may not have."""
    for entry in fields(config):
        value = getattr(config, entry.name)
        expected = "" if value is None and entry.default is None else entry.metadata["setting"].wrong(value)
        if expected:
            yield entry.name, value, expected


def check_settings(config: Any) -> None:
    """Raise UserError where a setting has a value that it may not have."""
    for name, value, expected in faults(config):
        raise UserError(f"`{name}` {value!r}: {expected}")
