"""What matching is given and what it finds: dues, groups, standing lines, decisions; matches and proposals.

Owns these shapes and nothing that chooses. A due is an order as far as matching needs it; a group is a batch with the
names of its lines. Amounts are exact; times Unix s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct
from msgspec.structs import replace

from twofold.ledger.lines import Batch, MoneyKind, MoneyLine, ParcelLine, Thing

ZERO = Decimal(0)
DAY_S = 86_400
ThingT = TypeVar("ThingT", bound=Thing)
TimeT = TypeVar("TimeT", int, int | None)


class Trust(StrEnum):
    """How far a match is believed. What is less than probable is a proposal, which no figure counts."""

    CERTAIN = "certain"
    PROBABLE = "probable"  # counts, with a mark
    PERSON = "person"  # somebody decided it


class Due(Struct, frozen=True, kw_only=True, gc=False):
    """An order as matching sees it. ``amounts``: what its buyer owes in each currency the order was told in.

    ``keys``: all references by which a line may name it, in the form of `keys.key_of`. ``buyer``: keyed digests as lines
    carry them.
    """

    order: str
    placed_at: int
    amounts: Mapping[str, Decimal]
    keys: tuple[str, ...] = ()
    buyer: tuple[str, ...] = ()
    person: str = ""
    method: str = ""
    courier: str = ""
    delivered_at: int | None = None
    expected: Decimal | None = None  # net of the courier's rule, in the first currency; None: all of it
    replaces: str = ""  # the order (`order`) that this one was made from: of one exchange, whoever pays either pays it
    given_back: bool = False  # the shop says that money of it was
    given_up_at: int | None = None  # cancelled, refused, returned: who had not paid by then will not pay any more


class Entry(Struct, frozen=True, kw_only=True, gc=False):
    """A standing line under its name (hex)."""

    name: str
    line: MoneyLine


class Group(Struct, frozen=True, kw_only=True):
    """A batch with what its lines say: ``lines`` is the sum of their nets without the payout's own line.

    ``told``: the words of its files that it is made of. ``shared``: its number stands for batches in other currencies too.
    """

    batch: Batch
    lines: Decimal
    count: int
    declared: Decimal | None = None  # by its file, else by the payout's own line
    references: tuple[str, ...] = ()  # what may stand on the bank's line, in the form of `keys.plain`
    brings: Decimal = Decimal(0)  # of an earlier batch whose payout failed: paid with this one
    told: tuple[Batch, ...] = ()
    shared: bool = False

    @property
    def key(self) -> str:
        currency = self.batch.currency if self.shared else ""
        return batch_key(self.batch.source, self.batch.account, self.batch.id, currency)

    @property
    def net(self) -> Decimal:
        """What the bank should see."""
        return self.lines if self.declared is None else self.declared

    @property
    def difference(self) -> Decimal:
        """What its lines lack of what it declares; 0 when it closes."""
        return self.net - self.lines


class Match(Struct, frozen=True, kw_only=True, gc=False):
    """A line, or a part of it, pays something. ``made_at``: the latest time of the facts that it rests on."""

    line: str
    to: str
    amount: Decimal
    currency: str
    rule: str
    trust: Trust
    evidence: tuple[str, ...] = ()
    made_at: int = 0
    by: str = ""
    rounding: Decimal = ZERO  # paid more (or less) than due, inside the tolerance


class Proposal(Struct, frozen=True, kw_only=True):
    """Something for a person to decide. ``answers``: the sets of targets that fit equally well, at most three."""

    line: str
    rule: str
    why: str
    answers: tuple[tuple[str, ...], ...] = ()


class Matching(Struct, frozen=True, kw_only=True):
    """Everything that was found. ``open`` is what is left of each standing bank line that is not wholly matched."""

    matches: tuple[Match, ...]
    proposals: tuple[Proposal, ...]
    open: Mapping[str, Decimal]
    refused: tuple[tuple[str, str], ...] = ()  # decisions that could not be followed: (line, why)


Convert = Callable[[Decimal, str, str, int], Decimal | None]
"""An amount in one currency into another at the rate of a time; None where no rate is known."""

TAKEN = frozenset({MoneyKind.CHARGE, MoneyKind.COD_COLLECTED})
"""Kinds by which a third party says that it took the buyer's money for us."""


