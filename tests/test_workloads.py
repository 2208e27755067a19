"""What the benchmarks measure: the work's arithmetic, the command, and the measuring by turns."""

import json
from functools import partial

import pytest
from cli import python, run

from benchmarks import arithmetic, harness, report
from benchmarks.harness import Contender, Result
from benchmarks.suites import Work
from gluon_perceptual._mxnet import mx
from gluon_perceptual.commands.benchmark import WORDS
from gluon_perceptual.nets.fast_upsampling import NearestConv2D
from gluon_perceptual.timing import measuring, operations, paper_table, workloads


def test_operations_are_those_of_the_papers_table():
    """Multiplications by hand: 9×9 and 3×3 kernels of 64 channels, at 16² and 32²."""
    low, high = 16**2, 32**2
    residual = 8 * 64 * 64 * 9 * low
    expected = 2 * (3 * 64 * 81 * low + residual + 64 * 64 * 9 * low + 64 * 3 * 81 * high)
    assert operations.inference_flop("sr2", size=16) == expected
    assert operations.inference_flop("sr2", size=64, batch=3) == 3 * 16 * expected


def test_a_step_takes_both_gradients_and_three_passes_of_the_loss_network():
    pixels = 2 * 144**2
    vgg = 2 * pixels * (3 * 64 * 9 + 64 * 64 * 9 + 64 * 128 * 9 / 4 + 128 * 128 * 9 / 4)
    net = operations.inference_flop("sr2", size=72, batch=2)
    first = 2 * pixels / 4 * 3 * 64 * 81
    assert operations.training_flop("sr2", batch=2) == pytest.approx(3 * net - first + 3 * vgg)


def test_a_nearest_convolution_counts_as_the_plain_one():
    net = NearestConv2D(4, 5)
    net.initialize()
    assert operations.convolution_flop(net, mx.nd.zeros((1, 5, 6, 6))) == {"": 2 * 12 * 12 * 4 * 5 * 9}


def test_style_steps_count_the_padding_and_four_stages_of_the_loss_network():
    """By hand, for one picture of 32²: 112² framed, residual blocks at 28² less 2, 4, … cells."""
    net = 3 * 32 * 81 * 112**2 + 32 * 64 * 9 * 56**2 + 64 * 128 * 9 * 28**2
    net += 128 * 128 * 9 * sum((28 - 2 * k) ** 2 for k in range(1, 11))
    net += 128 * 64 * 9 * 8**2 + 64 * 32 * 9 * 16**2 + 32 * 3 * 81 * 32**2
    assert operations.inference_flop("style_batch", 32) == 2 * net
    stages = [3 * 64 + 64 * 64, (64 * 128 + 128 * 128) / 4, (128 * 256 + 2 * 256 * 256) / 16]
    stages.append((256 * 512 + 2 * 512 * 512) / 64)
    vgg = 2 * sum(stages) + sum(stages[:2])
    step = 2 * (3 * net - 3 * 32 * 81 * 112**2 + 9 * 32**2 * vgg)
    assert operations.training_flop("style_instance", 32, batch=3) == pytest.approx(3 * step)


@pytest.mark.parametrize("network", ["style_batch", "style_instance"])
def test_style_steps_train(network):
    step = workloads.training_step(network, size=32, batch=1)
    first, second = step(), step()
    assert {"feature:relu2_2", "style:relu1_2", "style:relu4_3", "tv", "loss"} <= set(first)
    assert first["loss"] != second["loss"]  # the first step has changed the network


def test_the_headline_puts_one_pass_beside_the_optimization(monkeypatch):
    code, out, _ = run("benchmark", "--headline", "--sizes", "32", "--runs", 1, "--json")
    row = json.loads(out)["rows"][0]
    assert code == 0
    monkeypatch.setattr(paper_table, "speed_up", lambda *arguments: row)
    assert row["times_as_fast"]["300"] == pytest.approx(300 * row["optimization_step"] / row["one_pass"])
    code, out, _ = run("benchmark", "--headline", "--sizes", "32", "--runs", 1)
    assert code == 0
    assert out.splitlines()[2].lstrip().startswith("32²")
    assert run("benchmark", "--headline", "--sizes", "16")[0] == 2


def test_the_command_measures_what_it_has_words_for(monkeypatch):
    training, inference = {"size": 32, "batch": 1}, {"size": 8}
    small = {"training_step": training, "training_flop": training, "inference": inference, "inference_flop": inference}
    small["convolution_peak"] = {"side": 8, "channels": 8, "runs": 1}
    for name, arguments in small.items():
        monkeypatch.setattr(measuring, name, partial(getattr(measuring, name), **arguments))
    code, out, _ = run("benchmark", "--runs", 1, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["convolution_gflops"]["float32"] > 0
    assert {(row["network"], row["work"]) for row in found["rows"]} == set(WORDS)
    assert all(row["seconds"] > 0 for row in found["rows"])
    monkeypatch.setattr(measuring, "measure", lambda *arguments: found["rows"][0])
    code, out, _ = run("benchmark", "--runs", 1)
    assert code == 0
    assert len(out.splitlines()) == 2 + len(found["rows"])


def test_contenders_take_turns_and_report_their_peak(tmp_path, monkeypatch):
    (tmp_path / "works.py").write_text(
        "import os\n"
        "def touch(log, name, megabytes):\n"
        "    def work():\n"
        "        bytearray(megabytes * 2**20)\n"
        "        with open(log, 'a') as file: file.write(name)\n"
        "    work.warm = True\n"
        "    return work\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(harness, "REST", 0)
    log = tmp_path / "log"
    contenders = [
        Contender(name, "works:touch", {"log": str(log), "name": name, "megabytes": size})
        for name, size in (("a", 1), ("b", 300))
    ]
    small, large = harness.measure(contenders, 3, cores=1)
    assert log.read_text() == "ababab"
    assert len(small.seconds) == 3
    assert large.peak_memory - small.peak_memory > 250 * 2**20
    with pytest.raises(RuntimeError, match="broken"):
        harness.measure([Contender("broken", "works:missing")], 1)


def test_a_row_compares_with_the_best_peer():
    results = [
        Result("ours", [1.0, 2.0, 3.0], 2**20),
        Result("slow", [9.0] * 3, 2**20),
        Result("fast", [3.0] * 3, 2**21),
    ]
    row = report.row(Work("step", [], flop=4e9), results, peak=4e9)
    assert (row["peer"], row["ratio"], row["of_peak"]) == ("fast", 1.5, 0.5)
    assert row["ratio_spread"] == [1.0, 3.0]
    assert "| step | 2.000 | 3.000 (fast) | **1.50** (1.00–3.00) |  | 2 | 50% | 1 / 2 MiB |" in report.table([row], 4e9)
    whole = report.row(Work("photo", [], parts=3), results, peak=4e9)
    assert whole["seconds"]["ours"] == 6.0


def test_the_plot_and_the_arithmetic_are_drawn(tmp_path):
    results = [Result("ours", [1.0, 2.0], 1.0), Result("peer", [2.0, 2.0], 1.0)]
    report.plot([report.row(Work("step", []), results, 1.0)] * 3, tmp_path / "ratios.png")
    assert (tmp_path / "ratios.png").stat().st_size > 5000
    text = arithmetic.table("sr2", 1)
    assert text.count("\n| network") == 11
    assert text.count("\n| loss network") == 4


def test_the_peer_is_no_part_of_the_package():
    code = "import sys, gluon_perceptual.timing.workloads, gluon_perceptual.inference; print('torch' in sys.modules)"
    assert python(code)[0] == "False"
