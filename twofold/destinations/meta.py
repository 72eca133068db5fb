"""Meta's Conversions API: an event's payload, a request's envelope, an answer's meaning.

Owns Meta's words. Normalising and hashing happened at the edge (`event.match_keys`); waiting, splitting and
giving up are decided in `deliver.retry`. Our consent, sender, tier and warnings have no row here and never leave.

Sources, read September 2026: Meta for Developers, Conversions API: "Using the API" (envelope, limits, age),
"Server event parameters", "Customer information parameters", "Custom data parameters", "Data processing
options", "Business messaging", "Deduplicate pixel and server events"; Graph API: "Handle errors", "Rate limits".
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import compress
from operator import attrgetter, itemgetter
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import msgspec
from msgspec import Struct
from msgspec.structs import astuple

from twofold import __version__
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
from twofold.event.model import Content, CustomData, Event, Hashed, UserData, encode
from twofold.event.vocabulary import (
    HASHED_FIELDS,
    LEGACY_HASHED_FIELDS,
    MAX_AGE_S,
    MAX_AGE_STORE_S,
    MAX_EVENTS,
    PLAIN_FIELDS,
)
from twofold.matching.user_data import META_RULES, hashed_values, is_too_broad

API_VERSION: Final = "v25.0"  # released 18 February 2026; the setting `version` overrides it
PARTNER_AGENT: Final = f"twofold-{__version__}"  # under 23 characters, at least two letters

LIMITS: Final = Limits(
    batch=MAX_EVENTS,
    request_bytes=4 << 20,  # ours: no documented limit was found
    age_s=MAX_AGE_S,
    age_s_by_source={"physical_store": MAX_AGE_STORE_S},
    # Documented for a browser and a server copy; between two server copies only in general words, so a resend
    # inside the window is likely, not certainly, counted once.
    idempotency_s=48 * 3600,
    idempotency_s_by_source={"business_messaging": 0},  # Meta does not deduplicate these
)


# --- one event to bytes ---------------------------------------------------------------------------------------


class Row(NamedTuple):
    """Their field name, how to get it from our value, what to do with it. A result of None is left out."""

    field: str
    get: Callable[[Any], Any]
    put: Callable[[Any], Any] | None = None  # None: as it is


def lines(contents: tuple[Content, ...]) -> list[dict[str, Any]] | None:
    return [_line(c) for c in contents] or None


def filled(values: tuple[str, ...]) -> tuple[str, ...] | None:
    return values or None


def upper(text: str | None) -> str | None:
    return text and text.upper()


def _same(name: str) -> Row:
    return Row(name, attrgetter(name))


_NO_CUSTOM_DATA: Final = CustomData()

CUSTOM_ROWS: Final = (
    _same("value"),
    Row("currency", attrgetter("currency"), upper),
    _same("order_id"),
    _same("content_type"),
    Row("content_ids", attrgetter("content_ids"), filled),
    Row("contents", attrgetter("contents"), lines),
    _same("num_items"),
)

CONTENT_ROWS: Final = (_same("id"), _same("quantity"), _same("item_price"))

# Further user_data keys that may pass; all else in `other` stays here.
_OTHER_USER: Final = frozenset(PLAIN_FIELDS) | frozenset(LEGACY_HASHED_FIELDS)


class _User(Struct, omit_defaults=True, gc=False):
    """``user_data`` as it is sent, in the order of our `UserData`. A struct is written in half of a dict's time."""

    em: Sequence[str] = ()
    ph: Sequence[str] = ()
    fn: Sequence[str] = ()
    ln: Sequence[str] = ()
    db: Sequence[str] = ()
    ge: Sequence[str] = ()
    ct: Sequence[str] = ()
    st: Sequence[str] = ()
    zp: Sequence[str] = ()
    country: Sequence[str] = ()
    external_id: Sequence[str] = ()
    client_ip_address: str | None = None
    client_user_agent: str | None = None
    fbc: str | None = None
    fbp: str | None = None


_USER_FIELDS: Final = _User.__struct_fields__
assert UserData.__struct_fields__ == (*_USER_FIELDS, "other")


