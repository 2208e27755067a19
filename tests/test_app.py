"""The page's server: what it takes, refuses and leaves behind."""

import io
import os
import queue
import signal
import threading
import types
import webbrowser
import zipfile
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from cli import run, start, wait_until, write
from hostile import good, write_hostile
from pictures import of_size
from PIL import Image
from videos import make_animation, make_video

pytest.importorskip("starlette")
testclient = pytest.importorskip("starlette.testclient")

from gluon_perceptual.app import entries as entries_module  # noqa: E402
from gluon_perceptual.app import folder as folder_module  # noqa: E402
from gluon_perceptual.app import pictures as pictures_module  # noqa: E402
from gluon_perceptual.app import runs as runs_module  # noqa: E402
from gluon_perceptual.app import views, work  # noqa: E402
from gluon_perceptual.app.archive import told_apart  # noqa: E402
from gluon_perceptual.app.folder import RefusedError  # noqa: E402
from gluon_perceptual.app.page import STATIC, Page  # noqa: E402
from gluon_perceptual.app.pictures import Pictures, shown_name  # noqa: E402
from gluon_perceptual.app.previews import Previews  # noqa: E402
from gluon_perceptual.app.runs import Runs  # noqa: E402
from gluon_perceptual.app.server import application, listen, new_token  # noqa: E402
from gluon_perceptual.app.settings import Settings, parse_settings  # noqa: E402
from gluon_perceptual.app.work import Queue  # noqa: E402
from gluon_perceptual.errors import UserError  # noqa: E402
from gluon_perceptual.image.io import read_picture, write_picture  # noqa: E402
from gluon_perceptual.inference.jobs import StylizeJob, UpscaleJob  # noqa: E402

PORT, TOKEN = 8000, "secret"
HERE = f"http://127.0.0.1:{PORT}"


class Copying:
    """A job that copies pictures; of those for which `gate` is closed it waits in the middle."""

    def __init__(self, gate=None):
        self.gate = gate

    def __call__(self, source, target, progress):
        picture = read_picture(source)
        progress(0.5)
        if self.gate:
            self.gate.begun.release()
            self.gate.wait(60)
        progress(0.9)
        write_picture(target, picture)


class Gate(threading.Event):
    def __init__(self):
        super().__init__()
        self.begun = threading.Semaphore(0)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "private").mkdir()
    return tmp_path / "private"


@pytest.fixture
def served(folder, tmp_path):
    """Return a function that serves with a job in place of the models."""
    clients = []

    def serve(job=None, queue=None):
        queue = queue or Queue(Pictures(folder), lambda settings: job or Copying())
        app = application(Page(folder, tmp_path / "runs", queue), PORT, TOKEN)
        client = testclient.TestClient(app, base_url=HERE, headers={"X-Token": TOKEN})
        client.__enter__()
        clients.append(client)
        client.queue = queue
        return client

    yield serve
    for client in clients:
        client.__exit__(None, None, None)


def upload(client, data=None, name="photo.png"):
    return client.post("/api/pictures", params={"name": name}, content=good("png") if data is None else data)


def submit(client, picture, **settings):
    return client.post("/api/jobs", json={"picture": picture, "settings": settings})


def settled(client):
    """Wait for the queue, and return its jobs."""
    entries = client.queue.entries
    with entries.changed:
        assert entries.changed.wait_for(
            lambda: all(entry.state not in ("waiting", "working") for entry in entries.all()), 60
        )
    return client.get("/api/jobs").json()["jobs"]


# Who may ask.


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 201),
        ({"Origin": HERE}, 201),
        ({"Origin": "http://localhost:8000"}, 201),
        ({"Origin": "http://127.0.0.1:9000"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Host": "evil.example:8000"}, 421),
        ({"Host": "127.0.0.1:9000"}, 421),
        ({"X-Token": "wrong"}, 401),
        ({"X-Token": "", "Cookie": "gluon_perceptual_8000=secret"}, 201),
        ({"X-Token": "", "Cookie": "gluon_perceptual_8000=wrong"}, 401),
        ({"X-Token": "", "Cookie": 'theme={"a":1}; foo[bar]=1; gluon_perceptual_8000=secret'}, 201),
        ({"X-Token": "\u00e9".encode("latin-1")}, 401),
    ],
)
def test_only_the_page_may_post(served, headers, status):
    client = served()
    picture = upload(client).json()["id"]
    answer = client.post("/api/jobs", json={"picture": picture}, headers=headers)
    assert answer.status_code == status
    assert bool(answer.json()["error"]) == (status > 201)


