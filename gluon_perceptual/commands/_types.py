"""Types of the commands' arguments: finite numbers, input and output files, lists."""

from __future__ import annotations

import math
from typing import Any, Iterable

import click

from ..training.settings import LARGEST_NUMBER


class Number(click.FloatRange):
    """A finite number within float32's range."""

    name = "number"

    def convert(self, value: Any, option: click.Parameter | None, context: click.Context | None) -> Any:
        """Return the number."""
        number = super().convert(value, option, context)
        if math.isnan(number) or abs(number) > LARGEST_NUMBER:
            self.fail(f"{value} is not a number of up to {LARGEST_NUMBER:g}.", option, context)
        return number


class NumberChoice(click.Choice):
    """One of some whole numbers."""

    def __init__(self, numbers: Iterable[int]) -> None:
        super().__init__([str(number) for number in numbers])

    def convert(self, value: Any, option: click.Parameter | None, context: click.Context | None) -> Any:
        """Return the number."""
        return int(super().convert(str(value), option, context))


class InputFile(click.Path):
    """An input file, which no result of the command may replace."""


class OutputFile(click.Path):
    """An output file, which `Command` checks before the work starts."""


def parse_names(context: click.Context, option: click.Parameter, text: str | None) -> tuple[str, ...] | None:
    """Return ("relu1_2", "relu2_2") for "relu1_2,relu2_2", as an option's callback."""
    return tuple(part.strip() for part in text.split(",")) if text is not None else None


def parse_numbers(context: click.Context, option: click.Parameter, text: str | None) -> tuple[float, ...] | None:
    """Return (1.0, 0.5) for "1,0.5", as an option's callback."""
    try:
        return tuple(Number().convert(part, option, context) for part in text.split(",")) if text is not None else None
    except click.BadParameter:
        raise click.BadParameter(f"{text!r}: expected numbers separated by commas, such as 1,0.5") from None


def parse_tile(context: click.Context, option: click.Parameter, text: str) -> int | str:
    """Return "auto" or the number of pixels, as an option's callback."""
    if text != "auto" and not (text.isdecimal() and len(text) < 7):
        raise click.BadParameter(f"{text}: expected auto or a number of pixels")
    return text if text == "auto" else int(text)


def parse_gpu(context: click.Context, option: click.Parameter, text: str | None) -> str | None:
    """Return the number of one GPU, as an option's callback."""
    if text is not None and "," in text:
        raise click.BadParameter(f"{text}: expected one GPU, such as 0; this command does not share its work")
    return text
