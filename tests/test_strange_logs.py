"""A run's logs with lines that no training wrote: they are left out, and the others are shown."""

from types import SimpleNamespace

import numpy as np
import pytest

from gluon_perceptual.figures import loss_figure
from gluon_perceptual.training import validation
from gluon_perceptual.training.cluster import Workers
from gluon_perceptual.training.jsonl import JsonLines, parse_line, read_lines
from gluon_perceptual.training.validation import PAIRS, Validation

GOOD = '{"step": 1, "loss": 8.5, "tv": null, "learning_rate": 2e-05}'


@pytest.mark.parametrize(
    "line",
    [
        '{"step": true, "loss": 8.5}',
        '{"step": -1, "loss": 8.5}',
        '{"step": "1", "loss": 8.5}',
        '{"step": 2, "loss": "8.5"}',
        '{"step": 2, "loss": [8.5]}',
        '{"step": 2, "loss": NaN}',
        '{"step": 2, "loss": Infinity}',
        '{"step": 2, "loss": 1' + 400 * "0" + "}",
        '{"step": 2, "skipped": 1}',
        '{"loss": 8.5}',
        "[2]",
        "[" * 100_000,
    ],
)
def test_lines_that_no_training_writes_are_left_out(line, tmp_path, caplog):
    path = tmp_path / "log.jsonl"
    path.write_text(f"{GOOD}\n{line}\n")
    assert [found["step"] for found in read_lines(path)] == [1]
    assert "1 damaged lines are ignored" in caplog.text
    assert parse_line(GOOD.encode())["tv"] is None


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "log.jsonl"
    written = [{"step": 1, "loss": 2.5, "best": True}, {"step": 2, "skipped": "the loss is inf", "learning_rate": 1e-3}]
    log = JsonLines(path, 0)
    for line in written:
        log.append(line)
    log.close()
    assert read_lines(path) == written


def test_a_best_model_without_a_loss_does_not_count(tmp_path, monkeypatch):
    path = tmp_path / "validation.jsonl"
    path.write_text('{"step": 1, "best": true}\n{"step": 2, "loss": null, "best": true}\n')
    run = SimpleNamespace(config=SimpleNamespace(batch=1), devices=[None], workers=Workers())
    run.task = SimpleNamespace(validation_pairs=[(np.zeros(1), np.zeros(1))] * PAIRS, spec=None)
    run.model = None
    monkeypatch.setattr(validation, "validate", lambda run, batches: {"loss": 3.0})
    monkeypatch.setattr(validation, "save_model", lambda path, model, spec: None)
    measured = Validation(run, JsonLines(path, 2), tmp_path / "best.params", 1, lambda step, terms: None)
    measured.after_step(SimpleNamespace(step=3))
    measured.close()
    assert [line["best"] for line in read_lines(path)] == [True, True, True]


def test_a_figure_shows_the_values_that_are_there():
    lines = [{"step": 1, "loss": 4.0, "tv": None}, {"step": 2, "tv": 1.0}, {"step": 3, "loss": 2.0, "tv": 3.0}]
    loss, tv = loss_figure(lines, [{"step": 2, "loss": 3.0}]).axes[:2]
    assert np.array_equal(loss.lines[0].get_xydata(), [[1, 4], [3, 2]])
    assert np.array_equal(tv.lines[0].get_xydata(), [[2, 1], [3, 3]])
    legends = [[text.get_text() for text in axis.get_legend().get_texts()] for axis in (loss, tv)]
    assert legends == [["each step", "smoothed", "held out"], ["each step", "smoothed"]]
