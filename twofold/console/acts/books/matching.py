"""Somebody's word on what a line of money pays, or that it does not: as `twofold money match` keeps it, and in the log."""

from __future__ import annotations

from urllib.parse import urlencode

from twofold.console.access.register import Refused
from twofold.console.acts.act import Act, Done
from twofold.console.acts.noting import note, text_of
from twofold.console.forms import CHANGE
from twofold.control.word import MOST, Unclear, keep_word, make_word
from twofold.errors import NotHere, StoreError
from twofold.event.contact import holds_contact

MOST_NAME = 200
KINDS = ("order", "batch", "line")


def say_match(act: Act) -> Done:
    """An entry of the log, then the word itself: a row of its own, which a further word takes back."""
    line, undo = act.given.get("line", ""), bool(act.given.get("undo"))
    kind, named = act.given.get("kind", ""), act.given.get("to", "").strip()
    to = f"{kind}:{named.removeprefix('#')}" if kind in KINDS else named
    if any(not name or len(name) > MOST_NAME or not name.isprintable() or holds_contact(name) for name in (line, to)):
        raise Refused("Name a line of money, and what it pays: an order's number, a batch or another line.")
    why = text_of(act, "why", most=MOST)
    now_ms = act.now * 1000
    try:
        word = make_word(
            act.settings, line, to, why=why, by=act.session.person.name, amount=act.given.get("amount", "").strip(), undo=undo,
            now_ms=now_ms,
        )  # fmt: skip
        note(
            act, CHANGE,
            {"what": "unmatched" if undo else "matched", "line": word.line, "to": word.to, "why": why,
             "amount": None if word.amount is None else f"{word.amount:f}"},
        )  # fmt: skip
        keep_word(act.settings, word, now_ms)
    except (Unclear, NotHere, StoreError) as err:
        raise Refused(f"It could not be done: {err}") from err
    shown = act.given.get("shown", "")
    return Done(to="/matching/one?" + urlencode({"name": shown if 0 < len(shown) <= MOST_NAME else word.line}))
