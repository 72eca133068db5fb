"""Sales in a chat: a documented JSON body for chat tools, and the signatures of both that send here.

Owns the table of fields that docs/chat.md prints, and which steps of a chat Meta knows. What Meta's own webhooks say is
`meta_clicks`.

Platform rules, checked September 2026:
- event names and ids: Meta for Developers, "Conversions API for business messaging";
- signature: "Webhooks, getting started" (`X-Hub-Signature-256: sha256=<hex>` over the body, app secret).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twofold.consent.signals import read_statement
from twofold.event.json import read_json
from twofold.event.model import Consent, RawEvent
from twofold.event.refusal import DropReason, Refusal, describe
from twofold.event.vocabulary import MESSAGING_CHANNELS, MESSAGING_EVENTS
from twofold.ledger.model import Amounts, Line, Method, OrderReport, Paid, Parcel, ParcelState, Sale, Snapshot
from twofold.sources.chat_ids import CHAT_KINDS, private_id, route
from twofold.sources.contract import Ignored, Reading, Source, SourceOptions
from twofold.sources.lead_ids import read_clicks
from twofold.sources.own import webhook
from twofold.sources.own.bodies import LINE, MESSAGING
from twofold.sources.people import place_of
from twofold.sources.schema import (
    CONSENT,
    CURRENCY,
    ID,
    LABEL,
    MONEY,
    NAME,
    TEXT,
    TEXTS,
    TIME,
    Field,
    list_of,
    object_of,
    one_of,
    read_object,
)
from twofold.sources.signatures import fits_hex
from twofold.touch.model import Touch, TouchKind

SENDER = "chat"
META_SIGNATURE = "x-hub-signature-256"

_KEYS_OF_EVENTS = 40  # Meta puts up to 1,000 notifications into one body
# Events that stand once for an order; every other step stands once for a conversation.
_OF_ORDER = frozenset(name for name in MESSAGING_EVENTS if name.startswith("Order"))

STATUSES = ("placed", "confirmed", "paid", "shipped", "delivered", "returned", "cancelled")

# Chat tools know no parcels, so a word for the order stands for its one parcel.
_PARCELS = {"shipped": ParcelState.IN_TRANSIT, "delivered": ParcelState.DELIVERED, "returned": ParcelState.RETURNED}

CHAT_ORDER = (
    Field("id", ID, "The order's id. The platform is told it as `order_id`.", True),
    Field("amount", MONEY, "What the buyer pays in all.", True),
    Field("currency", CURRENCY, "In which currency.", True),
    Field("status", one_of(STATUSES, {"canceled": "cancelled"}), "Where it is.", True),
    Field("method", one_of([m.value for m in Method]), "How it is paid; `cod` is common in chats."),
    Field("placed_at", TIME, "When the buyer ordered. Left out: `at` of the message that tells of it."),
    Field("reason", LABEL, "Why it was cancelled or returned: a short word of your own; no personal data."),
    Field("lines", list_of(LINE), "What was bought."),
)

CHAT = (
    Field("conversation", NAME, "Your id of the conversation. A phone number is kept as a digest only.", True),
    Field("channel", one_of(sorted(MESSAGING_CHANNELS)), "Where the chat is.", True),
    Field("at", TIME, "When this happened.", True),
    Field("step", TEXT, "What happened: one of Meta's names for messaging events, or your own word for one."),
    Field("event_id", NAME, "Your own id of this step. Left out: one for each name and conversation, or order."),
    Field("first_message_at", TIME, "When the person first wrote."),
    *(field for field in MESSAGING if field.name != "channel"),
    Field("phone", TEXTS, "The person's phone, with its country code."),
    Field("email", TEXTS, "E-mail address."),
    Field("name", TEXT, "First and last name."),
    Field("country", TEXT, "Country, ISO 3166 code or name."),
    Field("order", object_of(CHAT_ORDER), "The order, when there is one."),
    Field("consent", CONSENT, "What the person said about advertising."),
)


def signed(body: bytes, headers: Mapping[str, str], secrets: Sequence[str], now_ms: int) -> bool:
    """A chat tool's body as `own.signed`; Meta's webhook by its header, with the app secret among the secrets.

    Meta signs no time, so a captured body fits for ever; its referral is one event id and folds.
    """
    given = headers.get(META_SIGNATURE)
    if given is not None:
        scheme, _, signature = given.partition("=")
        return scheme == "sha256" and fits_hex(signature, body, secrets)
    return webhook.signed(body, headers, secrets, now_ms)


def read(body: bytes, headers: Mapping[str, str], options: SourceOptions, now_ms: int) -> Reading | Refusal | Ignored:
    """One documented body, or one of Meta's webhooks, told apart by Meta's ``object`` and ``entry``."""
    del headers, now_ms
    tree = read_json(body, events=_KEYS_OF_EVENTS)
    if isinstance(tree, Refusal):
        return tree
    if isinstance(tree, dict) and "object" in tree and "entry" in tree:
        return read_clicks(tree, options, SENDER)
    notes: list[str] = []
    fields = read_object(tree, CHAT, notes)
    if isinstance(fields, Refusal):
        return fields
    return _chat(fields, options, notes)


def _chat(chat: Mapping[str, Any], options: SourceOptions, notes: list[str]) -> Reading | Refusal:
    order = chat.get("order")
    name = _event_name(chat, options)
    if isinstance(name, Refusal):
        return name
    if name is None and order is None:
        return _refuse("step", "a step, or an order", None)
    if name == "Purchase" and order is None:
        return _refuse("order", "the order of the Purchase", None)
    events = (_step(chat, name, notes),) if name not in (None, "Purchase") else ()
    return Reading(
        kind="chat order" if order else "chat step",
        sender=SENDER,
        order=_report(chat, order) if order else None,
        copy=_purchase(chat, order, options, notes) if order else None,
        events=events,
        signs=_signs(chat),
        notes=tuple(dict.fromkeys(notes)),
    )


def _signs(chat: Mapping[str, Any]) -> tuple[tuple[tuple[tuple[str, str], ...], Touch], ...]:
    """The start of a chat, where the tool says when the person first wrote; the ad itself is told by Meta's webhook."""
    if "first_message_at" not in chat or _consent(chat) == Consent.DENIED:
        return ()
    ids = (("conversation", _conversation(chat)), *((k, str(chat[k])) for k in CHAT_KINDS if chat.get(k)))
    click = "ctwa_clid" if chat.get("ctwa_clid") else ""
    touch = Touch(
        at=chat["first_message_at"] // 1000,
        kind=TouchKind.CHAT,
        source=chat["channel"],
        click=click,
        consent=_consent(chat),
    )
    return ((ids, touch),)


