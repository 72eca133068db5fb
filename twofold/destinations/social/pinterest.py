"""Pinterest, Conversions API v5: an event's payload, a request, and what an answer says of each event.

Owns Pinterest's words. Its schema refuses unknown keys and numbers where it wants text, so nothing leaves that is not on its list.
Events that count as offline are never recognised as repeats.

Marks as in docs/destinations.md: [doc] official page or schema, [code] seen in public integrations, [inferred] concluded.
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
    PlatformAnswer,
    Request,
    Suppressed,
    Target,
    Terms,
)
from twofold.event.addressees import Names
from twofold.event.model import Content, Event

NAMES: Final[Mapping[str, str]] = {
    # [doc]
    "PageView": "page_visit", "ViewContent": "view_content", "Search": "search", "AddToCart": "add_to_cart",
    "AddToWishlist": "add_to_wishlist", "InitiateCheckout": "initiate_checkout", "AddPaymentInfo": "add_payment_info",
    "Purchase": "checkout", "Lead": "lead", "CompleteRegistration": "signup", "Subscribe": "subscribe",
    # On newer pages, not in the schema [code].
    "StartTrial": "start_trial", "Contact": "contact", "Schedule": "schedule", "SubmitApplication": "submit_application",
    "FindLocation": "find_location", "CustomizeProduct": "customize_product",
    # Lists of goods, by Segment's name and by Google's: a word of the schema [doc].
    "Product List Viewed": "view_category", "view_item_list": "view_category",
}  # fmt: skip

_OFFLINE: Final = ("physical_store", "phone_call", "email", "system_generated", "chat", "business_messaging", "other")
LIMITS: Final = Limits(
    batch=1_000,  # [doc]
    request_bytes=2_000_000,  # [code]
    age_s=7 * 86_400,  # not found [inferred]
    idempotency_s=3_600,  # an event that comes later counts as offline [code]
    idempotency_s_by_source=dict.fromkeys(_OFFLINE, 0),
)

IDENTIFIERS: Final[Mapping[str, tuple[str, ...]]] = {
    "em": ("meta", "sent"), "ph": ("meta", "sent"), "ge": ("meta", "sent"), "db": ("meta", "sent"),
    "ln": ("pinterest.ln", "sent"), "fn": ("pinterest.fn", "sent"), "ct": ("meta", "sent"), "st": ("meta", "sent"),
    "zp": ("meta", "sent"), "country": ("meta", "sent"), "external_id": ("meta", "sent"),
}  # fmt: skip

_TOLD: Final = ("search_string", "content_name", "content_category", "content_brand")


# --- one event to bytes ---------------------------------------------------------------------------------------


def build(event: Event, name: str, _terms: Terms) -> bytes | Suppressed:
    """One element of ``data``, or why the schema would refuse it."""
    source = _source(event)
    if source is None:
        return Suppressed("unknown_device")
    user = _user(event)
    if not user.get("em") and not ("client_ip_address" in user and "client_user_agent" in user):
        return Suppressed("no_identifier")  # click_id or external_id alone do not do [doc]
    made = {
        "event_name": name,
        "action_source": source,
        "event_time": parts.happened_s(event),
        "event_id": event.event_id,
        "user_data": user,
    }
    if event.event_source_url:
        made["event_source_url"] = event.event_source_url
    if custom := _custom(event):
        made["custom_data"] = custom
    if event.locale:
        made["language"] = event.locale[:2].lower()  # two letters [doc]
    if event.opt_out:
        made["opt_out"] = True
    return parts.encode(made)


def _source(event: Event) -> str | None:
    """web, app_ios, app_android or offline; None for an app of which nobody says on what it ran."""
    if event.action_source == "website":
        return "web"
    if event.action_source != "app":
        return "offline"
    extinfo = (event.app_data or {}).get("extinfo")
    word = extinfo[0] if isinstance(extinfo, list | tuple) and extinfo else ""
    return {"i2": "app_ios", "a2": "app_android"}.get(word if isinstance(word, str) else "")


def _user(event: Event) -> dict[str, Any]:
    user, found = event.user_data, parts.people(event, IDENTIFIERS)
    if user.client_ip_address:
        found["client_ip_address"] = user.client_ip_address
    if user.client_user_agent:
        found["client_user_agent"] = user.client_user_agent
    if click := event.click_ids.get("_epik") or event.click_ids.get("epik"):
        found["click_id"] = click
    return found


class _Custom(Struct, omit_defaults=True, gc=False):
    """What an event says beside its people; what is None is left out."""

    currency: str | None = None
    value: str | None = None
    order_id: str | None = None
    num_items: int | None = None
    content_ids: list[str] | None = None
    contents: list[_Line] | None = None
    opt_out_type: str | None = None
    search_string: str | None = None
    content_name: str | None = None
    content_category: str | None = None
    content_brand: str | None = None


_NOTHING: Final = _Custom()


def _custom(event: Event) -> _Custom | None:
    data = event.custom_data
    made = _Custom(data.currency or None, parts.amount_text(data.value), data.order_id or None, data.num_items)
    if data.contents:
        made.contents = [_content(c) for c in data.contents]
        made.content_ids = list(data.content_ids) or [c.id for c in data.contents]
    elif data.content_ids:
        made.content_ids = list(data.content_ids)
    if parts.is_limited(event):
        made.opt_out_type = "LDP"
    for key in _TOLD if data.other else ():
        told = data.other.get(key)
        if told and isinstance(told, str):
            setattr(made, key, told)
    return None if made == _NOTHING else made


class _Line(Struct, omit_defaults=True, gc=False):
    """One of the goods; what is None is left out."""

    id: str | None = None
    item_price: str | None = None
    quantity: int | None = None
    item_name: str | None = None
    item_category: str | None = None
    item_brand: str | None = None


def _content(content: Content) -> _Line:
    line = _Line(content.id or None, parts.amount_text(content.item_price), content.quantity)
    if content.other:
        line.item_name = parts.said(content.other, parts.TITLE)
        line.item_category = parts.said(content.other, parts.CATEGORY)
        line.item_brand = parts.said(content.other, parts.BRAND)
    return line


# --- frozen bytes to one request ------------------------------------------------------------------------------


def request(payloads: Sequence[bytes], target: Target, test_event_code: str | None) -> Request:
    """One POST; a test event code of any text has it checked and not recorded."""
    test = "?test=true" if test_event_code else ""
    return Request(
        url=f"{target.endpoint}/{target.version}/ad_accounts/{quote(target.remote_dataset, safe='')}/events{test}",
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {target.token}"},
        body=b'{"data":[' + b",".join(payloads) + b"]}",
    )


# --- one answer to its meaning --------------------------------------------------------------------------------

STATUSES: Final[dict[int, AnswerOutcome]] = parts.STATUSES | {400: AnswerOutcome.INVALID, 422: AnswerOutcome.INVALID}
FAILED: Final = "failed"
"""Pinterest's own word for an event; what it says of the reason is free text."""


