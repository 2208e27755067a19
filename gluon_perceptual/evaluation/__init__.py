"""How good pictures are: metrics of a pair, and methods scored on a folder of photos."""

__all__ = ["metrics", "scores", "spectrum", "stlpips", "style_metrics", "super_resolution", "warping"]
