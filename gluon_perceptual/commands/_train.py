"""What the training command does around the training: the run's folder, what is shown, and the scores at the end."""

from __future__ import annotations

import json
import logging
from itertools import count
from pathlib import Path
from typing import Any

import click
import numpy as np
from tqdm import tqdm

from ..errors import UserError
from ..evaluation import DISTANCE_LAYERS, Method, as_json, bicubic, evaluate, means, table
from ..figures import comparison_figure, loss_figure, save_figure
from ..files import write_json
from ..histogram import match_images
from ..images import read_rgb
from ..inference import Upscaler
from ..nets.vgg import LossNetwork
from ..resize import crop_to_multiple, degrade
from ..training.callbacks import BlogLog, Every, JsonLog, ProgressBar, TensorBoard
from ..training.config import SuperResolutionConfig
from ..training.loop import Callback, StepFailedError
from ..training.signals import StopRequest
from ..training.super_resolution import SuperResolutionRun

FIGURE_ROWS = 4
FIGURE_SIDE = 144  # of the pieces of photos that the figure shows, as in the blog

log = logging.getLogger(__name__)


def run_folder(wanted: Path | None, name: str) -> Path:
    """Return the folder for a run: `wanted`, or the first of runs/NAME, runs/NAME-2, … that is not there.

    Raises:
        UserError: `wanted` holds a run already.
    """
    candidates = (Path("runs", name if number == 1 else f"{name}-{number}") for number in count(1))
    folder = wanted or next(path for path in candidates if not path.exists())
    log_file = folder / "log.jsonl"
    if log_file.exists() and log_file.stat().st_size:
        raise UserError(f"{folder} holds a run already: choose another --out, or remove it")
    return folder


def make_folder(folder: Path) -> None:
    """Make a run's folder."""
    (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    (folder / "previews").mkdir(exist_ok=True)


def train(config: SuperResolutionConfig, folder: Path, save_every: int, preview_every: int, tensorboard: bool) -> int:
    """Run a training from start to end and return the exit status."""
    run = SuperResolutionRun(config)
    samples = figure_samples(run)
    make_folder(folder)
    run.start(folder)
    source = config.shards or f"{len(run.photos)} photos"
    log.info("%s: %d steps of %d patches of %s", folder, config.steps, config.batch, source)
    board = [TensorBoard(folder / "tensorboard")] if tensorboard else []
    callbacks: list[Callback] = [
        *board,
        JsonLog(folder / "log.jsonl"),
        BlogLog(folder / "training.log", run.steps_per_epoch),
        Every(save_every, run.save),
        Every(preview_every, lambda step: preview(run, samples, step)),
        ProgressBar(config.steps),
    ]
    with StopRequest() as stop:
        try:
            done = run.train(callbacks, stop)
        except StepFailedError as error:
            raise UserError(f"{error}; {last_good(folder, error.step)}; try a lower --lr or --max-norm") from error
    final = run.save(done)
    save_figure(loss_figure(read_log(folder / "log.jsonl")), folder / "loss.png")
    if stop.requested:
        log.warning("stopped after step %d of %d; its checkpoint is %s", done, config.steps, final)
        return stop.exit_status
    report(run, samples, final)
    return 0


def last_good(folder: Path, failed: int) -> str:
    """Say which checkpoint is the last whose parameters have given a finite loss, in a step before `failed`."""
    paths = sorted((folder / "checkpoints").glob("step-*.params"))
    good = [path for path in paths if int(path.stem.partition("-")[2]) < failed - 1]
    return f"the last good checkpoint is {good[-1]}" if good else "there is no good checkpoint yet"


def read_log(path: Path) -> list[dict[str, float]]:
    """Return the lines of a `log.jsonl`."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def figure_samples(run: SuperResolutionRun) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return pieces of the held-out photos, (low, true), for the figure and the previews."""
    config, samples = run.config, []
    for path in run.held_out[:FIGURE_ROWS]:
        truth = crop_to_multiple(read_rgb(path), config.scale)
        low = degrade(truth, config.scale, config.sigma, config.degradation)
        side = min(FIGURE_SIDE, *truth.shape[:2]) // config.scale
        top, left = ((size - side) // 2 for size in low.shape[:2])
        piece = np.s_[top : top + side, left : left + side]
        whole = np.s_[piece[0].start * config.scale : piece[0].stop * config.scale,
                      piece[1].start * config.scale : piece[1].stop * config.scale]  # fmt: skip
        samples.append((low[piece], truth[whole]))
    return samples


def preview(run: SuperResolutionRun, samples: list[tuple[np.ndarray, np.ndarray]], step: int) -> None:
    """Write the blog's figure as it looks after a step."""
    save_figure(blog_figure(run, samples), run.folder / "previews" / f"step-{step:07d}.png")


def blog_figure(run: SuperResolutionRun, samples: list[tuple[np.ndarray, np.ndarray]]) -> Any:
    """Return the blog's figure: input, output, histogram-matched output, ground truth."""
    upscale = Upscaler(run.model, run.devices[0])
    rows = []
    for low, truth in samples:
        output = upscale(low)
        rows.append([low, output, match_images(output, low), truth])
    return comparison_figure(["input", "output", "histogram matched", "ground truth"], rows)


def report(run: SuperResolutionRun, samples: list[tuple[np.ndarray, np.ndarray]], checkpoint: Path) -> None:
    """Measure on the held-out photos, print the table, and draw the figure."""
    config, folder = run.config, run.folder
    loss_network = LossNetwork.pretrained(DISTANCE_LAYERS)
    methods: dict[str, Method] = {"bicubic": bicubic(config.scale), "model": Upscaler(run.model, run.devices[0])}
    protocol = (config.scale, loss_network, config.sigma, config.degradation)
    held_out = tqdm(run.held_out, desc="scoring", unit="photo", dynamic_ncols=True)
    rows = [row for photo in held_out for row in evaluate(methods, photo, *protocol)]
    write_json(folder / "scores.json", as_json(rows))
    save_figure(blog_figure(run, samples), folder / "figure.png")
    base, model = means(rows)
    click.echo(table([*rows, base, model]))
    click.echo(
        f"against bicubic: PSNR {model.psnr - base.psnr:+.2f} dB, relu2_2 distance "
        f"{100 * (model.relu2_2 / max(base.relu2_2, 1e-9) - 1):+.0f} %, grid {base.grid:.2f} -> {model.grid:.2f}, "
        f"CIEDE2000 {base.ciede2000:.2f} -> {model.ciede2000:.2f}"
    )
    click.echo(f"checkpoint {checkpoint}\nfigure {folder / 'figure.png'}\nloss {folder / 'loss.png'}")
