"""The notebooks as pages: their cells and the outputs saved in them; nothing is executed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
from mkdocs.structure.files import File, Files
from nbconvert import MarkdownExporter

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
INTRODUCTION = """# Notebooks

Here as they were last run. To run them yourself: `pip install -e '.[cpu,notebooks]'`, `jupyter lab notebooks`.
"""


def on_files(files: Files, config: Any) -> Files:
    """Add a page for each notebook, its pictures, and a page that lists them."""
    listing = [INTRODUCTION]
    for path in sorted(FOLDER.glob("*.ipynb")):
        body, pictures = as_markdown(path)
        files.append(File.generated(config, f"notebooks/{path.stem}.md", content=body))
        for name, content in pictures.items():
            files.append(File.generated(config, f"notebooks/{name}", content=content))
        title, about = body.strip().split("\n\n")[:2]
        listing.append(f"## [{title.lstrip('# ')}]({path.stem}.md)\n\n{about}\n")
    files.append(File.generated(config, "notebooks/index.md", content="\n".join(listing)))
    return files


def as_markdown(path: Path) -> tuple[str, dict[str, bytes]]:
    """Return a notebook as Markdown, and its pictures by the names that the Markdown has for them."""
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata["language_info"] = {"name": "python"}  # for the colors of the code
    body, resources = MarkdownExporter().from_notebook_node(notebook, {"unique_key": path.stem, "output_files_dir": ""})
    return re.sub(r"!\[(jpeg|png)\]", "![Output of the cell above]", body), resources["outputs"]
