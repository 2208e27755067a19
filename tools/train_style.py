"""`python tools/train_style.py` does what `gluon-perceptual train-style` does."""

from gluon_perceptual.commands.train_style import train_style

if __name__ == "__main__":
    train_style()
