"""Rights: did we do what people asked? Consent, requests with the days that are left, receipts, what was shared with whom.

Owns the page. Requests are the store's; nothing on the page names a person. Role: for the algorithm.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import msgspec

from twofold.console.access.roles import Right
from twofold.console.pages.page import SHOWN, Asked, Page, Shown
from twofold.report.period import journal_of
from twofold.report.quality import KEYS

COLUMNS = ("what", "name", "dataset", "count", "purchases", "kind", "state", "at", "by", "named", "days_left", "done_at", "counts",
           "keys", "role", "link")  # fmt: skip
DEADLINE_DAYS = 30
"""A month, as Europe's law gives (GDPR, article 12)."""
CONTACT = ("em", "ph", "fn", "ln", "db", "ge", "ct", "st", "zp", "country", "external_id")


def read_rights(asked: Asked) -> Shown:
    """The consent of a period, every open request and the newest that were done, what arrived at each destination."""
    period, dataset = asked.period("28"), asked.dataset()
    folder, since, until = asked.folder, period.since, period.until
    said, told = asked.worked_out(("consent", since, until), lambda: _counted(folder, since, until))
    with journal_of(folder) as journal:
        requests = [_request(row, asked.now) for row in journal.run("console_requests", (SHOWN * 4,))]
    shared = _shared(told)
    consent = _joined([
        {"what": "consent", "name": _word(word), "dataset": of, "count": count, "purchases": purchases}
        for of, word, count, purchases in said
        if dataset in (None, of)
    ])  # fmt: skip
    opened = [r for r in requests if r["done_at"] is None]
    done = [r for r in requests if r["done_at"] is not None][:SHOWN]
    rows = [{**row, "role": "signal", "link": "signalled"} for row in (*consent, *opened, *done, *shared)]
    return Shown(
        columns=COLUMNS,
        rows=rows,
        about={"period": period.choice, "timezone": period.zone, "open": len(opened), "deadline_days": DEADLINE_DAYS},
        figures={
            "period": period, "usual_period": "28", "consent": consent, "opened": opened, "done": done, "told_to": shared,
            "to_erase": None,
            "all": sum(row["count"] for row in consent), "late": [r for r in opened if r["days_left"] < 0],
        },
    )  # fmt: skip


def _counted(folder: str, since: int, until: int) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Actions of the period by what was said of consent, and what arrived at each destination: rows as the statements give them."""
    with journal_of(folder) as journal:
        span = journal.positions(since * 1000, until * 1000)
        return journal.run("console_consent", span), journal.run("console_shared", span)


def _word(consent: str) -> str:
    """Granted, denied, unstated, or some: what was said purpose by purpose."""
    return consent if consent in ("granted", "denied", "unstated") else "some"


def _joined(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    sums: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        one = sums.setdefault((row["dataset"], row["name"]), {**row, "count": 0, "purchases": 0})
        one["count"] += row["count"]
        one["purchases"] += row["purchases"]
    return [sums[key] for key in sorted(sums)]


def _request(row: tuple[Any, ...], now: int) -> dict[str, Any]:
    number, kind, state, asked_at, by, dataset, named, counts, done_at = row
    due = asked_at // 1000 + DEADLINE_DAYS * 86_400
    return {
        "what": "request", "name": number, "kind": kind, "state": state, "at": asked_at // 1000, "by": by, "dataset": dataset,
        "named": named, "days_left": (due - now) // 86_400, "done_at": done_at // 1000 if done_at else None,
        "counts": msgspec.json.decode(counts) if counts else {},
    }  # fmt: skip


def _shared(found: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """A row a destination: events that arrived, with which keys, those that name a person first."""
    events: Counter[str] = Counter()
    last: dict[str, int] = defaultdict(int)
    keys: dict[str, Counter[str]] = defaultdict(Counter)
    for destination, names, count, at in found:
        events[destination] += count
        last[destination] = max(last[destination], (at or 0) // 1000)
        for key in (names or "").split(","):
            if key in KEYS:
                keys[destination][key] += count
    order = {key: n for n, key in enumerate((*CONTACT, *KEYS))}
    return [
        {"what": "shared", "name": name, "count": events[name], "at": last[name],
         "keys": dict(sorted(keys[name].items(), key=lambda pair: order[pair[0]]))}
        for name in sorted(events)
    ]  # fmt: skip


RIGHTS = Page(
    path="/rights",
    name="Rights",
    room="set-up",
    right=Right.SETUP,
    template="setup/rights.html",
    read=read_rights,
    slow=True,
)
