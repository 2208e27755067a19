import json
import math
import os
import signal
from contextlib import suppress

import numpy as np
import pytest
from cli import write
from helpers import randomize

from gluon_perceptual._mxnet import mx
from gluon_perceptual.errors import UserError
from gluon_perceptual.losses import PerceptualLoss, PixelLoss, TotalVariationLoss
from gluon_perceptual.nets.super_resolution import SuperResolutionNet
from gluon_perceptual.signals import StopRequest
from gluon_perceptual.training.callbacks import BlogLog, Every, History, JsonLog
from gluon_perceptual.training.cluster import WorkerLostError, Workers
from gluon_perceptual.training.jsonl import JsonLines
from gluon_perceptual.training.loop import Callback, StepResult, fit
from gluon_perceptual.training.schedule import learning_rate_schedule
from gluon_perceptual.training.step import NonFiniteLossError, TrainingStep
from gluon_perceptual.training.tensorboard import TensorBoard


def make_step(devices, batch_norm=False, optimizer="adam", max_norm=0.0, weights=None):
    net = SuperResolutionNet(2, 4, 1, norm="batch" if batch_norm else "none", skip=True)
    randomize(net, seed=5, ctx=devices)
    net.hybridize()
    loss = PerceptualLoss(weights or {PixelLoss(): 1.0, TotalVariationLoss(): 1e-3})
    trainer = mx.gluon.Trainer(
        net.collect_params(), optimizer, {"learning_rate": 1e-3}, kvstore="local", update_on_kvstore=False
    )
    return net, TrainingStep(net, loss, loss.targets, trainer, devices, max_norm)


def batches(count, size=4):
    rng = np.random.default_rng(0)
    for _ in range(count):
        yield rng.integers(0, 256, (size, 3, 8, 8), np.uint8), rng.integers(0, 256, (size, 3, 16, 16), np.uint8)


def parameters(net):
    return {name: p.data(p.list_ctx()[0]).asnumpy() for name, p in net._collect_params_with_prefix().items()}


def test_devices_have_the_mean_of_their_running_statistics():
    """Of what each would have alone, after a first step, too, in which Gluon sends the parameters to all devices."""
    devices = [mx.cpu(0), mx.cpu(1)]
    (x, y), found = next(batches(1)), []
    for on, part in ((devices, slice(None)), ([mx.cpu(0)], slice(0, 2)), ([mx.cpu(0)], slice(2, 4))):
        net, step = make_step(on, batch_norm=True)
        Workers().share(step.trainer)
        step(x[part], y[part])
        means = [p.list_data() for name, p in sorted(net.collect_params().items()) if name.endswith("running_mean")]
        found.append([[values.asnumpy() for values in copies] for copies in means])
    together, first, second = found
    for (a, b), (one,), (other,) in zip(together, first, second):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_allclose(a, (one + other) / 2, rtol=1e-4, atol=1e-6)
        assert (one != other).any()


@pytest.mark.parametrize("size", [4, 5])
@pytest.mark.parametrize("max_norm", [0.0, 1.0])
def test_two_devices_do_as_one(size, max_norm):
    """Also where the batch cannot be shared out evenly, and with clipping."""
    results = []
    for devices in ([mx.cpu(0)], [mx.cpu(0), mx.cpu(1)]):
        net, step = make_step(devices, max_norm=max_norm)
        terms = [step(*batch) for batch in batches(10, size)]
        results.append((parameters(net), terms))
    (one, terms_one), (two, terms_two) = results
    for name in one:
        np.testing.assert_allclose(two[name], one[name], rtol=1e-3, atol=1e-5, err_msg=name)
    for a, b in zip(terms_one, terms_two):
        assert a == pytest.approx(b, rel=1e-4)


def test_the_update_is_that_of_the_mean_loss():
    """Plain gradient descent, recomputed by hand: w − rate · d(mean loss)/dw."""
    net, step = make_step([mx.cpu()], optimizer="sgd", weights={PixelLoss(): 1e-4})
    x, y = next(batches(1))
    weight = net.tail.weight
    before = weight.data().asnumpy()
    with mx.autograd.record():
        mean = (net(mx.nd.array(x)) - mx.nd.array(y)).square().mean() * 1e-4
    mean.backward()
    expected = before - 1e-3 * weight.grad().asnumpy()
    assert step(x, y)["loss"] == pytest.approx(float(mean.asscalar()), rel=1e-5)
    np.testing.assert_allclose(weight.data().asnumpy(), expected, rtol=1e-4, atol=1e-7)


