"""One training loop for all networks."""

__all__ = [
    "callbacks", "checkpoints", "cluster", "config", "folder", "growth", "jsonl", "loop", "optimizer_state", "record",
    "run", "saturation", "schedule", "settings", "soap", "step", "style", "style_config", "super_resolution",
    "super_resolution_config", "task", "tensorboard", "validation", "waiting",
]  # fmt: skip
