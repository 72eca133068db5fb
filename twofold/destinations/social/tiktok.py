"""TikTok, Events API 2.0: an event's payload, a request, and what an answer's code means.

Owns TikTok's words. HTTP is 200 for most refusals: the body's code decides. The page of the endpoint could not be read; the fields
are those on which several public integrations agree.

Marks as in docs/destinations.md: [doc] official page, [code] seen in public integrations, [inferred] concluded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from msgspec import Struct

from twofold.destinations import parts
from twofold.destinations.contract import (
    AnswerOutcome,
    AnswerVerdict,
    Destination,
    Limits,
    Option,
    PlatformAnswer,
    RefusedEvent,
    Request,
    Suppressed,
    Target,
    Terms,
)
from twofold.event.addressees import Names
from twofold.event.model import Content, Event

NAMES: Final[Mapping[str, str]] = {
    name: name
    for name in (  # [doc]
        "ViewContent", "Search", "AddToCart", "AddToWishlist", "InitiateCheckout", "AddPaymentInfo", "Purchase", "Lead",
        "CompleteRegistration", "Subscribe", "StartTrial", "Contact", "Schedule", "SubmitApplication", "FindLocation",
        "CustomizeProduct",
    )
}  # fmt: skip
"""A page view is no standard event of the server: `events = { PageView = "Pageview" }` sends it under the pixel's word."""

LIMITS: Final = Limits(
    batch=100,  # 1,000 taken [code], fewer than 100 advised
    request_bytes=1_000_000,  # [code]
    age_s=7 * 86_400,  # no number found; seven days in integrations
    idempotency_s=48 * 3600,  # [doc]
)

IDENTIFIERS: Final[Mapping[str, tuple[str, ...]]] = {
    "em": ("meta", "sent"),  # trimmed, lower-case: Meta's own form [doc]
    "ph": ("e164",),  # [doc]
    "fn": ("tiktok.fn", "sent"),  # [code]
    "ln": ("tiktok.ln", "sent"),  # [code]
    "external_id": ("tiktok.external_id", "sent"),  # [code]
}
_USER: Final = {
    "email": "em", "phone": "ph", "first_name": "fn", "last_name": "ln", "external_id": "external_id",
}  # fmt: skip

OPTIONS: Final[Mapping[str, Option]] = {
    "event_source": Option(
        meaning="What `remote_dataset` is: `web` (the default), a pixel's code, which is told what happened on the website; or "
        "`offline`, an event set, which is told the rest.",
        pattern="web|offline",
    ),
}

_DATA: Final = b',"data":['
_PLACE = re.compile(r"\b(?:[Bb]atch|data)\.(\d{1,4})\b")  # [code]
_GROUP: Final = "product_group"
_PROPERTIES: Final = ("description", "shop_id", "status")
MOST_TEXT: Final = 1_000  # of a property; no number is documented


# --- one event to bytes ---------------------------------------------------------------------------------------


def build(event: Event, name: str, terms: Terms) -> bytes | Suppressed:
    """One body with one event, ready to be joined with others of the same kind of source."""
    source = terms.options.get("event_source", "web")
    if event.action_source == "app" or (event.action_source == "website") != (source == "web"):
        return Suppressed("other_event_source")
    if source == "web" and not event.event_source_url:
        return Suppressed("missing_source_url")  # [code]
    user = _user(event)
    if not user:
        return Suppressed("no_identifier")
    if event.region:
        user["country"] = event.region[:2].lower()  # a country names nobody, and is wanted plain [code]
    page = parts.filled({"url": event.event_source_url, "referrer": event.referrer_url})
    made = {
        "event": name,
        "event_time": parts.happened_s(event),
        "event_id": event.event_id,
        "user": user,
        **parts.filled({"page": page, "properties": _properties(event)}),
    }
    made["limited_data_use"] = parts.is_limited(event)
    return parts.encode({"event_source": source, "data": [made]})


def _user(event: Event) -> dict[str, Any]:
    hashed = parts.people(event, IDENTIFIERS)
    one_or_list: dict[str, Any] = {}
    for there, field in _USER.items():
        found = hashed.get(field)
        if found:
            one_or_list[there] = found[0] if len(found) == 1 else found
    user = event.user_data
    return parts.filled(
        one_or_list
        | {
            "ttclid": event.click_ids.get("ttclid"),
            "ttp": event.click_ids.get("_ttp"),
            "ip": user.client_ip_address,
            "user_agent": user.client_user_agent,
            "locale": event.locale,
        }
    )


def _properties(event: Event) -> dict[str, Any]:
    data = event.custom_data
    contents: list[Any] = [_content(c) for c in data.contents] or [{"content_id": i} for i in data.content_ids]
    search = _cut(parts.text(data.other.get("search_string")))
    told = {key: data.other[key] for key in _PROPERTIES if isinstance(data.other.get(key), str)}
    return told | parts.filled(
        {
            "currency": data.currency,
            "value": parts.amount(data.value),
            "order_id": data.order_id,
            "content_type": _GROUP if data.content_type == _GROUP else "product" if contents else None,
            "contents": contents,
            "content_ids": list(data.content_ids),
            "num_items": data.num_items,
            "query": search,
            "search_string": search,
        }
    )


class _Line(Struct, omit_defaults=True, gc=False):
    """One of the goods; what is None is left out."""

    content_id: str | None = None
    content_name: str | None = None
    content_category: str | None = None
    brand: str | None = None
    price: Decimal | None = None
    quantity: int | None = None


