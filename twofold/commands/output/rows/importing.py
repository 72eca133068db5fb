"""Lines about files that were read in."""

from __future__ import annotations

from twofold.commands.output.rows.row import Amount, Row, Text


class Imported(Row, kw_only=True, tag="file"):
    """The file, and how it was read."""

    file: Text
    kind: Text  # orders or sales
    format: Text
    title: Text
    sha256: Text
    dry_run: bool
    recognised: dict[str, Text]
    notes: list[Text]
    resumed_after: int


class ImportSum(Row, kw_only=True, tag="sum"):
    """What the file came to, in orders; ``rows``, ``refused`` and ``skipped`` count rows of the file. ``updated`` were known
    before, and the file tells something new of them; ``total`` is ``orders``."""

    rows: int
    orders: int
    again: int
    events: int
    new: int | None
    known: int | None
    updated: int | None
    total: int
    young: int
    refused: dict[str, int]
    skipped: dict[str, int]
    warnings: dict[str, int]
    not_sendable: dict[str, int]


class ImportMoney(Row, kw_only=True, tag="money"):
    """Money of the file in one currency."""

    currency: Text
    orders: int
    total: Amount
    tax: Amount
    shipping: Amount
    discount: Amount
    refunded: Amount
    paid_orders: int
    paid_total: Amount
    cancelled_orders: int
    cancelled_total: Amount
    test_orders: int
    test_total: Amount


class ImportRefused(Row, kw_only=True, tag="refused"):
    """A row, or part of one, that was not understood."""

    kind: Text
    line: int
    column: Text
    reason: Text
    expected: Text
    got: Text


COMMANDS: dict[str, tuple[type[Row], ...]] = {
    "import orders": (
        Imported,
        ImportSum,
        ImportMoney,
        ImportRefused,
    ),
    "import sales": (
        Imported,
        ImportSum,
        ImportMoney,
        ImportRefused,
    ),
}
