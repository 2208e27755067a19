"""`prepare_data`: write training patches as the blog's shards, or photos as a RecordIO file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..choices import SCALES
from ..training.settings import LARGEST_COUNT, LARGEST_SEED
from ._command import Command
from ._console import tell
from ._options import degradation_option, refuse
from ._types import InputFile, Number, NumberChoice


@click.command(cls=Command)
@click.option("--data", type=InputFile(), help="Photos: a folder, a list or a .rec file.  [default: sample photos]")
@click.option("--out", required=True, type=click.Path(), help="Output folder.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["shards", "rec"]),
    default="shards",
    help="shards: patches, as the blog's trainx_i.params and trainy_i.params. rec: whole photos in one file, data.rec, "
    "for --data of train_sr; it takes none of the options below.",
)
@click.option("--count", type=click.IntRange(1, LARGEST_COUNT), default=1000, help="Total number of patches.")
@click.option("--shard-size", type=click.IntRange(1, LARGEST_COUNT), default=1000, help="Patches per file.")
@click.option("--targets", type=click.Choice(["features", "patches"]), default="features", help="Content of trainy.")
@click.option(
    "--vgg", default="shipped", metavar="shipped|zoo|FILE", help="Weights of the network that computes features."
)
@click.option("--scale", type=NumberChoice(SCALES), default=2, help="Factor by which trainx is smaller.")
@click.option(
    "--patch", type=click.IntRange(8, 4096), default=144, help="Side of the high-resolution patches in pixels."
)
@click.option("--sigma", type=Number(0, 100), default=1.0, help="Blur before shrinking, in pixels.")
@degradation_option(default="decimate")
@click.option("--seed", type=click.IntRange(0, LARGEST_SEED), default=0, help="Seed of the random patches.")
def prepare_data(data: str | None, out: str, kind: str, **patches: Any) -> None:
    """Cut patches out of photos and write them as the blog's training files, for `train_sr --shards`.

    Photos that `train_sr` would hold out are excluded. A shard of 1000 patches takes 2.7 GB of disk with relu2_2
    features, or 0.3 GB with patches; memory holds its small patches (60 MB) and a few large ones.

    With --format rec, photos are put unchanged into one RecordIO file, which disks and networks read faster than many
    files.

    Photos that cannot be used are skipped, and listed in skipped.json with the reason.
    """
    if kind == "shards":
        if patches["targets"] == "patches":
            refuse(["vgg"], "--targets features")
        tell(_write_shards(data, Path(out), **patches))
        return
    refuse(patches, "--format shards")
    tell(_write_records(data, Path(out)))


def _write_records(data: str | None, folder: Path) -> str:
    from tqdm import tqdm

    from ..data.photos import find_photos
    from ..data.reading import write_report
    from ..data.records import write_records
    from ..errors import UserError

    target = folder / "data.rec"
    if target.exists():
        raise UserError(f"{target} already exists: choose another --out, or remove it")
    photos = find_photos(data)
    with tqdm(total=len(photos), unit="photo", dynamic_ncols=True) as bar:
        skipped = write_records(photos, folder, bar.update)
    write_report(folder / "skipped.json", skipped)
    return f"{len(photos) - len(skipped)} photos in {target}, {len(skipped)} skipped"


def _write_shards(
    data: str | None, folder: Path, count: int, shard_size: int, targets: str, vgg: str, **made: Any
) -> str:
    from tqdm import tqdm

    from ..data.patches import PatchDataset
    from ..data.photos import split_photos
    from ..data.reading import write_report
    from ..data.shards import STRIDE, write_shards
    from ..errors import UserError
    from ..files import write_json
    from ..nets.vgg import LossNetwork

    if targets == "features" and made["patch"] % STRIDE:
        raise UserError(f"--patch {made['patch']}: expected a multiple of {STRIDE} for --targets features")
    if list(folder.glob("train[xy]_*.params")):
        raise UserError(f"{folder} already contains shards: choose another --out, or remove them")
    degraded = (made["scale"], made["patch"], made["sigma"], made["degradation"])
    pairs = PatchDataset(split_photos(data)[0], *degraded, augment=False, seed=made["seed"])
    network = LossNetwork.pretrained(("relu2_2",), vgg) if targets == "features" else None
    made.update({"targets": targets, "loss_network": network.origin if network else None, "patches": count})
    write_json(folder / "shards.json", {**made, "missing": count})
    try:
        with tqdm(total=count, unit="patch", dynamic_ncols=True) as bar:
            write_shards(pairs, count, folder, shard_size, network, bar.update)
    finally:  # also when the disk is full or on Ctrl-C
        whole = len(list(folder.glob("trainx_*.params")))
        write_json(folder / "shards.json", {**made, "missing": max(0, count - whole * shard_size)})
    write_report(folder / "skipped.json", pairs.skipped)
    return f"{count} patches in {folder}, {len(pairs.skipped)} photos skipped"
