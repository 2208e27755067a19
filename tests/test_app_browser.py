"""The page in a real browser, where there is one: Debian's chromium and chromium-driver."""

import os
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from cli import run, write
from pictures import of_size
from videos import make_video

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
webdriver = pytest.importorskip("selenium.webdriver")

from selenium.webdriver.common.actions.action_builder import ActionBuilder  # noqa: E402
from selenium.webdriver.common.actions.pointer_actions import PointerActions  # noqa: E402
from selenium.webdriver.common.actions.pointer_input import PointerInput  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

from benchmarks.drop import DROP, INPUT  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
SECONDS = 120
PASTING = ["clipboardReadWrite", "clipboardSanitizedWrite"]

pytestmark = [
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no chromium and chromium-driver here"),
    pytest.mark.xdist_group("browser"),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder for all that the program and the browser write."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "tmp").mkdir()
    return folder


@pytest.fixture(scope="module")
def program(place):
    """The address that `gluon-perceptual app` prints, and that which it opens; it leaves nothing behind."""
    settings = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(place / "tmp"), "OMP_NUM_THREADS": "1"}
    settings["BROWSER"] = f"{shutil.which('echo')} %s"  # which says what it is to open
    words = [sys.executable, "-m", "gluon_perceptual", "app"]
    with (place / "said").open("w") as said:
        process = subprocess.Popen(words, cwd=place, env=settings, stdout=subprocess.PIPE, stderr=said, text=True)
    with process.stdout:
        yield process.stdout.readline().strip(), process.stdout.readline().strip()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    assert list((place / "tmp").iterdir()) == []
    assert (place / "said").read_text() == "Ctrl-C ends it\ninterrupted\n"


@pytest.fixture(scope="module")
def address(program):
    return program[0]


@pytest.fixture(scope="module")
def browser(place):
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    words = ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1300,900")
    for word in (*words, f"--user-data-dir={place / 'profile'}"):
        options.add_argument(word)
    (place / "saved").mkdir()
    options.add_experimental_option("prefs", {"download.default_directory": str(place / "saved")})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def page(browser, address):
    """The page, freshly loaded, with nothing in it."""
    browser.get(address)
    until(browser, lambda: browser.execute_script("return document.getElementById('counts').textContent"))
    if all_of(browser, ".job"):
        browser.find_element(By.ID, "clear").click()
        until(browser, lambda: not all_of(browser, ".job"))
    return browser


def all_of(browser, selector):
    return browser.find_elements(By.CSS_SELECTOR, selector)


def until(browser, happened):
    return WebDriverWait(browser, SECONDS, 0.05).until(lambda _: happened())


def drop(browser, *paths):
    browser.execute_script(INPUT)
    browser.find_element(By.ID, "dropped").send_keys("\n".join(map(str, paths)))
    browser.execute_script(DROP)


def states(browser):
    return browser.execute_script("return [...document.querySelectorAll('.job')].map((row) => row.dataset.state)")


def slider(browser):
    return int(browser.find_element(By.ID, "handle").get_attribute("aria-valuenow"))


def test_what_is_opened_leads_to_the_page(browser, program):
    assert program[1].startswith("file:///")
    browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
    browser.get(program[1])
    until(browser, lambda: browser.execute_script("return document.getElementById('counts')?.textContent"))
    assert browser.current_url == f"{program[0].partition('?')[0]}"


