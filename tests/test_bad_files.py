"""A damaged or foreign file given to any command that reads one ends in one line and status 1."""

import json
import struct

import numpy as np
import pytest
from cli import assert_one_line_error, run, write

from gluon_perceptual.checkpoint import write_params
from gluon_perceptual.commands import main

RNG = np.random.default_rng(0)
HEADER = struct.pack("<QQQ", 0x112, 0, 1)


def whole():
    """A `.params` file of other parameters."""
    return HEADER + struct.pack("<IiiqiiifQ", 0xF993FAC9, 0, 1, 1, 1, 0, 0, 1.0, 0)


FILES = {
    "no file": None,
    "nothing": b"",
    "text": b"hello, this is no such file\n" * 9,
    "noise": RNG.bytes(999),
    "cut": whole()[:-12],
    "of others": whole(),
    "of 2**60 values": HEADER + struct.pack("<Iiiqiii", 0xF993FAC9, 0, 1, 2**60, 1, 0, 0),
    "pickle": b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R.",
    "zip": b"PK\x03\x04" + RNG.bytes(99),
    "safetensors": struct.pack("<Q", 50) + b'{"a":{"dtype":"F32","shape":[1099511627776]}}',
    "hdf5": b"\x89HDF\r\n\x1a\n" + RNG.bytes(99),
    "nested": b"[" * 100_000,
    "picture": b"\x89PNG\r\n\x1a\n" + RNG.bytes(99),
}
COMMANDS = {
    "upscale": ["upscale", "PICTURE", "-o", "OUT.png", "--model", "FILE"],
    "stylize": ["stylize", "PICTURE", "-o", "OUT.png", "--model", "FILE"],
    "evaluate": ["evaluate", "--model", "FILE", "--data", "PICTURE", "--scale", 2],
    "export-onnx": ["export-onnx", "FILE", "-o", "OUT.onnx"],
    "export-safetensors": ["export-safetensors", "FILE", "-o", "OUT.safetensors"],
    "convert-style": ["convert-style", "FILE", "-o", "OUT.params"],
    "describe-symbol": ["describe-symbol", "FILE-symbol.json"],
    "upscale by a symbol": ["upscale", "PICTURE", "-o", "OUT.png", "--model", "FILE-symbol.json"],
    "train-sr": ["train-sr", "--scale", 2, "--data", "PICTURE", "--vgg", "FILE", "--out", "RUN"],
    "train-style": ["train-style", "PICTURE", "--data", "PICTURE", "--vgg", "FILE", "--out", "RUN"],
    "optimize-image": ["optimize-image", "invert", "PICTURE", "--vgg", "FILE", "-o", "OUT.png"],
    "optimize-image style": ["optimize-image", "style", "PICTURE", "FILE", "-o", "OUT.png"],
    "stylize by a symbol": ["stylize", "PICTURE", "-o", "OUT.png", "--model", "FILE-symbol.json"],
    "train-sr validated": ["train-sr", "--data", "PICTURE", "--validation", "FILE", "--out", "RUN"],
    "train-style of a style": ["train-style", "FILE", "--data", "PICTURE", "--out", "RUN"],
    "prepare-data of a list": ["prepare-data", "--data", "FILE", "--out", "RUN"],
    "prepare-data": ["prepare-data", "--data", "PICTURE", "--patch", 32, "--vgg", "FILE", "--out", "RUN"],
    "match-histogram": ["match-histogram", "FILE", "PICTURE", "OUT.png"],
    "match-histogram to": ["match-histogram", "PICTURE", "FILE", "OUT.png"],
    "inspect-params": ["inspect-params", "FILE"],
}
WITHOUT_FILES = {"app", "benchmark", "cluster", "ship-model"}  # or only of one's own


def test_every_command_that_reads_files_is_tried():
    assert {words[0] for words in COMMANDS.values()} | WITHOUT_FILES == set(main.list_commands(None))


def arguments(command, folder, file):
    names = {"PICTURE": write(folder / "a.png", height=64, width=64), "FILE": file, "RUN": folder / "run"}
    names["FILE-symbol.json"] = folder / "x-symbol.json"
    return [
        names.get(part, folder / part.lower() if str(part).startswith("OUT") else part) for part in COMMANDS[command]
    ]


