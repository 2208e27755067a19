"""`python tools/convert_style.py` does what `gluon-perceptual convert-style` does."""

from gluon_perceptual.commands.convert_style import convert_style

if __name__ == "__main__":
    convert_style()
