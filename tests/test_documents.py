"""The documentation names tests that exist; its site has no broken link and loads nothing from other hosts."""

import importlib.util
import re

import pytest
from documented import DOCUMENTS, ROOT

HOOK = ROOT / "docs/_hooks/links.py"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_tests_that_a_document_names_exist(document):
    """As `test_file.py::test_name`; `::test_name` is in the last file before it."""
    text, missing = "", []
    for file, name in re.findall(r"`(test_\w+\.py)?::(test_\w+)`", (ROOT / document).read_text(encoding="utf-8")):
        text = (ROOT / "tests" / file).read_text(encoding="utf-8") if file else text
        missing += [] if f"def {name}(" in text else [f"{file}::{name}"]
    assert missing == []


def broken(folder, html):
    """What the check says of a page `a.html` beside the page `b.html`, which has the anchor `here`."""
    spec = importlib.util.spec_from_file_location("links", HOOK)
    links = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(links)
    (folder / "a.html").write_text(html)
    (folder / "b.html").write_text('<h1 id="here">b</h1>')
    pages = {path.resolve(): links.Page(path) for path in folder.glob("*.html")}
    path = (folder / "a.html").resolve()
    return list(links.faults(path, pages[path], pages))


@pytest.mark.parametrize(
    "html",
    ['<a href="b.html#here">', '<a href="https://arxiv.org">', '<p id="top"><a href="#top">', '<img src="b.html">'],
)
def test_good_links_pass(tmp_path, html):
    assert broken(tmp_path, html) == []


@pytest.mark.parametrize(
    ("html", "fault"),
    [
        ('<a href="c.html">', "links to c.html, which does not exist"),
        ('<img src="c.png">', "links to c.png, which does not exist"),
        ('<a href="b.html#there">', "links to b.html#there, whose anchor does not exist"),
        ('<script src="https://unpkg.com/x.js">', "loads https://unpkg.com/x.js from another host"),
    ],
)
def test_bad_links_are_found(tmp_path, html, fault):
    assert broken(tmp_path, html) == [fault]
