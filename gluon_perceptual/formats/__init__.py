"""Files of arrays from MXNet and other frameworks, and their match with networks. Nothing here needs MXNet."""

__all__ = ["arrays", "hdf5", "matching", "mxnet_params", "not_parameters", "torch_files"]
