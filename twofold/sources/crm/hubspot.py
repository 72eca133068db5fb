"""HubSpot webhooks: the three signatures, and a deal or contact that reached a stage.

Owns HubSpot's field names. Two kinds of webhook exist. A workflow's "Send a webhook" posts the whole record, with the
properties that an event needs; this is the one to use. An app's subscription posts a list of changes that hold ids
and the changed value only, so nobody can be matched by it unless the contact's id is the shop's `external_id`.

Platform rules, checked September 2026:
- signatures: developers.hubspot.com, "Validating requests" (v3: base64 HMAC of method, address, body and time, at most
  5 minutes old; v1: hex SHA-256 of secret and body; v2: the same of secret, method, address and body);
- workflow body: "Using webhooks in workflows" (the record as the object API gives it, in the older form with
  `properties.{name}.value`), or the properties that the operator chose, flat.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import unquote

from twofold.event.json import read_json
from twofold.event.model import RawEvent
from twofold.event.refusal import DropReason, Refusal, describe
from twofold.event.scalars import read_time_ms
from twofold.sources.contract import Ignored, Reading, Source, SourceOptions
from twofold.sources.crm.deals import Record, first_time, read_record
from twofold.sources.schema import read_id, read_label
from twofold.sources.signatures import fits_base64

SENDER = "hubspot"
TITLE = "HubSpot"
TOLERANCE_MS = 300_000
# The collector's names for the parts of a request that are no headers. No client can send such a header name.
METHOD, PATH = ":method", ":path"

_KEYS_OF_EVENTS = 40  # a record has hundreds of properties, each with its history
_MAX_CHANGES = 100  # HubSpot puts at most 100 changes into one body
_STAGE_OF = {"deal": "dealstage", "contact": "lifecyclestage"}
# A company has a lifecyclestage, a phone and a city too, and they are nobody's. A contact's body has no objectType.
_RECORDS = ("DEAL", "CONTACT")
_CONTACT = {
    "em": "email", "ph": "phone", "fn": "firstname", "ln": "lastname", "ct": "city", "st": "state", "zp": "zip",
    "country": "country",
}  # fmt: skip
# Inside a query only these are decoded before v3 is signed; the page lists them one by one.
_DECODED = re.compile(r"%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.I)


def signed(body: bytes, headers: Mapping[str, str], secrets: Sequence[str], now_ms: int) -> bool:
    """Does one of HubSpot's signatures fit?

    v3 decides alone where it stands and the address is known: it signs its own time. Else v1 or v2, which do not, so
    that a captured body fits for ever; it comes to the same event ids, and changes nothing.
    """
    if headers.get("x-hubspot-signature-v3") and PATH in headers:
        return _fits_v3(body, headers, secrets, now_ms)
    given = headers.get("x-hubspot-signature", "").encode("utf-8", "surrogatepass")
    match headers.get("x-hubspot-signature-version", "v1"):
        case "v1":
            fronts = [b""]
        case "v2":
            fronts = [f"{headers.get(METHOD, 'POST')}{address}".encode() for address in _addresses(headers)]
        case _:
            return False
    fits = False
    for secret in secrets:
        for front in fronts if secret else ():
            digest = hashlib.sha256(_bytes(secret) + front + body).hexdigest().encode()
            fits |= hmac.compare_digest(given, digest)
    return fits


def _fits_v3(body: bytes, headers: Mapping[str, str], secrets: Sequence[str], now_ms: int) -> bool:
    given, time = headers["x-hubspot-signature-v3"], headers.get("x-hubspot-request-timestamp", "")
    if not (time.isascii() and time.isdigit() and len(time) <= 14) or abs(now_ms - int(time)) > TOLERANCE_MS:
        return False
    fits = False
    for address in _addresses(headers):
        plain = _DECODED.sub(lambda found: unquote(found[0]), address)
        message = _bytes(headers.get(METHOD, "POST") + plain) + body + time.encode()
        fits |= fits_base64(given, message, secrets)
    return fits


def _addresses(headers: Mapping[str, str]) -> Iterator[str]:
    """The address HubSpot called, as far as it can be told behind a proxy that ends TLS. A guess that is wrong does
    not fit, so guessing gives nothing away."""
    path = headers.get(PATH)
    hosts = dict.fromkeys(filter(None, (headers.get("x-forwarded-host"), headers.get("host"))))
    if path is not None:
        yield from (f"{scheme}://{host}{path}" for host in hosts for scheme in ("https", "http"))


def read(body: bytes, headers: Mapping[str, str], options: SourceOptions, now_ms: int) -> Reading | Refusal | Ignored:
    """A workflow's record, or an app's list of changes."""
    del headers
    tree = read_json(body, events=_KEYS_OF_EVENTS)
    if isinstance(tree, Refusal):
        return tree
    if isinstance(tree, list):
        return _changes(tree, options, now_ms)
    if not isinstance(tree, dict):
        return _refuse("", "a record, or a list of changes", tree)
    return _workflow(tree, options, now_ms)


# -- a workflow's record


def _workflow(tree: dict[str, Any], options: SourceOptions, now_ms: int) -> Reading | Refusal | Ignored:
    properties = tree.get("properties", tree)
    if not isinstance(properties, dict):
        return _refuse("properties", "an object", properties)
    record = tree.get("objectType")
    if isinstance(record, str) and record.upper() not in _RECORDS:
        return Ignored(kind="lead stage", reason="only deals and contacts have stages that are kept")
    of = partial(_value, properties)
    kind = "deal" if "dealstage" in properties else "contact" if "lifecyclestage" in properties else ""
    if not kind:
        return Ignored(kind="lead stage", reason="the record has neither dealstage nor lifecyclestage")
    if tree.get("isDeleted") is True:
        return Ignored(kind="lead stage", reason="the record was deleted")
    ids = (tree.get("objectId"), tree.get("vid"), tree.get("id"), of("hs_object_id"))
    record_id = next(filter(None, map(read_id, ids)), None)
    if record_id is None:
        return _refuse("objectId", "the record's id; a body of your own needs hs_object_id", None)
    return read_record(_record(kind, record_id, properties, of, now_ms), options)


def _record(kind: str, record_id: str, properties: dict[str, Any], of: Callable[[str], Any], now_ms: int) -> Record:
    stage = of(_STAGE_OF[kind])
    entered_at = _set_at(properties.get(_STAGE_OF[kind]))
    changed = [_ms(of(name)) for name in ("hs_lastmodifieddate", "lastmodifieddate")]
    stages = [stage, f"{of('pipeline')}/{stage}"] if isinstance(stage, str) else []
    closed, won = of("hs_is_closed"), of("hs_is_closed_won")
    is_lost = stage == "closedlost" or (closed in ("true", True) and won in ("false", False))
    reached = first_time((entered_at, _ms(of("hs_v2_date_entered_current_stage")), *changed), now_ms)
    return Record(
        crm=SENDER,
        title=TITLE,
        id=record_id if kind == "deal" else f"contact-{record_id}",
        stages=tuple(stages),
        won=won in ("true", True),
        lost=kind == "deal" and is_lost,
        reached_at=reached,
        changed_at=first_time(changed, reached),
        value=of("amount"),
        currency=of("deal_currency_code"),
        reason=read_label(of("closed_lost_reason")) or "",
        of=of,
        defaults=_CONTACT,
    )


def _value(properties: dict[str, Any], name: str) -> Any:
    found = properties.get(name)
    return found.get("value") if isinstance(found, dict) else found


def _set_at(entry: Any) -> int | None:
    """When a property got its value. A deal says it beside the value, a contact in its history alone, newest first."""
    if not isinstance(entry, dict):
        return None
    versions = entry.get("versions")
    history = [row for row in versions if isinstance(row, dict)] if isinstance(versions, list) else []
    times = (row.get("timestamp") for row in history if row.get("value") == entry.get("value"))
    return _ms(entry.get("timestamp")) or _ms(next(times, None))


def _ms(value: Any) -> int | None:
    """HubSpot writes Unix milliseconds, as number or text, or ISO text in its newer API."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 14:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value if 10**11 < value < 10**14 else None
    return read_time_ms(value) if isinstance(value, str) else None


