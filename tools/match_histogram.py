"""`python tools/match_histogram.py` does what `gluon-perceptual match-histogram` does."""

from gluon_perceptual.commands.match_histogram import match_histogram

if __name__ == "__main__":
    match_histogram()
