"""The gateway's JSON addresses as an OpenAPI description, made from what the doors take and answer.

Owns that description. It is served at `/openapi.json` and stands in docs; a test asks a running gateway by it. Addresses that answer
something else than JSON are in docs/wire.md: the image (`/tr`), the tag itself, the metrics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from twofold import __version__
from twofold.collect.doors.streams.ga4 import MAX_EVENTS as MAX_OF_PROTOCOL
from twofold.collect.doors.streams.segment import MAX_MESSAGES
from twofold.collect.doors.tag import MAX_TAG_EVENTS
from twofold.collect.listen.asgi import Page
from twofold.collect.messages import JSON, Answer, Request
from twofold.event.refusal import DropReason
from twofold.event.vocabulary import MAX_EVENTS

PATH = "/openapi.json"
Schema = Mapping[str, Any]

_TRACE: Schema = {"type": "string", "pattern": "^A[0-9a-f]{22}$", "description": "Names this answer: `twofold trace`."}
_DATASET: Schema = {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}
_TEXTS: Schema = {"type": "array", "items": {"type": "string"}}


def describe_gateway(tag_path: str = "/t") -> dict[str, Any]:
    """The description for a gateway whose tag is under this path."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Twofold gateway",
            "version": __version__,
            "description": "Takes a shop's conversion events. Success means: on disk. docs/wire.md says how values may be written.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            "/{version}/{dataset}/events": {"parameters": [_VERSION, _IN_PATH], "post": _events("sendEventsVersioned")},
            "/{dataset}/events": {"parameters": [_IN_PATH], "post": _events("sendEvents")},
            f"{tag_path}/events": {"post": _tag_events()},
            f"{tag_path}/consent": {"post": _browser_consent()},
            "/v1/{dataset}/consent": {"parameters": [_IN_PATH], "post": _server_consent()},
            "/v1/{call}": {"parameters": [_CALL], "post": _segment()},
            "/v1/{dataset}/cloudevents": {"parameters": [_IN_PATH], "post": _cloud_events()},
            "/mp/collect": {"parameters": [_in_query("measurement_id"), _in_query("api_secret")], "post": _protocol()},
            "/webhooks/{type}/{shop}": {"parameters": [_named("type"), _named("shop")], "post": _webhook()},
            "/health": {"get": _health()},
            PATH: {"get": _itself()},
        },
        "components": {
            "schemas": {
                "Accepted": _accepted(),
                "Refused": _refused(),
                "SegmentAccepted": _segment_accepted(),
                "SegmentRefused": _segment_refused(),
                "Failed": _failed(),
                "Health": _health_schema(),
            },
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The dataset's `key`; also as `access_token`.",
                },
                "status": {"type": "http", "scheme": "bearer", "description": "`server.status_token`."},
            },
        },
    }


def description_page(tag_path: str) -> Page:
    """The page that serves it."""
    body = msgspec.json.encode(describe_gateway(tag_path))

    async def answer(_request: Request) -> Answer:
        return Answer(200, body, JSON)

    return answer


def _named(name: str) -> Schema:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
    }


_IN_PATH: Schema = {"name": "dataset", "in": "path", "required": True, "schema": _DATASET}
_VERSION: Schema = {"name": "version", "in": "path", "required": True,
                    "schema": {"type": "string", "pattern": "^v[0-9]{1,3}\\.[0-9]{1,2}$"}}  # fmt: skip


def _in_query(name: str) -> Schema:
    return {"name": name, "in": "query", "required": True, "schema": {"type": "string"}}


_CALL: Schema = {"name": "call", "in": "path", "required": True,
                 "schema": {"enum": ["track", "page", "identify", "screen", "group", "alias", "batch"]}}  # fmt: skip


