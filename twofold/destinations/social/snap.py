"""Snapchat, Conversions API v3: an event's payload, a request, and what the status of an answer means.

Owns Snap's words. Answers have several shapes: only their status is read. The token has no documented place but the query.

Marks as in docs/destinations.md: [doc] official page, [code] seen in public integrations, [inferred] concluded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from msgspec import Struct

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
from twofold.event.model import Content, Event
from twofold.event.vocabulary import HASHED_FIELDS

NAMES: Final[Mapping[str, str]] = {
    # [doc]
    "PageView": "PAGE_VIEW", "ViewContent": "VIEW_CONTENT", "Search": "SEARCH", "AddToCart": "ADD_CART",
    "AddToWishlist": "ADD_TO_WISHLIST", "InitiateCheckout": "START_CHECKOUT", "AddPaymentInfo": "ADD_BILLING",
    "Purchase": "PURCHASE", "CompleteRegistration": "SIGN_UP", "Subscribe": "SUBSCRIBE", "StartTrial": "START_TRIAL",
    "Schedule": "RESERVE",
    # What Meta has no event for, by Segment's name and by Google's [doc for the name, code for the pair].
    "Product List Viewed": "LIST_VIEW", "view_item_list": "LIST_VIEW", "Promotion Viewed": "AD_VIEW", "view_promotion": "AD_VIEW",
    "Promotion Clicked": "AD_CLICK", "select_promotion": "AD_CLICK", "Product Shared": "SHARE", "Cart Shared": "SHARE",
    "share": "SHARE",
}  # fmt: skip
"""What has no name there gets one of CUSTOM_EVENT_1 to 5 from the setting `events`."""

LIMITS: Final = Limits(
    batch=1_000,  # 2,000 [code]
    request_bytes=2_000_000,  # [code]
    age_s=7 * 86_400,  # 37 days [doc], 28 and 7 [code]
    idempotency_s=48 * 3600,  # [code]
)

IDENTIFIERS: Final[Mapping[str, tuple[str, ...]]] = dict.fromkeys(HASHED_FIELDS, ("meta", "sent"))  # Meta's forms [doc]

OPTIONS: Final[Mapping[str, Option]] = {
    "event_source": Option(
        meaning="What `remote_dataset` is: `pixel` (the default), which is told what happened on the website and outside of it; or "
        "`app`, the app's id at Snap, which is told what happened in the app.",
        pattern="pixel|app",
    ),
}

_SOURCES: Final = {"website": "WEB", "app": "MOBILE_APP"}  # [doc]
_APP: Final = ("advertiser_tracking_enabled", "application_tracking_enabled", "extinfo")  # [doc]
_TOLD: Final = (  # [doc]: texts of the official SDK's type
    "brands", "content_category", "content_name", "delivery_category", "event_tag", "search_string", "sign_up_method", "status",
)  # fmt: skip


# --- one event to bytes ---------------------------------------------------------------------------------------


def build(event: Event, name: str, terms: Terms) -> bytes | Suppressed:
    """One element of ``data``."""
    is_app = event.action_source == "app"
    if is_app != (terms.options.get("event_source") == "app"):
        return Suppressed("other_event_source")
    user = _user(event)
    if not user.keys() & {"em", "ph", "madid"} and not {"client_ip_address", "client_user_agent"} <= user.keys():
        return Suppressed("no_identifier")  # [doc]
    app = {key: event.app_data[key] for key in _APP if key in event.app_data} if is_app and event.app_data else {}
    made = {
        "event_name": name,
        "action_source": _SOURCES.get(event.action_source, "OFFLINE"),
        "event_time": parts.happened_s(event),
        "event_id": event.event_id,
        "user_data": user,
        **parts.filled({"event_source_url": event.event_source_url, "custom_data": _custom(event), "app_data": app}),
    }
    if parts.is_limited(event):
        made["data_processing_options"] = ["LMU"]
    return parts.encode(made)


def _user(event: Event) -> dict[str, Any]:
    user, clicks = event.user_data, event.click_ids
    return parts.people(event, IDENTIFIERS) | parts.filled(
        {
            "client_ip_address": user.client_ip_address,
            "client_user_agent": user.client_user_agent,
            "madid": parts.text(user.other.get("madid")),
            "sc_click_id": clicks.get("ScCid") or clicks.get("sclid") or clicks.get("_scclid"),
            "sc_cookie1": clicks.get("_scid"),
        }
    )


def _custom(event: Event) -> dict[str, Any]:
    """Numbers are texts, as in the page's examples [doc]."""
    data = event.custom_data
    told = {key: parts.text(data.other.get(key)) for key in _TOLD} if data.other else {}
    return parts.filled(
        told
        | {
            "currency": data.currency,
            "value": parts.amount_text(data.value),
            "order_id": data.order_id,
            "content_type": data.content_type,
            "num_items": _number(data.num_items),
            "content_ids": list(data.content_ids) or [c.id for c in data.contents],
            "contents": [_content(c) for c in data.contents],
        }
    )


