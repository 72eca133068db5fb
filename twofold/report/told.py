"""Orders of a period and what the platform was told of each: the bridge of the first page, and the list behind every bar.

Owns one word an order (`Fate`), so that the counts of all words add up to the orders. Figures are for the algorithm: what
was told and accepted as a Purchase, not what was earned. An order is of the day on which it was placed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from twofold.ledger.policy import Judgement, OrderPolicy, OrderStanding, judge_order, method_of, value_of
from twofold.ledger.references import people_number
from twofold.ledger.state import OrderState, decode_state
from twofold.report.orders import CHUNK, aliases_of, word_of
from twofold.report.period import Journal, journal_of
from twofold.store.engine import id_array
from twofold.store.orders.ledger import OrderRow

PolicyOf = Callable[[str], OrderPolicy]


class Fate(StrEnum):
    """What became of an order as a Purchase; each order has exactly one, the first that applies."""

    TEST = "test"
    CANCELLED = "cancelled"  # cancelled, deleted, voided, refunded, returned or emptied before it was told
    NOT_PAID_YET = "not_paid_yet"  # or not yet confirmed, delivered: what the policy waits for
    TOO_LATE = "too_late"  # never reached what the policy waits for
    OTHER_EVENT = "other_event"  # a renewal that is told as another event, or not at all
    NO_CONSENT = "no_consent"
    KEPT_BACK = "kept_back"  # robots, limits, nobody vouches, erased
    WAITING = "waiting"
    REFUSED = "refused"  # the platform said no, or it was given up
    ONLY_FILE = "only_file"  # imported, and recorded only: nothing is to be told of it
    NOT_CONNECTED = "not_connected"  # no destination is configured for it, or no Purchase was made of it yet
    ACCEPTED = "accepted"


_CANCELLED = frozenset(
    {"order_cancelled", "order_deleted", "order_voided", "order_refunded", "order_emptied", "order_returned"}
)


class ToldOrder(Struct, frozen=True, kw_only=True):
    """One order and its fate. ``number``: what its people call it. Money in ``currency``."""

    row: int  # in the data folder
    dataset: str
    order_id: str
    number: str
    placed_at: int
    value: Decimal | None
    currency: str
    method: str
    fate: Fate
    reason: str
    action: int | None
    again_at: int | None = None  # when time alone makes it another fate
    is_open: bool = False  # it changes without a report


class State(NamedTuple):
    """One delivery of an order's Purchase, as the statement console_told gives it."""

    action: int
    delivery: int
    state: str
    reason: str


class Step(Struct, frozen=True, kw_only=True):
    """One line of the bridge. ``money``: by currency, sorted."""

    fate: Fate
    count: int
    money: tuple[tuple[str, Decimal], ...]


class Bridge(Struct, frozen=True, kw_only=True):
    """The orders of a period and what each came to; the steps' counts add up to ``orders``."""

    orders: int
    money: tuple[tuple[str, Decimal], ...]
    steps: tuple[Step, ...]

    def count(self, fate: Fate) -> int:
        return next((step.count for step in self.steps if step.fate is fate), 0)


def told_orders(
    folder: Path | str, policy_of: PolicyOf, since: int, until: int, now: int, dataset: str | None = None
) -> Iterator[ToldOrder]:
    """The orders placed in [since, until), newest first. Cost: some 30 us an order."""
    with journal_of(folder) as journal:
        ids = [n for (n,) in journal.run("list_orders_placed", (dataset, since, until))]
        for start in range(0, len(ids), CHUNK):
            yield from tell(journal, ids[start : start + CHUNK], policy_of, now)


def numbered(folder: Path | str, ids: Sequence[int], policy_of: PolicyOf, now: int) -> list[ToldOrder]:
    """These orders as they are now, under the numbers that their people use, where a source told one."""
    with journal_of(folder) as journal:
        found = tell(journal, ids, policy_of, now)
        return [replace(o, number=people_number(aliases_of(journal, o.row), o.order_id)) for o in found]


