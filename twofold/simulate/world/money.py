"""How the money of a world travels: the provider's weekly payouts, the couriers' remittances, the bank's statement.

Owns the batches, what is deducted from them, and every line of the bank. Pure: made from the fates alone, to the cent.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal

from msgspec import Struct, structs

from twofold.simulate.world.fates import Calendar, Fate, bank_day, cents, iban, weekdays
from twofold.simulate.world.scenario import Courier, Scenario

ZERO = Decimal(0)
LEAVES_AGAIN = timedelta(days=5)
"""After which a provider sends a payout once more."""


class Move(Struct, frozen=True, kw_only=True):
    """One movement of money outside of the bank. ``fate`` is None where it is of no order."""

    id: str
    source: str  # the provider's name, or "courier:NAME"
    kind: str  # "charge", "refund", "dispute", "reserve", "cod", "freight", "freight_return", "invoice", "won", "release", "claim", "strange", "twice"
    gross: Decimal
    fee: Decimal = ZERO
    at: int
    available: date | None = None
    fate: Fate | None = None

    @property
    def net(self) -> Decimal:
        return self.gross - self.fee


class Batch(Struct, frozen=True, kw_only=True):
    """A payout or a remittance. ``banked``: the day of its bank line, None while it is on its way."""

    id: str
    source: str
    day: date
    moves: tuple[Move, ...]
    reference: str
    banked: date | None
    failed: date | None = None  # when the bank sent it back, before it left again
    back_at_provider: bool = False  # it came back, the provider says so, and it has not left again
    bank_fee: Decimal = ZERO  # taken by the bank when it comes

    @property
    def net(self) -> Decimal:
        return sum((move.net for move in self.moves), ZERO)


class Entry(Struct, frozen=True, kw_only=True):
    """One line of the bank's statement."""

    day: date
    amount: Decimal
    text: str
    name: str = ""
    account: str = ""
    reference: str = ""
    explains: str = ""  # "payout", "remittance", "transfer", "refund", "deposit", "cost"
    fate: Fate | None = None

    @property
    def currency(self) -> str:
        """Empty for the world's own."""
        return self.fate.currency if self.fate else ""


class Money(Struct, frozen=True, kw_only=True):
    batches: tuple[Batch, ...]
    pending: tuple[Move, ...]  # of the provider: in no payout yet
    entries: tuple[Entry, ...]  # by day


def move_money(told: Scenario, calendar: Calendar, fates: Sequence[Fate]) -> Money:
    """All movements up to the world's last day."""
    draw = random.Random(f"twofold/world/money/{told.seed}")
    batches, pending = _payouts(told, calendar, fates)
    for courier in told.couriers:
        batches += _remittances(courier, calendar, [f for f in fates if f.courier is courier])
    entries = [_credit(batch, draw) for batch in batches if batch.banked is not None]
    entries += _failures(batches)
    entries += _transfers(calendar, fates)
    entries += _own(told, calendar, draw)
    entries.sort(
        key=lambda e: (e.day, e.explains, e.text, e.amount)
    )  # of the foreign account too: `currency` parts them
    return Money(batches=tuple(batches), pending=tuple(pending), entries=tuple(entries))


# -- the provider


def _payouts(told: Scenario, calendar: Calendar, fates: Iterable[Fate]) -> tuple[list[Batch], list[Move]]:
    draw = random.Random(f"twofold/world/payouts/{told.seed}")
    waiting = sorted(_of_provider(told, calendar, fates), key=lambda m: (m.at, m.id))
    batches = []
    for number, day in enumerate(weekdays(calendar, told.provider.pays_on)):
        ready = [m for m in waiting if m.available is not None and m.available <= day]
        held = _reserve(told, calendar, ready, day)
        net = sum((m.net for m in (*ready, *held)), ZERO)
        if not net or (net < 0 and not told.provider.collects):
            continue  # nothing to pay out: its lines wait for the next
        waiting = [m for m in waiting if m not in ready]
        waiting += [_release(told, calendar, m) for m in held if told.provider.reserve_days]
        batch = _batch(calendar, told.provider.report, f"9{told.seed:03}{number:04}", day, [*ready, *held])
        if told.provider.failed and net > 0 and draw.random() < told.provider.failed:
            batch = _sent_again(calendar, batch)
        batches.append(structs.replace(batch, bank_fee=told.provider.bank_fee if net > 0 else ZERO))
    last = calendar.last
    return batches, [m for m in waiting if calendar.day(m.at) <= last]


def _of_provider(told: Scenario, calendar: Calendar, fates: Iterable[Fate]) -> Iterable[Move]:
    rule = told.provider

    def move(fate: Fate, kind: str, gross: Decimal, fee: Decimal, at: int) -> Move:
        available = calendar.day(at) + timedelta(days=rule.available_days)
        return Move(id=f"{fate.serial}{kind[:2]}", source=rule.report, kind=kind, gross=gross, fee=fee, at=at, available=available,
                    fate=fate)  # fmt: skip

    for fate in fates:
        if fate.method != "card" or fate.paid_at is None:
            continue
        yield move(fate, "charge", fate.due, cents(fate.due * rule.fee_percent / 100) + rule.fee_fixed, fate.paid_at)
        for at, amount in fate.refunds:
            yield move(fate, "refund", -amount, ZERO, at)
        if fate.disputed_at is not None:
            yield move(fate, "dispute", -fate.due, rule.dispute_fee, fate.disputed_at)
        if fate.won_at is not None:
            yield move(fate, "won", fate.due, ZERO, fate.won_at)


