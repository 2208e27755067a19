"""The house's order: a lower layer never imports a higher one, and MXNet has one door."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "gluon_perceptual"
BELOW = -1  # errors, files, the door to MXNet and NVIDIA's libraries for it, the shipped weights: used by all
LAYERS = {
    BELOW: ["errors", "files", "_mxnet", "cuda", "weights", "cluster", "waiting"],
    0: ["images", "images16", "image_files", "color", "resize", "histogram", "metrics", "style_metrics", "tiling",
        "losses.functional", "nets.blocks", "nets.fast", "nets.instance_norm",
        "checkpoint.params_file", "checkpoint.params_reader", "checkpoint.params_plain", "checkpoint.params_layout",
        "checkpoint.params_sparse"],
    1: ["data", "nets", "losses", "checkpoint"],
    2: ["training", "inference", "styles", "optimize", "evaluation", "workloads", "headline", "shipping"],
    3: ["figures", "commands", "__main__"],
}  # fmt: skip
WITHOUT_MXNET = [name for name in LAYERS[0] if not name.startswith(("losses", "nets"))]
MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(path):
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).replace(".__init__", "")


def layer_of(module):
    """The layer of the longest name in LAYERS that `module` is or is in."""
    found = [
        (len(name), layer) for layer, names in LAYERS.items() for name in names if (module + ".").startswith(name + ".")
    ]
    return max(found)[1] if found else None


def imports_of(path):
    """The modules of this package that `path` imports, wherever in it, relative to the package."""
    package = name_of(path).split(".") if path.name == "__init__.py" else name_of(path).split(".")[:-1]
    package = [] if package == ["__init__"] else package
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = [
                *package[: len(package) - node.level + 1],
                *((node.module or "").split(".") if node.module else []),
            ]
            for alias in node.names:
                whole = [*base, alias.name]
                is_module = (PACKAGE.joinpath(*whole).with_suffix(".py")).exists() or PACKAGE.joinpath(*whole).is_dir()
                yield ".".join(whole if is_module else base)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_downwards(path):
    module = name_of(path)
    if module == "__init__":
        return
    layer = layer_of(module)
    assert layer is not None, f"{module} has no layer"
    for imported in imports_of(path):
        other = layer_of(imported)
        if other is not None:
            assert other <= layer, f"{module} (layer {layer}) imports {imported} (layer {other})"
        if module.startswith("losses"):
            assert not imported.startswith("nets"), "losses are given the loss network"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_the_door_imports_mxnet(path):
    module, imported = name_of(path), set(imports_of(path))
    assert not any(name.split(".")[0] == "mxnet" for name in imported)
    if any((module + ".").startswith(name + ".") for name in WITHOUT_MXNET):
        assert "_mxnet" not in imported