def classify(answer: PlatformAnswer, sent: int) -> AnswerVerdict:
    """By the counters and the word on each event where they are, else by the status."""
    silent = parts.silence(answer)
    if silent is not None:
        return silent
    status, tree = answer.status or 0, parts.read_object(answer)
    counters = tree if tree is None or status != 422 or "events" in tree else tree.get("details")
    counted = _counted(counters, sent, status) if isinstance(counters, dict) and status in (200, 422) else None
    if counted is not None:
        return counted
    if 200 <= status < 300:
        return AnswerVerdict(outcome=AnswerOutcome.AMBIGUOUS, code=f"http-{status}")
    code = (tree or {}).get("code")
    return AnswerVerdict(
        outcome=parts.by_status(answer, statuses=STATUSES),
        code=str(code) if type(code) is int else f"http-{status}",
        note=parts.texts((tree or {}).get("message")),
        wait_ms=parts.retry_after_ms(answer),
    )


def _counted(tree: dict[str, Any], sent: int, status: int) -> AnswerVerdict | None:
    """What the counters and the list say; None where they are not there."""
    received, processed, told = tree.get("num_events_received"), tree.get("num_events_processed"), tree.get("events")
    if type(received) is not int or type(processed) is not int:
        return None
    events = parts.objects(told)
    failed = [n for n, one in enumerate(events) if one.get("status") == FAILED]
    note = parts.texts(*(events[n].get("error_message") for n in failed))
    code = f"http-{status}"
    if processed == received == sent and not failed:
        return AnswerVerdict(outcome=AnswerOutcome.ACCEPTED, code=code)
    if processed == 0:
        return AnswerVerdict(outcome=AnswerOutcome.INVALID, code=FAILED, note=note)
    if len(events) == sent and processed + len(failed) == sent:
        refused = parts.refused_at(failed, FAILED, sent)
        return AnswerVerdict(outcome=AnswerOutcome.ACCEPTED, code=code, note=note, refused=refused)
    return AnswerVerdict(outcome=AnswerOutcome.PARTIAL, code=code, note=note)


PINTEREST: Final = Destination(
    platform="pinterest",
    title="Pinterest",
    called=Names(parts=("pinterest",)),
    build=build,
    request=request,
    classify=classify,
    limits=LIMITS,
    endpoint="https://api.pinterest.com",
    version="v5",
    version_form=r"v\d+",
    names=NAMES,
    custom=lambda _: "custom",
    identifiers=IDENTIFIERS,
    left_out={"fbc": "Meta's own", "fbp": "Meta's own", "referrer_url": "Pinterest has no place for it"},
    sources=(
        "Pinterest OpenAPI 5.23.0 (events/create), developers.pinterest.com",
        "Segment action-destinations, Tealium connector manual (code)",
    ),
    notes=(
        "`remote_dataset` is the number of the ad account, `token` a conversion token.",
        "What reaches Pinterest more than an hour after it happened counts as offline there, and an offline event is never "
        "recognised as a repeat. So after a time-out an event is not sent again by itself: it stands among the dead as "
        "`ambiguous`, and `twofold revive` has it sent again.",
        "An event whose name Pinterest does not know leaves as `custom`; another name in `events` leaves as it is written.",
        "A request that is a test is checked and not recorded.",
    ),
)