def _consent(chat: Mapping[str, Any]) -> str:
    said = chat.get("consent")
    return Consent.UNSTATED if said is None else read_statement(said).state


def _event_name(chat: Mapping[str, Any], options: SourceOptions) -> str | Refusal | None:
    """The name that Meta allows for the step; the operator's word for it goes first."""
    step = chat.get("step")
    if step is None:
        return None
    name = str(options.stages.get(step, step))
    if name not in MESSAGING_EVENTS:
        return _refuse("step", f"one of {', '.join(sorted(MESSAGING_EVENTS))}, or a stage of the source", step)
    return name


def _step(chat: Mapping[str, Any], name: str | None, notes: list[str]) -> RawEvent:
    order = chat.get("order")
    of_what = order["id"] if order and name in _OF_ORDER else _conversation(chat)
    data = webhook.custom_data(order["id"], {"total": order["amount"], **order}, order) if order else {}
    raw = _told(chat, notes)
    raw.event_name = name
    raw.event_time = chat["at"] // 1000
    raw.event_id = chat.get("event_id") or f"{name}.chat.{of_what}"
    raw.custom_data = data
    return raw


def _purchase(chat: Mapping[str, Any], order: Mapping[str, Any], options: SourceOptions, notes: list[str]) -> RawEvent:
    raw = _told(chat, notes)
    raw.event_name = "Purchase"
    raw.event_time = _placed_at(chat, order) // 1000
    raw.event_id = f"purchase.{options.shop}.{order['id']}"
    raw.custom_data = webhook.custom_data(order["id"], {"total": order["amount"], **order}, order)
    return raw


def _told(chat: Mapping[str, Any], notes: list[str]) -> RawEvent:
    """What all events of a chat have in common. Never a page, an address, a user agent, fbp or fbc."""
    way = route(chat["channel"], chat, _contact(chat), notes)
    return RawEvent(
        action_source=way.action_source,
        messaging_channel=way.messaging_channel,
        user_data=way.user_data,
        consent=chat.get("consent"),
        links=[f"conversation:{_conversation(chat)}"],
    )


def _contact(chat: Mapping[str, Any]) -> dict[str, Any]:
    first, _, last = chat.get("name", "").strip().partition(" ")
    found = {
        "ph": list(chat.get("phone", ())),
        "em": list(chat.get("email", ())),
        "fn": first,
        "ln": last.strip(),
        "country": chat.get("country"),
    }
    return {key: value for key, value in found.items() if value}


def _report(chat: Mapping[str, Any], order: Mapping[str, Any]) -> OrderReport:
    status, at = order["status"], chat["at"]
    cancelled = status == "cancelled"
    country, region = place_of(chat.get("country"))
    parcel = _PARCELS.get(status)
    return OrderReport(
        order_id=order["id"],
        kind=status,
        at=at // 1000,
        reference=f"chat {status} {order['id']} at {at}",
        aliases=(f"conversation:{_conversation(chat)}",),
        snapshot=Snapshot(
            version=at,
            placed_at=_placed_at(chat, order) // 1000,
            shop=Amounts(currency=order["currency"], total=order["amount"]),
            lines=tuple(Line(**row) for row in order.get("lines", ())),
            method=Method(order["method"]) if "method" in order else None,
            paid=Paid.PAID if status == "paid" else None,
            confirmed=True if status in ("confirmed", "paid", "shipped", "delivered") else None,
            sale=Sale.CHAT,
            cancelled_at=at // 1000 if cancelled else None,
            cancel_reason=order.get("reason", "") if cancelled else "",
            delivered_at=at // 1000 if status == "delivered" else None,
        ),
        parcels=(Parcel(id=order["id"], state=parcel, at=at // 1000),) if parcel else (),
        country=country,
        region=region,
    )


def _placed_at(chat: Mapping[str, Any], order: Mapping[str, Any]) -> int:
    return int(order.get("placed_at") or chat["at"])


def _conversation(chat: Mapping[str, Any]) -> str:
    return private_id(chat["conversation"])


def _refuse(path: str, expected: str, got: object) -> Refusal:
    return Refusal(reason=DropReason.INVALID_MESSAGING, path=path, expected=expected, got=describe(got))


CHAT_SOURCE = Source(name="chat", signed=signed, read=read)
