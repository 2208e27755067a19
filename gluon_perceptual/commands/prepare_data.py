"""`prepare_data`: write training patches as the blog's shards."""

from __future__ import annotations

import click

from ._command import Command


@click.command(cls=Command)
@click.option("--data", type=click.Path(), help="Folder of photos, or a list of files.  [default: sample photos]")
@click.option("--out", required=True, type=click.Path(), help="Folder for trainx_i.params and trainy_i.params.")
@click.option("--count", type=click.IntRange(1), default=1000, help="Patches in all.")
@click.option("--shard-size", type=click.IntRange(1), default=1000, help="Patches in a file.")
@click.option("--targets", type=click.Choice(["features", "patches"]), default="features", help="What trainy holds.")
@click.option("--vgg", default="shipped", metavar="shipped|zoo|FILE", help="Weights of the features' network.")
@click.option("--scale", type=click.Choice(["2", "4", "8"]), default="2", help="How many times smaller trainx is.")
@click.option("--patch", type=click.IntRange(8), default=144, help="Side of the high-resolution patches.")
@click.option("--sigma", type=click.FloatRange(0), default=1.0, help="Blur before shrinking, in pixels.")
@click.option("--degradation", type=click.Choice(["bicubic", "decimate"]), default="decimate", help="How to shrink.")
@click.option("--seed", type=click.IntRange(0), default=0, help="Of the random patches.")
def prepare_data(
    data: str | None,
    out: str,
    count: int,
    shard_size: int,
    targets: str,
    vgg: str,
    scale: str,
    patch: int,
    sigma: float,
    degradation: str,
    seed: int,
) -> None:
    """Cut patches out of photos and write them as the blog's training files, for `train_sr --shards`.

    Photos that `train_sr` would hold out are left out. A shard of 1000 patches with relu2_2 features takes 2.7 GB of
    disk, with patches 0.3 GB; memory holds its small patches (60 MB) and a few large ones.
    """
    from pathlib import Path

    from tqdm import tqdm

    from ..data.patches import PatchPairs
    from ..data.photos import split_photos
    from ..data.shards import write_shards
    from ..errors import UserError
    from ..files import write_json
    from ..nets.vgg import LossNetwork

    folder = Path(out)
    if list(folder.glob("train[xy]_*.params")):
        raise UserError(f"{folder} holds shards already: choose another --out, or remove them")
    pairs = PatchPairs(split_photos(data)[0], int(scale), patch, sigma, degradation, augment=False, seed=seed)
    network = LossNetwork.pretrained(("relu2_2",), vgg) if targets == "features" else None
    made = {"scale": int(scale), "patch": patch, "sigma": sigma, "degradation": degradation, "seed": seed}
    write_json(
        folder / "shards.json", {"targets": targets, **made, "loss_network": network.origin if network else None}
    )
    with tqdm(total=count, unit="patch", dynamic_ncols=True) as bar:
        write_shards(pairs, count, folder, shard_size, network, bar.update)
    click.echo(f"{count} patches in {folder}, {len(pairs.turns.skipped)} photos skipped")
