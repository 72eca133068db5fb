"""The value check: every Purchase that a platform has taken, against its order's value by the policy.

Owns the comparison and the explaining of a difference. The ledger keeps when each report came in, so the order as it was
known when the Purchase was sent can be derived again; what was reported after that, or a setting that is another one now,
explains a difference or it does not. Nothing is rounded away: an explanation fits to the minor unit or is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from twofold.event.delivery import DeliveryState
from twofold.ledger.model import decode_report
from twofold.ledger.money import to_minor
from twofold.ledger.policy import (
    VALUE_PARTS,
    Judgement,
    OrderPolicy,
    OrderStanding,
    Valued,
    judge_order,
    value_of,
)
from twofold.ledger.state import Fact, OrderState, decode_state, derive
from twofold.report.orders import (
    CHUNK,
    PolicyOf,
    Purchase,
    deliveries_of,
    order_chunks,
    purchases_of,
    word_of,
)
from twofold.report.period import Journal, journal_of
from twofold.store.engine import id_array, key_array
from twofold.store.orders.ledger import OrderRow, name_of_order

EQUAL = "equal"
EXPLAINED = "explained"
WRONG = "wrong"
NO_ORDER = "no_order"  # arrived, and no order of it is known
MISSING = "missing"  # the order counts, and no Purchase of it arrived
NOT_YET = "not_yet"
NEVER = "never"
VERDICTS = (EQUAL, EXPLAINED, WRONG, NO_ORDER, MISSING, NOT_YET, NEVER)

SENT_ALONE = "sent_alone"  # before its order was reported
EDITED = "edited_after"  # an edit or an upsell came after it was sent
REFUNDED = "refunded_after"
NO_TOTAL = "order_without_total"
SENT_TWICE = "sent_twice"  # the order stands for another Purchase that arrived too
NO_PURCHASE = "no_purchase"  # nobody reported an event of it that could be sent
DIFFERENT = "differs"  # nothing known explains it
SETTING = "setting:"  # what another setting gives exactly; the setting's name follows

GRACE_MS = 10_000  # a report that came in so shortly before may not have been on disk when the bytes were fixed
MAX_SETTINGS = 2  # settings that may have changed together; more would explain anything

_ZERO = Decimal(0)


class Sent(NamedTuple):
    """What a platform was told. ``sealed_at``: ms, when the bytes of the first delivery were fixed."""

    value: Decimal | None
    currency: str | None
    sealed_at: int
    alone: bool


class Finding(NamedTuple):
    """The answer for one Purchase. ``parts``: what explains the difference ``due`` - sent, by word."""

    verdict: str
    reason: str
    due: Decimal | None
    parts: dict[str, Decimal]
    irrevocable: bool = False  # the order counts no more; at the platform it stays


class Checked(Struct, frozen=True, kw_only=True):
    """One Purchase at one destination, or one order without any. ``due``: what the policy says it is worth now."""

    dataset: str
    order_id: str
    destination: str
    verdict: str
    reason: str = ""
    sent: Decimal | None = None
    sent_currency: str | None = None
    due: Decimal | None = None
    currency: str | None = None
    parts: dict[str, Decimal] = {}
    irrevocable: bool = False
    event_id: str = ""


class Sums(Struct, kw_only=True):
    """How many of one verdict, reason and currency there are, and their money, exact."""

    dataset: str
    destination: str
    verdict: str
    reason: str
    currency: str
    orders: int = 0
    sent: Decimal = _ZERO
    due: Decimal = _ZERO

    @property
    def difference(self) -> Decimal:
        """What the platform was told too little."""
        return self.due - self.sent


def is_no(sums: Sums) -> bool:
    """Whether these say that something is not as it should be: money that nothing explains, or a sale that was given up."""
    given_up = sums.verdict == MISSING and sums.reason.partition(":")[0] == DeliveryState.DEAD
    return sums.verdict == WRONG or given_up


def check_values(
    folder: Path | str,
    policy_of: PolicyOf,
    now_s: int,
    *,
    dataset: str | None = None,
    since_s: int = 0,
    progress: Callable[[int], None] = lambda _n: None,
) -> Iterator[Checked]:
    """One row for each Purchase that arrived and each order, of orders placed and events that happened since a time.

    ``progress`` is told how many orders were read.
    """
    with journal_of(folder) as journal:
        strays = _Strays(journal, dataset, since_s)
        for rows in order_chunks(journal, dataset, since_s):
            yield from _check_orders(journal, rows, strays, policy_of, now_s)
            progress(len(rows))
        yield from strays.rest()


def sum_up(rows: Iterator[Checked], keep: Callable[[Checked], bool]) -> tuple[list[Sums], list[Checked]]:
    """The sums of all rows, and those rows that ``keep`` wants."""
    sums: dict[tuple[str, ...], Sums] = {}
    kept = []
    for row in rows:
        currency = row.sent_currency or row.currency or ""
        key = (row.dataset, row.destination, row.verdict, row.reason, currency)
        one = sums.get(key)
        if one is None:
            one = sums[key] = Sums(dataset=key[0], destination=key[1], verdict=key[2], reason=key[3], currency=currency)
        one.orders += 1
        if row.sent is not None:
            one.sent += row.sent
        if row.due is not None and row.currency == currency:
            one.due += row.due
        if keep(row):
            kept.append(row)
    return sorted(sums.values(), key=lambda s: (s.dataset, s.destination, VERDICTS.index(s.verdict), s.reason)), kept


# -- reading


class _Custom(Struct, frozen=True):
    value: Decimal | None = None
    currency: str | None = None


class _Payload(Struct, frozen=True):
    custom_data: _Custom = _Custom()


_decode_payload = msgspec.json.Decoder(_Payload).decode


def sent_of(purchase: Purchase) -> Sent:
    """What was sent: by its bytes, and when retention emptied them, by the action's row. Where its margin was told, the row has
    the revenue that it was worked out beside."""
    money, marks = None, purchase.marks.split(",")
    if purchase.payload and "told:margin" not in marks:
        try:
            custom = _decode_payload(purchase.payload).custom_data
            money = custom.value, custom.currency
        except msgspec.DecodeError:
            pass  # another platform's form; the action's row says it too
    if money is None or money[0] is None:
        money = (Decimal(purchase.value) if purchase.value is not None else None), purchase.currency
    return Sent(money[0], money[1], purchase.sealed_at or 0, "alone" in marks)


class _Strays:
    """Purchases that arrived and that no order stands for: found again by their order's name, or of no known order."""

    def __init__(self, journal: Journal, dataset: str | None, since_s: int) -> None:
        self._journal = journal
        rows = journal.run("list_unowned_purchases", (dataset, since_s))
        self._of_no_order: list[tuple[Any, ...]] = []
        self._by_order: dict[int, list[tuple[Any, ...]]] = {}
        for start in range(0, len(rows), CHUNK):
            self._sort(rows[start : start + CHUNK])

    def _sort(self, rows: Sequence[tuple[Any, ...]]) -> None:
        names = {name_of_order(row[1], row[2]): row for row in rows if row[2]}
        known = dict(self._journal.run("select_order_names", (key_array(names),))) if names else {}
        for row in rows:
            order = known.get(name_of_order(row[1], row[2])) if row[2] else None
            if order is None:
                self._of_no_order.append(row)
            else:
                self._by_order.setdefault(order, []).append(row)

    def of(self, rows: Sequence[OrderRow]) -> dict[int, list[tuple[Purchase, str]]]:
        """Order's row id to the deliveries that arrived of Purchases in its name, each with its event id."""
        mine = [(row.id, stray) for row in rows for stray in self._by_order.pop(row.id, ())]
        deliveries = deliveries_of(self._journal, [stray[0] for _, stray in mine])
        found: dict[int, list[tuple[Purchase, str]]] = {}
        for order, stray in mine:
            arrived = [d for d in deliveries.get(stray[0], []) if d.state == "delivered"]
            found.setdefault(order, []).extend((d, stray[3]) for d in arrived)
        return found

    def rest(self) -> Iterator[Checked]:
        """Those of no order. One of an order from before the time asked for is checked when that time is."""
        for start in range(0, len(self._of_no_order), CHUNK):
            part = self._of_no_order[start : start + CHUNK]
            deliveries = deliveries_of(self._journal, [row[0] for row in part])
            for action, dataset, order_id, event_id in part:
                for one in deliveries.get(action, []):
                    if one.state == "delivered":
                        sent = sent_of(one)
                        yield Checked(
                            dataset=dataset, order_id=order_id or "", destination=one.destination, verdict=NO_ORDER,
                            sent=sent.value, sent_currency=sent.currency, event_id=event_id,
                        )  # fmt: skip


