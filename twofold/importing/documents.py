"""A file of webhook bodies, one JSON object a line: orders as a shop's API or our own webhook writes them.

Owns by which keys they are told from a flat table. They are read by the same source that reads the webhook; nothing
of a shop's fields is known here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from twofold.event.refusal import Refusal
from twofold.importing.readers.formats import Item
from twofold.importing.readers.layout import Found, Skipped
from twofold.importing.readers.problems import RowProblem
from twofold.importing.readers.tables import Survey, Table, json_texts
from twofold.sources import SOURCES
from twofold.sources.contract import Ignored, Reading, Several, SourceOptions
from twofold.sources.mended import read_mended
from twofold.sources.people import buyer_of


class Body(Struct, frozen=True, kw_only=True):
    """Bodies of one source: the keys by which they are known, and the headers that would have come with them."""

    source: str
    keys: frozenset[str]
    headers: Mapping[str, str] = {}


BODIES = (
    Body(
        source="shopify",
        keys=frozenset({"id", "line_items", "financial_status", "total_price"}),
        headers={"x-shopify-topic": "orders/updated"},
    ),
    Body(
        source="woocommerce",
        keys=frozenset({"id", "line_items", "status", "order_key", "total"}),
        headers={"x-wc-webhook-topic": "order.updated", "x-wc-webhook-resource": "order"},
    ),
    Body(source="own", keys=frozenset({"type", "totals"})),
)


def body_of(path: Path, survey: Survey) -> Body | None:
    """The kind of bodies that a JSON file holds, by its first object; None for a flat table."""
    for _, text in json_texts(path, Table(survey)):
        try:
            first = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            return None
        keys = first.keys() if isinstance(first, dict) else set()
        return next((body for body in BODIES if body.keys <= keys and body.source in SOURCES), None)
    return None


class DocumentFile:
    """The same to its reader as an `OrderFile`."""

    def __init__(
        self, path: Path, survey: Survey, body: Body, options: SourceOptions, now_ms: int, young_after: int
    ) -> None:
        self.path = path
        self.format = f"{body.source}-json"
        self.title = f"orders as the {body.source} webhook writes them"
        self.sender = body.source
        self.notes: list[str] = []
        self.recognised: dict[str, str] = {}
        self.rows_read = 0
        self.last_row = 0
        self._body = body
        self._options = options
        self._now_ms = now_ms
        self._young_after = young_after
        self._table = Table(survey)

    @property
    def bytes_read(self) -> int:
        return self._table.bytes_read

    def source_in(self, kind: str, shop: str) -> str:
        """The webhook's own: its bodies have the same ids of refunds and parcels, and tell the same."""
        return f"{kind}:{shop}" if shop else f"{kind}:file"

    def items(self) -> Iterator[Item]:
        for row, text in json_texts(self.path, self._table):
            self.rows_read += 1
            self.last_row = row
            yield self._item(row, text.encode() if isinstance(text, str) else text)

    def _item(self, row: int, text: bytes) -> Item:
        source = SOURCES[self._body.source]
        answer, mended = read_mended(source, text, self._body.headers, self._options, self._now_ms)
        match answer:
            case Refusal():
                return RowProblem(
                    file=self.path.name, row=row, column=answer.path, expected=answer.expected, got=answer.got,
                    reason=answer.reason.value,
                )  # fmt: skip
            case Several():
                raise AssertionError("a line of these files is one body")
            case Ignored():
                return Skipped(rows=1, reason=answer.reason)
            case Reading():
                return self._found(row, answer, mended)

    def _found(self, row: int, reading: Reading, mended: list[str]) -> Found | Skipped:
        order = reading.order
        if order is None and not reading.events:
            return Skipped(rows=1, reason=f"no order: {reading.kind}")
        notes = tuple(
            RowProblem(kind="warning", file=self.path.name, row=row, expected="", got=note, reason="note")
            for note in [*mended, *reading.notes]
        )
        young = reading.copy is not None and order is not None and order.at >= self._young_after
        return Found(
            row=row,
            rows=1,
            order=order,
            copy=reading.copy if young else None,
            buyer=reading.buyer or buyer_of(reading.copy.user_data if reading.copy is not None else None),
            said=reading.said,
            events=reading.events,
            young=young,
            warnings=notes,
        )
