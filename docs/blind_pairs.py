"""Pairs of styles to judge without names: `python docs/blind_pairs.py candy.params --out pairs/`.

Shows the photos of the style sheets, each beside the results of one of our styles and of another model: photo, A, B, in
random order. `key.json` says which is which: open it only after judging.
"""

from __future__ import annotations

import random
from pathlib import Path

import click
import numpy as np
from make_images import style_photos

from gluon_perceptual.files import write_json
from gluon_perceptual.image.io import Picture, write_picture
from gluon_perceptual.inference import Stylizer
from gluon_perceptual.weights import models

GAP = 12  # pixels between two pictures


@click.command(context_settings={"show_default": True})
@click.argument("other", metavar="MODEL")
@click.option("--styles", default=",".join(models("style")), help="Our models, taken in turns.")
@click.option("--each", default=4, help="Pairs of each style.")
@click.option("--seed", default=0, help="Of the order.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the pairs and their key.")
def main(other: str, styles: str, each: int, seed: int, out: Path) -> None:
    """Write 01.png, 02.png, ... and key.json."""
    order, photos = random.Random(seed), style_photos()
    names = styles.split(",")
    painters = {name: Stylizer(name) for name in (*names, other)}
    turns = [names[turn % len(names)] for turn in range(each * len(names))]
    order.shuffle(turns)
    key = {}
    out.mkdir(parents=True, exist_ok=True)
    for turn, name in enumerate(turns):
        photo, pair = photos[turn % len(photos)], [name, other]
        order.shuffle(pair)
        gap = np.full((len(photo), GAP, 3), 255, np.uint8)
        row = np.hstack([photo, gap, painters[pair[0]](photo), gap, painters[pair[1]](photo)])
        write_picture(out / f"{turn + 1:02d}.png", Picture(row))
        key[f"{turn + 1:02d}.png"] = dict(zip("AB", pair))
    write_json(out / "key.json", key)


if __name__ == "__main__":
    main()
