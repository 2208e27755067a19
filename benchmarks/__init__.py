"""This package's speed and memory beside its peers', measured in the same run: `python -m benchmarks --help`."""