def _check_orders(
    journal: Journal, rows: Sequence[OrderRow], strays: _Strays, policy_of: PolicyOf, now_s: int
) -> Iterator[Checked]:
    purchases = purchases_of(journal, rows)
    more = strays.of(rows)
    unclear: list[tuple[OrderRow, OrderState, str, Sent]] = []
    for row in rows:
        order, policy = decode_state(row.state), policy_of(row.dataset)
        judged, valued = judge_order(order, policy, now_s), value_of(order, policy)
        own = purchases.get(row.action or 0, [])
        arrived = [d for d in own if d.state == "delivered"]
        taken = {d.destination for d in arrived}
        for stray, event_id in more.get(row.id, []):
            again = next((d for d in arrived if (d.destination, d.event_id) == (stray.destination, event_id)), None)
            if again is not None:
                # The same id twice: the platform kept what came first, and dropped the other as its repetition.
                arrived[arrived.index(again)] = min(again, stray, key=lambda d: d.sealed_at or 0)
            elif stray.destination in taken:
                yield _twice(row, stray, event_id)
            else:
                taken.add(stray.destination)
                arrived.append(stray)
        for delivery in arrived:
            sent = sent_of(delivery)
            if judged.standing is OrderStanding.COUNTS and valued is not None and _fits(sent, valued):
                yield _checked(row, delivery.destination, sent, valued, Finding(EQUAL, "", valued.value, {}))
            else:
                unclear.append((row, order, delivery.destination, sent))
        yield from _unsent(row, order, judged, valued, [d for d in own if d.destination not in taken], bool(taken))
    yield from _explain_all(journal, unclear, policy_of, now_s)


