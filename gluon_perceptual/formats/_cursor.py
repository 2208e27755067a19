"""A place in a file's bytes, which is moved on only once it is known that the bytes are there."""

from __future__ import annotations

from ..errors import ParamsFormatError
from ._params_layout import INTEGER

ALLOWANCE = 48 << 20  # bytes that reading may take besides twice the file's own size


class Cursor:
    """A cursor over the bytes of a `.params` file, which believes no length, and counts the memory that is taken.

    Args:
        path: The file's name, for errors.
        content: Its bytes.
    """

    def __init__(self, path: str, content: memoryview) -> None:
        self.path, self.content = path, content
        self.offset = 0
        self.memory_left = 2 * len(content) + ALLOWANCE

    def error(self, reason: str) -> ParamsFormatError:
        """Return the error for what is wrong at the cursor."""
        return ParamsFormatError(self.path, self.offset, reason)

    def take(self, size: int, what: str) -> int:
        """Step over `size` bytes and return where they start."""
        start, left = self.offset, len(self.content) - self.offset
        if size > left:
            raise self.error(f"{what} of {size} bytes where {left} are left")
        self.offset += size
        return start

    def afford(self, size: int, what: str) -> None:
        """Account for memory that is going to be taken."""
        self.memory_left -= size
        if self.memory_left < 0:
            raise self.error(f"{what}, which take far more memory than the file")

    def number(self, what: str) -> int:
        """Return the int32 that comes next."""
        return int(INTEGER.unpack_from(self.content, self.take(INTEGER.size, what))[0])
