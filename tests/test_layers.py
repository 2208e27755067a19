"""The plan of the package: lower layers never import higher ones, nothing goes in a circle, and MXNet has one door."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "gluon_perceptual"
# From the bottom to the top. A package, or a module beside the packages, imports from lower layers only.
LAYERS = [
    ["errors", "signals"],
    ["choices"],
    ["files", "weights", "cpu", "cuda", "cluster"],
    ["_mxnet", "image", "formats"],
    ["losses", "nets", "data", "evaluation", "figures", "video"],
    ["checkpoint"],
    ["symbols"],
    ["inference", "optimize", "training"],
    ["timing", "app"],
    ["commands"],
    ["__main__"],
]
LAYER_OF = {name: layer for layer, names in enumerate(LAYERS) for name in names}
WITHOUT_MXNET = [
    *LAYERS[0], *LAYERS[1], *LAYERS[2], "image", "formats", "figures", "video",
    *(f"evaluation.{name}" for name in ("metrics", "scores", "spectrum", "style_metrics", "warping")),
]  # fmt: skip
LONGEST_MODULE, LONGEST_FUNCTION = 200, 40  # lines
MOST_MODULES = 9  # beside the packages, and in a package that is not made of commands or networks
PATHS = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
    for path in sorted(PACKAGE.rglob("*.py"))
    if path != PACKAGE / "__init__.py"
}


def imports_of(module, tree):
    """The modules of this package that `module` imports, wherever in it; of others the names."""
    package = module.split(".")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = [*package[: len(package) - node.level + 1], *(node.module.split(".") if node.module else [])]
            for alias in node.names:
                whole, folder = ".".join([*base, alias.name]), ".".join(base)
                yield next(
                    (name for name in (whole, folder, f"{folder}.__init__") if name in PATHS), f"{whole}.__init__"
                )
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


IMPORTS = {module: set(imports_of(module, ast.parse(path.read_text()))) for module, path in PATHS.items()}


def top(module):
    """The package that a module is in, or the module itself where it is beside the packages."""
    return module.split(".")[0]


def find_circle(graph):
    """A path from a node along the edges of {node: nodes} back to it, or [] where there is none."""
    done = set()

    def visit(node, path):
        if node in path:
            return [*path[path.index(node) :], node]
        if node not in done:
            done.add(node)
            for other in sorted(graph.get(node, ())):
                if found := visit(other, [*path, node]):
                    return found
        return []

    return next((found for node in graph if (found := visit(node, []))), [])


def package_graph(imports):
    graph = {}
    for module, imported in imports.items():
        graph.setdefault(top(module), set()).update(top(name) for name in imported if name in PATHS)
    return {package: others - {package} for package, others in graph.items()}


@pytest.mark.parametrize(
    ("graph", "circle"),
    [
        ({"a": {"b"}, "b": {"c"}, "c": set()}, []),
        ({"a": {"b"}, "b": {"c"}, "c": {"b"}}, ["b", "c", "b"]),
        ({"a": {"c"}, "b": {"a"}, "c": {"b"}}, ["a", "c", "b", "a"]),
    ],
)
def test_circles_are_found(graph, circle):
    assert find_circle(graph) == circle


def test_there_are_no_circles():
    assert find_circle(package_graph(IMPORTS)) == []
    assert find_circle(IMPORTS) == []


def test_every_package_has_a_layer():
    assert {top(module) for module in PATHS} == set(LAYER_OF)


@pytest.mark.parametrize("module", PATHS)
def test_imports_point_downwards(module):
    for imported in IMPORTS[module]:
        if imported in PATHS and top(imported) != top(module):
            lower, layer = LAYER_OF[top(imported)], LAYER_OF[top(module)]
            assert lower < layer, f"{module} (layer {layer}) imports {imported} (layer {lower})"


def test_the_losses_know_no_network():
    assert not any(top(name) == "nets" for module in IMPORTS if top(module) == "losses" for name in IMPORTS[module])


@pytest.mark.parametrize("module", PATHS)
def test_only_the_door_imports_mxnet(module):
    assert not any(top(name) == "mxnet" for name in IMPORTS[module])
    if any((module + ".").startswith(name + ".") for name in WITHOUT_MXNET):
        assert "_mxnet" not in IMPORTS[module]


def private_names(tree):
    """The names with one underscore in front that a module's own code defines, and those that it uses of objects."""
    defined, used = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            defined.add(node.name)
        elif isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.endswith("__"):
            (defined if isinstance(node.ctx, ast.Store) else used).add(node.attr)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            defined.add(node.id)
    return defined, used - {"_exit"}  # Python's own


NAMES = {module: private_names(ast.parse(path.read_text())) for module, path in PATHS.items()}


def test_private_names_are_found():
    tree = ast.parse("class A:\n _d: int\n def _b(self):\n  self._c = x._mine + self._b() + self._d + y.__name__")
    defined, used = private_names(tree)
    assert used - defined == {"_mine"}


@pytest.mark.parametrize("module", [name for name in PATHS if top(name) != "_mxnet"])
def test_only_the_door_uses_private_names_of_others(module):
    defined, used = NAMES[module]
    bases = set().union(*(NAMES[name][0] for name in IMPORTS[module] if name in NAMES))  # of classes that are derived
    assert used - defined - bases == set()


def lengths_of(tree):
    """How many lines each function has, its docstring included and its decorators not."""
    functions = (node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
    return {node.name: node.end_lineno - node.lineno + 1 for node in functions}


def test_lengths_are_found():
    tree = ast.parse("@a\n@b(\n  1)\ndef f(x):\n  'text'\n  def g():\n    pass\n  return g")
    assert lengths_of(tree) == {"f": 5, "g": 2}


@pytest.mark.parametrize("module", PATHS)
def test_modules_and_functions_stay_short(module):
    text = PATHS[module].read_text()
    assert len(text.splitlines()) <= LONGEST_MODULE
    assert {name: length for name, length in lengths_of(ast.parse(text)).items() if length > LONGEST_FUNCTION} == {}


def test_packages_stay_small():
    def modules(package):
        found = (module.rpartition(".") for module in PATHS)
        return [name for folder, _, name in found if folder == package and not name.startswith("__")]

    assert len(modules("")) <= MOST_MODULES
    assert len(modules("checkpoint")) <= MOST_MODULES
