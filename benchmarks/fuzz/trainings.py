"""What a training reads beside models: RecordIO files, descriptions of shards, the files of a run's folder."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any, Callable

import cv2
import numpy as np

from gluon_perceptual._mxnet import mx
from gluon_perceptual.data.reading import read_photo
from gluon_perceptual.data.records import open_records, write_records
from gluon_perceptual.data.shards import describe_shards
from gluon_perceptual.files import write_json
from gluon_perceptual.training.callbacks import BlogLog
from gluon_perceptual.training.checkpoints import latest
from gluon_perceptual.training.jsonl import JsonLines
from gluon_perceptual.training.optimizer_state import load_state, save_state
from gluon_perceptual.training.record import RunRecord, resumed_config
from gluon_perceptual.training.super_resolution_config import SuperResolutionConfig

from .damage import Damage, Kind, damaged, damaged_json, damaged_lines

STEPS = 3
LINE = {"feature:relu2_2": 34793.4, "loss": 8.4, "gradient_norm": 77.8, "learning_rate": 2e-5, "seconds_waiting": 0.1}
SHARDS = {"sigma": 1.0, "degradation": "decimate", "loss_network": {"weights": "shipped", "sha256": "0" * 64}}


def _in_folder(name: str, write: Callable[[Path], None], damage: Damage, read: Callable[[Path], Any]) -> Kind:
    """Return the kind of one file of a folder that is otherwise as it was written."""

    def seeds() -> list[bytes]:
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder))
            return [Path(folder, name).read_bytes()]

    def read_in_folder(path: Path) -> None:
        folder = path.with_name("folder")
        if not folder.is_dir():
            folder.mkdir()
            write(folder)
        (folder / name).write_bytes(path.read_bytes())
        read(folder)

    return Kind(seeds, damage, read_in_folder)


def _write_records(folder: Path) -> None:
    for number in range(STEPS):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((9, 9 + number, 3), 0xCE, np.uint8))
    write_records(sorted(folder.glob("*.png")), folder, lambda count: None)


def _read_records(folder: Path) -> None:
    for photo in open_records(folder / "data.rec"):
        read_photo(photo)


def _write_config(folder: Path) -> None:
    RunRecord(SuperResolutionConfig(), None, 1, []).write(folder / "config.json")


def _read_config(folder: Path) -> None:
    path = folder / "config.json"
    resumed_config(SuperResolutionConfig, path, {})
    RunRecord(SuperResolutionConfig(), None, 1, []).check_same(path)


def _write_log(folder: Path) -> None:
    lines = [{"step": step, **LINE} for step in range(1, STEPS)] + [{"step": STEPS, "skipped": "loss is inf"}]
    (folder / "log.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def _read_log(folder: Path) -> None:
    file = JsonLines(folder / "log.jsonl", STEPS)
    lines = file.read()
    file.close()
    losses = {line["step"]: line.get("loss") for line in lines}
    BlogLog(folder / "training.log", 2, [losses.get(step + 1) for step in range(STEPS)]).close()


def _write_checkpoint(folder: Path) -> None:
    for suffix in (".params", ".json"):
        (folder / f"step-0000001{suffix}").write_bytes(b"")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    trainer = _trainer()
    save_state(folder / "step-0000001.state", trainer, {"step": 1})
    sums = "".join(f"{empty}  step-0000001{suffix}\n" for suffix in (".params", ".json", ".state"))
    (folder / "step-0000001.sha256").write_text(sums)


def _trainer() -> Any:
    layer = mx.gluon.nn.Dense(2, in_units=3)
    layer.initialize()
    trainer = mx.gluon.Trainer(layer.collect_params(), "adam", update_on_kvstore=False)
    with mx.autograd.record():
        loss = layer(mx.nd.ones((1, 3))).sum()
    loss.backward()
    trainer.step(1)
    return trainer


def _write_shards(folder: Path) -> None:
    write_json(folder / "shards.json", SHARDS)


KINDS = {
    "records": _in_folder("data.rec", _write_records, damaged, _read_records),
    "index": _in_folder("data.idx", _write_records, damaged, _read_records),
    "shards": _in_folder("shards.json", _write_shards, damaged_json, describe_shards),
    "config": _in_folder("config.json", _write_config, damaged_json, _read_config),
    "log": _in_folder("log.jsonl", _write_log, damaged_lines, _read_log),
    "sums": _in_folder("step-0000001.sha256", _write_checkpoint, damaged, latest),
    "state": _in_folder(
        "step-0000001.state",
        _write_checkpoint,
        damaged,
        lambda folder: load_state(folder / "step-0000001.state", _trainer()),
    ),
}
