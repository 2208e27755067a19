"""The loss of a run, in PyTorch: the formulas of `gluon_perceptual.losses.functional`."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from gluon_perceptual.choices import VariationKind, WaveKind
from gluon_perceptual.errors import UserError
from gluon_perceptual.formats.mxnet_params import read_params
from gluon_perceptual.image.io import to_tensor
from gluon_perceptual.losses.functional import GRID_CELLS, TEXTURE_DENSITY, TEXTURE_RANGE, TEXTURE_WINDOW
from gluon_perceptual.losses.style_transfer import read_style
from gluon_perceptual.losses.term import Term
from gluon_perceptual.losses.terms import FeatureLoss, GridLoss, PixelLoss, WaveLoss
from gluon_perceptual.losses.waves import KINDS
from gluon_perceptual.training.style_config import StyleConfig
from gluon_perceptual.training.super_resolution_config import SuperResolutionConfig, term_weights
from gluon_perceptual.weights import FOLDER

VGG_FILES = ("vgg16_stages_1_2.params", "vgg16_stages_3_4.params")
BGR_MEAN = (103.939, 116.779, 123.68)

Loss = Callable[[torch.Tensor, torch.Tensor], "dict[str, torch.Tensor]"]  # output, reference -> weighted terms


class VGG16(nn.Module):
    """The loss network: (N, 3, H, W) RGB in [0, 255] -> feature maps by layer; computes in `dtype`."""

    def __init__(self, layers: tuple[str, ...], dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.layers = layers
        arrays = {name: array for file in VGG_FILES for name, array in read_params(FOLDER / file).items()}
        self.convs = nn.ModuleDict()
        for name in sorted(name[: -len("_weight")] for name in arrays if name.endswith("_weight")):
            if name > f"conv{max(layers)[len('relu') :]}":
                break
            weight, bias = (
                torch.tensor(np.asarray(arrays[f"{name}_{part}"], np.float32)) for part in ("weight", "bias")
            )
            conv = nn.Conv2d(weight.shape[1], len(weight), 3, padding=1)
            conv.weight.data, conv.bias.data = weight, bias
            self.convs[name] = conv
        self.requires_grad_(False)
        self.dtype = dtype
        self.convs.to(dtype)
        self.register_buffer("mean", torch.tensor(BGR_MEAN).view(1, 3, 1, 1))

    def forward(self, pictures: torch.Tensor, last: str = "") -> dict[str, torch.Tensor]:
        """Return the maps of the layers, up to `last` if given."""
        x, found = (pictures.flip(1) - self.mean).to(self.dtype), {}
        for name, conv in self.convs.items():
            layer = f"relu{name[len('conv') :]}"
            x = functional.relu(conv(x), inplace=True)
            if layer in self.layers:
                found[layer] = x
            if layer == last:
                break
            if layer in ("relu1_2", "relu2_2", "relu3_3"):
                x = functional.max_pool2d(x, 2)
        return found


def gram_matrix(maps: torch.Tensor) -> torch.Tensor:
    """(N, C, H, W) -> (N, C, C)."""
    flat = maps.flatten(2).float()
    return flat @ flat.transpose(1, 2) / flat[0].numel()


def squared_error(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Mean of squared differences."""
    return (a.float() - b.float()).square().mean()


