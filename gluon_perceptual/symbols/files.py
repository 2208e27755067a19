"""Models as symbol and parameters, `X-symbol.json` and `X-0000.params`, as Module and Gluon's `export` write them.

What they leave open (see `SymbolOptions`) is read from `X-model.json` beside them, or else found by trying.
"""

from __future__ import annotations

import glob
from dataclasses import asdict
from pathlib import Path

from ..errors import UserError
from ..files import Json, check_regular, parse_json, write_json
from .options import SymbolOptions

SUFFIX, SIDECAR_SUFFIX = "-symbol.json", "-model.json"


def is_symbol_file(path: object) -> bool:
    """Return whether a path is named like a symbol."""
    return isinstance(path, (str, Path)) and str(path).endswith(SUFFIX)


def sidecar_path(path: Path) -> Path:
    """Return the path of the options of the symbol in `path`."""
    return path.with_name(path.name[: -len(SUFFIX)] + SIDECAR_SUFFIX)


def save_options(path: Path, options: SymbolOptions) -> None:
    """Write the options for loading the symbol in `path`."""
    write_json(sidecar_path(path), describe(options))


def read_options(path: Path) -> SymbolOptions | None:
    """Return the options of the symbol in `path`, or None if there is no file of them.

    Raises:
        UserError: The file does not hold options.
    """
    sidecar = sidecar_path(path)
    if not sidecar.exists():
        return None
    try:
        return parse_options(parse_json(check_regular(sidecar).read_bytes()))
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise UserError(f"{sidecar}: not the options of a model ({error})") from error


def describe(options: SymbolOptions) -> dict[str, Json]:
    """Return the options for JSON; `max_value` is called `peak` there, as on the command line."""
    return {"peak" if name == "max_value" else name: value for name, value in asdict(options).items()}


def parse_options(values: Json) -> SymbolOptions:
    """Return the options from what `describe` returned; raises ValueError, TypeError, KeyError or OverflowError."""
    values = dict(values)
    values["mean"] = tuple(map(float, values["mean"]))
    values["max_value"] = values.pop("peak", SymbolOptions.max_value)
    return SymbolOptions(**values)


def parameters_path(path: Path) -> Path:
    """Return the file of parameters with the highest number beside the symbol in `path`.

    Raises:
        UserError: There is no such file.
    """
    stem = path.name[: -len(SUFFIX)]
    found = sorted(path.parent.glob(f"{glob.escape(stem)}-[0-9][0-9][0-9][0-9].params"))
    if not found:
        raise UserError(f"{path}: its parameters, {stem}-0000.params or with a higher number, are missing beside it")
    return found[-1]
