"""One order's whole life: link by link in time order, each step with its evidence, and where its money is now.

Owns the words of the steps. What is worked out (stations, matches, where a line's money is) is the chain's and the matching's;
nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from twofold.ledger.lines import MoneyKind
from twofold.ledger.model import ParcelState
from twofold.ledger.ties import words_of
from twofold.reconcile.chain.account import Account, Desk
from twofold.reconcile.chain.purse import (
    COURIER_HOLDS,
    GIVEN_BACK,
    NOT_DELIVERED,
    ROUNDING,
    SHORT,
    UNPAID,
    VOUCHER,
    fee_reason,
    reason_of,
)
from twofold.reconcile.chain.standing import OPEN, Station
from twofold.reconcile.chain.values import ZERO, At, Move
from twofold.reconcile.exchange import day_text
from twofold.reconcile.matches.bank import SECOND_BACK
from twofold.reconcile.matches.values import Days, Entry, Group, Match, Trust
from twofold.reconcile.reading.orders import KnownOrder, due_of
from twofold.reconcile.reading.world import Matched


class Step(Struct, frozen=True, kw_only=True):
    """One thing that happened. ``evidence``: who says so and where it can be looked up; ``amount`` in the order's currency
    unless ``what`` names another."""

    at: int
    day_only: bool = False  # a day, told without a time
    link: str
    what: str
    evidence: str
    reference: str = ""
    amount: Decimal | None = None


class Purse(Struct, frozen=True, kw_only=True):
    """A part of the order's money: where it is, since when, and by which day it should come. ``open``: not at its end."""

    where: str
    words: str
    amount: Decimal
    since: int | None = None
    expected: str | None = None
    open: bool = False


class Paid(Struct, frozen=True, kw_only=True):
    """A line of money that is the order's, with why it is taken for it and what became of it."""

    line: str
    source: str
    account: str
    id: str
    kind: str
    gross: Decimal
    fee: Decimal
    net: Decimal
    currency: str
    at: int
    batch: str
    place: str
    banked_at: int | None
    bank_lines: tuple[str, ...]
    amount: Decimal  # of the line, for this order
    rule: str
    trust: str
    read_from: tuple[str, ...]
    by: str


class Life(Struct, frozen=True, kw_only=True):
    """``station``: where the goods are; ``purses``: where the money is; they add up to what the order was worth."""

    number: str  # by which people know the order
    currency: str
    total: Decimal
    test: bool
    station: str
    since: int
    steps: tuple[Step, ...]
    purses: tuple[Purse, ...]
    lines: tuple[Paid, ...]


_STATES = {
    ParcelState.CREATED: ("confirmed", "parcel announced"),
    ParcelState.IN_TRANSIT: ("shipped", "parcel on its way"),
    ParcelState.OUT: ("shipped", "parcel out for delivery"),
    ParcelState.WAITING: ("shipped", "parcel waits to be picked up"),
    ParcelState.FAILED: ("shipped", "delivery tried in vain"),
    ParcelState.REFUSED: ("shipped", "parcel refused at the door"),
    ParcelState.RETURNING: ("shipped", "parcel on its way back"),
    ParcelState.RETURNED: ("shipped", "parcel came back"),
    ParcelState.DELIVERED: ("delivered", "parcel delivered"),
    ParcelState.LOST: ("shipped", "parcel lost"),
    ParcelState.CANCELLED: ("confirmed", "parcel cancelled"),
}
_KINDS = {
    MoneyKind.CHARGE: "taken from the buyer",
    MoneyKind.COD_COLLECTED: "cash taken at the door",
    MoneyKind.BANK_CREDIT: "paid to the bank by the buyer",
    MoneyKind.REFUND: "given back to the buyer",
    MoneyKind.BANK_DEBIT: "given back from the bank",
    MoneyKind.FEE: "fee kept",
    MoneyKind.COD_FEE: "fee kept for taking cash",
    MoneyKind.FREIGHT: "freight deducted",
    MoneyKind.FREIGHT_RETURN: "freight back deducted",
    MoneyKind.DISPUTE: "taken back by the buyer's bank",
    MoneyKind.DISPUTE_REVERSAL: "dispute won, given again",
    MoneyKind.RESERVE_HOLD: "held back as a reserve",
    MoneyKind.RESERVE_RELEASE: "reserve released",
    MoneyKind.ADJUSTMENT: "adjusted",
    MoneyKind.TAX_WITHHELD: "tax withheld",
}
_WHERE = {
    "fee_psp": "kept by the payment provider",
    "fee_cod": "kept by the courier for taking cash",
    "freight_deducted": "freight that the courier deducted",
    "reserve_held": "held back by the provider as a reserve",
    "disputed": "taken back by the buyer's bank",
    "batch_adjustment": "adjusted by the provider or courier",
    "tax_withheld": "tax withheld",
    VOUCHER: "paid with a gift card, sold before",
    NOT_DELIVERED: "paid already, so it is counted below",
    SHORT: "taken less than was due (negative: more)",
    ROUNDING: "rounded at the door or by the payer",
}
_PLACES = {
    At.IN_FLIGHT: "paid out, on its way to the bank",
    At.NOT_ARRIVED: "paid out, and late at the bank",
    At.BATCH_OPEN: "in a payout that does not add up",
    At.PENDING: "not paid out yet",
}


