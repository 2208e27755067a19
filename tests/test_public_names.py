"""Names that other programs import, wherever the modules are that they come from."""

import importlib
import pkgutil

import gluon_perceptual.histogram
import gluon_perceptual.resize
import pytest
from cli import python
from gluon_perceptual.resize import imresize

import gluon_perceptual.nets
from gluon_perceptual import metrics
from gluon_perceptual.image import histogram


def test_modules_that_have_moved_keep_their_old_names():
    assert gluon_perceptual.histogram.match_images is histogram.match_images
    assert gluon_perceptual.resize.imresize is imresize
    assert metrics.psnr.__module__ == "gluon_perceptual.evaluation.metrics"


def test_an_old_name_has_nothing_more_than_the_new_one():
    with pytest.raises(AttributeError):
        metrics.nothing  # noqa: B018


@pytest.mark.parametrize("network", ["LossNetwork", "PlsrNet", "StyleNet", "SuperResolutionNet"])
def test_networks_are_found_in_their_package(network):
    assert network in dir(gluon_perceptual.nets)


@pytest.mark.parametrize("name", gluon_perceptual.__all__)
def test_the_package_gives_what_its_stub_names(name):
    assert getattr(gluon_perceptual, name) is not None
    assert name in dir(gluon_perceptual)


def test_names_that_other_programs_rely_on_are_there():
    names = "Upscaler Stylizer PerceptualLoss LossNetwork StyleNet SuperResolutionNet PlsrNet load_model read_params"
    assert {*names.split(), "histogram_match", "match_images"} <= set(gluon_perceptual.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        gluon_perceptual.nothing  # noqa: B018


def test_a_name_loads_no_more_than_it_needs():
    code = "import sys; from gluon_perceptual import {}; print({{'mxnet', 'numpy', 'matplotlib'}} & set(sys.modules))"
    loaded = {name: python(code.format(name))[0] for name in ("UserError", "read_params", "histogram_match")}
    assert loaded == {"UserError": "set()", "read_params": "{'numpy'}", "histogram_match": "{'numpy'}"}


@pytest.mark.parametrize(
    "package", [info.name for info in pkgutil.iter_modules(gluon_perceptual.__path__) if info.ispkg]
)
def test_every_package_says_what_is_public(package):
    module = importlib.import_module(f"gluon_perceptual.{package}")
    for name in module.__all__:
        assert hasattr(module, name) or importlib.import_module(f"{module.__name__}.{name}")
    modules = {info.name for info in pkgutil.iter_modules(module.__path__) if not info.name.startswith("_")}
    assert set(module.__all__) >= modules or not set(module.__all__) & modules, "modules are missing in __all__"
