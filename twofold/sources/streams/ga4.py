"""Google Analytics 4 to raw events: the hits of gtag (``/g/collect``) and the bodies of the Measurement Protocol.

Owns that wire's words: parameters, items, names, consent. Facts, each with source and certainty: docs/ways-in.md. Google documents the
Measurement Protocol and not the hits, so of a hit only what recorded ones show is read, and nothing is made up: an event that
names no id has none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from twofold.event.model import RawEvent
from twofold.event.refusal import DropReason, Refusal, describe
from twofold.event.scalars import as_object, read_boolean, read_integer
from twofold.sources.lenient import digits, part, parts, text
from twofold.sources.streams.message import LeftOut, goods_of, pieces_of

NAMES: dict[str, str] = {
    "page_view": "PageView",
    "view_item": "ViewContent",
    "search": "Search",
    "view_search_results": "Search",
    "add_to_cart": "AddToCart",
    "add_to_wishlist": "AddToWishlist",
    "begin_checkout": "InitiateCheckout",
    "add_payment_info": "AddPaymentInfo",
    "purchase": "Purchase",
    "generate_lead": "Lead",
    "sign_up": "CompleteRegistration",
}
"""Recommended and automatic events -> Meta's standard event."""

AUTOMATIC = frozenset((
    "click", "file_download", "first_visit", "form_start", "form_submit", "scroll", "session_start", "user_engagement",
    "video_complete", "video_progress", "video_start",
))  # fmt: skip
"""What Google's tag reports by itself about a visit, and no shop counts: answered and left out."""

# Two letters of an item's part -> the field of the Measurement Protocol's item.
_ITEM = {"id": "item_id", "nm": "item_name", "br": "item_brand", "ca": "item_category", "c2": "item_category2", "va": "item_variant",
         "pr": "price", "qt": "quantity"}  # fmt: skip
_PRODUCT = re.compile(r"pr([1-9][0-9]{0,2})")
_RENAMED = {"search_term": "search_string"}
_READ = frozenset((
    "event_id", "transaction_id", "currency", "value", "items", "page_location", "page_referrer", "page_title", "session_id",
    "engagement_time_msec", "timestamp_micros", "debug_mode", "fbp", "fbc", "x-fb-ck-fbp", "x-fb-ck-fbc", "x-fb-event_id", "user_data",
    "user_id", "email", "phone", "phone_number", "language", "screen_resolution",
))  # fmt: skip
_MICROS = 1_000_000
_SECONDS = range(9, 12)  # digits of a session's begin, which is its id


def read_hit(fields: Mapping[str, Any], now_ms: int, notes: list[str]) -> RawEvent | LeftOut | Refusal:
    """One event of a hit: the parameters of its address with those of its line. It is of now: a hit has no time."""
    params = {k.partition(".")[2]: v for k, v in fields.items() if k.startswith(("ep.", "epn.")) and v != ""}
    params.setdefault("page_location", fields.get("dl"))
    params.setdefault("page_referrer", fields.get("dr"))
    if fields.get("cu"):
        params.setdefault("currency", fields["cu"])
    numbered = sorted((int(m[1]), str(v)) for k, v in fields.items() if (m := _PRODUCT.fullmatch(k)))
    user = _person({k.removeprefix("user_data."): v for k, v in params.items() if k.startswith("user_data.")})
    params = {k: v for k, v in params.items() if not k.startswith("user_data.")}
    if fields.get("uid"):
        user["external_id"] = fields["uid"]
    items = [_item(line) for _, line in numbered]
    said = _event(fields.get("en"), "en", params, items, user, notes)
    if isinstance(said, RawEvent):
        said.event_time = now_ms // 1000
        said.consent = _hit_consent(fields)
        said.click_ids = _client(fields.get("cid"), fields.get("tid"), fields.get("sid"))
    return said


def read_event(
    event: Mapping[str, Any], body: Mapping[str, Any], now_ms: int, notes: list[str], measurement_id: str = ""
) -> RawEvent | LeftOut | Refusal:
    """One event of a Measurement Protocol body, sent to the stream of that measurement id."""
    tree, whole = dict(event), dict(body)
    params = part(tree, "params")
    user = _person(_flat(part(whole, "user_data"), notes))
    who = text(whole, "user_id") or text(params, "user_id") or text(whole, "client_id")
    if who is not None:
        user["external_id"] = who
    for ours, theirs in (("client_ip_address", "ip_override"), ("client_user_agent", "user_agent")):
        value = text(whole, theirs)
        if value is not None:
            user[ours] = value
    said = _event(tree.get("name"), "name", params, parts(params, "items"), user, notes)
    if not isinstance(said, RawEvent):
        return said
    time_s = _time_s(tree, params, whole, now_ms)
    if isinstance(time_s, Refusal):
        return time_s
    said.event_time, said.consent = time_s, _told_consent(whole)
    said.click_ids = _client(whole.get("client_id"), measurement_id, params.get("session_id"))
    return said


