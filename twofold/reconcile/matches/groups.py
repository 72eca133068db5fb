"""Batches with their lines: what they add up to, what they declare, and whether they ever left for the bank.

Owns the closing of a batch. A batch of which no file speaks is made of the lines that name it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal

from msgspec.structs import replace

from twofold.ledger.filing import DAY_BATCH
from twofold.ledger.lines import Batch, MoneyKind, MoneyLine
from twofold.ledger.ties import BANK, FAILED, plain
from twofold.reconcile.matches.values import ZERO, Entry, Group

_LEAVES = (MoneyKind.PAYOUT, MoneyKind.PAYOUT_FAILED)

BatchName = tuple[str, str, str, str]
"""Source, account, number, currency: one number may stand for a batch in each of several currencies."""
_NEAR_S = 36 * 3600
_PAID_WITHIN_S = 10 * 86_400
"""After its last line: of a payout that only its lines tell nobody says the day."""


def name_of_batch(line: MoneyLine) -> BatchName | None:
    """Which batch a provider's or courier's line stands in."""
    return (line.source, line.account, line.batch, line.currency) if line.batch and line.kind not in BANK else None


def groups_of(batches: Iterable[Batch], entries: Iterable[Entry]) -> list[Group]:
    """Every batch that a file declares or a line names, by its key."""
    told: dict[BatchName, list[Batch]] = defaultdict(list)
    for batch in sorted(batches, key=_order):
        told[batch.source, batch.account, batch.id, batch.currency].append(batch)
    named: dict[BatchName, list[Entry]] = defaultdict(list)
    for entry in entries:  # a payout has tens of thousands
        if entry.line.status == "booked" and (name := name_of_batch(entry.line)) is not None:
            named[name].append(entry)
    told = _by_their_ids(told, named)
    lines: dict[BatchName, list[Entry]] = defaultdict(list)
    for name, some in named.items():
        lines[_known(name, told)] += some
    told = _by_their_nets(told, lines)
    currencies: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for source, account, number, currency in {*told, *lines}:
        currencies[source, account, number].add(currency)
    found = []
    for name in sorted({*told, *lines}):
        mine = [e.line for e in lines.get(name, [])]
        group = _group(_put_together(name, told[name]) if name in told else _made_of(name, mine), mine)
        shared = len(currencies[name[:3]]) > 1
        found.append(replace(group, told=tuple(told.get(name, ())), shared=shared))
    return sorted(found, key=lambda g: g.key)


def _order(batch: Batch) -> tuple[object, ...]:
    return batch.id.startswith(DAY_BATCH), batch.id, batch.net is None, batch.at, batch.account, batch.status


def _put_together(name: BatchName, told: list[Batch]) -> Batch:
    """What several files say of one batch: of what two say, the one that knows its number."""
    first = replace(told[0], id=name[2])
    for other in told[1:]:
        first = replace(
            first,
            net=other.net if first.net is None else first.net,
            expected_at=other.expected_at if first.expected_at is None else first.expected_at,
            bank_reference=first.bank_reference or other.bank_reference,
            status=first.status or other.status,
        )
    return first


def _by_their_ids(
    told: dict[BatchName, list[Batch]], named: Mapping[BatchName, Iterable[Entry]]
) -> dict[BatchName, list[Batch]]:
    """Batches under the ids that their lines know: a source may list payouts by their day alone (``payout:…`` of a line is
    that other name). A name that lines of two batches know, or that has lines of its own, stays what it is."""
    if not told:
        return told
    ids: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for entry in (e for some in named.values() for e in some):
        for reference in entry.line.references:
            if reference.startswith("payout:"):
                ids[entry.line.source, reference.partition(":")[2], entry.line.currency].add(entry.line.batch)
    found: dict[BatchName, list[Batch]] = defaultdict(list)
    for name, batches in told.items():
        source, account, number, currency = name
        known = ids.get((source, number, currency), {number})
        if len(known) == 1 and name not in named:
            name = source, account, min(known), currency
        found[_known(name, told)] += batches
    return {name: sorted(batches, key=_order) for name, batches in found.items()}


def _by_their_nets(
    told: dict[BatchName, list[Batch]], lines: Mapping[BatchName, list[Entry]]
) -> dict[BatchName, list[Batch]]:
    """A batch that is told by its day alone, of which no line speaks, is the only one with a number that declares the same
    at that time."""
    days = [name for name in sorted(told) if name[2].startswith(DAY_BATCH) and name not in lines]
    if not days:
        return told
    numbered: dict[tuple[str, str, Decimal], list[tuple[BatchName, int, int]]] = defaultdict(list)
    for name in sorted({*told, *lines}):
        if not name[2].startswith(DAY_BATCH):
            mine = [e.line for e in lines.get(name, [])]
            group = _group(_put_together(name, told[name]) if name in told else _made_of(name, mine), mine)
            at, late = group.batch.at, _NEAR_S if name in told else _PAID_WITHIN_S
            numbered[name[0], name[3], group.net].append((name, at - _NEAR_S, at + late))
    wanted: dict[BatchName, list[BatchName]] = defaultdict(list)
    for day in days:
        batch = told[day][0]
        if batch.net is not None:
            fits = [n for n, first, last in numbered[day[0], day[3], batch.net]
                    if first <= batch.at <= last and (n[1] == day[1] or not n[1] or not day[1])]  # fmt: skip
            if len(fits) == 1:
                wanted[fits[0]].append(day)
    found = dict(told)
    for name, same in wanted.items():
        if len(same) == 1:
            found[name] = [*found.get(name, ()), *found.pop(same[0])]
    return found


def _known(name: BatchName, told: Mapping[BatchName, object]) -> BatchName:
    """A line whose file does not tell the account stands in its source's batch of that number, and the reverse."""
    source, account, number, currency = name
    if account:
        bare = source, "", number, currency
        return bare if name not in told and bare in told else name
    same = [key for key in told if key[1] and (key[0], *key[2:]) == (source, number, currency)]
    return same[0] if len(same) == 1 else name