def test_two_pictures_are_dropped_looked_at_and_saved(page, place):
    photos = [write(place / f"{name}.png", height=90, width=140) for name in ("first", "second")]
    drop(page, *photos)
    until(page, lambda: states(page) == ["done", "done"])
    until(page, lambda: page.find_element(By.ID, "right").get_attribute("value"))
    handle = page.find_element(By.ID, "handle")
    webdriver.ActionChains(page).drag_and_drop_by_offset(handle, 120, 0).perform()
    dragged = slider(page)
    assert dragged > 55
    handle.send_keys(Keys.ARROW_LEFT)
    assert slider(page) == dragged - 2
    handle.send_keys(Keys.HOME)
    assert slider(page) == 0
    zooms = [page.find_element(By.ID, "zoom").text]
    for key in ("1", "+", "0"):
        page.find_element(By.ID, "stage").send_keys(key)
        zooms.append(page.find_element(By.ID, "zoom").text)
    assert zooms[1] == "100 %"
    assert zooms[0] == zooms[3] != zooms[2] == "125 %"
    transforms = {image.get_attribute("style").partition("scale")[0] for image in all_of(page, ".pane img")}
    assert len(transforms) == 1
    for link in all_of(page, ".job a.main"):
        link.click()
    for photo in photos:
        assert run("upscale", photo)[0] == 0
        saved = place / "saved" / f"{photo.stem}_x2.png"
        until(page, saved.exists)
        assert saved.read_bytes() == photo.with_name(saved.name).read_bytes()
    assert [line for line in page.get_log("browser") if line["level"] == "SEVERE"] == []


def test_a_video_is_dropped_played_and_saved(page, place):
    video = make_video(place / "clip.mp4", range(0, 400, 40), height=64, width=96, sound="aac")
    drop(page, video)
    until(page, lambda: states(page) == ["done"])
    until(page, lambda: page.find_element(By.ID, "right").get_attribute("value"))
    shown = "return [...document.querySelectorAll('.pane img')].map((image) => image.naturalWidth)"
    until(page, lambda: page.execute_script(shown) == [96, 192])  # the first frames
    page.find_element(By.ID, "play").click()
    film = page.find_element(By.ID, "film")
    until(page, lambda: page.execute_script("return arguments[0].currentTime", film) > 0)
    assert page.execute_script("return [arguments[0].videoWidth, arguments[0].videoHeight]", film) == [192, 128]
    page.find_element(By.ID, "play").click()
    assert not film.is_displayed()
    page.find_element(By.ID, "save").click()
    saved = place / "saved/clip_x2.mp4"
    until(page, saved.exists)
    assert run("upscale", video)[0] == 0
    assert saved.read_bytes() == video.with_name(saved.name).read_bytes()
    assert [line for line in page.get_log("browser") if line["level"] == "SEVERE"] == []


def test_models_are_compared_on_a_piece_and_side_by_side(page, place):
    drop(page, write(place / "photo.png", height=90, width=140))
    until(page, lambda: states(page) == ["done"])
    page.find_element(By.ID, "compare").click()
    until(page, lambda: len(all_of(page, "#strip img")) == len(all_of(page, ".card")) - 1)
    all_of(page, "#strip button")[0].click()
    page.find_element(By.ID, "again").click()
    until(page, lambda: states(page) == ["done", "done"])
    until(page, lambda: len(all_of(page, "#left option")) == 3)
    page.find_element(By.ID, "split").click()
    assert all_of(page, "#stage.two")
    assert page.find_element(By.ID, "tag-right").text != page.find_element(By.ID, "tag-left").text


def test_a_result_that_is_removed_is_looked_at_no_more(page, place):
    drop(page, write(place / "photo.png"))
    until(page, lambda: page.find_element(By.ID, "save").is_displayed())
    page.find_element(By.CSS_SELECTOR, ".job button[aria-label^=Remove]").click()
    until(page, lambda: not all_of(page, ".job"))
    assert not page.find_element(By.ID, "save").is_displayed()
    assert [option.text for option in all_of(page, "#left option, #right option")] == ["Original", "Original"]
    page.find_element(By.ID, "again").click()
    until(page, lambda: states(page) == ["done"])


def test_a_second_tab_has_what_the_first_was_given(page, place):
    first, address = page.current_window_handle, page.current_url
    page.switch_to.new_window("tab")
    second = page.current_window_handle
    page.get(address)
    page.switch_to.window(first)
    drop(page, write(place / "photo.png", height=90, width=140))
    until(page, lambda: states(page) == ["done"])
    page.switch_to.window(second)
    until(page, lambda: states(page) == ["done"])
    page.find_element(By.CSS_SELECTOR, ".job .thumb").click()
    page.find_element(By.ID, "compare").click()
    until(page, lambda: all_of(page, "#strip img"))
    page.find_element(By.ID, "clear").click()
    until(page, lambda: not all_of(page, ".job"))
    assert not page.find_element(By.ID, "viewer").is_displayed()
    page.close()
    page.switch_to.window(first)
    until(page, lambda: not all_of(page, ".job"))


