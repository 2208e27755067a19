"""The pairs of a run, made by all cores beforehand and kept on the device."""

from __future__ import annotations

import multiprocessing
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from gluon_perceptual.data.crops import PhotoCrops
from gluon_perceptual.data.patches import PatchDataset
from gluon_perceptual.data.photos import split_photos
from gluon_perceptual.training.style_config import StyleConfig
from gluon_perceptual.training.super_resolution_config import SuperResolutionConfig

PART = 512  # pairs that a process makes at a time

_dataset: Any = None  # of this process's parts


def dataset_of(config: StyleConfig | SuperResolutionConfig) -> PhotoCrops | PatchDataset:
    """Return the run's pairs: the same ones by number as in training with MXNet."""
    photos, _ = split_photos(config.data, config.validation)
    if isinstance(config, StyleConfig):
        return PhotoCrops(photos, config.size, config.seed, config.flat)
    settings = (config.scale, config.patch, config.sigma, config.degradation, config.crops)
    return PatchDataset(photos, *settings, seed=config.seed)


def make_pairs(config: StyleConfig | SuperResolutionConfig, count: int, processes: int) -> tuple[np.ndarray, ...]:
    """Return the inputs and references of the first `count` pairs, uint8; for a style, the inputs alone."""
    global _dataset  # inherited by the processes
    _dataset = dataset_of(config)
    kinds = 1 if isinstance(config, StyleConfig) else 2
    made = tuple(np.empty((count, *array.shape), np.uint8) for array in _dataset[0][:kinds])
    starts = range(0, count, PART)
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        found = pool.imap(_part, [(start, min(start + PART, count), kinds) for start in starts])
        for start, part in tqdm(zip(starts, found), "pairs", len(starts), mininterval=5):
            for whole, values in zip(made, part):
                whole[start : start + len(values)] = values
    return made


def _part(span: tuple[int, int, int]) -> tuple[np.ndarray, ...]:
    first, last, kinds = span
    pairs = [_dataset[k][:kinds] for k in range(first, last)]
    return tuple(np.stack(arrays) for arrays in zip(*pairs))


class Pairs:
    """Pairs on a device, in batches by number, in rounds."""

    def __init__(self, arrays: tuple[np.ndarray, ...], batch: int, device: torch.device) -> None:
        self.arrays = [torch.from_numpy(array).to(device) for array in arrays]
        self.batch, self.device = batch, device

    def numbers(self, step: int) -> torch.Tensor:
        """Return the numbers of a step's pairs, from 0."""
        return (torch.arange(self.batch, device=self.device) + step * self.batch) % len(self.arrays[0])

    def take(self, numbers: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return inputs and references, float32, in channels last."""
        taken = [a.index_select(0, numbers).float().contiguous(memory_format=torch.channels_last) for a in self.arrays]
        return taken[0], taken[-1]
