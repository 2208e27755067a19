"""Networks that are only an MXNet symbol, run without their code."""

__all__ = ["files", "graph", "model", "operators", "probing"]
