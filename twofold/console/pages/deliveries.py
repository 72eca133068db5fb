"""Deliveries: is anything stuck, and why? And one delivery with what was sent and answered.

Owns the list, its filters and the page of one delivery. What was sent needs a right of its own. Role: for the algorithm.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

import msgspec

from twofold.console.access.roles import Right, may
from twofold.console.charts.definitions import tries
from twofold.console.pages.page import SHOWN, Asked, NotHere, Page, Shown, UnknownChoice
from twofold.console.sums.stretches import TRIES_S
from twofold.report.told import numbers_of_actions
from twofold.store.lists import Reader

TRIED_S = 3 * 3_600
MOST_WINDOWS = 6
"""Stretches of the journal that one page looks through for a filter that few deliveries fit; then it says where to go on."""
STATES = ("waiting", "paused", "delivered", "suppressed", "dead")
COLUMNS = (
    "id", "created_at", "event_name", "order_id", "destination", "state", "reason", "attempts", "status", "took_ms",
    "due_at", "settled_at", "role", "link",
)  # fmt: skip


def read_deliveries(asked: Asked) -> Shown:
    """The newest deliveries, at most `SHOWN`, before a number; and how many of the period are in which state."""
    period, dataset = asked.period(), asked.dataset()
    state = asked.one_of("state", STATES)
    filters: dict[str, str | None] = {
        "dataset": dataset,
        "state": state or None,
        "name": asked.choices.get("name") or None,
    }
    before = asked.number("before")
    with asked.sums.reading(asked.now, events_since=period.first) as sums:
        seen = sums.stretches
        found, names = seen.states(period.first, period.last), seen.event_names()
        windows = list(islice(seen.windows(-(-before // 256), dataset, state, filters["name"] or ""), MOST_WINDOWS))
        tried = seen.tries(asked.now - TRIED_S)
        oldest = seen.lowest
    if filters["name"] and filters["name"] not in names:
        raise UnknownChoice("name", names, filters["name"])
    rows, further = _newest(asked, filters, before, windows, oldest)
    states = [{"destination": d, "state": s, "count": n} for (d, s), n in sorted(found.items())]
    shown = [{**{name: row.get(name) for name in COLUMNS}, "role": "signal", "link": "signalled"} for row in rows]
    return Shown(
        columns=COLUMNS,
        rows=shown,
        in_ms=("created_at", "due_at", "settled_at"),
        about={"period": period.choice, "timezone": period.zone, "states": states},
        figures={
            "deliveries": rows, "numbers": numbers_of_actions(asked.folder, (r["action"] for r in rows if r["order_id"])), "states": states, "state": state, "period": period,
            "next": further, "chart": _tries(asked, tried),
            "may_replay": may(asked.session.person.role, Right.REPLAY),
        },
    )  # fmt: skip


def _tries(asked: Asked, tried: dict[tuple[int, str], int]) -> dict[str, Any] | None:
    """Bars of five minutes; None where nothing was tried."""
    if not tried:
        return None
    say = asked.words.say
    kinds = {
        "accepted": (say("accepted"), "accepted"),
        "invalid": (say("refused"), "refused"),
        "unknown": (say("refused"), "refused"),
    }
    later = (say("later again"), "waiting")
    slots = []
    for at in range((asked.now - TRIED_S) // TRIES_S * TRIES_S, asked.now + 1, TRIES_S):
        counts: dict[str, int] = {}
        for (slot, outcome), count in tried.items():
            if slot == at:
                word = kinds.get(outcome, later)[0]
                counts[word] = counts.get(word, 0) + count
        slots.append({"label": asked.words.clock(at), "counts": counts})
    return tries(say, slots, list(dict.fromkeys([*kinds.values(), later])))


def _newest(
    asked: Asked, filters: dict[str, str | None], before: int, windows: list[tuple[int, int]], oldest: int
) -> tuple[list[dict[str, Any]], int | None]:
    """The newest rows in these stretches of actions, and the number before which to go on; None where there is no more."""
    rows: list[dict[str, Any]] = []
    with Reader(asked.folder) as reader:
        for first, until in windows:
            part = reader.rows(
                "deliveries", filters, limit=SHOWN - len(rows), after=first * 256 - 1,
                before=min(before, until * 256) if before else until * 256,
            )  # fmt: skip
            rows += list(part)[::-1]
            if len(rows) == SHOWN:
                return rows, rows[-1]["id"]
    if len(windows) == MOST_WINDOWS:
        return rows, windows[-1][0] * 256
    return rows, oldest * 256 if oldest else None


def read_delivery(asked: Asked) -> Shown:
    """One delivery: its attempts, and for whom may see it the bytes that each carried (hashed, without credentials)."""
    given = asked.path["number"]
    if not (given.isascii() and given.isdigit() and len(given) < 19):
        raise NotHere
    with Reader(asked.folder) as reader:
        row = reader.delivery(int(given))
        if row is None:
            raise NotHere
        attempts = reader.attempts(int(given))
        may_see = may(asked.session.person.role, Right.PAYLOADS)
        payload = reader.frozen_payload(int(given)) if may_see else None
    return Shown(
        columns=("started_at", "ended_at", "outcome", "status", "code", "decision", "note"),
        rows=attempts,
        in_ms=("started_at", "ended_at", "created_at", "due_at", "settled_at"),
        about={name: row.get(name) for name in COLUMNS[:-2]},
        figures={
            "delivery": row, "number": numbers_of_actions(asked.folder, [row["action"]]).get(row["action"]), "attempts": attempts, "payload": pretty(payload), "may_see": may_see,
            "may_replay": may(asked.session.person.role, Right.REPLAY) and row["state"] == "dead",
        },
    )  # fmt: skip


def pretty(payload: bytes | None) -> str | None:
    """The bytes as people read JSON; None where they were never made, empty where retention took them."""
    if not payload:
        return None if payload is None else ""
    try:
        decoded: Any = msgspec.json.decode(payload)
    except msgspec.DecodeError:
        return payload.decode("utf-8", "replace")
    return msgspec.json.format(msgspec.json.encode(decoded), indent=2).decode()


DELIVERIES = Page(
    path="/deliveries",
    name="Deliveries",
    room="signal",
    right=Right.SIGNAL,
    template="deliveries.html",
    read=read_deliveries,
)
DELIVERY = Page(
    path="/deliveries/{number}",
    name="",
    room="signal",
    right=Right.SIGNAL,
    template="delivery.html",
    read=read_delivery,
)
