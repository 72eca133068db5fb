"""Batches that one file leaves open and the ledger closes: their other lines came in another file.

Owns that second look, once the file's lines are kept. What does not close by everything that is known stays as the file said it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from twofold.importing.statements.contract import Unbalanced
from twofold.ledger.lines import Batch, MoneyLine
from twofold.reconcile.matches.groups import groups_of
from twofold.reconcile.matches.values import Entry, Group
from twofold.store.lines.reading import LineReader


def closed_by_the_ledger(
    reader: LineReader, open_batches: Iterable[tuple[Unbalanced, frozenset[str]]]
) -> Iterator[Unbalanced]:
    """Those whose lines, of all files, add up to what is declared. Each comes with the sources that call a batch so."""
    for found, sources in open_batches:
        groups = [group for source in sorted(sources) for group in _groups(reader, source, found.id)]
        own = [g for g in groups if g.batch.id == found.id and g.batch.currency == found.currency]
        if own and not any(group.difference for group in own):
            yield found


def _groups(reader: LineReader, source: str, batch: str) -> list[Group]:
    kept = reader.by_batch(source, batch)
    batches = [one.thing for one in kept if isinstance(one.thing, Batch)]
    entries = [Entry(name=one.name.hex(), line=one.thing) for one in kept if isinstance(one.thing, MoneyLine)]
    return groups_of(batches, entries)
