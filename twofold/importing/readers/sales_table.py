"""Sales and steps without a page: calls, chats, rows typed into a sheet by the people who made the sale.

Owns the fields of such a table and what a row becomes: a Purchase is an order with its copy, any other event a copy
alone. Meta's rules for chats are passed in, they are a source's.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import msgspec
from msgspec.structs import replace

from twofold.event.model import RawEvent
from twofold.event.vocabulary import MESSAGING_CHANNELS
from twofold.importing.readers.layout import Format, Found, Group, Skipped, fold_word
from twofold.importing.readers.orders import State, build_order, contact_of
from twofold.importing.readers.own_table import FIELDS, METHODS, PAID
from twofold.ledger.model import Paid, Sale

PURCHASE = "Purchase"
MESSAGING_IDS = ("page_id", "page_scoped_user_id", "ctwa_clid", "whatsapp_business_account_id", "ig_account_id",
                 "ig_sid")  # fmt: skip

# channel, folded -> (where it was sold, Meta's action_source); chats take theirs from their ids
CHANNELS: dict[str, tuple[Sale, str]] = {
    "phone": (Sale.PHONE, "phone_call"),
    "call": (Sale.PHONE, "phone_call"),
    "phone call": (Sale.PHONE, "phone_call"),
    "crm": (Sale.CRM, "system_generated"),
    "system": (Sale.CRM, "system_generated"),
    "store": (Sale.STORE, "physical_store"),
    "email": (Sale.STAFF, "email"),
    "chat": (Sale.CHAT, "chat"),
    "other": (Sale.STAFF, "other"),
    **dict.fromkeys(MESSAGING_CHANNELS, (Sale.CHAT, "business_messaging")),
}

SALE_FIELDS: dict[str, tuple[tuple[str, ...], str]] = {
    "placed_at": (("time", "event_time", "sold_at", "date", "placed_at"), "When it happened. Required."),
    "channel": (("channel", "source"), "`phone`, `messenger`, `whatsapp`, `instagram`, `chat`, `crm`, `store`, `email`, "
                "`other`. Required."),
    "event_name": (("event_name", "event"), "Meta's name of what happened; `Purchase` when left out."),
    "total": (("amount", "total", "value"), "What was paid. Required for a Purchase."),
    "currency": (("currency",), "Three letters (ISO 4217)."),
    "order_id": (("order_id", "id", "deal_id", "sale_id"), "Your id of the sale. Left out, one is made of the row, and "
                 "two equal rows are one sale."),
    "payment_status": (("payment_status",), "As for orders; `paid` when left out."),
    "method": (("method", "payment_method"), "As for orders."),
    "conversation": (("conversation", "conversation_id"), "Your id of the chat or call."),
    **{name: ((name,), f"Of a chat: `{name}`.") for name in MESSAGING_IDS},
    "lead_id": (("lead_id",), "Id of the lead form's entry."),
    **{name: FIELDS[name] for name in (
        "email", "phone", "first_name", "last_name", "name", "city", "state", "zip", "country", "customer_id", "fbp",
        "fbc", "event_id", "consent", "tags",
    )},
}  # fmt: skip


def build(group: Group) -> Found | Skipped:
    channel = group.word("channel") or group.options.channel
    if channel not in CHANNELS:
        raise group.misread("channel", f"one of {', '.join(sorted(CHANNELS))}", group.shown("channel", group.text("channel")),
                            "unknown_channel")  # fmt: skip
    mapped = group.layout.words.get("event_name", {}).get(fold_word(group.text("event_name")))
    name = mapped or group.text("event_name") or PURCHASE
    return _purchase(group, channel) if name == PURCHASE else _step(group, channel, name)


def _purchase(group: Group, channel: str) -> Found:
    sale, _ = CHANNELS[channel]
    order_id = group.id("order_id") or f"sale-{_digest(group)}"
    word = group.word("payment_status")
    found = build_order(
        group,
        order_id=order_id,
        aliases=_aliases(group),
        state=State(
            paid=PAID.get(word) if word else Paid.PAID,
            confirmed=True,
            sale=sale,
            method=METHODS.get(group.word("method")),
        ),
    )
    if found.copy is not None:
        _tell(group, found.copy, channel)
        found.copy.event_id = group.id("event_id") or f"purchase.{group.options.shop}.{order_id}"
    return replace(found, warnings=tuple(group.warnings))


def _step(group: Group, channel: str, name: str) -> Found | Skipped:
    at = group.needed("placed_at", group.time("placed_at"), "when it happened", "no_date")
    if at < group.options.young_after:
        return Skipped(rows=1, reason="a step too old to be sent, and no order")
    total = group.positive("total")
    data: dict[str, Any] = {}
    if total is not None:
        data = {"value": total, "currency": group.currency("total")}
    if channel == "crm":
        data |= {"event_source": "crm"}
    own = group.id("order_id") or group.id("conversation") or _digest(group)
    raw = RawEvent(
        event_name=name,
        event_time=at,
        event_id=group.id("event_id") or f"{name}.file.{own}",
        user_data=contact_of(group),
        custom_data=data,
        consent=group.text("consent") or None,
        links=list(_aliases(group)) or None,
    )
    _tell(group, raw, channel)
    return Found(row=group.row, rows=1, events=(raw,), young=True, warnings=tuple(group.warnings))


def _tell(group: Group, raw: RawEvent, channel: str) -> None:
    """How the platform is told: the action source, and for chats their channel and ids."""
    lead = group.text("lead_id").removeprefix("l:")
    if lead.isdigit() and 15 <= len(lead) <= 17:
        raw.user_data["lead_id"] = int(lead)
    raw.action_source = CHANNELS[channel][1]
    if channel not in MESSAGING_CHANNELS:
        return
    notes: list[str] = []
    ids = {name: group.id(name) for name in MESSAGING_IDS if group.text(name)}
    assert group.options.route is not None, "sales need the messaging rules of the sources"
    way = group.options.route(channel, ids, raw.user_data, notes)
    raw.action_source, raw.messaging_channel, raw.user_data = way.action_source, way.messaging_channel, way.user_data
    for note in notes:
        group.warn("channel", "a chat's ids", note, "chat_without_ids")


def _aliases(group: Group) -> tuple[str, ...]:
    conversation = group.text("conversation")
    # A phone number is a common id of a conversation, and no phone number may be kept.
    return (f"conversation:{conversation}",) if conversation and not conversation.lstrip("+").isdigit() else ()


def _digest(group: Group) -> str:
    fields = ("placed_at", "channel", "event_name", "total", "currency", "conversation", "email", "phone", "name")
    text = msgspec.json.encode([group.text(field) for field in fields])
    return blake2b(text, digest_size=12).hexdigest()


SALES = Format(
    name="sales",
    title="a table of sales in the words of docs/import.md",
    sender="file",
    columns={field: headers for field, (headers, _) in SALE_FIELDS.items()},
    needs=("placed_at", "channel"),
    build=build,
    usual_decimal="",
)
