"""The device's side of app events: ``POST /{version}/{app}/activities``, as an app SDK sends it.

Owns the mapping of one activity to an event with source App, so that the deduplication of app SDK against server can
be tried. Source of the event names: Meta for Developers, "App events", read September 2026; of the envelope only the
outline is documented, so whatever is readable is taken. The event id is read from ``event_id`` or ``_eventID``.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from twofold.event.vocabulary import MAX_CUSTOM_NAME
from twofold.sandbox.settings import Sandbox
from twofold.sandbox.wire.answers import DEFAULT_VERSION, RefusalKind, Refused, error_body, graph_response, new_trace_id
from twofold.sandbox.wire.dedup import Source
from twofold.sandbox.wire.envelope import decode_json, read_body, read_fields
from twofold.sandbox.wire.graph import VERSION, unknown_path
from twofold.sandbox.wire.identifiers import comparable_values
from twofold.sandbox.wire.masking import mask_value
from twofold.sandbox.wire.received import Arrival, encode_event
from twofold.sandbox.wire.rules import HASHED_KEYS, amount, is_hash

# the SDK's name -> the standard name that both sides compare
NAMES = {
    "fb_mobile_purchase": "Purchase",
    "fb_mobile_content_view": "ViewContent",
    "fb_mobile_add_to_cart": "AddToCart",
    "fb_mobile_add_to_wishlist": "AddToWishlist",
    "fb_mobile_initiated_checkout": "InitiateCheckout",
    "fb_mobile_add_payment_info": "AddPaymentInfo",
    "fb_mobile_complete_registration": "CompleteRegistration",
    "fb_mobile_search": "Search",
}
# the SDK's parameter -> the field of custom_data
PARAMETERS = {
    "_valueToSum": "value",
    "fb_currency": "currency",
    "fb_content_id": "content_ids",
    "fb_content": "contents",
    "fb_content_type": "content_type",
    "fb_order_id": "order_id",
    "fb_num_items": "num_items",
    "fb_search_string": "search_string",
}


def routes(sandbox: Sandbox) -> list[Route]:
    async def activities(request: Request) -> Response:
        return await answer_activities(sandbox, request)

    return [
        Route("/{version}/{app}/activities", activities, methods=["POST"]),
        Route("/{app}/activities", activities, methods=["POST"]),
    ]


async def answer_activities(sandbox: Sandbox, request: Request) -> Response:
    """``{"success": true}``, or Graph's error shape."""
    version = request.path_params.get("version", DEFAULT_VERSION)
    if not VERSION.fullmatch(version):
        return await unknown_path(request)
    trace, now = new_trace_id(), sandbox.clock()
    try:
        body = await read_body(request.stream(), request.headers)
        fields = await read_fields(body, request.headers, request.query_params.multi_items())
        arrivals = [arrival_from(fields, row, request, now) for row in _rows(fields)]
        if not sandbox.inbox.has_room(len(arrivals)):
            raise Refused(RefusalKind.FULL)
    except Refused as refused:
        return graph_response(refused.answer.status, error_body(refused, trace), trace=trace, version=version)
    sandbox.inbox.keep(arrivals, now)
    return graph_response(200, {"success": True}, trace=trace, version=version)


def arrival_from(fields: dict[str, Any], row: dict[str, Any], request: Request, now_ms: int) -> Arrival:
    """One activity as the event it stands for. Raises `Refused` without a usable dataset or name."""
    dataset = request.path_params["app"]
    if not dataset.isdigit():
        raise Refused(RefusalKind.WRONG_DATASET, subject=dataset[:64])
    name = row.get("_eventName")
    if not isinstance(name, str) or not 0 < len(name) <= MAX_CUSTOM_NAME:
        raise Refused(RefusalKind.NAME_MISSING, blame=("custom_events", "_eventName"))
    when = amount(row.get("_logTime"))
    custom_data = {field: row[key] for key, field in PARAMETERS.items() if row.get(key) not in (None, "")}
    user_data = _user_data(fields)
    event_id = row.get("event_id") or row.get("_eventID")
    event: dict[str, Any] = {
        "event_name": NAMES.get(name, name),
        "event_time": int(when) if when is not None and when >= 0 else now_ms // 1000,
        "action_source": "app",
        "user_data": user_data,
        "custom_data": custom_data,
    }
    if event_id:
        event["event_id"] = str(event_id)
    event = mask_value(event)
    user_data, custom_data = event["user_data"], event["custom_data"]
    number, currency = amount(custom_data.get("value")), custom_data.get("currency")
    return Arrival(
        dataset=dataset,
        event_name=event["event_name"],
        event_time=event["event_time"],
        source=Source.APP,
        event=encode_event(event),
        event_id=event.get("event_id"),
        action_source="app",
        user_keys=tuple(user_data),
        external_ids=comparable_values(user_data.get("external_id")),
        value=None if number is None or number < 0 else number,
        currency=currency.upper() if isinstance(currency, str) else None,
        order_id=str(custom_data["order_id"]) if "order_id" in custom_data else None,
        client=request.headers.get("user-agent"),
    )


def _rows(fields: dict[str, Any]) -> list[dict[str, Any]]:
    rows = fields.get("custom_events")
    if isinstance(rows, str):
        rows = decode_json(rows, "custom_events")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise Refused(RefusalKind.DATA_MISSING, blame=("custom_events",))
    return rows


def _user_data(fields: dict[str, Any]) -> dict[str, Any]:
    """Ids as sent; contact values only when they are hashes."""
    given = fields.get("ud")
    if isinstance(given, str):
        given = decode_json(given, "ud")
    user_data = {
        key: value
        for key, value in (given.items() if isinstance(given, dict) else ())
        if isinstance(value, str) and (key not in HASHED_KEYS or is_hash(value))
    }
    for key, name in (("advertiser_id", "madid"), ("anon_id", "anon_id"), ("app_user_id", "external_id")):
        if isinstance(fields.get(key), str) and fields[key]:
            user_data[name] = fields[key]
    return user_data
