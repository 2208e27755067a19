"""The page's requests and their answers."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

import gluon_perceptual

from ..errors import describe_failure, printable
from ..weights import DEFAULTS, RESTORER, models, web_model
from . import views
from .archive import told_apart, zipped
from .bodies import asked_object, receive, whole
from .entries import DONE, Entry
from .folder import RefusedError
from .pictures import Pictures, shown_name
from .runs import Runs
from .settings import NUMBERS, SPACES, SUFFIXES, parse_settings
from .work import Queue

STATIC = Path(__file__).parent / "static"
LARGEST_CROP = 512
SHOWN_OF_MODELS = ("kind", "what", "scale", "inputs", "scores")


class Page:
    """A page's pictures, queue and runs.

    Args:
        folder: A private folder for pictures and results.
        runs: The folder of trainings to offer.
        queue: Does the work; by default a new `Queue` of the pictures in `folder`.
    """

    def __init__(self, folder: Path, runs: Path, queue: Queue | None = None) -> None:
        self.pictures = Pictures(folder) if queue is None else queue.pictures
        self.queue, self.runs = queue or Queue(self.pictures), Runs(runs)

    def routes(self) -> list[Any]:
        """Return the routes."""
        answers: list[tuple[str, str, Callable[..., Any]]] = [
            ("GET", "/api/about", self.about),
            ("POST", "/api/pictures", self.take_picture),
            ("DELETE", "/api/pictures/{key}", self.remove_picture),
            ("GET", "/api/pictures/{key}/{what}", self.show_picture),
            ("GET", "/api/jobs", self.changes),
            ("POST", "/api/jobs", self.submit),
            ("DELETE", "/api/jobs", self.clear),
            ("POST", "/api/jobs/{key}/cancel", self.cancel),
            ("DELETE", "/api/jobs/{key}", self.remove),
            ("GET", "/api/jobs/{key}/{what}", self.show_result),
            ("GET", "/api/results.zip", self.results),
            ("POST", "/api/previews", self.preview),
            ("GET", "/api/runs", self.show_run),
            ("GET", "/api/runs/preview", self.show_preview),
        ]
        routes: list[Any] = [Route(path, answer, methods=[method]) for method, path, answer in answers]
        return [Route("/", _index), *routes, Mount("/static", StaticFiles(directory=STATIC))]

    async def about(self, request: Request) -> Response:
        """Answer with the models, runs and choices to offer."""
        found = {name: {key: entry.get(key) for key in SHOWN_OF_MODELS} for name, entry in models().items()}
        for name, entry in found.items():
            entry["example"] = (STATIC / "examples" / f"{name}.jpg").is_file()
        web = {scale: web_model(scale) for scale in DEFAULTS}
        defaults = {1: RESTORER, **DEFAULTS}
        choices = {"suffixes": SUFFIXES, "spaces": SPACES, "numbers": NUMBERS, "defaults": defaults, "web": web}
        offered = await run_in_threadpool(self.runs.offered)
        version = gluon_perceptual.__version__
        return JSONResponse({"models": found, "version": version, "runs": offered, **choices})

    async def take_picture(self, request: Request) -> Response:
        """Receive the picture or video in the request's body."""
        name = shown_name(request.query_params.get("name", ""))
        path = await run_in_threadpool(self.pictures.begin, name)
        try:
            await receive(request, path, name, self.pictures.grow)
            picture = await run_in_threadpool(self.pictures.admit, path, name)
        except BaseException:
            self.pictures.give_up(path)
            raise
        return JSONResponse(picture.told(), 201)

    async def remove_picture(self, request: Request) -> Response:
        """Remove a picture and its results."""
        await run_in_threadpool(self.queue.remove_picture, request.path_params["key"])
        return JSONResponse({})

    async def show_picture(self, request: Request) -> Response:
        """Answer with a picture, a small copy of it, a video, or its first frame."""
        picture = self.pictures[request.path_params["key"]]
        return await _shown(request, picture.path, picture.height * picture.width)

    async def changes(self, request: Request) -> Response:
        """Answer with the jobs that changed after `since`."""
        return JSONResponse(self.queue.entries.changes(whole(request.query_params.get("since"))))

    async def clear(self, request: Request) -> Response:
        """Remove finished jobs and their pictures; answer with the ids of the remaining pictures."""
        return JSONResponse({"pictures": [*await run_in_threadpool(self.queue.clear)]})

    async def submit(self, request: Request) -> Response:
        """Put a picture in the queue."""
        asked = await asked_object(request)
        entry = self.queue.submit(self.pictures[asked.get("picture")], parse_settings(asked.get("settings", {})))
        return JSONResponse(entry.told(), 201)

    async def cancel(self, request: Request) -> Response:
        """Cancel a job."""
        self.queue.entries.cancel(self._entry(request))
        return JSONResponse({})

    async def remove(self, request: Request) -> Response:
        """Remove a job and its result."""
        await run_in_threadpool(self.queue.entries.forget, self._entry(request))
        return JSONResponse({})

    async def show_result(self, request: Request) -> Response:
        """Answer with a result: the file itself for download, or a picture for display."""
        entry = self._entry(request)
        if entry.state != DONE:
            raise RefusedError("this result does not exist", 404)
        if request.path_params["what"] == "result":
            return FileResponse(entry.target, media_type="application/octet-stream", filename=entry.name)
        return await _shown(request, entry.target, entry.pixels)

    async def results(self, request: Request) -> Response:
        """Answer with several results as a ZIP file."""
        asked = [self.queue.entries[key] for key in request.query_params.get("ids", "").split(",") if key]
        entries = [entry for entry in asked if entry.state == DONE]
        if not entries:
            raise RefusedError("none of these results exists", 404)
        files = list(zip(told_apart([entry.name for entry in entries]), [entry.target for entry in entries]))
        disposition = {"Content-Disposition": 'attachment; filename="pictures.zip"'}
        return StreamingResponse(zipped(files), media_type="application/zip", headers=disposition)

    async def preview(self, request: Request) -> Response:
        """Answer with a model's result for a square of a picture, as a PNG file."""
        asked = await asked_object(request)
        picture, settings = self.pictures[asked.get("picture")], parse_settings(asked.get("settings", {}))
        x, y, side = (whole(asked.get(name)) for name in ("x", "y", "side"))
        future = self.queue.preview(picture, settings, x, y, max(16, min(side, LARGEST_CROP)))
        return Response(await asyncio.wrap_future(future), media_type="image/png")

    def _entry(self, request: Request) -> Entry:
        return self.queue.entries[request.path_params["key"]]

    async def refused(self, request: Request, error: Exception) -> Response:
        """Answer with the error in one line, with the user's names for files."""
        line = describe_failure(error) if isinstance(error, OSError) else printable(str(error))
        status = getattr(error, "status", 500 if isinstance(error, OSError) else 400)
        return JSONResponse({"error": self.pictures.folder.called(line)}, status)

    async def show_run(self, request: Request) -> Response:
        """Answer with a run's losses, speed and previews."""
        return JSONResponse(await run_in_threadpool(self.runs.show, request.query_params.get("folder", "")))

    async def show_preview(self, request: Request) -> Response:
        """Answer with a preview picture of a run."""
        asked = request.query_params
        path = await run_in_threadpool(self.runs.preview, asked.get("folder", ""), asked.get("name", ""))
        return FileResponse(path, media_type="image/png" if path.suffix.lower() == ".png" else "image/jpeg")


async def _index(request: Request) -> Response:
    return FileResponse(STATIC / "index.html", media_type="text/html")


async def _shown(request: Request, path: Path, pixels: int) -> Response:
    what = request.path_params["what"]
    if what == "film":
        return FileResponse(path, media_type=views.film_type(path))
    if what not in ("view", "thumb"):
        raise RefusedError(f"there is no view called {what}", 404)
    looked = (views.thumb, path) if what == "thumb" else (views.view, path, pixels)
    shown, kind = await run_in_threadpool(*looked)
    return FileResponse(shown, media_type=kind)