def test_at_port_80_browsers_leave_it_out(folder, tmp_path):
    for port, status in ((80, 200), (PORT, 421)):
        client = testclient.TestClient(application(Page(folder, tmp_path), port, TOKEN), base_url="http://127.0.0.1")
        answer = client.get("/", headers={"Host": "127.0.0.1"})
        assert answer.status_code == status
    assert answer.json()["error"] == "expected http://127.0.0.1:8000; a tunnel must use this port at both ends"


def test_the_address_leaves_the_token_as_a_cookie(served):
    client = served()
    del client.headers["X-Token"]
    assert client.get("/api/jobs").status_code == 401
    assert "gluon-perceptual" in client.get("/").text
    entered = client.get("/", params={"token": TOKEN}, follow_redirects=False)
    assert (entered.status_code, entered.headers["location"]) == (303, "/")
    assert {"httponly", "samesite=strict"} <= set(entered.headers["set-cookie"].lower().split("; "))
    assert client.get("/api/jobs").status_code == 200
    assert client.get("/").headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")


def test_the_page_loads_nothing_from_elsewhere(served):
    client = served()
    files = [f"static/{path.name}" for path in STATIC.iterdir() if path.suffix in (".css", ".js")]
    assert len(files) > 4
    for name in ("", *files):
        answer = client.get(f"/{name}")
        assert answer.status_code == 200
        text = answer.text
        assert "https://" not in text
        assert text.replace("http://www.w3.org/2000/svg", "").count("http://") == 0


def test_a_port_is_this_machines_alone_and_taken_once():
    with listen(0) as first:
        host, port = first.getsockname()
        assert host == "127.0.0.1"
        with pytest.raises(UserError, match=f"port {port}: .*choose another `port`"):
            listen(port)
    assert len({new_token() for _ in range(9)}) == 9


def test_the_browser_is_opened_without_the_token_in_its_command(monkeypatch):
    opened = queue.Queue()

    def serve(folder, runs, listening, token, started):
        started()
        address = opened.get(timeout=60)
        assert address.startswith(folder.as_uri())
        assert token not in address
        assert folder.stat().st_mode & 0o77 == 0
        written = Path(unquote(address)[len("file://") :]).read_text()
        assert f"url=http://127.0.0.1:{listening.getsockname()[1]}/?token={token}" in written

    monkeypatch.setattr(webbrowser, "open", opened.put)
    monkeypatch.setattr("gluon_perceptual.app.server.serve", serve)
    status, out, _ = run("app")
    assert (status, out.count("/?token=")) == (0, 1)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_signal_ends_the_page_without_a_word(tmp_path, monkeypatch, number):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    log = tmp_path / "log"
    process = start(log, "app", "--no-browser")
    wait_until(lambda: "Ctrl-C ends it\n" in log.read_text(), process, log)
    os.kill(process.pid, number)
    process.join(60)
    assert process.exitcode == 128 + number
    assert log.read_text().endswith("Ctrl-C ends it\n")


# What is taken.


