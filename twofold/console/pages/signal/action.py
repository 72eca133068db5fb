"""One action: its copies, what the steps did to each, the keys and where each came from, what the gates said, what left.

Owns the page of one action. Bodies and payloads need a right of their own; everything else says names and counts, no
values of anybody. Role: for the algorithm.
"""

from __future__ import annotations

from typing import Any

import msgspec

from twofold.console.access.roles import Right, may
from twofold.console.pages.deliveries import pretty
from twofold.console.pages.page import Asked, NotHere, Page, Shown
from twofold.event.model import Event, encode, readable_event
from twofold.matching.user_data import present_keys
from twofold.report.period import journal_of
from twofold.report.told import numbers_of_actions
from twofold.store.lists import Reader

COLUMNS = ("what", "number", "at", "channel", "sender", "tier", "verdict", "event_id", "key", "from", "keys", "warnings",
           "destination", "state", "reason", "marks", "status", "code", "outcome", "took_ms", "role", "link")  # fmt: skip


def read_action(asked: Asked) -> Shown:
    """Everything that is kept of one action, and how it was made one."""
    given = asked.path["number"]
    if not (given.isascii() and given.isdigit() and len(given) < 16):
        raise NotHere
    number = int(given)
    with Reader(asked.folder) as reader:
        action = next(reader.rows("actions", limit=1, before=number + 1), None)
        if action is None or action["id"] != number:
            raise NotHere
        deliveries = list(reader.rows("deliveries", limit=0, after=number * 256 - 1, before=(number + 1) * 256))
        attempts = {row["id"]: reader.attempts(row["id"]) for row in deliveries}
        may_see = may(asked.session.person.role, Right.PAYLOADS)
        payloads = {row["id"]: pretty(reader.frozen_payload(row["id"])) for row in deliveries} if may_see else {}
    copies = _copies(asked.folder, number, may_see=may_see)
    keys = _keys(action, copies, deliveries)
    return Shown(
        columns=COLUMNS,
        rows=[*map(_copy_row, copies), *map(_key_row, keys), *_sent_rows(deliveries, attempts)],
        in_ms=("at",),
        about={
            name: action[name]
            for name in ("id", "dataset", "event_name", "event_id", "fold_key", "consent", "value", "currency", "order_id",
                         "merged_into")
        },
        figures={
            "action": action, "number": numbers_of_actions(asked.folder, [number]).get(number), "copies": copies, "keys": keys, "deliveries": deliveries, "attempts": attempts,
            "payloads": payloads, "may_see": may_see,
        },
    )  # fmt: skip


def _copies(folder: str, number: int, *, may_see: bool) -> list[dict[str, Any]]:
    names = ("position", "received_at", "event_id", "event_time", "channel", "sender", "tier", "verdict", "late")
    found = []
    with journal_of(folder) as journal:
        for *values, body in journal.run("console_action_copies", (number,)):
            event = readable_event(body)
            row = dict(zip(names, values, strict=True))
            found.append({**row, **_read(event), "body": _shown(event) if may_see else None})
    return found


def _read(event: Event | None) -> dict[str, Any]:
    """What a copy brought, in names; of a body that cannot be read, that it cannot be."""
    if event is None:
        return {
            "keys": [],
            "warnings": ["the body cannot be read"],
            "id_given": True,
            "consent": "",
            "bot": "",
            "held_back": "",
        }
    return {
        "keys": sorted(present_keys(event.user_data)), "warnings": list(event.warnings), "id_given": event.id_given,
        "consent": event.consent.value, "bot": event.bot or "", "held_back": event.held_back or "",
    }  # fmt: skip


def _shown(event: Event | None) -> str | None:
    return None if event is None else msgspec.json.format(encode(event), indent=2).decode()


def _keys(
    action: dict[str, Any], copies: list[dict[str, Any]], deliveries: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Each match key that left or would leave: the copies that carry it, or the visit that it was taken from."""
    left = {key for row in deliveries for key in row["keys"]}
    stitched = {key: where for row in deliveries for key, _, where in (part.partition("=") for part in row["stitched"])}
    return [
        {
            "key": key,
            "copies": [c["position"] for c in copies if key in c["keys"]],
            "senders": sorted({c["sender"] for c in copies if key in c["keys"]}),
            "visit": stitched.get(key, ""),
            "left": key in left if left else None,
        }
        for key in sorted({*left, *action["match_keys"], *stitched})
    ]


def _copy_row(copy: dict[str, Any]) -> dict[str, Any]:
    return {
        "what": "copy", "number": copy["position"], "at": copy["received_at"], "role": "signal", "link": "signalled",
        **{name: copy[name] for name in ("channel", "sender", "tier", "verdict", "event_id", "keys", "warnings")},
    }  # fmt: skip


def _key_row(key: dict[str, Any]) -> dict[str, Any]:
    return {"what": "key", "key": key["key"], "from": key["visit"] or ", ".join(key["senders"]), "role": "signal"}


def _sent_rows(deliveries: list[dict[str, Any]], attempts: dict[int, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    found = []
    for row in deliveries:
        shared = {"number": row["id"], "destination": row["destination"], "role": "signal", "link": "signalled"}
        said = {name: row[name] for name in ("state", "reason", "marks", "keys")}
        found.append({"what": "delivery", "at": row["settled_at"], **shared, **said})
        found += [
            {"what": "attempt", "at": a["started_at"], "took_ms": a["ended_at"] - a["started_at"], **shared,
             **{name: a[name] for name in ("status", "code", "outcome")}}
            for a in attempts[row["id"]]
        ]  # fmt: skip
    return found


ACTION = Page(
    path="/actions/{number}",
    name="",
    room="signal",
    right=Right.SIGNAL,
    template="signal/action.html",
    read=read_action,
)
