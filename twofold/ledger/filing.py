"""Under what a line is filed: its day, the keys it is found by, and which of two states of one line is the later one.

Owns these three questions, pure. Which line is the same as another is `identity`'s; where lines are kept is the store's.

Of a line that is told twice with other content the later state stands. Its source's own time decides (`Told.updated_at`);
where it tells none, a movement of money that is booked stands before the same one that was pending, one whose batch is known
before one whose batch is not, and one with more references before one with fewer, so that two exports of one account give
the same in either order; of two formats that know equally much it is always the same one's word that stands; for everything
else what was imported last stands.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from hashlib import blake2b
from typing import assert_never
from zlib import crc32
from zoneinfo import ZoneInfo

from twofold.ledger.lines import (
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
from twofold.ledger.ties import ties_of_batch, ties_of_money, ties_of_parcel

KINDS = ("money", "batch", "statement", "spend", "site_day", "parcel", "rate", "cost", "survey", "decision")
"""What a kept line can be: the tags of its shapes."""

_EPOCH = date(1970, 1, 1).toordinal()
_DAY_S = 86_400
_STEPS = {"info": 0, "hold": 1, "pending": 1, "booked": 2}


def kind_of(thing: Thing) -> str:
    """One of `KINDS`."""
    return str(thing.__struct_config__.tag)


def day_of(thing: Thing) -> int:
    """The day by which a line is filed, in days since 1970-01-01: in UTC of what has a time, else the day it names.

    Of a statement its last day. Not the day of the shop or the bank, which a report makes of time and zone.
    """
    match thing:
        case MoneyLine() | Batch() | ParcelLine() | Survey() | Decision():
            return thing.at // _DAY_S
        case Spend() | SiteDay() | Rate():
            return day_number(thing.day)
        case Statement():
            return day_number(thing.until)
        case Cost():
            return day_number(thing.since)
    assert_never(thing)


def local_day(thing: Thing) -> str:
    """The day of a line where it happened, ``YYYY-MM-DD``: in its own zone where it names one, else in UTC."""
    zone = getattr(thing, "zone", "")
    if isinstance(thing, MoneyLine | Batch | ParcelLine) and zone and zone != "UTC":
        return datetime.fromtimestamp(thing.at, _zone(zone)).strftime("%Y-%m-%d")
    return day_text(day_of(thing))


@lru_cache(maxsize=256)
def _zone(name: str) -> tzinfo:
    """By name, or by offset as ``+04:00``; UTC for one that nobody knows."""
    try:
        if name[:1] in "+-":
            return datetime.fromisoformat(f"2000-01-01T00:00{name}").tzinfo or UTC
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC


def day_number(day: str) -> int:
    """``YYYY-MM-DD`` as days since 1970-01-01."""
    return date.fromisoformat(day).toordinal() - _EPOCH


def day_text(number: int) -> str:
    """The inverse of `day_number`."""
    return datetime.fromtimestamp(number * _DAY_S, UTC).strftime("%Y-%m-%d")


def keys_of(thing: Thing) -> tuple[str, ...]:
    """Texts under which a line can be looked up: its references as they are, ``batch:…``, ``id:…``, ``parcel:…``,
    ``order:…``, the digests of who stands opposite, and what brings it together with orders and batches (`ties`)."""
    match thing:
        case MoneyLine():
            own = (f"id:{thing.id}",) if thing.id else ()
            batch = (batch_key(thing.source, thing.batch),) if thing.batch else ()
            return _once(*thing.references, *own, *batch, *thing.counterpart, *ties_of_money(thing))
        case Batch():
            told = thing.bank_reference
            bank = (f"bank_reference:{told}", f"booking:{told}") if told else ()
            return _once(batch_key(thing.source, thing.id), *bank, *ties_of_batch(thing))
        case ParcelLine():
            found = [f"parcel:{thing.parcel}"]
            found += [f"order:{thing.order}"] if thing.order else []
            found += [batch_key(f"courier:{thing.courier}", thing.batch)] if thing.batch else []
            return _once(*found, *ties_of_parcel(thing))
        case SiteDay():
            return (f"order:{thing.transaction}",) if thing.transaction else ()
        case Survey():
            return (f"order:{thing.order}",)
        case Decision():
            return _once(f"line:{thing.line}", thing.to)
        case Statement():
            return (f"statement:{thing.source}/{thing.account}",)
        case Spend() | Rate() | Cost():
            return ()
    assert_never(thing)


def batch_key(source: str, batch: str) -> str:
    """How a batch is named in a decision and looked up."""
    return f"batch:{source}/{batch}"


def key_number(key: str) -> int:
    """A key as the whole number that the index holds; who looks up compares the key itself, too."""
    digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


DAY_BATCH = "day:"
"""How a batch begins that its source does not name: it stands for the payouts of a day."""


def step_of(thing: Thing) -> int:
    """How far a movement of money has come, and how much is known of it; 0 for everything that has no stages."""
    if not isinstance(thing, MoneyLine):
        return 0
    # An export without payout ids names the payout by its day: whichever came first, the id stands.
    batch = 0 if not thing.batch else 32 if thing.batch.startswith(DAY_BATCH) else 64
    known = 128 * _STEPS.get(thing.status, 0) + batch + min(len(thing.references), 31)
    return known << 16 | crc32(thing.form.encode()) & 0xFFFF


def as_of(thing: Thing, updated_at: int | None, received_at_ms: int) -> int:
    """By when two states of one line are compared first, Unix s."""
    if updated_at is not None:
        return updated_at
    return 0 if isinstance(thing, MoneyLine) else received_at_ms // 1000


def _once(*keys: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(keys))
