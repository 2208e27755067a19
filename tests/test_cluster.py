"""Two workers and a server on this machine, as `gluon-perceptual cluster` starts them, and what one worker decides."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from cli import PROGRAM, ROOT, assert_one_line_error, program, run, write_photos

from gluon_perceptual.cluster import check_variables
from gluon_perceptual.commands import _cluster
from gluon_perceptual.errors import UserError
from gluon_perceptual.formats.mxnet_params import read_params
from gluon_perceptual.training import cluster
from gluon_perceptual.training.config import TrainingConfig

STEPS = 30
ROLES = ("worker", "server", "scheduler")
TINY = ["--width", 4, "--blocks", 1, "--patch", 16, "--batch", 4, "--loss", "pixel", "--warmup", 5, "--lr", 1e-3,
        "--max-norm", 5, "--save-every", 10, "--preview-every", 1000, "--workers", 1]  # fmt: skip


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_photos(tmp_path_factory.mktemp("photos"), 5, 48, 60)


@pytest.fixture(scope="module")
def alone(photos, tmp_path_factory):
    out = tmp_path_factory.mktemp("alone") / "run"
    assert run("train-sr", "--data", photos, *TINY, "--steps", STEPS, "--out", out)[0] == 0
    return out


def launch(log, *command, workers=2, **settings):
    words = [str(word) for word in (*PROGRAM, "cluster", "-n", workers, *command)]
    with log.open("wb") as said:
        return subprocess.Popen(words, cwd=ROOT, stdout=said, stderr=subprocess.STDOUT, **settings)


def start(photos, out, log, *options, **settings):
    training = ["train-sr", "--data", photos, *TINY, "--steps", STEPS, "--out", out, "--kvstore", "dist_sync", *options]
    return launch(log, *PROGRAM, *training, **settings)


def status_of(launcher):
    """Its exit status; one that hangs is ended, not left to the tests that follow."""
    try:
        return launcher.wait(300)
    finally:
        launcher.kill()
        launcher.wait()


def processes(out, role):
    """The processes of that part in the cluster that trains into `out`, by their command and environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command, settings = ((folder / name).read_bytes() for name in ("cmdline", "environ"))
        except OSError:
            continue
        if bytes(out) in command and f"DMLC_ROLE={role}".encode() in settings.split(b"\0"):
            found.append(int(folder.name))
    return found


def losses(out):
    return [json.loads(line)["loss"] for line in (out / "log.jsonl").read_text().splitlines()]


def has_steps(out, count):
    return (out / "log.jsonl").exists() and (out / "log.jsonl").read_text().count("\n") >= count


def nothing_is_left(out):
    return not [process for role in ROLES for process in processes(out, role)]


def assert_same(out, other):
    np.testing.assert_allclose(losses(out), losses(other), rtol=1e-4)
    mine, others = (read_params(run / "checkpoints" / f"step-{STEPS:07d}.params") for run in (out, other))
    for name, value in mine.items():
        np.testing.assert_allclose(value, others[name], rtol=1e-3, atol=1e-5, err_msg=name)


def test_two_workers_do_as_one(photos, alone, tmp_path):
    log = tmp_path / "said"
    assert status_of(start(photos, tmp_path / "run", log)) == 0, log.read_text()
    assert "worker 1 of 2" in log.read_text()
    assert_same(tmp_path / "run", alone)
    assert (tmp_path / "run" / "figure.png").exists()


def test_a_killed_worker_ends_the_others_with_a_checkpoint(photos, alone, tmp_path):
    out, log = tmp_path / "run", tmp_path / "said"
    launcher = start(photos, out, log, "--patience", 3)
    wait_for(lambda: has_steps(out, 4), log)
    (second,) = (process for process in processes(out, "worker") if not writes(process, out / "log.jsonl"))
    os.kill(second, signal.SIGKILL)
    assert status_of(launcher) == 1
    said, done = log.read_text(), len(losses(out))
    assert f"have not answered for 3 s: one of them has ended or hangs; step {done} is saved in {out}" in said
    assert "Traceback" not in said
    assert nothing_is_left(out)
    assert 3 < done < STEPS
    assert run("train-sr", "--resume", "--out", out)[0] == 0  # alone, where two have begun
    assert_same(out, alone)


def test_ctrl_c_stops_all_after_the_same_step(photos, tmp_path):
    """In a terminal it is sent to all processes."""
    out, log = tmp_path / "run", tmp_path / "said"
    launcher = start(photos, out, log, "--steps", 100_000, start_new_session=True)
    wait_for(lambda: has_steps(out, 1), log)
    os.killpg(launcher.pid, signal.SIGINT)
    assert status_of(launcher) == 130, log.read_text()
    said, done = log.read_text(), len(losses(out))
    assert f"stopped after step {done} of 100000" in said
    assert f"worker 1: done after step {done}" in said
    assert "interrupted" not in said
    assert "failed" not in said
    assert (out / "checkpoints" / f"step-{done:07d}.sha256").exists()
    assert nothing_is_left(out)


