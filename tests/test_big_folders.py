"""A folder of 100,000 photos: training on it begins as soon as on a small one, in little more memory, that stays."""

import shutil
from pathlib import Path

import pytest

from benchmarks import endurance
from gluon_perceptual.data.photo_list import PhotoList

COUNT = 100_000


@pytest.fixture
def scratch(tmp_path):
    """A folder that is not kept for looking at it afterwards."""
    yield tmp_path
    shutil.rmtree(tmp_path)


def test_training_begins_in_seconds_and_memory_stays_flat(scratch):
    """`python -m benchmarks.endurance` does so for 2,000 steps."""
    few = endurance.measure(endurance.make_photos(scratch / "few", 50), scratch / "run_few", 1)
    many = endurance.measure(endurance.make_photos(scratch / "many", COUNT), scratch / "run_many", 300)
    assert many["steps"] == 300
    assert many["first_step"] < 3 * few["first_step"]
    assert many["memory"] < few["memory"] + 60  # MB
    assert many["peak"] < 500
    assert many["growth"] < 20


def test_only_the_photo_that_is_asked_for_is_made():
    made = []
    photos = PhotoList([f"{number}.png" for number in range(9)], lambda name: made.append(name) or Path(name))
    part = photos[::2][1:]
    assert len(part) == 4
    assert not made
    assert part[-1] == Path("8.png")
    assert made == ["8.png"]
    assert list(photos.where(["b.png"])) == [Path("b.png")]
