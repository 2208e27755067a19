"""`python -m benchmarks.pytorch_training RUN`: run the training of a run's folder in PyTorch."""

from __future__ import annotations

import os
from pathlib import Path

import click

from gluon_perceptual.errors import UserError


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--pairs",
    "count",
    type=click.IntRange(1),
    default=40_000,
    help="Pairs to prepare; the training cycles through them.",
)
@click.option("--device", default="cuda", help="As PyTorch calls it.")
@click.option("--processes", type=click.IntRange(1), default=os.cpu_count(), help="Processes that prepare pairs.")
def main(run: Path, count: int, device: str, processes: int) -> None:
    """Run all steps of RUN, the folder of a training that was stopped at its beginning, in PyTorch.

    For GPUs that MXNet 1.9.1 does not run on. RUN/config.json determines the pairs, losses, learning rates and
    clipping, as for the command that started RUN. On a GPU, VGG16 and the convolutions of styles compute in bfloat16,
    those of super-resolution in TF32; on a CPU, all in the run's precision, float32 or bfloat16.
    """
    from .run import complete_run  # loads PyTorch

    try:
        complete_run(run, count, device, processes)
    except (UserError, OSError) as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
