"""Perceptual losses for real-time style transfer and super-resolution (Johnson et al., 2016) in MXNet Gluon.

Importing this package loads neither MXNet nor any other heavy library; its modules do when they are imported.
"""

__version__ = "0.1.0"
