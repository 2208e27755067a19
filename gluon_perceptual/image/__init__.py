"""Pictures: files and arrays, color, size, histograms, tiles. Nothing here needs MXNet."""

__all__ = [
    "color", "containers", "defects", "distinct", "files", "flow", "formats", "histogram", "io", "jpeg",
    "resampling", "resize", "size", "tiling",
]  # fmt: skip
