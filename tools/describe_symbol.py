"""`python tools/describe_symbol.py` does what `gluon-perceptual describe-symbol` does."""

from gluon_perceptual.commands.describe_symbol import describe_symbol

if __name__ == "__main__":
    describe_symbol()
