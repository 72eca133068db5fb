"""The pixel endpoint ``/tr``: one browser event per request, in every transport of the genuine pixel.

Owns the mapping of request parameters to an event. It never fails visibly: whatever comes, a 1x1 image goes back.
Source: recorded requests of fbevents.js 2.9.178 and Meta for Developers, "Image pixel", read September 2026. The noscript image is the same endpoint with less in it.
Contact values that are not SHA-256 are left out, because they would stand here in the clear.
"""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from msgspec import Struct
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from twofold.event.vocabulary import CONTACT_ALIASES, MAX_CUSTOM_NAME
from twofold.sandbox.judge.diagnostics import Seen, diagnose
from twofold.sandbox.settings import Sandbox
from twofold.sandbox.wire.answers import RefusalKind, Refused, new_trace_id
from twofold.sandbox.wire.dedup import Source
from twofold.sandbox.wire.envelope import decode_json, read_body, read_form
from twofold.sandbox.wire.flags import flags_of
from twofold.sandbox.wire.identifiers import comparable_fbp, comparable_values
from twofold.sandbox.wire.masking import mask_value, may_hold_contact
from twofold.sandbox.wire.received import Arrival, RefusedEntry, encode_event
from twofold.sandbox.wire.rules import HASHED_KEYS, amount, is_hash

GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
HEADERS = {
    "cache-control": "no-cache, no-store, must-revalidate, private",
    "access-control-allow-origin": "*",
    "x-content-type-options": "nosniff",
}

_DATASET = re.compile(r"\d{1,32}")
_PART = re.compile(r"(cd|ud|udff)\[([^\]]{1,100})\]")
_log = logging.getLogger(__name__)


class Hit(Struct, kw_only=True):
    """The parameters of one request, sorted into plain ones, custom data and user data."""

    plain: dict[str, str]
    custom_data: dict[str, Any]
    user_data: dict[str, Any]
    diagnostics: list[str]


def routes(sandbox: Sandbox) -> list[Route]:
    async def pixel(request: Request) -> Response:
        return await answer_pixel(sandbox, request)

    methods = ["GET", "POST", "OPTIONS"]
    return [Route("/tr", pixel, methods=methods), Route("/tr/", pixel, methods=methods)]


async def answer_pixel(sandbox: Sandbox, request: Request) -> Response:
    """Always the image, even when nothing could be kept; the refused list then says why."""
    if request.method in ("GET", "POST"):
        now = sandbox.clock()
        try:
            pairs = await _pairs(request)
            _keep(sandbox, arrival_from(pairs, request.headers, _address(request), now), now)
        except Refused as refused:
            sandbox.inbox.refuse(_entry(refused, request.query_params.get("id", ""), now))
        except ClientDisconnect:
            pass  # a page that closed in the middle of its request
        except Exception:
            # A defect of ours must not break the shop's page; it must not be silent either.
            _log.exception("pixel request could not be kept")
    return Response(GIF, media_type="image/gif", headers=HEADERS)


def arrival_from(pairs: Iterable[tuple[str, str]], headers: Any, address: str | None, now_ms: int) -> Arrival:
    """One pixel request as the event it stands for. Raises `Refused` without a dataset or an event name."""
    hit = sort_parameters(pairs)
    plain = hit.plain
    if not _DATASET.fullmatch(plain.get("id", "")):
        raise Refused(RefusalKind.WRONG_DATASET, "id: expected a dataset id", blame=("id",))
    name = plain.get("ev", "")
    if not name:
        raise Refused(RefusalKind.NAME_MISSING, blame=("ev",))
    if len(name) > MAX_CUSTOM_NAME:
        raise Refused(RefusalKind.NAME_INVALID, f"expected 1 to {MAX_CUSTOM_NAME} characters", blame=("ev",))
    event = event_from(hit, headers.get("user-agent"), address, now_ms)
    value, currency = _money(hit)
    found = (*hit.diagnostics, *diagnose(_seen(event, value, currency, now_ms)))
    if may_hold_contact(encode_event(event)):
        event = mask_value(event)
    user_data = event["user_data"]
    return Arrival(
        dataset=plain["id"],
        event_name=event["event_name"],
        event_time=event["event_time"],
        source=Source.BROWSER,
        event=encode_event(event),
        event_id=event.get("event_id"),
        event_source_url=event.get("event_source_url"),
        user_keys=tuple(user_data),
        fbp=comparable_fbp(user_data.get("fbp")),
        external_ids=comparable_values(user_data.get("external_id")),
        value=value,
        currency=currency,
        order_id=_order_id(event.get("custom_data", {})),
        diagnostics=found,
        client=plain.get("a") or headers.get("user-agent"),
        flags=flags_of(event),
    )


def _seen(event: dict[str, Any], value: Decimal | None, currency: str | None, now_ms: int) -> Seen:
    return Seen(
        source=Source.BROWSER,
        event_name=event["event_name"],
        event_time=event["event_time"],
        action_source="website",
        user_data=event["user_data"],
        custom_data=event.get("custom_data", {}),
        value=value,
        currency=currency,
        event=event,
        now_s=now_ms // 1000,
    )