def test_the_result_is_the_commands_file(folder, tmp_path):
    pictures = Pictures(folder)
    photo = write(tmp_path / "photo.png", height=30, width=20)
    video, rare = (make_video(tmp_path / name, [0, 40, 90], sound="aac") for name in ("a.mp4", "B.AVI"))
    gif = make_animation(tmp_path / "c.gif")
    for options, settings in (
        (("upscale", photo), Settings()),
        (("upscale", photo, "--suffix", ".jpg", "--self-ensemble"), Settings(suffix=".jpg", self_ensemble=True)),
        (("upscale", photo, "--scale", 1.5), Settings(scale=1.5)),
        (("upscale", photo, "--scale", 1), Settings(scale=1)),
        (
            ("upscale", photo, "--width", 50, "--model", "sr_x4_pixel"),
            parse_settings({"width": 50, "model": "sr_x4_pixel"}),
        ),
        (("stylize", photo, "--model", "wave", "--strength", 0.5), Settings("stylize", "wave", strength=0.5)),
        (("upscale", video, "--crf", 30), Settings(crf=30)),
        (("upscale", rare), Settings(suffix=".jpg")),
        (("stylize", video, "--model", "wave"), Settings("stylize", "wave")),
        (("stylize", gif, "--model", "wave", "--no-temporal"), Settings("stylize", "wave", temporal=False)),
    ):
        source = options[1]
        path = pictures.begin(source.name)
        path.write_bytes(source.read_bytes())
        queue = Queue(pictures)
        entry = queue.submit(pictures.admit(path, source.name), settings)
        settings.job()(entry.picture.path, entry.target)
        status, out, _ = run(*options)
        assert status == 0
        assert out.strip().endswith(f"/{entry.name}")
        assert (tmp_path / entry.name).read_bytes() == entry.target.read_bytes()


def test_names_in_an_archive_are_files_of_their_own_everywhere():
    assert told_apart(["a.png", "A.png", "a (2).png", "b"]) == ["a.png", "A (2).png", "a (2) (2).png", "b"]


def test_pictures_go_through_and_are_removed(served, folder):
    client = served()
    picture = upload(client).json()
    assert (picture["name"], picture["height"], picture["width"]) == ("photo.png", 24, 24)
    keys = [submit(client, picture["id"], scale=scale).json()["id"] for scale in (2, 2, 4)]
    assert [job["state"] for job in settled(client)] == ["done"] * 3
    saved = client.get(f"/api/jobs/{keys[0]}/result")
    assert 'filename="photo_x2.png"' in saved.headers["content-disposition"]
    assert np.array_equal(
        np.array(Image.open(io.BytesIO(saved.content))), np.array(Image.open(io.BytesIO(good("png"))))
    )
    archive = zipfile.ZipFile(io.BytesIO(client.get("/api/results.zip", params={"ids": ",".join(keys)}).content))
    assert archive.namelist() == ["photo_x2.png", "photo_x2 (2).png", "photo_x4.png"]
    assert archive.testzip() is None
    assert archive.read("photo_x2 (2).png") == client.get(f"/api/jobs/{keys[1]}/result").content
    for what in (f"pictures/{picture['id']}/thumb", f"pictures/{picture['id']}/view", f"jobs/{keys[0]}/view"):
        assert client.get(f"/api/{what}").headers["content-type"] == "image/png"
    version = client.get("/api/jobs").json()["version"]
    assert client.delete(f"/api/pictures/{picture['id']}").status_code == 200
    assert sorted(client.get("/api/jobs", params={"since": version}).json()["gone"]) == sorted(keys)
    assert list(folder.iterdir()) == []


def test_what_a_browser_does_not_know_is_shown_as_a_copy(served):
    client = served()
    for kind in ("tif", "deep.png", "alpha.webp"):
        picture = upload(client, good(kind), f"a.{kind}").json()["id"]
        answer = client.get(f"/api/pictures/{picture}/view")
        assert Image.open(io.BytesIO(answer.content)).size == (24, 24)
        assert answer.headers["content-type"].startswith("image/")


@pytest.mark.parametrize("name", ["photo", "photo.jpg_large"])
def test_what_a_name_does_not_say_becomes_png(served, name):
    client = served()
    picture = upload(client, good("jpg"), name).json()["id"]
    assert submit(client, picture).status_code == 201
    (job,) = settled(client)
    assert (job["state"], job["name"]) == ("done", "photo_x2.png")


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_what_is_looked_at_is_upright(served, suffix):
    exif, data = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6
    Image.new("RGB", (20, 10)).save(data, {"jpg": "JPEG"}.get(suffix, suffix), exif=exif)
    client = served()
    picture = upload(client, data.getvalue(), f"a.{suffix}").json()
    shown = client.get(f"/api/pictures/{picture['id']}/view")
    if suffix == "jpg":
        assert shown.content == data.getvalue()  # which browsers turn
    else:
        assert Image.open(io.BytesIO(shown.content)).size == (10, 20)
    assert (picture["width"], picture["height"]) == (10, 20)


