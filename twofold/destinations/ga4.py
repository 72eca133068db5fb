"""Google Analytics 4, Measurement Protocol: an event's payload, a request, and the little that an answer says.

Owns GA4's words. A request is of one browser (`client_id`), so events of several share none. The answer is 2xx to nearly
everything, a wrong secret and a wrong stream included: ACCEPTED means "handed over", and the debug address, which a
`test_event_code` of any text turns on, checks a body and records nothing.

Marks as in docs/destinations.md: [doc] official page, [code] seen in public integrations, [inferred] concluded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from twofold.destinations import parts
from twofold.destinations.contract import (
    AnswerOutcome,
    AnswerVerdict,
    Destination,
    Limits,
    Option,
    PlatformAnswer,
    Request,
    Suppressed,
    Target,
    Terms,
)
from twofold.event.addressees import Names
from twofold.event.click_ids import parse_fbp
from twofold.event.model import Content, Event

NAMES: Final[Mapping[str, str]] = {
    # [doc]
    "PageView": "page_view", "ViewContent": "view_item", "Search": "search", "AddToCart": "add_to_cart",
    "AddToWishlist": "add_to_wishlist", "InitiateCheckout": "begin_checkout", "AddPaymentInfo": "add_payment_info",
    "Purchase": "purchase", "Lead": "generate_lead", "CompleteRegistration": "sign_up",
    # No name of their own there: ours, by GA4's rules.
    "Subscribe": "subscribe", "StartTrial": "start_trial", "Contact": "contact", "Schedule": "schedule",
    "SubmitApplication": "submit_application", "FindLocation": "find_location", "CustomizeProduct": "customize_product",
    "Donate": "donate",
    # What a shop's sender calls by Segment's specification [doc of both, code of both routers].
    "Product List Viewed": "view_item_list", "Product Clicked": "select_item", "Product Removed": "remove_from_cart",
    "Cart Viewed": "view_cart", "Promotion Viewed": "view_promotion", "Promotion Clicked": "select_promotion",
    "Order Refunded": "refund", "Product Shared": "share", "Cart Shared": "share", "Signed In": "login",
}  # fmt: skip

LIMITS: Final = Limits(
    batch=25,  # [doc]
    request_bytes=120_000,  # 130 kB [inferred]
    age_s=72 * 3600,  # [doc]
    idempotency_s=0,  # a repeat counts twice, but for a purchase: see `_repeat_s`
)

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")  # [doc]
_BETWEEN = re.compile(r"[ .:/-]+")  # as both routers do [code]
_RESERVED_PREFIXES = ("_", "firebase_", "ga_", "google_", "gtag.")  # [doc]
_RESERVED = re.compile(r"session_start|first_visit|user_engagement|error|(?:app|ad|notification)_.*")  # [inferred]
_CLIENT = re.compile(r"GA\d\.[0-9-]+\.([0-9]+\.[0-9]+)")  # [inferred]
# As Google's tag, a Measurement Protocol body or a shop's order says it, without what the cookie has before it.
_BARE_CLIENT = re.compile(r"(?!GA\d\.)[A-Za-z0-9][A-Za-z0-9._-]{2,99}")
_SESSION = re.compile(r"GS1\.\d+\.(\d{9,11})(?:\.|$)|GS2\.\d+\.s(\d{9,11})(?:\$|$)")  # [inferred]
_EVENTS: Final = b',"events":['
_PURCHASE: Final = _EVENTS + b'{"name":"purchase",'

MAX_ITEMS: Final = 200  # [inferred]
MAX_PARAMS: Final = 25  # beside items [doc]
MAX_TEXT: Final = 100  # characters of a parameter [inferred]
_LONGER: Final = {"page_title": 300, "page_referrer": 420, "page_location": 1_000}  # [inferred]
ENGAGED_MS: Final = 1  # of an event of which nobody knows: 100 in examples [doc], 1 in both routers [code]

_RENAMED: Final = {"search_string": "search_term"}
_OF_PROMOTIONS: Final = _RENAMED | {"creative": "creative_slot", "position": "location_id"}
_RENAMED_OF: Final[Mapping[str, Mapping[str, str]]] = {
    # Segment's words for them, and Google's own [doc of both].
    "add_payment_info": _RENAMED | {"payment_method": "payment_type"},
    "add_shipping_info": _RENAMED | {"shipping_method": "shipping_tier"},
    "view_item_list": _RENAMED | {"list_id": "item_list_id", "content_category": "item_list_name"},
    "view_promotion": _OF_PROMOTIONS,
    "select_promotion": _OF_PROMOTIONS,
    "share": _RENAMED | {"share_via": "method"},
}
_OURS: Final = frozenset({"items", "transaction_id"})  # a shop's own property of these names is none of theirs
_ITEM: Final = {
    "title": "item_name", "name": "item_name", "brand": "item_brand", "category": "item_category", "variant": "item_variant",
    "position": "index",
    **{key: key for key in (  # [doc]; the last ten are on GA4's own page and in RudderStack's fixtures
        "item_name", "item_brand", "item_category", "item_variant", "discount", "coupon", "index",
        "item_category2", "item_category3", "item_category4", "item_category5", "affiliation", "item_list_id",
        "item_list_name", "location_id", "currency", "promotion_id", "promotion_name", "creative_name", "creative_slot",
    )},
}  # fmt: skip

_MADE_OF: Final = ("meta", "sent")  # rules whose hash of a customer's number a browser without an id is told apart by

OPTIONS: Final[Mapping[str, Option]] = {
    "without_cookie": Option(
        meaning="What becomes of an event whose browser has no `_ga` cookie: `suppress` (the default), or `visitor`, which sends it "
        "under a number made of Meta's browser id, else of the hash of its `external_id`, as a server or a shop's webhook names a customer; "
        "GA4 takes that for another user than its own tag does.",
        pattern="suppress|visitor",
    ),
    "unstated": Option(
        meaning="What is said of consent to ads where the shopper said nothing: `omit` (the default), `granted` or `denied`.",
        pattern="omit|granted|denied",
    ),
    "user_data": Option(
        meaning="`on` sends e-mail and phone hashes; only where the property has user-provided data turned on.",
        pattern="on|off",
    ),
    "device": Option(
        meaning="`on` sends the shopper's address and user agent, for geography and device.", pattern="on|off"
    ),
}


# --- one event to bytes ---------------------------------------------------------------------------------------


def custom_name(name: str) -> str | None:
    """Our own name where GA4's rules allow it, an underscore for a space, a point or a dash between words; None where
    they do not."""
    ours = NAMES.get(name) or _BETWEEN.sub("_", name.strip())
    fits = _NAME.fullmatch(ours) and not ours.startswith(_RESERVED_PREFIXES) and not _RESERVED.fullmatch(ours)
    return ours if fits else None


def build(event: Event, name: str, terms: Terms) -> bytes | Suppressed:
    """One body with one event, ready to be joined with others of the same browser and moment."""
    client = client_id(event) or (_made_client(event) if terms.options.get("without_cookie") == "visitor" else None)
    if client is None:
        return Suppressed("no_client_id")
    if name == "purchase" and not event.custom_data.order_id:
        return Suppressed("missing_order_id")  # transaction_id is required, and all that keeps it from counting twice
    body: dict[str, Any] = {"client_id": client, "timestamp_micros": parts.happened_s(event) * 1_000_000}
    consent = _consent(event, terms.options.get("unstated", "omit"))
    if consent:
        body["consent"] = consent
    if terms.options.get("user_data") == "on" and (user := _user_data(event)):
        body["user_data"] = user
    if terms.options.get("device") == "on":
        body |= parts.filled({
            "user_agent": event.user_data.client_user_agent, "ip_override": event.user_data.client_ip_address,
        })  # fmt: skip
    body["events"] = [{"name": name, "params": _params(event, name)}]
    return parts.encode(body)


def client_id(event: Event) -> str | None:
    """What GA4's own tag calls the browser, from its cookie or as the sender says it; never made up for a single event."""
    told = event.click_ids.get("_ga", "")
    found = _CLIENT.fullmatch(told)
    return found[1] if found else told if _BARE_CLIENT.fullmatch(told) else None


