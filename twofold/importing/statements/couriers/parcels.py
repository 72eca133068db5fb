"""A list of parcels with their states: what a courier or a tracking service exports.

Owns its columns and what a row becomes. A word for a state that is not known is listed and leaves the state open; where
the row tells no money either, nothing of it is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from twofold.importing.statements.contract import Dropped, Item
from twofold.importing.statements.couriers.names import (
    COURIER,
    CURRENCY,
    METHOD,
    ORDER,
    PARCEL,
    STATUS,
    courier_of,
    method_of,
)
from twofold.importing.statements.reading.sheets import Cells, TableFile, TableFormat
from twofold.ledger.lines import ParcelLine, Told
from twofold.sources.couriers.states import state_of

COLUMNS = {
    "parcel": PARCEL,
    "order": ORDER,
    "status": STATUS,
    "at": ("at", "Status date", "Status time", "Updated at", "Last update", "Last updated", "Event time", "Date", "Time",
           "Delivery date", "Delivered at"),
    "due": ("due", "COD due", "Amount due", "COD amount", "Cash on delivery", "To collect", "თანხა"),
    "taken": ("taken", "Collected amount", "Amount collected", "COD collected", "Cash collected"),
    "fee": ("fee", "COD fee", "Commission", "საკომისიო"),
    "freight": ("freight", "Shipping charges", "Delivery fee"),
    "method": METHOD,
    "currency": CURRENCY,
    "courier": COURIER,
}  # fmt: skip
_MONEY = ("due", "taken", "fee", "freight")


def _read(file: TableFile) -> Iterator[Item]:
    unknown: Counter[str] = Counter()
    yield from file.read_each(lambda cells: _row(cells, unknown))
    for word, count in unknown.most_common(20):
        file.note(f"{count:,} rows say {word}, which is no known state: map it in an [[import]]")


def _row(cells: Cells, unknown: Counter[str]) -> Iterator[Item]:
    parcel, order = cells.id("parcel"), cells.id("order")
    if not parcel and not order:
        raise cells.misread("parcel", "a parcel or an order", "nothing", "no_id")
    at, zone = cells.moment_in_zone("at")
    word = cells.word("status")
    state = state_of(word) if word else None
    amounts = {field: cells.money(field) for field in _MONEY}
    if word and state is None:
        unknown[cells.shown("status")] += 1
        cells.warn("status", "a state of a parcel, or a word that an [[import]] maps to one", cells.shown("status"),
                   "unknown_word")  # fmt: skip
    if state is None and not any(amount is not None for amount in amounts.values()):
        yield Dropped(row=cells.row, reason="unknown_state" if word else "no_state")
        return
    has_money = any(amount is not None for amount in amounts.values())
    line = ParcelLine(
        courier=courier_of(cells),
        parcel=parcel or order,
        order=order,
        state=state.value if state else "",
        at=at,
        zone=zone,
        currency=cells.currency(*_MONEY) if has_money else "",
        method=method_of(cells),
        due=amounts["due"],
        taken=amounts["taken"],
        fee=abs(amounts["fee"]) if amounts["fee"] is not None else None,
        freight=abs(amounts["freight"]) if amounts["freight"] is not None else None,
    )
    yield Told(row=cells.row, thing=line, updated_at=at)


PARCELS = TableFormat(
    name="parcels",
    kind="parcels",
    title="a list of parcels and their states",
    columns=COLUMNS,
    needs=("parcel|order", "status", "at"),
    must=("parcel|order", "status|due|taken", "at"),
    read=_read,
    money=frozenset(_MONEY),
    times=frozenset({"at"}),
)