def test_a_video_goes_through_is_looked_at_and_removed(served, folder, tmp_path):
    queue = Queue(Pictures(folder))
    client = served(queue=queue)
    data = make_video(tmp_path / "clip.mp4", sound="aac").read_bytes()
    video = upload(client, data, "clip.mp4").json()
    assert (video["video"], video["height"], video["width"]) == (True, 32, 48)
    key = submit(client, video["id"], kind="stylize", model="wave").json()["id"]
    (job,) = settled(client)
    assert (job["state"], job["name"], job["error"]) == ("done", "clip_wave.mp4", "")
    for address in (f"/api/pictures/{video['id']}", f"/api/jobs/{key}"):
        still = client.get(f"{address}/view")
        assert (still.headers["content-type"], Image.open(io.BytesIO(still.content)).size) == ("image/png", (48, 32))
        film = client.get(f"{address}/film", headers={"Range": "bytes=0-3"})
        assert (film.status_code, film.headers["content-type"]) == (206, "video/mp4")
    assert client.get(f"/api/pictures/{video['id']}/film").content == data
    asked = {"picture": video["id"], "settings": {"model": "sr_x2_pixel"}, "x": 0, "y": 0, "side": 16}
    assert Image.open(io.BytesIO(client.post("/api/previews", json=asked).content)).size == (32, 32)
    picture = upload(client).json()
    assert not picture["video"]
    assert client.get(f"/api/pictures/{picture['id']}/film").status_code == 404
    for each in (video, picture):
        assert client.delete(f"/api/pictures/{each['id']}").status_code == 200
    assert list(folder.iterdir()) == []


def test_a_video_is_canceled_in_the_middle_of_a_frame(served, folder, tmp_path):
    class Slow(UpscaleJob):
        def for_frames(self):
            def work(frame, progress):
                progress(0.5)
                gate.begun.release()
                gate.wait(60)
                progress(0.6)
                raise AssertionError("not canceled")

            return work

    gate = Gate()
    client = served(Slow(None, [None], None))
    video = upload(client, make_video(tmp_path / "clip.mp4").read_bytes(), "clip.mp4").json()
    key = submit(client, video["id"]).json()["id"]
    assert gate.begun.acquire(timeout=60)
    assert client.get("/api/jobs").json()["jobs"][0]["share"] == pytest.approx(0.5 / 6, abs=1e-3)
    assert client.post(f"/api/jobs/{key}/cancel").status_code == 200
    gate.set()
    assert [job["state"] for job in settled(client)] == ["canceled"]
    assert len(list(folder.iterdir())) == 1


def test_what_is_left_of_a_damaged_video_is_there(served, folder, tmp_path):
    data = make_video(tmp_path / "in.avi", range(0, 800, 40)).read_bytes()
    client = served(queue=Queue(Pictures(folder)))
    video = upload(client, data[: 3 * len(data) // 4], "in.avi").json()["id"]
    submit(client, video)
    (job,) = settled(client)
    assert job["state"] == "done"
    assert job["notes"][0].startswith("in.avi: ")
    assert "it ends at " in job["notes"][0]
    assert job["notes"][0].endswith(f"{job['name']} holds the rest")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\a\\b.png", "b.png"),
        ("a\x00\x1b[31m\nb.png", "a[31mb.png"),
        ("..", "picture"),
        ("", "picture"),
        (".hidden.png", "hidden.png"),
        ("a\ud800.png", "a.png"),
        ("图" * 300 + ".jpg", "图" * 50 + ".jpg"),
    ],
)
def test_names_are_no_paths(name, shown):
    assert shown_name(name) == shown


