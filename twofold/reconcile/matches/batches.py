"""Which bank line is the money of which batch: by the reference that stands on both, else by amount and expected date.

Owns that choice. A batch is matched with what it declares, also when its lines do not add up to it: then its money is
known to be on the bank and is called banked nowhere. Two batches of one net in one span: the older takes the earlier
line; where dates tell nothing apart, nobody does. A batch that only a text names, with another amount, is for a person to decide.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from twofold.ledger.filing import day_text
from twofold.ledger.ties import FAILED, is_telling, plain, tokens_of
from twofold.reconcile.matches.lumps import MOST_SHOWN
from twofold.reconcile.matches.tolerance import Tolerance, bank_days_after
from twofold.reconcile.matches.values import Days, Entry, Group, Proposal

BANK_REFERENCE, BATCH_NUMBER, BATCH_AMOUNT = "bank_reference", "batch_in_text", "batch_amount_and_date"


class Paid(NamedTuple):
    """A bank line that pays a batch, with the rule and what it was read from."""

    entry: Entry
    group: Group
    rule: str
    evidence: str


def by_reference(entries: Sequence[Entry], groups: Iterable[Group]) -> Iterator[Paid]:
    """Lines whose reference names exactly one batch, whatever their amount; in free text the amount must be right too."""
    known, named = _named(groups)
    for entry in entries if known else ():
        fields = [plain(r.partition(":")[2]) for r in entry.line.references]
        told = {key: f for f in fields for key in named.get(f, ()) if _issued(f, known[key])}
        if len(told) == 1:
            key, field = next(iter(told.items()))
            yield Paid(entry, known[key], BANK_REFERENCE, field)
            continue
        words = _words(entry)
        read = {key: w for w in words for key in named.get(w, ()) if _is_all_of(entry, known[key])}
        if len(read) == 1:
            key, word = next(iter(read.items()))
            yield Paid(entry, known[key], BATCH_NUMBER, word)


def by_name_alone(entries: Iterable[Entry], groups: Iterable[Group]) -> Iterator[Proposal]:
    """Lines in whose text batches stand, of the line's currency and side, with another amount: a key never excuses that."""
    known, named = _named(groups)
    for entry in entries if known else ():
        keys = sorted({
            key for word in _words(entry) for key in named.get(word, ())
            if known[key].batch.currency == entry.line.currency and known[key].net * entry.line.gross > 0
        })  # fmt: skip
        if keys:
            answers = tuple((key,) for key in keys[:MOST_SHOWN])
            yield Proposal(line=entry.name, rule=BATCH_NUMBER, why="amount_differs", answers=answers)


def _named(groups: Iterable[Group]) -> tuple[dict[str, Group], Mapping[str, set[str]]]:
    """Batches by their keys, and the keys by what may stand for them on a bank's line."""
    known, named = dict[str, Group](), defaultdict[str, set[str]](set)
    for group in groups:
        known[group.key] = group
        for reference in {*group.references, plain(group.batch.bank_reference), plain(group.batch.id)} - {""}:
            named[reference].add(group.key)
    return known, named


def _words(entry: Entry) -> list[str]:
    fields = (plain(r.partition(":")[2]) for r in entry.line.references)
    return [word for word in (*fields, *tokens_of(entry.line.text)) if is_telling(word)]


def _is_all_of(entry: Entry, group: Group) -> bool:
    return (entry.line.currency, entry.line.gross) == (group.batch.currency, group.net)


def _issued(reference: str, group: Group) -> bool:
    """Whether a reference was made for the bank's line, and is not only the batch's own number."""
    return reference in group.references or reference == plain(group.batch.bank_reference)


def by_amount(
    entries: Sequence[Entry], groups: Sequence[Group], tolerance: Tolerance, days: Days
) -> tuple[list[Paid], list[Proposal]]:
    """Lines and batches of one amount and currency whose dates allow it, older with earlier."""
    lines: dict[tuple[str, Decimal], list[Entry]] = defaultdict(list)
    for entry in entries:
        lines[entry.line.currency, entry.line.gross].append(entry)
    wanted: dict[tuple[str, Decimal], list[Group]] = defaultdict(list)
    for group in groups:
        if group.net and group.batch.status.casefold() not in FAILED:
            key = group.batch.currency, group.net - tolerance.bank_takes(group.batch.source, group.net)
            if key in lines:
                wanted[key].append(group)
    paid: list[Paid] = []
    unclear: list[Proposal] = []
    for key in sorted(wanted):
        some, more = _pair(lines[key], wanted[key], tolerance, days)
        paid += some
        unclear += more
    return paid, unclear


def _pair(
    entries: list[Entry], groups: list[Group], tolerance: Tolerance, days: Days
) -> tuple[list[Paid], list[Proposal]]:
    day_of = {e.name: days.of(e.line.at, e.line.zone) for e in entries}
    due_on = {g.key: days.of(expected_at(g)) for g in groups}
    entries = sorted(entries, key=lambda e: (day_of[e.name], e.name))
    groups = sorted(groups, key=lambda g: (due_on[g.key], g.key))
    fits = {g.key: [e for e in entries if _in_span(day_of[e.name], due_on[g.key], tolerance)] for g in groups}
    paid: list[Paid] = []
    unclear: dict[str, set[str]] = defaultdict(set)
    taken: set[str] = set()
    for group in groups:
        free = [e for e in fits[group.key] if e.name not in taken]
        if not free:
            continue
        first = day_of[free[0].name]
        equal = [e for e in free if day_of[e.name] == first]
        rivals = [g for g in groups if due_on[g.key] == due_on[group.key] and _share(fits[g.key], free)]
        if len(rivals) > 1 or len(equal) > 1:
            for entry in equal:
                unclear[entry.name].update(g.key for g in (*rivals, group))
            continue
        taken.add(free[0].name)
        paid.append(Paid(free[0], group, BATCH_AMOUNT, f"expected day {day_text(due_on[group.key])}"))
    return paid, [
        Proposal(line=name, rule=BATCH_AMOUNT, why="ambiguous", answers=tuple((key,) for key in sorted(keys))[:3])
        for name, keys in sorted(unclear.items())
        if name not in taken
    ]


def _share(some: Sequence[Entry], others: Sequence[Entry]) -> bool:
    names = {e.name for e in others}
    return any(e.name in names for e in some)


def _in_span(day: int, due: int, tolerance: Tolerance) -> bool:
    return bank_days_after(due, -tolerance.bank_days_before) <= day <= bank_days_after(due, tolerance.bank_days_after)


def expected_at(group: Group) -> int:
    """When the money should stand on the bank."""
    return group.batch.at if group.batch.expected_at is None else group.batch.expected_at


def latest_expected(group: Group, tolerance: Tolerance, days: Days) -> int:
    """The last day on which the bank's line is still in time."""
    return bank_days_after(days.of(expected_at(group)), tolerance.bank_days_after)


def sources_of(paid: Iterable[Paid]) -> Mapping[str, frozenset[str]]:
    """Counterparts of lines that paid batches, and whose batches: a courier's account is known by its payments."""
    found: dict[str, set[str]] = defaultdict(set)
    for one in paid:
        for digest in one.entry.line.counterpart:
            found[digest].add(one.group.batch.source)
    return {digest: frozenset(sources) for digest, sources in found.items()}