class _Body(Struct, omit_defaults=True, gc=False):
    """One event as it is sent; in the middle what is nothing nearly always."""

    event_name: str
    event_time: int
    event_id: str
    action_source: str
    event_source_url: str | None = None
    referrer_url: str | None = None
    opt_out: bool | None = None
    data_processing_options: tuple[str, ...] | None = None  # an empty one is kept: it says "no Limited Data Use"
    data_processing_options_country: int | None = None
    data_processing_options_state: int | None = None
    messaging_channel: str | None = None
    customer_segmentation: str | None = None
    app_data: dict[str, Any] | None = None
    original_event_data: dict[str, Any] | None = None
    attribution_data: dict[str, Any] | None = None
    advanced_measurement_table: str | None = None
    user_data: _User | dict[str, Any] = {}
    custom_data: CustomData | dict[str, Any] | None = None


# Read in one call, from a tuple of all: asked by name, each cost ten times as much.
_rare_values = itemgetter(*map(Event.__struct_fields__.index, _Body.__struct_fields__[5:-2]))


def build(event: Event, _name: str = "", _terms: Terms | None = None) -> bytes | Suppressed:
    """The JSON object of one event for `data`, or why Meta would refuse the request that holds it."""
    is_message = event.action_source == "business_messaging"
    user = _user_data(event.user_data, is_message)
    more = {k: v for k, v in event.user_data.other.items() if k in _OTHER_USER} if event.user_data.other else {}
    reason = _refusable(event, user, more)
    if reason:
        return Suppressed(reason)
    url = None if is_message else event.event_source_url
    values: list[Any] = [event.event_name, event.event_time, event.event_id, event.action_source, url]
    values += _rare_values(astuple(event))
    values += (_filled_in(user) | more if more else user, _custom_data(event.custom_data) or None)
    return encode(_Body(*values))


def _user_data(user: UserData, is_message: bool) -> _User:
    """The match keys; of a message without those of a browser, for which it would be refused with 2804064."""
    *hashed, address, agent, fbc, fbp, _ = astuple(user)
    if is_message:
        address = agent = fbc = fbp = None
    # One hash by a rule that Meta accepts is written out: a call for each of nine keys costs as much as what it does.
    hexes: list[Any] = []
    put = hexes.append
    for values in hashed:
        if not values:
            put(values)
            continue
        one = values[0]
        put((one.hex,) if len(values) == 1 and one.rule in META_RULES else _hexes(values))
    hexes += (address, agent, fbc, fbp)
    return _User(*hexes)


def _hexes(values: tuple[Hashed, ...]) -> Sequence[str]:
    """Only `Hashed` values made by a rule Meta accepts; anything else is an error or left out, never sent."""
    return tuple(hashed_values(values))


def _filled_in(user: _User) -> dict[str, Any]:
    """The match keys that say something."""
    values = astuple(user)
    return dict(compress(zip(_USER_FIELDS, values, strict=True), values))


def _custom_data(data: CustomData) -> CustomData | dict[str, Any] | None:
    """Ours is spelled as Meta's, so without custom properties the value itself is encoded, which costs nothing."""
    if data.other:
        return _fill(CUSTOM_ROWS, data, dict(data.other))
    for line in data.contents:
        if line.other:
            return _fill(CUSTOM_ROWS, data, {})
    return data if data.value is not None or data != _NO_CUSTOM_DATA else None


def _fill(rows: tuple[Row, ...], source: Any, into: dict[str, Any]) -> dict[str, Any]:
    for field, get, put in rows:
        value = get(source)
        if put is not None:
            value = put(value)
        if value is not None:
            into[field] = value
    return into


def _line(content: Content) -> dict[str, Any]:
    return _fill(CONTENT_ROWS, content, dict(content.other))


def _refusable(event: Event, user: _User, more: Mapping[str, Any]) -> str | None:
    """Faults known to sink a whole batch; found here they cost one event and no request."""
    narrow = user.em or user.ph or user.external_id or user.client_ip_address or user.fbc or user.fbp
    if not narrow and is_too_broad({**_filled_in(user), **more}):
        return "too_broad"  # 2804050
    data = event.custom_data
    if event.event_name == "Purchase":
        if data.value is None:
            return "missing_value"  # 2804009
        if not data.currency:
            return "missing_currency"  # 2804010
    return None


