"""`python tools/prepare_data.py` does what `gluon-perceptual prepare-data` does."""

from gluon_perceptual.commands.prepare_data import prepare_data

if __name__ == "__main__":
    prepare_data()
