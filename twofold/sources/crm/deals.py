"""A deal or contact that moved to a stage: to an event of the conversion-leads funnel, or to an order when it is won.

Owns what every CRM's webhook comes to. How a CRM writes its records is each CRM's own file.

Platform rules, checked September 2026 (Meta for Developers, "Conversions API for CRM integration"): one event for
each stage, `action_source` system_generated, `custom_data.event_source` crm, `lead_event_source` the CRM's name;
`lead_id` has 15 to 17 digits, and one of another length has the event refused; at most 7 days old.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct

from twofold.event.model import RawEvent
from twofold.event.refusal import DropReason, Refusal
from twofold.event.scalars import NO_CURRENCY, lenient_amount, read_order_currency
from twofold.ledger.model import Amounts, OrderReport, Paid, Sale, Snapshot
from twofold.sources.contract import Ignored, Reading, SourceOptions
from twofold.sources.schema import read_id

PURCHASE = "Purchase"
# Our names that options.fields may give a property for, beside order_id, value and currency.
CONTACT_FIELDS = ("em", "ph", "fn", "ln", "ct", "st", "zp", "country", "external_id")
BROWSER_FIELDS = ("fbc", "fbp")
FIELDS = ("lead_id", *CONTACT_FIELDS, *BROWSER_FIELDS, "order_id", "value", "currency", "consent", "visitor")

_LEAD_ID = re.compile(r"(?:l:)?([0-9]{15,17})")  # lead forms' exports write l: before it


class Record(Struct, frozen=True, kw_only=True):
    """One deal or contact as its CRM tells it, after a change. Times in Unix ms."""

    crm: str  # the source's name
    title: str  # the CRM's name as Meta is told it
    id: str
    stages: tuple[str, ...]  # what it has just reached, in the words that options.stages may use
    won: bool = False
    lost: bool = False
    reached_at: int  # when it reached the stage
    changed_at: int  # orders states of the record
    value: Any = None
    currency: Any = None
    reason: str = ""  # why it was lost
    of: Callable[[str], Any]  # a property's value by the CRM's name for it, or None
    defaults: Mapping[str, str] = {}  # our name -> the CRM's own property, where it has a fixed one


def read_record(record: Record, options: SourceOptions) -> Reading | Refusal | Ignored:
    """Events for the stages that the operator named; a Purchase as an order with its copy; a lost sale cancelled."""
    notes: list[str] = []
    names = _names(record, options)
    order = copy = None
    if PURCHASE in options.stages.values():
        if record.lost:
            order = _report(record, options, None, "cancelled")
        elif PURCHASE in names or (record.won and not record.stages):
            amounts = _amounts(record, options)
            if isinstance(amounts, Refusal):
                return amounts
            order = _report(record, options, amounts, "paid")
            copy = _purchase(record, options, amounts, notes)
    events = tuple(_stage(record, options, name, notes) for name in names if name != PURCHASE)
    if order is None and not events:
        reason = "no stage of `stages` was reached" if record.stages else "the stage did not change"
        return Ignored(kind="lead stage", reason=reason)
    kind = "deal lost" if record.lost and order else "deal won" if copy else "lead stage"
    return Reading(
        kind=kind, sender=record.crm, order=order, copy=copy, events=events, notes=tuple(dict.fromkeys(notes))
    )


def _names(record: Record, options: SourceOptions) -> list[str]:
    """Event names of the stages reached, each once. Stages are compared without regard to case."""
    named = {stage.strip().lower(): name for stage, name in options.stages.items()}
    found = (named.get(stage.strip().lower()) for stage in record.stages)
    return list(dict.fromkeys(name for name in found if name))


def _stage(record: Record, options: SourceOptions, name: str, notes: list[str]) -> RawEvent:
    data: dict[str, Any] = {"event_source": "crm", "lead_event_source": record.title}
    amounts = _amounts(record, options)
    if (
        isinstance(amounts, Amounts) and amounts.currency != NO_CURRENCY
    ):  # a stage need not have money; what it has is told
        data |= {"value": amounts.total, "currency": amounts.currency}
    return _told(record, options, name, data, notes)


def _purchase(record: Record, options: SourceOptions, amounts: Amounts, notes: list[str]) -> RawEvent:
    data = {
        "event_source": "crm",
        "lead_event_source": record.title,
        "value": amounts.total,
        "currency": amounts.currency,
        "order_id": _order_id(record, options),
    }
    return _told(record, options, PURCHASE, data, notes)


def _told(record: Record, options: SourceOptions, name: str, data: dict[str, Any], notes: list[str]) -> RawEvent:
    consent = _property(record, options, "consent")
    return RawEvent(
        event_name=name,
        event_time=record.reached_at // 1000,
        event_id=f"{name}.{record.crm}.{record.id}",
        action_source="system_generated",
        user_data=_user_data(record, options, notes),
        custom_data=data,
        consent=consent if isinstance(consent, (str, bool)) else None,
        visitor=read_id(_property(record, options, "visitor")),
        links=[f"{record.crm}:{record.id}"],
    )


def _user_data(record: Record, options: SourceOptions, notes: list[str]) -> dict[str, Any]:
    user: dict[str, Any] = {}
    for name in (*CONTACT_FIELDS, *BROWSER_FIELDS):
        value = _property(record, options, name)
        texts = [text for text in map(_text, value if isinstance(value, list) else [value]) if text]
        if texts:
            user[name] = texts if name in ("em", "ph") else texts[0]
    lead = _text(_property(record, options, "lead_id"))
    found = _LEAD_ID.fullmatch(lead) if lead else None
    if found:
        user["lead_id"] = int(found[1])
    elif lead:
        notes.append("lead_id is not 15 to 17 digits; left out")
    if not user:
        notes.append("no lead_id and no contact data: name their properties in `fields` of the source")
    return user


def _amounts(record: Record, options: SourceOptions) -> Amounts | Refusal:
    value = _first(_property(record, options, "value"), record.value)
    currency = _first(_property(record, options, "currency"), record.currency, options.currency)
    if value is None:
        return _refuse(DropReason.MISSING_VALUE, "value", "the deal's amount")
    total = lenient_amount(_plain(value))
    if total is None or total < 0:
        return _refuse(DropReason.INVALID_VALUE, "value", "a plain decimal number, zero or more", "another form")
    if currency is None:
        return _refuse(DropReason.MISSING_CURRENCY, "currency", "a currency of the deal, or `currency` of the source")
    code = read_order_currency(currency)
    if code is None:
        return _refuse(DropReason.INVALID_CURRENCY, "currency", "three letters (ISO 4217)", "another form")
    return Amounts(currency=code, total=total)


def _report(record: Record, options: SourceOptions, amounts: Amounts | None, kind: str) -> OrderReport:
    at = record.reached_at // 1000
    cancelled = kind == "cancelled"
    return OrderReport(
        order_id=_order_id(record, options),
        kind=kind,
        at=at,
        reference=f"{record.crm} {record.id} at {record.changed_at}",
        aliases=(f"{record.crm}:{record.id}",),
        snapshot=Snapshot(
            version=record.changed_at,
            placed_at=at,
            shop=amounts,
            paid=None if cancelled else Paid.PAID,
            confirmed=None if cancelled else True,
            sale=Sale.CRM,
            cancelled_at=at if cancelled else None,
            cancel_reason=record.reason if cancelled else "",
        ),
    )


def _order_id(record: Record, options: SourceOptions) -> str:
    """The shop's own order id where the record has it, so that the deal and the shop's order are one."""
    return read_id(_property(record, options, "order_id")) or f"{record.crm}-{record.id}"


def _property(record: Record, options: SourceOptions, name: str) -> Any:
    theirs = options.fields.get(name) or record.defaults.get(name)
    return record.of(theirs) if theirs else None


def _first(*values: Any) -> Any:
    return next((value for value in values if value not in (None, "")), None)


def _plain(value: Any) -> Any:
    """Amounts such as "1200.0000000000" without the zeros that say nothing."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,15}\.[0-9]{1,60}", value):
        return value.rstrip("0").rstrip(".")
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return int(value)
    return value


def _text(value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() or None if isinstance(value, str) else None


def _refuse(reason: DropReason, path: str, expected: str, got: str = "nothing") -> Refusal:
    return Refusal(reason=reason, path=path, expected=expected, got=got)


def first_time(times: Iterable[int | None], otherwise: int) -> int:
    """The first time that is there, in ms."""
    return next((time for time in times if time), otherwise)
