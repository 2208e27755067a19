"""The reference: a page for each package, for each module beside the packages, and for the front door's names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Iterator

import griffe
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = griffe.load("gluon_perceptual", search_paths=[ROOT], resolve_aliases=True)
FRONT = """# Reference

`from gluon_perceptual import …` gives what most programs need; the module of a name is imported when the name is first
used.
"""
# Code in running text that may be a name, perhaps with arguments; before it whatever must not get a link inside.
CODE = re.compile(r"<(a|autoref|h[1-6]|pre)\b.*?</\1>|<code>([A-Za-z_][\w.]*)(\([^<]*\))?</code>", re.DOTALL)


def on_files(files: Files, config: Any) -> Files:
    """Add the pages."""
    files.append(File.generated(config, "reference/index.md", content="\n".join(front_page())))
    for module in modules():
        content = "\n".join(package_page(module))
        files.append(File.generated(config, f"reference/{module.name}.md", content=content))
    return files


def on_page_content(html: str, **_: Any) -> str:
    """Return the page with the names of the package's modules, classes and functions made links to the reference."""
    return CODE.sub(linked, html)


def linked(match: re.Match[str]) -> str:
    """Return a piece of code as a link, for mkdocs-autorefs to resolve, if it names something in the reference."""
    path = NAMES.get((match[2] or "").removeprefix("gluon_perceptual."))
    return f'<autoref identifier="{path}">{match[0]}</autoref>' if path else match[0]


def front_page() -> Iterator[str]:
    """Yield the lines of the page with the names that the package exports, and its modules."""
    yield FRONT
    yield "| | |\n| --- | --- |"
    for member in reexported(PACKAGE):
        yield f"| [`{member.name}`][{member.target_path}] | {first_line(member)} |"
    yield "\n## Packages and modules\n\n| | |\n| --- | --- |"
    for module in modules():
        yield f"| [`{module.name}`]({module.name}.md) | {first_line(module)} |"


def package_page(module: Any) -> Iterator[str]:
    """Yield the lines of a page: the module's own names, then each module in it."""
    own = [member.name for member in own_members(module)]
    yield f"---\ntitle: {module.name}\n---\n\n::: {module.path}\n    options:\n      heading_level: 1"
    yield f"      members: {own or 'false'}"
    names = ", ".join(f"[`{member.name}`][{member.target_path}]" for member in reexported(module))
    if names:
        yield f"\n`from {module.path} import …` gives {names}."
    for inner in public_modules(module):
        yield f"\n::: {inner.path}"


def modules() -> list[Any]:
    """Return the packages, and the modules beside them, that have a page; the commands have one of their options."""
    return [module for module in public_modules(PACKAGE) if module.name != "commands"]


def public_modules(module: Any) -> list[Any]:
    """Return the modules in a package that have no underscore before their name, sorted by name."""
    inner = (member for _, member in sorted(module.members.items()) if not member.is_alias and member.is_module)
    return [member for member in inner if not member.name.startswith("_")]


def own_members(module: Any) -> list[Any]:
    """Return what a module defines itself and has no underscore before its name, in the source's order."""
    members = (member for name, member in module.members.items() if not name.startswith("_"))
    return [member for member in members if not member.is_alias and not member.is_module]


def reexported(module: Any) -> list[Any]:
    """Return what a package makes public of its modules, sorted by name."""
    members = (member for _, member in sorted(module.members.items()) if member.is_alias)
    if module is PACKAGE:  # its stub has them
        return [member for member in members if member.target_path.startswith(f"{PACKAGE.name}.")]
    return [member for member in members if member.is_exported]


def first_line(member: Any) -> str:
    """Return the first line of a docstring."""
    return member.docstring.value.split("\n")[0] if member.docstring else ""


def documented(module: Any) -> Iterator[str]:
    """Yield the full paths of everything that has a place in the reference."""
    yield module.path
    for member in own_members(module):
        inner = (part for key, part in member.members.items() if not key.startswith("_"))
        yield from (each.path for each in (member, *inner) if each.has_docstring)
    for inner in public_modules(module):
        yield from documented(inner)


# Names as pages use them: the path without the package's name, and that of the package which exports the name. Packages
# and the modules beside them are left out, since their names are mostly words with other meanings.
PATHS = {path: path for module in modules() for path in documented(module) if path.count(".") > 1}
EXPORTED = {
    f"{module.path}.{member.name}": member.target_path
    for module in (PACKAGE, *modules())
    for member in reexported(module)
}
NAMES = {name.removeprefix("gluon_perceptual."): path for name, path in {**PATHS, **EXPORTED}.items()}
