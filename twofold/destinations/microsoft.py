"""Microsoft Advertising, UET Conversions API: an event's payload, a request, and what an answer says.

Owns Microsoft's words. `continueOnValidationError` is false, so a request is taken whole or not at all, and the details name the
places. What the details repeat of an event is personal data and is read by nobody.

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
    Request,
    Suppressed,
    Target,
    Terms,
)
from twofold.event.addressees import Names
from twofold.event.model import Content, Event
from twofold.event.scalars import lenient_amount

PAGE_LOAD: Final = "pageLoad"  # [doc]
NAMES: Final[Mapping[str, str]] = {
    "PageView": PAGE_LOAD,
    # What a goal matches is any text; these are the words of integrations [code].
    "ViewContent": "view_item", "Search": "search", "AddToCart": "add_to_cart", "AddToWishlist": "add_to_wishlist",
    "InitiateCheckout": "begin_checkout", "AddPaymentInfo": "add_payment_info", "Purchase": "purchase",
    "Lead": "generate_lead", "CompleteRegistration": "sign_up", "Subscribe": "subscribe", "StartTrial": "start_trial",
    "Contact": "contact", "Schedule": "schedule",
}  # fmt: skip

LIMITS: Final = Limits(
    batch=500,  # 1,000 [doc]
    request_bytes=1_000_000,  # [code]
    age_s=7 * 86_400,  # [doc]
    idempotency_s=0,  # the window is not known
)

# What a sender says in UET's own words -> the field [doc; the names of the properties: code].
_TEXTS: Final = (
    ("event_category", "eventCategory"),
    ("event_label", "eventLabel"),
    ("ecomm_category", "ecommCategory"),
)
_PAGE_TYPES: Final = frozenset(("home", "product", "category", "searchresults", "cart", "purchase", "other"))  # [doc]
_PAGE_LOAD_ID: Final = re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")  # a UUID [doc]

IDENTIFIERS: Final[Mapping[str, tuple[str, ...]]] = {"em": ("microsoft.em", "sent")}  # [code]


# --- one event to bytes ---------------------------------------------------------------------------------------


def build(event: Event, name: str, _terms: Terms) -> bytes | Suppressed:
    """One element of ``data``."""
    is_page = name == PAGE_LOAD
    if is_page and not event.event_source_url:
        return Suppressed("missing_source_url")  # [doc]
    user = _user(event)
    if not user:
        return Suppressed("no_identifier")  # [doc]
    made = {
        "eventType": PAGE_LOAD if is_page else "custom",
        **({} if is_page else {"eventName": name}),
        "eventId": event.event_id,
        "eventTime": parts.happened_s(event),
        **parts.filled(
            {
                "eventSourceUrl": event.event_source_url,
                "referrerUrl": event.referrer_url,
                "adStorageConsent": _consent(event),
                "pageLoadId": _page_load_id(event),
            }
        ),
        "userData": user,
        **parts.filled({"customData": _custom(event, name)}),
    }
    return parts.encode(made)


def _page_load_id(event: Event) -> str | None:
    """What joins the events of one page, where the page's tag said it."""
    told = parts.text(event.custom_data.other.get("page_load_id"))
    return told if told and _PAGE_LOAD_ID.fullmatch(told) else None


def _consent(event: Event) -> str | None:
    """Storage for ads is our marketing; a no to the data that it carries is a no to it as well."""
    said = [parts.allows(event, purpose) for purpose in ("marketing", "ad_user_data")]
    return "D" if False in said else "G" if said[0] else None


def _user(event: Event) -> dict[str, Any]:
    user, clicks = event.user_data, event.click_ids
    return parts.filled(
        {
            "em": parts.one_hex(event, "em", IDENTIFIERS["em"]),
            "msclkid": clicks.get("msclkid") or clicks.get("_uetmsclkid", "").removeprefix("_uet"),  # [inferred]
            "anonymousId": clicks.get("_uetvid"),  # [inferred]
            "clientIpAddress": user.client_ip_address,
            "clientUserAgent": user.client_user_agent,
        }
    )


def _custom(event: Event, name: str) -> dict[str, Any]:
    data = event.custom_data
    return parts.filled(
        {
            "transactionId": data.order_id,
            "value": parts.amount(data.value),
            # The field is of the page [doc]; that goals of custom events compare it, beside `value` as money, is of integrations [code].
            "eventValue": parts.amount(data.value),
            "currency": data.currency,
            "pageType": _page_type(data.other) or ("purchase" if name == "purchase" else None),
            "ecommTotalValue": parts.amount(lenient_amount(data.other.get("ecomm_total_value"))),
            **{theirs: parts.text(data.other.get(ours)) for ours, theirs in _TEXTS if ours in data.other},
            "searchTerm": parts.text(data.other.get("search_string")),
            "itemIds": list(data.content_ids) or [c.id for c in data.contents],
            "items": [_item(c) for c in data.contents],
        }
    )