def batch_key(source: str, account: str, number: str, currency: str = "") -> str:
    """The name under which a batch is matched. Numbers of two accounts never collide; ``currency`` is told of a number that
    stands for batches in several."""
    return "/".join((f"batch:{source}", *((account,) if account else ()), number, *((currency,) if currency else ())))


def order_key(order: str) -> str:
    return f"order:{order}"


class Days:
    """Days of times in their own zones, as numbers from the epoch; ``home`` is the zone where none is told."""

    def __init__(self, home: tzinfo = UTC) -> None:
        self._home = home
        self._zones: dict[str, tzinfo] = {}
        self._known: dict[tuple[str, int], int] = {}

    def of(self, at: int, zone: str = "") -> int:
        """Every zone of today changes its day, and its offset, on a quarter of an hour: what one has is asked for once."""
        slot = zone, at // _SLOT_S
        day = self._known.get(slot)
        if day is None:
            day = self._known[slot] = datetime.fromtimestamp(at, self._zone(zone)).toordinal() - _EPOCH
        return day

    def start(self, day: int, zone: str = "") -> int:
        """When a day begins, Unix s."""
        return int(datetime.fromordinal(day + _EPOCH).replace(tzinfo=self._zone(zone)).timestamp())

    def here(self, thing: ThingT) -> ThingT:
        """A line whose source tells a day and no time, as that day at home: the bank's 11 March is no 10 March because a report's
        days begin later than the bank's. What has a time stays as it is.

        A payout and a courier's word begin with the day. A movement keeps the zone in which it was told, and is put where it is
        the day in both zones; `begin` says when it began.
        """
        match thing:
            case MoneyLine() if not thing.day_only and thing.available_at is None:
                pass
            case MoneyLine():
                at = self._in_both(thing.at, thing.zone) if thing.day_only else thing.at
                available = self._day(thing.available_at, thing.zone)
                same = at == thing.at and available == thing.available_at
                return thing if same else replace(thing, at=at, available_at=available)
            case ParcelLine():
                at = self._day(thing.at, thing.zone)
                return thing if at == thing.at else replace(thing, at=at)
            case Batch():
                at, expected = self._day(thing.at, thing.zone), self._day(thing.expected_at, thing.zone)
                same = at == thing.at and expected == thing.expected_at
                return thing if same else replace(thing, at=at, expected_at=expected)
        return thing

    def begin(self, line: MoneyLine) -> int:
        """When a movement happened; of a day without a time, when the day begins at home."""
        return self.start(self.of(line.at, line.zone)) if line.day_only else line.at

    def is_day(self, at: int, zone: str = "") -> bool:
        """A midnight where it was told: of a payout and of a courier's word, a day without a time."""
        return at % _SLOT_S == 0 and self.start(self.of(at, zone), zone) == at

    def _day(self, at: TimeT, zone: str) -> TimeT:
        return self.start(self.of(at, zone)) if at is not None and self.is_day(at, zone) else at

    def _in_both(self, at: int, zone: str) -> int:
        """Zones lie less than a day apart, so that there is such a moment: when the later of the two begins the day."""
        day = self.of(at, zone)
        return at if self.of(at) == day else max(self.start(day, zone), self.start(day))

    def _zone(self, name: str) -> tzinfo:
        if not name:
            return self._home
        found = self._zones.get(name)
        if found is None:
            try:
                found = _offset(name) if name[:1] in "+-" else ZoneInfo(name)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                found = self._home
            self._zones[name] = found
        return found


def _offset(name: str) -> tzinfo:
    """A zone told as "+04:00"."""
    return datetime.fromisoformat(f"2000-01-01T00:00{name}").tzinfo or UTC


_SLOT_S = 900
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).toordinal()