def life_of(known: KnownOrder, account: Account, matched: Matched, entries: Mapping[str, Entry], desk: Desk) -> Life:
    """Everything about one order, its steps in time order."""
    matches = [m for m in matched.matching.matches if m.to == f"order:{account.order.key}"]
    steps = [*_order_steps(known, account), *_parcel_steps(account), *_money_steps(account, matches, matched, entries, desk.days),
             *_left_over(known, account, matched, entries)]  # fmt: skip
    order = {
        link: place for place, link in enumerate(("placed", "confirmed", "shipped", "delivered", "collected", "banked"))
    }
    return Life(
        number=account.order.number,
        currency=account.order.currency,
        total=account.order.total,
        test=account.order.test,
        station=account.standing.station,
        since=account.standing.since,
        steps=tuple(sorted(steps, key=lambda s: (s.at, order.get(s.link, 9), s.what, s.reference))),
        purses=tuple(_purses(account, desk)),
        lines=tuple(_lines(account, matches, matched, entries)),
    )


# -- steps


def _order_steps(known: KnownOrder, account: Account) -> Iterator[Step]:
    order = account.order
    first = min((r for r in known.reports if r.snapshot is not None), key=lambda r: (r.at, r.reference), default=None)
    # A courier tells of its parcel in the order's own ledger, and not that it was ordered.
    sources = known.state.sources
    source = ", ".join([s for s in sources if not s.startswith("courier:")] or sources)
    yield Step(at=order.placed_at, link="placed", what=f"ordered, to be paid by {order.method}", evidence=source,
               reference=first.reference if first else "", amount=order.total)  # fmt: skip
    told = (
        ("confirmed", order.confirmed_at, "confirmed"), ("confirmed", order.cancelled_at, "cancelled"),
        ("shipped", order.shipped_at, "sent off, by the shop's word"),
        ("delivered", order.delivered_at, "delivered, by the shop's word"),
        ("shipped", order.refused_at, "refused, by the shop's word"),
        ("delivered", order.returned_at, "came back, by the shop's word"),
    )  # fmt: skip
    # What a courier told of the parcel is a step of its own: it is not the shop's word, too, whatever link it is of.
    couriers = {word.at for word in order.words}
    for link, at, what in told:
        if at is not None and not (what.endswith("the shop's word") and at in couriers):
            yield Step(at=at, link=link, what=what, evidence=source, reference=_reference_at(known, at))


def _reference_at(known: KnownOrder, at: int) -> str:
    """The report that tells of this moment: its own, or one of a parcel or payment in it."""
    told = (
        r
        for r in known.reports
        if r.at == at or any(p.at == at for p in r.parcels) or any(p.at == at for p in r.payments)
    )
    return min((r.reference for r in told), default="")


def _parcel_steps(account: Account) -> Iterator[Step]:
    """Each state of each parcel as it was told first; a remittance tells again what the courier's scan told."""
    told: set[tuple[str, ParcelState]] = set()
    for word in account.order.words:
        if (word.parcel, word.state) not in told:
            told.add((word.parcel, word.state))
            link, what = _STATES[word.state]
            yield Step(at=word.at, day_only=word.day_only, link=link, what=what, evidence=f"courier {word.courier}, parcel {word.parcel}",
                       reference=f"line {word.evidence}")  # fmt: skip


