"""Networks that are only an MXNet symbol, run without their code."""

__all__ = ["files", "graph", "loading", "model", "operators", "options", "probing", "process", "shapes", "worker"]