@pytest.mark.parametrize(
    ("name", "data", "parts"),
    [
        ("a.png", b"", ("a.png: ", "empty")),
        ("a.png", b"<svg onload=alert(1)>", ("a.png: not a PNG",)),
        ("clip.mp4", b"\0\0\0 ftypisom", ("clip.mp4: not a readable video",)),
        ("big.png", of_size(50000, 40000), ("big.png: 50000×40000 pixels are more than",)),
    ],
)
def test_what_is_no_fit_picture_is_refused_in_a_line(served, folder, name, data, parts):
    answer = upload(served(), data, name)
    assert answer.status_code == 415
    line = answer.json()["error"]
    assert line.count("\n") == 0
    assert all(part in line for part in parts)
    assert str(folder) not in line
    assert list(folder.iterdir()) == []


def test_too_many_bytes_or_pictures_are_refused(served, folder, monkeypatch):
    client = served()
    monkeypatch.setattr(pictures_module, "MOST_BYTES", 1000)
    assert upload(client, bytes(2000)).status_code == 413
    assert upload(client, iter([bytes(600)] * 3)).status_code == 413  # of no stated length
    monkeypatch.undo()
    monkeypatch.setattr(pictures_module, "MOST_PICTURES", 1)
    assert [upload(client).status_code for _ in range(2)] == [201, 507]
    assert len(list(folder.iterdir())) == 1


def test_too_many_bytes_of_all_are_refused_while_they_come(served, folder, monkeypatch):
    client, size = served(), len(good("png"))
    monkeypatch.setattr(folder_module, "MOST_STORED", size + size // 2)
    answers = [upload(client) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 507]
    assert len(list(folder.iterdir())) == 1
    assert submit(client, answers[0].json()["id"]).status_code == 201
    settled(client)
    assert submit(client, answers[0].json()["id"]).status_code == 507  # there is a result, too
    client.delete(f"/api/pictures/{answers[0].json()['id']}")
    assert upload(client).status_code == 201


def test_a_copy_of_what_was_removed_meanwhile_is_gone(served, folder, monkeypatch):
    client = served()
    picture, still = upload(client).json()["id"], views.still
    monkeypatch.setattr(views, "still", lambda path: (still(path), client.queue.remove_picture(picture))[0])
    assert client.get(f"/api/pictures/{picture}/thumb").status_code == 404
    assert list(folder.iterdir()) == []


def test_errors_name_no_inner_file(served, folder):
    client = served(Copying())
    torn = upload(client, good("png")[:-40], "torn.png").json()["id"]
    asked = {"picture": torn, "settings": {"model": "sr_x2_pixel"}}
    answers = [client.get(f"/api/pictures/{torn}/thumb"), client.post("/api/previews", json=asked)]
    for answer in answers:
        assert answer.status_code == 400
        assert answer.json()["error"].startswith("torn.png: damaged picture (")
    submit(client, torn)
    assert settled(client)[0]["error"] == answers[0].json()["error"]


@pytest.mark.parametrize(
    "settings",
    [{"scale": 0}, {"scale": 2, "width": 9}, {"width": 1.5},
     {"scale": True}, {"model": "wave"}, {"model": "/etc/passwd"}, {"model": ["wave"]}, {"tile": 1e9},
     {"kind": "stylize"}, {"kind": "stylize", "model": "sr_x2_pixel"}, {"quality": 0}, {"suffix": ".exe"},
     {"strength": float("nan")}, {"self_ensemble": 1}, {"nosuch": 1}, {"label": "x"}, [], "x",
     {"megapixels": float("inf")}, {"precision": "int8"}, {"tile": True}, {"suffix": 1}],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused(settings):
    with pytest.raises(RefusedError):
        parse_settings(settings)


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"megapixels": 3000}, "megapixels 3000: expected a number from 0.01 to 1000"),
        ({"width": 3000.5}, "width 3000.5: expected a whole number from 1 to 65535"),
        ({"precision": "int8"}, "precision 'int8': expected one of auto, float32, bfloat16"),
        ({"x": 1}, "x 1: unknown setting"),
    ],
)
def test_settings_that_cannot_be_are_told_what_is_expected(settings, line):
    with pytest.raises(RefusedError) as refused:
        parse_settings(settings)
    assert str(refused.value) == line


