"""`python tools/benchmark.py` does what `gluon-perceptual benchmark` does."""

from gluon_perceptual.commands.benchmark import benchmark

if __name__ == "__main__":
    benchmark()