def session_id(event: Event) -> int | None:
    """The browser's session, from the cookie of the stream; of several streams the latest session."""
    found = [
        int(match[1] or match[2])
        for name, value in event.click_ids.items()
        if name.startswith("_ga_") and (match := _SESSION.match(value))
    ]
    return max(found, default=None)


def _made_client(event: Event) -> str | None:
    """The same number for every event of a browser: the two halves of Meta's browser id; else for every event of a customer."""
    known = parse_fbp(event.user_data.fbp) if event.user_data.fbp else None
    if known:
        return f"{int(known.payload) % 2**31}.{known.created_ms // 1000}"
    digest = parts.one_hex(event, "external_id", _MADE_OF)
    return f"{int(digest[:8], 16) % 2**31}.{int(digest[8:16], 16)}" if digest else None


def _consent(event: Event, unstated: str) -> dict[str, str]:
    """Both flags, or none where nothing was said; one that alone was left unsaid counts as denied."""
    data, personal = parts.allows(event, "ad_user_data"), parts.allows(event, "personalization")
    if data is None and personal is None:
        if unstated == "omit":
            return {}
        return {"ad_user_data": unstated.upper(), "ad_personalization": unstated.upper()}
    return {"ad_user_data": _word(data), "ad_personalization": _word(personal)}


