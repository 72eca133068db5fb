"""Which account an event belongs to, and how often that could be said: the match rate per event name and per key.

Meta documents which keys it uses and, in words, how much each is worth; how it combines them is not published. So
the rules below are **ours**: each is a plain reading of Meta's pages ("Customer information parameters", "Conversion
leads", the Help Center's table of key priorities; all read September 2026), and the rates are this register's, never
Meta's figure.

1. A key of `IDENTIFYING` that names exactly one account decides, strongest key first. One that names several
   (a family's telephone) is narrowed by the weaker keys; a weaker key never contradicts a stronger one.
2. Without a decision, first and last name together with a birth date, postcode or city decide, when every
   describing key that came fits exactly one account.
3. Then an address and a user agent that were seen together at one account.

`external_id` and `fbp` need no entry in the register: a dataset learns them from events that matched by another key,
forgets them after 90 days (Meta says "periodically"), and prefers `external_id` (documented).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from twofold.sandbox.wire.dedup import DAY_MS
from twofold.sandbox.wire.received import Inbox, Received
from twofold.sandbox.wire.rules import meta_keys
from twofold.sandbox.world.people import ACCOUNT_KEYS, DEVICE, DEVICE_KEYS, People, comparable, device_key

# Strongest first. Help Center: e-mail and click id highest; Conversion leads: lead id the strongest key there is.
IDENTIFYING = (
    "lead_id", "fbc", "em", "fb_login_id", "ctwa_clid", "page_scoped_user_id", "ig_sid", "madid", "anon_id", "ph",
    "external_id", "fbp",
)  # fmt: skip
DESCRIBING = ("fn", "ln", "db", "ge", "ct", "st", "zp", "country")
FULL_NAME = frozenset({"fn", "ln"})
PLACING = frozenset({"db", "zp", "ct"})  # one of them must stand beside the full name
LEARNED = ("external_id", "fbp")
LEARNED_FOR_MS = 90 * DAY_MS  # ours; the life of the cookie

NAME = "name"  # the deciding key of rule 2
NOBODY: frozenset[str] = frozenset()


class Match(Struct, frozen=True):
    """The account, or None, and the key that decided."""

    person: str | None
    by: str | None


class KeyTally(Struct):
    """Of one key: events that carried it, events matched to an account that has this value, events it decided."""

    sent: int = 0
    matched: int = 0
    decided: int = 0


class MatchTally(Struct):
    """Of one dataset, event name and source."""

    events: int = 0
    matched: int = 0
    keys: dict[str, KeyTally] = msgspec.field(default_factory=dict)


class _Body(Struct):
    """What matching reads of an event."""

    user_data: Any = None


_decode = msgspec.json.Decoder(_Body).decode


class Matcher:
    """Matches what the inbox holds, in order of arrival, when somebody asks.

    The register counts as known from the start: when it changes, everything is matched again.
    """

    def __init__(self, inbox: Inbox, people: People, clicker: Callable[[str], str | None]) -> None:
        """``clicker`` says whose click made a click id."""
        self._inbox = inbox
        self._people = people
        self._clicker = clicker
        self.forget()

    def forget(self) -> None:
        """Starts over at the next question."""
        self._persons: list[str | None] = []  # by copy number - 1
        # Digest of dataset, key and value -> number of the event that last taught it. Texts would take 30 MB for
        # 100,000 events.
        self._lessons: dict[int, int] = {}
        self._tallies: dict[tuple[str, str, str], MatchTally] = {}

    def person_of(self, copy: Received) -> str | None:
        """The account of a received copy."""
        self._catch_up()
        return self._persons[copy.number - 1]

    def tallies(self) -> dict[tuple[str, str, str], MatchTally]:
        """By dataset, event name and source."""
        self._catch_up()
        return self._tallies

    def match(self, user_data: Mapping[str, Any], dataset: str, at_ms: int) -> tuple[Match, dict[str, tuple[str, ...]]]:
        """The account of one event, and its keys in comparable form. ``user_data`` as sent; ``at_ms`` its arrival."""
        keys = {key: values for key, value in meta_keys(user_data).items() if (values := comparable(key, value))}
        return self._decide(keys, dataset, at_ms), keys

    def work_off(self, at_most: int) -> bool:
        """Matches some of what has come; False when nothing is left."""
        if len(self._persons) > len(self._inbox):
            self.forget()  # the inbox was emptied
        end = min(len(self._persons) + at_most, len(self._inbox))
        while len(self._persons) < end:
            self._take(self._inbox.copy(len(self._persons) + 1))
        return end < len(self._inbox)

    def _catch_up(self) -> None:
        self.work_off(len(self._inbox))

    def _take(self, copy: Received) -> None:
        arrival = copy.arrival
        body = _decode(arrival.event)
        user_data = body.user_data if isinstance(body.user_data, dict) else {}
        match, keys = self.match(user_data, arrival.dataset, copy.received_at)
        self._persons.append(match.person)
        tally = self._tallies.setdefault((arrival.dataset, arrival.event_name, arrival.source), MatchTally())
        # Counted before learning: an event does not explain itself.
        self._count(tally, match, keys, arrival.dataset, copy.received_at)
        if match.person is not None:
            self._learn(copy.number, keys, arrival.dataset)

    def _decide(self, keys: Mapping[str, tuple[str, ...]], dataset: str, at_ms: int) -> Match:
        candidates: frozenset[str] = NOBODY
        for key in IDENTIFYING:
            named = self._named(key, keys.get(key, ()), dataset, at_ms)
            candidates = (candidates & named or candidates) if candidates else named
            if len(candidates) == 1:
                return Match(next(iter(candidates)), key)
        for key, named in self._weaker(keys, candidates):
            candidates = (candidates & named or candidates) if candidates else named
            if len(candidates) == 1:
                return Match(next(iter(candidates)), key)
        return Match(None, None)

    def _weaker(
        self, keys: Mapping[str, tuple[str, ...]], candidates: frozenset[str]
    ) -> Iterator[tuple[str, frozenset[str]]]:
        """Rules 2 and 3. Among known candidates any describing key may narrow; alone it takes a full name and more."""
        sent = [key for key in DESCRIBING if key in keys]
        if candidates:
            yield from ((key, self._named(key, keys[key])) for key in sent)
        elif set(sent) >= FULL_NAME and PLACING & set(sent):
            yield NAME, frozenset.intersection(*(self._named(key, keys[key]) for key in sent))
        if all(key in keys for key in DEVICE_KEYS):
            yield DEVICE, self._named(DEVICE, (device_key(*(keys[key][0] for key in DEVICE_KEYS)),))

    def _named(self, key: str, values: tuple[str, ...], dataset: str = "", at_ms: int = 0) -> frozenset[str]:
        if not values:
            return NOBODY
        named: set[str] = set()
        for value in values:
            named.update(self._people.named_by(key, value))
            if key == "fbc" and (person := self._clicker(value)) is not None:
                named.add(person)
            if key in LEARNED and (person := self._taught(dataset, key, value, at_ms)) is not None:
                named.add(person)
        return frozenset(named)

    def _learn(self, number: int, keys: Mapping[str, tuple[str, ...]], dataset: str) -> None:
        for key in LEARNED:
            for value in keys.get(key, ()):
                if self._people.named_by(key, value):
                    continue  # the register's own knowledge needs no lesson
                self._lessons[_digest(dataset, key, value)] = number

    def _taught(self, dataset: str, key: str, value: str, at_ms: int) -> str | None:
        number = self._lessons.get(_digest(dataset, key, value))
        if number is None or at_ms - self._inbox.copy(number).received_at > LEARNED_FOR_MS:
            return None
        return self._persons[number - 1]

    def _count(
        self, tally: MatchTally, match: Match, keys: Mapping[str, tuple[str, ...]], dataset: str, at_ms: int
    ) -> None:
        tally.events += 1
        tally.matched += match.person is not None
        for key, values in keys.items():
            if key not in COUNTED_KEYS:
                continue
            row = tally.keys.setdefault(key, KeyTally())
            row.sent += 1
            row.matched += match.person is not None and (
                key == match.by or match.person in self._named(key, values, dataset, at_ms)
            )
        if match.by is not None:
            tally.keys.setdefault(match.by, KeyTally()).decided += 1


def _digest(dataset: str, key: str, value: str) -> int:
    """64 bits: among a million ids two meet with a chance of one in thirty million."""
    return int.from_bytes(hashlib.blake2b(f"{dataset} {key} {value}".encode(), digest_size=8).digest())


COUNTED_KEYS = frozenset({*ACCOUNT_KEYS, *IDENTIFYING})


def match_rows(matcher: Matcher, wanted: Mapping[str, str]) -> list[dict[str, Any]]:
    """One row per dataset and event name; filters ``dataset``, ``event_name`` and ``source`` (Browser or Server).

    ``match_rate`` is matched / events; a key's is matched / sent. Rates are numbers between 0 and 1.
    """
    joined: dict[tuple[str, str], MatchTally] = {}
    for (dataset, name, source), tally in sorted(matcher.tallies().items()):
        place = {"dataset": dataset, "event_name": name, "source": source}
        if all(wanted.get(key) in (None, value) for key, value in place.items()):
            _add(joined.setdefault((dataset, name), MatchTally()), tally)
    return [
        {
            "dataset": dataset,
            "event_name": name,
            "events": tally.events,
            "matched": tally.matched,
            "match_rate": _rate(tally.matched, tally.events),
            "keys": [_key_row(key, tally.keys[key]) for key in sorted(tally.keys, key=_strength)],
        }
        for (dataset, name), tally in joined.items()
    ]


def _add(total: MatchTally, part: MatchTally) -> None:
    total.events += part.events
    total.matched += part.matched
    for key, row in part.keys.items():
        sum_ = total.keys.setdefault(key, KeyTally())
        sum_.sent += row.sent
        sum_.matched += row.matched
        sum_.decided += row.decided


_ORDER = {key: place for place, key in enumerate((*IDENTIFYING, NAME, *DESCRIBING, DEVICE, *DEVICE_KEYS))}


def _strength(key: str) -> int:
    return _ORDER[key]


def _key_row(key: str, row: KeyTally) -> dict[str, Any]:
    return {
        "key": key,
        "sent": row.sent,
        "matched": row.matched,
        "match_rate": _rate(row.matched, row.sent),
        "decided": row.decided,
    }


def _rate(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
