"""Pictures: files and arrays, color, size, histograms, tiles. Nothing here needs MXNet."""

__all__ = ["color", "defects", "depth16", "files", "histogram", "io", "jpeg", "resize", "tiling"]