def _explain_all(
    journal: Journal, unclear: Sequence[tuple[OrderRow, OrderState, str, Sent]], policy_of: PolicyOf, now_s: int
) -> Iterator[Checked]:
    facts: dict[int, list[tuple[int, Fact]]] = {}
    ids = sorted({row.id for row, *_ in unclear})
    if ids:
        for order, received_at, source, body in journal.run("list_facts_of", (id_array(ids),)):
            facts.setdefault(order, []).append((received_at, Fact(source, decode_report(body))))
    for row, state, destination, sent in unclear:
        policy = policy_of(row.dataset)
        finding = explain(sent, state, facts.get(row.id, []), policy, now_s)
        yield _checked(row, destination, sent, value_of(state, policy), finding)


def _checked(row: OrderRow, destination: str, sent: Sent, valued: Valued | None, finding: Finding) -> Checked:
    currency = valued.currency if valued else sent.currency
    return Checked(
        dataset=row.dataset,
        order_id=row.order_id,
        destination=destination,
        verdict=finding.verdict,
        reason=finding.reason,
        sent=sent.value,
        sent_currency=sent.currency,
        due=to_minor(finding.due, currency) if finding.due is not None and currency else finding.due,
        currency=currency,
        parts=finding.parts,
        irrevocable=finding.irrevocable,
    )


def _twice(row: OrderRow, stray: Purchase, event_id: str) -> Checked:
    sent = sent_of(stray)
    return Checked(
        dataset=row.dataset, order_id=row.order_id, destination=stray.destination, verdict=WRONG, reason=SENT_TWICE,
        sent=sent.value, sent_currency=sent.currency, due=_ZERO, currency=sent.currency,
        parts={SENT_TWICE: -(sent.value or _ZERO)}, irrevocable=True, event_id=event_id,
    )  # fmt: skip


def _unsent(
    row: OrderRow,
    order: OrderState,
    judged: Judgement,
    valued: Valued | None,
    waiting: Sequence[Purchase],
    arrived: bool,
) -> Iterator[Checked]:
    """The order where it did not arrive: at each destination of its Purchase, or nowhere at all."""
    verdict = {OrderStanding.COUNTS: MISSING, OrderStanding.NOT_YET: NOT_YET, OrderStanding.NEVER: NEVER}[
        judged.standing
    ]
    word = word_of(order, judged)[0]
    places = [(d.destination, f"{d.state}: {d.reason}" if d.reason else d.state) for d in waiting]
    if not places and not arrived:
        places = [("", NO_PURCHASE)]
    for destination, why in places:
        yield Checked(
            dataset=row.dataset,
            order_id=row.order_id,
            destination=destination,
            verdict=verdict,
            reason=why if verdict == MISSING else word,
            due=valued.value if valued and verdict == MISSING else None,
            currency=valued.currency if valued else None,
        )


# -- explaining


def explain(sent: Sent, now: OrderState, facts: Sequence[tuple[int, Fact]], policy: OrderPolicy, now_s: int) -> Finding:
    """Why what was sent is not what the order is worth now. ``facts``: each with when it came in, ms."""
    then = _as_known(facts, sent.sealed_at)
    judged = judge_order(now, policy, now_s)
    alone = sent.alone or not any(s.known or s.test for s in then)
    if judged.standing is not OrderStanding.COUNTS:
        return _counts_no_more(sent, then, alone, judged, policy)
    valued = value_of(now, policy)
    if valued is None:
        return Finding(EXPLAINED, NO_TOTAL, None, {})
    if sent.value is None:
        return Finding(WRONG, DIFFERENT, valued.value, {})
    if not alone:
        for settings, variant in _variants(policy):
            for state in then:
                was = value_of(state, variant)
                if was is not None and _fits(sent, was):
                    return _later(sent, settings, state, now, valued, policy)
    verdict, reason = (EXPLAINED, SENT_ALONE) if alone else (WRONG, DIFFERENT)
    parts = {reason: valued.value - sent.value} if sent.currency == valued.currency else {}
    return Finding(verdict, reason, valued.value, parts)


