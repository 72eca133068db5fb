"""All lines and orders at once: matched, and made into what the chain is told.

Owns the way from things to movements: which batch a line is in, what became of the batch, whose money a line is. Pure;
where the things come from is the reader's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from twofold.ledger.lines import Batch, Decision, MoneyKind, ParcelLine
from twofold.ledger.model import ParcelState
from twofold.ledger.ties import BANK, key_of
from twofold.reconcile.chain.told import Unmatched
from twofold.reconcile.chain.values import ZERO, Move, Order, ParcelWord, Settlement
from twofold.reconcile.matches.bank import ADD_UP, WHOLE_DAYS
from twofold.reconcile.matches.batches import expected_at, latest_expected
from twofold.reconcile.matches.groups import BatchName, groups_of, has_failed, name_of_batch
from twofold.reconcile.matches.keys import Index
from twofold.reconcile.matches.matching import costs_of_cash, match_lines
from twofold.reconcile.matches.tolerance import Tolerance
from twofold.reconcile.matches.values import (
    Convert,
    Days,
    Due,
    Entry,
    Group,
    Match,
    Matching,
    Trust,
    batch_key,
)


class Matched(Struct, frozen=True, kw_only=True):
    """Everything about the money: matches, batches with what became of them, movements by order and of none."""

    matching: Matching
    groups: tuple[Group, ...]
    settled: Mapping[str, Settlement]
    paid: Mapping[str, Decimal]  # batch to what stands on the bank for it
    moves: Mapping[str, tuple[Move, ...]]
    loose: tuple[Move, ...]
    unmatched: tuple[Unmatched, ...]

    @property
    def open_groups(self) -> list[Group]:
        """Batches that do not close: their lines differ from what they declare, or the bank got another sum."""
        return [g for g in self.groups if not self.settled[g.key].closes]


def match_all(
    dues: Sequence[Due],
    entries: Sequence[Entry],
    batches: Sequence[Batch],
    decisions: Sequence[Decision],
    *,
    tolerance: Tolerance,
    convert: Convert,
    days: Days,
) -> Matched:
    """Matches of everything, and the movements that follow."""
    return match_groups(
        dues, entries, groups_of(batches, entries), decisions, tolerance=tolerance, convert=convert, days=days
    )


def match_groups(
    dues: Sequence[Due],
    entries: Sequence[Entry],
    groups: Sequence[Group],
    decisions: Sequence[Decision],
    *,
    tolerance: Tolerance,
    convert: Convert,
    days: Days,
) -> Matched:
    """The same of batches whose lines need not be among ``entries``."""
    groups = [g if g.told else replace(g, batch=days.here(g.batch)) for g in groups]
    matching = match_lines(dues, entries, groups, decisions, tolerance=tolerance, convert=convert, days=days)
    lines = {e.name: e for e in entries}
    paid, last = _on_the_bank(matching, lines, days)
    settled = {g.key: _settle(g, paid.get(g.key), last.get(g.key), tolerance, days) for g in groups}
    settled |= _carried(groups, settled)
    became = _Settled(settled)
    by_order: dict[str, list[Move]] = defaultdict(list)
    taken: set[str] = set()
    owed = {due.order: due for due in dues}
    for match in matching.matches:
        if match.to.startswith("order:"):
            taken.add(match.line)
            order = match.to.removeprefix("order:")
            by_order[order].append(_move(lines[match.line], match, owed[order], became, days))
    left = [e for e in entries if e.name not in taken and e.line.kind not in BANK and e.line.status == "booked"]
    # Of cash that is nobody's here (another shop's parcel, one that was paid already) its courier's costs are nobody's, too.
    nobodys = costs_of_cash(left, {e.name for e in left if e.line.kind is MoneyKind.COD_COLLECTED and e.line.gross > 0})
    loose = [_loose(e, became, days) for e in left if e.name not in nobodys]
    loose += [_bank_fee(g, settled[g.key], tolerance, days) for g in groups if _pays_fee(g, paid.get(g.key), tolerance)]
    return Matched(
        matching=matching,
        groups=tuple(groups),
        settled=settled,
        paid=paid,
        moves={order: tuple(sorted(moves, key=lambda m: (m.at, m.line))) for order, moves in by_order.items()},
        loose=tuple(sorted(loose, key=lambda m: (m.at, m.line))),
        unmatched=tuple(
            Unmatched(line=name, amount=left, currency=lines[name].line.currency, at=days.begin(lines[name].line),
                      day=days.of(lines[name].line.at, lines[name].line.zone))
            for name, left in matching.open.items() if lines[name].line.kind is MoneyKind.BANK_CREDIT
        ),
    )  # fmt: skip


def _on_the_bank(
    matching: Matching, lines: Mapping[str, Entry], days: Days
) -> tuple[dict[str, Decimal], dict[str, int]]:
    """Of each batch the sum that stands on the bank, and when the last of it was booked."""
    paid: dict[str, Decimal] = defaultdict(Decimal)
    last: dict[str, int] = {}
    for match in matching.matches:
        if match.to.startswith("batch:") and lines[match.line].line.kind in BANK:
            paid[match.to] += match.amount
            last[match.to] = max(last.get(match.to, 0), days.begin(lines[match.line].line))
    return dict(paid), last


def _settle(group: Group, paid: Decimal | None, last: int | None, tolerance: Tolerance, days: Days) -> Settlement:
    wanted = group.net - tolerance.bank_takes(group.batch.source, group.net)
    closes = not group.difference and (paid is None or paid == wanted)
    if paid is None and closes and not group.net:
        last = expected_at(group)  # it was set off: nothing is to come
    return Settlement(
        batch=group.key,
        at=group.batch.at,
        closes=closes,
        late_after=latest_expected(group, tolerance, days),
        expected_at=expected_at(group),
        banked_at=last,
        failed=has_failed(group) and paid is None,
    )


def _carried(groups: Sequence[Group], settled: Mapping[str, Settlement]) -> dict[str, Settlement]:
    """Batches whose payout failed, as they were paid with a later one: by what that one brings, the earlier first."""
    found: dict[str, Settlement] = {}
    used: set[str] = set()
    for group in sorted(groups, key=lambda g: (g.batch.at, g.key)):
        if not settled[group.key].failed:
            continue
        later = [
            g for g in groups
            if g.brings and g.brings == group.net and g.batch.currency == group.batch.currency and g.batch.source == group.batch.source
            and g.batch.at >= group.batch.at and g.key not in used and g.key != group.key
        ]  # fmt: skip
        if later:
            first = min(later, key=lambda g: (g.batch.at, g.key))
            used.add(first.key)
            found[group.key] = replace(settled[first.key], at=group.batch.at)
    return found


class _Settled:
    """What became of batches, found by the name that a line gives its batch; each name is looked for once."""

    def __init__(self, settled: Mapping[str, Settlement]) -> None:
        self._settled = settled
        self._known: dict[BatchName, Settlement | None] = {}
        self._endings: dict[str, list[str]] | None = None

    def of(self, entry: Entry) -> Settlement | None:
        name = name_of_batch(entry.line)
        if name is None:
            return None
        if name not in self._known:
            self._known[name] = self._find(name)
        return self._known[name]

    def _find(self, name: BatchName) -> Settlement | None:
        source, account, number, currency = name
        for ending in (f"{number}/{currency}", number):
            found = self._settled.get(batch_key(source, account, ending)) or self._settled.get(
                batch_key(source, "", ending)
            )
            if found is not None:
                return found
            if not account:
                same = [key for key in self._ending_in(ending) if key.startswith(f"batch:{source}/")]
                if len(same) == 1:
                    return self._settled[same[0]]
        return None

    def _ending_in(self, ending: str) -> list[str]:
        """Keys that end in a slash and this."""
        if self._endings is None:
            self._endings = defaultdict(list)
            for key in self._settled:
                for place, sign in enumerate(key):
                    if sign == "/":
                        self._endings[key[place + 1 :]].append(key)
        return self._endings.get(ending, [])


def _move(entry: Entry, match: Match, due: Due, settled: _Settled, days: Days) -> Move:
    line = entry.line
    bare = _loose(entry, settled, days)
    bare = replace(bare, probable=match.trust is Trust.PROBABLE, direct=line.kind in BANK)
    if match.rule in (WHOLE_DAYS, ADD_UP):
        # The courier handed over what it took, less its fee by rule: the order was paid in full at the door.
        gross = due.amounts.get(line.currency, match.amount)
        return replace(bare, kind=MoneyKind.COD_COLLECTED, gross=gross, fee=gross - match.amount,
                       source=f"courier:{due.courier}")  # fmt: skip
    if match.amount == line.gross:
        return bare
    fee = line.fee * match.amount / line.gross if line.gross else line.fee
    return replace(bare, gross=match.amount, fee=fee, original=None)


def _pays_fee(group: Group, paid: Decimal | None, tolerance: Tolerance) -> bool:
    fee = tolerance.bank_takes(group.batch.source, group.net)
    return bool(fee) and paid == group.net - fee


def _bank_fee(group: Group, settlement: Settlement, tolerance: Tolerance, days: Days) -> Move:
    """What the bank took of a batch's credit, by the operator's rule: no line tells it."""
    at = settlement.banked_at if settlement.banked_at is not None else group.batch.at
    return Move(
        line=f"bank_fee:{group.key}", kind=MoneyKind.FEE, gross=-tolerance.bank_fee[group.batch.source], fee=ZERO,
        currency=group.batch.currency, at=at, day=days.of(at), source=group.batch.source, settlement=settlement,
    )  # fmt: skip


def _loose(entry: Entry, settled: _Settled, days: Days) -> Move:
    line = entry.line
    return Move(
        line=entry.name,
        kind=line.kind,
        gross=line.gross,
        fee=line.fee,
        currency=line.currency,
        at=days.begin(line),
        day=days.of(line.at, line.zone),
        source=line.source,
        settlement=settled.of(entry),
        original=line.original,
        original_currency=line.original_currency,
    )


# -- parcels

_TOLD_BY_COURIERS = ("shipped_at", "delivered_at", "refused_at", "returned_at", "lost_at")


def words_by_order(
    dues: Sequence[Due], parcels: Sequence[tuple[str, ParcelLine]], days: Days
) -> dict[str, list[ParcelWord]]:
    """What couriers say, by order: by the parcel's number, else by the order that the courier names."""
    if not parcels:
        return {}
    index = Index(dues)
    found: dict[str, list[ParcelWord]] = defaultdict(list)
    for name, line in parcels:
        if not line.state:
            continue
        keys = [key_of(f"parcel:{line.parcel}")] + ([key_of(f"order:{line.order}")] if line.order else [])
        orders = next((o for key in keys if len(o := index.orders(key)) == 1), frozenset())
        for order in orders:
            found[order].append(
                ParcelWord(
                    parcel=line.parcel,
                    state=ParcelState(line.state),
                    at=line.at,
                    day_only=days.is_day(line.at),
                    told_at=days.start(days.of(line.at), line.zone) if days.is_day(line.at) else line.at,
                    due=line.due,
                    courier=line.courier,
                    evidence=name,
                )
            )
    return {order: sorted(words, key=lambda w: (w.at, w.parcel, w.evidence)) for order, words in found.items()}


def with_words(order: Order, words: Sequence[ParcelWord]) -> Order:
    """The order with what couriers say of it. Their words stand among its own facts, too: a day without a time is the day that it is
    here (`Days.here`)."""
    days = {w.told_at: w.at for w in words if w.day_only and w.told_at != w.at}
    if days:
        told = {name: getattr(order, name) for name in _TOLD_BY_COURIERS}
        order = replace(order, **{name: days[at] for name, at in told.items() if at in days})
    courier = min((w.courier for w in words if w.courier), default=order.courier)
    return replace(order, words=tuple(words), courier=courier) if words else order
