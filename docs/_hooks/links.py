"""Checks every link of the built site: pages and anchors exist, and nothing is loaded from other hosts."""

from __future__ import annotations

import logging
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Iterator
from urllib.parse import unquote, urlsplit

log = logging.getLogger("mkdocs.hooks.links")
LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "video": "src"}


class Page(HTMLParser):
    """The anchors of a page, what it links to, and what it loads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take in a tag."""
        values = dict(attrs)
        self.anchors.update(value for value in (values.get("id"), values.get("name")) if value)
        if tag == "a" and values.get("href"):
            self.links.append(str(values["href"]))
        if values.get(LOADED.get(tag, "")):
            self.loaded.append(str(values[LOADED[tag]]))


def on_post_build(config: Any) -> None:
    """Warn about each broken link, and about each file that would be loaded from another host."""
    site = Path(config.site_dir)
    pages = {path.resolve(): Page(path) for path in site.rglob("*.html") if path.name != "404.html"}
    for path, page in pages.items():
        for fault in faults(path, page, pages):
            log.warning("%s: %s", path.relative_to(site.resolve()), fault)


def faults(path: Path, page: Page, pages: dict[Path, Page]) -> Iterator[str]:
    """Yield what is wrong with the links of a page."""
    for link in [*page.links, *page.loaded]:
        url = urlsplit(link)
        if url.scheme or url.netloc:
            if link in page.loaded:
                yield f"loads {link} from another host"
            continue
        target = (path.parent / unquote(url.path)).resolve() if url.path else path
        target = target / "index.html" if target.is_dir() else target
        if not target.exists():
            yield f"links to {link}, which does not exist"
        elif url.fragment and target in pages and unquote(url.fragment) not in pages[target].anchors:
            yield f"links to {link}, whose anchor does not exist"
