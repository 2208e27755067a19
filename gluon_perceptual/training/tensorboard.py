"""TensorBoard events of a training: numbers of steps and validations, and previews."""

from __future__ import annotations

import socket
import struct
import time
from pathlib import Path
from typing import Any, Mapping

from ..errors import require
from .folder import GrowingFile, make_part
from .loop import Callback, StepResult


class TensorBoard(Callback):
    """TensorBoard events of a training, in place of those of later steps than `done`.

    tensorboardX makes them; its own writer thread dies when the disk is full, and then blocks its caller.
    """

    def __init__(self, folder: Path, done: int = 0) -> None:
        events, summaries, writer = (
            require(f"tensorboardX.{module}", "tensorboard", "`tensorboard`")
            for module in ("proto.event_pb2", "proto.summary_pb2", "record_writer")
        )
        self._event, self._summary, self._crc = events.Event, summaries.Summary, writer.masked_crc32c
        self._file = GrowingFile(make_part(folder) / f"events.out.tfevents.{time.time():.0f}.{socket.gethostname()}")
        start = {"step": done + 1, "session_log": events.SessionLog(status=events.SessionLog.START)}
        self._file.append(self._record(file_version="brain.Event:2") + self._record(**start))

    def after_step(self, result: StepResult) -> None:
        """Write the step's terms and its learning rate."""
        self.add_values(result.step, {**result.terms, "learning_rate": result.learning_rate})

    def add_values(self, step: int, values: Mapping[str, float], group: str = "") -> None:
        """Write numbers measured after a step, with their group in their names."""
        named = ((group + name.replace(":", "/"), float(value)) for name, value in values.items())
        self._add(step, *(self._summary.Value(tag=tag, simple_value=value) for tag, value in named))

    def add_picture(self, step: int, name: str, path: Path) -> None:
        """Write a picture made after a step, a PNG file."""
        image = self._summary.Image(colorspace=3, encoded_image_string=path.read_bytes())
        self._add(step, self._summary.Value(tag=name, image=image))

    def _add(self, step: int, *values: Any) -> None:
        records = (self._record(step=step, summary=self._summary(value=[value])) for value in values)
        self._file.append(b"".join(records))

    def _record(self, **event: Any) -> bytes:
        """Return an event as a TFRecord: its length and its bytes, each followed by a checksum."""
        data = self._event(wall_time=time.time(), **event).SerializeToString()
        parts = (struct.pack("<Q", len(data)), data)
        return b"".join(part + struct.pack("<I", self._crc(part)) for part in parts)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
