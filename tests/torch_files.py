"""PyTorch's files, written by hand: as `torch.save` writes them, without PyTorch."""

import struct
import zipfile

import numpy as np

STORAGES = {
    "float32": "Float", "float64": "Double", "float16": "Half", "uint8": "Byte", "int32": "Int", "int8": "Char",
    "int64": "Long", "bool": "Bool", "int16": "Short",
}  # fmt: skip
MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."


def text(value):
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def number(value):
    return b"\x8a\x08" + struct.pack("<q", value)


def numbers(values):
    return b"(" + b"".join(map(number, values)) + b"t"


def name(module, attribute):
    return f"c{module}\n{attribute}\n".encode()


def storage(key, kind, count):
    return b"(" + text("storage") + name("torch", f"{kind}Storage") + text(key) + text("cpu") + number(count) + b"tQ"


def tensor(key, kind, count, shape, stride, offset=0):
    """The instructions that make a tensor of a storage."""
    arguments = storage(key, kind, count) + number(offset) + numbers(shape) + numbers(stride) + b"\x89"
    hooks = name("collections", "OrderedDict") + b")R"
    return name("torch._utils", "_rebuild_tensor_v2") + b"(" + arguments + hooks + b"tR"


def parameter(made):
    hooks = name("collections", "OrderedDict") + b")R"
    return name("torch._utils", "_rebuild_parameter") + b"(" + made + b"\x88" + hooks + b"tR"


def mapping(entries):
    return b"}(" + b"".join(text(key) + value for key, value in entries.items()) + b"u"


def whole(instructions):
    return b"\x80\x02" + instructions + b"."


def of_array(key, array):
    strides = [step // array.itemsize for step in array.strides]
    return tensor(key, STORAGES[array.dtype.name], array.size, array.shape, strides)


def archive(path, instructions, storages, order=b"little"):
    """Write a file as since PyTorch 1.6, its storages uncompressed."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", whole(instructions))
        file.writestr("archive/byteorder", order)
        for key, content in storages.items():
            file.writestr(f"archive/data/{key}", content)


def write_torch(path, arrays, legacy=False, wrap=lambda instructions: instructions, others=None):
    """Write arrays as a dict of tensors, as before PyTorch 1.6 or since; `wrap` puts it into something else.

    The file begins with the storages of `others`, by key, for tensors that `wrap` adds.
    """
    arrays = {key: np.ascontiguousarray(array) for key, array in arrays.items()}
    instructions = wrap(mapping({key: of_array(str(k), array) for k, (key, array) in enumerate(arrays.items())}))
    stored = {**(others or {}), **{str(k): array for k, array in enumerate(arrays.values())}}
    if not legacy:
        archive(path, instructions, {key: array.tobytes() for key, array in stored.items()})
        return
    keys = b"](" + b"".join(map(text, stored)) + b"e"
    pickles = [whole(b"M\xe9\x03"), whole(mapping({"little_endian": b"\x88"})), whole(instructions), whole(keys)]
    values = [struct.pack("<q", array.size) + array.tobytes() for array in stored.values()]
    path.write_bytes(b"".join([MAGIC, *pickles, *values]))
