"""How good pictures are: metrics of a pair, and methods scored on a folder of photos."""
