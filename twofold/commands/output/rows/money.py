"""Lines about money: statements that were read in, movements, batches, and what people said of them."""

from __future__ import annotations

from typing import Any

from twofold.commands.output.rows.row import Amount, Row, Text, Time


class ImportedLines(Row, kw_only=True, tag="file"):
    """The file, and how it was read."""

    file: Text
    kind: Text
    format: Text
    title: Text
    sha256: Text
    dry_run: bool
    notes: list[Text]
    since: Text  # first and last day of its lines, YYYY-MM-DD; empty without lines
    until: Text


class LineSum(Row, kw_only=True, tag="sum"):
    """What the file came to, in lines; ``refused``, ``warnings`` and ``dropped`` count rows of the file by reason."""

    total: int
    kinds: dict[str, int]
    new: int | None
    known: int | None
    updated: int | None
    refused: dict[str, int]
    warnings: dict[str, int]
    dropped: dict[str, int]


class LineMoney(Row, kw_only=True, tag="money"):
    """Money of the file in one currency: booked movements, what advertising cost, what was taken at the door."""

    currency: Text
    lines: int
    gross: Amount
    fee: Amount
    net: Amount
    spend: Amount
    taken: Amount


class LineRefused(Row, kw_only=True, tag="refused"):
    """A row, or part of one, that was not understood."""

    kind: Text
    line: int
    column: Text
    reason: Text
    expected: Text
    got: Text


class NotClosed(Row, kw_only=True, tag="unbalanced"):
    """A statement, batch or total that the file's own rows do not add up to."""

    what: Text  # statement, batch, total
    id: Text
    account: Text  # of a statement; empty of everything else
    currency: Text
    opening: Amount | None
    entries: Amount
    closing: Amount
    difference: Amount


class MoneyLineRow(Row, kw_only=True, tag="line"):
    """One movement of money as its source told it last. ``line`` is its name here, ``id`` the source's own."""

    line: Text
    id: Text
    source: Text
    account: Text
    reference: list[Text]
    kind: Text
    status: Text  # only booked lines move money
    gross: Amount
    fee: Amount
    net: Amount
    currency: Text
    at: Time
    day: Text  # YYYY-MM-DD where it happened
    batch: Text
    told_by: list[Text]  # the formats that told it, e.g. camt.053
    alone: bool  # a format that tells other lines of its day leaves this one out
    text: Text  # masked, or as it is while it is kept
    open: Amount | None  # what it does not pay yet; null with --no-matches
    matches: list[Any]  # to, amount, currency, rule, class (certain, probable, person), by, why, at


class BatchRow(Row, kw_only=True, tag="batch"):
    """A payout or remittance, what it declares and what its lines make. ``difference`` is null where it declares nothing or
    none of its lines is here."""

    id: Text
    line: Text
    source: Text
    account: Text
    reference: list[Text]
    kind: Text  # payout or remittance
    status: Text
    net: Amount | None
    lines: int
    sum: Amount
    difference: Amount | None
    currency: Text
    at: Time
    expected_at: Time | None
    open: Amount | None
    matches: list[Any]  # to, amount (null: as much as fits), by, why, at


class MatchWord(Row, kw_only=True, tag="match"):
    """A person's word about what a line pays, as it was kept."""

    line: Text
    to: Text
    amount: Amount | None
    by: Text
    why: Text
    at: Time
    undo: bool


IMPORTS = (ImportedLines, LineSum, LineMoney, LineRefused, NotClosed)
KINDS = ("spend", "ga4", "payouts", "remittances", "parcels", "bank", "rates", "costs", "survey")

COMMANDS: dict[str, tuple[type[Row], ...]] = {
    **{f"import {kind}": IMPORTS for kind in KINDS},
    "money lines": (MoneyLineRow,),
    "money batches": (BatchRow,),
    "money match": (MatchWord,),
    "money unmatch": (MatchWord,),
    "bank lines": (MoneyLineRow,),
}
