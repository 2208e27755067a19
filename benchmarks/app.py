"""`python -m benchmarks.app`: the server of the page under load; exits with 1 if it crashes, grows or leaves files."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from gluon_perceptual.image.io import Picture, write_picture

from .worker import peak_memory

UPLOADS, JOBS, HOSTILE = 50, 500, 200
MOST_MEMORY = 1500  # megabytes
SIDE = 48


def main() -> None:
    """Start the page, put it under load, end it, and print the measurements."""
    with tempfile.TemporaryDirectory() as place:
        settings = {**os.environ, "TMPDIR": place}
        words = [sys.executable, "-m", "gluon_perceptual", "app", "--no-browser"]
        began = time.monotonic()
        process = subprocess.Popen(words, env=settings, stdout=subprocess.PIPE, text=True)
        address = (process.stdout.readline() if process.stdout else "").strip()
        there, _, token = address.partition("/?token=")
        with httpx.Client(base_url=there, headers={"X-Token": token}, timeout=600) as client:
            client.get("/").raise_for_status()
            print(f"the page is ready after {time.monotonic() - began:.1f} s")
            load(client, there, token)
            memory = peak_memory(process.pid) // 10**6
            print(f"peak memory: {memory} MB")
            good = memory < MOST_MEMORY and not any(Path(place).glob("*/*"))
        process.send_signal(signal.SIGINT)
        status = process.wait(120)
        left = [path.name for path in Path(place).iterdir()]
        print(f"exit status {status}, left behind: {left or 'nothing'}")
        sys.exit(0 if good and status == 130 and not left else 1)


def load(client: httpx.Client, there: str, token: str) -> None:
    """Behave like many clients, some of them hostile."""
    photo = encoded()

    def upload(data: bytes, name: str = "a.png") -> Any:
        return client.post("/api/pictures", params={"name": name}, content=data)

    with ThreadPoolExecutor(UPLOADS) as pool:
        answers = list(pool.map(upload, [photo] * UPLOADS))
    print(f"{UPLOADS} uploads at once: {sum(answer.status_code == 201 for answer in answers)} accepted")
    picture = answers[0].json()["id"]
    sent = [client.post("/api/jobs", json={"picture": picture}).status_code for _ in range(JOBS)]
    print(f"{JOBS} jobs in a row: {sent.count(201)} accepted")
    vanish(there, token)
    hostile = [upload(data, name).json().get("id") for name, data in damaged()]
    taken = [key for key in hostile if key]
    print(f"{HOSTILE} hostile files: {len(hostile) - len(taken)} refused immediately")
    while any(job["state"] in ("waiting", "working") for job in client.get("/api/jobs").json()["jobs"]):
        time.sleep(0.5)
    for key in taken:
        client.post("/api/jobs", json={"picture": key}).raise_for_status()
    while any(job["state"] in ("waiting", "working") for job in client.get("/api/jobs").json()["jobs"]):
        time.sleep(0.5)
    states = [job["state"] for job in client.get("/api/jobs").json()["jobs"]]
    print("jobs ended:", {state: states.count(state) for state in sorted(set(states))})
    client.delete("/api/jobs").raise_for_status()


def vanish(there: str, token: str) -> None:
    """Begin uploads, and disconnect."""
    host, port = there.rpartition("/")[2].split(":")
    head = (
        f"POST /api/pictures?name=a.png HTTP/1.1\r\nHost: {host}:{port}\r\nX-Token: {token}\r\nContent-Length: 9999\r\n"
    )
    for _ in range(20):
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(head.encode() + b"\r\n\x89PNG half a pict")


def encoded() -> bytes:
    """Return the bytes of a small photo."""
    pixels = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        write_picture(Path(folder) / "a.png", Picture(pixels))
        return (Path(folder) / "a.png").read_bytes()


def damaged() -> list[tuple[str, bytes]]:
    """Return names and bytes of hostile pictures, as the tests make them."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
    from hostile import write_hostile  # type: ignore[import-not-found]

    with tempfile.TemporaryDirectory() as folder:
        write_hostile(Path(folder), HOSTILE)
        return [(path.name, path.read_bytes()) for path in sorted(Path(folder).iterdir())]


if __name__ == "__main__":
    main()
