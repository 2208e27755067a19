"""`python tools/train_sr.py` does what `gluon-perceptual train-sr` does."""

from gluon_perceptual.commands.train_sr import train_sr

if __name__ == "__main__":
    train_sr()
