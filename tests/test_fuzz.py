"""A few of the damaged files of `python -m benchmarks.fuzz`: each is read, or refused in one line."""

from random import Random

import pytest

from benchmarks.fuzz.kinds import NAMES, kind_of, outcome_of

KINDS = [name for name in NAMES if name != "keras"]  # HDF5 may crash: commands read it in a separate process
CASES = {"torch": 1000, "torch-legacy": 1000, "symbol": 20, "log": 20}


@pytest.mark.parametrize("name", KINDS)
def test_damaged_files_are_read_or_refused(name, tmp_path):
    if name == "safetensors":
        pytest.importorskip(name)
    kind, path = kind_of(name), tmp_path / "current"
    seeds = kind.seeds()
    assert {outcome_of(content, kind.read, path) for content in seeds} == {"read"}
    for number in range(CASES.get(name, 100)):
        rng = Random(number)
        outcome = outcome_of(kind.damage(rng.choice(seeds), rng), kind.read, path)
        assert outcome in ("read", "refused"), f"case {number}"
