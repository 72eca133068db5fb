"""Docs: the pages of docs/, read and searched where the console is.

Owns the list, the search by words and one page. The texts are ours, as they are in the repository and in what is installed; they
are English. Nothing of a page is run: marks are drawn, HTML in them is text.
"""

from __future__ import annotations

import re
import sysconfig
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markupsafe import Markup, escape
from msgspec import Struct

import twofold
from twofold.console.access.roles import Right
from twofold.console.pages.page import Asked, NotHere, Page, Shown

PLACES = (Path(twofold.__file__).parents[1] / "docs", Path(sysconfig.get_path("data")) / "share" / "twofold" / "docs")
"""Of a checkout, and of what is installed."""
BEGIN = "README"
"""Where to begin: what to read, by who reads and in which order."""
MOST_FOUND = 40
AROUND = 90
_NAME = re.compile(r"[A-Za-z0-9-]{1,60}")
_HEAD = re.compile(r"^(#{1,4}) (.+)$", re.MULTILINE)
_LINK = re.compile(r'href="(?:\.\./docs/)?([A-Za-z0-9-]+)\.md(#[^"]*)?"')
_NAMED = re.compile(r'(<a href="/console/docs/[^"]*">)([A-Za-z0-9-]+)\.md</a>')
"""A link that stands under the name of its file: people know a page by its title."""
_OTHER = re.compile(r'<a href="(?!/console/|https?://|#)[^"]*">(.*?)</a>', re.DOTALL)


class Section(Struct, frozen=True):
    """A heading and what stands under it."""

    name: str  # of the page
    heading: str
    anchor: str
    text: str


def read_docs(asked: Asked) -> Shown:
    """All pages, or the places where all words of ``q`` stand."""
    wanted = " ".join(asked.choices.get("q", "").split())[:200]
    rows: list[dict[str, Any]]
    if wanted:
        rows = [_found(section, wanted) for section in _search(wanted.casefold().split())][:MOST_FOUND]
    else:
        rows = [{"name": name, "heading": title, "anchor": "", "excerpt": ""} for name, title in titles().items()]
    return Shown(
        columns=("name", "heading", "anchor", "excerpt"), rows=rows, about={"q": wanted},
        figures={"q": wanted, "titles": titles(), "has_docs": bool(titles()), "paths": "" if wanted else _paths()},
    )  # fmt: skip


def read_doc(asked: Asked) -> Shown:
    """One page."""
    name = asked.path["name"]
    if not _NAME.fullmatch(name) or name not in titles():
        raise NotHere
    return Shown(
        columns=("heading", "text"),
        rows=[{"heading": s.heading, "text": s.text} for s in _sections() if s.name == name],
        figures={"html": _html(name), "title": titles()[name]},
    )


@lru_cache(maxsize=1)
def _texts() -> dict[str, str]:
    folder = next((place for place in PLACES if place.is_dir()), None)
    return {} if folder is None else {p.stem: p.read_text(encoding="utf-8") for p in sorted(folder.glob("*.md"))}


def titles() -> dict[str, str]:
    """Name to the first heading of each page."""
    return {
        name: (found[2].replace("`", "") if (found := _HEAD.search(text)) else name) for name, text in _texts().items()
    }


@lru_cache(maxsize=1)
def _sections() -> tuple[Section, ...]:
    found = []
    for name, text in _texts().items():
        heads = [*_HEAD.finditer(text)]
        for n, head in enumerate(heads):
            end = heads[n + 1].start() if n + 1 < len(heads) else len(text)
            found.append(Section(name, head[2].replace("`", ""), _anchor(head[2]), text[head.end() : end].strip()))
    return tuple(found)


def _search(words: list[str]) -> list[Section]:
    """Sections with all the words; those that have them in their heading first."""
    hits = [s for s in _sections() if all(w in f"{s.name} {s.heading} {s.text}".casefold() for w in words)]
    return sorted(hits, key=lambda s: (-sum(w in s.heading.casefold() for w in words), len(s.text)))


_MARKS = re.compile(r"\[([^\]]*)\]\([^)\s]*\)|\|[\s|:-]*\||[`|]|\*\*|(?m:^[>\s]*(?:#+|```\w*|-)\s)")


def _plain(text: str) -> str:
    """What a section says, without the marks that its page is drawn by."""
    return " ".join(_MARKS.sub(lambda found: found[1] or " ", text).split())


def _found(section: Section, wanted: str) -> dict[str, Any]:
    plain = _plain(section.text)
    at = max(plain.casefold().find(wanted.casefold().split()[0]), 0)
    start = max(at - AROUND, 0)
    excerpt = ("… " if start else "") + plain[start : at + 2 * AROUND] + (" …" if at + 2 * AROUND < len(plain) else "")
    return {"name": section.name, "heading": section.heading, "anchor": section.anchor, "excerpt": excerpt}


def _anchor(heading: str) -> str:
    """By the rule by which the texts' own links are written: that of where they are read otherwise, in the repository."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def _paths() -> Markup:
    """A path for each reader, of the page that begins with them; its head is not said twice."""
    return Markup(_html(BEGIN).partition("</h1>")[2]) if BEGIN in _texts() else Markup("")


@lru_cache(maxsize=64)
def _html(name: str) -> Markup:
    """The page with anchors at its headings, its links inside the console; what lies outside of docs/ is no link here."""
    marks = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = marks.parse(re.sub(r"<!--.*?-->", "", _texts()[name], flags=re.DOTALL))
    for opened, inline in pairwise(tokens):
        if opened.type == "heading_open":
            opened.attrSet("id", _anchor(inline.content))
        if opened.type == "fence":
            opened.info = ""
    html = marks.renderer.render(tokens, marks.options, {})
    html = _LINK.sub(r'href="/console/docs/\1\2"', html)
    html = _NAMED.sub(lambda found: f"{found[1]}{escape(titles().get(found[2], found[2]))}</a>", html)
    html = _OTHER.sub(r"\1", html)
    html = html.replace("<table>", '<div class="scroll" tabindex="0"><table>').replace("</table>", "</table></div>")
    return Markup(html.replace("<pre>", '<pre tabindex="0">'))


DOCS = Page(path="/docs", name="Docs", room="set-up", right=Right.SIGNAL, template="setup/docs.html", read=read_docs)
DOC = Page(path="/docs/{name}", name="", room="set-up", right=Right.SIGNAL, template="setup/doc.html", read=read_doc)
