import os
import struct
import tracemalloc

import numpy as np
import pytest
from cli import python
from hypothesis import given, settings
from hypothesis import strategies as st

from gluon_perceptual._mxnet import mx
from gluon_perceptual.checkpoint import ParamsFormatError, read_params, write_params
from gluon_perceptual.errors import UserError
from gluon_perceptual.formats.mxnet_params import Pieces

FUZZ_CASES = int(os.environ.get("GLUON_PERCEPTUAL_FUZZ_CASES", "2000"))
DTYPES = ["float32", "float64", "float16", "uint8", "int32", "int8", "int64"]
RNG = np.random.default_rng(0)


def by_mxnet(path):
    arrays = mx.nd.load(str(path))
    return arrays if isinstance(arrays, dict) else {str(i): array for i, array in enumerate(arrays)}


def assert_same(ours, theirs):
    assert list(ours) == list(theirs)
    for name, array in theirs.items():
        assert (ours[name].dtype, ours[name].shape) == (array.dtype, array.shape)
        assert ours[name].tobytes() == array.asnumpy().tobytes()  # to the bit


def foreign_files(folder):
    return [p for p in sorted(folder.iterdir()) if p.suffix in (".params", ".nd")]


def test_files_of_other_peoples_code(shared, tmp_path):
    files = foreign_files(shared / "params")
    assert len(files) >= 13
    for path in files:
        arrays = read_params(path)
        assert_same(arrays, by_mxnet(path))
        write_params(tmp_path / "again.params", arrays)
        if path.read_bytes()[24:28] == b"\xc9\xfa\x93\xf9":  # V2
            assert (tmp_path / "again.params").read_bytes() == path.read_bytes()


def test_files_are_read_without_mxnet(shared):
    code = (
        "import sys; sys.modules['mxnet'] = None\n"
        "from pathlib import Path; from gluon_perceptual.checkpoint import read_params\n"
        f"print(sum(len(read_params(p)) for p in Path({str(shared / 'params')!r}).iterdir() if p.suffix != '.json'"
        " and p.suffix != '.npz'))"
    )
    out, _ = python(code)
    assert int(out) == sum(len(by_mxnet(path)) for path in foreign_files(shared / "params"))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1,), (3, 4), (2, 1, 3, 5)])
def test_written_as_mxnet_writes_and_read_back(tmp_path, dtype, shape):
    array = (RNG.normal(size=shape) * 50).astype(dtype)
    for arrays in ({"a": array, "ü.weight": array[::-1]}, [array, array]):
        write_params(tmp_path / "ours.params", arrays)
        nd = lambda value: mx.nd.array(value, dtype=dtype)  # noqa: E731
        saved = [nd(v) for v in arrays] if isinstance(arrays, list) else {k: nd(v) for k, v in arrays.items()}
        mx.nd.waitall()
        mx.nd.save(str(tmp_path / "theirs.params"), saved)
        assert (tmp_path / "ours.params").read_bytes() == (tmp_path / "theirs.params").read_bytes()
        assert_same(read_params(tmp_path / "ours.params"), by_mxnet(tmp_path / "ours.params"))


def test_sparse_arrays_come_dense(tmp_path):
    rows = mx.nd.sparse.row_sparse_array((RNG.normal(size=(2, 3)), [1, 4]), shape=(6, 3))
    csr = mx.nd.sparse.csr_matrix(([1.0, 2, 3], [0, 2, 1], [0, 1, 1, 3]), shape=(3, 4))
    arrays = {"rows": rows, "csr": csr, "dense": mx.nd.ones((2,))}
    mx.nd.waitall()
    mx.nd.save(str(tmp_path / "x.params"), arrays)
    found = read_params(tmp_path / "x.params")
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array.asnumpy())