def _as_known(facts: Sequence[tuple[int, Fact]], sealed_at: int) -> list[OrderState]:
    """The order as it stood when the bytes were fixed; twice, where the last reports had only just come in."""
    known = [[f for at, f in facts if at <= moment] for moment in (sealed_at, sealed_at - GRACE_MS)]
    if len(known[1]) == len(known[0]):
        known.pop()
    return [derive(part) for part in known if part]


def _counts_no_more(
    sent: Sent, then: Sequence[OrderState], alone: bool, judged: Judgement, policy: OrderPolicy
) -> Finding:
    """The order was sent and is no Purchase by the policy now: since it was sent, by a setting, or it never was one."""
    money = -(sent.value or _ZERO)
    before = [judge_order(state, policy, sent.sealed_at // 1000) for state in then if state.known or state.test]
    if any(j.standing is OrderStanding.COUNTS for j in before) or (alone and judged.standing is OrderStanding.NEVER):
        return Finding(EXPLAINED, judged.reason, _ZERO, {judged.reason: money}, True)
    if alone:
        return Finding(EXPLAINED, SENT_ALONE, _ZERO, {SENT_ALONE: money}, True)
    if judged.reason == "renewal":
        return Finding(EXPLAINED, f"{SETTING}renewals", _ZERO, {f"{SETTING}renewals": money}, True)
    if any(j.standing is OrderStanding.NOT_YET for j in before):
        # It was sent at a station that the settings of today do not name for it.
        return Finding(EXPLAINED, f"{SETTING}counts_when", _ZERO, {f"{SETTING}counts_when": money}, True)
    return Finding(WRONG, judged.reason, _ZERO, {judged.reason: money}, True)


def _later(
    sent: Sent, settings: Sequence[str], then: OrderState, now: OrderState, valued: Valued, policy: OrderPolicy
) -> Finding:
    """What was sent was right by these settings then; what has come since, part by part."""
    was = value_of(then, policy)
    words = [f"{SETTING}{name}" for name in settings]
    if was is None or sent.value is None or was.currency != valued.currency or sent.currency != valued.currency:
        return Finding(EXPLAINED, "+".join(words) or f"{SETTING}currency", valued.value, {})
    parts: dict[str, Decimal] = {}
    if settings:
        parts["+".join(words)] = was.value - sent.value
    gross = msgspec.structs.replace(policy, deduct_refunds=False)
    before, after = value_of(then, gross), value_of(now, gross)
    if before is not None and after is not None and before.currency == after.currency:
        parts[EDITED] = after.value - before.value
    parts[REFUNDED] = valued.value - was.value - parts.get(EDITED, _ZERO)
    parts = {word: amount for word, amount in parts.items() if amount}
    return Finding(EXPLAINED, "+".join(parts) or "+".join(words), valued.value, parts)


def _variants(policy: OrderPolicy) -> Iterator[tuple[tuple[str, ...], OrderPolicy]]:
    """The policy, then what it would be with one or two settings of another kind."""
    names = (*(p for p in VALUE_PARTS if p != "goods"), "refunds", "currency")
    for count in range(MAX_SETTINGS + 1):
        for chosen in combinations(names, count):
            yield chosen, _changed(policy, chosen)


def _changed(policy: OrderPolicy, names: Sequence[str]) -> OrderPolicy:
    parts = policy.value_parts ^ frozenset(n for n in names if n in VALUE_PARTS)
    return msgspec.structs.replace(
        policy,
        value_parts=parts,
        deduct_refunds=policy.deduct_refunds ^ ("refunds" in names),
        presentment=policy.presentment ^ ("currency" in names),
    )


def _fits(sent: Sent, valued: Valued) -> bool:
    if sent.value is None or sent.currency != valued.currency:
        return False
    return to_minor(sent.value, valued.currency) == valued.value


def as_row(row: Checked) -> dict[str, Any]:
    """A plain row for ``--json``; money as text, exact."""
    found: dict[str, Any] = msgspec.to_builtins(row)
    found["difference"] = None
    if row.due is not None and row.sent is not None and row.currency == row.sent_currency:
        found["difference"] = str(row.due - row.sent)
    return found


def as_sums(row: Sums) -> dict[str, Any]:
    """The same of sums."""
    return {**msgspec.to_builtins(row), "difference": str(row.difference)}
