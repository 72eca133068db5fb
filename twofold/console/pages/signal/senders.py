"""Senders: has each event one owner? The matrix of events by sender, what nobody declared, and the copies of one cell.

Owns both pages. Counts are `report.senders`'s, classes and what pages and a browser showed `senders`'s; who is meant to send an
event, whose work it is, and who is expected, was said by somebody and stands in the log. Role: for the algorithm.
"""

from __future__ import annotations

from typing import Any

from twofold.console.access.roles import Right
from twofold.console.pages.page import SHOWN, Asked, Page, Shown, UnknownChoice
from twofold.console.queries.period import Period
from twofold.console.queries.signal import funnel_place
from twofold.console.signal.task import Senders
from twofold.console.signal.task import cells as ask_cells
from twofold.policies import declared_in
from twofold.report.period import journal_of
from twofold.report.senders import Cell, rivals
from twofold.schema.watch import META as SCHEMA_SEEN
from twofold.schema.watch import decode_seen, still_undeclared
from twofold.senders.expectation import Named, expectations, named_owners
from twofold.senders.inventory import Entry, inventory
from twofold.senders.journal import told_of
from twofold.senders.observed import JOURNAL, kept_looks

COLUMNS = ("dataset", "event_name", "sender", "channel", "copies", "new_actions", "again", "other_copy", "other_content",
           "first_at", "last_at", "id_scheme", "meets", "is_new", "has_rival", "primary", "person", "role", "link", "class", "responsible", "expected")  # fmt: skip
COPY_COLUMNS = (
    "position",
    "received_at",
    "dataset",
    "event_name",
    "event_id",
    "channel",
    "sender",
    "verdict",
    "action",
)
MOST_UNDECLARED = 20
"""Lines on the page; the command has all."""


def read_senders(asked: Asked) -> Shown:
    """A cell for each sender of each event."""
    period = asked.period()
    cells = sorted(cells_of(asked, period), key=lambda c: (c.dataset, funnel_place(c.event_name), -c.copies))
    twice = {id(cell) for one, other, _ in rivals(cells) for cell in (one, other)}
    owners, expected = named_owners(asked.folder), expectations(asked.folder)
    looks = kept_looks(asked.folder, period.since)
    whole = inventory(told_of(cells), looks, [d.id for d in asked.settings.dataset], owners, expected)
    entries = {(e.container, e.event, e.sender): e for e in whole if JOURNAL in e.sides}
    rows = [
        _row(
            cell,
            entries[cell.dataset, cell.event_name, cell.sender],
            has_rival=id(cell) in twice,
            named=owners.get((cell.dataset, cell.event_name)),
        )
        for cell in cells
    ]
    undeclared, no_room = _undeclared(asked)
    names = list(dict.fromkeys(cell.sender for cell in sorted(cells, key=lambda c: -c.copies)))
    events = list(dict.fromkeys((cell.dataset, cell.event_name) for cell in cells))
    return Shown(
        columns=COLUMNS,
        in_ms=("first_at", "last_at"),
        rows=rows,
        about={"period": period.choice, "timezone": period.zone},
        figures={
            "period": period, "senders": names, "events": events,
            "cells": {(r["dataset"], r["event_name"], r["sender"]): _joined(r, rows) for r in rows},
            "alarms": [r for r in rows if r["has_rival"] or r["is_new"] or r["expected"] is False],
            "beside": [e for e in whole if JOURNAL not in e.sides],
            "undeclared": undeclared[:MOST_UNDECLARED], "undeclared_more": len(undeclared[MOST_UNDECLARED:]), "no_room": no_room,
        },
    )  # fmt: skip


def cells_of(asked: Asked, period: Period) -> list[Cell]:
    """Who sent what in a period. Raises `NotYet`."""
    question = Senders(
        folder=asked.folder, since_ms=period.since * 1000, until_ms=period.until * 1000, before_ms=period.before * 1000,
        dataset=asked.dataset(),
    )  # fmt: skip
    return asked.worked_out(("senders", period.since, period.until, question.dataset), lambda: ask_cells(question))


def _undeclared(asked: Asked) -> tuple[list[dict[str, Any]], int]:
    """Names that came and that nobody declared, as the gateway counts them, and how often one found no room."""
    with journal_of(asked.folder) as journal:
        seen = decode_seen(journal.note(SCHEMA_SEEN))
    return still_undeclared(seen, declared_in(asked.settings), asked.dataset())


def read_cell(asked: Asked) -> Shown:
    """The newest copies of one event name by one sender."""
    period = asked.period()
    event, sender = asked.choices.get("event", ""), asked.choices.get("sender", "")
    with journal_of(asked.folder) as journal:
        first, last = journal.positions(period.since * 1000, period.until * 1000)
        before = asked.number("before")
        found = journal.run("console_cell_copies", (first, min(last, before) if before else last, event, sender, SHOWN))
    if not found and not before and (not event or not sender):
        raise UnknownChoice("event", ["event and sender, as on the page of senders"], event or sender)
    rows = [dict(zip(COPY_COLUMNS, row, strict=True)) for row in found]
    return Shown(
        columns=COPY_COLUMNS,
        in_ms=("received_at",),
        rows=rows,
        about={"period": period.choice, "timezone": period.zone, "event": event, "sender": sender},
        figures={
            "event": event, "sender": sender, "period": period,
            "next": rows[-1]["position"] if len(rows) == SHOWN else None,
        },
    )  # fmt: skip


def _row(cell: Cell, entry: Entry, *, has_rival: bool, named: Named | None) -> dict[str, Any]:
    return {
        "dataset": cell.dataset, "event_name": cell.event_name, "sender": cell.sender, "channel": cell.channel,
        "copies": cell.copies, "new_actions": cell.verdicts["first"], "again": cell.verdicts["repeat"],
        "other_copy": cell.verdicts["twin"], "other_content": cell.verdicts["conflict"], "first_at": cell.first_at,
        "last_at": cell.last_at, "id_scheme": cell.scheme, "meets": dict(sorted(cell.meets.items())), "is_new": cell.new,
        "has_rival": has_rival, "primary": named.sender == cell.sender if named else None,
        "person": named.person if named else "", "role": "signal", "link": "signalled", "class": entry.sender_class.value,
        "responsible": entry.role, "expected": entry.expected,
    }  # fmt: skip


def _joined(row: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, Any]:
    """One sender's cell of an event, both channels together."""
    mine = [r for r in rows if all(r[name] == row[name] for name in ("dataset", "event_name", "sender"))]
    return {
        "copies": sum(r["copies"] for r in mine), "has_rival": any(r["has_rival"] for r in mine),
        "is_new": any(r["is_new"] for r in mine), "is_strange": any(r["expected"] is False for r in mine), "channels": [r["channel"] for r in mine],
        "primary": mine[0]["primary"],
    }  # fmt: skip


SENDERS = Page(
    path="/senders",
    name="Senders",
    room="signal",
    right=Right.SIGNAL,
    template="signal/senders.html",
    read=read_senders,
    slow=True,
)
CELL = Page(
    path="/senders/copies", name="", room="signal", right=Right.SIGNAL, template="signal/cell.html", read=read_cell
)
