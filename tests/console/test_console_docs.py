"""The docs in the console: every page is drawn, links stay inside, words are found where they stand, nothing of a text is run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from twofold.console.pages.setup import docs

FOLDER = Path(__file__).parents[2] / "docs"
NAMES = sorted(p.stem for p in FOLDER.glob("*.md"))


@pytest.mark.parametrize("name", NAMES)
def test_every_page_is_drawn(name: str) -> None:
    """One h1, tables and code as such, no link that leads out of the console into nothing, nothing that runs."""
    html = str(docs._html(name))
    assert html.count("<h1") == 1
    assert "<script" not in html
    assert "onerror" not in html.replace("&quot;", "")
    for link in re.findall(r'href="([^"]*)"', html):
        assert link.startswith(("/console/docs/", "https://", "http://", "#")), link
        page, _, place = link.removeprefix("/console/docs/").partition("#")
        if link.startswith("/console/docs/"):
            assert page in NAMES, link
        if place and not link.startswith("http"):  # of a page, or of this one
            assert f'id="{place}"' in docs._html(page or name), link


def test_the_list_begins_with_a_path_for_each_reader() -> None:
    paths = str(docs._paths())
    readers = ("Developer", "Media buyer", "Owner", "Accountant", "Auditor", "Operator")
    assert re.findall(r"<h2[^>]*>([^<]+)</h2>", paths) == list(readers)
    assert '<a href="/console/docs/set-up">Set-up</a>' in paths  # by its title, not by the name of its file
    assert "<h1" not in paths


def test_words_are_found_where_they_stand() -> None:
    """All of them, in any order; a heading that has them stands first."""
    found = docs._search(["match", "quality"])
    assert found
    for section in found:
        assert all(w in f"{section.name} {section.heading} {section.text}".casefold() for w in ("match", "quality"))
    assert docs._search(["quality", "match"]) == found
    assert docs._search(["no-such-word-anywhere-in-it"]) == []
    best = docs._search(["identity_header"])[0]
    assert best.name in ("console", "settings")


def test_a_text_is_a_text(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "# A\n\n<script>alert(1)</script> [x](javascript:alert(1)) [y](../LICENSE) [z](console.md#search)\n"
    monkeypatch.setattr(docs, "_texts", lambda: {"hostile": text})
    docs._html.cache_clear()
    html = str(docs._html("hostile"))
    docs._html.cache_clear()
    assert "<script" not in html
    assert 'href="javascript' not in html
    assert 'href="/console/docs/console#search"' in html
    assert "LICENSE" not in html
