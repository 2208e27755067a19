"""Files made to take much memory when read: no more than twice their size and 64 MiB, whether read or refused."""

import struct
import tracemalloc

import numpy as np
import pytest

from gluon_perceptual.checkpoint import ParamsFormatError, read_params

MIB = 2**20
V2 = 0xF993FAC9
BYTE = struct.pack("<II3ib", 1, 1, 1, 0, 5, 7)  # V0, an int8
NO_NAMES = bytes(8)


def header(count):
    return struct.pack("<QQQ", 0x112, 0, count)


def bfloat16(size):
    return header(1) + struct.pack("<II3i", 1, size, 1, 0, 12) + bytes(2 * size)


def csr(rows, columns, values):
    """An int8 matrix whose values are all in the last row."""
    head = struct.pack("<Iiiqi2q3i", V2, 2, 1, values, 2, rows, columns, 1, 0, 5)
    indices = struct.pack("<iiqiiq", 4, 1, rows + 1, 4, 1, values)
    starts = bytes(4 * rows) + struct.pack("<i", values)
    return header(1) + head + indices + bytes(values) + starts + np.arange(values, dtype="<i4").tobytes() + NO_NAMES


FILES = {
    "arrays that are none": lambda: header(2 * MIB) + bytes(8 * MIB) + NO_NAMES,
    "arrays of a byte": lambda: header(MIB) + BYTE * MIB + NO_NAMES,
    "a wide name": lambda: header(1) + BYTE + struct.pack("<QQ", 1, 32 * MIB + 4) + "😀".encode() + b"a" * 32 * MIB,
    "sparse rows": lambda: csr(20 * MIB, 1, 0),
    "sparse values": lambda: csr(1, 14 * MIB, 14 * MIB),
    "bfloat16": lambda: bfloat16(20 * MIB) + NO_NAMES,
    "bfloat16, then cut": lambda: bfloat16(20 * MIB),
    "small sparse values": lambda: csr(1, MIB, MIB),
}
READ = ("bfloat16", "small sparse values")


@pytest.mark.parametrize("name", FILES)
def test_memory_is_bounded(tmp_path, name):
    path = tmp_path / "x.params"
    size = path.write_bytes(FILES[name]())
    tracemalloc.start()
    try:
        arrays = read_params(path)
    except ParamsFormatError:
        arrays = {}
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    path.unlink()
    assert bool(arrays) == (name in READ)
    assert peak < 2 * size + 64 * MIB


def test_many_arrays_are_read(tmp_path):
    (tmp_path / "x.params").write_bytes(header(100_000) + BYTE * 100_000 + NO_NAMES)
    arrays = read_params(tmp_path / "x.params")
    assert len(arrays) == 100_000
    assert set(arrays["99999"]) == {7}
