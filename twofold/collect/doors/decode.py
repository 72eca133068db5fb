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
from twofold.event.json import read_json, roundtrips
from twofold.event.mending import Mender, mend_json, read_bytes
from twofold.event.model import CustomData, RawEvent, encode
from twofold.event.refusal import DropReason, Refusal, describe
from twofold.event.scalars import as_list
from twofold.event.vocabulary import MAX_EVENTS

MAX_FIELDS = 500  # of a form or a query
MAX_RATIO = 100  # decompressed bytes for one received, beyond the first 64 KB
_decode_parts = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


class Envelope(Struct, kw_only=True):
    """The top level of an events request. ``data`` holds one dict or one Refusal for each element, in order."""

    data: list[dict[str, Any] | Refusal]
    access_token: str = ""
    test_event_code: str | None = None
    partner_agent: str = ""
    notes: list[str] = []  # what was mended in the request, and in each of its events by index
    mended: dict[int, list[str]] = {}


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
    if not 0 < len(envelope.data) <= MAX_EVENTS or not roundtrips(body, encode(envelope)):
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
    mender = Mender()
    fields = read_fields(query, mender)
    if isinstance(fields, Refusal):
        return fields
    kind = content_type.partition(";")[0].strip().lower()
    posted: dict[str, Any] | Refusal
    if kind == "application/x-www-form-urlencoded":
        posted = read_fields(body, mender)
    elif kind == "multipart/form-data":
        posted = read_multipart(body, content_type, mender)
    else:  # application/json, and what senders write without a type: the body must be JSON
        posted = _json_object(body, mender)
    if isinstance(posted, Refusal):
        return posted
    envelope = _envelope({**fields, **{k: v for k, v in posted.items() if v is not None}}, mender)
    if not isinstance(envelope, Refusal):
        envelope.notes, envelope.mended = mender.by_event()
    return envelope


