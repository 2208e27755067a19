"""`python tools/inspect_params.py` does what `gluon-perceptual inspect-params` does."""

from gluon_perceptual.commands.inspect_params import inspect_params

if __name__ == "__main__":
    inspect_params()