# --- frozen bytes to one request ------------------------------------------------------------------------------


def request(payloads: Sequence[bytes], target: Target, test_event_code: str | None) -> Request:
    """One POST with all payloads, byte for byte. The token travels in the body, never in the URL."""
    tail: dict[str, str] = {"partner_agent": PARTNER_AGENT}
    if test_event_code:
        tail["test_event_code"] = test_event_code
    tail["access_token"] = target.token
    if target.app_secret:
        tail["appsecret_proof"] = hmac.new(
            target.app_secret.encode(), target.token.encode(), hashlib.sha256
        ).hexdigest()
    return Request(
        url=f"{target.endpoint}/{target.version}/{quote(target.remote_dataset, safe='')}/events",
        headers={"Content-Type": "application/json", "Accept": "application/json"},
        body=b'{"data":[' + b",".join(payloads) + b"]," + msgspec.json.encode(tail)[1:],
    )


# --- one answer to its meaning --------------------------------------------------------------------------------

# Codes before HTTP status, because throttling and dead tokens come as 400 as well (spec of Graph errors).
CODES: Final[tuple[tuple[frozenset[int], AnswerOutcome], ...]] = (
    (
        # 190 token; 3, 10, 200-299 permission; 102, 104 session and signature; 341, 368 blocked by policy.
        frozenset({3, 10, 102, 104, 190, 341, 368, *range(200, 300)}),
        AnswerOutcome.CREDENTIALS,
    ),
    (frozenset({4, 17, 32, 613, *range(80_000, 80_015)}), AnswerOutcome.THROTTLED),
    (frozenset({1, 2}), AnswerOutcome.TRANSIENT),
    (frozenset({803, 2500}), AnswerOutcome.MISDIRECTED),  # no such object, no such path
)
NO_SUCH_DATASET: Final = (100, 33)  # or the token is not assigned to it: not the events' fault
INVALID_PARAMETER: Final = 100
EVENT_SUBCODES: Final = range(2_804_000, 2_805_000)

STATUSES: Final[dict[int, AnswerOutcome]] = {
    401: AnswerOutcome.CREDENTIALS,  # by its HTTP meaning; Graph itself always adds a code
    404: AnswerOutcome.MISDIRECTED,
    408: AnswerOutcome.TRANSIENT,
    410: AnswerOutcome.MISDIRECTED,
    413: AnswerOutcome.TOO_LARGE,
    425: AnswerOutcome.TRANSIENT,
    429: AnswerOutcome.THROTTLED,
}


def classify(answer: PlatformAnswer, sent: int) -> AnswerVerdict:
    """An answer to a request of ``sent`` events, judged. The body's code wins over the HTTP status."""
    silent = parts.silence(answer)
    if silent is not None:
        return silent
    status, tree = answer.status or 0, parts.read_object(answer)
    error = tree.get("error") if tree is not None else None
    if isinstance(error, dict):
        return _judge_error(error, status, answer)
    if 200 <= status < 300:
        return _judge_success(tree, sent, status)
    return AnswerVerdict(
        outcome=_by_status(status, readable=tree is not None or (answer.complete and not answer.body)),
        code=f"http-{status}",
        wait_ms=_wait_ms(answer),
    )


def _judge_success(tree: dict[str, Any] | None, sent: int, status: int) -> AnswerVerdict:
    if tree is None:
        return AnswerVerdict(
            outcome=AnswerOutcome.AMBIGUOUS, code=f"http-{status}", note="the answer's body cannot be read"
        )
    received = _whole(tree.get("events_received"))
    if received is None:
        return AnswerVerdict(outcome=AnswerOutcome.AMBIGUOUS, code=f"http-{status}", note="the answer counts no events")
    if received != sent:
        note = f"sent {sent}, the answer counts {str(received)[:20]}"
        return AnswerVerdict(outcome=AnswerOutcome.PARTIAL, code=f"http-{status}", note=note)
    return AnswerVerdict(
        outcome=AnswerOutcome.ACCEPTED,
        note=parts.texts(tree.get("messages") or ""),
        trace=parts.trace(tree.get("fbtrace_id")),
    )


