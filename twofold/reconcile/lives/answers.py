"""The chain's report out of sums that tables gave.

Owns the way from answers to the rows of a report. What is a term and how rows are written is `chain`'s, for both ways alike.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from twofold.reconcile.chain.account import Desk
from twofold.reconcile.chain.booked import Group, rows_of
from twofold.reconcile.chain.cohort import OPEN_REASONS, Tally
from twofold.reconcile.chain.metrics import COD, PREPAID, Advertising, Bought, Figures, metrics_of
from twofold.reconcile.chain.purse import COURIER_HOLDS
from twofold.reconcile.chain.report import habit_of, missing_of, unmatched_rows
from twofold.reconcile.chain.rows import Link, Report, Row
from twofold.reconcile.chain.signals import signalled
from twofold.reconcile.chain.standing import BACK, Station
from twofold.reconcile.chain.told import NO_GROUP, closed_row, period_of, share_of
from twofold.reconcile.chain.values import ZERO
from twofold.reconcile.exchange import day_number
from twofold.reconcile.lives.rows import (
    AGE,
    CASH,
    HABIT,
    LINE,
    LINK,
    UNMATCHED_CREDIT,
    UNMATCHED_LINE,
    UNRATED,
)
from twofold.reconcile.reading.whole import worth_of

Answers = Mapping[str, Sequence[Any]]
"""Rows by the name of their question."""

_AMOUNTS = ("total", "delivered", "refunds", "due", "taken", "collected", "banked")
_APART = frozenset({HABIT, CASH, UNMATCHED_CREDIT, UNMATCHED_LINE, UNRATED})
"""Bridges of life_terms that no tally knows and no group comes from."""


class Purchases:
    """Signals by group, added up."""

    def __init__(self, rows: Iterable[Any], by: str, desk: Desk) -> None:
        self._desk = desk
        self._counts: dict[str, int] = defaultdict(int)
        self._sent: dict[str, int] = defaultdict(int)
        self._worth: dict[str, dict[tuple[int, str], Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        for row in rows:
            day = desk.days.of(row.slot)
            for name in {"", period_of(by, day) or row.grp}:
                self._counts[name] += row.purchases
                self._sent[name] += row.sent
                self._worth[name][day, row.currency] += row.value

    def link(self, group: str) -> Link:
        return signalled(group, self._counts[group], self._sent[group], self._worth[group], self._desk)


# -- the cohort view


def cohort_report(answers: Answers, by: str, as_of: int, desk: Desk) -> Report:
    """The orders of a period as they stood at a time."""
    today = desk.days.of(as_of)
    whole = _tally(answers["chain_lives"], answers["chain_terms"], today, desk)
    sums = _figures(answers)
    purchases = Purchases(answers["chain_signals"], by, desk)
    rows: list[Row] = [purchases.link("")]
    rows += whole.rows("")
    rows += _unmatched(answers["chain_terms"], today)
    rows += metrics_of(sums, advertising_of(answers["chain_advertising"], desk), desk.rules.least_costed, today)
    for name in _names(answers) if by else ():
        rows.append(purchases.link(name))
        mine = [[row for row in answers[q] if row.grp == name] for q in ("chain_lives", "chain_terms")]
        rows += _tally(mine[0], mine[1], today, desk).rows(name)
    orders = sum(row.orders for row in answers["chain_lives"])
    unrated = answers["chain_unrated"][0].orders + sum(
        r.concerned for r in answers["chain_terms"] if r.bridge == UNRATED
    )
    return Report(
        rows=tuple(closed_row(row, desk.rules.currency) for row in rows),
        missing=missing_of(sums.margins, unrated, orders),
        balanced=not answers["chain_open_batches"][0].batches,
    )


def _names(answers: Answers) -> list[str]:
    found = {row.grp for row in answers["chain_lives"]}
    return sorted(found | {row.grp for row in answers["chain_terms"] if row.bridge == LINE})


def _tally(lives: Iterable[Any], terms: Sequence[Any], today: int, desk: Desk) -> Tally:
    tally = Tally(today)
    for row in lives:
        orders = row.orders
        tally.link("placed", row.total, orders)
        if row.confirmed:
            tally.link("confirmed", row.total, orders)
        if row.shipped:
            tally.link("shipped", row.total, orders)
        tally.link("delivered", row.delivered, orders * row.is_delivered)
        tally.link("refunds", row.refunds, 0)
        tally.link("taken", row.taken, 0)
        tally.link("collected", row.collected, orders * row.is_collected)
        tally.link("banked", row.banked, orders * row.is_banked)
        tally.cell(row.is_delivered, row.is_collected, row.at_stake, orders)
    habits = _habits(terms)
    for row in terms:
        if row.bridge == LINK:
            tally.link(row.reason, row.amount, 0)
        elif row.bridge == AGE:
            expected = row.expected
            if row.reason == COURIER_HOLDS:
                expected = row.since_last + habits.get(row.courier, desk.rules.courier_days)
            tally.age(row.reason, row.since_first, expected)
        elif row.bridge not in _APART and row.bridge != LINE:
            tally.term(row.bridge, row.reason, row.amount, row.orders, row.concerned)
    return tally


def _habits(terms: Iterable[Any]) -> dict[str, int]:
    days: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for row in terms:
        if row.bridge == HABIT:
            days[row.courier][row.days] += row.orders
    return {name: habit for name, found in days.items() if (habit := habit_of(found)) is not None}


def _figures(answers: Answers) -> Figures:
    sums = Figures()
    for row in answers["chain_lives"]:
        for of in ("all", COD if row.cod else PREPAID):
            sums.stand(of, row.station, row.confirmed, row.shipped, row.orders)
        for name in _AMOUNTS:
            sums.money[name] += getattr(row, name)
        sums.money["placed"] += row.total
        sums.money["banked_all"] += row.banked
        _add_margin(sums, row)
    since: dict[str, int] = {}
    for row in answers["chain_terms"]:
        if row.bridge == "banked":
            sums.terms[row.reason] += row.amount
        elif row.bridge == LINK:
            sums.money["banked_all"] += row.amount
        elif row.bridge == CASH:
            sums.cash[row.days] += row.amount
        elif row.bridge == AGE and row.reason == COURIER_HOLDS:
            since[row.courier] = min(row.since_first, since.get(row.courier, row.since_first))
    for row in answers["chain_terms"]:
        if (row.bridge, row.reason) == ("collected", COURIER_HOLDS):
            sums.hold(row.courier, -row.amount, since[row.courier])
    (bought,) = answers["chain_buyers"]
    sums.bought = Bought(
        new=bought.new_customers, unsure=bought.unsure, returning=bought.returning, first_delivered=bought.first_delivered,
        first_due=bought.first_due, orders_returning=bought.orders_returning, orders_of_unknown=bought.orders_of_unknown,
    )  # fmt: skip
    return sums


def _add_margin(sums: Figures, row: Any) -> None:
    margins = sums.margins
    if row.is_final:
        margins.whole += row.due
    if row.costed:
        margins.orders += row.orders
        margins.due += row.due
        for name in ("net_revenue", "cm1", "cm2", "cm3"):
            setattr(margins, name, getattr(margins, name) + getattr(row, name))


def _unmatched(terms: Iterable[Any], today: int) -> Iterator[Row]:
    told = list(terms)
    credits = [row for row in told if row.bridge == UNMATCHED_CREDIT]
    lines = [row for row in told if row.bridge == UNMATCHED_LINE]
    yield from unmatched_rows(
        (sum(r.concerned for r in credits), sum((r.amount for r in credits), ZERO),
         min((r.since_first for r in credits), default=0)),
        (sum(r.concerned for r in lines), sum((r.amount for r in lines), ZERO)),
        today,
    )  # fmt: skip


def advertising_of(rows: Iterable[Any], desk: Desk) -> Advertising:
    """What it cost, and what platforms claim."""
    spent: dict[tuple[int, str], Decimal] = {}
    asserted: dict[tuple[int, str], Decimal] = {}
    for row in rows:
        key = day_number(row.local_day), row.currency
        spent[key] = row.amount
        if row.claims:
            asserted[key] = row.claimed
    return Advertising(spend=worth_of(spent, desk), claimed=worth_of(asserted, desk))


# -- the booked view


def booked_report(parts: Sequence[tuple[str, Answers]], by: str, desk: Desk) -> Report:
    """What happened in a period. ``parts``: the whole, and with a ``by`` of time each part under its name."""
    (_, whole), *others = parts
    by_group = by if not others else ""
    rows = list(_booked_rows(whole, by_group, desk))
    for name, answers in others:
        purchases = Purchases(answers["chain_signals"], "", desk)
        rows.append(_renamed(purchases.link(""), name))
        rows += rows_of(name, _groups(answers, "")[""])
    without = whole["booked_unrated"][0].orders
    many = without + sum(row.orders for row in whole["booked_lives"])
    return Report(
        rows=tuple(closed_row(row, desk.rules.currency) for row in rows),
        missing={"rate": share_of(Decimal(without), Decimal(many))},
        balanced=not whole["chain_open_batches"][0].batches,
    )


def _renamed(link: Link, group: str) -> Link:
    return Link(group=group, link=link.link, role=link.role, count=link.count, amount=link.amount, sent=link.sent)


def _booked_rows(answers: Answers, by: str, desk: Desk) -> Iterator[Row]:
    purchases = Purchases(answers["chain_signals"], by, desk)
    groups = _groups(answers, by)
    for name in sorted({"", *groups}):
        yield purchases.link(name)
        yield from rows_of(name, groups[name])


def _groups(answers: Answers, by: str) -> dict[str, Group]:
    groups: dict[str, Group] = defaultdict(Group)
    for row in answers["booked_lives"]:
        for name in {"", row.grp}:
            _add_lives(groups[name], row)
    for row in answers["booked_changes"]:
        for name in {"", row.grp}:
            groups[name].concerned["delivered"] += row.delivered
            groups[name].concerned["banked"] += row.banked
    (lines,) = answers["booked_lines"]
    if lines.lines:
        for name in {"", NO_GROUP if by else ""}:
            groups[name].opening += lines.opening
            groups[name].closing += lines.closing
    for row in answers["booked_terms"]:
        for name in {"", row.grp}:
            _add_term(groups[name], row)
    return groups


def _add_lives(group: Group, row: Any) -> None:
    for link, amount in (
        ("placed", row.placed_total), ("confirmed", row.confirmed_total), ("shipped", row.shipped_total),
        ("delivered", row.delivered_total), ("collected", row.collected_total), ("banked", row.banked_total),
    ):  # fmt: skip
        group.book(link, amount, getattr(row, link))
    group.terms["delivered"] += row.delivered_total
    group.terms["banked"] -= row.banked_total
    group.opening += row.opening
    group.opened += row.opened
    group.closing += row.closing
    group.closed += row.closed


_STATIONS = frozenset({*BACK, Station.LOST, Station.CANCELLED, Station.UNCONFIRMED})


def _add_term(group: Group, row: Any) -> None:
    if row.bridge == "delivered":
        if row.reason in _STATIONS:
            group.book(f"leak:{row.reason}", -row.amount, row.concerned)
    elif row.bridge == LINK:
        group.book("banked", row.amount, 0)
        group.terms_of("banked", -row.amount, row.concerned)
    elif row.reason not in OPEN_REASONS:
        group.terms_of(row.reason, row.amount, row.concerned)
