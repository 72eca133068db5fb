"""The inventory of a data folder as it stands: the three sides asked, joined and judged.

Owns which of them are asked, for the command, the console and acceptance alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from twofold.report.senders import SAMPLE
from twofold.senders.expectation import EVERY, expectations, named_owners
from twofold.senders.findings import SenderFinding, findings_of_inventory
from twofold.senders.inventory import Entry, inventory
from twofold.senders.journal import told
from twofold.senders.observed import JOURNAL, Observed, joined, kept_looks


class Standing(Struct, frozen=True, kw_only=True):
    """``sides``: those of which there is something."""

    rows: list[Entry]
    findings: list[SenderFinding]
    sides: frozenset[str]


def stand(
    folder: Path | None,
    looks: Sequence[Observed],
    datasets: Sequence[str],
    now: int,
    period_s: int,
    dataset: str | None = None,
    *,
    sample: int = SAMPLE,
) -> Standing:
    """``folder`` None: what was looked at stands for itself. ``looks``: what was seen just now, beside what was kept.
    ``dataset``: of a named one the rows are those that tell it or do not say whom.
    ``sample``: bodies of our journal that are read to say how ids are made."""
    if folder is None:
        rows = inventory([], looks, datasets, {}, {})
        sides = {o.side for o in looks}
        return Standing(
            rows=rows,
            findings=findings_of_inventory(rows, datasets=datasets, owners={}, expected={}, sides=sides),
            sides=frozenset(sides),
        )
    since = now - period_s
    copies = told(folder, since * 1000, now * 1000 + 1000, dataset=dataset, sample=sample)
    seen = joined(kept_looks(folder, since), looks)
    owners, expected = named_owners(folder), expectations(folder)
    rows = inventory(copies, seen, datasets, owners, expected)
    if dataset is not None:
        rows = [r for r in rows if r.container in ("", dataset)]
        expected = {name: hope for name, hope in expected.items() if name == dataset}
    sides = {JOURNAL, *(o.side for o in seen)}
    found = findings_of_inventory(rows, datasets=datasets, owners=owners, expected=expected, sides=sides)
    return Standing(rows=rows, findings=found, sides=frozenset(sides))


def seen_now(
    folder: Path, datasets: Sequence[str], now: int, period_s: int, dataset: str | None = None
) -> list[tuple[str, str, str]]:
    """(container, event, sender) of all that is seen: what somebody expects who is content with it. A sender of which the events
    or the container are not known is expected to tell any."""
    rows = stand(folder, [], datasets, now, period_s, dataset, sample=0).rows
    own = datasets if dataset is None else [dataset]
    found = [
        (place, row.event or EVERY, row.sender) for row in rows for place in ([row.container] if row.container else own)
    ]
    return list(dict.fromkeys(found))
