"""What this package needs of the private parts of MXNet 1.9.1, mostly Gluon's; no other module touches them."""

from __future__ import annotations

from typing import Any, Iterator, Mapping, Sequence

import numpy as np

from . import Block, Context, NDArray, Parameter, Trainer, mx


def parameters_of(block: Block) -> dict[str, Parameter]:
    """Return a block's parameters by structural name, as `save_parameters` names them: "body.0.weight"."""
    return dict(block._collect_params_with_prefix())


def constant(block: Block, name: str, values: np.ndarray) -> Parameter:
    """Return a constant of a block, as `get_constant`, without that one's leak of memory.

    MXNet registers a class for each constant, with its values, under a name of its own, and keeps it until it ends.
    """
    made = block.params.get_constant(name, values)
    if isinstance(made.init, str):  # it is new, not shared
        made.init = mx.registry._REGISTRY[mx.init.Initializer].pop(made.init.lower())()
    return made


def value_of(parameter: Parameter) -> NDArray:
    """Return a parameter's value, an NDArray on the CPU, from the first of its devices, which all have the same."""
    return parameter.list_data()[0].copyto(mx.cpu())


def values_of(block: Block) -> dict[str, np.ndarray]:
    """Return the values of a block's parameters by structural name."""
    return {name: value_of(parameter).asnumpy() for name, parameter in parameters_of(block).items()}


def own_parameters(block: Block) -> dict[str, Parameter]:
    """Return the parameters of a block without those of its children: "weight" and the like."""
    return {name: parameter for name, parameter in block._reg_params.items() if parameter is not None}


def leaves(block: Block, name: str = "") -> Iterator[tuple[str, Block]]:
    """Yield (structural name, block) of all blocks without children, in order of registration."""
    if not block._children:
        yield name, block
    for key, child in block._children.items():
        yield from leaves(child, f"{name}.{key}" if name else key)


def operator_arguments(layer: Block) -> dict[str, Any]:
    """Return the arguments that a convolution or a batch norm passes to its operator, such as num_filter and eps."""
    return dict(layer._kwargs)


def epsilon_of(norm: Block) -> float:
    """Return what an instance norm adds to the variance."""
    return float(norm._epsilon)


def is_placed(parameter: Parameter) -> bool:
    """Return whether a parameter has a value, or will get one, on a known device."""
    return parameter._data is not None or bool(parameter._deferred_init)


def fill(parameter: Parameter, value: NDArray, ctx: Context, cast: bool = False) -> None:
    """Set a parameter, initialized or not, to a value, an NDArray, on `ctx`; None: on the devices where it is."""
    parameter._load_init(value, ctx, cast_dtype=cast)


def start_kvstore(trainer: Trainer) -> None:
    """Make a trainer create its kvstore, as its first step would."""
    if not trainer._kv_initialized:
        trainer._init_kvstore()


def share_parameters(trainer: Trainer) -> None:
    """Send a trainer's parameters to its kvstore, and get back those of the first worker."""
    start_kvstore(trainer)
    trainer._init_params()


def forget_kvstore(trainer: Trainer) -> None:
    """Remove a trainer's kvstore; the trainer cannot be used afterwards."""
    trainer._kvstore, trainer._kvstore_params = None, {}


def updates_on_kvstore(trainer: Trainer) -> bool:
    """Return whether a trainer leaves the updates, and the optimizer's states, to its kvstore."""
    return bool(trainer._update_on_kvstore)


def optimizer_states(trainer: Trainer) -> dict[int, Any]:
    """Return the optimizer's states on the first device, by parameter number."""
    return dict(trainer._updaters[0].states)


def update_counts(trainer: Trainer) -> dict[int, int]:
    """Return how often each parameter has been updated, by number."""
    counts = trainer.optimizer._all_index_update_counts.get(trainer._contexts[0].device_id, {})
    return {int(index): int(count) for index, count in counts.items()}


def trained_parameters(trainer: Trainer) -> set[int]:
    """Return the numbers of the parameters that a trainer updates."""
    return {index for index, parameter in enumerate(trainer._params) if parameter.grad_req != "null"}


def new_state(trainer: Trainer, index: int, device: int) -> Any:
    """Return an empty state of the optimizer for parameter `index` on the trainer's device number `device`."""
    weight = trainer._params[index].list_data()[device]
    return trainer.optimizer.create_state_multi_precision(index, weight)


def device_count(trainer: Trainer) -> int:
    """Return on how many devices a trainer updates."""
    return len(trainer._contexts)


def restore_optimizer(
    trainer: Trainer, states: Sequence[Mapping[int, Any]], counts: Mapping[int, int], updates: int
) -> None:
    """Set the optimizer's states, of each device, how often each parameter was updated, and the number of updates."""
    for updater, state in zip(trainer._updaters, states):
        updater.states, updater.states_synced = dict(state), dict.fromkeys(state, True)
    optimizer = trainer.optimizer
    optimizer.num_update = updates
    optimizer._all_index_update_counts = {context.device_id: dict(counts) for context in trainer._contexts}
    optimizer._set_current_context(trainer._contexts[0].device_id)


def begin_update(optimizer: Any, index: int) -> tuple[int, float, float]:
    """Count an update of parameter `index`; return its number, from 1, the learning rate and the weight decay."""
    optimizer._update_count(index)
    return optimizer._index_update_count[index], optimizer._get_lr(index), optimizer._get_wd(index)


def internal_operators() -> Any:
    """Return the module of symbolic operators without public names."""
    return mx.sym._internal


def zoo_checksum(network: str) -> str:
    """Return the SHA-1 of a model zoo network's file of parameters."""
    return str(mx.gluon.model_zoo.model_store._model_sha1[network])