def test_settings_that_are_left_out_have_their_defaults():
    assert parse_settings(dict.fromkeys(vars(Settings()))) == parse_settings({"tile": "auto"}) == Settings()
    assert parse_settings({"width": 9, "scale": None}) == Settings(scale=None, width=9)


def test_models_are_opened_once():
    jobs = [Settings(model="sr_x2_pixel", **more).job() for more in ({}, {"quality": 3, "tile": 64}, {"scale": 3})]
    assert len({job.workers[0]["sr_x2_pixel"].model for job in jobs}) == 1
    styles = [Settings("stylize", "wave", temporal=temporal).job() for temporal in (True, False)]
    assert styles[0].workers[0].model is styles[1].workers[0].model


def test_settings_become_jobs():
    assert isinstance(parse_settings({"scale": 2, "model": "sr_x2_pixel"}).job(), UpscaleJob)
    assert isinstance(parse_settings({"kind": "stylize", "model": "wave", "strength": 1}).job(), StylizeJob)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b"[" * 60000, b"x" * 70000, b'{"picture": {}}', b'{"picture": "../x"}']
)
def test_requests_that_are_none_are_refused(served, body):
    assert 400 <= served().post("/api/jobs", content=body).status_code < 500


def test_results_that_would_be_too_large_are_refused(served, monkeypatch):
    client = served()
    monkeypatch.setattr(work, "MOST_RESULT", 24 * 24 * 4)
    picture = upload(client).json()["id"]
    assert submit(client, picture, scale=2).status_code == 201
    assert submit(client, picture, scale=4).status_code == 413
    assert submit(client, picture, scale=1).status_code == 201
    assert submit(client, picture, scale=1.9, model="sr_x4_pixel").status_code == 413  # is reduced from ×4
    assert submit(client, picture, scale=1, model="sr_x4_pixel").status_code == 413  # likewise
    assert submit(client, picture, width=24, model="sr_x4_pixel").status_code == 201


# The queue.


def test_one_at_a_time_and_cancel(served, folder):
    gate = Gate()
    client = served(Copying(gate))
    picture = upload(client).json()["id"]
    keys = [submit(client, picture).json()["id"] for _ in range(3)]
    assert gate.begun.acquire(timeout=60)
    states = [job["state"] for job in client.get("/api/jobs").json()["jobs"]]
    assert states == ["working", "waiting", "waiting"]
    assert client.get("/api/jobs").json()["jobs"][0]["share"] == 0.5
    for key in keys[:2]:
        assert client.post(f"/api/jobs/{key}/cancel").status_code == 200
    gate.set()
    assert [job["state"] for job in settled(client)] == ["canceled", "canceled", "done"]
    assert len(list(folder.iterdir())) == 2


def test_a_picture_is_removed_as_its_result_is_there(served, folder):
    class Removing(Copying):
        def __call__(self, source, target, progress):
            super().__call__(source, target, progress)
            client.queue.remove_picture(source.stem)

    client = served(Removing())
    submit(client, upload(client).json()["id"])
    with client.queue.entries.changed:
        assert client.queue.entries.changed.wait_for(lambda: not client.queue.entries.all(), 60)
    client.queue.close()
    assert list(folder.iterdir()) == []


def test_what_is_over_is_cleared(served, folder):
    job, gate = Copying(), Gate()
    client = served(job)
    kept, other, _ = (upload(client).json()["id"] for _ in range(3))
    submit(client, other)
    assert settled(client)[0]["picture"]["id"] == other
    job.gate = gate
    working, canceled = (submit(client, kept).json()["id"] for _ in range(2))
    assert gate.begun.acquire(timeout=60)
    client.post(f"/api/jobs/{canceled}/cancel")
    assert client.delete("/api/jobs").json() == {"pictures": [kept]}
    assert [job["id"] for job in client.get("/api/jobs").json()["jobs"]] == [working]
    gate.set()
    settled(client)
    assert client.delete("/api/jobs").json() == {"pictures": []}
    assert list(folder.iterdir()) == []


