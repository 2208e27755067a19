"""This package's trainings in PyTorch, for GPUs that MXNet's last CUDA build does not support."""