def _word(allowed: bool | None) -> str:
    return "GRANTED" if allowed else "DENIED"


def _user_data(event: Event) -> dict[str, Any]:
    return parts.filled(
        {
            "sha256_email_address": parts.hexes(event, "em", IDENTIFIERS["em"]),
            "sha256_phone_number": parts.hexes(event, "ph", IDENTIFIERS["ph"]),
        }
    )


def _params(event: Event, name: str) -> dict[str, Any]:
    data = event.custom_data
    params: dict[str, Any] = parts.filled(
        {
            "session_id": session_id(event),
            "engagement_time_msec": ENGAGED_MS,
            "page_location": event.event_source_url,
            "page_referrer": event.referrer_url,
            "transaction_id": data.order_id if name in ("purchase", "refund") else None,
            "currency": data.currency,
            "value": parts.amount(data.value) if data.currency else None,  # a value needs its currency [doc]
            "content_type": data.content_type if name == "share" else None,
        }
    )
    renamed = _RENAMED_OF.get(name, _RENAMED)
    for key, value in data.other.items():
        if len(params) >= MAX_PARAMS:
            break
        key = renamed.get(key, key)
        if key not in params and _is_parameter(key) and _is_scalar(value):
            params[key] = value
    for key, value in params.items():
        if type(value) is str:
            params[key] = value[: _LONGER.get(key, MAX_TEXT)]
    items = [_item(c) for c in data.contents] or [{"item_id": i} for i in data.content_ids]
    if items:
        params["items"] = items[:MAX_ITEMS]
    return params


def _is_parameter(key: str) -> bool:
    return _NAME.fullmatch(key) is not None and not key.startswith(_RESERVED_PREFIXES) and key not in _OURS


def _is_scalar(value: Any) -> bool:
    """Lists, objects and null are refused [doc + code]."""
    return value is not None and not isinstance(value, dict | list | tuple)


def _item(content: Content) -> dict[str, Any]:
    item: dict[str, Any] = {"item_id": content.id[:MAX_TEXT]}
    for key, value in content.other.items():
        there = _ITEM.get(key)
        if there is None or there in item:
            continue
        if type(value) is str:
            item[there] = value[:MAX_TEXT]
        elif _is_scalar(value):
            item[there] = value
    if content.item_price is not None:
        item["price"] = parts.amount(content.item_price)
    if content.quantity is not None:
        item["quantity"] = content.quantity
    return item


# --- frozen bytes to one request ------------------------------------------------------------------------------


def group(payload: bytes) -> bytes:
    """Browser, moment and consent stand once in a request."""
    return parts.head_of(payload, _EVENTS)


def request(payloads: Sequence[bytes], target: Target, test_event_code: str | None) -> Request:
    """One POST. The secret has no other place than the query, so it is added at the socket."""
    debug = "/debug" if test_event_code else ""
    return Request(
        url=f"{target.endpoint}{debug}/mp/collect?measurement_id={quote(target.remote_dataset, safe='')}",
        query={"api_secret": target.token},
        headers={"Content-Type": "application/json"},
        body=parts.joined(payloads, _EVENTS),
    )


def _repeat_s(payload: bytes) -> int:
    """A purchase with its transaction_id is counted once [inferred]; anything else, a refund too, would count twice."""
    return LIMITS.age_s if _PURCHASE in payload and b'"transaction_id":' in payload else 0