def _money_steps(
    account: Account, matches: Sequence[Match], matched: Matched, entries: Mapping[str, Entry], days: Days
) -> Iterator[Step]:
    why = {m.line: m for m in matches}
    groups = {g.key: g for g in matched.groups}
    seen: set[str] = set()
    for move in account.purse.moves:
        match = why.get(move.line)
        reason = _reason(match) if match else "told with the order"
        link = "banked" if move.direct else "collected"
        batch = f", in {move.settlement.batch}" if move.settlement else ""
        day = _is_day(move.line, entries)
        yield Step(at=move.at, day_only=day, link=link, what=_KINDS.get(move.kind, str(move.kind)), evidence=f"{move.source}: {reason}{batch}",
                   reference="" if move.told else f"line {move.line}", amount=move.gross)  # fmt: skip
        if move.fee:
            yield Step(at=move.at, day_only=day, link=link, what=_WHERE[fee_reason(move)], evidence=move.source,
                       reference=f"line {move.line}", amount=-move.fee)  # fmt: skip
        if move.settlement and move.settlement.batch not in seen:
            seen.add(move.settlement.batch)
            yield from _batch_steps(account, groups[move.settlement.batch], matched, entries, days)


def _is_day(line: str, entries: Mapping[str, Entry]) -> bool:
    """What the order's own facts tell of money has no line."""
    return line in entries and entries[line].line.day_only


def _reason(match: Match) -> str:
    """Why a line is believed to pay it; a person's word is no rule."""
    reason = "somebody said so" if match.trust is Trust.PERSON else f"{match.trust} by {match.rule}"
    return reason


def _left_over(known: KnownOrder, account: Account, matched: Matched, entries: Mapping[str, Entry]) -> Iterator[Step]:
    """Credits on the bank whose payer names this order, and of which nothing is taken for it: a buyer who paid twice. Where one of
    them was given back, both lines."""
    keys = {key for key in due_of(known, account.order).keys if key.startswith("order:")}
    for match in matched.matching.matches:
        line = entries[match.line].line
        if match.rule == SECOND_BACK and not keys.isdisjoint(f"order:{word}" for word in match.evidence):
            what = (
                "came a second time for this order, and was given back"
                if line.gross > 0
                else "the second payment, given back"
            )
            yield Step(at=line.at, day_only=line.day_only, link="banked", what=what, amount=line.gross, reference=f"line {match.line}",
                       evidence=f"{line.source} {line.account}".rstrip() + f": {_reason(match)}")  # fmt: skip
    for left in matched.unmatched:
        line = entries[left.line].line
        if left.amount == line.gross and not keys.isdisjoint(f"order:{word}" for word in words_of(line)):
            yield Step(at=left.at, day_only=line.day_only, link="banked", what="came for this order, and is not taken for it: it is not due, or another amount is",
                       evidence=f"{line.source} {line.account}".rstrip(), reference=f"line {left.line}", amount=left.amount)  # fmt: skip


def _batch_steps(
    account: Account, group: Group, matched: Matched, entries: Mapping[str, Entry], days: Days
) -> Iterator[Step]:
    batch = group.batch
    mine = sum((m.net for m in account.purse.moves if m.settlement and m.settlement.batch == group.key), ZERO)
    closes = "" if not group.difference else f"; it does not add up: its lines lack {group.difference:+f}"
    day = days.is_day(batch.at)
    yield Step(at=batch.at, day_only=day, link="collected", what=f"paid out in {batch.kind} {batch.id} of {group.net:f} {batch.currency}{closes}",
               evidence=batch.source, reference=group.key, amount=mine)  # fmt: skip
    for match in matched.matching.matches:
        if match.to == group.key:
            line = entries[match.line].line
            yield Step(
                at=days.begin(line), day_only=line.day_only, link="banked",
                what=f"on the bank: {match.amount:f} {match.currency} for {batch.kind} {batch.id}",
                evidence=f"{line.source} {line.account}: {_reason(match)}".replace(" :", ":"),
                reference=f"line {match.line}", amount=mine if matched.settled[group.key].closes else ZERO,
            )  # fmt: skip


# -- where the money is


