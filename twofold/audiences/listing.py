"""Who belongs on which list now: the rules over everybody, less who may not be told or cannot be.

Owns one pass over the store for any number of audiences, and the counts of who was left out, by reason. It reads and changes nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from msgspec import Struct

from twofold.audiences.allowed import WITHDRAWN, word_of
from twofold.audiences.members import Row, rows_of, value_text
from twofold.audiences.persons import People, Person, people_of
from twofold.audiences.reading import DAY_S, Read, Standing, read_people, standing_of
from twofold.audiences.rules import BY_NAME, Earned, Terms, history_of
from twofold.config import AudienceSettings, Settings
from twofold.consent.marks import KINDS
from twofold.errors import FactsError
from twofold.event.addressees import is_for_lists
from twofold.facts.engine import Asked, ask_all
from twofold.facts.questions import questions_of
from twofold.policies import analytics_of, rules_of
from twofold.store.gates.addressees import NOT_ADDRESSED
from twofold.store.gates.withdrawals import read_standing

CONSENT_DAYS = 90
"""So far back at least is read what was said about consent, however few days an audience looks at."""
NO_ADDRESS, NO_VALUE = "no_address", "value_unknown"
ROOM = "twofold.audiences"
_CHUNK = 20_000


class Listed(Struct, frozen=True, kw_only=True):
    """An audience as it stands. ``people``: who fits its rule. Of each platform: rows with the value of their person (empty without),
    how many people they are, and why others are not among them."""

    name: str
    people: int
    rows: Mapping[str, Mapping[Row, str]]
    told: Mapping[str, int]
    left_out: Mapping[str, Mapping[str, int]]
    currency: str = ""  # of values
    problem: str = ""  # why it could not be worked out
    allowed: Mapping[
        str, frozenset[Row]
    ] = {}  # of one that could not: rows of all who may be told, so that others go all the same


class Listing(Struct, frozen=True, kw_only=True):
    """All that were asked for, as of one moment. ``standing``: how withdrawals and erasures stood before it was read."""

    at: int  # Unix s
    standing: Standing
    audiences: Sequence[Listed]


def list_audiences(
    settings: Settings, audiences: Sequence[AudienceSettings], platforms: Mapping[str, Sequence[str]], now: int
) -> Listing:
    """``platforms``: audience to the platforms whose lists are wanted. ``now`` in Unix s."""
    folder = Path(settings.server.data)
    standing = standing_of(folder)
    days = max([CONSENT_DAYS, *(a.days for a in audiences)])
    datasets = list(dict.fromkeys(a.dataset for a in audiences))
    earned = {name: _earned(settings, name, audiences, now) for name in datasets}
    found = {}
    for read in read_people(folder, datasets, rules_of(settings), now - days * DAY_S):
        people = people_of(read)
        for audience in audiences:
            if audience.dataset == read.dataset:
                found[audience.name] = _listed(
                    folder, people, audience, platforms[audience.name], earned[read.dataset], now
                )
    return Listing(at=now, standing=standing, audiences=[found[a.name] for a in audiences])


class _Worth(Struct, frozen=True, kw_only=True):
    orders: Mapping[int, Earned] = {}
    currency: str = ""
    problem: str = ""


def needs_worth(audience: AudienceSettings) -> bool:
    """True where it asks what orders came to."""
    return bool(audience.value) or BY_NAME[audience.rule].earned


def _earned(settings: Settings, dataset: str, audiences: Iterable[AudienceSettings], now: int) -> _Worth:
    """What the orders of a dataset came to, as the tables of reports have it; nothing where no audience asks."""
    days = [a.days for a in audiences if a.dataset == dataset and needs_worth(a)]
    if not days:
        return _Worth()
    first, last = (datetime.fromtimestamp(now, UTC) + timedelta(days=n) for n in (-max(days) - 1, 1))
    parameters = {"since": f"{first:%Y-%m-%d}", "until": f"{last:%Y-%m-%d}", "as_of": now, "dataset": dataset}
    question = questions_of(ROOM)["audience_earned"]
    try:
        (answer,) = ask_all(analytics_of(settings), [Asked(question=question, parameters=parameters)])
    except FactsError as err:
        return _Worth(problem=str(err))
    except OSError as err:
        return _Worth(problem=f"the tables of reports cannot be read: {err.strerror}")
    return _Worth(
        orders={row.order_row: Earned(row.delivered, row.margin) for row in answer.rows}, currency=answer.currency
    )


def _listed(
    folder: Path, people: People, audience: AudienceSettings, platforms: Sequence[str], worth: _Worth, now: int
) -> Listed:
    if needs_worth(audience) and worth.problem:
        allowed = _allowed(folder, people, platforms)
        return Listed(
            name=audience.name, people=0, rows={}, told={}, left_out={}, problem=worth.problem, allowed=allowed
        )
    terms = Terms(
        now=now,
        days=audience.days,
        wait_hours=audience.wait_hours,
        least=Decimal(audience.least) if audience.least else None,
    )
    holds = BY_NAME[audience.rule].holds

    def fits(person: Person, cut: int, platform: str = "") -> bool:
        signs = [s for s in person.signs if is_for_lists(s.destinations, platform)] if platform else person.signs
        return holds(history_of(terms, signs, person.orders, person.near, worth.orders, cut), terms)

    first = [person for person in people.persons if fits(person, 0)]
    cuts = _cuts(folder, people.read, first)
    fitting = [person for person in first if cuts[person.number] is None or fits(person, cuts[person.number] or 0)]
    chosen = _Chosen(people, audience, worth, terms)
    for person in fitting:
        cut = cuts[person.number]
        # what was not meant for a platform leads to none of its lists
        untold = any(sign.destinations for sign in person.signs)
        hidden = [p for p in platforms if untold and not fits(person, cut or 0, p)]
        chosen.put(person, platforms, hidden, withdrawn=cut is None)
    return Listed(
        name=audience.name,
        people=len(fitting),
        rows=chosen.rows,
        told={platform: chosen.told[platform] for platform in platforms},
        left_out={platform: dict(sorted(chosen.left_out[platform].items())) for platform in platforms},
        currency=worth.currency if audience.value else "",
    )


def _allowed(folder: Path, people: People, platforms: Sequence[str]) -> dict[str, frozenset[Row]]:
    """Everybody's rows, whatever they did, less those of people who may not be told."""
    cuts = _cuts(folder, people.read, people.persons)
    found: dict[str, set[Row]] = {platform: set() for platform in platforms}
    for person in people.persons:
        word = word_of(people, person)
        for platform in platforms if cuts[person.number] is not None else ():
            if not word.why_not(platform):
                found[platform].update(rows_of(people.read, person, platform))
    return {platform: frozenset(rows) for platform, rows in found.items()}


