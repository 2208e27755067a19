"""`python tools/stylize.py` does what `gluon-perceptual stylize` does."""

from gluon_perceptual.commands.stylize import stylize

if __name__ == "__main__":
    stylize()
