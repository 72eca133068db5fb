"""Every text of the console stands in every language's catalogue, with the same places for values."""

from __future__ import annotations

import ast
import re
from decimal import Decimal
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from said_elsewhere import said_elsewhere

import twofold.console
from twofold.console.access.roles import MEANING, RIGHTS, Right, Role
from twofold.console.words import LANGUAGES, SOURCE, Words, catalogue, language_of
from twofold.report.quality import KEYS
from twofold.router.words import EVIDENCE, WORDS

ROOM = Path(twofold.console.__file__).parent


def texts_of_templates() -> set[str]:
    found = extract_from_dir(
        ROOM / "templates", method_map=[("**.html", "jinja2.ext:babel_extract")], options_map={"**.html": {"encoding": "utf-8"}},
        keywords={"_": None},
    )  # fmt: skip
    return {text for _, _, text, _, _ in found if isinstance(text, str)}


def texts_of_code() -> set[str]:
    """What is said by the code: refusals, notes of acts, the names of pages."""
    found = (
        {page.name for page in twofold.console.pages.PAGES if page.name} if hasattr(twofold.console, "pages") else set()
    )
    for path in ROOM.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                wanted = {"Refused": 0, "_note": 2, "note": 1, "say": 0}.get(name)
                if wanted is not None and len(node.args) > wanted:
                    found |= said(node.args[wanted])
            if isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant) and key.value in ("said", "problem"):
                        found |= said(value)
    causes = {text for said in WORDS.values() for text in (said.title, said.failure, said.check, said.not_yet)}
    causes |= set(EVIDENCE.values())
    keys = {key.privacy for key in KEYS.values()}
    return found | causes | keys | {str(text) for text in MEANING.values()} | {role.value for role in Role}


def said(node: ast.expr) -> set[str]:
    if isinstance(node, ast.IfExp):
        return said(node.body) | said(node.orelse)
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value else set()


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != SOURCE])
def test_every_text_is_translated(language):
    """And no more than there is: a text that nobody says any more is taken out."""
    texts = texts_of_templates() | texts_of_code() | said_elsewhere()
    assert len(texts) > 150
    missing = sorted(texts - set(catalogue(language)))
    assert not missing, f"words/{language}.po lacks {missing}"


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != SOURCE])
def test_values_have_the_same_places(language):
    for text, translated in catalogue(language).items():
        assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", translated)), text


@pytest.mark.parametrize(
    ("accepted", "chosen", "expected"),
    [
        ("ka-GE,ka;q=0.9,en;q=0.8", "", "ka"),
        ("de-DE,de", "", "en"),
        ("", "ka", "ka"),
        ("ka", "en", "en"),
        ("xx", "yy", "en"),
    ],
)
def test_the_language_of_a_reader(accepted, chosen, expected):
    assert language_of(accepted, chosen, "en") == expected


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [("129.90", "EUR", "€129.90"), ("0.005", "EUR", "€0.005"), ("1000", "JPY", "¥1,000"), ("1.234", "KWD", "KWD 1.234"), ("129.90", "GEL", "GEL 129.90"),
     ("-5", "EUR", "-€5.00"), ("100", "EUR", "€100.00")],
)  # fmt: skip
def test_money_is_never_rounded(amount, currency, shown):
    """All digits that there are, at least those of the currency."""
    assert Words("en", "UTC").money(Decimal(amount), currency).replace("\xa0", " ") == shown


def test_the_page_of_docs_has_the_table_of_roles():
    """One table in code and docs."""
    page = (Path(__file__).parents[2] / "docs" / "console.md").read_text(encoding="utf-8")
    heads = " | ".join(right.value for right in Right)
    assert f"| role | {heads} |" in page
    for role in Role:
        cells = " | ".join("yes" if right in RIGHTS[role] else "no" for right in Right)
        assert f"| {role} | {cells} |" in page
    for right, words in MEANING.items():
        assert f"- *{right}*: {words}" in page


def test_what_a_bank_books_has_a_day_and_what_happens_has_a_time():
    words = Words(language="en", zone="Asia/Tbilisi")
    assert words.booked(1_794_787_200 - 4 * 3600) == "16 Nov 2026"  # midnight in Tbilisi
    assert words.booked(1_794_787_200) == "16 Nov 2026, 04:00:00"
    assert words.booked(None) == "–"
    assert words.month("2026-10") == "October 2026"
