"""Lines, dues and batches for the tests of matching: short to write, with real names."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from twofold.ledger.identity import name_of
from twofold.ledger.lines import Batch, MoneyKind, MoneyLine
from twofold.ledger.ties import key_of
from twofold.reconcile.matches.values import DAY_S, Due, Entry

D = Decimal
MARCH = 1_772_323_200  # 2026-03-01 00:00 UTC


def day(number: int, hour: int = 0) -> int:
    """A time in March 2026, UTC."""
    return MARCH + (number - 1) * DAY_S + hour * 3600


def line(kind: str, gross: str, at: int, *references: str, fee: str = "0", ordinal: int = 0, **more: Any) -> Entry:
    """A standing line. ``net`` follows from gross and fee."""
    values = {"source": "bank" if kind.startswith("bank") else "psp", "account": "", "currency": "GEL"} | more
    made = MoneyLine(
        kind=MoneyKind(kind), gross=D(gross), fee=D(fee), net=D(gross) - D(fee), at=at, references=references, **values
    )
    return Entry(name=name_of(made, ordinal).hex(), line=made)


def credit(gross: str, at: int, *references: str, ordinal: int = 0, **more: Any) -> Entry:
    return line("bank_credit", gross, at, *references, ordinal=ordinal, **more)


def debit(gross: str, at: int, *references: str, ordinal: int = 0, **more: Any) -> Entry:
    return line("bank_debit", gross, at, *references, ordinal=ordinal, **more)


def due(order: str, amount: str, at: int, **more: Any) -> Due:
    """An order that is known by its own name."""
    keys = tuple(key_of(r) for r in (f"order:{order}", *more.pop("references", ())))
    return Due(order=order, placed_at=at, amounts={"GEL": D(amount)}, keys=keys, **({"method": "bank_transfer"} | more))


def batch(number: str, net: str | None, at: int, expected: int | None = None, **more: Any) -> Batch:
    values = {"source": "psp", "kind": "payout", "currency": "GEL"} | more
    return Batch(id=number, net=None if net is None else D(net), at=at, expected_at=expected, **values)