# -- an app's list of changes


def _changes(changes: list[Any], options: SourceOptions, now_ms: int) -> Reading | Ignored:
    """Stage events where the operator said that the object's id is the person's external_id; else nobody is known."""
    moved = [change for change in changes[:_MAX_CHANGES] if isinstance(change, dict) and _stage_of(change)]
    if not moved:
        return Ignored(kind="lead stage", reason="no change of dealstage or lifecyclestage")
    if options.fields.get("external_id") != "objectId":
        return Ignored(
            kind="lead stage",
            reason="an app's subscription says whose stage changed by an id only: use a workflow's webhook",
        )
    events: list[RawEvent] = []
    for change in moved:
        found = read_record(
            _changed(change, now_ms), SourceOptions(stages=_without_orders(options), fields=options.fields)
        )
        if isinstance(found, Reading):
            events += found.events
    if not events:
        return Ignored(kind="lead stage", reason="no stage of `stages` was reached")
    return Reading(kind="lead stage", sender=SENDER, events=tuple(events))


def _stage_of(change: dict[str, Any]) -> str:
    kind = str(change.get("subscriptionType", "")).partition(".")[0]
    fits = change.get("propertyName") == _STAGE_OF.get(kind) and read_id(change.get("objectId")) is not None
    return str(change["propertyValue"]) if fits and isinstance(change.get("propertyValue"), str) else ""


def _changed(change: dict[str, Any], now_ms: int) -> Record:
    at = _ms(change.get("occurredAt")) or now_ms
    number = str(read_id(change["objectId"]))
    is_deal = change["propertyName"] == "dealstage"
    return Record(
        crm=SENDER,
        title=TITLE,
        id=number if is_deal else f"contact-{number}",
        stages=(_stage_of(change),),
        reached_at=at,
        changed_at=at,
        of={"objectId": number}.get,
    )


def _without_orders(options: SourceOptions) -> dict[str, str]:
    """A Purchase needs an amount, which a change does not have."""
    return {stage: name for stage, name in options.stages.items() if name != "Purchase"}


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _refuse(path: str, expected: str, got: object) -> Refusal:
    return Refusal(reason=DropReason.WRONG_TYPE, path=path, expected=expected, got=describe(got))


HUBSPOT = Source(name="hubspot", signed=signed, read=read)
