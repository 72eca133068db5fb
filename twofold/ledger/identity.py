"""Which line is which: one rule for each kind, so that the same fact told twice is one line.

Owns the names under which lines are kept. A name holds nothing that may change when a line comes again (status, batch,
value date). Source of the rules: what payment providers, banks and couriers number uniquely, and what they do not; a
line without an id is known by its fingerprint and its ordinal among its equals on that booking day, so that two equal
payments in one file are two, and the same two in the next file are the same two.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import assert_never

from twofold.ledger.lines import (
    NOT_SET,
    Batch,
    Cost,
    Decision,
    MoneyLine,
    ParcelLine,
    Rate,
    SiteDay,
    Spend,
    Statement,
    Survey,
    Thing,
)

NAME_SIZE = 16


def name_of(thing: Thing, ordinal: int = 0) -> bytes:
    """The 16 bytes by which a thing is known. ``ordinal``: of a money line without an id, its place among its equals."""
    return blake2b("\0".join(_parts(thing, ordinal)).encode(), digest_size=NAME_SIZE).digest()


def fingerprint(line: MoneyLine) -> tuple[str, ...]:
    """What stands for a line without an id: account, day, amount, currency, counterpart's account, its text's mark."""
    accounts = sorted(c for c in line.counterpart if c.startswith("account:"))
    return (
        "print", line.source, line.account, line.kind, str(line.at), f"{line.gross.normalize():f}", line.currency,
        ",".join(accounts), line.mark,
    )  # fmt: skip


def _parts(thing: Thing, ordinal: int) -> Iterable[str]:
    match thing:
        case MoneyLine():
            if thing.id:
                # One number of an account (an IBAN) holds several currencies, and a bank may count in each by itself.
                return "money", thing.source, thing.account, thing.currency, thing.kind, thing.id
            return "money", *fingerprint(thing), str(ordinal)
        case Batch():
            return "batch", thing.source, thing.account, thing.id, thing.currency
        case Statement():
            return "statement", thing.source, thing.account, thing.currency, thing.id, thing.since, thing.until
        case Spend():
            finest = thing.ad_id or thing.ad, thing.adset_id or thing.adset, thing.campaign_id or thing.campaign
            return "spend", thing.source, thing.account, thing.level, *finest, thing.day, thing.currency
        case SiteDay():
            keys: tuple[str, ...] = (thing.transaction,)
            if thing.transaction in ("", NOT_SET):
                # A sum is of its source; of one purchase the source may be told otherwise later.
                keys += (thing.medium_source, thing.medium, thing.campaign, thing.channel)
            return "site_day", thing.source, thing.account, thing.day, thing.currency, *keys
        case ParcelLine():
            money = [str(v) for v in (thing.due, thing.taken, thing.fee, thing.freight)]
            state = (thing.event,) if thing.event else (thing.state, str(thing.at), *money)
            return "parcel", thing.courier, thing.parcel, thing.batch, *state
        case Rate():
            return "rate", thing.source, thing.day, thing.currency, thing.base
        case Cost():
            return "cost", thing.sku, thing.rule, thing.of, thing.since
        case Survey():
            return "survey", thing.order
        case Decision():
            return "decision", thing.line, thing.to, str(thing.at), str(thing.undo), thing.by
    assert_never(thing)
