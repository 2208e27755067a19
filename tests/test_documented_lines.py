"""Every command line of the documentation is one that the commands take; `.ci/documented` runs them."""

import pytest
from documented import blocks, check, spans


@pytest.mark.parametrize("text", sorted({line.text for line in (*blocks(), *spans())}))
def test_it_is_one_that_the_commands_take(text):
    check(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("python tools/upscale.py photo.jpg --nosuch 2", "--nosuch"),
        ("python tools/upscale.py photo.jpg --precision float3", "float3"),
        ("python tools/upscale.py photo.jpg --model sr_x9_pixel", "sr_x9_pixel"),
        ("python tools/train_sr.py --steps many", "many"),
        ("python tools/nosuch.py", "nosuch.py"),
        ("gluon-perceptual nosuch", "nosuch"),
        ("gluon-perceptual cluster --workers 2 python tools/train_sr.py --nosuch", "--nosuch"),
        ("python tools/optimize_image.py paint photo.jpg", "paint"),
        ("python -m benchmarks nosuch", "nosuch"),
        ("python -m benchmarks.models --nosuch", "--nosuch"),
        ("pip install -e '.[cpu,nosuch]' && pytest", "nosuch"),
        ("pytest tests/test_nosuch.py", "test_nosuch.py"),
        ("make all", "make"),
    ],
)
def test_a_line_that_is_wrong_is_found(text, said):
    with pytest.raises(ValueError, match=said):
        check(text)


def test_lines_are_found_in_every_form():
    found = [line.text for line in blocks()]
    assert any("&&" in text for text in found)
    assert "python tools/upscale.py photo.jpg --scale 3" in found
    assert any(text.startswith("gluon-perceptual cluster --workers 2") and "--batch 8" in text for text in found)
    assert not any("#" in text for text in found)
    assert any(line.text.startswith("python -m benchmarks") for line in spans())