class _Chosen:
    """The rows of each platform's list, and who is on none."""

    def __init__(self, people: People, audience: AudienceSettings, worth: _Worth, terms: Terms) -> None:
        self._people, self._value, self._worth, self._terms = people, audience.value, worth, terms
        self.rows: dict[str, dict[Row, str]] = defaultdict(dict)
        self.told: Counter[str] = Counter()
        self.left_out: dict[str, Counter[str]] = defaultdict(Counter)

    def put(self, person: Person, platforms: Sequence[str], hidden: Sequence[str], *, withdrawn: bool) -> None:
        """``hidden``: platforms that were not told enough of what the person did."""
        word = word_of(self._people, person)
        value = value_text(self._valued(person)) if self._value else ""
        for platform in platforms:
            rows = rows_of(self._people.read, person, platform)
            why = WITHDRAWN if withdrawn else word.why_not(platform) or ("" if rows else NO_ADDRESS)
            why = why or (NOT_ADDRESSED if platform in hidden else NO_VALUE if self._value and not value else "")
            if why:
                self.left_out[platform][why] += 1
                continue
            self.told[platform] += 1
            for row in rows:
                self.rows[platform][row] = value

    def _valued(self, person: Person) -> Decimal | None:
        history = history_of(self._terms, (), person.orders, (), self._worth.orders, 0)
        return history.delivered if self._value == "delivered" else history.margin


def _cuts(folder: Path, read: Read, persons: Sequence[Person]) -> dict[int, int | None]:
    """Of each person from when on what they did counts (Unix s): since consent was given again, 0 where it never was taken back. None:
    it is taken back."""
    wanted = sorted({n for person in persons for n in person.marks if read.marks[n].kind in KINDS})
    stands: dict[int, int | None] = {}
    for start in range(0, len(wanted), _CHUNK):
        part = wanted[start : start + _CHUNK]
        for number, told in zip(part, read_standing(folder, read.dataset, [read.marks[n] for n in part]), strict=True):
            if told.withdrawn:
                stands[number] = None
            elif told.granted_at is not None:
                stands[number] = told.granted_at // 1000
    found: dict[int, int | None] = {}
    for person in persons:
        own = [stands[n] for n in person.marks if n in stands]
        found[person.number] = None if None in own else max((at for at in own if at is not None), default=0)
    return found
