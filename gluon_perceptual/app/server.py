"""The page's server, which only this machine can reach."""

from __future__ import annotations

import secrets
import socket
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, AsyncIterator, Callable

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from ..errors import UserError
from ..signals import ended_by
from .guard import Guard
from .page import Page

MOST_CONNECTIONS = 256


def application(page: Page, port: int, token: str, started: Callable[[], Any] = lambda: None) -> Any:
    """Return the ASGI application of a page; the page's queue works while the application runs."""

    @asynccontextmanager
    async def life(app: Any) -> AsyncIterator[None]:
        page.queue.start()
        started()
        yield
        await run_in_threadpool(page.queue.close)

    handlers = dict.fromkeys((UserError, OSError, ClientDisconnect), page.refused)
    return Guard(Starlette(routes=page.routes(), lifespan=life, exception_handlers=handlers), port, token)


def listen(port: int) -> socket.socket:
    """Return a socket that only this machine can reach, on a port or, for 0, on any free one; raises UserError."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
        listening.listen(MOST_CONNECTIONS)
    except OSError as error:
        listening.close()
        raise UserError(f"port {port}: {error.strerror}; choose another `port`, or leave it out") from error
    return listening


def serve(folder: Path, runs: Path, listening: socket.socket, token: str, started: Callable[[], Any]) -> None:
    """Serve the page until a signal ends the process; `started` is called once the page can be opened."""
    page = Page(folder, runs)
    app = application(page, listening.getsockname()[1], token, started)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, limit_concurrency=MOST_CONNECTIONS, timeout_graceful_shutdown=2
    )
    server, statuses = uvicorn.Server(config), []

    def end(status: int) -> None:
        server.should_exit = True
        statuses.append(status)

    try:
        with ended_by(end):
            server.run(sockets=[listening])
    finally:
        page.queue.close()
    if statuses:
        sys.exit(statuses[0])


def new_token() -> str:
    """Return a random token."""
    return secrets.token_urlsafe(24)