def _operation(
    name: str, summary: str, body: Schema | None, answers: Mapping[str, Schema], security: Sequence[str] = ()
) -> dict[str, Any]:
    said: dict[str, Any] = {"operationId": name, "summary": summary, "responses": answers}
    if body is not None:
        said["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    if security:
        said["security"] = [{one: []} for one in security] + [{}]
    return said


def _json(words: str, schema: Schema) -> dict[str, Any]:
    return {"description": words, "content": {"application/json": {"schema": schema}}}


def _of(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_CANNOT: Mapping[str, Schema] = {
    "404": _json("No address of this gateway.", _of("Failed")),
    "405": _json("Not this method.", _of("Failed")),
    "413": _json(
        "The body is over the limit; nothing was kept of it but its reason.", {"anyOf": [_of("Refused"), _of("Failed")]}
    ),
    "414": _json("The address is over the limit.", _of("Refused")),
    "431": _json("The header is over the limit.", _of("Failed")),
    "503": _json(
        "Nothing was acknowledged: send again after `Retry-After` seconds. Of what a failing disk kept all the same it is a repeat.",
        _of("Failed"),
    ),
}


def _events(name: str) -> dict[str, Any]:
    event = {
        "type": "object",
        "required": ["event_name", "event_time", "action_source"],
        "properties": {
            "event_name": {"type": "string", "minLength": 1},
            "event_time": {"type": "integer", "description": "Unix s"},
            "event_id": {"type": "string"},
            "action_source": {"enum": ["website", "app", "chat", "email", "phone_call", "physical_store",
                                       "system_generated", "business_messaging", "other"]},
            "event_source_url": {"type": "string"},
            "user_data": {"type": "object"},
            "custom_data": {"type": "object"},
        },
    }  # fmt: skip
    body = {
        "type": "object",
        "required": ["data"],
        "properties": {
            "data": {"type": "array", "items": event, "minItems": 1, "maxItems": MAX_EVENTS},
            "access_token": {"type": "string"},
            "test_event_code": {"type": "string"},
            "partner_agent": {"type": "string"},
        },
    }
    answers = {
        "200": _json("What is valid is on disk; what is not is named in `messages`.", _of("Accepted")),
        "400": _json("Nothing could be accepted, or the dataset is unknown.", _of("Refused")),
        "401": _json("The key does not fit.", _of("Refused")),
        **_CANNOT,
    }
    return _operation(
        name, "A batch of events from a server, in the form of Meta's Conversions API.", body, answers, ["key"]
    )


def _tag_events() -> dict[str, Any]:
    event = {"type": "object", "required": ["dataset", "event_name"],
             "properties": {"dataset": _DATASET, "event_name": {"type": "string"}}}  # fmt: skip
    body = {"type": "object", "required": ["events"],
            "properties": {"events": {"type": "array", "items": event, "minItems": 1, "maxItems": MAX_TAG_EVENTS}}}  # fmt: skip
    answers = {
        "200": _json("What is valid is on disk.", _of("Accepted")),
        "400": _json("Nothing could be accepted.", _of("Refused")),
        "403": _json("A site that is not in `origins`.", _of("Refused")),
        "429": _json("Over a limit: send again after `Retry-After` seconds.", _of("Failed")),
        **_CANNOT,
    }
    return _operation("sendTagEvents", "Events of the browser tag.", body, answers)


def _browser_consent() -> dict[str, Any]:
    body = {"type": "object", "properties": {"dataset": _DATASET, "state": {"enum": ["granted", "denied"]},
                                             "visitor": {"type": "string"}, "fbp": {"type": "string"}}}  # fmt: skip
    heard = {
        "type": "object",
        "required": ["heard"],
        "properties": {"heard": {"const": True}},
        "additionalProperties": False,
    }
    answers = {"200": _json("The same whatever was sent: nobody learns who is known.", heard), **_CANNOT}
    return _operation(
        "tellBrowserConsent", "A browser takes consent back, or gives it again, for itself.", body, answers
    )


def _server_consent() -> dict[str, Any]:
    one = {"anyOf": [{"type": "string"}, _TEXTS]}
    fields = dict.fromkeys(("email", "phone", "external_id", "order"), one)
    body = {"type": "object", "required": ["state"], "properties": {"state": {"enum": ["granted", "denied"]}, **fields}}
    done = {"type": "object", "required": ["state", "unusable"], "additionalProperties": False,
            "properties": {"state": {"enum": ["granted", "denied"]}, "unusable": _TEXTS}}  # fmt: skip
    answers = {
        "200": _json("The withdrawal is on disk; `unusable` names fields that could not be used.", done),
        "400": _json("Nobody was named, or the dataset is unknown.", _of("Refused")),
        "401": _json("The key does not fit.", _of("Refused")),
        **_CANNOT,
    }
    return _operation(
        "tellConsent", "The shop's server takes back a person's consent, or gives it again.", body, answers, ["key"]
    )


def _webhook() -> dict[str, Any]:
    answers = {
        "200": _json("Kept, or understood as nothing to keep: `classified` says which.", _of("Accepted")),
        "400": _json("The body cannot be read (only of a shop of its own).", _of("Refused")),
        "401": _json("The signature does not fit.", _of("Refused")),
        **_CANNOT,
    }
    words = "A signed webhook of a shop, a payment system, a courier, a CRM or a chat; the body is the platform's own."
    return _operation("sendWebhook", words, {"type": "object"}, answers)


def _segment() -> dict[str, Any]:
    body = {"type": "object", "properties": {
        "writeKey": {"type": "string"}, "event": {"type": "string"}, "messageId": {"type": "string"},
        "batch": {"type": "array", "items": {"type": "object"}, "minItems": 1, "maxItems": MAX_MESSAGES},
    }}  # fmt: skip
    answers = {
        "200": _json("What is valid is on disk; what is not is named in `messages`.", _of("SegmentAccepted")),
        "400": _json("Nothing could be accepted.", _of("SegmentRefused")),
        "401": _json("The key does not fit.", _of("SegmentRefused")),
        "403": _json("A site that is not in `origins`.", _of("SegmentRefused")),
        "429": _json("Over a limit: send again after `Retry-After` seconds.", _of("Failed")),
        **_CANNOT,
        "413": _json("The body is over the limit.", {"anyOf": [_of("SegmentRefused"), _of("Failed")]}),
        "414": _json("The address is over the limit.", _of("SegmentRefused")),
    }
    return _operation("sendSegment", "Messages of Segment's clients and those that speak like them.", body, answers)


def _protocol() -> dict[str, Any]:
    event = {"type": "object", "required": ["name"],
             "properties": {"name": {"type": "string"}, "params": {"type": "object"}}}  # fmt: skip
    body = {"type": "object", "required": ["events"], "properties": {
        "client_id": {"type": "string"}, "user_id": {"type": "string"}, "timestamp_micros": {"type": "integer"},
        "events": {"type": "array", "items": event, "minItems": 1, "maxItems": MAX_OF_PROTOCOL},
    }}  # fmt: skip
    answers = {
        "200": _json("A part is on disk; what is not is named in `messages`.", _of("Accepted")),
        "204": {"description": "All of it is on disk, or says nothing to keep."},
        "400": _json("Nothing could be accepted, or the measurement id is unknown.", _of("Refused")),
        "401": _json("The secret does not fit.", _of("Refused")),
        **_CANNOT,
    }
    return _operation("sendMeasurementProtocol", "A body of Google's Measurement Protocol.", body, answers)


def _cloud_events() -> dict[str, Any]:
    text = {"type": "string", "minLength": 1}
    body = {"type": "object", "required": ["specversion", "id", "source", "type", "data"], "properties": {
        "specversion": {"const": "1.0"}, "id": text, "source": text, "type": text, "data": {"type": "object"},
    }}  # fmt: skip
    answers = {
        "200": _json("What is valid is on disk; what is not is named in `messages`.", _of("Accepted")),
        "400": _json("Nothing could be accepted.", _of("Refused")),
        "401": _json("The key does not fit.", _of("Refused")),
        **_CANNOT,
    }
    return _operation("sendCloudEvent", "A CloudEvent whose data is an event.", body, answers, ["key"])


def _segment_accepted() -> Schema:
    said = _accepted()
    fields = {k: v for k, v in said["properties"].items() if k != "classified"}
    more = {
        "success": {"const": True},
        "left_out": {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}},
    }
    return {**said, "required": [*said["required"], "success"], "properties": {**fields, **more}}


def _segment_refused() -> Schema:
    said = _refused()
    more: dict[str, Schema] = {
        "success": {"const": False},
        "code": {"enum": [str(reason) for reason in DropReason]},
        "message": {"type": "string"},
    }
    return {**said, "required": ["error", *more], "properties": {**said["properties"], **more}}


def _health() -> dict[str, Any]:
    text = {"text/plain": {"schema": {"enum": ["ok\n", "degraded\n", "failed\n", "damaged\n", "stuck\n"]}}}
    both = {"application/json": {"schema": _of("Health")}, **text}
    answers = {"200": {"description": "It takes events. One word; with the status token all of it.", "content": both},
               "503": {"description": "It does not, or delivers nothing.", "content": both}}  # fmt: skip
    return _operation("readHealth", "How the gateway is doing.", None, answers, ["status"])


def _itself() -> dict[str, Any]:
    return _operation("readDescription", "This description.", None, {"200": _json("OpenAPI 3.1.", {"type": "object"})})


def _accepted() -> Schema:
    return {
        "type": "object",
        "required": ["events_received", "messages", "fbtrace_id"],
        "additionalProperties": False,
        "properties": {
            "events_received": {"type": "integer", "minimum": 0},
            "messages": _TEXTS,
            "fbtrace_id": _TRACE,
            "classified": {"type": "string", "description": "Of a webhook: what it was taken for."},
        },
    }


def _error(required: Sequence[str], more: Mapping[str, Schema]) -> Schema:
    fields: dict[str, Schema] = {
        "message": {"type": "string"},
        "type": {"type": "string"},
        "code": {"type": "integer"},
        "is_transient": {"type": "boolean"},
        "fbtrace_id": _TRACE,
        **more,
    }
    inner = {"type": "object", "required": [*fields.keys() - more.keys(), *required], "properties": fields}
    inner["required"] = sorted(inner["required"])
    return {"type": "object", "required": ["error"], "properties": {"error": {**inner, "additionalProperties": False}},
            "additionalProperties": False}  # fmt: skip


def _refused() -> Schema:
    row = {
        "type": "object",
        "required": ["index", "path", "reason", "expected", "got"],
        "properties": {
            "index": {"type": ["integer", "null"]},
            "path": {"type": "string"},
            "reason": {"enum": [str(reason) for reason in DropReason]},
            "expected": {"type": "string"},
            "got": {"type": "string"},
        },
        "additionalProperties": False,
    }
    data = {
        "type": "object",
        "required": ["blame_field_specs", "refused"],
        "properties": {"blame_field_specs": {"type": "array", "items": {"type": "array", "items": {"type": "string"}}},
                       "refused": {"type": "array", "items": row, "minItems": 1}},
    }  # fmt: skip
    more: dict[str, Schema] = {
        "error_subcode": {"type": "integer"},
        "error_user_title": {"type": "string"},
        "error_user_msg": {"type": "string"},
        "error_data": data,
    }
    return _error(["error_user_title", "error_user_msg", "error_data"], more)


def _failed() -> Schema:
    return _error([], {})


def _health_schema() -> Schema:
    number, count, text = {"type": "number"}, {"type": "integer", "minimum": 0}, {"type": "string"}
    age = {"type": ["integer", "null"]}

    def of(**fields: Schema) -> Schema:
        return {"type": "object", "required": sorted(fields), "properties": fields}

    destination = {"type": "object", "required": ["paused_for"], "properties": {"paused_for": text}}
    return {
        "type": "object",
        "required": ["status", "version"],
        "properties": {
            "status": {"enum": ["idle", "ok", "degraded", "failed", "damaged", "stuck", "leaving"]},
            "version": text,
            "uptime_s": count,
            "problem": text,
            "journal": of(accepted=count, refused=count, waiting_for_disk=count, last_commit_s_ago=number, late_s=number, watermark={"type": "object"}),
            "database": {"type": "object", "required": ["problems"], "properties": {"problems": {"type": "array", "items": text}}},
            "retention": of(state={"enum": ["ok", "alarm"]}, late_s=number),
            "integrity": {"type": "object"},
            "backup": of(age_s=age, position=count, erasures_age_s=age, erasures_behind={"type": "boolean"}),
            "outbox": of(waiting=count, altered=count, overdue_s=number, counted_s_ago={"type": ["number", "null"]},
                         destinations={"type": "object", "additionalProperties": destination}),
            "quarantine": {},
            "loop": of(longest_stop_s=number),
            "signal": of(as_of=count, do_not_yet={"type": "array", "items": of(name=text, since=count, do_not_yet=text)}),
            "clock": {"type": "object"},
            "client": of(address=text, hops={"type": "array", "items": text}),
        },
    }  # fmt: skip