def test_clipping_bounds_the_gradient():
    net, step = make_step([mx.cpu()], optimizer="sgd", max_norm=0.01, weights={PixelLoss(): 1.0})
    before = parameters(net)
    terms = step(*next(batches(1)))
    after = parameters(net)
    moved = math.sqrt(sum(float(((after[name] - before[name]) ** 2).sum()) for name in before))
    assert terms["gradient_norm"] > 0.01
    assert moved == pytest.approx(1e-3 * 0.01, rel=1e-2)


def test_logged_loss_is_the_weighted_sum_of_the_logged_terms():
    _, step = make_step([mx.cpu()])
    terms = step(*next(batches(1)))
    assert terms["loss"] == pytest.approx(terms["pixel"] + 1e-3 * terms["tv"], rel=1e-5)


def test_training_lowers_the_loss():
    _, step = make_step([mx.cpu()], weights={PixelLoss(): 1.0})
    batch = next(batches(1))
    losses = [step(*batch)["loss"] for _ in range(15)]
    assert losses[-1] < losses[0]


def test_a_loss_that_is_not_finite_changes_nothing_and_names_the_step():
    net, step = make_step([mx.cpu()])
    good, bad = list(batches(2))
    bad = (bad[0].astype(np.float32), bad[1])
    bad[0][0, 0, 0, 0] = np.nan
    step(*good)
    before = parameters(net)
    with pytest.raises(NonFiniteLossError, match=r"step 1: .*pixel nan"):
        fit(step, step.trainer, [bad], 1)
    for name, value in parameters(net).items():
        np.testing.assert_array_equal(value, before[name])


def test_a_gradient_that_is_not_finite_changes_nothing():
    net, step = make_step([mx.cpu()], weights={PixelLoss(): 1.0})
    x, y = next(batches(1))
    before = parameters(net)
    step.loss.terms = lambda output, targets: {"pixel": (output * 0).sqrt().sum(axis=0, exclude=True) + 1}
    with pytest.raises(NonFiniteLossError, match="gradient's norm is nan"):
        step(x, y)
    for name, value in parameters(net).items():
        np.testing.assert_array_equal(value, before[name])


def test_a_step_that_other_workers_leave_unfinished_changes_nothing():
    class Lost(Workers):
        def wait(self, action):
            raise WorkerLostError("no answer")

    net, step = make_step([mx.cpu()], batch_norm=True)
    step(*next(batches(1)))
    before = parameters(net)
    step.workers = Lost()
    with pytest.raises(WorkerLostError):
        step(*next(batches(1)))
    for name, value in parameters(net).items():  # the batch norms' statistics too
        np.testing.assert_array_equal(value, before[name], err_msg=name)


def test_the_scale_grows_by_updates_not_by_attempts(monkeypatch):
    monkeypatch.setattr("gluon_perceptual.training.step.GROWTH", 2)
    _, step = make_step([mx.cpu()])
    step = TrainingStep(step.net, step.loss, step.targets, step.trainer, step.devices, loss_scale=4.0)
    good, bad = next(batches(1)), (np.full((4, 3, 8, 8), np.nan, np.float32), np.zeros((4, 3, 16, 16), np.uint8))
    for batch, scale in ((good, 4.0), (good, 8.0), (bad, 8.0), (bad, 8.0), (good, 8.0), (good, 16.0)):
        with suppress(NonFiniteLossError):
            step(*batch)
        assert step.loss_scale == scale


def test_where_the_scaled_gradient_overflows_the_scale_is_halved_and_the_update_is_the_same():
    """As with mixed precision, here in float32, whose powers end at 2**127."""
    results = []
    for scale in (1.0, 2.0**126):
        net, step = make_step([mx.cpu()], batch_norm=True, max_norm=1.0)
        step = TrainingStep(net, step.loss, step.targets, step.trainer, step.devices, 1.0, loss_scale=scale)
        terms = [step(*batch) for batch in batches(3)]
        results.append((parameters(net), terms))
    assert 1 < step.loss_scale < 2.0**126
    (one, terms_one), (two, terms_two) = results
    for a, b in zip(terms_one, terms_two):
        assert a == pytest.approx(b, rel=1e-4)
    for name in one:  # the batch norms' statistics too: the steps that were made again count once
        np.testing.assert_allclose(two[name], one[name], rtol=1e-3, atol=1e-5, err_msg=name)


class Recorder(Callback):
    def __init__(self):
        self.seen, self.closed = [], 0

    def after_step(self, result):
        self.seen.append(result)

    def close(self):
        self.closed += 1


