"""Files of arrays, of MXNet and other frameworks, and whose parameters they are. Nothing here needs MXNet."""

__all__ = ["arrays", "matching", "mxnet_params"]
