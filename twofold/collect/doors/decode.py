"""Request bodies to values: three encodings of the events endpoint, two of /tr, one of the tag. No meaning yet.

Owns shapes on the wire (Meta, "Send requests"; what the official SDKs really send): `data` may be an array
of objects, an array of JSON texts, or a text holding either; nulls are absence. What an event means is decided
in `steps`.
"""

from __future__ import annotations

import io
import zlib
from typing import Annotated, Any
from urllib.parse import parse_qsl

import msgspec
import python_multipart
from msgspec import Meta, Struct
from python_multipart.exceptions import FormParserError

from twofold.collect.steps.custom_data import is_plain
from twofold.event.json import read_json, says_the_same
from twofold.event.model import CustomData, RawEvent, encode
from twofold.event.refusal import DropReason, Refusal, describe, describe_key
from twofold.event.vocabulary import MAX_EVENTS

MAX_FIELDS = 500  # of a form or a query
MAX_RATIO = 100  # decompressed bytes for one received, beyond the first 64 KB
RAW_FIELDS = frozenset(RawEvent.__struct_fields__)
_decode_parts = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


class Envelope(Struct, kw_only=True):
    """The top level of an events request. ``data`` holds one dict or one Refusal for each element, in order."""

    data: list[dict[str, Any] | Refusal]
    access_token: str = ""
    test_event_code: str | None = None
    partner_agent: str = ""


class _PlainEvent(RawEvent, kw_only=True, forbid_unknown_fields=True):
    """An event in which every field has its documented type and no field is rare."""

    event_name: str
    event_time: Annotated[int, Meta(ge=0, lt=10**15)]
    event_id: str
    action_source: str
    user_data: dict[str, str | list[str]]
    event_source_url: str | None = None
    referrer_url: str | None = None
    opt_out: bool | None = None
    custom_data: CustomData | None = None
    consent: str | None = None
    # Rare, so only ever read the ordinary way.
    age: None = None
    data_processing_options: None = None
    data_processing_options_country: None = None
    data_processing_options_state: None = None
    messaging_channel: None = None
    customer_segmentation: None = None
    app_data: None = None
    original_event_data: None = None
    attribution_data: None = None
    advanced_measurement_table: None = None


class _PlainEnvelope(Struct, forbid_unknown_fields=True, omit_defaults=True):
    data: list[_PlainEvent]
    access_token: str = ""
    test_event_code: str | None = None
    partner_agent: str = ""


_decode_plain = msgspec.json.Decoder(_PlainEnvelope).decode


def read_plain(body: bytes) -> _PlainEnvelope | None:
    """The common request, decoded and checked in one pass; None for everything else, however slightly unusual.

    It only saves time: what it takes, `read_envelope` takes with the same result (a property test holds the two
    against each other), and what it does not take is read and judged there. 9 us instead of 27 for a Purchase.
    """
    try:
        envelope = _decode_plain(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ArithmeticError):
        return None
    # Money as text among others: the decoder would read "1_0" and digits of any script as numbers.
    if not 0 < len(envelope.data) <= MAX_EVENTS or not says_the_same(body, encode(envelope)):
        return None
    for event in envelope.data:
        if not is_plain(event.custom_data):
            return None
    return envelope


def inflate(body: bytes, encoding: str, limit: int) -> bytes | Refusal:
    """One layer of gzip or deflate, stopped at ``limit`` bytes or a ratio no honest body reaches."""
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip", "deflate"):
        return Refusal(
            reason=DropReason.SYNTAX, path="content-encoding", expected="gzip, deflate or none", got="another"
        )
    unpacker = zlib.decompressobj(31 if "gzip" in encoding else 15)
    cap = min(limit, max(64 << 10, len(body) * MAX_RATIO))
    try:
        plain = unpacker.decompress(body, cap + 1)
    except zlib.error:
        return Refusal(
            reason=DropReason.SYNTAX, path="body", expected=f"{encoding} data", got=f"{len(body)} other bytes"
        )
    if len(plain) > cap:
        return Refusal(
            reason=DropReason.TOO_LARGE, path="body", expected=f"at most {cap} bytes decompressed", got="more"
        )
    if not unpacker.eof or unpacker.unused_data:
        return Refusal(
            reason=DropReason.SYNTAX, path="body", expected=f"one whole {encoding} stream", got="a cut or longer one"
        )
    return plain


def read_envelope(body: bytes, content_type: str, query: str) -> Envelope | Refusal:
    """An events request in any of its encodings. The query may carry the token and, as with forms, any field."""
    fields = read_fields(query)
    if isinstance(fields, Refusal):
        return fields
    kind = content_type.partition(";")[0].strip().lower()
    posted: dict[str, Any] | Refusal
    if kind == "application/x-www-form-urlencoded":
        posted = read_fields(body)
    elif kind == "multipart/form-data":
        posted = read_multipart(body, content_type)
    else:  # application/json, and what senders write without a type: the body must be JSON
        posted = _json_object(body)
    if isinstance(posted, Refusal):
        return posted
    return _envelope({**fields, **{k: v for k, v in posted.items() if v is not None}})


def raw_event(item: dict[str, Any]) -> tuple[RawEvent, list[str]]:
    """The known fields of one event, and the names of the others (ours to name, not to keep)."""
    try:
        return RawEvent(**item), []
    except TypeError:  # another name among them
        pass
    unknown = [describe_key(k) for k in item if k not in RAW_FIELDS]
    return RawEvent(**{k: v for k, v in item.items() if k in RAW_FIELDS}), unknown


