"""The console's words for links, reasons and metrics are the commands' own: templates need them as literals, to be translated."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader

import twofold.console
from twofold.commands.reconcile import day, words

TEMPLATES = Path(twofold.console.__file__).parent / "templates"
WORDS = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=False).get_template("money_words.html").module


@pytest.mark.parametrize(
    ("macro", "told"),
    [("link", words.LINKS), ("reason", words.REASONS), ("metric", words.METRICS), ("day_reason", day.REASONS)],
)
def test_pages_say_what_commands_say(macro, told):
    shown = {word: " ".join(getattr(WORDS, macro)(str, word).split()) for word in told}
    assert shown == dict(told)


def test_what_one_side_lacks_is_said_from_either_side():
    """An order without a Purchase goes out of the shop's day; a Purchase without an order comes in."""
    assert WORDS.day_reason(str, "source_not_connected", "in").strip() == day.STRAY
    out = WORDS.day_reason(str, "source_not_connected", "out").strip()
    assert out == day.REASONS["source_not_connected"] != day.STRAY
