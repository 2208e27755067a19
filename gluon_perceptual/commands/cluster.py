"""`cluster`: run a training on several machines, or in several processes of this one."""

from __future__ import annotations

import click

from ._command import Command
from ._types import InputFile


@click.command(cls=Command, context_settings={"allow_interspersed_args": False})
@click.option("-n", "--workers", type=click.IntRange(1, 256), default=2, help="Number of worker processes.")
@click.option(
    "-s",
    "--servers",
    type=click.IntRange(1, 256),
    default=1,
    help="Number of server processes, which sum the gradients.",
)
@click.option("--hosts", type=InputFile(exists=True), help="File of machines to distribute to by ssh, one per line.")
@click.option(
    "--interface", metavar="lo|eth0|…", help="Network interface of the parameter server.  [default: its choice]"
)
@click.argument("command", nargs=-1, required=True)
def cluster(workers: int, servers: int, hosts: str | None, interface: str | None, command: tuple[str, ...]) -> None:
    """Run COMMAND, a training with --kvstore dist_sync, in all processes of a cluster.

    For example `gluon-perceptual cluster --workers 2 python tools/train_sr.py --kvstore dist_sync --batch 8`; the batch
    is shared by all workers. dmlc_tracker, which comes with MXNet, starts the processes, on this machine unless --hosts
    is given.
    """
    from ._cluster import submit

    raise SystemExit(submit(command, workers, servers, hosts, interface))
