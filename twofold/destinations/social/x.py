"""X (Twitter), Conversions API: an event's payload, a request, and what an answer says.

Owns X's words. An event is of one event source there, whose id the setting `events` has. X has no word for consent or limited use.

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

LIMITS: Final = Limits(
    batch=500,  # [doc]
    request_bytes=1_000_000,  # not documented [inferred]
    age_s=7 * 86_400,  # not documented; seven days in integrations [code]
    idempotency_s=48 * 3600,  # [code]
)

IDENTIFIERS: Final[Mapping[str, tuple[str, ...]]] = {
    "em": ("meta", "sent"),  # trimmed, lower-case: Meta's form [doc]
    "ph": ("e164",),  # [doc]
}


# --- one event to bytes ---------------------------------------------------------------------------------------


def build(event: Event, source: str, _terms: Terms) -> bytes | Suppressed:
    """One element of ``conversions``, of one event source."""
    if parts.is_limited(event):
        return Suppressed("limited_use")  # [inferred]
    people = _people(event)
    if not people:
        return Suppressed("no_identifier")
    data = event.custom_data
    made = {
        "conversion_time": f"{parts.moment_of(event)}.000Z",
        "event_id": source,
        "conversion_id": event.event_id,
        "identifiers": people,
        **parts.filled(
            {
                "value": parts.amount_text(data.value),
                "price_currency": data.currency,
                "number_items": data.num_items,
                "search_string": parts.text(data.other.get("search_string")),
                "contents": [_content(c) for c in data.contents] or [{"content_id": i} for i in data.content_ids],
            }
        ),
    }
    return parts.encode(made)


def _people(event: Event) -> list[dict[str, str]]:
    """Each an object of its own; address and agent are one, and only beside another [doc]."""
    click = event.click_ids.get("twclid") or event.click_ids.get("_twclid")
    named = [{"twclid": click}] if click else []
    named += [{"hashed_email": one} for one in parts.hexes(event, "em", IDENTIFIERS["em"])]
    named += [{"hashed_phone_number": one} for one in parts.hexes(event, "ph", IDENTIFIERS["ph"])]
    user = event.user_data
    if named and user.client_ip_address and user.client_user_agent:
        named.append({"ip_address": user.client_ip_address, "user_agent": user.client_user_agent})
    return named


class _Line(Struct, omit_defaults=True, gc=False):
    """One of the goods; what is None is left out."""

    content_id: str | None = None
    content_name: str | None = None
    content_price: Decimal | None = None
    num_items: int | None = None


def _content(content: Content) -> _Line:
    title = parts.said(content.other, parts.TITLE) if content.other else None
    return _Line(content.id or None, title, parts.amount(content.item_price), content.quantity)


# --- frozen bytes to one request ------------------------------------------------------------------------------


def request(payloads: Sequence[bytes], target: Target, _test_event_code: str | None) -> Request:
    """One POST. X has no test mode."""
    pixel = quote(target.remote_dataset, safe="")
    return Request(
        url=f"{target.endpoint}/{target.version}/measurement/conversions/{pixel}",
        headers={"Content-Type": "application/json", "X-Pixel-Token": target.token},
        body=b'{"conversions":[' + b",".join(payloads) + b"]}",
    )


# --- one answer to its meaning --------------------------------------------------------------------------------

STATUSES: Final[dict[int, AnswerOutcome]] = parts.STATUSES | {400: AnswerOutcome.INVALID}
_CODE = re.compile(r"[A-Z][A-Z_]{0,39}")


def classify(answer: PlatformAnswer, sent: int) -> AnswerVerdict:
    """A yes says to how many; of a refusal the status decides."""
    silent = parts.silence(answer)
    if silent is not None:
        return silent
    status, tree = answer.status or 0, parts.read_object(answer) or {}
    if 200 <= status < 300:
        return _yes(tree.get("data"), status, sent)
    errors = parts.objects(tree.get("errors"))
    first = errors[0].get("code") if errors else None
    return AnswerVerdict(
        outcome=parts.by_status(answer, statuses=STATUSES),
        code=first if isinstance(first, str) and _CODE.fullmatch(first) else f"http-{status}",
        note=parts.texts(*(part for one in errors for part in (one.get("parameter"), one.get("message")))),
        wait_ms=parts.retry_after_ms(answer),
    )


def _yes(data: Any, status: int, sent: int) -> AnswerVerdict:
    count = data.get("conversions_processed") if isinstance(data, dict) else None
    if type(count) is not int:
        return AnswerVerdict(outcome=AnswerOutcome.AMBIGUOUS, code=f"http-{status}")
    return AnswerVerdict(
        outcome=AnswerOutcome.ACCEPTED if count == sent else AnswerOutcome.PARTIAL,
        code=f"http-{status}",
        trace=parts.trace(data.get("debug_id")),
    )


X: Final = Destination(
    platform="x",
    title="X",
    called=Names(
        parts=("twitterads", "twitterpixel", "twitterconversion"),
        begins=("xads", "xpixel", "xconversion", "xaudience"),
        whole=("twitter", "x"),
    ),
    build=build,
    request=request,
    classify=classify,
    limits=LIMITS,
    endpoint="https://ads-api.x.com",
    version="12",
    version_form=r"\d{1,3}",
    needs_names=True,
    identifiers=IDENTIFIERS,
    left_out={
        **dict.fromkeys(("fn", "ln", "db", "ge", "ct", "st", "zp", "country", "external_id"), "X has no place for it"),
        "client_ip_address": "leaves beside an e-mail, a phone or a click, together with the user agent",
        "client_user_agent": "leaves beside an e-mail, a phone or a click, together with the address",
        "fbc": "Meta's own",
        "fbp": "Meta's own",
        "action_source": "the event source there says it",
        "event_source_url": "X has no place for it",
        "referrer_url": "X has no place for it",
        "order_id": "X has one id of an event, and that is `event_id`",
        "content_type": "which words X takes is not known",
    },
    sources=(
        "developer.x.com, docs.x.com (web conversions, measurement/conversions)",
        "RudderStack transformer, Stape server templates, public integrations of 2026 (code)",
    ),
    notes=(
        "Each event needs the id of a single event source of Events Manager, whole or its last part: "
        '`events = { Purchase = "tw-o8z6j-o9abc" }`. `remote_dataset` is the pixel\'s id.',
        "`token` is the pixel's token of Events Manager, sent as `X-Pixel-Token`; the older OAuth 1.0a with four secrets is not built.",
        "X merges what its pixel tells with ours where the pixel's `conversion_id` is our `event_id`, within 48 hours as integrations say.",
        "Address and user agent alone are not enough for X's own page, though some integrations send them: such events stay here.",
        "X has no word for consent or limited use: denied purposes and Limited Data Use keep an event here.",
        "X has no test mode: a test event code changes nothing there, and such an event counts.",
        "A phone number that came hashed is left out: X's form has a plus that Meta's has not. How old an event may be is not documented: "
        "we keep to seven days.",
    ),
)