def _judge_error(error: dict[str, Any], status: int, answer: PlatformAnswer) -> AnswerVerdict:
    code, subcode = _whole(error.get("code")), _whole(error.get("error_subcode"))
    outcome = _by_code(code, subcode, error.get("is_transient") is True)
    if outcome is None:
        # An error inside a 2xx that nobody can name: it may or may not have been taken.
        outcome = AnswerOutcome.AMBIGUOUS if 200 <= status < 300 else _by_status(status, readable=True)
    return AnswerVerdict(
        outcome=outcome,
        code=f"http-{status}" if code is None else f"{code}/{subcode}" if subcode else str(code),
        wait_ms=_wait_ms(answer),
        # The titles are in the language of the token's user; they are for people, nothing is decided by them.
        note=parts.texts(error.get("message"), error.get("error_user_title"), error.get("error_user_msg")),
        trace=parts.trace(error.get("fbtrace_id")),
    )


def _by_code(code: int | None, subcode: int | None, transient: bool) -> AnswerOutcome | None:
    if (code, subcode) == NO_SUCH_DATASET:
        return AnswerOutcome.CREDENTIALS
    known = next((outcome for codes, outcome in CODES if code in codes), None)
    if known is not None:
        return known
    if transient:
        return AnswerOutcome.TRANSIENT
    if code == INVALID_PARAMETER or (subcode is not None and subcode in EVENT_SUBCODES):
        return AnswerOutcome.INVALID
    return None


def _by_status(status: int, *, readable: bool) -> AnswerOutcome:
    """``readable`` False: a page of HTML or garbage, so something between us and the platform answered."""
    if status in STATUSES:
        return STATUSES[status]
    if status >= 500 or status < 200 or not readable:
        return AnswerOutcome.TRANSIENT
    return AnswerOutcome.UNKNOWN  # codes that no page names were seen to go away by themselves


def _whole(value: object) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value, re.ASCII):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and -1 < value < 10**9 else None


# --- when to come back ----------------------------------------------------------------------------------------

_MINUTE_MS: Final = 60_000


def _wait_ms(answer: PlatformAnswer) -> int | None:
    """The hint of an answer, unclamped and maybe absurd: Retry-After, else the longest of Meta's usage headers."""
    headers, after = answer.headers, parts.retry_after_ms(answer)
    if after is not None:
        return after
    hints = [
        # Meta's pages write the first name with and without its last word.
        *_usage_ms(headers.get("x-business-use-case-usage"), "estimated_time_to_regain_access", _MINUTE_MS),
        *_usage_ms(headers.get("x-business-use-case"), "estimated_time_to_regain_access", _MINUTE_MS),
        *_usage_ms(headers.get("x-ad-account-usage"), "reset_time_duration", 1000),
    ]
    return max(hints, default=None)


def _usage_ms(text: str | None, key: str, unit_ms: int) -> list[int]:
    """Every positive number under ``key`` at any of the places Meta puts it, in ms."""
    try:
        tree = msgspec.json.decode(text or "null")
    except (msgspec.DecodeError, UnicodeError, RecursionError, ValueError):
        return []
    found = []
    for item in _objects(tree):
        value = item.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            found.append(int(min(value, parts.MOST_WAIT_S)) * unit_ms)
    return found


def _objects(tree: object) -> list[dict[str, Any]]:
    """The object itself, or those in the lists it holds ({account: [usage, ...]})."""
    if not isinstance(tree, dict):
        return []
    return [tree, *(item for value in tree.values() for item in parts.objects(value))]


META: Final = Destination(
    platform="meta",
    called=Names(
        parts=("facebook", "fbpixel", "fbcustomaudience", "metapixel", "metaconversions", "metaads"),
        whole=("fb", "meta"),
        refused_by=("instagram",),
    ),
    build=build,
    request=request,
    classify=classify,
    limits=LIMITS,
    title="Meta",
    endpoint="https://graph.facebook.com",
    version=API_VERSION,
    version_form=r"v\d+\.\d+",
    identifiers=dict.fromkeys(HASHED_FIELDS, ("meta", "sent")),
)
