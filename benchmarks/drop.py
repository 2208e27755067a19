"""`python -m benchmarks.drop PHOTO`: how long the page takes from dropping a photo to its result, in Chromium."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator

import click

DROP = """const files = document.getElementById("dropped").files, data = new DataTransfer();
for (const file of files) data.items.add(file);
window.began = performance.now();
document.body.dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}));
document.getElementById("dropped").remove();"""
INPUT = """const input = document.createElement("input");
document.body.append(Object.assign(input, {type: "file", id: "dropped", multiple: true}));"""
DONE = """const done = arguments[arguments.length - 1], count = arguments[0];
const look = () => document.querySelectorAll(".job.done").length >= count ? done(performance.now() - window.began)
  : document.querySelector(".job.failed") ? done(-1) : setTimeout(look, 20);
look();"""
LONGEST = 100  # seconds that a photo may take: Selenium itself waits for 120


@click.command(context_settings={"show_default": True})
@click.argument("photo", type=click.Path(exists=True, path_type=Path))
@click.option("--runs", default=3, help="Number of drops, on one page.")
@click.option("--idle", default=5.0, help="Seconds to wait before the first drop.")
def main(photo: Path, runs: int, idle: float) -> None:
    """Drop PHOTO on the page repeatedly, with the default settings."""
    began = time.monotonic()
    with _program() as (process, address), _browser() as driver:
        driver.get(address)
        print(f"the page is loaded after {time.monotonic() - began:.1f} s, the browser's start included")
        time.sleep(idle)
        for run in range(1, runs + 1):
            before = _seconds_of(process.pid)
            seconds = _dropped(driver, photo, run)
            used = _seconds_of(process.pid) - before
            print(f"dropped {run}: done after {seconds:.1f} s; the program computed for {used:.1f} s", flush=True)


@contextmanager
def _program() -> Iterator[tuple[Any, str]]:
    words = [sys.executable, "-m", "gluon_perceptual", "app", "--no-browser"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield process, (process.stdout.readline() if process.stdout else "").strip()
        finally:
            process.terminate()


@contextmanager
def _browser() -> Iterator[Any]:
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    with tempfile.TemporaryDirectory() as profile:
        for word in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", f"--user-data-dir={profile}"):
            options.add_argument(word)
        driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
        try:
            driver.set_script_timeout(LONGEST)
            yield driver
        finally:
            driver.quit()


def _dropped(driver: Any, photo: Path, count: int) -> float:
    """Return the seconds from the drop until the page shows that `count` are done."""
    driver.execute_script(INPUT)
    driver.find_element("id", "dropped").send_keys(str(photo.resolve()))
    driver.execute_script(DROP)
    return float(driver.execute_async_script(DONE, count)) / 1000


def _seconds_of(process: int) -> float:
    """Return the processor time that a process has used, in seconds."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
