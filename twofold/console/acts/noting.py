"""Entries in the chained log for what somebody said or changed: through the running gateway, else in the folder itself.

Owns that way, and what a text of a person may be: short, printable, without contact data. Which entries there are is
`report.kept`.
"""

from __future__ import annotations

from typing import Any

from twofold.console.access.register import Refused
from twofold.console.acts.act import Act
from twofold.control.owner import on_store
from twofold.control.questions import Note
from twofold.errors import StoreError
from twofold.event.contact import holds_contact

MOST = 2_000
"""Characters of one text."""


def note(act: Act, kind: str, facts: dict[str, Any]) -> None:
    """Keeps an entry with the name of who asks. Raises `Refused` where it could not be kept: then nothing was changed."""
    try:
        on_store(act.settings, Note(kind=kind, facts={**facts, "by": act.session.person.name}))
    except StoreError as err:
        raise Refused(f"It could not be done: {err}") from err


def text_of(act: Act, field: str, *, most: int = MOST, needed: bool = True) -> str:
    """What was typed in a field. Raises `Refused` for one that is empty but needed, too long, or holds contact data."""
    text = "\n".join(" ".join(line.split()) for line in act.given.get(field, "").splitlines()).strip()
    if needed and not text:
        raise Refused("Write a few words first: this is what others will read later.")
    if len(text) > most:
        raise Refused("This is too long to be kept.")
    if not text.replace("\n", " ").isprintable():
        raise Refused("This holds characters that cannot be shown.")
    if holds_contact(text):
        raise Refused(
            "Leave e-mail addresses and phone numbers out: the log is kept for good, and nobody can be erased from it."
        )
    return text
