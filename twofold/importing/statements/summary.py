"""What the import of a statement came to, in the figures that a bookkeeper compares with the file.

Owns sums only. Every line of the file is in them once, whether the folder knew it already or not.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from twofold.importing.readers.problems import RowProblem
from twofold.importing.statements.contract import Unbalanced
from twofold.ledger.lines import MoneyLine, ParcelLine, Spend, Thing

SHOWN_PROBLEMS = 100


class LineTotals(Struct):
    """Money of one currency, exact: gross, fee and net of movements that are booked; what advertising cost; what was taken
    at the door."""

    lines: int = 0
    gross: Decimal = Decimal()
    fee: Decimal = Decimal()
    net: Decimal = Decimal()
    spend: Decimal = Decimal()
    taken: Decimal = Decimal()

    def add(self, thing: MoneyLine | Spend | ParcelLine) -> None:
        self.lines += 1
        match thing:
            case MoneyLine():
                if thing.status == "booked":
                    self.gross += thing.gross
                    self.fee += thing.fee
                    self.net += thing.net
            case Spend():
                self.spend += thing.amount
            case ParcelLine():
                self.taken += thing.taken or 0


class StatementSummary(Struct, kw_only=True):
    """One import. ``total`` counts lines; ``refused`` and ``dropped`` rows of the file."""

    kind: str
    file: str = ""
    digest: str = ""
    format: str = ""
    title: str = ""
    dry_run: bool = False
    notes: list[str] = []
    total: int = 0
    kinds: dict[str, int] = {}  # lines by what they are
    new: int | None = None  # None in a dry run, which asks no store
    known: int | None = None
    updated: int | None = None
    refused: dict[str, int] = {}
    warnings: dict[str, int] = {}
    dropped: dict[str, int] = {}
    totals: dict[str, LineTotals] = {}
    since: str = ""  # first and last day of its lines
    until: str = ""
    unbalanced: list[Unbalanced] = []
    problems: list[RowProblem] = []  # the first of them; all are in the report

    @property
    def is_answered_yes(self) -> bool:
        """Something was understood, and everything closes."""
        return bool(self.total) and not self.unbalanced

    def add(self, thing: Thing, kind: str, day: str) -> None:
        self.total += 1
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        self.since = min(self.since or day, day)
        self.until = max(self.until, day)
        if isinstance(thing, (MoneyLine, Spend, ParcelLine)) and thing.currency:
            self.totals.setdefault(thing.currency, LineTotals()).add(thing)

    def add_problem(self, problem: RowProblem) -> None:
        counts = self.warnings if problem.kind == "warning" else self.refused
        counts[problem.reason] = counts.get(problem.reason, 0) + 1
        if len(self.problems) < SHOWN_PROBLEMS:
            self.problems.append(problem)

    def drop(self, reason: str) -> None:
        self.dropped[reason] = self.dropped.get(reason, 0) + 1