def _purses(account: Account, desk: Desk) -> Iterator[Purse]:
    """Parts of the order's total, which they add up to: with the buyer, given up, held, kept, under way, on the bank."""
    purse, standing, order = account.purse, account.standing, account.order
    returned = -sum((m.gross for m in purse.moves if m.kind in GIVEN_BACK), ZERO)
    for station, amount in standing.parts.items():
        if station is not Station.DELIVERED:
            again = f"; {returned:f} of what was taken was given back" if returned else ""
            yield Purse(where=station, words=_station_words(station) + again, amount=amount, since=standing.since,
                        open=station in OPEN)  # fmt: skip
    for reason, amount in purse.gap.items():
        if reason in (COURIER_HOLDS, UNPAID):
            since = standing.delivered_at or standing.since
            courier = f" {order.courier}" if order.courier else ""
            words = (
                f"delivered; the courier{courier} has the cash" if reason == COURIER_HOLDS else "delivered and not paid"
            )
            due = desk.days.of(since) + desk.rules.courier_days
            yield Purse(where=reason, words=words, amount=amount, since=since, open=True,
                        expected=day_text(due) if reason == COURIER_HOLDS else None)  # fmt: skip
        else:
            yield Purse(where=reason, words=_WHERE[reason], amount=amount)
    if purse.refunds:
        yield Purse(where="refunded", words="given back to the buyer", amount=purse.refunds)
    kept: dict[str, Decimal] = {}
    for move in purse.moves:
        for reason, amount in ((fee_reason(move), move.fee), (reason_of(move), -move.gross)):
            if reason and amount:
                kept[reason] = kept.get(reason, ZERO) + amount
    for reason, amount in kept.items():
        if amount:  # a dispute that was won took nothing in the end
            yield Purse(where=reason, words=_WHERE[reason], amount=amount)
    yield from _under_way(purse.moves)


def _under_way(moves: Sequence[Move]) -> Iterator[Purse]:
    by_place: dict[tuple[str, str], list[Move]] = {}
    for move in moves:
        by_place.setdefault((move.place, move.settlement.batch if move.settlement else ""), []).append(move)
    for (place, batch), some in sorted(by_place.items()):
        net = sum((m.net for m in some), ZERO)
        if not net:
            continue
        if place == At.BANKED:
            at = max((m.banked_at or m.at for m in some), default=None)
            via = f", with {batch}" if batch else ""
            yield Purse(where="banked", words=f"on the bank{via}", amount=net, since=at)
        else:
            settled = some[0].settlement
            source = some[0].source
            yield Purse(
                where=place, words=f"with {source}: {_PLACES[At(place)]}" + (f" ({batch})" if batch else ""), amount=net,
                since=min(m.at for m in some), open=True, expected=day_text(settled.late_after) if settled else None,
            )  # fmt: skip


def _station_words(station: Station) -> str:
    return {
        Station.CANCELLED: "cancelled",
        Station.UNCONFIRMED: "never confirmed",
        Station.AWAITS_CONFIRMATION: "waits to be confirmed",
        Station.NOT_SHIPPED: "waits to be sent off",
        Station.IN_TRANSIT: "on the way to the buyer",
        Station.REFUSED: "refused at the door",
        Station.RETURNED: "came back",
        Station.LOST: "lost on the way",
    }.get(station, station)


def _lines(
    account: Account, matches: Sequence[Match], matched: Matched, entries: Mapping[str, Entry]
) -> Iterator[Paid]:
    moves = {m.line: m for m in account.purse.moves}
    banked: dict[str, list[str]] = {}
    for match in matched.matching.matches:
        if match.to.startswith("batch:"):
            banked.setdefault(match.to, []).append(match.line)
    for match in matches:
        line, move = entries[match.line].line, moves.get(match.line)
        batch = move.settlement.batch if move and move.settlement else ""
        yield Paid(
            line=match.line, source=line.source, account=line.account, id=line.id, kind=line.kind, gross=line.gross,
            fee=line.fee, net=line.net, currency=line.currency, at=line.at, batch=line.batch,
            place=move.place if move else At.BANKED, banked_at=move.banked_at if move else None,
            bank_lines=tuple(sorted(banked.get(batch, ()))), amount=match.amount, rule=match.rule, trust=match.trust,
            read_from=match.evidence, by=match.by,
        )  # fmt: skip