def _page_type(other: Mapping[str, Any]) -> str | None:
    told = parts.text(other.get("page_type"))
    return told if told in _PAGE_TYPES else None


class _Line(Struct, omit_defaults=True, gc=False):
    """One of the goods; what is None is left out."""

    id: str | None = None
    name: str | None = None
    price: Decimal | None = None
    quantity: int | None = None


def _item(content: Content) -> _Line:
    title = parts.said(content.other, parts.TITLE) if content.other else None
    return _Line(content.id or None, title, parts.amount(content.item_price), content.quantity)


# --- frozen bytes to one request ------------------------------------------------------------------------------


def request(payloads: Sequence[bytes], target: Target, _test_event_code: str | None) -> Request:
    """One POST. Microsoft has no test mode."""
    return Request(
        url=f"{target.endpoint}/{target.version}/{quote(target.remote_dataset, safe='')}/events",
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {target.token}"},
        body=b'{"data":[' + b",".join(payloads) + b'],"continueOnValidationError":false}',
    )


# --- one answer to its meaning --------------------------------------------------------------------------------

STATUSES: Final[dict[int, AnswerOutcome]] = parts.STATUSES | {400: AnswerOutcome.INVALID}


def classify(answer: PlatformAnswer, sent: int) -> AnswerVerdict:
    """The details decide where there are some that are no mere warnings; else the status, and the number it received."""
    silent = parts.silence(answer)
    if silent is not None:
        return silent
    status, tree = answer.status or 0, parts.read_object(answer) or {}
    told = tree.get("error")
    error = told if isinstance(told, dict) else {}
    code, trace = f"http-{status}", parts.trace(tree.get("traceId"))
    faults = [d for d in parts.objects(error.get("details")) if d.get("isWarning") is not True]
    if faults and status in (200, 400):
        refused = parts.refused_at((d["index"] for d in faults if type(d.get("index")) is int), code, sent)
        return AnswerVerdict(
            outcome=AnswerOutcome.INVALID, code=code, trace=trace, refused=refused,
            note=parts.texts(*(d.get("propertyName") for d in faults)),
        )  # fmt: skip
    if 200 <= status < 300:
        return AnswerVerdict(outcome=_yes(tree, sent), code=code, trace=trace)
    return AnswerVerdict(
        outcome=parts.by_status(answer, statuses=STATUSES), code=code, trace=trace, wait_ms=parts.retry_after_ms(answer)
    )


def _yes(tree: dict[str, Any], sent: int) -> AnswerOutcome:
    received = tree.get("eventsReceived")
    if type(received) is not int:
        return AnswerOutcome.AMBIGUOUS
    return AnswerOutcome.ACCEPTED if received == sent else AnswerOutcome.PARTIAL


MICROSOFT: Final = Destination(
    platform="microsoft",
    title="Microsoft Advertising",
    called=Names(
        parts=("bingads", "bingcapi", "microsoftads", "microsoftbing", "microsoftadvertising", "microsoftuet"),
        whole=("microsoft", "bing"),
    ),
    build=build,
    request=request,
    classify=classify,
    limits=LIMITS,
    endpoint="https://capi.uet.microsoft.com",
    version="v1",
    version_form=r"v\d+",
    names=NAMES,
    custom=lambda name: name,
    identifiers=IDENTIFIERS,
    left_out={
        "ph": "three sources hash it in three ways",
        "external_id": "Microsoft wants it in the clear",
        **dict.fromkeys(("fn", "ln", "db", "ge", "ct", "st", "zp", "country"), "Microsoft has no place for it"),
        "fbc": "Meta's own",
        "fbp": "Meta's own",
        "action_source": "Microsoft has no place for it",
        "limited_use": "Microsoft has no word for it; keep such events here by `purposes`",
        "content_type": "Microsoft has no place for it",
        "num_items": "Microsoft has no place for it",
    },
    sources=(
        "learn.microsoft.com/advertising (UET Conversions API)",
        "Segment action-destinations, public integrations (code)",
    ),
    notes=(
        "`remote_dataset` is the number of the UET tag, `token` the tag's token; a new one needs up to a quarter of an hour to work. A "
        "conversion goal on the tag must exist, and what it matches is the event's name there.",
        "Microsoft knows an event that its UET tag told, too, by tag, name and `event_id`; for how long is not documented: after a "
        "time-out an event is not sent again by itself, it stands among the dead as `ambiguous`, and `twofold revive` has it sent again.",
        "Of e-mail addresses the form without dots and +tag is sent, as integrations cite the guide; click id, address and user agent are "
        "the surer ones. A phone number is not sent: three sources hash it in three ways.",
        "Properties in the words of its tag are told in their fields: `event_category`, `event_label`, `ecomm_category`, `ecomm_total_value`, "
        "`page_type` where it is one of its seven, `page_load_id` where it is a UUID.",
        "Microsoft has no test mode: a test event code changes nothing there, and such an event counts.",
    ),
)
