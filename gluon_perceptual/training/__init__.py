"""One training loop for all networks."""

__all__ = [
    "callbacks",
    "checkpoints",
    "cluster",
    "config",
    "folder",
    "jsonl",
    "loop",
    "optimizer_state",
    "record",
    "run",
    "saturation",
    "schedule",
    "step",
    "style",
    "style_config",
    "super_resolution",
    "task",
    "tensorboard",
    "validation",
    "waiting",
]