def _reserve(told: Scenario, calendar: Calendar, ready: Iterable[Move], day: date) -> list[Move]:
    charges = sum((m.gross for m in ready if m.kind == "charge"), ZERO)
    held = cents(charges * told.provider.reserve_percent / 100)
    if not held:
        return []
    return [
        Move(id=f"rs{day:%Y%m%d}", source=told.provider.report, kind="reserve", gross=-held, at=calendar.at(day, 3600))
    ]


# -- couriers


def _release(told: Scenario, calendar: Calendar, held: Move) -> Move:
    """The same money, let go; its day may lie after the world."""
    at = held.at + told.provider.reserve_days * 86_400
    return Move(
        id=f"rl{held.id}", source=held.source, kind="release", gross=-held.gross, at=at, available=calendar.day(at)
    )


def _sent_again(calendar: Calendar, batch: Batch) -> Batch:
    """What the bank sent back the day after it came stands there again three bank days later. What it would send back after
    the world's end is not on the bank yet."""
    first = bank_day(batch.day, 1)
    again = bank_day(batch.day, 5)
    failed = first if bank_day(first, 1) <= calendar.last else None
    return structs.replace(
        batch, failed=failed, banked=again if again <= calendar.last else None,
        back_at_provider=bool(failed) and batch.source == "stripe" and batch.day + LEAVES_AGAIN > calendar.last,
    )  # fmt: skip


def _remittances(courier: Courier, calendar: Calendar, fates: Sequence[Fate]) -> list[Batch]:
    """What was delivered up to its cut, cash less fee and freight; of refused parcels the freight both ways."""
    cash = [f for f in fates if f.method == "cod" and (f.delivered_at or f.refused_at)]
    lost = [f for f in fates if f.method == "cod" and f.lost_at and f.number % 100 < courier.claims * 100]
    batches: list[Batch] = []
    for day in weekdays(calendar, courier.pays_on):
        cut = day - timedelta(days=courier.cut_days + courier.late_days)
        due = [f for f in cash if calendar.day(f.delivered_at or f.refused_at or 0) <= cut]
        moves = [move for fate in due for move in _of_parcel(courier, fate)]
        if not batches and courier.invoice and moves:
            moves.append(Move(id="invoice", source=f"courier:{courier.name}", kind="invoice", gross=-courier.invoice,
                              at=calendar.at(day)))  # fmt: skip
        claimed = [f for f in lost if calendar.day(f.lost_at or 0) <= cut]
        moves += [Move(id=f"claim {f.parcel}", source=f"courier:{courier.name}", kind="claim", gross=f.total, at=calendar.at(day))
                  for f in claimed]  # fmt: skip
        if sum((m.net for m in moves), ZERO) <= 0:
            continue
        again = [m for m in batches[-1].moves if m.kind == "cod" and m.fate is not None
                 and m.fate.number % 100 < courier.twice * 100] if batches else []  # fmt: skip
        moves += [structs.replace(m, kind="twice", fate=None) for m in again]
        cash = [f for f in cash if f not in due]
        lost = [f for f in lost if f not in claimed]
        moves += [Move(id=f"ZZ{day:%m%d}{n}", source=f"courier:{courier.name}", kind="strange", gross=Decimal(40 + n), at=calendar.at(day))
                  for n in range(courier.strangers)]  # fmt: skip
        batches.append(_batch(calendar, f"courier:{courier.name}", f"{courier.name.upper()}-{day:%Y%m%d}", day, moves))
    return batches


def _of_parcel(courier: Courier, fate: Fate) -> Iterable[Move]:
    source, at = f"courier:{courier.name}", fate.delivered_at or fate.refused_at or 0
    if fate.delivered_at is not None:
        there = fate.second_due if fate.second and not fate.second_refused else ZERO
        yield _cash(courier, fate, fate.parcel, fate.taken - there, at)
    if courier.freight:
        yield Move(id=fate.parcel, source=source, kind="freight", gross=-courier.freight, at=at, fate=fate)
    if fate.second and not fate.second_refused:
        yield _cash(courier, fate, fate.second, fate.second_due, at)
    if fate.second_refused and courier.freight_return:
        yield Move(
            id=fate.second, source=source, kind="freight_return", gross=-courier.freight_return, at=at, fate=fate
        )
    if fate.refused_at is not None and courier.freight_return:
        yield Move(
            id=fate.parcel, source=source, kind="freight_return", gross=-courier.freight_return, at=at, fate=fate
        )