@pytest.fixture
def looked_at(page, place):
    """The page, with a picture that is done and looked at."""
    drop(page, write(place / "photo.png", height=90, width=140))
    until(page, lambda: states(page) == ["done"])
    until(page, lambda: page.find_element(By.ID, "right").get_attribute("value"))
    until(page, lambda: page.execute_script("return document.querySelector('#pane-right img').naturalWidth") == 280)
    page.execute_script("document.getElementById('viewer').scrollIntoView()")
    return page


def touch(page, *ways):
    """Put a finger on the first of each way's points, (x, y) from the stage's middle, and move them to the others."""
    stage, fingers = page.find_element(By.ID, "stage"), ActionBuilder(page, mouse=PointerInput("touch", "finger 0"))
    pointers = [fingers.pointer_action]
    for number in range(1, len(ways)):
        pointers.append(PointerActions(fingers.add_pointer_input("touch", f"finger {number}")))
    for pointer, (start, *others) in zip(pointers, ways):
        pointer.move_to(stage, *start).pointer_down()
        for point in others:
            pointer.move_to(stage, *point)
        pointer.pointer_up()
    fingers.perform()


def where(page):
    """(left, top, width) of the right picture on the screen."""
    image = page.find_element(By.CSS_SELECTOR, "#pane-right img")
    return page.execute_script("const at = arguments[0].getBoundingClientRect(); return [at.x, at.y, at.width]", image)


def test_fingers_move_the_slider_and_move_and_zoom_the_picture(looked_at):
    half = slider(looked_at)
    touch(looked_at, [(0, 0), (40, 10), (80, 20)])
    assert half < slider(looked_at) < 75
    x, y, width = where(looked_at)
    touch(looked_at, [(-200, 0), (-180, 10), (-150, 30)])
    assert where(looked_at) == pytest.approx([x + 50, y + 30, width], abs=1)
    touch(looked_at, [(-200, 0), (-250, 0), (-300, 0)], [(-100, 0), (-50, 0), (0, 0)])  # three times as far apart
    assert where(looked_at)[2] == pytest.approx(3 * width, rel=0.02)
    assert half < slider(looked_at) < 75


def test_a_picture_is_pasted(page, address):
    allowed = {"origin": address.partition("/?token=")[0], "permissions": PASTING}
    page.execute_cdp_cmd("Browser.grantPermissions", allowed)
    page.execute_async_script(
        """const done = arguments[0], canvas = new OffscreenCanvas(40, 30);
        canvas.getContext("2d").fillRect(5, 5, 9, 9);
        canvas.convertToBlob()
            .then((blob) => navigator.clipboard.write([new ClipboardItem({"image/png": blob})])).then(done);"""
    )
    webdriver.ActionChains(page).key_down(Keys.CONTROL).send_keys("v").key_up(Keys.CONTROL).perform()
    until(page, lambda: states(page) == ["done"])
    assert all_of(page, ".job .name")[0].text == "image_x2.png"


def named(browser):
    """The names that a screen reader has for all that can have the focus, by what they are."""
    found = {}
    for node in browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]:
        properties = {each["name"]: each["value"].get("value") for each in node.get("properties", [])}
        if properties.get("focusable") and not node["ignored"]:
            found.setdefault(node["role"]["value"], []).append(node["name"]["value"])
    return found


def test_all_that_can_be_done_has_a_name(looked_at):
    looked_at.execute_script("document.querySelector('details').open = true")
    names = named(looked_at)
    assert all(name for each in names.values() for name in each), names
    assert names["tab"] == ["Pictures and videos", "Training"]
    assert names["slider"] == ["Where before ends and after begins"]
    assert {"Zoom in", "Zoom out", "Look at photo_x2.png", "Remove photo_x2.png"} <= set(names["button"])
    assert "Download photo_x2.png" in names["link"]
    assert looked_at.find_element(By.ID, "said").get_attribute("textContent") == "photo_x2.png: done"