def test_the_end_of_the_scheduler_is_one_line(photos, tmp_path):
    out, log = tmp_path / "run", tmp_path / "said"
    launcher = start(photos, out, log, "--steps", 100_000, workers=1)
    wait_for(lambda: has_steps(out, 4), log)
    (scheduler,) = processes(out, "scheduler")
    os.kill(scheduler, signal.SIGKILL)
    assert status_of(launcher) == 1
    said = log.read_text()
    assert "Error: the cluster's scheduler has ended; step" in said
    assert "Traceback" not in said
    assert nothing_is_left(out)


def test_where_one_worker_cannot_begin_the_others_do_not_wait_for_it(photos, alone, tmp_path):
    log = tmp_path / "said"
    assert status_of(start(photos, alone, log)) == 1  # of 300 seconds of patience
    errors = [line for line in log.read_text().splitlines() if line.startswith("Error: ")]
    assert len(errors) == 2
    assert "Error: another worker has failed; its log has the reason" in errors
    assert f"Error: {alone} already contains a run: choose another --out, remove it, or --resume it" in errors
    assert nothing_is_left(alone)


PART = """
import os, sys, time
from pathlib import Path
from gluon_perceptual.cluster import take_part
from gluon_perceptual.signals import StopRequest

folder = Path(sys.argv[1])
role = os.environ["DMLC_ROLE"]
take_part(os.environ)
(folder / f"begun-{role}-{os.getpid()}").touch()
if role == "worker":
    with StopRequest() as stop:
        while not stop.requested and not (folder / "misses another").exists():
            time.sleep(0.01)
    (folder / f"left-{os.getpid()}").write_text(str(int(stop.requested)))
    sys.exit(stop.exit_status if stop.requested else 1)
while len(list(folder.glob("left-*"))) < int(os.environ["DMLC_NUM_WORKER"]):
    time.sleep(0.01)
"""


@pytest.fixture
def parts(tmp_path):
    """The launcher of a cluster whose processes begin and end as those of a training, and do nothing between."""
    log, code = tmp_path / "said", tmp_path / "part.py"
    code.write_text(PART)
    settings = {**os.environ, "PYTHONPATH": str(ROOT)}
    launcher = launch(log, sys.executable, code, tmp_path, env=settings, start_new_session=True)
    wait_for(lambda: len(list(tmp_path.glob("begun-*"))) == 4, log)
    yield launcher
    assert status_of(launcher) != 0
    wait_for(lambda: nothing_is_left(tmp_path), log)


def signals_of_workers(folder):
    return [int(path.read_text()) for path in folder.glob("left-*")]


@pytest.mark.parametrize(
    ("send", "number", "status", "received"),
    [
        (os.killpg, signal.SIGINT, 130, signal.SIGINT),
        (os.kill, signal.SIGTERM, 143, signal.SIGTERM),
        (os.kill, signal.SIGHUP, 129, signal.SIGTERM),
        (os.kill, signal.SIGKILL, -signal.SIGKILL, signal.SIGTERM),
    ],
    ids=["Ctrl-C in a terminal", "SIGTERM of the launcher", "SIGHUP of the launcher", "SIGKILL of the launcher"],
)
def test_the_end_of_the_launcher_is_that_of_all(parts, tmp_path, send, number, status, received):
    send(parts.pid, number)
    assert status_of(parts) == status
    wait_for(lambda: nothing_is_left(tmp_path), tmp_path / "said")
    assert signals_of_workers(tmp_path) == [received, received]
    said = (tmp_path / "said").read_text()
    assert "failed" not in said
    assert "Traceback" not in said


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_where_a_worker_ends_or_stands_still_the_launcher_waits_for_the_others(parts, tmp_path, number):
    first, second = processes(tmp_path, "worker")
    os.kill(second, number)
    (tmp_path / "misses another").touch()
    assert status_of(parts) == 1
    assert signals_of_workers(tmp_path) == [0]
    assert (tmp_path / f"left-{first}").exists()
    assert "a process of the cluster has failed" in (tmp_path / "said").read_text()
    assert nothing_is_left(tmp_path)


