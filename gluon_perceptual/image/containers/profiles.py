"""Color profiles for formats without an equivalent of PNG's gAMA and cHRM chunks."""

from __future__ import annotations

import struct
from typing import Mapping

import numpy as np

SRGB = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)  # x and y of white, red, green and blue
SRGB_GAMMA = 1 / 2.2  # as in PNG
D50 = np.array([0.9642, 1.0, 0.8249])
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
NEAR = 0.01


def profile_of(chunks: Mapping[bytes, bytes]) -> bytes | None:
    """Return an RGB profile (ICC, version 2) made from PNG's chunks; None if they mean sRGB, are missing or damaged."""
    if b"sRGB" in chunks or not chunks.keys() & {b"gAMA", b"cHRM"}:
        return None
    try:
        gamma = struct.unpack(">I", chunks[b"gAMA"])[0] / 1e5 if b"gAMA" in chunks else SRGB_GAMMA
        points = [v / 1e5 for v in struct.unpack(">8I", chunks[b"cHRM"])] if b"cHRM" in chunks else list(SRGB)
        if np.abs(np.subtract(points, SRGB)).max() < NEAR and abs(gamma - SRGB_GAMMA) < NEAR:
            return None
        primaries = _primaries(np.array(points).reshape(4, 2))
        return _profile(primaries, round(256 / gamma))
    except (struct.error, ZeroDivisionError, np.linalg.LinAlgError):
        return None


def _primaries(points: np.ndarray) -> np.ndarray:
    """(4, 2) x and y of white, red, green, blue -> (3, 3), columns: XYZ of full red, green and blue under D50."""
    white, *colors = np.column_stack([points, 1 - points.sum(axis=1)]) / points[:, 1:]
    columns = np.transpose(colors)
    columns = columns * np.linalg.solve(columns, white)
    cones = BRADFORD @ np.column_stack([D50, white])
    return np.linalg.solve(BRADFORD, np.diag(cones[:, 0] / cones[:, 1]) @ BRADFORD @ columns)


def _profile(primaries: np.ndarray, exponent: int) -> bytes:
    """Return the file; `exponent` of the decoding curve in 256ths."""
    name = b"from gAMA and cHRM\0"
    curve = b"curv" + struct.pack(">4xIH2x", 1, exponent)
    tags = {
        b"desc": b"desc" + struct.pack(">4xI", len(name)) + name + bytes(79),
        b"cprt": b"text" + bytes(4) + b"none\0",
        b"wtpt": _xyz(D50),
        **{name: _xyz(column) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries.T)},
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    }
    table, bodies, start = b"", b"", 132 + 12 * len(tags)
    for code, body in tags.items():
        table += code + struct.pack(">II", start + len(bodies), len(body))
        bodies += body + bytes(-len(body) % 4)
    header = struct.pack(">I4sI4s4s4s", start + len(bodies), b"", 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    header += bytes(12) + b"acsp" + bytes(28) + _xyz(D50)[8:]
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + bodies


def _xyz(values: np.ndarray) -> bytes:
    return b"XYZ " + struct.pack(">4x3i", *(round(float(value) * 65536) for value in values))
