"""Measurements as a table and a plot."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Sequence

import numpy as np

from gluon_perceptual.figures import new_figure, save_figure

from .harness import Result
from .suites import OURS_FLOAT32, Work
from .tables import markdown

GIGA = 1e9
HEAD = (
    "work", "ours, s", "best peer, s", "times as fast (runs)", "as our float32", "GFLOP/s", "of peak",
    "memory, ours / peer",
)  # fmt: skip


def row(work: Work, results: Sequence[Result], peak: float) -> dict[str, Any]:
    """Return the numbers of a work; the peer is the fastest of the others. Seconds are medians, for the whole work."""
    ours, *others = results
    peer = min((each for each in others if each.name != OURS_FLOAT32), key=lambda result: result.median)
    ratios = np.divide(peer.seconds, ours.seconds)
    combine = sum if work.parts else np.median
    of = {result.name: float(combine(result.seconds)) for result in results}
    return {
        "work": work.name,
        "seconds": of,
        "peer": peer.name,
        "ratio": of[peer.name] / of["ours"],
        "over_float32": of[OURS_FLOAT32] / of["ours"] if OURS_FLOAT32 in of else None,
        "ratio_spread": [float(ratios.min()), float(ratios.max())],
        "gflops": work.flop / of["ours"] / GIGA if work.flop else None,
        "of_peak": work.flop / of["ours"] / peak if work.flop else None,
        "memory": {result.name: result.peak_memory for result in results},
        "runs": {result.name: result.seconds for result in results},
    }


def table(rows: Sequence[dict[str, Any]], peak: float) -> str:
    """Return the table."""
    lines = []
    for values in rows:
        ours, peer = values["seconds"]["ours"], values["seconds"][values["peer"]]
        low, high = values["ratio_spread"]
        speed = (f"{values['gflops']:.0f}", f"{values['of_peak']:.0%}") if values["gflops"] else ("", "")
        gain = f"{values['over_float32']:.2f}" if values["over_float32"] else ""
        memory = [values["memory"][name] / 2**20 for name in ("ours", values["peer"])]
        ratio = f"**{values['ratio']:.2f}** ({low:.2f}–{high:.2f})"
        times = (f"{ours:.3f}", f"{peer:.3f} ({values['peer']})", ratio, gain)
        lines.append([values["work"], *times, *speed, f"{memory[0]:.0f} / {memory[1]:.0f} MiB"])
    return f"Matrix product: {peak / GIGA:.0f} GFLOP/s.\n\n{markdown(HEAD, lines)}\n"


def plot(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw this package's speed relative to the best peer."""
    figure = new_figure(8, 0.32 * len(rows) + 1.2)
    axes = figure.subplots()
    places = np.arange(len(rows))[::-1]
    ratios = [values["ratio"] for values in rows]
    spread = np.abs(np.array([values["ratio_spread"] for values in rows]).T - ratios)
    axes.barh(places, ratios, xerr=spread, color="#4477aa", ecolor="#999999", height=0.7)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_yticks(places, [values["work"] for values in rows])
    axes.set_xlabel("times as fast as the best peer (bar: medians; line: least and most of the runs)")
    axes.spines[["top", "right"]].set_visible(False)
    for place, values in zip(places, rows):  # next to the bar: some bars are too short for it
        text = f"  {values['ratio']:.2f}"
        axes.text(max(1, *values["ratio_spread"]), place, text, va="center", fontsize=8)
    save_figure(figure, path)