@pytest.mark.parametrize("role", ["scheduler", "server"])
def test_the_end_of_what_serves_the_workers_is_theirs(parts, tmp_path, role):
    (process,) = processes(tmp_path, role)
    os.kill(process, signal.SIGKILL)
    wait_for(lambda: "failed" in (tmp_path / "said").read_text(), tmp_path / "said")
    assert len(processes(tmp_path, "worker")) == 2  # they end once they miss it
    (tmp_path / "misses another").touch()
    assert status_of(parts) == 1
    assert nothing_is_left(tmp_path)


PLACE = {
    "DMLC_ROLE": "worker",
    "DMLC_PS_ROOT_URI": "127.0.0.1",
    "DMLC_PS_ROOT_PORT": "9",
    "DMLC_NUM_WORKER": "2",
    "DMLC_NUM_SERVER": "1",
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DMLC_ROLE", "boss"),
        ("DMLC_PS_ROOT_PORT", "x"),
        ("DMLC_PS_ROOT_PORT", "99999"),
        ("DMLC_NUM_WORKER", "0"),
        ("DMLC_NUM_WORKER", "-1"),
        ("DMLC_NUM_SERVER", "1e3"),
        ("DMLC_PS_ROOT_URI", "no such host"),
    ],
)
def test_wrong_variables_are_named(name, value):
    check_variables(PLACE)
    with pytest.raises(UserError, match=f"{name}={value}: "):
        check_variables({**PLACE, name: value})
    with pytest.raises(UserError, match=f"a process of a cluster without {name}: start it"):
        check_variables({other: text for other, text in PLACE.items() if other != name})


def test_a_server_with_wrong_variables_ends():
    settings = {**PLACE, "DMLC_ROLE": "server", "DMLC_PS_ROOT_PORT": "x"}
    assert_one_line_error(program("train-sr", **settings), "DMLC_PS_ROOT_PORT=x")


def test_a_worker_without_a_scheduler_ends():
    ended = program("train-sr", "--kvstore", "dist_sync", "--patience", 1, **PLACE)
    assert_one_line_error(ended, "have not answered for 1 s")


def test_clusters_on_one_machine_have_ports_of_their_own(monkeypatch):
    """The tracker's own choice is 9091 for all that start within the seconds in which MXNet is imported."""
    tracker, ports = SimpleNamespace(PSTracker=lambda port, port_end: ports.append(port)), []
    for _ in range(3):
        _cluster._choose_interface(tracker, "machines.txt", None)
        tracker.PSTracker()
        tracker.PSTracker = tracker.PSTracker.func
    assert len(set(ports)) == 3
    assert min(ports) > 1024


def test_a_thread_may_end_while_the_processes_are_listed(tmp_path, monkeypatch):
    """Its file then fails to open; without the rest of the list, nobody would end the cluster."""
    monkeypatch.setattr(_cluster, "PROCESSES", tmp_path)
    (tmp_path / "self/task/7/children").mkdir(parents=True)
    for name, text in (("self/task/8/children", "12 13"), ("12/stat", "12 (a (b) S 1"), ("13/stat", "13 (c) Z")):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    assert _cluster._children() == [12]


def writes(process, path):
    return path.resolve() in [link.resolve() for link in Path(f"/proc/{process}/fd").iterdir()]


def wait_for(happened, log, seconds=120):
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("kvstore", "settings", "said"),
    [
        ("dist_sync", {}, "without DMLC_ROLE, DMLC_PS_ROOT_URI, DMLC_PS_ROOT_PORT, DMLC_NUM_WORKER, DMLC_NUM_SERVER"),
        ("dist_sync", {"DMLC_ROLE": "worker", "DMLC_NUM_WORKER": "2"}, "without DMLC_PS_ROOT_URI, DMLC_PS_ROOT_PORT"),
        ("dist_async", {}, "use dist_sync"),
        ("nccl", {}, "give `gpus`"),
        ("local", {"DMLC_ROLE": "worker"}, "needs `kvstore` dist_sync"),
        (None, {"DMLC_ROLE": "worker"}, "needs `kvstore` dist_sync"),
        ("sync", {}, "expected one of local, device, nccl, dist_sync"),
    ],
)
def test_a_kvstore_that_does_not_fit_is_refused(kvstore, settings, said, monkeypatch):
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=said):
        cluster.join(kvstore)


def test_mistakes_on_the_command_line(tmp_path):
    wrong = run("train-sr", "--kvstore", "everything", "--out", tmp_path / "run")
    assert_one_line_error(wrong, "'everything' is not one of", status=2)
    assert_one_line_error(run("train-sr", "--kvstore", "dist_sync", "--out", tmp_path / "run"), "DMLC_ROLE")
    assert_one_line_error(
        run("train-sr", "--amp", "--out", tmp_path / "run"), "--precision float16 needs GPUs (--gpus)"
    )
    assert not (tmp_path / "run").exists()


