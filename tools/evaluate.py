"""`python tools/evaluate.py` does what `gluon-perceptual evaluate` does."""

from gluon_perceptual.commands.evaluate import evaluate

if __name__ == "__main__":
    evaluate()
