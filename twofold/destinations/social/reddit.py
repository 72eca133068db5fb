"""Reddit, Conversions API v3: an event's payload, a request, and what an answer says.

Owns Reddit's words. Whether a batch with one bad event is taken in part is not known for v3: a yes to another number than were sent
is partial, and a refusal is taken as one of all.

Marks as in docs/destinations.md: [doc] official page, [code] seen in public integrations, [inferred] concluded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote

from msgspec import Struct

from twofold.destinations import parts
from twofold.destinations.contract import (
    AnswerOutcome,
    AnswerVerdict,
    Destination,
    Limits,
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
    # [doc]
    "PageView": "PAGE_VISIT", "ViewContent": "VIEW_CONTENT", "Search": "SEARCH", "AddToCart": "ADD_TO_CART",
    "AddToWishlist": "ADD_TO_WISHLIST", "Purchase": "PURCHASE", "Lead": "LEAD", "CompleteRegistration": "SIGN_UP",
}  # fmt: skip
"""All else leaves as CUSTOM with its name."""

LIMITS: Final = Limits(
    batch=500,  # 1,000 [doc]
    request_bytes=2_000_000,  # not documented [inferred]
    age_s=7 * 86_400,  # [doc]
    idempotency_s=48 * 3600,  # [doc]
)

IDENTIFIERS: Final[Mapping[str, tuple[str, ...]]] = {
    "em": ("reddit.em", "sent"),  # [doc]
    "ph": ("e164",),  # [doc]
    "external_id": ("reddit.external_id", "sent"),  # [doc]
}

_STANDARD: Final = frozenset(NAMES.values())
_SOURCES: Final = {"website": "WEBSITE", "app": "APP", "physical_store": "PHYSICAL_STORE"}  # [doc]
# Its cookie has the milliseconds before it; routers hand on what stands behind them [code].
_UUID = re.compile(r"\d+\.(.+)|([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})")


# --- one event to bytes ---------------------------------------------------------------------------------------


def build(event: Event, name: str, _terms: Terms) -> bytes | Suppressed:
    """One element of ``events``; what names neither a person nor a click would be told for nothing."""
    user = _user(event)
    click = event.click_ids.get("rdt_cid") or event.click_ids.get("_rdt_cid")
    if not user and not click:
        return Suppressed("no_identifier")
    limited = _limited(event)
    if limited:
        user["data_processing_options"] = limited
    kind = {"tracking_type": name} if name in _STANDARD else {"tracking_type": "CUSTOM", "custom_event_name": name}
    made = {
        "event_at": parts.happened_s(event) * 1000,
        "action_source": _SOURCES.get(event.action_source, "OTHER"),
        **parts.filled({"event_source_url": event.event_source_url, "click_id": click}),
        "type": kind,
        "metadata": _metadata(event),
        **parts.filled({"user": user}),
    }
    return parts.encode(made)


def _user(event: Event) -> dict[str, Any]:
    user = event.user_data
    uuid = _UUID.fullmatch(event.click_ids.get("_rdt_uuid", ""))
    return parts.filled(
        {
            "email": parts.one_hex(event, "em", IDENTIFIERS["em"]),
            "phone_number": parts.one_hex(event, "ph", IDENTIFIERS["ph"]),
            "external_id": parts.one_hex(event, "external_id", IDENTIFIERS["external_id"]),
            "ip_address": user.client_ip_address,
            "user_agent": user.client_user_agent,
            "uuid": uuid[1] or uuid[2] if uuid else None,
        }
    )


def _limited(event: Event) -> dict[str, Any]:
    """The place is a country, and a part of it where that is known, as `US-CA` [inferred]."""
    if not parts.is_limited(event):
        return {}
    region = event.region or ""
    return {"modes": ["LDU"]} | parts.filled(
        {"country": region.partition("-")[0], "region": region if "-" in region else None}
    )


def _metadata(event: Event) -> dict[str, Any]:
    data = event.custom_data
    return {"conversion_id": event.event_id} | parts.filled(
        {
            "currency": data.currency,
            "value": parts.amount(data.value),
            "item_count": data.num_items,
            "products": [_product(c) for c in data.contents] or [{"id": i} for i in data.content_ids],
        }
    )


class _Line(Struct, omit_defaults=True, gc=False):
    """One of the goods; what is None is left out."""

    id: str | None = None
    name: str | None = None
    category: str | None = None
    item_price: Decimal | None = None
    quantity: int | None = None


def _product(content: Content) -> _Line:
    line = _Line(content.id or None, item_price=parts.amount(content.item_price), quantity=content.quantity)
    if content.other:
        line.name = parts.said(content.other, parts.TITLE)
        line.category = parts.said(content.other, parts.CATEGORY)
    return line


# --- frozen bytes to one request ------------------------------------------------------------------------------


def request(payloads: Sequence[bytes], target: Target, test_event_code: str | None) -> Request:
    """One POST; a test id stands beside the events."""
    test = b'"test_id":' + parts.encode(test_event_code) + b"," if test_event_code else b""
    return Request(
        url=f"{target.endpoint}/api/{target.version}/pixels/{quote(target.remote_dataset, safe='')}/conversion_events",
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {target.token}"},
        body=b'{"data":{' + test + b'"events":[' + b",".join(payloads) + b"]}}",
    )


# --- one answer to its meaning --------------------------------------------------------------------------------

STATUSES: Final[dict[int, AnswerOutcome]] = parts.STATUSES | {400: AnswerOutcome.INVALID, 422: AnswerOutcome.INVALID}
_PROCESSED = re.compile(r"processed (\d{1,6}) conversion")  # [code]
_PLACE = re.compile(r"\bevents(?:\.|\[)(\d{1,4})\b")  # [inferred]
_JSON_TYPE = re.compile(r"\bJSON\b", re.I)  # [code]


def classify(answer: PlatformAnswer, sent: int) -> AnswerVerdict:
    """A yes says to how many; of a refusal the status decides."""
    silent = parts.silence(answer)
    if silent is not None:
        return silent
    status, tree = answer.status or 0, parts.read_object(answer)
    if 200 <= status < 300:
        return AnswerVerdict(outcome=_yes(tree, sent), code=f"http-{status}")
    told = (tree or {}).get("error")
    error = told if isinstance(told, dict) else {}
    note = parts.texts(error.get("message"), (tree or {}).get("message"))
    outcome = parts.by_status(answer, statuses=STATUSES)
    if status == 403 and _JSON_TYPE.search(note):
        outcome = AnswerOutcome.INVALID  # an event's fault, which is told with this status, too
    refused = _named(error.get("fields"), status, sent) if outcome is AnswerOutcome.INVALID else ()
    return AnswerVerdict(
        outcome=outcome, code=f"http-{status}", note=note, wait_ms=parts.retry_after_ms(answer), refused=refused
    )


def _yes(tree: dict[str, Any] | None, sent: int) -> AnswerOutcome:
    data = (tree or {}).get("data")
    message = data.get("message") if isinstance(data, dict) else None
    if not isinstance(message, str):
        return AnswerOutcome.AMBIGUOUS
    count = _PROCESSED.search(message)
    return AnswerOutcome.ACCEPTED if count is None or int(count[1]) == sent else AnswerOutcome.PARTIAL


def _named(fields: Any, status: int, sent: int) -> tuple[RefusedEvent, ...]:
    """The events whose places stand in the names of the fields."""
    told = (one.get("field") for one in parts.objects(fields))
    found = (int(place) for text in told if isinstance(text, str) for place in _PLACE.findall(text))
    return parts.refused_at(found, f"http-{status}", sent)


REDDIT: Final = Destination(
    platform="reddit",
    title="Reddit",
    called=Names(parts=("reddit",)),
    build=build,
    request=request,
    classify=classify,
    limits=LIMITS,
    endpoint="https://ads-api.reddit.com",
    version="v3",
    version_form=r"v\d+",
    names=NAMES,
    custom=lambda name: name,
    identifiers=IDENTIFIERS,
    left_out={
        **dict.fromkeys(("fn", "ln", "db", "ge", "ct", "st", "zp", "country"), "Reddit has no place for it"),
        "fbc": "Meta's own",
        "fbp": "Meta's own",
        "referrer_url": "Reddit has no place for it",
        "order_id": "Reddit has one id of an event, and that is `event_id`",
        "content_type": "Reddit has no place for it",
    },
    sources=(
        "ads-api.reddit.com (Conversions API v3), Reddit help pages (events, deduplication)",
        "RudderStack transformer, Segment action-destinations (code)",
    ),
    notes=(
        "`remote_dataset` is the pixel's id, `token` a conversion access token of Events Manager.",
        "Our `event_id` is Reddit's `conversion_id`, in the clear: let its pixel send the same, in the clear, too. Reddit merges both "
        "within two days.",
        "What Reddit has no name for leaves as `CUSTOM` with our name.",
        "An e-mail address that came hashed leaves as it is: where its part before the @ has other signs than letters and digits, Reddit "
        "finds nobody. A phone number that came hashed is left out: Reddit's form has a plus that Meta's has not.",
        "A `test_event_code` is Reddit's test id.",
    ),
)
