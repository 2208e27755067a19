"""Training states without pickle: a `.params` file of the optimizer's arrays, with everything else as JSON in it.

`Trainer.load_states` unpickles, so a file from a stranger could run code; this module never calls it. The state of
MXNet's random numbers cannot be read, so it is not kept.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Mapping, Sequence

import numpy as np

from .._mxnet import NDArray, Trainer, mx
from .._mxnet.gluon import (
    device_count,
    new_state,
    optimizer_states,
    restore_optimizer,
    start_kvstore,
    trained_parameters,
    update_counts,
    updates_on_kvstore,
)
from ..errors import UserError
from ..files import Json, parse_json
from ..formats.mxnet_params import read_params, write_params

State = Any  # of a parameter: None, an array, or a tuple of these
JSON = "json"  # the name of the array that holds the text


def save_state(path: Path, trainer: Trainer, position: Mapping[str, Json]) -> None:
    """Write what a training needs to resume, except parameters: the optimizer's arrays, counts, position in the data.

    Args:
        path: The file.
        trainer: Gluon's, made with `update_on_kvstore=False`.
        position: In the data, such as {"step": 300}; anything that JSON can express.

    Raises:
        OSError: The file cannot be written.
    """
    _check_trainer(trainer)
    optimizer = trainer.optimizer
    facts = {
        "optimizer": type(optimizer).__name__,
        "updates": optimizer.num_update,
        "counts": {str(index): count for index, count in update_counts(trainer).items()},
        "position": dict(position),
    }
    arrays = {
        f"{index}.{k}": leaf.asnumpy()
        for index, state in optimizer_states(trainer).items()
        for k, leaf in enumerate(_leaves(state))
    }
    text = json.dumps(facts)
    write_params(path, {**arrays, JSON: np.frombuffer(text.encode(), np.uint8)})


def load_state(path: Path, trainer: Trainer) -> dict[str, Json]:
    """Restore a trainer, on any number of devices, to what `save_state` wrote of another one.

    Args:
        path: The file.
        trainer: With the same parameters in the same order, initialized, and the same kind of optimizer.

    Returns:
        The position in the data.

    Raises:
        ParamsFormatError: The file is damaged.
        UserError: It is not a training state, or that of another training; the trainer is unchanged.
        OSError: It cannot be read.
    """
    _check_trainer(trainer)
    arrays = read_params(path)
    try:
        facts = parse_json(arrays.pop(JSON).tobytes())
        counts = {int(index): int(count) for index, count in facts["counts"].items()}
        updates, position, name = int(facts["updates"]), dict(facts["position"]), facts["optimizer"]
        if name != type(trainer.optimizer).__name__:
            raise ValueError(f"its optimizer is {name}, not {type(trainer.optimizer).__name__}")
        states = [_states(trainer, device, list(counts), arrays) for device in range(device_count(trainer))]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
        raise UserError(f"{path}: not a state of this training ({error})") from error
    restore_optimizer(trainer, states, counts, updates)
    return position


def _check_trainer(trainer: Trainer) -> None:
    start_kvstore(trainer)
    if updates_on_kvstore(trainer):
        raise ValueError("this Trainer updates on its kvstore, which keeps its state: use update_on_kvstore=False")


def _leaves(state: State) -> list[NDArray]:
    """Return the arrays in an optimizer's state of a parameter."""
    if state is None:
        return []
    if isinstance(state, (tuple, list)):
        return [leaf for part in state for leaf in _leaves(part)]
    return [state]


def _states(
    trainer: Trainer, device: int, indices: Sequence[int], arrays: Mapping[str, np.ndarray]
) -> dict[int, State]:
    """Return the optimizer's states of the parameters with these numbers, on a device, filled from `arrays`."""
    if indices and {*indices} != trained_parameters(trainer):
        raise ValueError(f"it has {len(indices)} parameters where {len(trained_parameters(trainer))} are expected")
    states, used = {}, 0
    for index in indices:
        states[index] = new_state(trainer, index, device)
        for k, leaf in enumerate(_leaves(states[index])):
            array = arrays[f"{index}.{k}"]
            if array.shape != leaf.shape or array.dtype != leaf.dtype:
                raise ValueError(
                    f"array {index}.{k} is {array.dtype}{array.shape}, not {np.dtype(leaf.dtype)}{leaf.shape}"
                )
            leaf[:] = mx.nd.array(array, dtype=array.dtype)
            used += 1
    if used != len(arrays):
        raise ValueError(f"it has {len(arrays)} arrays where {used} are expected")
    return states
