"""Tables in Markdown."""

from __future__ import annotations

from typing import Iterable, Sequence


def markdown(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return a table of these cells."""
    return "\n".join(map(line, (head, ["---"] * len(head), *lines)))


def line(cells: Iterable[str]) -> str:
    """Return a line of a table, for those that are printed as they are measured, after `markdown(head, [])`."""
    return f"| {' | '.join(cells)} |"