def _made_of(name: BatchName, lines: list[MoneyLine]) -> Batch:
    source, account, number, currency = name
    leaving = [line for line in lines if line.kind is MoneyKind.PAYOUT]
    latest = max(leaving or lines, key=lambda line: (line.at, line.zone))
    available = [line.available_at for line in lines if line.available_at is not None]
    return Batch(
        source=source,
        account=account,
        id=number,
        kind="remittance" if source.startswith("courier") else "payout",
        currency=currency,
        at=latest.at,
        zone=latest.zone,
        expected_at=max(available, default=None),
    )


def _group(batch: Batch, lines: list[MoneyLine]) -> Group:
    own = [line for line in lines if line.currency == batch.currency]
    left = [line for line in own if line.kind is MoneyKind.PAYOUT]
    came_back = sum((line.net for line in own if line.kind is MoneyKind.PAYOUT_FAILED), ZERO)
    inside = [line for line in own if line.kind not in _LEAVES]
    total = sum((line.net for line in inside), ZERO)
    declared = batch.net
    if declared is None and left:
        declared = -sum((line.net for line in left), ZERO)
    is_another = came_back and _brings_another(batch, total, came_back, declared, left)
    if came_back and not is_another:
        # Its own payout came back. Where it left again, that is what the bank should see.
        again = -sum((line.net for line in left), ZERO) - came_back
        if again > 0:
            declared = again
        elif not batch.status:
            batch = replace(batch, status="failed")
    references = {
        plain(reference.partition(":")[2])
        for line in left
        for reference in line.references
        if reference.startswith("bank_reference:")
    }
    return Group(
        batch=batch,
        lines=total + came_back if is_another else total,
        count=len(inside) + bool(is_another),
        declared=declared,
        references=tuple(sorted(references)),
        brings=came_back if is_another else ZERO,
    )


def _brings_another(
    batch: Batch, total: Decimal, came_back: Decimal, declared: Decimal | None, left: list[MoneyLine]
) -> bool:
    """Whether the money that came back to this batch is an earlier one's, which is paid with it."""
    if any(line.net == -came_back for line in left) and total == -sum((line.net for line in left), ZERO) - came_back:
        return False  # it left twice
    if declared is not None and declared == total + came_back:
        return True
    if declared is not None and declared == total:
        return False
    return not left and batch.status.casefold() not in FAILED


def has_failed(group: Group) -> bool:
    """Whether the money came back to the provider."""
    return group.batch.status.casefold() in FAILED
