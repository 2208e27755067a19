"""The training itself: gradients captured as a CUDA graph, since launching their kernels would take longer."""

from __future__ import annotations

import math
import time
from typing import Any, Callable, Iterator

import torch
from torch import nn

from gluon_perceptual.training.schedule import FINAL_FRACTION
from gluon_perceptual.training.style_config import StyleConfig
from gluon_perceptual.training.super_resolution_config import SuperResolutionConfig

from .losses import Loss, style_loss, super_resolution_loss
from .pairs import Pairs
from .soap import SOAP

EAGER_STEPS = 3  # before the graph is captured


def learning_rate(config: StyleConfig | SuperResolutionConfig, update: int) -> float:
    """Return the rate of an update, from 1, as `gluon_perceptual.training.schedule` does."""
    warmup = min(config.warmup, config.steps // 2)
    warmup = warmup if warmup > 1 else 0
    if update < warmup:
        return config.learning_rate * (update + 1) / warmup
    if config.schedule == "constant":
        return config.learning_rate
    part = min((update - max(warmup, 1)) / max(config.steps - warmup - 1, 1), 1)
    fall = (1 + math.cos(math.pi * part)) / 2
    return config.learning_rate * (FINAL_FRACTION + (1 - FINAL_FRACTION) * fall)


class Step:
    """One update of the network; on a GPU its gradients are replayed from a graph after the first few.

    Args:
        net: Network.
        config: The run's settings.
        pairs: Its data.
        dtype: In which the loss network computes, and the network's convolutions; those of super-resolution are in TF32
            on a GPU.
    """

    def __init__(self, net: nn.Module, config: Any, pairs: Pairs, dtype: torch.dtype) -> None:
        device = pairs.device
        self.net, self.config, self.pairs, self.device = net, config, pairs, device
        make: Callable[..., Loss] = style_loss if isinstance(config, StyleConfig) else super_resolution_loss
        self.loss = make(config, dtype, device)
        on_gpu = device.type == "cuda"
        in_float32 = dtype == torch.float32 or (on_gpu and not isinstance(config, StyleConfig))
        self.narrow = None if in_float32 else dtype
        self.rate = torch.tensor(0.0, device=device)
        betas = (0.9, config.beta2)
        self.optimizer: torch.optim.Optimizer = (
            SOAP(net.parameters(), self.rate, betas)
            if config.optimizer == "soap"
            else torch.optim.Adam(net.parameters(), self.rate, betas, capturable=on_gpu, foreach=on_gpu)
        )
        self.numbers = torch.zeros(config.batch, dtype=torch.int64, device=device)
        self.graph: torch.cuda.CUDAGraph | None = None
        self.total = self.norm = self.rate

    def __call__(self, number: int) -> None:
        """Run step `number`, from 0; then `total` is its loss and `norm` its gradient's norm."""
        self.numbers.copy_(self.pairs.numbers(number))
        self.rate.fill_(learning_rate(self.config, number + 1))
        if self.device.type != "cuda":
            self._differentiate()
        elif number < EAGER_STEPS:  # capturing requires them on a stream of their own
            stream = torch.cuda.Stream()
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                self._differentiate()
            torch.cuda.current_stream().wait_stream(stream)
        else:
            self.graph = self.graph or self._captured()
            self.graph.replay()
        self.optimizer.step()

    def _captured(self) -> torch.cuda.CUDAGraph:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._differentiate()
        return graph

    def _differentiate(self) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        inputs, references = self.pairs.take(self.numbers)
        with torch.autocast(self.device.type, self.narrow or torch.bfloat16, enabled=self.narrow is not None):
            output = self.net(inputs)
        self.total = torch.stack(list(self.loss(output.float(), references).values())).sum()
        self.total.backward()
        limit = self.config.max_norm or math.inf
        self.norm = nn.utils.clip_grad_norm_(self.net.parameters(), limit, foreach=True)


def train(step: Step, every: int = 500) -> Iterator[list[dict[str, float]]]:
    """Run all steps; after every `every` and at the end, yield their lines of the log."""
    steps, losses = step.config.steps, torch.zeros(step.config.steps, 2, device=step.device)
    done, started = 0, time.monotonic()
    for number in range(steps):
        step(number)
        losses[number, 0], losses[number, 1] = step.total.detach(), step.norm.detach()
        if (number + 1) % every and number + 1 < steps:
            continue
        measured = losses[done : number + 1].tolist()
        speed = step.config.batch * len(measured) / (time.monotonic() - started)
        yield [
            {
                "step": done + k + 1,
                "loss": loss,
                "gradient_norm": norm,
                "learning_rate": learning_rate(step.config, done + k + 1),
                "images_per_second": round(speed, 3),
            }
            for k, (loss, norm) in enumerate(measured)
        ]
        done, started = number + 1, time.monotonic()