def write_file(path, kind):
    if FILES[kind] is not None:
        path.write_bytes(FILES[kind])


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("command", COMMANDS)
def test_one_line(tmp_path, command, kind):
    if (command, kind) == ("inspect-params", "of others"):
        return  # can be inspected
    file = tmp_path / "x"
    for name in ("x", "x-symbol.json", "x-0000.params"):
        write_file(tmp_path / name, kind)
    is_list = "--data FILE" in " ".join(map(str, COMMANDS[command])) or "--validation" in COMMANDS[command]
    assert_one_line_error(run(*arguments(command, tmp_path, file)), str(tmp_path if is_list else file))
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize("command", COMMANDS)
def test_links_in_a_circle(tmp_path, command):
    for name in ("x", "x-symbol.json"):
        (tmp_path / name).symlink_to(name)
    assert_one_line_error(run(*arguments(command, tmp_path, tmp_path / "x")), str(tmp_path))


@pytest.mark.parametrize("words", ["upscale LOOP", "upscale FOLDER -o LOOP", "train-sr --start-from LOOP --out RUN"])
def test_inputs_and_results_in_a_circle(tmp_path, words):
    write(tmp_path / "FOLDER/a.png")
    (tmp_path / "LOOP").symlink_to("LOOP")
    named = [tmp_path / word if word.isupper() else word for word in words.split()]
    assert_one_line_error(run(*named), str(tmp_path / "LOOP"))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_name_that_is_too_long(tmp_path, command):
    assert_one_line_error(run(*arguments(command, tmp_path, tmp_path / ("x" * 300))), str(tmp_path))


@pytest.mark.parametrize("kind", FILES)
def test_shards(tmp_path, kind):
    write_params(tmp_path / "trainy_0.params", [np.zeros((1, 128, 72, 72), np.float32)])
    write_file(tmp_path / "trainx_0.params", kind)
    result = run("train-sr", "--arch", "blog", "--shards", tmp_path, "--steps", 1, "--out", tmp_path / "run")
    assert_one_line_error(result, str(tmp_path))


NAMED = {
    "SuperResolutionNet": ["head.0.weight", "tail.weight", "up.0.0.weight", "up.0.1.weight"],
    "StyleNet": ["encode.1.0.weight", "decode.0.0.weight", "decode.0.1.weight"],
    "FastNeuralStyleNet": ["encode.0.1.weight", "decode.5.weight"],
    "PyTorch's": ["deconv3.conv2d.weight", "in1.weight"],
    "PlsrNet": ["0", "1", "2", "3", "4", "5"],
}


@pytest.mark.parametrize("shape", [(), (0, 3, 9, 9), (2, 3, 9, 9), (2, 2, 1, 1), (7,)])
@pytest.mark.parametrize("names", NAMED.values(), ids=NAMED)
def test_arrays_that_only_have_the_names_of_a_network(tmp_path, names, shape):
    write_params(tmp_path / "x.params", {name: np.zeros(shape, np.float32) for name in names})
    picture = write(tmp_path / "a.png")
    for command in ("upscale", "stylize"):
        result = run(command, picture, "-o", tmp_path / "out.png", "--model", tmp_path / "x.params")
        assert_one_line_error(result, "x.params")
    assert run("inspect-params", tmp_path / "x.params")[0] == 0


GOOD = {"network": "SuperResolutionNet", "arguments": {"scale": 2}, "peak": 1, "mean": [0, 0, 0]}
WRONG = [
    {"network": "Other"},
    *({"arguments": arguments} for arguments in ({"scale": 3}, {}, [1], {"scale": 2, "norm": 1})),
    *({"arguments": {"scale": 2, "width": width}} for width in (0, -3, "wide", 2.5)),
    *({"arguments": {"scale": 2, "blocks": blocks}} for blocks in ("some", 10**9)),
    *(
        {"arguments": {"scale": 2, "skip": True, "lowpass": lowpass}}
        for lowpass in ("0.3", ["0.3", "0.2"], [], [0.3], [0.3, None], {"a": 1}, 10**400, [0.3, 10**400])
    ),
    *({"peak": peak} for peak in ("white", 0, None, 10**400)),
    *({"mean": mean} for mean in (["a", "b", "c"], [0, 0], 3)),
]


@pytest.mark.parametrize("text", ["{", "[]", "{}", "[" * 100_000, *(json.dumps({**GOOD, **wrong}) for wrong in WRONG)])
def test_sidecars_that_describe_no_model(tmp_path, text):
    (tmp_path / "x.params").write_bytes(whole())
    (tmp_path / "x.json").write_text(text)
    picture = write(tmp_path / "a.png")
    result = run("upscale", picture, "-o", tmp_path / "out.png", "--model", tmp_path / "x.params")
    assert_one_line_error(result, "x.json: not a valid description of a model")
