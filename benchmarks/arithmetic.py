"""The operations of a training step: GFLOP by layer, computed on paper."""

from __future__ import annotations

from gluon_perceptual.timing.operations import training_operations
from gluon_perceptual.timing.workloads import NETWORKS, training_size

from .tables import markdown

GIGA = 1e9


def table(network: str = "sr2", batch: int = 4) -> str:
    """Return a Markdown table: the operations of each convolution in a pass, and in a training step."""
    size = training_size(network)
    work = training_operations(network, size, batch)
    total = sum(each.passes * each.flop for each in work) / GIGA
    lines = [
        (each.layer, f"{each.flop / GIGA:.2f}", each.which, f"{each.passes * each.flop / GIGA:.2f}") for each in work
    ]
    table = markdown(
        ("layer", "one pass, GFLOP", "in a step", "GFLOP"), [*lines, ("**sum**", "", "", f"**{total:.1f}**")]
    )
    return f"{network}, {batch} patches of {size}×{size}:\n\n{table}\n"


def tables() -> str:
    """Return the tables of all networks."""
    return "\n".join(table(network) for network in NETWORKS)
