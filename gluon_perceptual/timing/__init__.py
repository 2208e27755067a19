"""What is timed: the work of trainings and of inference, and the paper's table of speeds."""

__all__ = ["measuring", "operations", "paper_table", "workloads"]