def test_a_batch_goes_round_the_workers():
    with pytest.raises(UserError, match="`batch` 4 is not divisible by the number of workers, 3"):
        TrainingConfig(batch=4).check_devices(3)
    with pytest.raises(UserError, match="`batch` 4 is less than the 8 devices"):
        TrainingConfig(batch=4, cpus=4).check_devices(2)
    TrainingConfig(batch=8, cpus=4).check_devices(2)


class Store:
    """What a kvstore of `num_workers` adds up, each of which pushes what this one does plus its rank."""

    def __init__(self, rank, num_workers, extra=0.0):
        self.rank, self.num_workers, self._extra = rank, num_workers, extra

    def init(self, key, value):
        self._total = value

    def push(self, key, value):
        self.pushed = value.asnumpy()
        self._total = value * self.num_workers
        self._total[: cluster.FAILED] += self._extra

    def pull(self, key, out):
        out[:] = self._total


@pytest.fixture(autouse=True)
def no_end(monkeypatch):
    monkeypatch.setattr(cluster.atexit, "register", lambda action: None)


def test_all_workers_stop_when_one_is_asked_to():
    class Stop:
        requested = 0

    stop = Stop()
    assert not cluster.SharedStop(stop, cluster.Workers(Store(0, 3))).requested
    assert cluster.SharedStop(stop, cluster.Workers(Store(0, 3, extra=1.0))).requested == signal.SIGTERM
    assert stop.requested == signal.SIGTERM
    stop.requested = signal.SIGINT
    assert cluster.SharedStop(stop, cluster.Workers(Store(0, 3))).requested == signal.SIGINT


def test_a_signal_during_the_exchange_waits_for_the_next_one():
    """The others were told of none, and go on: a worker that stopped alone would leave them waiting."""

    class Interrupted(Store):
        def pull(self, key, out):
            super().pull(key, out)
            stop.requested = signal.SIGINT

    stop = SimpleNamespace(requested=0)
    shared = cluster.SharedStop(stop, cluster.Workers(Interrupted(0, 3)))
    assert shared.requested == 0
    assert shared.requested == signal.SIGINT


def test_workers_that_go_on_from_different_steps_end():
    cluster.Workers().check_agreed(7)
    with pytest.raises(UserError, match="worker 1 is at step 7, worker 0 at 5"):
        cluster.Workers(Store(1, 2, extra=5.0)).check_agreed(7)


def test_a_worker_that_fails_tells_the_others():
    store = Store(0, 2)
    with pytest.raises(UserError, match="no photos"), cluster.Workers(store):
        raise UserError("no photos")
    assert store.pushed[cluster.FAILED] == 1
    store.push = lambda key, value: setattr(store, "_total", value + 1)  # what another such worker adds
    with pytest.raises(cluster.WorkerLostError, match="another worker has failed"):
        cluster.Workers(store).add({"a": 1.0})
    with pytest.raises(UserError, match="no photos"), cluster.Workers():
        raise UserError("no photos")


def test_parameters_are_shared_before_gradients_are(monkeypatch):
    done = []
    steps = {name: partial(done.append, name) for name in ("_init_kvstore", "_init_params")}
    monkeypatch.setattr(cluster.mx.nd, "waitall", partial(done.append, "waited"))
    trainer = SimpleNamespace(_kv_initialized=False, **steps)
    for workers in (cluster.Workers(), cluster.Workers(Store(1, 2))):
        workers.share(trainer)
        assert done == ["_init_kvstore", "_init_params", "waited"]
        done.clear()


def test_waiting_ends():
    assert cluster.call_with_timeout(60, lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        cluster.call_with_timeout(60, lambda: 1 // 0)
    never = threading.Event()
    with pytest.raises(cluster.WorkerLostError, match=r"not answered for 0.05 s"):
        cluster.call_with_timeout(0.05, never.wait)
    never.set()


def test_sums_are_of_all_and_one_alone_needs_no_store():
    assert cluster.Workers().add({"a": 1.5, "b": -2.0}) == {"a": 1.5, "b": -2.0}
    assert cluster.Workers(Store(0, 4)).add({"a": 1.5, "b": -2.0}) == {"a": 6.0, "b": -8.0}


def test_empty_words_reach_the_command(tmp_path):
    code = f"import sys; open({str(tmp_path / 'words')!r}, 'w').write(repr(sys.argv[1:]))"
    assert program("cluster", "-n", 1, sys.executable, "-c", code, "a", "", "b c")[0] == 0
    assert (tmp_path / "words").read_text() == "['a', '', 'b c']"
