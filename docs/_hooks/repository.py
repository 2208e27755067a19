"""The site's pages that are files of the repository outside docs/, and the links that lead out of a page's folder."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)#\s]+)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages."""
    for name, page in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / name).read_text(encoding="utf-8")))
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    files.append(File.generated(config, "notice.md", content=f"# Notice\n\n```text\n{notice}\n```\n"))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Return the page with its links to files of the repository made links to their pages."""
    uri: str = page.file.src_uri
    source = next((name for name, made in PAGES.items() if made == uri), f"docs/{uri}")

    def moved(match: re.Match[str]) -> str:
        target = page_of(posixpath.normpath(posixpath.join(posixpath.dirname(source), match[1])))
        return posixpath.relpath(target, posixpath.dirname(uri) or ".")

    return LINK.sub(moved, markdown)


def page_of(path: str) -> str:
    """Return the path in docs/ of the page, or picture, that shows a file of the repository."""
    if path == "NOTICE":
        return "notice.md"
    if path == "notebooks":
        return "notebooks/index.md"
    if path.startswith("notebooks/"):
        return path.replace(".ipynb", ".md")
    return PAGES.get(path, path[len("docs/") :] if path.startswith("docs/") else f"../{path}")
