"""Files of arrays, of MXNet and other frameworks, and whose parameters they are. Nothing here needs MXNet."""

__all__ = ["arrays", "foreign", "matching", "mxnet_params", "torch_files", "values"]
