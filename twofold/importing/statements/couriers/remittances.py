"""A courier's remittance of cash on delivery: for each parcel what was taken at the door, and what is kept of it.

Owns the columns that such files have in common and what a row becomes: a word on the parcel, which was delivered when its
cash was taken, and lines of money in the batch. A row that names no parcel and no order is a deduction from the batch.
What a row says that it remits is compared, never believed against its own parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from twofold.importing.statements.contract import Item
from twofold.importing.statements.couriers.names import (
    COURIER,
    CURRENCY,
    METHOD,
    ORDER,
    PARCEL,
    STATUS,
    courier_of,
    method_of,
    source_of,
)
from twofold.importing.statements.reading.batches import Batches
from twofold.importing.statements.reading.sheets import Cells, TableFile, TableFormat
from twofold.ledger.lines import Batch, MoneyKind, MoneyLine, ParcelLine, Told
from twofold.ledger.model import ParcelState
from twofold.ledger.references import gather, reference
from twofold.sources.couriers.states import state_of

COLUMNS = {
    "parcel": PARCEL,
    "order": ORDER,
    "collected": ("collected", "COD Amount", "COD amount collected", "Collected amount", "Amount collected", "COD collected",
                  "COD value", "Cash amount", "Cash collected", "Sum", "თანხა"),
    "fee": ("fee", "COD fee", "COD fees", "COD charges", "COD charge", "Commission", "Collection fee", "საკომისიო"),
    "freight": ("freight", "Freight", "Freight charges", "Shipping charges", "Shipping fee", "Delivery fee",
                "Delivery charges"),
    "freight_return": ("freight_return", "RTO charges", "RTO charge", "Return charges", "Return fee", "Return freight"),
    "net": ("net", "Remitted", "Remitted amount", "Amount remitted", "Net payable", "Net amount", "Net remittance",
            "Amount to pay", "Payable"),
    "delivered_at": ("delivered_at", "Delivery date", "Delivered date", "Delivered on", "Date delivered"),
    "remitted_at": ("remitted_at", "Remittance date", "Settlement date", "Payment date", "Paid on", "Remitted on"),
    "batch": ("batch", "Remittance ID", "Remittance No", "Remittance number", "CRF ID", "Settlement ID", "Settlement No",
              "Invoice", "Batch ID"),
    "bank_reference": ("bank_reference", "UTR", "UTR No", "UTR number", "Transfer ID", "Transaction reference"),
    "status": STATUS,
    "method": METHOD,
    "currency": CURRENCY,
    "courier": COURIER,
    "text": ("text", "Description", "Remark", "Remarks", "Comment", "Note", "Particulars"),
}  # fmt: skip

_DAY = re.compile(r"(20\d{2})[-_.]?(0[1-9]|1[0-2])[-_.]?(0[1-9]|[12]\d|3[01])(?!\d)")
_DAY_LAST = re.compile(r"(?<!\d)(0[1-9]|[12]\d|3[01])[-_.](0[1-9]|1[0-2])[-_.](20\d{2})(?!\d)")
_AGAIN = re.compile(r"\s*(\(\d+\)|[-_ ]copy)$", re.I)
_RETURN = re.compile(r"\brto\b|return", re.I)
_FREIGHT = re.compile(r"freight|shipping|delivery|courier charge", re.I)
_BACK = frozenset({ParcelState.RETURNED, ParcelState.RETURNING, ParcelState.REFUSED, ParcelState.LOST})


class _Row(Struct, frozen=True, kw_only=True):
    """What all lines of a row have in common."""

    row: int
    source: str
    account: str
    currency: str
    zone: str  # in which the row tells ``at``
    batch: str
    at: int
    remitted_at: int
    remitted_zone: str
    references: tuple[str, ...]
    key: str  # the parcel's or the order's; empty on a deduction


def _read(file: TableFile) -> Iterator[Item]:
    batches = Batches()
    remitted: dict[str, Decimal] = {}  # batch -> sum of what its rows say they remit
    seen: dict[str, str] = {}  # parcel -> the batch in which it stands
    told: dict[str, tuple[int, Batch]] = {}
    yield from file.read_each(lambda cells: _row(cells, batches, remitted, seen, told))
    for number, (row, batch) in told.items():
        net = remitted.get(number)
        batches.declare(row, replace(batch, net=net))
    yield from batches.settle(undeclared=True)


def _row(
    cells: Cells,
    batches: Batches,
    remitted: dict[str, Decimal],
    seen: dict[str, str],
    told: dict[str, tuple[int, Batch]],
) -> Iterator[Item]:
    courier, currency = courier_of(cells), cells.currency("collected", "net")
    parcel, order = cells.id("parcel"), cells.id("order")
    delivered_at, zone = cells.time_in_zone("delivered_at")
    remitted_at, remitted_zone = cells.time_in_zone("remitted_at")
    if remitted_at is None:
        remitted_at = _day_of_name(cells.file)
    at, zone = (delivered_at, zone) if delivered_at is not None else (remitted_at, remitted_zone)
    if at is None:
        raise cells.misread(
            "remitted_at", "a day of delivery or remittance, or one in the file's name", "nothing", "no_date"
        )
    paid_at, paid_zone = (remitted_at, remitted_zone) if remitted_at is not None else (at, zone)
    batch = cells.id("batch") or _batch_of_file(cells.file, paid_at)
    common = _Row(
        row=cells.row, source=source_of(courier), account=cells.file.options.account, currency=currency,
        zone=zone, batch=batch, at=at, remitted_at=paid_at, remitted_zone=paid_zone,
        references=gather(reference("parcel", parcel), reference("order", order)), key=parcel or order,
    )  # fmt: skip
    state = _state(cells) if common.key else None  # of a deduction the column says what it is for
    lines = _of_parcel(cells, common, state) if common.key else [_deduction(cells, common)]
    net, expected = sum((line.net for line in lines), Decimal(0)), cells.money("net")
    if expected is not None:
        remitted[batch] = remitted.get(batch, Decimal(0)) + expected
        if common.key and expected != net:
            cells.warn("net", f"what was collected less fee and freight, {net:f}", f"{expected:f}", "net_differs")
    if parcel and seen.setdefault(parcel, batch) != batch:
        cells.warn(
            "parcel", "a parcel in one batch", "one that stands in two; its cash is counted once", "parcel_twice"
        )
    if common.key:
        yield Told(row=cells.row, thing=_word(cells, common, courier, parcel, order, state, lines))
    whole = Batch(source=common.source, account=common.account, id=batch, kind="remittance", currency=currency, at=paid_at,
                  zone=paid_zone, expected_at=paid_at, bank_reference=cells.id("bank_reference"))  # fmt: skip
    told.setdefault(batch, (cells.row, whole))
    for line in lines:
        yield Told(row=cells.row, thing=line, text=cells.text("text") if not common.key else "")
        batches.add(cells.row, line, whole)


def _state(cells: Cells) -> ParcelState | None:
    """The word of the row; a parcel whose cash is remitted was delivered. A word that is not known is reported."""
    word = cells.word("status")
    state = state_of(word) if word else None
    if word and state is None:
        cells.warn("status", "a state of a parcel, or a word that an [[import]] maps to one", cells.shown("status"),
                   "unknown_word")  # fmt: skip
    if state is None and (cells.money("collected") or Decimal(0)) > 0:
        return ParcelState.DELIVERED
    return state


def _of_parcel(cells: Cells, common: _Row, state: ParcelState | None) -> list[MoneyLine]:
    """What was taken, and each cost that is kept, as lines of their own. Costs are written with and without a minus.

    A parcel that came back has its way back in a column of its own, or in the one column of freight that there is. No two
    lines of a row are of one kind: their ids would be one.
    """
    collected = cells.money("collected")
    alone = state in _BACK and not _cost(cells, "freight_return")
    freight = MoneyKind.FREIGHT_RETURN if alone else MoneyKind.FREIGHT
    parts = [
        (MoneyKind.COD_COLLECTED, collected, collected),
        (MoneyKind.COD_FEE, cost := _cost(cells, "fee"), -cost),
        (freight, cost := _cost(cells, "freight"), -cost),
        (MoneyKind.FREIGHT_RETURN, cost := _cost(cells, "freight_return"), -cost),
    ]
    if collected is None and cells.file.has("collected") and not any(amount for _, amount, _ in parts[1:]):
        raise cells.misread("collected", "an amount", "nothing", "bad_amount")
    return [_line(common, kind, amount) for kind, given, amount in parts if given and amount is not None]


def _cost(cells: Cells, field: str) -> Decimal:
    return abs(cells.money(field) or Decimal(0))


def _line(common: _Row, kind: MoneyKind, amount: Decimal) -> MoneyLine:
    taken = kind is MoneyKind.COD_COLLECTED
    return MoneyLine(
        source=common.source,
        account=common.account,
        id=f"{common.batch}/{common.key}" if common.key else "",
        kind=kind,
        gross=amount,
        net=amount,
        currency=common.currency,
        at=common.at if taken else common.remitted_at,
        zone=common.zone if taken else common.remitted_zone,
        day_only=True,
        available_at=common.remitted_at,
        batch=common.batch,
        references=common.references,
    )


def _deduction(cells: Cells, common: _Row) -> MoneyLine:
    """A row on the batch: freight, return freight, or another adjustment, as its text says. Its sign is that of what is
    remitted; a cost column is one that is kept."""
    net, collected = cells.money("net"), cells.money("collected")
    costs = {field: _cost(cells, field) for field in ("fee", "freight", "freight_return")}
    amount = net if net is not None else (collected or Decimal(0)) - sum(costs.values(), Decimal(0))
    if not amount:
        raise cells.misread("parcel", "a parcel, an order or an amount that is kept", "nothing", "no_id")
    text = f"{cells.text('text')} {cells.text('status')}"
    if _RETURN.search(text) or costs["freight_return"]:
        kind = MoneyKind.FREIGHT_RETURN
    elif _FREIGHT.search(text) or costs["freight"]:
        kind = MoneyKind.FREIGHT
    else:
        kind = MoneyKind.ADJUSTMENT
    return _line(common, kind, amount)


def _word(
    cells: Cells, common: _Row, courier: str, parcel: str, order: str, state: ParcelState | None, lines: list[MoneyLine]
) -> ParcelLine:
    """The row as evidence on the parcel; its batch is the mark that it comes from a remittance."""
    sums = {kind: sum((line.net for line in lines if line.kind is kind), Decimal(0)) for kind in MoneyKind}
    freight = -(sums[MoneyKind.FREIGHT] + sums[MoneyKind.FREIGHT_RETURN])
    return ParcelLine(
        courier=courier,
        parcel=parcel or order,
        order=order,
        state=state.value if state else "",
        at=common.at,
        zone=common.zone,
        taken=sums[MoneyKind.COD_COLLECTED],
        fee=-sums[MoneyKind.COD_FEE] or None,
        freight=freight or None,
        currency=common.currency,
        method=method_of(cells),
        batch=common.batch,
        event="from_remittance",
    )


# -- what the file's name says


def _day_of_name(file: TableFile) -> int | None:
    """A day in the file's name, at 00:00 in the zone of the file."""
    name = file.path.stem
    found = _DAY.search(name)
    parts = found.groups() if found else None
    if parts is None and (last := _DAY_LAST.search(name)):
        parts = (last[3], last[2], last[1])
    if parts is None:
        return None
    try:
        day = date(*map(int, parts))
    except ValueError:
        return None
    return int(datetime.combine(day, time(), file.options.zone).timestamp())


def _batch_of_file(file: TableFile, at: int) -> str:
    """The name of a batch that no column names: the file's, without what a second download adds, and its day."""
    stem = _AGAIN.sub("", file.path.stem).strip()
    name = re.sub(r"[^\w.-]+", "_", stem)[:80] or "remittance"
    day = f"{datetime.fromtimestamp(at, file.options.zone):%Y-%m-%d}"
    return name if _day_of_name(file) is not None else f"{name}/{day}"


REMITTANCE = TableFormat(
    name="remittance",
    kind="remittances",
    title="a courier's remittance",
    columns=COLUMNS,
    needs=("parcel|order", "collected"),
    must=("parcel|order", "collected|net"),
    read=_read,
    money=frozenset({"collected", "fee", "freight", "freight_return", "net"}),
    times=frozenset({"delivered_at", "remitted_at"}),
    summed=frozenset({"collected", "fee", "freight", "freight_return", "net"}),
)
