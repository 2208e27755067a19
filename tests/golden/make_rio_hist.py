"""Writes rio_hist.npz: pictures matched by rio-hist 1.0.0 and rio-color 1.0.4 themselves, in Python 3.8.

python3.8 -m venv rio && rio/bin/pip install rio-hist==1.0.0 rio-color==1.0.4 "rasterio<1.4"
rio/bin/python tests/golden/make_rio_hist.py tests/golden/rio_hist.npz
"""

import sys

import numpy as np
from rio_hist.match import histogram_match
from rio_hist.utils import cs_backward, cs_forward

PROPORTION = 0.8

random = np.random.RandomState(0)


def picture(low, high):
    """Return ramps with noise, (3, 12, 16) uint8, without pure black, which rio-color turns into NaN in LUV."""
    ramps = np.meshgrid(np.linspace(low, high, 16), np.linspace(high, low, 12))
    bands = np.stack([*ramps, np.full((12, 16), (low + high) / 2)])
    return np.clip(bands + random.uniform(-60, 60, bands.shape), 1, 255).astype(np.uint8)


arrays = {"source": picture(20, 160), "reference": picture(90, 250)}
for space in ("RGB", "LAB", "LCH", "LUV", "XYZ"):
    source, reference = (cs_forward(arrays[name], space) for name in ("source", "reference"))
    arrays["source_" + space] = source
    matched = np.stack([histogram_match(source[i], reference[i], PROPORTION) for i in range(3)])
    arrays["matched_" + space] = cs_backward(matched, space)
np.savez_compressed(sys.argv[1], **{name: np.moveaxis(array, 0, -1) for name, array in arrays.items()})
