"""What a format of statements is to the importer: how it is recognised, and what it gives of one file.

Owns the seam between the readers and the run that keeps what they find. A reader opens the file by itself (text, tables,
XML, workbooks), never keeps it, holds a bounded part of it in memory, and yields lines in the file's order, with a
problem in the place of each row that it cannot read. It decides nothing about what is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import tzinfo
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from twofold.importing.readers.problems import RowProblem
from twofold.importing.readers.tables import Survey
from twofold.ledger.lines import Told

KINDS = ("spend", "ga4", "payouts", "remittances", "parcels", "bank", "rates", "costs", "survey")
"""What `twofold import KIND FILE` and `kind` of an [[import]] may say, beside orders and sales."""


UNITS = {"": Decimal(1), "micro": Decimal("0.000001")}
"""What one of a column's amounts is, where an [[import]] sets ``unit``: Snap, X and Reddit count in millionths."""


class StatementOptions(Struct, frozen=True, kw_only=True):
    """What the operator set for one file. Empty means: found from the file, or refused where it cannot be."""

    zone: tzinfo
    zone_name: str = "UTC"
    zone_given: bool = False
    currency: str = ""
    decimal: str = ""  # "." or ","
    dates: str = ""  # "dmy" or "mdy"
    encoding: str = ""
    sheet: str = ""
    account: str = ""  # the merchant's account, where the file does not say it
    source: str = ""  # the provider's or courier's name, where the format leaves it open
    words: Mapping[str, Mapping[str, str]] = {}  # field -> their word, folded -> ours
    columns: Mapping[str, str] = {}  # our field -> their header, of an [[import]]
    unit: str = ""  # a word of `UNITS`, of an [[import]] of spend
    now: int = 0  # Unix s

    @property
    def told_zone(self) -> str:
        """The zone's name where the operator named one; else nothing, as the file may say another."""
        return self.zone_name if self.zone_given else ""


class Unbalanced(Struct, frozen=True, kw_only=True):
    """A statement, batch or total that the file's own rows do not add up to. What was read is kept all the same."""

    what: str  # "statement", "batch", "total"
    id: str
    account: str = ""  # of a statement: those of two accounts may have one number
    currency: str
    opening: Decimal | None = None
    entries: Decimal
    closing: Decimal
    difference: Decimal


class Dropped(Struct, frozen=True, kw_only=True):
    """A row that was understood and is no line: a total, a row of another kind."""

    row: int
    reason: str  # one word for the summary


Item = Told | RowProblem | Unbalanced | Dropped


class StatementFile(Protocol):
    """An open file of one format."""

    format: str
    title: str  # for people: "Stripe payout reconciliation report"
    notes: list[str]  # what was assumed, warned of; may grow while items are read

    @property
    def bytes_read(self) -> int:
        """For the progress bar; 0 where it cannot be told."""

    def items(self) -> Iterator[Item]:
        """What the file holds, in its order. Raises `FileRefused` when it turns out to be damaged or cut."""


class StatementFormat(Protocol):
    """One format. ``kind``: one of `KINDS`."""

    @property
    def name(self) -> str:
        """As --format names it: "camt", "mt940", "stripe-payouts", "meta-ads"."""

    @property
    def kind(self) -> str: ...

    @property
    def title(self) -> str: ...

    def recognises(self, path: Path, survey: Survey, sample: bytes) -> int:
        """0: another format; else how many of its own signs the first 64 KiB show. The most signs win; two with equally
        many are asked for with --format. Must not read beyond the sample, except the sheets of a workbook."""

    def open(self, path: Path, survey: Survey, options: StatementOptions) -> StatementFile:
        """Raises `FileRefused`, with what was expected and got, for a file that it cannot read at all."""
