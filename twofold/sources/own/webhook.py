"""A shop's own webhook: the signature, and a documented JSON body to an order report, a Purchase and events.

For shops that no other source knows: self-written ones, phone orders typed in by staff, sales in a chat. The tables of
fields are `own_body`. When an order counts is the policy's question.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twofold.event.json import read_json
from twofold.event.model import RawEvent
from twofold.event.refusal import DropReason, Refusal, describe
from twofold.ledger.model import (
    Amounts,
    Line,
    Method,
    OrderReport,
    Paid,
    Parcel,
    ParcelState,
    Payment,
    Refund,
    Sale,
    Snapshot,
)
from twofold.sources.chat_ids import IDS, route
from twofold.sources.contract import Ignored, PrivacyRequest, Reading, Source, SourceOptions
from twofold.sources.own.bodies import BODIES, MESSAGING
from twofold.sources.people import place_of
from twofold.sources.purchase_ids import purchase_id
from twofold.sources.said import shop_says
from twofold.sources.schema import read_link, read_object
from twofold.sources.signatures import fits_hex
from twofold.touch.model import Touch

SENDER = "own"
SIGNATURE_HEADER = "x-twofold-signature"
TOLERANCE_S = 300

_KEYS_OF_EVENTS = 20  # an order may hold as many keys as a batch of this size
_PART = re.compile(r"(t|v1)=([0-9a-f]{1,64})")
_MAX_SIGNATURES = 4

# Where a sale was made -> Meta's action_source. `app` would oblige the shop to send app_data, which an order lacks.
ACTION_SOURCES = {
    Sale.WEB: "website", Sale.APP: "other", Sale.STORE: "physical_store", Sale.PHONE: "phone_call",
    Sale.CHAT: "chat", Sale.STAFF: "other", Sale.CRM: "system_generated", Sale.RENEWAL: "system_generated",
    Sale.API: "system_generated",
}  # fmt: skip


def signed(body: bytes, headers: Mapping[str, str], secrets: Sequence[str], now_ms: int) -> bool:
    """Does ``X-Twofold-Signature: t=<unix>,v1=<hex>`` fit? The time is part of what is signed, 300 s either way.

    Several ``v1`` may stand there while the shop changes its secret. Exactly this form is read: lower-case hex, no
    spaces, one ``t``, so that no proxy's idea of a header can make two readers differ.
    """
    parts = [_PART.fullmatch(part) for part in headers.get(SIGNATURE_HEADER, "").split(",")]
    if len(parts) > _MAX_SIGNATURES + 1 or not all(parts):
        return False
    pairs = [(part[1], part[2]) for part in parts if part]
    times = [value for name, value in pairs if name == "t"]
    given = [value for name, value in pairs if name == "v1"]
    if len(times) != 1 or not times[0].isdigit() or len(times[0]) > 11:
        return False
    if abs(now_ms // 1000 - int(times[0])) > TOLERANCE_S:
        return False
    message = times[0].encode() + b"." + body
    return any(fits_hex(signature, message, secrets) for signature in given)


def read(body: bytes, headers: Mapping[str, str], options: SourceOptions, now_ms: int) -> Reading | Refusal | Ignored:
    """One documented body; see docs/own-shop.md."""
    del headers, now_ms  # what counts stands in the body, and the signature has its own time
    tree = read_json(body, events=_KEYS_OF_EVENTS)
    if isinstance(tree, Refusal):
        return tree
    if not isinstance(tree, dict):
        return _refuse(DropReason.WRONG_TYPE, "", "an object with a type", tree)
    return read_tree(tree, options)


def read_tree(tree: Mapping[str, Any], options: SourceOptions) -> Reading | Refusal:
    """The same of a body that is an object already."""
    kind = tree.get("type")
    table = BODIES.get(kind) if isinstance(kind, str) else None
    if table is None:
        return _refuse(DropReason.WRONG_TYPE, "type", f"one of {', '.join(BODIES)}", kind)
    notes: list[str] = []
    fields = read_object(tree, table, notes)
    if isinstance(fields, Refusal):
        return fields
    return _READERS[str(kind)](fields, options, notes)


def _order(order: Mapping[str, Any], options: SourceOptions, notes: list[str]) -> Reading | Refusal:
    order_id = order["id"]
    customer = order.get("customer", {})
    country, region = place_of(customer.get("country"), customer.get("state"))
    return Reading(
        kind="order",
        sender=SENDER,
        order=OrderReport(
            order_id=order_id,
            kind=order.get("status", "updated"),
            at=order["updated_at"] // 1000,
            reference=f"order {order_id} at {order['updated_at']}",
            aliases=_aliases(order),
            snapshot=_snapshot(order),
            payments=tuple(_payment(row) for row in order.get("payments", ())),
            refunds=tuple(_refund(row, order["totals"]["currency"]) for row in order.get("refunds", ())),
            parcels=tuple(_parcel(row) for row in order.get("parcels", ())),
            country=country,
            region=region,
        ),
        said=_said(order),
        copy=_purchase(order, options, notes),
        notes=tuple(notes),
    )


def _said(order: Mapping[str, Any]) -> tuple[Touch, ...]:
    """The page and the referrer that the shop kept with the order."""
    browser = order.get("browser", {})
    said = shop_says(order["placed_at"] // 1000, landing=browser.get("url"), referring=browser.get("referrer"))
    return () if said is None else (said,)


def _snapshot(order: Mapping[str, Any]) -> Snapshot:
    status, updated = order.get("status"), order["updated_at"]
    payment = order.get("payment", {})
    cancelled = order.get("cancelled_at") or (updated if status == "cancelled" else None)
    delivered = order.get("delivered_at") or (updated if status == "delivered" else None)
    return Snapshot(
        version=updated,
        placed_at=order["placed_at"] // 1000,
        shop=Amounts(**order["totals"]),
        presentment=Amounts(**order["presentment"]) if "presentment" in order else None,
        lines=tuple(Line(**row) for row in order.get("lines", ())),
        gateways=(payment["gateway"],) if "gateway" in payment else (),
        method=Method(payment["method"]) if "method" in payment else None,
        paid=Paid(payment["status"]) if "status" in payment else None,
        confirmed=True if status in ("confirmed", "shipped", "delivered") else None,
        sale=Sale(order.get("sale", Sale.WEB)),
        test=order.get("test", False),
        cancelled_at=cancelled // 1000 if cancelled else None,
        cancel_reason=order.get("cancel_reason", ""),
        delivered_at=delivered // 1000 if delivered else None,
        tags=order.get("tags", ()),
        replaces=order.get("replaces", ""),
    )


def _purchase(order: Mapping[str, Any], options: SourceOptions, notes: list[str]) -> RawEvent:
    browser, messaging = order.get("browser", {}), order.get("messaging")
    sale = Sale(order.get("sale", Sale.WEB))
    user = user_data(order.get("customer", {}), browser)
    source, channel = ACTION_SOURCES[sale], None
    if messaging is not None and sale is Sale.CHAT:
        way = route(messaging["channel"], messaging, user, notes)
        source, channel, user = way.action_source, way.messaging_channel, way.user_data
    elif messaging is not None:
        notes.append('messaging is for sale "chat"; left out')
    in_chat = sale is Sale.CHAT
    return RawEvent(
        event_name="Purchase",
        event_time=order["placed_at"] // 1000,
        event_id=browser.get("event_id") or purchase_id(options, order["id"], order.get("links", ())),
        action_source=source,
        messaging_channel=channel,
        event_source_url=None if in_chat else browser.get("url"),
        referrer_url=None if in_chat else browser.get("referrer"),
        user_data=user,
        custom_data=custom_data(order["id"], order.get("presentment", order["totals"]), order),
        consent=order.get("consent"),
        links=[link for link in _aliases(order) if read_link(link)] or None,
        click_ids=browser.get("click_ids"),
        visitor=browser.get("visitor"),
        region=order.get("region"),
    )


def user_data(customer: Mapping[str, Any], browser: Mapping[str, Any]) -> dict[str, Any]:
    """A customer and a browser of the tables above under Meta's names, contact data still plain."""
    names = {"id": "external_id", "email": "em", "phone": "ph", "first_name": "fn", "last_name": "ln",
             "birth_date": "db", "gender": "ge", "city": "ct", "state": "st", "zip": "zp",
             "country": "country"}  # fmt: skip
    user = {meta: customer[ours] for ours, meta in names.items() if ours in customer}
    for several in ("em", "ph"):
        if several in user:
            user[several] = list(user[several])
    names = {"fbp": "fbp", "fbc": "fbc", "ip": "client_ip_address", "user_agent": "client_user_agent"}
    return user | {meta: browser[ours] for ours, meta in names.items() if ours in browser}


