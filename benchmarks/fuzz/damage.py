"""What is done to good files: bytes changed, numbers put in their place, values of JSON replaced."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from pathlib import Path
from random import Random
from typing import Any, Callable, NamedTuple

NUMBERS = (0, 1, 2, 3, 255, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1, 2**63, 2**64 - 1)
WORDS: tuple[Any, ...] = (
    0, -1, 1, 2, 3, 64, 10**9, 2**63, 1e300, "", "nan", "(0,-1)", "(1,3,1,1)", "None", None, True, [], {},
    [[0, 0, 0]],
)  # fmt: skip
Damage = Callable[[bytes, Random], bytes]


class Kind(NamedTuple):
    """A kind of file: what makes good ones, what damages one, good or damaged before, and what reads one."""

    seeds: Callable[[], list[bytes]]
    damage: Damage
    read: Callable[[Path], Any]


def damaged(content: bytes, rng: Random) -> bytes:
    """Return bytes with some changed: one byte, a number put in their place, cut off, repeated."""
    data = bytearray(content)
    for _ in range(rng.randrange(1, 4)):
        place, how = rng.randrange(len(data) or 1), rng.randrange(5)
        if how == 0:
            data[place : place + 1] = bytes([rng.randrange(256)])
        elif how == 1:
            width, code = rng.choice(((4, "<I"), (8, "<Q")))
            place -= place % 4
            data[place : place + width] = struct.pack(code, rng.choice(NUMBERS) % 2 ** (8 * width))
        elif how == 2:
            del data[place:]
        elif how == 3:
            data[place:place] = data[max(0, place - 32) : place]
        else:
            data[place : place + 1] = bytes([data[place] ^ 1 << rng.randrange(8)]) if data else b""
    return bytes(data)


def changed(value: Any, rng: Random) -> Any:
    """Return JSON with one value in it, at any depth, replaced, left out or repeated."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    if not keys or rng.random() < 0.1:
        return rng.choice(WORDS)
    key, copy = rng.choice(keys), value.copy()
    if rng.random() < 0.1:
        del copy[key]
    elif rng.random() < 0.1 and isinstance(copy, list):
        copy.insert(key, copy[key])
    else:
        copy[key] = changed(copy[key], rng)
    return copy


def damaged_json(content: bytes, rng: Random) -> bytes:
    """Return a JSON text with up to three values changed, sometimes as text."""
    try:
        value = json.loads(content)
        for _ in range(rng.randrange(4)):
            value = changed(value, rng)
        text = json.dumps(value).encode()
    except (ValueError, RecursionError):
        return damaged(content, rng)
    return damaged(text, rng) if rng.random() < 0.1 else text


def damaged_lines(content: bytes, rng: Random) -> bytes:
    """Return lines of JSON with one damaged."""
    lines = content.splitlines() or [b""]
    number = rng.randrange(len(lines))
    lines[number] = damaged_json(lines[number], rng)
    return b"\n".join(lines) + b"\n"


def damaged_zip(content: bytes, rng: Random) -> bytes:
    """Return an archive with members damaged, each as likely as not, so that checksums are right."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    except Exception:  # it was damaged before
        members = {}
    if not members or rng.random() < 0.1:
        return damaged(content, rng)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, member in members.items():
            archive.writestr(name, damaged(member, rng) if rng.random() < 0.5 else member)
    return buffer.getvalue()
