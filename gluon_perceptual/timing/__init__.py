"""Timing of training and inference, and the paper's table of speeds."""

__all__ = ["measuring", "operations", "paper_table", "workloads"]