class _Line(Struct, omit_defaults=True, gc=False):
    """One of the goods; what is None is left out."""

    id: str | None = None
    quantity: str | None = None
    item_price: str | None = None
    brand: str | None = None
    delivery_category: str | None = None


def _content(content: Content) -> _Line:
    line = _Line(content.id or None, _number(content.quantity), parts.amount_text(content.item_price))
    if content.other:
        line.brand = parts.said(content.other, parts.BRAND)
        line.delivery_category = parts.text(content.other.get("delivery_category")) or None
    return line


def _number(value: int | None) -> str | None:
    return None if value is None else str(value)


# --- frozen bytes to one request ------------------------------------------------------------------------------


def request(payloads: Sequence[bytes], target: Target, test_event_code: str | None) -> Request:
    """One POST; a test event code of any text has it checked and not recorded [code]."""
    check = "/validate" if test_event_code else ""
    return Request(
        url=f"{target.endpoint}/{target.version}/{quote(target.remote_dataset, safe='')}/events{check}",
        query={"access_token": target.token},
        headers={"Content-Type": "application/json"},
        body=b'{"data":[' + b",".join(payloads) + b"]}",
    )


# --- one answer to its meaning --------------------------------------------------------------------------------

STATUSES: Final[dict[int, AnswerOutcome]] = parts.STATUSES | {400: AnswerOutcome.INVALID}  # [code]
INVALID: Final = "INVALID"  # [code]: with 400; with 200 from the address that only checks [inferred]


def classify(answer: PlatformAnswer, _sent: int) -> AnswerVerdict:
    """By the status; a yes is empty or an object, a page is none, and one that calls the request invalid in its body is a refusal."""
    silent = parts.silence(answer)
    if silent is not None:
        return silent
    status, tree = answer.status or 0, parts.read_object(answer)
    if 200 <= status < 300 and (tree or {}).get("status") == INVALID:
        return AnswerVerdict(
            outcome=AnswerOutcome.INVALID, code=f"http-{status}", note=parts.texts((tree or {}).get("reason"))
        )
    if 200 <= status < 300:
        is_theirs = tree is not None or not answer.body
        outcome = AnswerOutcome.ACCEPTED if is_theirs else AnswerOutcome.AMBIGUOUS
        return AnswerVerdict(outcome=outcome, code=f"http-{status}")
    return AnswerVerdict(
        outcome=parts.by_status(answer, statuses=STATUSES),
        code=f"http-{status}",
        note=parts.texts((tree or {}).get("reason")),
        wait_ms=parts.retry_after_ms(answer),
    )


SNAP: Final = Destination(
    platform="snap",
    title="Snapchat",
    called=Names(parts=("snapchat", "snappixel", "snapconversion", "snapads", "snapaudience"), whole=("snap",)),
    build=build,
    request=request,
    classify=classify,
    limits=LIMITS,
    endpoint="https://tr.snapchat.com",
    version="v3",
    version_form=r"v\d+",
    names=NAMES,
    identifiers=IDENTIFIERS,
    options=OPTIONS,
    left_out={
        "fbc": "Meta's own",
        "fbp": "Meta's own",
        "referrer_url": "Snap has no place for it",
    },
    sources=(
        "developers.snap.com (Conversions API v3, parameters); Snap's business-sdk-v3 (types of custom_data)",
        "Segment action-destinations, RudderStack transformer, Stape server templates, Tealium connector manual (code)",
    ),
    notes=(
        "`remote_dataset` is the pixel's id, `token` the Conversions API token of the Business Manager. The token stands in the "
        "query, the only place that Snap documents: it is added at the socket and stands in no log of ours.",
        "Snap merges what its pixel tells with ours where the pixel's `client_dedup_id` is our `event_id`, within 48 hours.",
        'What has no name at Snap leaves under one of its five own: `events = { Lead = "CUSTOM_EVENT_1" }`; the pixel\'s name and ours '
        "must be the same.",
        "A request that is a test goes to `/events/validate`, which checks and does not record.",
        "How old an event may be is said in three ways (37, 28 and 7 days): we keep to 7.",
    ),
)
