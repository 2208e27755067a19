"""One training loop for all networks."""

__all__ = [
    "callbacks",
    "checkpoints",
    "cluster",
    "config",
    "jsonl",
    "loop",
    "optimizer_state",
    "record",
    "run",
    "saturation",
    "schedule",
    "step",
    "style",
    "super_resolution",
    "validation",
    "waiting",
]
