"""Lines and batches for a list: what each pays and what is left of it, without matching the ledger.

Owns how a list asks. Which lines are listed is the list's own; only those are matched, with what bears on them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from twofold.ledger.lines import Batch, MoneyLine
from twofold.reconcile.closure.growth import Growth
from twofold.reconcile.closure.ledger import Ledger
from twofold.reconcile.closure.part import bare_row
from twofold.reconcile.matches.values import DAY_S, Group, Match
from twofold.reconcile.reading.world import Matched


class Listed:
    """What a list shows beside lines and batches of one ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._shelves, self._batches = ledger.shelves, ledger.batches
        self.by_line: dict[str, list[Match]] = defaultdict(list)
        """What a line pays, by its name, once it was asked for."""
        self.paid: dict[str, Decimal] = defaultdict(Decimal)

    def counting(self, name: str, line: MoneyLine) -> tuple[str, MoneyLine | None]:
        """The name under which a line counts, and what all tellings of it say where there are several."""
        if not self._shelves.is_plain(line.source):
            once = self._shelves.once_of(line.source)
            name = once.name(name)
            return name, self._shelves.counting(line.source, name).line if name in once.told_twice else None
        if line.source.startswith("courier:") and line.batch:
            self._batches.of(line.source, line.batch)
            name = self._batches.same.get(name, name)
            if name in self._batches.merged:
                return name, self._batches.merged[name].line
        return name, None

    def ways(self, name: str, line: MoneyLine) -> tuple[str, ...] | None:
        """The formats that told a line; None where there is one."""
        if not self._shelves.is_plain(line.source):
            return self._shelves.once_of(line.source).ways.get(name)
        return self._batches.ways.get(name)

    def is_alone(self, name: str, line: MoneyLine) -> bool:
        """Whether another format tells the line's day, and not the line."""
        return not self._shelves.is_plain(line.source) and name in self._shelves.once_of(line.source).alone

    def match(self, lines: Iterable[tuple[str, MoneyLine]]) -> None:
        """Works out what these lines pay."""
        part = self._ledger.part()
        lines = list(lines)
        part.add_lines(lines, with_batches=False)
        names = frozenset(part.counting(name) for name, _ in lines)
        part.add_names(names)
        growth = Growth(part, names)
        matched = growth.grow()
        if bare := {row for m in matched.matching.matches if m.line in names and (row := bare_row(m.to)) is not None}:
            part.add_orders(bare)
            matched = growth.grow()
        for match in matched.matching.matches:
            if match.line in names:
                self.by_line[match.line].append(match)
                self.paid[match.line] += match.amount

    def batches(self, fits: Callable[[Batch], bool], limit: int) -> list[tuple[Group, list[Match]]]:
        """Batches that a file declares, each once, the last so many (0: all) with the lines that pay them."""
        latest: dict[tuple[str, str], int] = {}
        for batch in self._batches.all_told:
            key = batch.source, batch.id
            latest[key] = max(latest.get(key, batch.at), batch.at)
        found: dict[str, Group] = {}
        for number in sorted(latest, key=lambda n: (-latest[n], n)):
            enough = sorted((_place(g) for g in found.values()), reverse=True)[: limit or None]
            if limit and len(enough) == limit and enough[-1][0] > latest[number] // DAY_S:
                break
            found |= {g.key: g for g in self._batches.of(*number) if g.told and fits(g.batch)}
        chosen = sorted(found.values(), key=_place)[-limit or None :]
        matched = self._around(chosen)
        by_target: dict[str, list[Match]] = defaultdict(list)
        for match in matched.matching.matches:
            by_target[match.to].append(match)
        return [(group, by_target.get(group.key, [])) for group in chosen]

    def _around(self, groups: Sequence[Group]) -> Matched:
        part = self._ledger.part()
        for group in groups:
            for told in group.told:
                part.add_batch((told.source, told.id))
        return Growth(part, groups=[group.key for group in groups]).grow()


def _place(group: Group) -> tuple[int, str]:
    return group.batch.at // DAY_S, group.key