def read_fields(text: bytes | str) -> dict[str, Any] | Refusal:
    """An urlencoded form or a query string; the last of a repeated name counts."""
    if not text:
        return {}
    if isinstance(text, str) and "%" not in text and "+" not in text and text.count("&") < MAX_FIELDS:
        return {name: value for name, _, value in (pair.partition("=") for pair in text.split("&")) if name}
    try:
        decoded = text.decode("utf-8") if isinstance(text, bytes) else text
        return dict(parse_qsl(decoded, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict"))
    except UnicodeDecodeError:
        return Refusal(reason=DropReason.SYNTAX, path="body", expected="a form in UTF-8", got=describe(str(len(text))))
    except ValueError:
        return Refusal(reason=DropReason.TOO_MANY, path="body", expected=f"at most {MAX_FIELDS} fields", got="more")


def read_multipart(body: bytes, content_type: str) -> dict[str, Any] | Refusal:
    """A multipart form's fields. File parts are read as text: curl's ``-F data=@file`` makes one."""
    fields: dict[str, Any] = {}

    def on_field(field: Any) -> None:
        fields[(field.field_name or b"").decode("utf-8", "replace")] = (field.value or b"").decode("utf-8")

    def on_file(file: Any) -> None:
        file.file_object.seek(0)
        fields[(file.field_name or b"").decode("utf-8", "replace")] = file.file_object.read().decode("utf-8")

    headers = {"Content-Type": content_type.encode("latin-1"), "Content-Length": str(len(body)).encode()}
    try:
        python_multipart.parse_form(headers, io.BytesIO(body), on_field, on_file)
    except (FormParserError, UnicodeDecodeError, ValueError):
        return Refusal(
            reason=DropReason.SYNTAX, path="body", expected="a multipart form in UTF-8", got=f"{len(body)} other bytes"
        )
    if len(fields) > MAX_FIELDS:
        return Refusal(reason=DropReason.TOO_MANY, path="body", expected=f"at most {MAX_FIELDS} fields", got="more")
    return fields


def _json_object(body: bytes) -> dict[str, Any] | Refusal:
    if not body:
        return {}
    tree = read_json(body, events=MAX_EVENTS)
    if isinstance(tree, Refusal):
        tree = _apart(body, tree)
    if isinstance(tree, Refusal):
        return tree
    if not isinstance(tree, dict):
        return Refusal(reason=DropReason.ENVELOPE, path="body", expected="a JSON object", got=describe(tree))
    return tree


def _apart(body: bytes, refusal: Refusal) -> dict[str, Any] | Refusal:
    """A refused body once more, event by event: what one of them broke must not refuse its neighbours.

    What was about the envelope itself stands.
    """
    try:
        parts = _decode_parts(body)
        data = _events_apart(bytes(parts.pop("data")))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError):
        return refusal
    rest = read_json(encode(parts))
    envelopes = refusal.reason is DropReason.DUPLICATE_KEY and all(isinstance(item, dict) for item in data)
    return refusal if envelopes or isinstance(rest, Refusal) else {**rest, "data": data}


def _read_list(text: str) -> Any:
    """``data`` from a form. Its events may be JSON texts of their own, each longer than a text may be."""
    data = read_json(text, events=MAX_EVENTS)
    if not isinstance(data, Refusal):
        return data
    try:
        return _events_apart(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return data


def _events_apart(text: bytes | str) -> list[Any]:
    """Each event of a JSON list by itself: a value, its JSON text, or the refusal of that one event."""
    return [
        msgspec.json.decode(item) if bytes(item[:1]) == b'"' else read_json(item)
        for item in map(bytes, _decode_list(text))
    ]


def _envelope(fields: dict[str, Any]) -> Envelope | Refusal:
    envelope = Envelope(
        data=[],
        access_token=_text(fields, "access_token"),
        test_event_code=_text(fields, "test_event_code") or None,
        partner_agent=_text(fields, "partner_agent")[:64],
    )
    data = fields.get("data")
    if isinstance(data, str) and data:
        data = _read_list(data)
        if isinstance(data, Refusal):
            return data
    if not isinstance(data, list) or not data:
        got = "nothing" if data is None else describe(data)
        refusal = Refusal(reason=DropReason.ENVELOPE, path="data", expected="a list of 1 to 1000 events", got=got)
        envelope.data = [refusal]
    elif len(data) > MAX_EVENTS:
        envelope.data = [
            Refusal(
                reason=DropReason.TOO_MANY,
                path="data",
                expected=f"at most {MAX_EVENTS} events",
                got=f"{len(data)} events",
            )
        ]
    else:
        envelope.data = [_element(item, n) for n, item in enumerate(data)]
    return envelope


def _element(item: Any, index: int) -> dict[str, Any] | Refusal:
    if isinstance(item, str):  # the Python SDK writes each event as a JSON text of its own
        item = read_json(item)
    if isinstance(item, Refusal):
        return Refusal(
            reason=item.reason, path=item.path, expected=item.expected, got=item.got, index=index
        )  # fmt: skip
    if not isinstance(item, dict):
        return Refusal(
            reason=DropReason.WRONG_TYPE, index=index, expected="an event object", got=describe(item)
        )  # fmt: skip
    return item


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""