def texture(pictures: torch.Tensor, scale: int) -> torch.Tensor:
    """Where reduced pictures have texture: (N, 3, H, W) -> (N, 1, H, W) in [0, 1]."""
    small = functional.avg_pool2d(pictures.mean(1, keepdim=True), scale)
    spans = functional.max_pool2d(small, 3, 1, 1) + functional.max_pool2d(-small, 3, 1, 1)
    details = ((spans - TEXTURE_RANGE[0]) / (TEXTURE_RANGE[1] - TEXTURE_RANGE[0])).clamp(0, 1)
    density = functional.avg_pool2d(details, TEXTURE_WINDOW, 1, TEXTURE_WINDOW // 2, count_include_pad=False)
    return functional.interpolate(
        ((density - TEXTURE_DENSITY[0]) / (TEXTURE_DENSITY[1] - TEXTURE_DENSITY[0])).clamp(0, 1), scale_factor=scale
    )


def variation(output: torch.Tensor, kind: VariationKind) -> torch.Tensor:
    """Total variation."""
    if kind == "isotropic":
        output = functional.pad(output, (0, 1, 0, 1), mode="replicate")
    down, right = output[:, :, 1:] - output[:, :, :-1], output[..., 1:] - output[..., :-1]
    if kind == "paper":
        return (down.square().sum() + right.square().sum()) / len(output)
    if kind == "blog":
        return down.abs().mean() + right.abs().mean()
    return (down[..., :-1].square() + right[:, :, :-1].square() + 1).sqrt().mean() - 1


def wave_error(output: torch.Tensor, truth: torch.Tensor, kind: WaveKind = "waves") -> torch.Tensor:
    """How strong the fine waves are that only the output has, where the truth is smooth."""
    counted = KINDS[kind]
    block = counted.block
    ours, true = (x.unfold(2, block, block // 2).unfold(3, block, block // 2) for x in (output, truth))
    hann = torch.hann_window(block, device=truth.device)
    a, b = (torch.fft.fft2(x * hann * hann[:, None] * counted.scale).abs().square() for x in (ours, true))
    frequencies = torch.fft.fftfreq(block, device=truth.device)
    excess = functional.relu(a - b) * (torch.hypot(frequencies, frequencies[:, None]) > counted.fine)
    smooth = true.var(dim=(-1, -2), unbiased=False) <= counted.smooth**2
    return (excess.sum(dim=(-1, -2)) / 2 * smooth).mean()


def style_loss(config: StyleConfig, dtype: torch.dtype, device: torch.device) -> Loss:
    """Return the loss of a style run with one style picture.

    Raises:
        UserError: The run has more, or settings that are not supported here.
    """
    unsupported = (config.stability, config.range, config.match_color, config.denoise)
    if len(config.style) != 1 or config.style_balance != "norm" or any(unsupported):
        raise UserError(
            "expected a run of one style with balance norm, without stability, range, color matching and denoising"
        )
    network = VGG16(tuple(sorted({*config.style_layers, config.content_layer})), dtype)
    network.to(device, memory_format=torch.channels_last)
    picture = read_style(Path(config.style[0]), config.style_size)
    with torch.no_grad():
        maps = network(torch.from_numpy(to_tensor(picture)).float().to(device))
        grams = {layer: gram_matrix(maps[layer]) for layer in config.style_layers}
    weights = {layer: config.style_weight / float(gram.square().sum()) for layer, gram in grams.items()}

    def loss(output: torch.Tensor, reference: torch.Tensor) -> dict[str, torch.Tensor]:
        with torch.no_grad():
            content = network(reference, config.content_layer)[config.content_layer]
        maps = network(output)
        terms = {"feature": config.content_weight * squared_error(maps[config.content_layer], content)}
        for layer, gram in grams.items():
            error = (gram_matrix(maps[layer]) - gram).square().sum() / len(output)
            terms[f"style:{layer}"] = weights[layer] * error
        terms["tv"] = config.tv * variation(output, config.tv_kind)
        return terms

    return loss


def super_resolution_loss(config: SuperResolutionConfig, dtype: torch.dtype, device: torch.device) -> Loss:
    """Return the loss of a super-resolution run.

    Raises:
        UserError: It has a term that is not supported here.
    """
    weights = {term: weight for term, weight in term_weights(config).items() if weight}
    for term in weights:
        if not isinstance(term, (FeatureLoss, PixelLoss, GridLoss, WaveLoss)):
            raise UserError(f"the loss term {term.name} is not supported here")
    layers = tuple(term.layer for term in weights if term.layer)
    network = VGG16(layers, dtype) if layers else nn.Identity()
    network.to(device, memory_format=torch.channels_last)

    def value(term: Term, output: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
        if isinstance(term, FeatureLoss):
            with torch.no_grad():
                target = network(reference)[term.layer]
            if config.textures_only:
                output = reference + texture(reference, config.scale) * (output - reference)
            return squared_error(network(output)[term.layer], target)
        if isinstance(term, WaveLoss):
            return wave_error(output, reference, term.kind)
        error = output - reference
        if isinstance(term, GridLoss):
            places = functional.pixel_unshuffle(error, term.period)
            return functional.avg_pool2d(places, GRID_CELLS, GRID_CELLS // 2).square().mean()
        return error.abs().mean() if term == PixelLoss("absolute") else error.square().mean()

    return lambda output, reference: {
        term.name: weight * value(term, output, reference) for term, weight in weights.items()
    }
