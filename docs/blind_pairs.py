"""Pairs of styles to judge without names: `python docs/blind_pairs.py candy.params --out pairs/`.

Shows the photos of the style sheets, each beside the results of one of our styles and of another model: photo, A, B, in
random order. `key.json` says which is which: open it only after judging. A folder in the model's place holds pictures
that `python -m benchmarks.styles --keep FOLDER` made: ours and those by L-BFGS.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Dict, Iterator, Sequence, Tuple

import click
import numpy as np
from make_images import style_photos

from gluon_perceptual.files import write_json
from gluon_perceptual.image.io import Picture, read_rgb, write_picture
from gluon_perceptual.inference import Stylizer
from gluon_perceptual.weights import models

GAP = 12  # pixels between two pictures
Pair = Tuple[np.ndarray, Dict[str, np.ndarray]]  # a photo; two pictures of it by their makers' names


@click.command(context_settings={"show_default": True})
@click.argument("other", metavar="MODEL|FOLDER")
@click.option("--styles", default=",".join(models("style")), help="Our models, taken in turns.")
@click.option("--each", default=4, help="Pairs of each style.")
@click.option("--seed", default=0, help="Of the order.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the pairs and their key.")
def main(other: str, styles: str, each: int, seed: int, out: Path) -> None:
    """Write 01.png, 02.png, ... and key.json."""
    order, names = random.Random(seed), styles.split(",")
    found = kept(Path(other), order) if Path(other).is_dir() else painted(names, other, each, order)
    key = {}
    out.mkdir(parents=True, exist_ok=True)
    for number, (photo, pictures) in enumerate(found, 1):
        pair = list(pictures)
        order.shuffle(pair)
        gap = np.full((len(photo), GAP, 3), 255, np.uint8)
        row = np.hstack([photo, gap, pictures[pair[0]], gap, pictures[pair[1]]])
        write_picture(out / f"{number:02d}.png", Picture(row))
        key[f"{number:02d}.png"] = dict(zip("AB", pair))
    write_json(out / "key.json", key)


def painted(names: Sequence[str], other: str, each: int, order: random.Random) -> Iterator[Pair]:
    """Yield photos, and what one of our styles and the other model make of them."""
    photos = style_photos()
    painters = {name: Stylizer(name) for name in (*names, other)}
    turns = [names[turn % len(names)] for turn in range(each * len(names))]
    order.shuffle(turns)
    for turn, name in enumerate(turns):
        photo = photos[turn % len(photos)]
        yield photo, {maker: painters[maker](photo) for maker in (name, other)}


def kept(folder: Path, order: random.Random) -> Iterator[Pair]:
    """Yield the photos in a folder by `benchmarks.styles --keep`, and the two pictures of each."""
    places = sorted({path.parent for path in folder.rglob("photo.png")})
    order.shuffle(places)
    for place in places:
        pictures = {path.stem: read_rgb(path) for path in sorted(place.glob("*.png"))}
        yield pictures.pop("photo"), pictures


if __name__ == "__main__":
    main()
