"""`python tools/app.py` does what `gluon-perceptual app` does."""

from gluon_perceptual.commands.app import app

if __name__ == "__main__":
    app()
