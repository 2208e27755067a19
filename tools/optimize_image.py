"""`python tools/optimize_image.py` does what `gluon-perceptual optimize-image` does."""

from gluon_perceptual.commands.optimize_image import optimize_image

if __name__ == "__main__":
    optimize_image()