def _order_id(custom_data: dict[str, Any]) -> str | None:
    """The order's number, unless it travelled as a list or an object."""
    value = custom_data.get("order_id")
    return value if isinstance(value, str) and value else None


def sort_parameters(pairs: Iterable[tuple[str, str]]) -> Hit:
    """``ud`` (given by the site) and ``udff`` (read from forms) are one user_data; a second value makes a list."""
    hit = Hit(plain={}, custom_data={}, user_data={}, diagnostics=[])
    for name, value in pairs:
        part = _PART.fullmatch(name)
        if part is None:
            hit.plain.setdefault(name, value)
        elif part[1] == "cd":
            hit.custom_data[part[2]] = _custom_value(value)
        elif value:
            _add_user_value(hit, CONTACT_ALIASES.get(part[2], part[2]), value)
    return hit


def event_from(hit: Hit, user_agent: str | None, address: str | None, now_ms: int) -> dict[str, Any]:
    """The server event that one pixel hit stands for."""
    plain = hit.plain
    user_data = dict(hit.user_data)
    for key, value in (
        ("fbp", plain.get("fbp")),
        ("fbc", plain.get("fbc")),
        ("client_ip_address", address),
        ("client_user_agent", user_agent),
    ):
        if value:
            user_data[key] = value
    event: dict[str, Any] = {
        "event_name": plain["ev"],
        "event_time": _seconds(plain.get("ts"), now_ms),
        "action_source": "website",
        "user_data": user_data,
    }
    for key, name in (("event_id", "eid"), ("event_source_url", "dl"), ("referrer_url", "rl")):
        if plain.get(name):
            event[key] = plain[name]
    if hit.custom_data:
        event["custom_data"] = hit.custom_data
    if "dpo" in plain:
        event["data_processing_options"] = [option for option in plain["dpo"].split(",") if option]
        for key, name in (("data_processing_options_country", "dpoco"), ("data_processing_options_state", "dpost")):
            if re.fullmatch(r"\d{1,6}", plain.get(name, "")):
                event[key] = int(plain[name])
    return event


def _keep(sandbox: Sandbox, arrival: Arrival, now: int) -> None:
    if not sandbox.inbox.has_room(1):
        raise Refused(RefusalKind.FULL)
    sandbox.inbox.keep([arrival], now)


async def _pairs(request: Request) -> list[tuple[str, str]]:
    pairs = request.query_params.multi_items()
    if request.method == "POST":
        body = await read_body(request.stream(), request.headers)
        # sendBeacon with a text labels it text/plain; it is a form all the same.
        pairs += await read_form(body, request.headers.get("content-type", ""))
    return pairs


def _money(hit: Hit) -> tuple[Decimal | None, str | None]:
    """Value and currency as far as they can be used: the pixel sends bad ones all the same, only with a warning."""
    number, currency = amount(hit.custom_data.get("value")), hit.custom_data.get("currency")
    word = currency if isinstance(currency, str) and re.fullmatch("[A-Za-z]{3}", currency) else None
    return None if number is None or number < 0 else number, word.upper() if word else None


def _add_user_value(hit: Hit, key: str, value: str) -> None:
    if key in HASHED_KEYS and not is_hash(value):
        hit.diagnostics.append("s2s_pii_not_hashed")
        return
    before = hit.user_data.get(key)
    if before is None:
        hit.user_data[key] = value
    elif value != before and value not in before:
        hit.user_data[key] = [*(before if isinstance(before, list) else [before]), value]


def _custom_value(value: str) -> Any:
    """Lists and objects travel as JSON text; everything else stays text."""
    if value[:1] not in ("[", "{"):
        return value
    try:
        return decode_json(value, "cd")
    except Refused:
        return value


def _seconds(ts: str | None, now_ms: int) -> int:
    """``ts`` is the page's clock in ms; without a readable one it happened when it came."""
    return (int(ts) if ts and re.fullmatch(r"\d{1,15}", ts) else now_ms) // 1000


def _address(request: Request) -> str | None:
    """The browser's address; a proxy on this machine may name the one before it."""
    peer = request.client.host if request.client else None
    forwarded = request.headers.get("x-forwarded-for", "").partition(",")[0].strip()
    return forwarded if forwarded and peer in ("127.0.0.1", "::1") else peer


def _entry(refused: Refused, dataset: str, now: int) -> RefusedEntry:
    answer = refused.answer
    return RefusedEntry(
        at=now,
        dataset=dataset if _DATASET.fullmatch(dataset) else "",
        endpoint="tr",
        status=200,  # what the browser saw
        code=answer.code,
        subcode=answer.subcode,
        title=answer.title,
        detail=refused.detail,
        blame=refused.blame,
        index=None,
        count=1,
        trace=new_trace_id(),
    )
