"""The operations of a training step: GFLOP by layer, computed on paper."""

from __future__ import annotations

from gluon_perceptual.timing.operations import training_operations
from gluon_perceptual.timing.workloads import NETWORKS, training_size

GIGA = 1e9


def table(network: str = "sr2", batch: int = 4) -> str:
    """Return a Markdown table: the operations of each convolution in a pass, and in a training step."""
    size = training_size(network)
    lines = [
        f"{network}, {batch} patches of {size}×{size}:",
        "",
        "| layer | one pass, GFLOP | in a step | GFLOP |",
        "|---|---|---|---|",
    ]
    total = 0.0
    for each in training_operations(network, size, batch):
        step = each.passes * each.flop / GIGA
        lines.append(f"| {each.layer} | {each.flop / GIGA:.2f} | {each.which} | {step:.2f} |")
        total += step
    lines.append(f"| **sum** | | | **{total:.1f}** |")
    return "\n".join(lines) + "\n"


def tables() -> str:
    """Return the tables of all networks."""
    return "\n".join(table(network) for network in NETWORKS)
