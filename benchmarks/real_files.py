"""Hundreds of picture files, read by this package and by Pillow: `python -m benchmarks.real_files FOLDER...`.

Each file is read in a separate process, so that crashes of decoders are noticed. Prints the number of files with equal
results, different results, one-line errors and other outcomes, and a line for each file whose results are not equal.
"""

from __future__ import annotations

import io
import multiprocessing
import warnings
from collections import Counter
from pathlib import Path
from typing import Sequence

import click
import numpy as np
from PIL import Image, ImageOps
from tqdm import tqdm

from gluon_perceptual.errors import UserError
from gluon_perceptual.image.files import read_bytes
from gluon_perceptual.image.io import read_rgb

from .tables import markdown

ALIKE, DIFFERENT, ONLY_OURS, REFUSED, OTHER_FORMAT, ONLY_PILLOW = (
    "the same pixels",
    "different pixels",
    "read, but not by Pillow",
    "refused in one line, as by Pillow",
    "of another format, refused in one line",
    "refused in one line, but read by Pillow",
)
TOLERANCE = 2  # levels of 255, by which decoders of JPEG, and rounding, may differ
FORMATS = ("PNG", "JPEG", "MPO", "WEBP", "TIFF", "BMP", "DIB", "GIF", "AVIF")  # the formats that this package reads
MAX_PIXELS = 100_000_000
SECONDS = 60


@click.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(exists=True))
def main(folders: Sequence[str]) -> None:
    """Read all files below FOLDERS, and print the outcomes."""
    files = sorted(path for folder in folders for path in Path(folder).rglob("*") if path.is_file())
    outcomes: Counter[str] = Counter()
    for path in tqdm(files, unit="file"):
        outcome, detail = in_a_process(path)
        outcomes[outcome] += 1
        if outcome not in (ALIKE, REFUSED, OTHER_FORMAT):
            tqdm.write(f"{outcome}: {path}: {detail}")
    click.echo(markdown(("outcome", "files"), [[outcome, str(count)] for outcome, count in outcomes.most_common()]))


def in_a_process(path: Path) -> tuple[str, str]:
    """Return the outcome of reading a file, and details."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=lambda: theirs.send(outcome_of(path)))
    process.start()
    theirs.close()
    try:
        found: tuple[str, str] = ours.recv() if ours.poll(SECONDS) else ("too slow", f"over {SECONDS} s")
    except EOFError:
        found = "crash", ""
    process.kill()
    process.join()
    return found


def outcome_of(path: Path) -> tuple[str, str]:
    """Return the outcome of reading a file in this process, and details."""
    reference = pillow_rgb(path)
    try:
        picture = read_rgb(str(path), MAX_PIXELS)
    except (UserError, OSError) as error:
        return ("several lines" if "\n" in str(error) else refusal(path, reference)), str(error)
    except Exception as error:  # a bug, which is what this looks for
        return "traceback", repr(error)
    if isinstance(reference, str):
        return ONLY_OURS, reference
    if picture.shape != reference.shape:
        return DIFFERENT, f"{picture.shape}, by Pillow {reference.shape}"
    distance = np.abs(picture.astype(int) - reference)
    told = f"mean {distance.mean():.1f}, at most {distance.max()} levels"
    return (ALIKE if distance.max() <= TOLERANCE else DIFFERENT), told


def refusal(path: Path, reference: np.ndarray | str) -> str:
    """Return the outcome of a file that was refused."""
    if isinstance(reference, str):
        return REFUSED
    with Image.open(path) as opened:
        return ONLY_PILLOW if opened.format in FORMATS else OTHER_FORMAT


def pillow_rgb(path: Path) -> np.ndarray | str:
    """Return (H, W, 3) uint8 by Pillow alone, upright and over white; or why Pillow cannot read it."""
    warnings.simplefilter("ignore")
    try:
        with Image.open(io.BytesIO(read_bytes(str(path), MAX_PIXELS))) as opened:
            image = ImageOps.exif_transpose(opened)
        if image.mode.startswith("I"):
            gray = np.rint(np.asarray(image).astype(np.float64) / 257).clip(0, 255).astype(np.uint8)
            return np.dstack([gray] * 3)
        layered = image.convert("RGBA")
        return np.asarray(Image.alpha_composite(Image.new("RGBA", layered.size, "white"), layered).convert("RGB"))
    except Exception as error:
        return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    main()
