"""Which advertising a touch came from: spend joined by id, then by exact name with a mark, never guessed.

Owns the join and what it could not join. Names are those of the touch's own day where they are unique then, so that a
renamed campaign keeps its past. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from twofold.attribution.paths import PathTouch
from twofold.ledger.lines import Spend
from twofold.ledger.spend import platform_of_spend

BY_NAME = "by_name"
NO_SPEND = "id_without_spend"
LEVELS = ("campaign", "adset", "ad")
_NAMES = {"campaign": "campaign", "adset": "term", "ad": "content"}
"""The text of the address that may hold a name of a level, where no id stands."""
_OURS = ("unattributed", "channel")


class Advert(NamedTuple):
    """What is credited at one level: ``identity`` is the platform's id, or the name where the source tells no ids."""

    platform: str
    identity: str
    mark: str = ""


def key_of(advert: Advert) -> str:
    """What the group of an advert is known by. A platform that is nobody's but an address's word holds no colon there, and is
    none of the words that begin keys of other rows."""
    platform = advert.platform.replace("%", "%25").replace(":", "%3A")
    return f"{'%' if platform in _OURS else ''}{platform}:{advert.identity}"


def advert_of(key: str) -> Advert:
    """The advert of such a key."""
    platform, _, identity = key.partition(":")
    if platform.removeprefix("%") in _OURS:
        platform = platform.removeprefix("%")
    return Advert(platform.replace("%3A", ":").replace("%25", "%"), identity)


class Adverts:
    """The adverts of the rows of spend, found by id or by name."""

    def __init__(self, rows: Iterable[Spend]) -> None:
        self.names: dict[tuple[str, str, str], tuple[str, str]] = {}  # (level, platform, identity) -> (day, name)
        self._called: dict[tuple[str, str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))  # by day
        self._names_of: dict[tuple[str, str, str], set[str]] = defaultdict(set)
        self._found: dict[tuple[str, str, str, str], set[str]] = {}
        for row in rows:
            platform = platform_of_spend(row.source)
            for level in LEVELS:
                name, identity = getattr(row, level).strip(), identity_of(row, level)
                if not identity:
                    continue
                known = self.names.get((level, platform, identity), ("", ""))
                self.names[level, platform, identity] = max(known, (row.day, name))
                if name:
                    self._called[level, platform, name][row.day].add(identity)
                    self._names_of[level, platform, identity].add(name)

    def name_of(self, level: str, advert: Advert) -> str:
        """As it was called last."""
        return self.names.get((level, advert.platform, advert.identity), ("", ""))[1] or advert.identity

    def find(self, level: str, touch: PathTouch, day: str) -> Advert | None:
        """The advert of a paid touch on its day; None where the address says neither an id nor a name that is known."""
        told = touch.touch
        platform = touch.sourced.platform or touch.sourced.source
        identity = getattr(told, f"{level}_id")
        if identity:
            known = (level, platform, identity) in self.names
            return Advert(platform, identity, "" if known else NO_SPEND)
        name = getattr(told, _NAMES[level]).strip()
        found = self._called_on(level, platform, name, day) if name else set()
        return Advert(platform, next(iter(found)), BY_NAME) if len(found) == 1 else None

    def own_names(self, level: str, advert: Advert) -> list[str]:
        """All that it was ever called and that no other of its platform was."""
        names = self._names_of.get((level, advert.platform, advert.identity), set())
        return sorted(n for n in names if len(set().union(*self._called[level, advert.platform, n].values())) == 1)

    def _called_on(self, level: str, platform: str, name: str, day: str) -> set[str]:
        """Whoever had the name on the day; where nobody did, on any day before; else on the first after. So no day to come
        moves what a day was credited with."""
        key = (level, platform, name, day)
        if key not in self._found:
            days = self._called.get((level, platform, name), {})
            before: set[str] = set().union(*(who for at, who in days.items() if at < day))
            self._found[key] = days.get(day) or before or (days[min(days)] if days else set())
        return self._found[key]


class Seen:
    """What visits name, at each level and of each platform, by id or by name. A row: whose visit it is (or else its source), then
    id and name of campaign, ad set and ad."""

    def __init__(self, rows: Iterable[Sequence[str | None]]) -> None:
        self._of = {
            (level, row[0], text.strip())
            for row in rows
            for place, level in enumerate(LEVELS)
            for text in row[2 * place + 1 : 2 * place + 3]
            if text
        }

    def names(self, level: str, advert: Advert, name: str) -> bool:
        """True where some visit of its platform named it."""
        return not self._of.isdisjoint((level, advert.platform, text) for text in (advert.identity, name))


def identity_of(row: Spend, level: str) -> str:
    """The id at a level, else the name, which is its account's: two accounts may have one name each."""
    name = getattr(row, level).strip()
    return str(getattr(row, f"{level}_id") or (f"{row.account}/{name}" if row.account and name else name))


def untagged(rows: Sequence[Spend], seen: Seen) -> list[tuple[Advert, str, Decimal, str]]:
    """Campaigns that cost something and that no visit names, the dearest first: advert, name, amount and its own currency."""
    cost: dict[tuple[Advert, str], Decimal] = defaultdict(Decimal)
    called: dict[Advert, set[tuple[str, str]]] = defaultdict(set)  # on which day by which name
    for row in rows:
        advert = Advert(platform_of_spend(row.source), identity_of(row, "campaign"))
        cost[advert, row.currency] += row.amount
        called[advert].add((row.day, row.campaign.strip()))
    left = [
        (advert, max(called[advert])[1] or advert.identity, amount, currency)
        for (advert, currency), amount in cost.items()
        if amount and advert.identity and not any(seen.names("campaign", advert, name) for _, name in called[advert])
    ]
    return sorted(left, key=lambda one: (-one[2], one[0], one[3]))
