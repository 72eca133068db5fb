"""The same money told by two formats: which lines of one account are one movement, so that one movement counts once.

Owns that choice, pure, and nothing of what is kept: every line stays as it was told. A bank's statement as camt.053 and as
the online bank's table, a provider's export and its API's answers name one movement by different ids, or by none.

Within one account, currency and day, lines of different formats and of one kind and amount are paired: by the id where both
formats number alike, then by what they name in common, then in their order in time. Two that name different orders,
payments or parcels are never a pair. A movement has at most one line of each format, so two equal payments that one format
tells are two, and of equals the largest count of a single format stands, never the sum. What is left over in one format
stands.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import chain, combinations

from msgspec import Struct
from msgspec.structs import replace

from twofold.ledger.filing import DAY_BATCH
from twofold.ledger.lines import MoneyLine
from twofold.ledger.ties import is_telling, plain, tokens_of
from twofold.reconcile.matches.values import DAY_S, Days, Entry

_NEAR_S = DAY_S // 2
_EXCLUSIVE = frozenset({"order", "number", "checkout", "payment_intent", "charge", "session", "invoice", "capture",
                        "refund", "dispute", "parcel", "creditor"})  # fmt: skip
_OF_BATCHES = frozenset({"payout"})

Ways = Mapping[str, frozenset[str]]
"""By a line's name all formats that told it, where there are several."""


class Once(Struct, frozen=True, kw_only=True, dict=True):
    """``entries``: each movement once, with all that its tellings say. ``same``: a line that counts as another, to that
    other. ``ways``: by the name of a line that counts the formats that told it. ``alone``: lines of a day that another
    format tells too, and does not tell them."""

    entries: tuple[Entry, ...]
    same: Mapping[str, str] = {}
    ways: Mapping[str, tuple[str, ...]] = {}
    alone: frozenset[str] = frozenset()

    @cached_property
    def told_twice(self) -> frozenset[str]:
        """Lines that count for others, too."""
        return frozenset(self.same.values())

    def name(self, line: str) -> str:
        """The name under which a line counts."""
        return self.same.get(line, line)


class _Told:
    """One line with what it is compared by."""

    def __init__(self, entry: Entry, forms: frozenset[str], days: Days) -> None:
        self.entry, self.forms, self.line = entry, forms, entry.line
        self.day = days.of(entry.line.at, entry.line.zone)
        self._days = days

    @cached_property
    def signs(self) -> frozenset[str]:
        """What the line names, whatever it calls it."""
        named = (r.partition(":") for r in self.line.references)
        found = {plain(value) for kind, _, value in named if kind not in _OF_BATCHES}
        found.update(word for word in tokens_of(self.line.text) if is_telling(word))
        return frozenset(found.union(self.line.counterpart))

    @cached_property
    def named(self) -> Mapping[str, frozenset[str]]:
        """The orders, payments and parcels that it names, by the kind of name."""
        found: dict[str, set[str]] = defaultdict(set)
        for reference in self.line.references:
            kind, _, value = reference.partition(":")
            if kind in _EXCLUSIVE:
                found[kind].add(plain(value))
        return {kind: frozenset(values) for kind, values in found.items()}

    def is_near(self, other: _Told) -> bool:
        """Of one day: as it was told, and of two with a time within twelve hours, as each may be in a zone of its own."""
        if self.line.day_only == other.line.day_only:
            return self.day == other.day if self.line.day_only else abs(self.line.at - other.line.at) <= _NEAR_S
        day, timed = (self, other) if self.line.day_only else (other, self)
        return day.day in (timed.day, self._days.of(timed.line.at, day.line.zone))

    def contradicts(self, other: _Told) -> bool:
        return any(
            values.isdisjoint(other.named[kind]) for kind, values in self.named.items() if kind in other.named
        )  # fmt: skip

    @property
    def order(self) -> tuple[object, ...]:
        return (self.line.at, self.entry.name)


class _Movement:
    """Lines that are one."""

    def __init__(self, first: _Told) -> None:
        self.members = [first]
        self.forms = first.forms

    def add(self, more: Iterable[_Told]) -> None:
        self.members += more
        self.forms = frozenset(chain.from_iterable(m.forms for m in self.members))

    @property
    def order(self) -> tuple[object, ...]:
        return min(m.order for m in self.members)


