"""`python -m gluon_perceptual` is the command `gluon-perceptual`."""

from .commands import main

if __name__ == "__main__":
    main(prog_name="gluon-perceptual")
