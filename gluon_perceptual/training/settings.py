"""The declaration of a run's settings: each once, with its default, its help and its limits.

`setting` makes the fields of a configuration. From these, commands make their options, `record` checks `config.json`,
and the recipe of a shipped model is written.
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
    """What is known about a setting besides its name and default.

    Attributes:
        help: What it does, in a sentence.
        kind: int, float, str or bool; for lists, the type of each value.
        choices: The allowed values; empty: any of its kind.
        least: The smallest number allowed.
        most: The largest number allowed.
        is_open: Whether `least` and `most` themselves are excluded.
        is_list: Whether it is a tuple of values.
        is_file: Whether it is the path of an input file or folder.
        is_option: Whether commands have an option for it.
        other_names: Shorter or older names of the option.
        metavar: Placeholder of its value in the help.
        default_text: The help's description of the default, if not the value itself.
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
    """Return a dataclass field with a `Setting` of the default's kind, unless another is given.

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
    """Return the settings of a configuration, or of its class, by name, those that the class itself declares first."""
    own = (config if isinstance(config, type) else type(config)).__annotations__
    entries = sorted(fields(config), key=lambda entry: entry.name not in own)
    return {entry.name: entry.metadata["setting"] for entry in entries}


def faults(config: Any) -> Iterator[tuple[str, Any, str]]:
    """Yield name, value, and what was expected, of each setting with an invalid value."""
    for entry in fields(config):
        value = getattr(config, entry.name)
        expected = "" if value is None and entry.default is None else entry.metadata["setting"].wrong(value)
        if expected:
            yield entry.name, value, expected


def check_settings(config: Any) -> None:
    """Raise UserError if a setting has an invalid value."""
    for name, value, expected in faults(config):
        raise UserError(f"`{name}` {value!r}: {expected}")