def _content(content: Content) -> _Line:
    """``content_id`` is a text: a number is refused with 40002 [code]."""
    line, other = (
        _Line(content.id or None, price=parts.amount(content.item_price), quantity=content.quantity),
        content.other,
    )
    if other:
        line.content_name = _cut(parts.said(other, parts.TITLE))
        line.content_category = _cut(parts.said(other, parts.CATEGORY))
        line.brand = _cut(parts.said(other, parts.BRAND))
    return line


def _cut(text: str | None) -> str | None:
    return None if text is None else text[:MOST_TEXT]


# --- frozen bytes to one request ------------------------------------------------------------------------------


def group(payload: bytes) -> bytes:
    """One kind of source a request."""
    return parts.head_of(payload, _DATA)


def request(payloads: Sequence[bytes], target: Target, test_event_code: str | None) -> Request:
    """One POST. A test code stands at the top: inside of an event it is ignored [code]."""
    top = parts.encode(parts.filled({"event_source_id": target.remote_dataset, "test_event_code": test_event_code}))
    return Request(
        url=f"{target.endpoint}/open_api/{target.version}/event/track/",
        headers={"Content-Type": "application/json", "Access-Token": target.token},
        body=top[:-1] + b"," + parts.joined(payloads, _DATA)[1:],
    )


# --- one answer to its meaning --------------------------------------------------------------------------------

CODES: Final[Mapping[int, AnswerOutcome]] = {
    # [code]
    0: AnswerOutcome.ACCEPTED,
    20001: AnswerOutcome.PARTIAL,
    40000: AnswerOutcome.INVALID,
    40001: AnswerOutcome.CREDENTIALS,
    40002: AnswerOutcome.INVALID,
    40100: AnswerOutcome.THROTTLED,
    40101: AnswerOutcome.CREDENTIALS,
    40102: AnswerOutcome.CREDENTIALS,
    40104: AnswerOutcome.CREDENTIALS,
    40105: AnswerOutcome.CREDENTIALS,
}
TAKEN: Final = frozenset({0, 20001})


def classify(answer: PlatformAnswer, sent: int) -> AnswerVerdict:
    """The code of the body where there is one, else the status. A status that is a failure makes no yes of any code."""
    silent = parts.silence(answer)
    if silent is not None:
        return silent
    tree, status = parts.read_object(answer) or {}, answer.status or 0
    code = tree.get("code")
    if type(code) is not int or (code in TAKEN and not 200 <= status < 300):
        return _without_code(answer)
    outcome = AnswerOutcome.THROTTLED if status == 429 else _meaning(code)
    if outcome is AnswerOutcome.UNKNOWN and status >= 500:
        outcome = AnswerOutcome.TRANSIENT
    return AnswerVerdict(
        outcome=outcome,
        code=str(code),
        note="" if outcome is AnswerOutcome.ACCEPTED else parts.texts(tree.get("message")),
        wait_ms=parts.retry_after_ms(answer),
        trace=parts.trace(tree.get("request_id")),
        refused=_named(tree.get("message"), code, sent) if outcome is AnswerOutcome.INVALID else (),
    )


def _meaning(code: int) -> AnswerOutcome:
    if code in CODES:
        return CODES[code]
    if code >= 50_000:
        return AnswerOutcome.TRANSIENT
    return AnswerOutcome.CREDENTIALS if 40_300 <= code < 40_400 else AnswerOutcome.UNKNOWN  # forbidden [inferred]


def _without_code(answer: PlatformAnswer) -> AnswerVerdict:
    status = answer.status or 0
    if 200 <= status < 300:
        return AnswerVerdict(outcome=AnswerOutcome.AMBIGUOUS, code=f"http-{status}")
    return AnswerVerdict(outcome=parts.by_status(answer), code=f"http-{status}", wait_ms=parts.retry_after_ms(answer))


def _named(message: Any, code: int, sent: int) -> tuple[RefusedEvent, ...]:
    """The events whose places stand in the message."""
    return parts.refused_at(map(int, _PLACE.findall(message)), str(code), sent) if isinstance(message, str) else ()


TIKTOK: Final = Destination(
    platform="tiktok",
    title="TikTok",
    called=Names(parts=("tiktok",)),
    build=build,
    request=request,
    classify=classify,
    limits=LIMITS,
    endpoint="https://business-api.tiktok.com",
    version="v1.3",
    version_form=r"v\d+\.\d+",
    names=NAMES,
    custom=lambda name: name if name != "PageView" else None,
    identifiers=IDENTIFIERS,
    options=OPTIONS,
    group=group,
    left_out={
        "ct": "TikTok wants it in the clear",
        "st": "TikTok wants it in the clear",
        "country": "TikTok wants it in the clear: what an event says of the shopper's `region` leaves instead",
        "zp": "under which rule TikTok hashes it is not known",
        "db": "TikTok has no place for it",
        "ge": "TikTok has no place for it",
        "fbc": "Meta's own",
        "fbp": "Meta's own",
    },
    sources=(
        "business-api.tiktok.com, TikTok help pages (events, deduplication of May 2025)",
        "Segment action-destinations, RudderStack transformer, Stape server templates (code)",
    ),
    notes=(
        "`remote_dataset` is the pixel's code, `token` the access token of Events Manager.",
        "TikTok merges what its pixel and we tell within five minutes, and drops the later of two within 48 hours, where both have the "
        "same `event_id`: let its pixel send ours.",
        'A page view is sent only with `events = { PageView = "Pageview" }`.',
        "A phone number that came hashed is left out: TikTok's form has a plus that Meta's has not.",
    ),
)
