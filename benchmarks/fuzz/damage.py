"""What is done to good files: bytes changed, numbers put in their place, values of JSON replaced."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, Callable, Tuple

import numpy as np

NUMBERS = (0, 1, 2, 3, 255, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1, 2**63, 2**64 - 1)
WORDS: tuple[Any, ...] = (
    0, -1, 1, 2, 3, 64, 10**9, 2**63, 1e300, "", "nan", "(0,-1)", "(1,3,1,1)", "None", None, True, [], {},
    [[0, 0, 0]],
)  # fmt: skip
Make = Callable[[np.random.Generator], bytes]  # makes a damaged file
Kind = Tuple[Callable[[], Make], Callable[[Path], Any]]  # what makes files of a kind, and reads one


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """Return bytes with some changed: one byte, a number put in their place, cut off, repeated."""
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 4))):
        place, how = int(rng.integers(len(data) or 1)), int(rng.integers(5))
        if how == 0:
            data[place : place + 1] = rng.bytes(1)
        elif how == 1:
            number = NUMBERS[int(rng.integers(len(NUMBERS)))]
            width, code = ((4, "<I"), (8, "<Q"))[int(rng.integers(2))]
            place -= place % 4
            data[place : place + width] = struct.pack(code, number % 2 ** (8 * width))
        elif how == 2:
            del data[place:]
        elif how == 3:
            data[place:place] = data[max(0, place - 32) : place]
        else:
            data[place : place + 1] = bytes([data[place] ^ 1 << int(rng.integers(8))]) if data else b""
    return bytes(data)


def changed(value: Any, rng: np.random.Generator) -> Any:
    """Return JSON with one value in it, at any depth, replaced, left out or repeated."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    if not keys or rng.random() < 0.1:
        return WORDS[int(rng.integers(len(WORDS)))]
    key, copy = keys[int(rng.integers(len(keys)))], value.copy()
    if rng.random() < 0.1:
        del copy[key]
    elif rng.random() < 0.1 and isinstance(copy, list):
        copy.insert(key, copy[key])
    else:
        copy[key] = changed(copy[key], rng)
    return copy