def read_fields(text: bytes | str, mender: Mender | None = None) -> dict[str, Any] | Refusal:
    """An urlencoded form or a query string; the last of a repeated name counts. A query comes with a character for each
    of its bytes. ``mender`` hears which texts had to be mended."""
    if not text:
        return {}
    plain = isinstance(text, str) and text.isascii() and "%" not in text and "+" not in text
    if isinstance(text, str) and plain and text.count("&") < MAX_FIELDS:
        return {name: value for name, _, value in (pair.partition("=") for pair in text.split("&")) if name}
    decoded = text.decode("latin-1") if isinstance(text, bytes) else text
    mender = mender or Mender()
    try:
        if decoded.isascii():
            return dict(parse_qsl(decoded, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict"))
    except UnicodeDecodeError:
        pass
    except ValueError:
        return _too_many_fields()
    try:
        pairs = parse_qsl(decoded, keep_blank_values=True, max_num_fields=MAX_FIELDS, encoding="latin-1")
    except ValueError:
        return _too_many_fields()
    return {
        _field_text(name.encode("latin-1"), mender): _field_text(value.encode("latin-1"), mender)
        for name, value in pairs
    }


def _too_many_fields() -> Refusal:
    return Refusal(reason=DropReason.TOO_MANY, path="body", expected=f"at most {MAX_FIELDS} fields", got="more")


def _field_text(data: bytes, mender: Mender) -> str:
    """A field's bytes as text, read tolerantly and noted where they are no UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        mender.reread = mender.not_utf8 = True
        return read_bytes(data)


def read_multipart(body: bytes, content_type: str, mender: Mender | None = None) -> dict[str, Any] | Refusal:
    """A multipart form's fields. File parts are read as text: curl's ``-F data=@file`` makes one."""
    fields: dict[str, Any] = {}
    mender = mender or Mender()

    def on_field(field: Any) -> None:
        fields[(field.field_name or b"").decode("utf-8", "replace")] = _field_text(field.value or b"", mender)

    def on_file(file: Any) -> None:
        file.file_object.seek(0)
        fields[(file.field_name or b"").decode("utf-8", "replace")] = _field_text(file.file_object.read(), mender)

    headers = {"Content-Type": content_type.encode("latin-1"), "Content-Length": str(len(body)).encode()}
    try:
        python_multipart.parse_form(headers, io.BytesIO(body), on_field, on_file)
    except (FormParserError, ValueError):
        return Refusal(
            reason=DropReason.SYNTAX, path="body", expected="a multipart form", got=f"{len(body)} other bytes"
        )
    return _too_many_fields() if len(fields) > MAX_FIELDS else fields


def _json_object(body: bytes, mender: Mender) -> dict[str, Any] | Refusal:
    if not body:
        return {}
    tree = read_batch(body, "data", MAX_EVENTS, mender)
    if isinstance(tree, Refusal):
        return tree
    if not isinstance(tree, dict):
        return Refusal(reason=DropReason.ENVELOPE, path="body", expected="a JSON object", got=describe(tree))
    return tree


def read_batch(body: bytes, name: str, events: int, mender: Mender) -> Any:
    """A JSON body whose list of events is called ``name``, as a value or a `Refusal`. In the list may be refusals too."""
    tree = read_json(body, events=events, mender=mender)
    return _apart(body, tree, name, mender) if isinstance(tree, Refusal) else tree


def _apart(body: bytes, refusal: Refusal, name: str, mender: Mender) -> dict[str, Any] | Refusal:
    """A refused body once more, event by event: what one of them broke must not refuse its neighbours.

    What was about the envelope itself stands.
    """
    body = mend_json(body) if mender.reread else body
    mender.notes.clear()
    try:
        parts = _decode_parts(body)
        data = _events_apart(bytes(parts.pop(name)), name, mender)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError):
        return refusal
    rest = read_json(encode(parts))
    envelopes = refusal.reason is DropReason.DUPLICATE_KEY and all(isinstance(item, dict) for item in data)
    return refusal if envelopes or isinstance(rest, Refusal) else {**rest, name: data}


def read_list_text(text: str | bytes, name: str, events: int, mender: Mender) -> Any:
    """A list of events as JSON text. Its events may be JSON texts of their own, each longer than a text may be."""
    inner = Mender()
    data = read_json(text, events=events, mender=inner)
    if not isinstance(data, Refusal):
        mender.adopt(inner, name)
        return data
    try:
        return _events_apart(mend_json(text) if inner.reread and isinstance(text, bytes) else text, name, mender)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return data


def _events_apart(text: bytes | str, name: str, mender: Mender) -> list[Any]:
    """Each event of a JSON list by itself: a value, its JSON text, or the refusal of that one event."""
    return [
        msgspec.json.decode(item) if bytes(item[:1]) == b'"' else read_event(item, f"{name}[{n}]", mender)
        for n, item in enumerate(map(bytes, _decode_list(text)))
    ]


def read_event(text: bytes | str, where: str, mender: Mender) -> Any:
    """One event's JSON by itself."""
    inner = Mender()
    event = read_json(text, mender=inner)
    mender.adopt(inner, where)
    return event


def as_events(value: Any, name: str, events: int, mender: Mender) -> Any:
    """The list of events, also from its JSON text, from a numbered object, or from one event that stands alone."""
    if isinstance(value, str) and value:
        value = read_list_text(value, name, events, mender)
    if isinstance(value, dict):
        value = [value] if "event_name" in value else (value and as_list(value)) or value
    return value


def _envelope(fields: dict[str, Any], mender: Mender) -> Envelope | Refusal:
    envelope = Envelope(
        data=[],
        access_token=_text(fields, "access_token"),
        test_event_code=_text(fields, "test_event_code") or None,
        partner_agent=_text(fields, "partner_agent")[:64],
    )
    data = as_events(fields.get("data"), "data", MAX_EVENTS, mender)
    if isinstance(data, Refusal):
        return data
    numbered = as_list(data) if isinstance(data, dict) else None
    data = data if numbered is None else numbered  # PHP's list with a gap
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
        envelope.data = [_element(item, n, mender) for n, item in enumerate(data)]
    return envelope


def _element(item: Any, index: int, mender: Mender) -> dict[str, Any] | Refusal:
    if isinstance(item, str):  # the Python SDK writes each event as a JSON text of its own
        item = read_event(item, f"data[{index}]", mender)
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