def tell_once(entries: Iterable[Entry], ways: Ways | None = None, days: Days | None = None) -> Once:
    """Each movement once. ``ways``: of lines that several formats told under one name."""
    ways, days = ways or {}, days or Days()
    books: dict[tuple[str, ...], list[Entry]] = defaultdict(list)
    entries = sorted(entries, key=lambda e: e.name)
    home = _only_accounts(entries)
    for entry in entries:
        if entry.line.status == "booked":
            account = entry.line.account or home.get(entry.line.source, "")
            books[entry.line.source, account, entry.line.currency].append(entry)
    same: dict[str, str] = {}
    merged: dict[str, Entry] = {}
    told: dict[str, tuple[str, ...]] = {}
    alone: set[str] = set()
    ways = {**ways, **_second_copies(entries)}
    for book in books.values():
        forms = {f for e in book for f in ways.get(e.name, (e.line.form,))}
        if len(forms) < 2 and len({e.line.account for e in book}) < 2:
            continue
        lines = [_Told(e, ways.get(e.name, frozenset((e.line.form,))), days) for e in book]
        movements = _movements(lines)
        for movement in movements:
            one, *others = sorted(movement.members, key=_richest)
            told[one.entry.name] = tuple(sorted(movement.forms))
            if others:
                merged[one.entry.name] = _with(one, others)
                same.update({other.entry.name: one.entry.name for other in others})
        alone |= _alone(movements)
    return Once(
        entries=tuple(merged.get(e.name, e) for e in entries if e.name not in same),
        same=same,
        ways=told,
        alone=frozenset(same.get(name, name) for name in alone),
    )


def _only_accounts(entries: Iterable[Entry]) -> dict[str, str]:
    """Source to its account, where files of it name exactly one: a file that names none is of that one."""
    named: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        if entry.line.account:
            named[entry.line.source].add(entry.line.account)
    return {source: next(iter(accounts)) for source, accounts in named.items() if len(accounts) == 1}


def _second_copies(entries: Iterable[Entry]) -> dict[str, frozenset[str]]:
    """Lines of a remittance that stands under two names, as its file told none: the same parcels with the same amounts and
    days. The second is another telling. A single parcel that stands twice is an error of the file, and is told as such."""
    batches: dict[tuple[str, ...], list[Entry]] = defaultdict(list)
    for entry in entries:
        line = entry.line
        if line.source.startswith("courier:") and line.batch and line.status == "booked" and line.references:
            batches[line.source, line.account, line.currency, line.batch].append(entry)
    copies: dict[tuple[object, ...], list[tuple[str, ...]]] = defaultdict(list)
    for name in sorted(batches):
        told = sorted(
            (str(e.line.kind), *sorted(e.line.references), str(e.line.gross), str(e.line.at), str(e.line.available_at))
            for e in batches[name]
        )
        if len({row[1] for row in told}) > 1:
            copies[*name[:3], tuple(tuple(row) for row in told)].append(name)
    return {
        entry.name: frozenset((f"{entry.line.form}#{number}",))
        for names in copies.values()
        for number, name in enumerate(names[1:], 2)
        for entry in batches[name]
    }


# -- what is one


def _movements(lines: Sequence[_Told]) -> list[_Movement]:
    """The lines of one account and currency, put together."""
    by_id = _with_one_id(lines)
    alike = {
        frozenset(pair)
        for movement in by_id
        if any(m.line.id for m in movement.members)
        for pair in combinations(sorted(movement.forms), 2)
    }
    buckets: dict[tuple[object, ...], list[_Movement]] = defaultdict(list)
    for movement in by_id:
        line = movement.members[0].line
        buckets[str(line.kind), line.gross, line.net].append(movement)
    return [m for bucket in buckets.values() for m in _paired(bucket, alike)]


def _with_one_id(lines: Sequence[_Told]) -> list[_Movement]:
    """Lines with the id of a source and one amount: told under another kind, or once with the account and once without."""
    movements: list[_Movement] = []
    numbered: dict[tuple[object, ...], list[_Movement]] = defaultdict(list)
    for told in sorted(lines, key=lambda t: (str(t.line.kind), t.line.account, *t.order)):
        if not told.line.id:
            movements.append(_Movement(told))
            continue
        equals = numbered[told.line.id, told.line.gross, told.line.net]
        fitting = [m for m in equals if all(_has_one_id(told, other) for other in m.members)]
        fitting.sort(key=lambda m: m.members[0].line.kind is not told.line.kind)
        if fitting:
            fitting[0].add([told])
        else:
            equals.append(_Movement(told))
            movements.append(equals[-1])
    return movements


def _has_one_id(told: _Told, other: _Told) -> bool:
    if told.line.kind is other.line.kind and told.line.account != other.line.account:
        return True
    return told.forms.isdisjoint(other.forms)