def test_previews_do_not_wait_for_the_picture_in_work(served, monkeypatch):
    gate = Gate()
    client = served(Copying(gate))
    asked_for, ask = threading.Event(), Previews.ask
    monkeypatch.setattr(Previews, "make", lambda previews, *asked: b"\x89PNG")
    monkeypatch.setattr(Previews, "ask", lambda previews, *asked: (ask(previews, *asked), asked_for.set())[0])
    picture = upload(client).json()["id"]
    submit(client, picture)
    assert gate.begun.acquire(timeout=60)
    asked = {"picture": picture, "settings": {"model": "sr_x2_pixel"}, "x": 0, "y": 0, "side": 16}
    found = []
    thread = threading.Thread(target=lambda: found.append(client.post("/api/previews", json=asked)))
    thread.start()
    assert asked_for.wait(60)
    gate.set()
    thread.join()
    assert (found[0].status_code, found[0].content) == (200, b"\x89PNG")


def test_notes_are_those_of_the_picture_in_work(served, tmp_path):
    class Logging(Copying):
        workers = ({"m": types.SimpleNamespace(enlarge=lambda crop: crop)},)

        def __call__(self, source, target, progress):
            asked.append(client.queue.preview(client.queue.pictures[film], Settings(model="sr_x2_pixel"), 0, 0, 16))
            progress(0.5)
            super().__call__(source, target, progress)

    asked, client = [], served(Logging())
    film, other = (upload(client, make_animation(tmp_path / "c.gif").read_bytes(), name).json()["id"] for name in "cd")
    submit(client, upload(client).json()["id"])
    submit(client, other)
    notes = [job["notes"] for job in settled(client)]
    assert asked[0].result(60).startswith(b"\x89PNG")
    assert notes[0] == []
    assert [note.startswith("d: of its ") for note in notes[1]] == [True]


def test_a_preview_is_what_the_model_makes_of_the_square(folder, tmp_path):
    pictures = Pictures(folder)
    path = pictures.begin("photo.png")
    write(tmp_path / "photo.png", height=60, width=80)
    path.write_bytes((tmp_path / "photo.png").read_bytes())
    queue = Queue(pictures)
    picture = pictures.admit(path, "photo.png")
    data = queue.previews.make(picture, Settings(model="sr_x2_pixel"), (70, 5, 32))
    (tmp_path / "piece.png").write_bytes(data)
    crop = read_picture(path).color[5:37, 48:80]
    expected = Settings(model="sr_x2_pixel").job().workers[0]["sr_x2_pixel"](crop)
    assert np.array_equal(read_picture(tmp_path / "piece.png").color, expected)
    painted = queue.previews.make(picture, Settings("stylize", "wave"), (0, 0, 48))
    assert Image.open(io.BytesIO(painted)).size == (48, 48)


