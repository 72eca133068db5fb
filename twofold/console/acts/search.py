"""The search box: an order by its number, an event by its id, a person by e-mail address or phone.

Owns what a text may mean, and what is shown of it. What is typed is asked in a form, so that it stands in no address and no log;
of a person only digests are compared, and nothing of it is kept. An event's id is found by the fold's own key, while the
fold remembers it; an older one is looked for in the whole table.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from twofold.console.access.register import Refused
from twofold.console.acts.act import Act, Done
from twofold.console.queries.policies import policy_of
from twofold.control.erase import look
from twofold.errors import StoreError
from twofold.event.contact import holds_contact
from twofold.matching.subject import SubjectRequest
from twofold.privacy.export import actions_told
from twofold.report.orders import find_orders
from twofold.report.told import numbered

MOST = 200
MOST_SHOWN = 50


def find(act: Act) -> Done:
    """Straight to the order or event where there is one, else what was found."""
    text = act.given.get("q", "").strip()
    if not text or len(text) > MOST or not text.isprintable():
        raise Refused("Type an order's number, an event's id, an e-mail address or a phone number.")
    is_person = holds_contact(text)
    orders, actions = _of_person(act, text) if is_person else _named(act, text)
    if len(orders) == 1 and not actions:
        only = orders[0]
        return Done(to=f"/orders/{quote(only['order_id'], safe='')}?{urlencode({'dataset': only['dataset']})}")
    if len(actions) == 1 and not orders:
        return Done(to=f"/actions/{actions[0]}")
    figures = {
        "orders": orders,
        "actions": actions[:MOST_SHOWN],
        "more": max(0, len(actions) - MOST_SHOWN),
        "q": "" if is_person else text,
    }
    return Done(template="found.html", figures=figures)


def _named(act: Act, text: str) -> tuple[list[dict[str, Any]], list[int]]:
    folder = act.settings.server.data
    orders = _orders(act, find_orders(folder, text))
    if orders:
        return orders, []
    with act.sums.reading(act.now) as sums:
        names = sums.stretches.all_names()
    return [], actions_told(Path(folder), text, names)


def _of_person(act: Act, text: str) -> tuple[list[dict[str, Any]], list[int]]:
    values = (text,)
    request = SubjectRequest(kind="export", emails=values if "@" in text else (), phones=() if "@" in text else values)
    try:
        found = look(act.settings, request, lambda *_: None)
    except StoreError as err:
        raise Refused(f"It could not be done: {err}") from err
    return _orders(act, sorted(found.orders, reverse=True)[:MOST_SHOWN]), sorted(found.actions, reverse=True)


def _orders(act: Act, rows: list[int]) -> list[dict[str, Any]]:
    found = numbered(act.settings.server.data, rows, policy_of(act.settings), act.now)
    return [
        {"dataset": o.dataset, "order_id": o.order_id, "number": o.number, "placed_at": o.placed_at, "value": o.value,
         "currency": o.currency, "fate": o.fate, "reason": o.reason}
        for o in found
    ]  # fmt: skip
