"""A folder in mkdocs.yml's `nav` stands for all pages in it that have no place of their own."""

from __future__ import annotations

from typing import Any

from mkdocs.structure.files import Files


def on_files(files: Files, config: Any) -> Files:
    """Put the pages in the place of their folders."""
    pages = [file.src_uri for file in files.documentation_pages()]
    config.nav = expand(config.nav, pages, set(named(config.nav)))
    return files


def named(entry: Any) -> list[str]:
    """Return all paths in a part of the navigation."""
    if isinstance(entry, str):
        return [entry]
    parts = entry.values() if isinstance(entry, dict) else entry
    return [path for part in parts for path in named(part)]


def expand(entry: Any, pages: list[str], placed: set[str]) -> Any:
    """Return a part of the navigation with its folders expanded, the pages in them sorted."""
    if isinstance(entry, dict):
        return {title: expand(part, pages, placed) for title, part in entry.items()}
    if isinstance(entry, list):
        return [item for part in entry for item in as_list(expand(part, pages, placed))]
    if entry.endswith("/"):
        return sorted(page for page in pages if page.startswith(entry) and page not in placed)
    return entry


def as_list(entry: Any) -> list[Any]:
    """Return a list as it is, and anything else as a list of one."""
    return entry if isinstance(entry, list) else [entry]