def _cash(courier: Courier, fate: Fate, parcel: str, taken: Decimal, at: int) -> Move:
    fee = max(cents(taken * courier.fee_percent / 100), courier.fee_least)
    return Move(id=parcel, source=f"courier:{courier.name}", kind="cod", gross=taken, fee=fee, at=at, fate=fate)


def _batch(calendar: Calendar, source: str, name: str, day: date, moves: Sequence[Move]) -> Batch:
    banked = bank_day(day, 1)
    number = sum(ord(sign) * place for place, sign in enumerate(name, 1)) * 7919 % 10**8
    return Batch(id=name, source=source, day=day, moves=tuple(moves), reference=f"UTR{day:%y%m%d}{number:08}",
                 banked=banked if banked <= calendar.last else None)  # fmt: skip


# -- the bank


def _credit(batch: Batch, draw: random.Random) -> Entry:
    account = iban("GE", f"BG{sum(map(ord, batch.source)) * 10**10 + 7:016}")
    assert batch.banked is not None
    if batch.source.startswith("courier:"):
        name = f"{batch.source.partition(':')[2]} LLC"
        return Entry(day=batch.banked, amount=batch.net, text=f"cash on delivery {batch.id}", name=name, account=account,
                     reference=batch.reference, explains="remittance")  # fmt: skip
    name = "STRIPE" if batch.source == "stripe" else "SHOPIFY"
    return Entry(day=batch.banked, amount=batch.net - batch.bank_fee, text=f"{name} PAYOUT {draw.randrange(10**5, 10**6)}", name=name,
                 account=account, reference=f"{name[:2]}{batch.id}", explains="payout")  # fmt: skip


def _failures(batches: Iterable[Batch]) -> list[Entry]:
    """A payout that came and was sent back the next bank day: nothing of it stays."""
    found = []
    for batch in batches:
        if batch.failed is None:
            continue
        back = bank_day(batch.failed, 1)
        name, text = batch.source.upper(), f"{batch.source.upper()} PAYOUT {batch.id}"
        found.append(
            Entry(day=batch.failed, amount=batch.net, text=text, name=name, reference=f"F{batch.id}", explains="failed")
        )
        found.append(Entry(day=back, amount=-batch.net, text=f"RETURNED {text}", name=name, reference=f"F{batch.id}",
                           explains="failed"))  # fmt: skip
    return found


def _transfers(calendar: Calendar, fates: Iterable[Fate]) -> list[Entry]:
    found = []
    for fate in fates:
        person = fate.person
        if fate.transferred and fate.paid_at is not None:
            number = fate.replaced.number if fate.replaced and fate.replaced.named else fate.number
            text = f"Order {number}" if fate.names_number else "payment for goods"
            found.append(Entry(day=calendar.day(fate.paid_at), amount=fate.transferred, text=text, name=person.name,
                               account=person.account, explains="transfer", fate=fate))  # fmt: skip
        if fate.method == "transfer":
            for number, (at, amount) in enumerate(fate.refunds):
                found += _refund(calendar, fate, f"E{fate.id % 10**7}R{number}", calendar.day(at), amount)
    return found


def _refund(calendar: Calendar, fate: Fate, reference: str, day: date, amount: Decimal) -> list[Entry]:
    """Back to the buyer's account; where the buyer's bank does not take it, it comes back and leaves once more."""
    person, text = fate.person, f"Refund of order {fate.number}"

    def entry(day: date, amount: Decimal, text: str, reference: str) -> Entry:
        return Entry(day=day, amount=amount, text=text, name=person.name, account=person.account, reference=reference,
                     explains="refund", fate=fate)  # fmt: skip

    back, again = bank_day(day, 2), bank_day(day, 3)
    if not fate.refund_bounces or again > calendar.last:
        return [entry(day, -amount, text, reference)]
    return [entry(day, -amount, text, reference), entry(back, amount, f"RETURNED {text}", reference),
            entry(again, -amount, text, f"{reference}B")]  # fmt: skip


def _own(told: Scenario, calendar: Calendar, draw: random.Random) -> list[Entry]:
    """What a shop's account has beside its orders: the bank's fee, the advertising, the owner's deposits."""
    found = [
        Entry(day=day, amount=-told.bank.monthly_fee, text="account maintenance fee", explains="cost")
        for day in (calendar.first + timedelta(days=n) for n in range(told.days))
        if day.day == 1 and told.bank.monthly_fee
    ]
    weekly = cents(sum((c.daily for c in told.campaigns), ZERO) * 7 / told.rate if told.currency == "EUR"
                   else sum((c.daily for c in told.campaigns), ZERO) * 7 * told.rate)  # fmt: skip
    if weekly:
        found += [Entry(day=day, amount=-weekly, text="FACEBK ADS", name="META PLATFORMS", explains="cost")
                  for day in weekdays(calendar, 4)]  # fmt: skip
    for amount in told.bank.deposits:
        day = calendar.first + timedelta(days=draw.randrange(told.days))
        found.append(Entry(day=day, amount=amount, text="own funds", name="Shop Owner", explains="deposit"))
    return found
