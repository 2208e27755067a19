"""`app`: a page in the browser."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import click

from ..errors import require
from ..signals import ended_by
from ._command import Command
from ._console import tell


@click.command(cls=Command)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Port on this machine.  [default: a free one]",
    show_default=False,
)
@click.option("--no-browser", is_flag=True, help="Only print the page's address, without opening a browser.")
@click.option("--runs", type=click.Path(), default="runs", help="Folder of trainings to watch on the page.")
def app(port: int, no_browser: bool, runs: str) -> None:
    """Open a page in the browser: enlarge and repaint pictures, compare models, watch trainings.

    Only this machine can reach it, and only at the printed address. Ctrl-C ends it; pictures and results that were not
    downloaded are then lost.
    """
    import webbrowser
    from tempfile import TemporaryDirectory

    for library in ("starlette", "uvicorn"):
        require(library, "app", "the page")
    from ..app.server import listen, new_token, serve

    def started() -> None:
        tell(address)
        click.echo("Ctrl-C ends it", err=True)
        if not no_browser:  # by a file, since all users can read command lines
            way_in = Path(folder) / "open.html"
            way_in.write_text(f'<meta http-equiv="refresh" content="0; url={address}">')
            threading.Thread(target=webbrowser.open, args=(way_in.as_uri(),), daemon=True).start()

    token = new_token()
    with ended_by(sys.exit), TemporaryDirectory(prefix="gluon-perceptual-") as folder, listen(port) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/?token={token}"
        serve(Path(folder), Path(runs), listening, token, started)
