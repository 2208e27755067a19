"""A position in a file's bytes, which advances only when the bytes are known to be there."""

from __future__ import annotations

from ..errors import ParamsFormatError
from ._params_layout import INTEGER

ALLOWANCE = 48 << 20  # bytes of memory that reading may take besides twice the file's size


class Cursor:
    """A cursor over the bytes of a `.params` file, which checks every length and counts the memory taken.

    Args:
        path: The file's name, for error messages.
        content: Its bytes.
    """

    def __init__(self, path: str, content: memoryview) -> None:
        self.path, self.content = path, content
        self.offset = 0
        self.memory_left = 2 * len(content) + ALLOWANCE

    def error(self, reason: str) -> ParamsFormatError:
        """Return the error to raise for a fault at the cursor."""
        return ParamsFormatError(self.path, self.offset, reason)

    def take(self, size: int, what: str) -> int:
        """Skip `size` bytes and return where they start."""
        start, left = self.offset, len(self.content) - self.offset
        if size > left:
            raise self.error(f"{what} of {size} bytes, but only {left} are left")
        self.offset += size
        return start

    def afford(self, size: int, what: str) -> None:
        """Account for memory that is about to be taken."""
        self.memory_left -= size
        if self.memory_left < 0:
            raise self.error(f"{what}, which take far more memory than the file")

    def number(self, what: str) -> int:
        """Return the int32 that comes next."""
        return int(INTEGER.unpack_from(self.content, self.take(INTEGER.size, what))[0])
