"""Networks that exist only as MXNet symbols, run without their code."""

__all__ = ["files", "graph", "loading", "model", "operators", "options", "probing", "process", "shapes", "worker"]
