"""The formats of picture files: their suffixes and what each can hold, for reading, checks and writing."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Callable

from ..errors import ImageError

MOST_BYTES_OF_A_NAME = 255  # on Linux's file systems
MOST_PIXELS_OF_BMP = 2**30 - 2**8  # of 4 bytes, in 4 GB with the header


@dataclass(frozen=True)
class Format:
    """A kind of picture file.

    Attributes:
        name: The name that Pillow uses.
        suffixes: The usual one first.
        title: The name for users.
        alpha: Whether it holds transparency.
        bits: The most bits per channel.
        longest_side: The most pixels per side.
        lossless: Whether all pixels are kept exactly; None: depends on the file.
        plugin: The package that lets Pillow read it, if Pillow alone may not.
    """

    name: str
    suffixes: tuple[str, ...]
    title: str
    alpha: bool = True
    bits: int = 8
    longest_side: int = 2**31 - 1
    lossless: bool | None = True
    plugin: str = ""


ALL = (
    Format("PNG", (".png", ".apng"), "PNG", bits=16),
    Format("JPEG", (".jpg", ".jpeg", ".jpe", ".jfif"), "JPEG", alpha=False, longest_side=65500, lossless=False),
    Format("WEBP", (".webp",), "WebP", longest_side=16383, lossless=None),
    Format("TIFF", (".tif", ".tiff"), "TIFF", bits=16),
    Format("BMP", (".bmp", ".dib"), "BMP"),
    Format("GIF", (".gif",), "GIF", longest_side=65535),
    Format("AVIF", (".avif",), "AVIF", longest_side=65535, lossless=False, plugin="pillow-avif-plugin"),
    Format("HEIF", (".heic", ".heif"), "HEIC", longest_side=16383, lossless=False, plugin="pillow-heif"),
)
SUFFIXES = tuple(suffix for form in ALL for suffix in form.suffixes)
_OF_SUFFIX = {suffix: form for form in ALL for suffix in form.suffixes}


@lru_cache(maxsize=1)
def available() -> tuple[Format, ...]:
    """Return the formats that Pillow, with its installed plugins, supports here."""
    from PIL import Image

    for form in ALL:
        module = form.plugin.replace("-plugin", "").replace("-", "_")  # pillow_avif, pillow_heif
        try:
            plugin = import_module(module) if module else None
        except ImportError:
            continue
        if plugin and hasattr(plugin, "register_heif_opener"):
            plugin.register_heif_opener()
    Image.init()
    return tuple(form for form in ALL if form.name in Image.OPEN and form.name in Image.SAVE)


def titles() -> str:
    """Return "PNG, JPEG or WebP" of those that are available."""
    *most, last = (form.title for form in available())
    return f"{', '.join(most)} or {last}"


def is_picture_file(path: str | Path) -> bool:
    """Return whether the name has a picture's suffix, in any case, and is not hidden."""
    name = str(path).rpartition(os.sep)[2]  # making Paths of a million names would take seconds
    return name.lower().endswith(SUFFIXES) and not name.startswith(".")


def format_for(path: Path) -> Format:
    """Return the format with the path's suffix.

    Raises:
        ImageError: There is none, or Pillow does not support it here; or the name is too long for a file system.
    """
    form = _OF_SUFFIX.get(path.suffix.lower())
    if form is None:
        known = " ".join(suffix for form in available() for suffix in form.suffixes)
        raise ImageError(f"{path}: unknown suffix {path.suffix!r}; expected one of {known}, or a folder/")
    if form not in available():
        raise ImageError(f"{path}: {form.title} needs {form.plugin}: pip install {form.plugin}, or choose PNG")
    if len(os.fsencode(path.name)) > MOST_BYTES_OF_A_NAME:
        raise ImageError(f"{path}: the name is longer than {MOST_BYTES_OF_A_NAME} bytes; choose a shorter one")
    return form


def check_holds(path: Path, height: int, width: int, alpha: bool, bits: int) -> Format:
    """Return the format of `path`, after checking that it can hold such a picture.

    Raises:
        ImageError: It cannot; or as `format_for` does.
    """
    form = format_for(path)
    if alpha and not form.alpha:
        raise ImageError(f"{path}: {form.title} holds no alpha; choose {_choice(lambda form: form.alpha)}")
    if bits > form.bits:
        other = _choice(lambda form: form.bits >= bits)
        raise ImageError(f"{path}: {form.title} holds {form.bits} bits a channel, not {bits}; choose {other}")
    if max(height, width) > form.longest_side:
        size = f"{form.longest_side} pixels a side, not {height}×{width}"
        raise ImageError(f"{path}: {form.title} holds {size}; choose PNG")
    if form.name == "BMP" and height * width > MOST_PIXELS_OF_BMP:
        raise ImageError(f"{path}: BMP holds {MOST_PIXELS_OF_BMP:,} pixels, not {height}×{width}; choose PNG")
    return form


def _choice(fits: Callable[[Format], bool]) -> str:
    return " or ".join(form.title for form in available()[:4] if fits(form))
