"""The formats that are known, and a file read as one of them: open, recognise, group rows, build orders.

Start reading here. Owns the two closed lists and the order of work; each format's words are in its own file.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from msgspec.structs import replace

from twofold.errors import FileRefused
from twofold.importing.readers.crm_exports import HUBSPOT, PIPEDRIVE, SALESFORCE
from twofold.importing.readers.layout import (
    TIMES,
    Format,
    Found,
    Group,
    Layout,
    Misread,
    ReadOptions,
    Skipped,
    recognise,
    shown_columns,
)
from twofold.importing.readers.own_table import OWN
from twofold.importing.readers.problems import RowProblem
from twofold.importing.readers.sales_table import SALES
from twofold.importing.readers.shopify_export import SHOPIFY
from twofold.importing.readers.tables import Row, Survey, Table, open_table
from twofold.importing.readers.woocommerce_export import ANALYTICS, WOOCOMMERCE
from twofold.importing.zone import taken_in

ORDER_FORMATS: tuple[Format, ...] = (SHOPIFY, WOOCOMMERCE, ANALYTICS, HUBSPOT, PIPEDRIVE, SALESFORCE, OWN)
SALE_FORMATS: tuple[Format, ...] = (SALES, HUBSPOT, PIPEDRIVE, SALESFORCE)
SAMPLE = 5_000  # rows from which the style of numbers and days is found
MAX_ROWS_OF_ORDER = 10_000


Item = Found | Skipped | RowProblem


class OrderFile:
    """One file as one format. ``notes`` are what the operator should know about how it was read."""

    def __init__(
        self, path: Path, survey: Survey, form: Format, layout: Layout, table: Table, rows: Iterator[Row | RowProblem]
    ) -> None:
        self.path = path
        self.survey = survey
        self.format, self.title, self.sender = form.name, form.title, form.sender
        self.notes = table.notes
        self.recognised = {field: layout.columns[place] for field, place in layout.index.items()}
        self.rows_read = 0
        self.last_row = 0  # of the item last given out: everything up to here has been given out
        self._layout = layout
        self._table = table
        self._rows = rows

    def from_shop(self, shop: str) -> None:
        """The configured shop, which is in the ids of its webhooks' Purchases."""
        self._layout.options = replace(self._layout.options, shop=shop)

    def source_in(self, kind: str, shop: str) -> str:
        """A source of its own beside the shop's webhooks: an export tells refunds as one sum, webhooks one by one, and
        the two must not be added."""
        del shop
        return f"{kind}:file"

    @property
    def bytes_read(self) -> int:
        return self._table.bytes_read

    def items(self) -> Iterator[Item]:
        """Orders, rows that are none, and problems, in the file's order; `last_row` goes with them."""
        for part in self._groups():
            last = part.row if isinstance(part, RowProblem) else part[-1].number
            item = replace(part, file=self.path.name) if isinstance(part, RowProblem) else self._build(part)
            self.last_row = max(self.last_row, last)
            yield item

    def _build(self, rows: list[Row]) -> Item:
        layout = self._layout
        if len(layout.columns) != layout.width:
            layout.resolve()
        try:
            return layout.form.build(Group(layout, rows))
        except Misread as err:
            return replace(err.problem, file=self.path.name)

    def _groups(self) -> Iterator[list[Row] | RowProblem]:
        """Rows with the same key that stand together, and the problems beside them.

        A row without a key goes on with the one above, if nothing between the two was unreadable.
        """
        layout = self._layout
        group: list[Row] = []
        torn: list[RowProblem] = []  # since the group's first row
        key = ""
        for row in self._rows:
            self.rows_read += 1
            if isinstance(row, RowProblem):
                torn.append(row)
                if not group or len(torn) >= MAX_ROWS_OF_ORDER:  # nothing to wait for, or too much to hold
                    if group:
                        yield group
                    yield from torn
                    group, torn, key = [], [], ""
                continue
            if len(layout.columns) != layout.width:
                layout.resolve()
            place = layout.index.get(layout.form.key, -1)
            found = row.cells[place] if 0 <= place < len(row.cells) else ""
            goes_on = found == key if found else not torn and self._continues(row)
            if group and goes_on and len(group) < MAX_ROWS_OF_ORDER:
                group.append(row)
                continue
            if group:
                yield group
            yield from torn
            group, key, torn = [row], found, []
        if group:
            yield group
        yield from torn

    def _continues(self, row: Row) -> bool:
        """Is it a further line of the order above? A row with a total of its own is an order without a name."""
        place = self._layout.index.get("total", -1)
        return self._layout.form.continues and not (0 <= place < len(row.cells) and row.cells[place].strip())


def open_orders(
    path: Path, survey: Survey, options: ReadOptions, *, form: Format | None, known: tuple[Format, ...], sheet: str = ""
) -> OrderFile:
    """The file as ``form``, or as the one of ``known`` whose headers it has. Raises `FileRefused`."""
    table = open_table(path, survey, sheet=sheet)
    rows = iter(table.rows)
    first = list(islice(rows, SAMPLE))
    sample = [row for row in first if isinstance(row, Row)]
    chosen = form or recognise(table.columns, known)
    if chosen is None:
        raise FileRefused(
            f"{path.name}: expected the headers of {', '.join(f.title for f in known)}; got {shown_columns(table.columns)}. "
            "Name the format with --format, or describe the columns in an [[import]] of the configuration"
        )
    layout = Layout(chosen, table.columns, options, survey)
    missing = [field for field in chosen.needs if field not in layout.index]
    if missing:
        wanted = ", ".join(" or ".join(chosen.columns[field][:3]) for field in missing)
        raise FileRefused(
            f"{path.name}: expected {chosen.title} with the columns {wanted}; got {shown_columns(table.columns)}"
        )
    layout.learn(sample)
    if not options.zone_given and layout.index.keys() & TIMES and _without_zone(layout, sample):
        table.notes.append(taken_in(str(options.zone)))
    return OrderFile(path, survey, chosen, layout, table, chain(first, rows))


def _without_zone(layout: Layout, sample: list[Row]) -> bool:
    place = layout.index.get("placed_at", -1)
    cells = (row.cells[place] for row in sample[:100] if 0 <= place < len(row.cells))
    return any(cell and not cell.rstrip().endswith(("Z", "UTC", "GMT")) and not _has_offset(cell) for cell in cells)


def _has_offset(cell: str) -> bool:
    return any(sign in cell[10:] for sign in "+-") or cell.strip().isdigit()