def custom_data(order_id: str, amounts: Mapping[str, Any], order: Mapping[str, Any]) -> dict[str, Any]:
    """The Purchase's money and goods. Prices of lines are given where the lines are in the Purchase's currency."""
    lines = order.get("lines", ())
    data: dict[str, Any] = {"value": amounts["total"], "currency": amounts["currency"], "order_id": order_id}
    same_currency = amounts["currency"] == order.get("totals", amounts)["currency"]
    contents = []
    for line in lines:
        item = line.get("id") or line.get("sku")
        content = {"id": item, "quantity": line.get("quantity", 1)}
        if same_currency and "price" in line:
            content["item_price"] = line["price"]
        if item and content["quantity"]:
            contents.append(content)
    if contents:
        data |= {"contents": contents, "content_type": "product"}
    pieces = sum(line.get("quantity", 1) for line in lines)
    return data | ({"num_items": pieces} if pieces else {})


def _aliases(order: Mapping[str, Any]) -> tuple[str, ...]:
    number = (f"number:{order['number']}",) if "number" in order else ()
    return (*number, *order.get("links", ()))


def _payment(row: Mapping[str, Any]) -> Payment:
    return Payment(**{k: v for k, v in row.items() if k not in ("at", "order_id")}, at=row["at"] // 1000)


def _refund(row: Mapping[str, Any], currency: str = "") -> Refund:
    rest = {k: v for k, v in row.items() if k not in ("at", "order_id")}
    return Refund(**({"currency": currency} | rest), at=row["at"] // 1000)


def _parcel(row: Mapping[str, Any]) -> Parcel:
    return Parcel(id=row["id"], state=ParcelState(row["state"]), at=row["at"] // 1000)


def _paid_part(fields: Mapping[str, Any], _options: SourceOptions, notes: list[str]) -> Reading:
    return _part("payment", fields, notes, payments=(_payment(fields),))


def _refunded_part(fields: Mapping[str, Any], _options: SourceOptions, notes: list[str]) -> Reading:
    return _part("refund", fields, notes, refunds=(_refund(fields),))


def _parcel_part(fields: Mapping[str, Any], _options: SourceOptions, notes: list[str]) -> Reading:
    return _part("parcel", fields, notes, parcels=(_parcel(fields),))


def _deletion(fields: Mapping[str, Any], _options: SourceOptions, notes: list[str]) -> Reading:
    return _part("deletion", fields, notes, deleted=True)


def _part(kind: str, fields: Mapping[str, Any], notes: list[str], **parts: Any) -> Reading:
    report = OrderReport(
        order_id=fields["order_id"],
        kind=kind,
        at=fields["at"] // 1000,
        reference=f"{kind} {fields.get('id', fields['order_id'])}",
        **parts,
    )
    return Reading(kind=kind, sender=SENDER, order=report, notes=tuple(notes))


def _event(fields: Mapping[str, Any], _options: SourceOptions, notes: list[str]) -> Reading | Refusal:
    if fields["event_name"] == "Purchase":
        return _refuse(
            DropReason.NOT_AN_ORDER, "event_name", "a body of type order, from which the Purchase is made", "Purchase"
        )
    raw = RawEvent(**(dict(fields) | {"event_time": fields["event_time"] // 1000}))
    if raw.links is not None:
        raw.links = list(raw.links)
    return Reading(kind="event", sender=SENDER, events=(raw,), notes=tuple(notes))


def _privacy(fields: Mapping[str, Any], _options: SourceOptions, notes: list[str]) -> Reading | Refusal:
    wanted = {name: value for name, value in fields.items() if name != "request"}
    if not wanted:
        return _refuse(DropReason.WRONG_TYPE, "emails", "at least one of emails, phones, external_ids, order_ids", None)
    request = PrivacyRequest(kind=fields["request"], **wanted)
    return Reading(kind=f"privacy {request.kind}", sender=SENDER, privacy=request, notes=tuple(notes))


_READERS: dict[str, Callable[[Mapping[str, Any], SourceOptions, list[str]], Reading | Refusal]] = {
    "order": _order,
    "payment": _paid_part,
    "refund": _refunded_part,
    "parcel": _parcel_part,
    "deletion": _deletion,
    "event": _event,
    "privacy": _privacy,
}
assert _READERS.keys() == BODIES.keys()
assert {field.name for field in MESSAGING} == {"channel", *IDS}


def _refuse(reason: DropReason, path: str, expected: str, got: object) -> Refusal:
    shown = got if isinstance(got, str) and got == "Purchase" else describe(got)
    return Refusal(reason=reason, path=path, expected=expected, got=shown)


OWN = Source(name="own", signed=signed, read=read)