def _paired(bucket: list[_Movement], alike: set[frozenset[str]]) -> list[_Movement]:
    """Movements of one kind and amount: what each further format tells is laid beside what stands."""
    if len(bucket) < 2 or len({m.forms for m in bucket}) < 2:
        return bucket
    by_form: dict[tuple[str, ...], list[_Movement]] = defaultdict(list)
    for movement in bucket:
        by_form[tuple(sorted(movement.forms))].append(movement)
    order = sorted(by_form, key=lambda forms: (-len(forms), -len(by_form[forms]), forms))
    standing: list[_Movement] = []
    for forms in order:
        more = sorted(by_form[forms], key=lambda m: m.order)
        left = _lay(standing, more, alike, named=True)
        standing += _lay(standing, left, alike, named=False)
    return standing


def _lay(
    standing: list[_Movement], more: list[_Movement], alike: set[frozenset[str]], *, named: bool
) -> list[_Movement]:
    """Each of ``more`` to the movement that it belongs to; answers those that belong to none. ``named``: only where
    something is named in common."""
    near: dict[object, dict[int, _Movement]] = defaultdict(dict)
    for movement in standing:
        for member in movement.members:
            for key in member.signs if named else (member.day,):
                near[key][id(movement)] = movement
    edges = []
    for place, one in enumerate(more):
        keys: Iterable[object] = (
            {s for m in one.members for s in m.signs} if named else {m.day + d for m in one.members for d in (-1, 0, 1)}
        )
        for movement in {key: m for k in keys for key, m in near.get(k, {}).items()}.values():
            if _belong(one, movement, alike):
                shared = _in_common(one, movement) if named else 0
                edges.append((-shared, _distance(one, movement), place, movement.order, movement))
    taken: set[int] = set()
    grown: set[int] = set()
    for *_, place, _order, movement in sorted(edges, key=lambda e: e[:4]):
        if place not in taken and id(movement) not in grown:
            taken.add(place)
            grown.add(id(movement))
            movement.add(more[place].members)
    return [one for place, one in enumerate(more) if place not in taken]


def _belong(one: _Movement, other: _Movement, alike: set[frozenset[str]]) -> bool:
    if not one.forms.isdisjoint(other.forms):
        return False
    for a in one.members:
        for b in other.members:
            if not a.is_near(b) or a.contradicts(b):
                return False
            numbered = a.line.id and b.line.id and a.line.id != b.line.id
            if numbered and any(frozenset((x, y)) in alike for x in a.forms for y in b.forms):
                return False
    return True


def _in_common(one: _Movement, other: _Movement) -> int:
    return max(len(a.signs & b.signs) for a in one.members for b in other.members)


def _distance(one: _Movement, other: _Movement) -> int:
    return min(abs(a.line.at - b.line.at) for a in one.members for b in other.members)


# -- what it says


def _richest(told: _Told) -> tuple[object, ...]:
    """The telling that counts comes first: the one with a batch, with more names, with an id."""
    line = told.line
    return (
        not line.batch or line.batch.startswith(DAY_BATCH), not line.batch, -len(told.named), -len(told.signs), not line.id,
        not line.account, sorted(told.forms), told.entry.name,
    )  # fmt: skip


def _with(one: _Told, others: Iterable[_Told]) -> Entry:
    """The line with what its other tellings know beside it."""
    line = one.line
    for other in (o.line for o in others):
        line = replace(
            line,
            account=line.account or other.account,
            batch=_batch(line, other),
            references=tuple(dict.fromkeys((*line.references, *other.references, *_other_batch(line, other)))),
            counterpart=tuple(dict.fromkeys((*line.counterpart, *other.counterpart))),
            available_at=other.available_at if line.available_at is None else line.available_at,
            value_at=other.value_at if line.value_at is None else line.value_at,
            text=line.text or other.text,
            original=other.original if line.original is None else line.original,
            original_currency=line.original_currency or other.original_currency,
            rate=other.rate if line.rate is None else line.rate,
        )
    return Entry(name=one.entry.name, line=line)


def _batch(line: MoneyLine, other: MoneyLine) -> str:
    if not line.batch or (line.batch.startswith(DAY_BATCH) and other.batch):
        return other.batch
    return line.batch


def _other_batch(line: MoneyLine, other: MoneyLine) -> tuple[str, ...]:
    """The name under which the other telling knows the batch."""
    both = line.batch and other.batch and line.batch != other.batch
    if not both:
        return ()
    return (f"payout:{other.batch if _batch(line, other) == line.batch else line.batch}",)


def _alone(movements: Sequence[_Movement]) -> set[str]:
    """Names of lines that a format leaves out on a day of which it tells others."""
    forms: dict[int, set[str]] = defaultdict(set)
    for movement in movements:
        for member in movement.members:
            forms[member.day] |= _formats(member.forms)
    return {
        member.entry.name
        for movement in movements
        for member in movement.members
        if any(not movement.forms >= forms[m.day] for m in movement.members)
    }


def _formats(forms: Iterable[str]) -> set[str]:
    """Without second copies of a file, which are no further format."""
    return {form for form in forms if "#" not in form}
