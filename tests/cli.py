"""Running the commands in tests, and pictures for them."""

import inspect

import cv2
import numpy as np
from click.testing import CliRunner

from gluon_perceptual.commands import main


def run(*arguments):
    """Run in this process; (status, stdout, stderr). An exception that a user would see as a traceback is raised."""
    apart = {"mix_stderr": False} if "mix_stderr" in inspect.signature(CliRunner).parameters else {}  # click before 8.2
    result = CliRunner(**apart).invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


def assert_one_line_error(result, *parts, status=1):
    code, _, stderr = result
    errors = [line for line in stderr.splitlines() if line.startswith("Error:")]
    assert code == status
    assert len(errors) == 1
    for part in parts:
        assert part in errors[0]
    assert "Traceback" not in stderr


def write(path, image=None, height=12, width=10):
    path.parent.mkdir(parents=True, exist_ok=True)
    if image is None:
        image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    assert cv2.imwrite(str(path), image)
    return path