def test_numpy_shapes(tmp_path):
    """V3: scalars and empty arrays, as npx.set_np makes them, in a process of its own."""
    path = tmp_path / "v3.params"
    code = (
        "from gluon_perceptual._mxnet import mx; mx.npx.set_np()\n"
        "a = {'scalar': mx.np.array(3.5), 'empty': mx.np.zeros((0, 4)), 'full': mx.np.ones((2, 3))}\n"
        f"mx.nd.waitall(); mx.npx.save({str(path)!r}, a)"
    )
    python(code)
    arrays = read_params(path)
    assert {name: array.shape for name, array in arrays.items()} == {"scalar": (), "empty": (0, 4), "full": (2, 3)}
    assert arrays["scalar"] == 3.5
    write_params(tmp_path / "again.params", arrays)
    again = read_params(tmp_path / "again.params")
    assert {name: array.shape for name, array in again.items()} == {"scalar": (), "empty": (0, 4), "full": (2, 3)}


def legacy(arrays, version):
    """A nameless file as MXNet before 0.12 (V1) or before 0.9 (V0) wrote it."""
    data = struct.pack("<QQQ", 0x112, 0, len(arrays))
    for array in arrays:
        if version == 1:
            data += struct.pack(f"<Ii{array.ndim}q", 0xF993FAC8, array.ndim, *array.shape)
        else:
            data += struct.pack(f"<I{array.ndim}I", array.ndim, *array.shape)
        data += struct.pack("<iii", 1, 0, 0) + array.tobytes()
    return data + struct.pack("<Q", 0)


@pytest.mark.parametrize("version", [0, 1])
def test_old_versions(tmp_path, version):
    arrays = [np.float32([[1, 2, 3]]), np.float32([4])]
    (tmp_path / "old.params").write_bytes(legacy(arrays, version))
    assert_same(read_params(tmp_path / "old.params"), by_mxnet(tmp_path / "old.params"))


def test_bfloat16_comes_as_float32(tmp_path):
    write_params(tmp_path / "x.params", [np.uint16([0x3F80, 0xC000])])
    data = bytearray((tmp_path / "x.params").read_bytes())
    flag = data.index(struct.pack("<iii", 1, 0, 9)) + 8
    data[flag] = 12
    (tmp_path / "x.params").write_bytes(data)
    np.testing.assert_array_equal(read_params(tmp_path / "x.params")["0"], np.float32([1, -2]))


def test_bfloat16_of_mxnets_own_and_of_no_dimensions(tmp_path):
    half = np.dtype([("bfloat16", np.uint16)])
    mx.nd.save(str(tmp_path / "x.params"), [mx.nd.array([[1, -2.5, 3]]).astype(half)])
    np.testing.assert_array_equal(read_params(tmp_path / "x.params")["0"], np.float32([[1, -2.5, 3]]))
    scalar = HEADER + struct.pack("<IiiiiiHQ", 0xF993FACA, 0, 0, 1, 0, 12, 0xC000, 0)
    (tmp_path / "x.params").write_bytes(scalar)
    array = read_params(tmp_path / "x.params")["0"]
    assert (array.shape, array.dtype, float(array)) == ((), np.float32, -2)


def test_other_byte_orders_and_strides_are_written_alike(tmp_path):
    array = RNG.normal(size=(4, 6)).astype(np.float32)
    write_params(tmp_path / "a.params", [array.T])
    write_params(tmp_path / "b.params", [np.ascontiguousarray(array.T).astype(">f4")])
    assert (tmp_path / "a.params").read_bytes() == (tmp_path / "b.params").read_bytes()
    np.testing.assert_array_equal(read_params(tmp_path / "b.params")["0"], array.T)


def test_pieces_are_one_array(tmp_path):
    array = RNG.normal(size=(5, 2)).astype(np.float32)
    write_params(tmp_path / "a.params", [array])
    write_params(tmp_path / "b.params", [Pieces((5, 2), array.dtype, iter([array[:3], array[3:]]))])
    assert (tmp_path / "a.params").read_bytes() == (tmp_path / "b.params").read_bytes()
    with pytest.raises(UserError, match="given 24 bytes, not 40"):
        write_params(tmp_path / "c.params", [Pieces((5, 2), array.dtype, [array[:3]])])
    assert not (tmp_path / "c.params").exists()


