"""A run's `config.json`: its settings and circumstances, to repeat or resume it."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import gluon_perceptual

from .. import cpu
from .._mxnet import mx
from ..errors import UserError
from ..files import Json, check_regular, parse_json, write_json
from .config import MACHINE, Config, TrainingConfig
from .settings import faults

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunRecord:
    """The content of `config.json` in a run's folder: settings and circumstances; for the processor see `cpu`."""

    config: TrainingConfig
    loss_network: dict[str, str] | None
    pairs: int
    held_out: list[str]
    versions: dict[str, str] = field(default_factory=lambda: versions())
    processor: str = field(default_factory=cpu.bfloat16_support)

    def write(self, path: Path) -> None:
        """Write the record as JSON."""
        write_json(path, asdict(self))

    def check_same(self, path: Path) -> None:
        """Warn if library versions differ from those in `path`.

        Raises:
            UserError: The run in `path` had another number of photos, others held out, or another loss network, so it
                cannot be resumed.
        """
        before, now = _read(path), json.loads(json.dumps(asdict(self)))
        for name in ("pairs", "held_out", "loss_network"):
            if before.get(name) != now[name]:
                raise UserError(f"{path}: {name} differs from the saved run, which cannot be resumed: start a new one")
        versions_before = before.get("versions")
        known = versions_before if isinstance(versions_before, dict) else {}
        changed = [name for name, version in now["versions"].items() if known.get(name) != version]
        if changed:
            log.warning("%s: versions of %s differ from the saved run's; rounding may differ", path, ", ".join(changed))


def resumed_config(kind: type[Config], path: Path, given: dict[str, Json]) -> Config:
    """Return the settings in a run's `config.json`, updated by those `given` that only affect where it runs.

    Raises:
        UserError: It is damaged, or `given` has other values for the rest.
        OSError: It cannot be read.
    """
    record = _read(path)
    if "device" in record:  # written by `benchmarks.pytorch_training`, whose checkpoint has no optimizer state
        raise UserError(f"{path}: this run was completed on {record['device']}; start a new one from its checkpoint")
    try:
        values = {**kind.earlier, **_in_todays_words(record["config"])}
        settings: dict[str, Json] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
        config = kind(**settings)
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: not the settings of a run of this kind ({error})") from error
    for name, value, expected in faults(config):
        raise UserError(f"{path}: {name} is {value!r}; {expected}")
    for name, value in given.items():
        if name not in MACHINE and (getattr(config, name) or None) != (value or None):  # 0 may be recorded as none
            raise UserError(f"{path}: {name} is {getattr(config, name)!r} in this run, not {value!r}; leave it out")
    return replace(config, **{name: value for name, value in given.items() if name in MACHINE})


def _in_todays_words(settings: dict[str, Json]) -> dict[str, Json]:
    """Return settings by their current names: up to version 0.1, `amp` stood for the precision float16."""
    if "amp" not in settings:
        return settings
    kept = {name: value for name, value in settings.items() if name != "amp"}
    return {**kept, "precision": "float16" if settings["amp"] else "float32"}


def _read(path: Path) -> dict[str, Json]:
    try:
        found = parse_json(check_regular(path).read_bytes())
    except ValueError as error:
        raise UserError(f"{path}: not the record of a run ({error})") from error
    return found if isinstance(found, dict) else {}


def versions() -> dict[str, str]:
    """Return the versions of libraries that a run's result may depend on."""
    import platform

    import cv2
    import numpy
    import PIL
    import scipy

    libraries = {library.__name__: library.__version__ for library in (gluon_perceptual, mx, numpy, cv2, PIL, scipy)}
    return {**libraries, "python": platform.python_version()}
