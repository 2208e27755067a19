"""A training that was stopped and goes on is the same, to the bit."""

import pickle

import numpy as np
import pytest

from gluon_perceptual._mxnet import mx
from gluon_perceptual.checkpoint import ParamsFormatError, read_params, write_params
from gluon_perceptual.errors import UserError
from gluon_perceptual.training import soap  # noqa: F401 - registers this optimizer
from gluon_perceptual.training.optimizer_state import load_state, save_state
from gluon_perceptual.training.schedule import learning_rate_schedule

OPTIMIZERS = {
    "soap": {"learning_rate": 0.01, "every": 3},
    "adam": {"learning_rate": 0.01, "beta2": 0.99},
    "sgd": {"learning_rate": 0.1},
    "nag": {"learning_rate": 0.1, "momentum": 0.9},
}


class Training:
    """A tiny one, whose data are random."""

    def __init__(self, optimizer="adam", devices=1, units=3, layers=2):
        self.devices = [mx.cpu(k) for k in range(devices)]
        self.random = np.random.default_rng(0)
        self.net = mx.gluon.nn.HybridSequential()
        self.net.add(*[mx.gluon.nn.Dense(units, in_units=4), mx.gluon.nn.LayerNorm(in_channels=units)][:layers])
        self.net.initialize(mx.init.One(), ctx=self.devices)
        schedule = learning_rate_schedule("cosine", OPTIMIZERS[optimizer]["learning_rate"], 20, 4)
        options = {**OPTIMIZERS[optimizer], "lr_scheduler": schedule}
        self.trainer = mx.gluon.Trainer(self.net.collect_params(), optimizer, options, update_on_kvstore=False)

    def go_on(self, steps):
        for _ in range(steps):
            batch = mx.nd.array(self.random.normal(size=(4, 4)))
            with mx.autograd.record():
                parts = mx.gluon.utils.split_and_load(batch, self.devices)
                losses = [(self.net(part) ** 3).sum() for part in parts]
            mx.autograd.backward(losses)
            self.trainer.step(4)

    def parameters(self):
        return [parameter.data(self.devices[0]).asnumpy() for parameter in self.net.collect_params().values()]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("devices", [1, 2])
def test_what_was_stopped_goes_on_the_same(tmp_path, optimizer, devices):
    whole, first, second = (Training(optimizer, devices) for _ in range(3))
    whole.go_on(9)
    first.go_on(5)
    save_state(tmp_path / "state.params", first.trainer, {"step": 5, "photos": ["a", "b"]})
    first.net.save_parameters(str(tmp_path / "net.params"))
    second.net.load_parameters(str(tmp_path / "net.params"), ctx=second.devices)
    second.random = first.random
    position = load_state(tmp_path / "state.params", second.trainer)
    assert position == {"step": 5, "photos": ["a", "b"]}
    second.go_on(4)
    assert second.trainer.learning_rate == whole.trainer.learning_rate
    for mine, expected in zip(second.parameters(), whole.parameters()):
        np.testing.assert_array_equal(mine, expected)


def test_saved_again_the_file_is_the_same(tmp_path):
    first, second = Training(), Training(devices=2)
    first.go_on(3)
    for name, training in (("a", first), ("b", second)):
        save_state(tmp_path / name, training.trainer, {})
        load_state(tmp_path / "a", second.trainer)
    save_state(tmp_path / "b", second.trainer, {})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_state_of_another_training_is_refused_and_changes_nothing(tmp_path):
    training = Training()
    training.go_on(2)
    before = [leaf.asnumpy() for state in training.trainer._updaters[0].states.values() for leaf in state]
    for other in (Training("sgd"), Training(units=5), Training(layers=1)):
        other.go_on(1)
        save_state(tmp_path / "x", other.trainer, {})
        with pytest.raises(UserError, match="x: not a state of this training"):
            load_state(tmp_path / "x", training.trainer)
    save_state(tmp_path / "x", training.trainer, {})
    arrays = read_params(tmp_path / "x")
    for damaged in ({}, {**arrays, "more": np.zeros(1)}, {**arrays, "json": np.frombuffer(b"[1]", np.uint8)}):
        write_params(tmp_path / "y", damaged)
        with pytest.raises(UserError, match="y: not a state"):
            load_state(tmp_path / "y", training.trainer)
    after = [leaf.asnumpy() for state in training.trainer._updaters[0].states.values() for leaf in state]
    np.testing.assert_array_equal(before[0], after[0])
    assert training.trainer._optimizer.num_update == 2


def test_mxnets_own_states_are_not_unpickled(tmp_path):
    (tmp_path / "x.states").write_bytes(pickle.dumps({0: "anything"}))
    with pytest.raises(ParamsFormatError):
        load_state(tmp_path / "x.states", Training().trainer)


def test_states_on_a_kvstore_are_not_there_to_save(tmp_path):
    net = mx.gluon.nn.Dense(1, in_units=1)
    net.initialize()
    trainer = mx.gluon.Trainer(net.collect_params(), "adam", kvstore=mx.kv.create("local"), update_on_kvstore=True)
    with pytest.raises(ValueError, match="update_on_kvstore=False"):
        save_state(tmp_path / "x", trainer, {})
