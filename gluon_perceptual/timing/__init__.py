"""What is timed: the work of trainings and of inference, and the paper's table of speeds."""

__all__ = ["paper_table", "workloads"]
