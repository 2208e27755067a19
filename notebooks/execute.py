"""Run the notebooks and keep their outputs: python notebooks/execute.py [NOTEBOOK]... (--out FOLDER | --in-place)."""

from __future__ import annotations

import base64
import os
import sys
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

import click
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from PIL import Image

from gluon_perceptual.files import atomic_path

HERE = Path(__file__).resolve().parent
JPEG = {"quality": 90, "subsampling": 0, "optimize": True}
METADATA = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
LONG = 3600  # seconds, more than any cell takes


def execute(path: Path) -> Any:
    """Return the notebook with its outputs, run in an empty folder.

    Raises:
        CellExecutionError: A cell fails that is not tagged `raises-exception`.
    """
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        options = {"timeout": LONG, "record_timing": False, "coalesce_streams": True}
        NotebookClient(notebook, resources={"metadata": {"path": folder}}, **options).execute()
    return notebook


def tidy(notebook: Any) -> None:
    """Remove what is specific to this machine, and store pictures in fewer bytes."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            for name in ("text", "evalue"):
                if name in output:
                    output[name] = without_folders(output[name])
            output.get("traceback", [])[:] = map(without_folders, output.get("traceback", ()))
            data = output.get("data", {})
            if "image/png" in data:
                kind, picture = smallest(base64.b64decode(data.pop("image/png")))
                data[kind] = base64.b64encode(picture).decode()


def without_folders(text: str) -> str:
    """Return `text` with paths reduced to the part that is the same on every machine."""
    given = [Path(value).parent for name, value in os.environ.items() if name.startswith("GLUON_PERCEPTUAL_")]
    for folder in (HERE.parent, Path(sys.prefix), Path(tempfile.gettempdir()), Path.home(), *given):
        text = text.replace(f"{folder}{os.sep}", "")
    return text


def smallest(png: bytes) -> tuple[str, bytes]:
    """Return a picture and its MIME type, in PNG or JPEG, whichever is smaller: PNG for plots, JPEG for photos."""
    picture = Image.open(BytesIO(png)).convert("RGB")
    found = {}
    for kind, options in (("PNG", {"optimize": True}), ("JPEG", JPEG)):
        file = BytesIO()
        picture.save(file, kind, **options)
        found[f"image/{kind.lower()}"] = file.getvalue()
    return min(found.items(), key=lambda item: len(item[1]))


@click.command()
@click.argument("notebooks", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write to.")
@click.option("--in-place", is_flag=True, help="Write over the notebooks themselves.")
def main(notebooks: tuple[Path, ...], out: Path | None, in_place: bool) -> None:
    """Run NOTEBOOKS, or all that are beside this file, and write them with their outputs."""
    if (out is None) != in_place:
        raise click.UsageError("give either --out FOLDER or --in-place")
    if in_place and os.environ.get("GLUON_PERCEPTUAL_QUICK") == "1":
        raise click.UsageError("GLUON_PERCEPTUAL_QUICK is set, so the figures must not be kept: give --out")
    for path in notebooks or sorted(HERE.glob("*.ipynb")):
        try:
            notebook = execute(path)
        except CellExecutionError as error:
            raise click.ClickException(f"{path}: {error}") from error
        tidy(notebook)
        target = (out or path.parent) / path.name
        with atomic_path(target) as temporary:
            nbformat.write(notebook, temporary)
        click.echo(f"{target}: {target.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
