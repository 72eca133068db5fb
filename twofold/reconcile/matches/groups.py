"""Batches with their lines: what they add up to, what they declare, and whether they ever left for the bank.

Owns the closing of a batch. A batch of which no file speaks is made of the lines that name it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from msgspec.structs import replace

from twofold.ledger.lines import Batch, MoneyKind, MoneyLine
from twofold.reconcile.matches.batches import FAILED
from twofold.reconcile.matches.keys import plain
from twofold.reconcile.matches.values import BANK, ZERO, Entry, Group

_LEAVES = (MoneyKind.PAYOUT, MoneyKind.PAYOUT_FAILED)

BatchName = tuple[str, str, str]


def name_of_batch(line: MoneyLine) -> BatchName | None:
    """Which batch a provider's or courier's line stands in."""
    return (line.source, line.account, line.batch) if line.batch and line.kind not in BANK else None


def groups_of(batches: Iterable[Batch], entries: Iterable[Entry]) -> list[Group]:
    """Every batch that a file declares or a line names, by its key."""
    told: dict[BatchName, Batch] = {}
    entries = list(entries)
    for batch in batches:
        told[batch.source, batch.account, batch.id] = batch
    told = _by_their_ids(told, entries)
    lines: dict[BatchName, list[Entry]] = defaultdict(list)
    for entry in entries:
        name = name_of_batch(entry.line)
        if name is not None and entry.line.status == "booked":
            lines[_known(name, told)].append(entry)
    found = []
    for name in sorted({*told, *lines}):
        mine = lines.get(name, [])
        found.append(_group(told.get(name) or _made_of(name, [e.line for e in mine]), [e.line for e in mine]))
    return sorted(found, key=lambda g: g.key)


def _by_their_ids(told: dict[BatchName, Batch], entries: Iterable[Entry]) -> dict[BatchName, Batch]:
    """Batches under the ids that their lines know: a source may list payouts by their day alone (``payout:…`` of a line is
    that other name). A name that lines of two batches know stays what it is."""
    ids: dict[tuple[str, str], set[str]] = defaultdict(set)
    for entry in entries:
        for reference in entry.line.references:
            if reference.startswith("payout:") and entry.line.batch:
                ids[entry.line.source, reference.partition(":")[2]].add(entry.line.batch)
    found: dict[BatchName, Batch] = {}
    for (source, account, number), batch in told.items():
        known = ids.get((source, number), {number})
        name = source, account, min(known) if len(known) == 1 else number
        if name == (source, account, number) or name not in told:
            found[name] = replace(batch, id=name[2])
    return found


def _known(name: BatchName, told: dict[BatchName, Batch]) -> BatchName:
    """A line whose file does not tell the account stands in its source's batch of that number, and the reverse."""
    source, account, number = name
    if name in told:
        return name
    bare = source, "", number
    if account and bare in told:
        return bare
    same = [key for key in told if not account and (key[0], key[2]) == (source, number)]
    return same[0] if len(same) == 1 else name


def _made_of(name: BatchName, lines: list[MoneyLine]) -> Batch:
    source, account, number = name
    leaving = [line for line in lines if line.kind is MoneyKind.PAYOUT]
    latest = max(line.at for line in leaving or lines)
    available = [line.available_at for line in lines if line.available_at is not None]
    return Batch(
        source=source,
        account=account,
        id=number,
        kind="remittance" if source.startswith("courier") else "payout",
        currency=min(line.currency for line in lines),
        at=latest,
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
