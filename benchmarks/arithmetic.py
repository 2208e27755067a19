"""Where the operations of a training step are: GFLOP by layer, on paper."""

from __future__ import annotations

from gluon_perceptual._mxnet import mx
from gluon_perceptual.nets.vgg import LossNetwork
from gluon_perceptual.workloads import NETWORKS, build, convolution_flop, training_flop

GIGA = 1e9


def table(network: str = "sr2", size: int = 144, batch: int = 4) -> str:
    """Return a Markdown table: each convolution's pass, and what a training step takes of it."""
    model = build(network)
    low = size // model.scale
    net = convolution_flop(model.net, mx.nd.zeros((batch, 3, low, low)))
    vgg = convolution_flop(LossNetwork.pretrained(("relu2_2",)), mx.nd.zeros((batch, 3, size, size)))
    lines = [
        f"{network}, {batch} patches of {size}×{size}:",
        "",
        "| layer | one pass, GFLOP | in a step | GFLOP |",
        "|---|---|---|---|",
    ]
    for number, (name, flop) in enumerate(net.items()):
        if number == 0:  # nobody needs the gradient of its input
            lines.append(_line(f"network: {name}", flop, 2, "output; gradient of weights"))
        else:
            lines.append(_line(f"network: {name}", flop, 3, "output; gradients of weights and input"))
    lines += [
        _line(f"loss network: {name}", flop, 3, "target; output; gradient of input") for name, flop in vgg.items()
    ]
    lines.append(f"| **sum** | | | **{training_flop(network, size, batch) / GIGA:.1f}** |")
    return "\n".join(lines) + "\n"


def _line(name: str, flop: float, times: int, why: str) -> str:
    return f"| {name} | {flop / GIGA:.2f} | {why} | {times * flop / GIGA:.2f} |"


def tables() -> str:
    """Return the tables of all networks."""
    return "\n".join(table(network) for network in NETWORKS)
