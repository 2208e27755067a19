"""A folder of 100,000 photos: found, split and served quickly, in little memory that stays as it is."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hostile import good

from gluon_perceptual.data.photo_list import PhotoList

COUNT, ORIGINALS = 100_000, 50
SCRIPT = """
import json, resource, sys, time
from pathlib import Path

def megabytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20

from gluon_perceptual.data.batches import batches
from gluon_perceptual.data.patches import PatchPairs
from gluon_perceptual.data.photos import split_photos

start, memory = time.perf_counter(), {}
train, held_out = split_photos(sys.argv[1])
for number, batch in enumerate(batches(PatchPairs(train, 2, 16), 4, 0, 2000), 1):
    if number == 1:
        seconds = time.perf_counter() - start
    memory[number] = megabytes()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
growth = max(memory.values()) - memory[200]
print(json.dumps({"photos": len(train) + len(held_out), "seconds": seconds, "peak": peak, "growth": growth}))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Links: making as many files takes longer than all else here."""
    folder = tmp_path_factory.mktemp("photos")
    originals = [folder / f"{number:06}.png" for number in range(ORIGINALS)]
    for number, path in enumerate(originals):
        path.write_bytes(good("png", number))
    for number in range(ORIGINALS, COUNT):
        os.link(originals[number % ORIGINALS], folder / f"{number:06}.png")
    yield folder
    shutil.rmtree(folder)


def test_it_starts_in_seconds_and_memory_stays_flat(folder):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder)], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    measured = json.loads(done.stdout)
    assert measured["photos"] == COUNT
    assert measured["seconds"] < 10  # to the first batch
    assert measured["peak"] < 500  # MB, MXNet's 220 included
    assert measured["growth"] < 20  # MB after batch 200


def test_only_the_photo_that_is_asked_for_is_made():
    made = []
    photos = PhotoList([f"{number}.png" for number in range(9)], lambda name: made.append(name) or Path(name))
    part = photos[::2][1:]
    assert len(part) == 4
    assert not made
    assert part[-1] == Path("8.png")
    assert made == ["8.png"]
    assert list(photos.where(["b.png"])) == [Path("b.png")]
