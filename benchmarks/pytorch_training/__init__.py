"""Trainings of this package on GPUs that MXNet's last CUDA build does not know, in PyTorch."""
