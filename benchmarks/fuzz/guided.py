"""Damaged files, guided by coverage: `python -m benchmarks.fuzz.guided KIND FOLDER [libFuzzer's options]`.

Needs Atheris (`pip install atheris`, Python 3.11 or later). The folder keeps each case that runs a line of the package
that none before it ran; what is neither read nor refused in one line ends the command, and is kept in `FOLDER/found-…`.
`-runs=1000000`, `-max_total_time=600` and `-rss_limit_mb=2048` are what libFuzzer is usually told.
"""

from __future__ import annotations

import logging
import sys
from importlib import import_module
from pathlib import Path
from random import Random

import click

from .kinds import NAMES, kind_of, outcome_of

LONGEST = 1 << 14  # bytes of a file


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("name", metavar="KIND", type=click.Choice(NAMES))
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def main(name: str, folder: Path, options: tuple[str, ...]) -> None:
    """Read damaged files of KIND, and keep in FOLDER those that run new code; OPTIONS are libFuzzer's."""
    atheris = import_module("atheris")
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    logging.disable()
    with atheris.instrument_imports(include=["gluon_perceptual"]):
        kind = kind_of(name)
    for number, content in enumerate(kind.seeds()):
        (corpus / f"seed-{number}").write_bytes(content)

    def read(content: bytes) -> None:
        outcome = outcome_of(content, kind.read, folder / "current")
        if outcome not in ("read", "refused"):
            raise AssertionError(outcome)

    def damage(content: bytes, longest: int, seed: int) -> bytes:
        rng = Random(seed)
        if rng.random() < 0.5:
            return kind.damage(content, rng)[:longest]
        found: bytes = atheris.Mutate(content, longest)
        return found

    places = [f"-artifact_prefix={folder}/found-", f"-max_len={LONGEST}", str(corpus)]
    atheris.Setup([sys.argv[0], *options, *places], read, custom_mutator=damage)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
