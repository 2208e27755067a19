"""Training states without pickle: a `.params` file of optimizer moments, with all that is no array as JSON in it.

`Trainer.load_states` unpickles, so that a file from a stranger runs code; this module never calls it. MXNet's own
random numbers have no state that can be read: who wants them to go on the same way seeds them by the step.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Mapping, Sequence

import numpy as np

from .._mxnet import mx
from ..errors import UserError
from ..files import parse_json
from ..formats.mxnet_params import read_params, write_params

JSON = "json"  # the name of the array that holds the text


def save_state(
    path: Path, trainer: Any, position: Mapping[str, Any], generator: np.random.Generator | None = None
) -> None:
    """Write what a training needs to go on, apart from the parameters: moments, counts of updates, where the data is.

    Args:
        path: The file.
        trainer: Gluon's, made with `update_on_kvstore=False`.
        position: Where the data is, such as {"step": 300}; anything that JSON can say.
        generator: Whose state is kept, too.

    Raises:
        OSError: The file cannot be written.
    """
    _check_trainer(trainer)
    optimizer, updater = trainer._optimizer, trainer._updaters[0]
    counts = optimizer._all_index_update_counts.get(trainer._contexts[0].device_id, {})
    facts = {
        "optimizer": type(optimizer).__name__,
        "updates": optimizer.num_update,
        "counts": {str(index): count for index, count in counts.items()},
        "position": dict(position),
        "generator": generator.bit_generator.state if generator is not None else None,
    }
    arrays = {
        f"{index}.{k}": leaf.asnumpy()
        for index, state in updater.states.items()
        for k, leaf in enumerate(_leaves(state))
    }
    text = json.dumps(facts, default=np.ndarray.tolist)
    write_params(path, {**arrays, JSON: np.frombuffer(text.encode(), np.uint8)})


def load_state(path: Path, trainer: Any, generator: np.random.Generator | None = None) -> dict[str, Any]:
    """Set a trainer, and a generator, to what `save_state` wrote of others; on any number of devices.

    Args:
        path: The file.
        trainer: For the same parameters in the same order, initialized, with the same kind of optimizer.
        generator: Of the same kind, if one was saved.

    Returns:
        The position of the data.

    Raises:
        ParamsFormatError: The file is damaged.
        UserError: It is no training state, or one of another training. The trainer is as it was.
        OSError: It cannot be read.
    """
    _check_trainer(trainer)
    arrays = read_params(path)
    try:
        facts = parse_json(arrays.pop(JSON).tobytes())
        counts = {int(index): int(count) for index, count in facts["counts"].items()}
        updates, position, name = int(facts["updates"]), dict(facts["position"]), facts["optimizer"]
        if name != type(trainer._optimizer).__name__:
            raise ValueError(f"its optimizer is {name}, not {type(trainer._optimizer).__name__}")
        states = [_states(trainer, device, list(counts), arrays) for device in range(len(trainer._contexts))]
        if generator is not None:
            generator.bit_generator.state = facts["generator"]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
        raise UserError(f"{path}: not a state of this training ({error})") from error
    for updater, state in zip(trainer._updaters, states):
        updater.states, updater.states_synced = state, dict.fromkeys(state, True)
    optimizer = trainer._optimizer
    optimizer.num_update = updates
    optimizer._all_index_update_counts = {context.device_id: dict(counts) for context in trainer._contexts}
    optimizer._set_current_context(trainer._contexts[0].device_id)
    return position


def _check_trainer(trainer: Any) -> None:
    if not trainer._kv_initialized:
        trainer._init_kvstore()
    if trainer._update_on_kvstore:
        raise ValueError("a Trainer that updates on its kvstore keeps its state there: give update_on_kvstore=False")


def _leaves(state: Any) -> list[Any]:
    """Return the arrays of an optimizer's state of a parameter: None, an array, or a tuple of such."""
    if state is None:
        return []
    if isinstance(state, (tuple, list)):
        return [leaf for part in state for leaf in _leaves(part)]
    return [state]


def _states(trainer: Any, device: int, indices: Sequence[int], arrays: Mapping[str, np.ndarray]) -> dict[int, Any]:
    """Return the optimizer's states of the parameters with these numbers, on a device, filled from `arrays`."""
    states, used = {}, 0
    for index in indices:
        weight = trainer._params[index].list_data()[device]
        states[index] = trainer._optimizer.create_state_multi_precision(index, weight)
        for k, leaf in enumerate(_leaves(states[index])):
            array = arrays[f"{index}.{k}"]
            if array.shape != leaf.shape or array.dtype != leaf.dtype:
                raise ValueError(f"array {index}.{k} is {array.dtype}{array.shape}, not {leaf.shape}")
            leaf[:] = mx.nd.array(array, dtype=array.dtype)
            used += 1
    if used != len(arrays):
        raise ValueError(f"it has {len(arrays)} arrays where {used} are expected")
    return states