def numbers_of_actions(folder: Path | str, actions: Iterable[int]) -> dict[int, tuple[str, str]]:
    """Of actions that stand for an order: its dataset, and the number that its people use."""
    found = {}
    with journal_of(folder) as journal:
        for action in sorted(set(actions)):
            for row, dataset, order_id, *_ in journal.run("select_order_of_action", (action,)):
                found[action] = str(dataset), people_number(aliases_of(journal, row), str(order_id))
    return found


def tell(journal: Journal, ids: Sequence[int], policy_of: PolicyOf, now: int) -> list[ToldOrder]:
    """These orders in this order; those that are not there any more are left out."""
    rows = {row[0]: OrderRow(*row) for row in journal.run("list_orders", (id_array(ids),))} if ids else {}
    actions = sorted({row.action for row in rows.values() if row.action is not None})
    states: dict[int, list[State]] = {}
    for values in journal.run("console_told", (id_array(actions),)) if actions else ():
        states.setdefault(values[0], []).append(State(*values))
    some = (rows[number] for number in ids if number in rows)
    found = [_told(row, policy_of(row.dataset), states.get(row.action or 0, []), now) for row in some]
    loose = [o.row for o in found if o.fate is Fate.NOT_CONNECTED]
    files = {row for (row,) in journal.run("console_only_files", (id_array(loose),))} if loose else set()
    return [replace(o, fate=Fate.ONLY_FILE, is_open=False) if o.row in files else o for o in found]


def _told(row: OrderRow, policy: OrderPolicy, deliveries: Sequence[State], now: int) -> ToldOrder:
    order = decode_state(row.state)
    judged = judge_order(order, policy, now)
    fate, reason = _fate(order, judged, deliveries)
    valued = value_of(order, policy)
    is_pending = judged.standing is OrderStanding.NOT_YET
    return ToldOrder(
        row=row.id,
        dataset=row.dataset,
        order_id=row.order_id,
        number=row.order_id,
        placed_at=row.placed_at,
        value=valued.value if valued else None,
        currency=valued.currency if valued else "",
        method=method_of(order, policy),
        fate=fate,
        reason=reason,
        action=row.action,
        again_at=order.placed_at + policy.expire_s + 1 if is_pending else None,
        is_open=fate in (Fate.WAITING, Fate.NOT_CONNECTED) or any(d.state in ("waiting", "paused") for d in deliveries),
    )


def _fate(order: OrderState, judged: Judgement, deliveries: Sequence[State]) -> tuple[Fate, str]:
    """What arrived stands above all: an order that was cancelled afterwards was told all the same."""
    word, _ = word_of(order, judged)
    if any(d.state == "delivered" for d in deliveries):
        return Fate.ACCEPTED, "" if judged.standing is OrderStanding.COUNTS else word
    if order.test:
        return Fate.TEST, word
    if judged.standing is OrderStanding.NEVER:
        if word in _CANCELLED:
            return Fate.CANCELLED, word
        return (Fate.OTHER_EVENT, word) if word == "renewal" else (Fate.TOO_LATE, word)
    if judged.standing is OrderStanding.NOT_YET:
        return Fate.NOT_PAID_YET, word
    return _sent(deliveries)


def _sent(deliveries: Sequence[State]) -> tuple[Fate, str]:
    if not deliveries:
        return Fate.NOT_CONNECTED, ""
    first = min(deliveries, key=lambda d: (_NEARNESS.get(d.state, 9), d.delivery))
    if first.state in ("waiting", "paused"):
        return Fate.WAITING, first.reason
    if first.state == "dead":
        return Fate.REFUSED, first.reason
    if first.reason.startswith("consent"):
        return Fate.NO_CONSENT, first.reason
    return Fate.KEPT_BACK, first.reason


_NEARNESS = {"waiting": 0, "paused": 1, "dead": 2, "suppressed": 3}