def test_types_that_the_format_lacks(tmp_path):
    with pytest.raises(UserError, match="array z is complex64; expected one of float32"):
        write_params(tmp_path / "x.params", {"z": np.zeros(2, np.complex64)})


def test_large_arrays_are_not_copied(tmp_path):
    write_params(tmp_path / "x.params", [np.zeros((64, 2**18), np.float32)])  # 64 MiB
    tracemalloc.start()
    array = read_params(tmp_path / "x.params")["0"]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20
    array[0, 0] = 7  # this process's copy
    assert read_params(tmp_path / "x.params")["0"][0, 0] == 0


HEADER = struct.pack("<QQQ", 0x112, 0, 1)
HOSTILE = {
    "empty": b"",
    "text": b"hello, this is no params file",
    "count": struct.pack("<QQQ", 0x112, 0, 2**60),
    "ndim": HEADER + struct.pack("<Iii", 0xF993FAC9, 0, 2**30),
    "dimension": HEADER + struct.pack("<Iii2qiii", 0xF993FAC9, 0, 2, 2**40, 2**40, 1, 0, 0),
    "negative": HEADER + struct.pack("<Iiiqiii", 0xF993FAC9, 0, 1, -5, 1, 0, 0),
    "elements": HEADER + struct.pack("<Iiiqiii", 0xF993FAC9, 0, 1, 2**60, 1, 0, 0),
    "empty huge": HEADER + struct.pack("<Iii3qiii", 0xF993FAC9, 0, 3, 2**60, 2**60, 0, 1, 0, 0) + bytes(8),
    "type": HEADER + struct.pack("<Iiiqiii", 0xF993FAC9, 0, 1, 1, 1, 0, 99) + bytes(8),
    "storage": HEADER + struct.pack("<Ii", 0xF993FAC9, 7) + bytes(64),
    "sparse unshaped": HEADER + struct.pack("<Iiiiqiii", 0xF993FAC9, 1, 0, 1, 2, 1, 0, 0) + bytes(16),
    "sparse bomb": HEADER
    + struct.pack("<Iiiqqi2qiiiiiq", 0xF993FAC9, 1, 2, 0, 2**20, 2, 2**20, 2**20, 1, 0, 0, 6, 1, 0)
    + bytes(8),
    "names": HEADER + struct.pack("<Iiiqiiif", 0xF993FAC9, 0, 1, 1, 1, 0, 0, 1.0) + struct.pack("<QQ", 1, 2**60),
    "a name": struct.pack("<QQQ", 0x112, 0, 2)
    + struct.pack("<Iiiqiiif", 0xF993FAC9, 0, 1, 1, 1, 0, 0, 1.0) * 2
    + struct.pack("<QQQ", 2, 2**64 - 1, 0),
    "trailing": HEADER + struct.pack("<Iiiqiiif", 0xF993FAC9, 0, 1, 1, 1, 0, 0, 1.0) + struct.pack("<QI", 0, 1),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_cost_nothing(tmp_path, name):
    path = tmp_path / "x.params"
    path.write_bytes(HOSTILE[name])
    tracemalloc.start()
    with pytest.raises(ParamsFormatError, match=r"x\.params: .*at byte \d+, ") as caught:
        read_params(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_params(tmp_path / "x.params")


def corrupted(data, rng):
    """Truncate, overwrite some bytes, or put an extreme number somewhere."""
    data = bytearray(data)
    kind = rng.integers(3)
    if kind == 0:
        return bytes(data[: rng.integers(len(data))])
    for _ in range(rng.integers(1, 4)):
        where = int(rng.integers(min(len(data), 400)) if rng.random() < 0.7 else rng.integers(len(data)))
        if kind == 1:
            data[where] = rng.integers(256)
        else:
            value = struct.pack("<q", int(rng.choice([-1, 0, 1, 2**31, 2**40, 2**60, -(2**63)])))
            data[where : where + 8] = value
    return bytes(data)


def test_fuzz(shared, tmp_path):
    """Damaged files end in arrays or in ParamsFormatError, within a bound of memory.

    GLUON_PERCEPTUAL_FUZZ_CASES=200000 pytest -n0 tests/test_mxnet_params.py -k fuzz
    """
    sparse = tmp_path / "sparse.params"
    rows = mx.nd.sparse.row_sparse_array((RNG.normal(size=(2, 3)), [1, 4]), shape=(6, 3))
    csr = mx.nd.sparse.csr_matrix(([1.0, 2, 3], [0, 2, 1], [0, 1, 1, 3]), shape=(3, 4))
    mx.nd.waitall()
    mx.nd.save(str(sparse), {"rows": rows, "csr": csr})
    whole = [path.read_bytes() for path in [sparse, *foreign_files(shared / "params")]]
    small = [data for data in whole if len(data) < 50_000]
    rng, path, outcomes = np.random.default_rng(1), tmp_path / "x.params", {"read": 0, "refused": 0}
    tracemalloc.start()
    for case in range(FUZZ_CASES):
        originals = small if case % 20 else whole
        data = corrupted(originals[case // 20 % len(originals)], rng)
        path.write_bytes(data)
        tracemalloc.clear_traces()
        try:
            read_params(path)
            outcomes["read"] += 1
        except ParamsFormatError:
            outcomes["refused"] += 1
        assert tracemalloc.get_traced_memory()[1] < 2 * len(data) + 64 * 2**20
    tracemalloc.stop()
    assert min(outcomes.values()) > FUZZ_CASES // 50


SIZES = st.one_of(st.integers(-1, 4), st.sampled_from([2**31, 2**40, 2**60, 2**62, -(2**63)]))


@st.composite
def shapes(draw, code="q"):
    sizes = draw(st.lists(SIZES if code == "q" else SIZES.map(lambda n: n % 2**32), max_size=4))
    ndim = draw(st.one_of(st.just(len(sizes)), st.sampled_from([-1, 0, 33, 2**31 - 1])))
    return struct.pack(f"<i{len(sizes)}{code}", ndim, *sizes)


@st.composite
def files(draw):
    """Whole files, each of whose fields may lie."""
    body = b""
    arrays = draw(st.integers(0, 3))
    for _ in range(arrays):
        version = draw(st.sampled_from([0, 1, 2, 3]))
        body += struct.pack("<I", 0xF993FAC7 + version) if version else b""
        storage = draw(st.integers(-1, 3)) if version >= 2 else 0
        sparse = storage if storage in (1, 2) else 0
        body += struct.pack("<i", storage) if version >= 2 else b""
        body += draw(shapes()) if sparse else b""
        body += draw(shapes("q" if version else "I")) + struct.pack("<iii", 1, 0, draw(st.integers(-1, 13)))
        for _ in range(sparse):
            body += struct.pack("<i", draw(st.sampled_from([4, 6, 0, 99]))) + draw(shapes())
        body += bytes(draw(st.sampled_from([0, 1, 2, 4, 8, 16, 32])))
    names = [name.encode() for name in draw(st.lists(st.sampled_from(["", "a", "a", "é"]), max_size=3))]
    body += struct.pack("<Q", draw(st.one_of(st.just(len(names)), st.just(2**60))))
    for name in names:
        body += struct.pack("<Q", draw(st.one_of(st.just(len(name)), st.just(2**60)))) + name
    return struct.pack("<QQQ", 0x112, 0, draw(st.one_of(st.just(arrays), st.just(2**60)))) + body


@settings(max_examples=max(300, FUZZ_CASES // 10), database=None, derandomize=True)
@given(files())
def test_fuzz_headers(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "headers.params"
    path.write_bytes(data)
    try:
        arrays = read_params(path)
    except ParamsFormatError as error:
        assert 0 <= error.offset <= len(data)
    else:
        assert all(isinstance(array, np.ndarray) for array in arrays.values())
