"""Pictures: files and arrays, color, size, histograms, tiles. Nothing here needs MXNet."""
