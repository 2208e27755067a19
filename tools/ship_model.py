"""`python tools/ship_model.py` does what `gluon-perceptual ship-model` does."""

from gluon_perceptual.commands.ship_model import ship_model

if __name__ == "__main__":
    ship_model()
