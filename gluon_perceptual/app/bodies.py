"""The content of requests: a file's bytes, a JSON object, a number; with limits on size and time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Callable

from starlette.requests import Request

from ..files import parse_json
from .folder import RefusedError
from .pictures import most_bytes

MOST_ASKED = 2**16  # bytes of a request other than an upload
PATIENCE = 60  # seconds for the next bytes of a file


async def receive(request: Request, path: Path, name: str, grow: Callable[[Path, int], None]) -> None:
    """Write a request's body to a file; raises RefusedError if it is too large or stalls.

    `grow` is called before each write with the file's new size, and may raise.
    """
    size, most, stream = 0, most_bytes(path), request.stream().__aiter__()
    too_many = RefusedError(f"{name}: more than {most:,} bytes", 413)
    if int(request.headers.get("content-length") or 0) > most:
        raise too_many
    with path.open("xb") as file:
        while True:
            try:
                chunk = await asyncio.wait_for(stream.__anext__(), PATIENCE)
            except StopAsyncIteration:
                return
            except asyncio.TimeoutError:
                raise RefusedError(f"{name}: the upload stalled", 408) from None
            size += len(chunk)
            if size > most:
                raise too_many
            grow(path, size)
            file.write(chunk)


async def asked_object(request: Request) -> dict[str, Any]:
    """Return the JSON object in a request's body; raises RefusedError if there is none."""
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > MOST_ASKED:
            raise RefusedError("the request is too long", 413)
    try:
        asked = parse_json(data)
    except ValueError:
        asked = None
    if not isinstance(asked, dict):
        raise RefusedError("expected a JSON object with a picture's id and settings")
    return asked


def whole(value: Any) -> int:
    """Return a whole number from a request; raises RefusedError if it is not one."""
    try:
        return int(value or 0)
    except (TypeError, ValueError, OverflowError):
        raise RefusedError("expected a whole number") from None
