"""Names that other programs import, wherever the modules are that they come from."""

import gluon_perceptual.histogram
import gluon_perceptual.resize
import pytest
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
