"""Refused: what knocked and was not let in, by reason, contact data masked.

Owns the list. Whoever may not see payloads sees reasons and places, no bodies.
"""

from __future__ import annotations

from twofold.console.access.roles import Right, may
from twofold.console.pages.page import SHOWN, Asked, Page, Shown, UnknownChoice
from twofold.event.refusal import MEANING
from twofold.store.lists import Reader

COLUMNS = (
    "id",
    "received_at",
    "entry",
    "dataset",
    "event_name",
    "event_id",
    "reason",
    "index",
    "path",
    "expected",
    "got",
    "size",
)


def read_refused(asked: Asked) -> Shown:
    """The newest refusals before a number."""
    dataset, reason = asked.choices.get("dataset") or None, asked.choices.get("reason") or None
    may_see = may(asked.session.person.role, Right.PAYLOADS)
    with Reader(asked.folder) as reader:
        filters = {"dataset": dataset, "state": reason}
        rows = list(reader.rows("refused", filters, limit=SHOWN, before=asked.number("before")))[::-1]
        if not rows and reason:
            known = reader.known("refused", "state")
            if reason not in known:
                raise UnknownChoice("reason", known, reason)
    columns = (*COLUMNS, "body") if may_see else COLUMNS
    return Shown(
        columns=columns,
        in_ms=("received_at",),
        rows=[{name: row.get(name) for name in columns} for row in rows],
        figures={
            "refused": rows, "may_see": may_see, "reason": reason or "",
            "next": rows[-1]["id"] if len(rows) == SHOWN else None,
            "meaning": {row["reason"]: _meaning(row["reason"]) for row in rows},
        },
    )  # fmt: skip


def _meaning(reason: str) -> str:
    return next((meaning for key, (meaning, _) in MEANING.items() if key.value == reason), "")


REFUSED = Page(
    path="/refused", name="Refused", room="signal", right=Right.SIGNAL, template="refused.html", read=read_refused
)