class FakeTrainer:
    learning_rate = 0.5


def test_the_loop_tells_callbacks_of_each_step_and_closes_them():
    recorder = Recorder()
    done = fit(lambda x, y: {"pixel": 2.0, "loss": 1.0}, FakeTrainer(), batches(3), 3, [recorder])
    assert done == 3
    assert [result.step for result in recorder.seen] == [1, 2, 3]
    assert {result.loss for result in recorder.seen} == {1.0}
    assert recorder.closed == 1


def test_callbacks_are_closed_when_a_step_fails():
    recorder = Recorder()
    with pytest.raises(ZeroDivisionError):
        fit(lambda x, y: {"loss": 1 / 0}, FakeTrainer(), batches(1), 1, [recorder])
    assert recorder.closed == 1


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_loop_after_the_step(number, status):
    recorder, steps = Recorder(), []

    def step(x, y):
        steps.append(len(steps))
        if len(steps) == 2:
            os.kill(os.getpid(), number)
        return {"loss": 1.0}

    with StopRequest() as stop:
        done = fit(step, FakeTrainer(), batches(5), 5, [recorder], stop)
    assert done == 2
    assert len(recorder.seen) == 2
    assert stop.exit_status == status


def test_schedules_leave_pillow_strict():
    from PIL import ImageFile

    learning_rate_schedule("cosine", 0.1, 10, 2)
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def test_a_second_interrupt_is_an_interrupt():
    with StopRequest(), pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_a_second_sigterm_changes_nothing(first):
    """It is the first one, come by two ways, as that of a process and of its group."""
    with StopRequest() as stop:
        os.kill(os.getpid(), first)
        os.kill(os.getpid(), signal.SIGTERM)
    assert stop.requested == first


def result(step, loss=2.0):
    return StepResult(step, 4, {"pixel": 1.0, "loss": loss}, 0.1, 3.0, 0.01)


def test_logs(tmp_path):
    json_log, blog_log = JsonLog(JsonLines(tmp_path / "log.jsonl", 0)), BlogLog(tmp_path / "training.log", 2)
    acted, history = [], History()
    every = Every(2, acted.append)
    for step in (1, 2, 3, 4):
        for callback in (json_log, blog_log, history, every):
            callback.after_step(result(step, loss=step))
    for callback in (json_log, blog_log):
        callback.close()
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [(line["step"], line["loss"], line["learning_rate"]) for line in lines] == [
        (i, i, 0.1) for i in (1, 2, 3, 4)
    ]
    assert history.lines == lines
    assert (tmp_path / "training.log").read_text() == "3\n7\n"  # an epoch's sum of losses each, as the blog's
    assert acted == [2, 4]


def test_tensorboard_events(tmp_path):
    picture = write(tmp_path / "preview.png", np.full((4, 6, 3), 9, np.uint8))
    board = TensorBoard(tmp_path / "events")
    board.after_step(result(1))
    board.add_values(1, {"feature:relu2_2": 2.5}, "validation/")
    board.add_picture(1, "preview", picture)
    board.close()
    (events,) = (tmp_path / "events").iterdir()
    content = events.read_bytes()
    names = (b"pixel", b"loss", b"learning_rate", b"validation/feature/relu2_2")
    assert all(name in content for name in names)
    assert picture.read_bytes() in content


@pytest.mark.parametrize("kind", ["cosine", "step", "constant"])
@pytest.mark.parametrize(("steps", "warmup"), [(100, 10), (3, 60), (1, 0), (2, 1)])
def test_schedules(kind, steps, warmup):
    schedule = learning_rate_schedule(kind, 0.5, steps, warmup)
    rates = [schedule(update) for update in range(1, steps + 1)]
    assert max(rates) <= 0.5 * (1 + 1e-9)
    assert all(math.isfinite(rate) and rate > 0 for rate in rates)
    if steps < 4:
        assert rates[0] == 0.5
        assert kind != "cosine" or steps == 1 or rates[-1] == pytest.approx(0.01)
    if steps == 100:
        assert np.all(np.diff(rates[:9]) > 0)
        assert rates[11] > 0.49
        assert rates[-1] == pytest.approx({"cosine": 0.01, "step": 0.5 * 0.09, "constant": 0.5}[kind], rel=0.01)


def test_an_unknown_schedule_is_named():
    with pytest.raises(UserError, match="expected one of cosine"):
        learning_rate_schedule("linear", 1.0, 10, 0)
