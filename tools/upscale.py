"""`python tools/upscale.py` does what `gluon-perceptual upscale` does."""

from gluon_perceptual.commands.upscale import upscale

if __name__ == "__main__":
    upscale()