def test_the_focus_goes_through_all_and_is_seen(looked_at):
    focused = """const at = document.activeElement;
        const drawn = [at, at.nextElementSibling, at.parentElement.querySelector(".button")];
        return [at.id || at.name, drawn.some((each) => each && getComputedStyle(each).outlineStyle === "solid")];"""
    looked_at.find_element(By.ID, "tab-pictures").click()
    passed = []
    while "handle" not in passed:
        webdriver.ActionChains(looked_at).send_keys(Keys.TAB).perform()
        name, is_seen = looked_at.execute_script(focused)
        assert is_seen, name
        passed.append(name)
        assert len(passed) < 60
    expected = ["kind", "scale", "model", "file", "stage", "handle"]
    assert [name for name in passed if name in expected] == expected


def test_the_focus_stays_near_what_was_removed(looked_at):
    looked_at.find_element(By.CSS_SELECTOR, ".job button[aria-label^=Remove]").send_keys(Keys.ENTER)
    until(looked_at, lambda: not all_of(looked_at, ".job"))
    assert looked_at.switch_to.active_element.get_attribute("id") == "file"


def test_no_size_is_no_size(page, place):
    page.find_element(By.CSS_SELECTOR, "input[value=other] + span").click()
    size = page.find_element(By.ID, "size")
    for text, unit in (("", "width"), ("300.5", "width"), ("3000", "megapixels"), ("200", "scale")):
        page.find_element(By.CSS_SELECTOR, f"#measure option[value={unit}]").click()
        size.clear()
        size.send_keys(text)
        drop(page, write(place / "photo.png"))
        assert page.switch_to.active_element == size
        assert states(page) == []
    size.clear()
    size.send_keys("3")
    drop(page, write(place / "photo.png"))
    until(page, lambda: states(page) == ["done"])
    assert page.find_element(By.CSS_SELECTOR, ".job .name").text == "photo_x3.png"


def test_a_job_is_canceled(page, place):
    page.find_element(By.CSS_SELECTOR, "summary").click()
    page.find_element(By.NAME, "tile").send_keys("128")  # many tiles
    drop(page, write(place / "large.png", height=700, width=900))
    until(
        page,
        lambda: states(page) == ["working"] and all_of(page, ".job[data-key]:not([data-key^=local]) progress[value]"),
    )
    all_of(page, ".job .does button")[0].click()
    until(page, lambda: states(page) == ["canceled"])
    assert not all_of(page, ".job a[download]")  # no result


def test_broken_and_huge_files_are_refused_in_a_line(page, place):
    (place / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    (place / "huge.png").write_bytes(of_size(50000, 40000))
    drop(page, place / "broken.jpg", place / "huge.png")
    until(page, lambda: states(page) == ["failed", "failed"])
    said = sorted(state.text for state in all_of(page, ".job .state"))
    assert said[0].startswith("broken.jpg: ")
    assert said[1].startswith("huge.png: 50000×40000 pixels are more than")
    assert str(place) not in " ".join(said)


def test_a_runs_folder_is_opened(page, place):
    folder = place / "runs/mine"
    write(folder / "previews/step-1.png", np.zeros((20, 30, 3), np.uint8))
    lines = [f'{{"step": {step}, "loss": {9 / step}, "images_per_second": 2.0}}\n' for step in range(1, 10)]
    (folder / "log.jsonl").write_text("".join(lines))
    page.find_element(By.ID, "tab-training").click()
    box = page.find_element(By.ID, "folder")
    box.clear()
    box.send_keys(str(folder), Keys.ENTER)
    until(page, lambda: all_of(page, "#chart-loss path") and all_of(page, "#run-previews img"))
    assert "1.000" in page.find_element(By.ID, "run-numbers").text


def test_another_site_may_not_post(address):
    there = address.partition("/?token=")[0]
    request = urllib.request.Request(f"{there}/api/jobs", b"{}", {"Origin": "https://evil.example"})
    with pytest.raises(urllib.error.HTTPError, match="403") as refused:
        urllib.request.urlopen(request)
    refused.value.close()