# --- one answer to its meaning --------------------------------------------------------------------------------

STATUSES: Final[dict[int, AnswerOutcome]] = {
    # Google never says these; whoever does, as a server container behind a door, says nothing of the events.
    401: AnswerOutcome.CREDENTIALS,
    403: AnswerOutcome.CREDENTIALS,
    404: AnswerOutcome.MISDIRECTED,
    408: AnswerOutcome.TRANSIENT,  # a body that was not read to its end was told to nobody
    410: AnswerOutcome.MISDIRECTED,
    413: AnswerOutcome.TOO_LARGE,
    425: AnswerOutcome.TRANSIENT,
    429: AnswerOutcome.THROTTLED,  # [inferred]
}


def classify(answer: PlatformAnswer, _sent: int) -> AnswerVerdict:
    """2xx without a word is all that is ever said, but at the debug address, which names what is wrong. A page is somebody else's."""
    silent = parts.silence(answer)
    if silent is not None:
        return silent
    status = answer.status or 0
    if 200 <= status < 300 and parts.is_page(answer):
        return AnswerVerdict(outcome=AnswerOutcome.AMBIGUOUS, code=f"http-{status}")
    if 200 <= status < 300:
        return _judge_debug(parts.read_object(answer) or {}, status)
    outcome = parts.by_status(answer, statuses=STATUSES, rest=AnswerOutcome.INVALID)
    return AnswerVerdict(outcome=outcome, code=f"http-{status}", wait_ms=parts.retry_after_ms(answer))


def _judge_debug(tree: dict[str, Any], status: int) -> AnswerVerdict:
    found = tree.get("validationMessages")
    if not found or not isinstance(found, list):
        return AnswerVerdict(
            outcome=AnswerOutcome.ACCEPTED, note="checked, nothing is recorded" if found is not None else ""
        )
    first = found[0] if isinstance(found[0], dict) else {}
    code = str(first.get("validationCode") or f"http-{status}")
    return AnswerVerdict(
        outcome=AnswerOutcome.INVALID,
        code=code if re.fullmatch(r"[A-Z_]{1,40}", code) else f"http-{status}",
        note=parts.texts(*(f"{m.get('fieldPath')}: {m.get('description')}" for m in found if isinstance(m, dict))),
    )


IDENTIFIERS: Final[Mapping[str, tuple[str, ...]]] = {"em": ("google.em", "sent"), "ph": ("e164",)}

GA4: Final = Destination(
    platform="ga4",
    title="Google Analytics 4",
    called=Names(parts=("googleanalytics",), begins=("ga4",), whole=("ga",), refused_by=("google",)),
    build=build,
    request=request,
    classify=classify,
    limits=LIMITS,
    endpoint="https://www.google-analytics.com",
    names=NAMES,
    custom=custom_name,
    only=frozenset({"Purchase"}),
    purposes=("analytics",),
    identifiers=IDENTIFIERS,
    options=OPTIONS,
    group=group,
    repeat_s=_repeat_s,
    left_out={
        "em": "leaves only with the option user_data on",
        "ph": "leaves only with the option user_data on",
        "external_id": "user_id must not be made of a customer's data",
        "fn": "names would need city and postal code beside them in the clear",
        "ln": "names would need city and postal code beside them in the clear",
        "client_ip_address": "leaves only with the option device on",
        "client_user_agent": "leaves only with the option device on",
        "event_id": "GA4 knows no id of an event; a purchase has its transaction_id",
        "action_source": "GA4 has no place for it",
    },
    sources=(
        "developers.google.com/analytics/devguides/collection/protocol/ga4 (reference, events, validating)",
        "Segment action-destinations, RudderStack transformer, Stape server templates (code)",
    ),
    notes=(
        "Only Purchase is sent unless `only` says more: GA4 counts an event twice that its own tag and we send, and only a purchase "
        "has a `transaction_id` by which it might not. Have one side send each of the others.",
        "`remote_dataset` is the measurement id (`G-…`), `token` the Measurement Protocol API secret. GA4 answers 2xx to a wrong "
        "one, too: look at Realtime, not at the answer.",
        "An event needs its browser's `_ga` cookie; with the cookie of its stream (`_ga_…`) it joins the session. "
        "Our tag reads both.",
        'The server in the EU is `endpoint = "https://region1.google-analytics.com"`.',
    ),
)