def _event(
    name: Any, where: str, params: dict[str, Any], items: list[dict[str, Any]], user: dict[str, Any], notes: list[str]
) -> RawEvent | LeftOut | Refusal:
    if not isinstance(name, str) or not name:
        reason = DropReason.MISSING_EVENT_NAME if name in (None, "") else DropReason.INVALID_EVENT_NAME
        return Refusal(reason=reason, path=where, expected="the event's name as text", got=describe(name))
    if name in AUTOMATIC:
        return LeftOut(name)
    for ours in ("fbp", "fbc"):
        value = text(params, f"x-fb-ck-{ours}") or text(params, ours)
        if value is not None:
            user[ours] = value
    return RawEvent(
        event_name=NAMES.get(name, name),
        event_id=params.get("event_id") or params.get("x-fb-event_id"),
        action_source="website",
        event_source_url=text(params, "page_location"),
        referrer_url=text(params, "page_referrer"),
        user_data=user,
        custom_data=_custom(params, items, notes),
    )


def _custom(params: dict[str, Any], items: list[dict[str, Any]], notes: list[str]) -> dict[str, Any]:
    data = {_RENAMED.get(k, k): v for k, v in params.items() if k not in _READ and v is not None}
    contents = goods_of(items, ("item_id", "item_name"), "price", notes, "items")
    if contents:
        data |= {"contents": contents, "content_type": "product", "num_items": pieces_of(contents)}
    for ours, theirs in (("order_id", "transaction_id"), ("value", "value"), ("currency", "currency")):
        if params.get(theirs) not in (None, ""):
            data[ours] = params[theirs]
    return data


def _item(line: str) -> dict[str, Any]:
    """``idSKU_1~nmTee~pr10.01~qt3``: two letters and a value each; ``k0`` and ``v0`` are the shop's own fields, which are left out."""
    found: dict[str, Any] = {}
    for piece in line.split("~"):
        name = _ITEM.get(piece[:2])
        if name is not None and piece[2:]:
            found.setdefault(name, piece[2:])
    return found


# -- who


def _flat(told: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    """User-provided data as a hit writes it. Hashes are left out: Google's rule for an address or a phone is not Meta's."""
    found = {k: v for k, v in told.items() if k != "address"}
    address = next(iter(parts(told, "address")), None) or as_object(told.get("address")) or {}
    found |= {f"address.{k}": v for k, v in address.items()}
    if any(name.rpartition(".")[2].startswith("sha256_") for name in found):
        notes.append("user_data: hashes of another platform's rule; left out")
    return found


_PERSON = (
    ("em", ("email", "email_address")), ("ph", ("phone_number", "phone")), ("fn", ("address.first_name",)),
    ("ln", ("address.last_name",)), ("ct", ("address.city",)), ("st", ("address.region",)), ("zp", ("address.postal_code",)),
    ("country", ("address.country",)),
)  # fmt: skip


def _person(told: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for ours, names in _PERSON:
        value = next(filter(None, (text(told, name) for name in names)), None)
        if value is not None:
            found[ours] = value
    return found


def _client(client_id: Any, measurement_id: Any, session: Any) -> dict[str, str] | None:
    """Google's id of the browser and of its session, under the names of the cookies that hold them, as shops keep them with their
    orders. A session's cookie is named by its stream, which the measurement id is behind its first sign."""
    found = {"_ga": client_id} if isinstance(client_id, str) and client_id else {}
    stream = str(measurement_id or "").partition("-")[2]
    if stream and (began := digits({"session": session}, "session")) and len(began) in _SECONDS:
        found[f"_ga_{stream}"] = f"GS1.1.{began}"
    return found or None


# -- consent


def _hit_consent(fields: Mapping[str, Any]) -> dict[str, Any] | None:
    said = {ours: fields[theirs] for ours, theirs in _SIGNALS if fields.get(theirs)}
    if fields.get("npa") == "1":
        said["ad_personalization"] = "denied"
    return said or None


_SIGNALS = (("gcs", "gcs"), ("gcd", "gcd"), ("us_privacy", "us_privacy"), ("tcf", "gdpr_consent"), ("gpp", "gpp"))


def _told_consent(body: dict[str, Any]) -> Any:
    """The two words of a body; what is there in another form is handed on as it is, and the steps read it as a no."""
    told = body.get("consent")
    if told not in (None, "") and as_object(told) is None:
        return told
    said = dict(part(body, "consent"))
    limit = body.get("non_personalized_ads")
    if limit not in (None, "") and read_boolean(limit) is not False:  # what cannot be read is a wish
        said["ad_personalization"] = "denied"
    return said or None


def _time_s(event: dict[str, Any], params: dict[str, Any], body: dict[str, Any], now_ms: int) -> int | Refusal:
    """The event's own time, else the request's, else now. Microseconds, whole."""
    for tree in (event, params, body):
        given = tree.get("timestamp_micros")
        if given in (None, ""):
            continue
        micros = read_integer(given)
        if micros is None or micros < 10**15 or isinstance(given, bool) or (isinstance(given, Decimal) and given < 0):
            got = describe(given)
            return Refusal(
                reason=DropReason.INVALID_EVENT_TIME, path="timestamp_micros", expected="Unix microseconds", got=got
            )
        return micros // _MICROS
    return now_ms // 1000
