"""`python tools/cluster.py` does what `gluon-perceptual cluster` does."""

from gluon_perceptual.commands.cluster import cluster

if __name__ == "__main__":
    cluster()