def test_many_jobs_and_hostile_files_leave_nothing(served, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(entries_module, "MOST_WAITING", 60)
    gate = Gate()
    client = served(Copying(gate))
    picture = upload(client).json()["id"]
    answers = [submit(client, picture).status_code for _ in range(70)]
    assert answers[:60] == [201] * 60
    assert set(answers[62:]) == {429}
    gate.set()
    (tmp_path / "hostile").mkdir()
    write_hostile(tmp_path / "hostile", 60)
    for path in sorted((tmp_path / "hostile").iterdir()):
        answer = upload(client, path.read_bytes(), path.name)
        assert answer.status_code in (201, 415)
        if answer.status_code == 201:
            settled(client)
            assert submit(client, answer.json()["id"]).status_code == 201
    for job in settled(client):
        assert job["state"] in ("done", "failed")
        assert "\n" not in job["error"]
        assert str(folder) not in job["error"]
    assert client.delete("/api/jobs").json() == {"pictures": []}
    assert list(folder.iterdir()) == []


def test_a_fault_of_the_program_ends_no_queue(served, caplog):
    class Faulty:
        def __call__(self, *arguments):
            raise KeyError("x")

    client = served(Faulty())
    picture = upload(client).json()["id"]
    submit(client, picture)
    (job,) = settled(client)
    assert job["state"] == "failed"
    assert "please report it" in job["error"]
    assert "KeyError" in caplog.text


# Trainings.


def test_a_run_is_watched(tmp_path, served):
    run_folder = tmp_path / "runs/mine"
    (run_folder / "previews").mkdir(parents=True)
    (run_folder / "config.json").write_text('{"config": {"steps": 9, "scale": 2}}')
    log = run_folder / "log.jsonl"
    log.write_text(
        '{"step": 1, "loss": 4.0, "images_per_second": 2.5}\nbroken\n{"step": 2, "skipped": "nan"}\n{"step": 3'
    )
    (run_folder / "validation.jsonl").write_text('{"step": 2, "loss": 3.0, "best": true}\n')
    write(run_folder / "previews/a.png")
    (run_folder / "previews/link.png").symlink_to("/etc/passwd")
    runs = Runs(tmp_path / "runs")
    assert runs.offered() == [str(run_folder)]
    shown = runs.show(str(run_folder))
    assert shown["log"] == [[1, 4.0, 2.5], [2, None, None]]
    assert (shown["steps"], shown["previews"], shown["validation"][0]["loss"]) == (9, ["a.png"], 3.0)
    with log.open("a") as file:
        file.write(', "loss": 2.0}\n')
    assert runs.show(str(run_folder))["last"] == (3, 2.0, None)
    log.write_text('{"step": 1, "loss": 5.0}\n')  # resumed
    assert runs.show(str(run_folder))["log"] == [[1, 5.0, None]]
    client = served()
    asked = {"folder": str(run_folder), "name": "a.png"}
    assert client.get("/api/runs/preview", params=asked).headers["content-type"] == "image/png"
    for name in ("link.png", "../config.json", "/etc/passwd", ""):
        assert client.get("/api/runs/preview", params={**asked, "name": name}).status_code == 404
    for name in ("", "/nosuch", "\0", str(tmp_path), "x" * 9999, "~nosuchuser/x"):
        assert client.get("/api/runs", params={"folder": name}).status_code == 404


def test_a_log_that_was_cut_back_and_grew_is_read_anew(tmp_path):
    log, runs = tmp_path / "log.jsonl", Runs(tmp_path)
    for loss, count in ((1.0, 10), (2.0, 12), (3.0, 12), (4.0, 2), (5.0, 0), (6.0, 3)):
        log.write_text("".join(f'{{"step": {step}, "loss": {loss}}}\n' for step in range(count)))
        for _ in range(2):
            assert runs.show(str(tmp_path))["log"] == [[step, loss, None] for step in range(count)]


def test_a_log_is_read_twice_at_once(tmp_path, monkeypatch):
    """As by two pages in the same browser."""
    inner, watched = [], Runs(tmp_path)

    class Interrupted(io.BytesIO):
        def read(self, size):
            data = super().read(size)
            if size == runs_module.MOST_READ and not inner:
                inner.append(None)
                inner.append(watched.show(str(tmp_path)))
            return data

    def reader(path):
        return types.SimpleNamespace(open=lambda mode: Interrupted(path.read_bytes()), read_bytes=path.read_bytes)

    (tmp_path / "log.jsonl").write_text('{"step": 1, "loss": 4.0}\n{"step": 2, "loss": 3.0}\n')
    monkeypatch.setattr(runs_module, "check_regular", reader)
    outer = watched.show(str(tmp_path))
    assert outer["log"] == inner[1]["log"] == watched.show(str(tmp_path))["log"] == [[1, 4.0, None], [2, 3.0, None]]


def test_what_json_cannot_say_is_not_shown(tmp_path, served):
    (tmp_path / "log.jsonl").write_text('{"step": 1, "loss": NaN}\n{"step": 2, "loss": 1e999}\n{"step": 3}\n')
    (tmp_path / "config.json").write_text('{"config": {"steps": NaN, "scale": 2}}')
    shown = served().get("/api/runs", params={"folder": str(tmp_path)}).json()
    assert (shown["last"], shown["steps"], shown["about"]) == ([3, None, None], None, {})
