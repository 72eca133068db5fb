"""A signed webhook (Standard Webhooks 1.0.0): an event for a receiver of the shop's own, and what its status means.

Owns the form of the body, the signature, and the list of hash rules that a receiver is told. One event a request; the id is the
same in every try, and the receiver remembers it. Contact values leave as hashes only, each under the name of its rule; address and
agent stay here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from twofold.destinations import parts
from twofold.destinations.contract import (
    AnswerOutcome,
    AnswerVerdict,
    Destination,
    Limits,
    Option,
    PlatformAnswer,
    Request,
    Suppressed,
    Target,
    Terms,
)
from twofold.event.addressees import Names
from twofold.event.model import Consent, Event, UserData
from twofold.event.vocabulary import HASHED_FIELDS

DAY_S: Final = 86_400
SECRET_PREFIX: Final = "whsec_"  # of every secret of Standard Webhooks
SECRET_FORM: Final = r"whsec_[A-Za-z0-9+/]{32,88}={0,2}"
LIMITS: Final = Limits(
    batch=1,
    request_bytes=20_000,  # advised; a larger event goes all the same
    age_s=7 * DAY_S,
    idempotency_s=7 * DAY_S,  # as long as the receiver remembers ids
)
OPTIONS: Final[Mapping[str, Option]] = {
    "secret": Option(
        meaning="What bodies are signed with: `whsec_` and base64 of 24 to 64 random bytes.",
        required=True, secret=True, pattern=SECRET_FORM,
    ),
    "older_secret": Option(
        meaning="The secret before, while it is being replaced: every body then has both signatures.", secret=True, pattern=SECRET_FORM,
    ),
}  # fmt: skip

_of_people = attrgetter(*HASHED_FIELDS)
_CAPITALS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NOT_A_WORD = re.compile(r"[^a-z0-9_]+")


class _Line(Struct, omit_defaults=True, gc=False):
    id: str | None = None
    quantity: int | None = None
    item_price: str | None = None


class _Data(Struct, kw_only=True, omit_defaults=True, gc=False):
    """What stands in ``data``, in this order; what says nothing is left out."""

    event_name: str
    event_id: str
    event_time: int
    action_source: str
    event_source_url: str | None = None
    referrer_url: str | None = None
    order_id: str | None = None
    value: str | None = None
    currency: str | None = None
    contents: list[_Line] = []
    content_ids: tuple[str, ...] = ()
    user_data: dict[str, dict[str, list[str]]] = {}
    click_ids: dict[str, str] = {}
    consent: dict[str, Any] = {}
    data_processing_options: tuple[str, ...] = ()
    test_event_code: str | None = None


# --- one event to bytes ---------------------------------------------------------------------------------------


def build(event: Event, name: str, _terms: Terms) -> bytes | Suppressed:
    """The whole body: ``type``, ``timestamp`` of the occurrence, ``data``."""
    return parts.encode({"type": type_of(name), "timestamp": f"{parts.moment_of(event)}Z", "data": _data(event)})


@lru_cache(maxsize=256)
def type_of(name: str) -> str:
    """Words with dots, e.g. conversion.add_to_cart."""
    return f"conversion.{_NOT_A_WORD.sub('_', _CAPITALS.sub('_', name).lower()).strip('_') or 'other'}"


def _data(event: Event) -> _Data:
    data, user = event.custom_data, event.user_data
    clicks = event.click_ids
    if user.fbc or user.fbp:
        clicks = clicks | {name: value for name, value in (("fbc", user.fbc), ("fbp", user.fbp)) if value}
    return _Data(
        event_name=event.event_name,
        event_id=event.event_id,
        event_time=event.event_time,
        action_source=event.action_source,
        event_source_url=event.event_source_url or None,
        referrer_url=event.referrer_url or None,
        order_id=data.order_id or None,
        value=parts.amount_text(data.value),
        currency=data.currency or None,
        contents=[_Line(c.id or None, c.quantity, parts.amount_text(c.item_price)) for c in data.contents],
        content_ids=data.content_ids,
        user_data=_hashes(user),
        click_ids=clicks,
        consent=_consent(event),
        data_processing_options=event.data_processing_options or (),
        test_event_code=event.test_event_code or None,
    )


def _consent(event: Event) -> dict[str, Any]:
    stated = event.consent is not Consent.UNSTATED
    if not (stated or event.granted or event.denied):  # as of most events
        return {}
    state = event.consent.value if stated else None
    return parts.filled({"state": state, "granted": list(event.granted), "denied": list(event.denied)})


def _hashes(user: UserData) -> dict[str, dict[str, list[str]]]:
    """By field and rule: ``meta`` for our own, ``sent`` for what came hashed; each once."""
    found: dict[str, dict[str, list[str]]] = {}
    for field, values in zip(HASHED_FIELDS, _of_people(user), strict=True):
        if not values:
            continue
        if len(values) == 1:  # as nearly always
            found[field] = {values[0].rule: [values[0].hex]}
            continue
        by_rule: dict[str, list[str]] = {}
        found[field] = by_rule
        for one in values:
            told = by_rule.setdefault(one.rule, [])
            if one.hex not in told:
                told.append(one.hex)
    return found


# --- frozen bytes to one request ------------------------------------------------------------------------------


def request(payloads: Sequence[bytes], target: Target, _test_event_code: str | None) -> Request:
    """One event, without its signature: that is of each try."""
    (body,) = payloads
    return Request(url=target.endpoint, headers={"content-type": "application/json"}, body=body)


def sign(request: Request, target: Target, now_ms: int) -> Request:
    """With the id, the time of this try, and one signature a secret."""
    ident = f"msg_{hashlib.sha256(request.body).hexdigest()[:32]}"
    secrets = [target.options[name] for name in ("secret", "older_secret") if target.options.get(name)]
    return replace(request, headers=signed_headers(request.body, ident, now_ms // 1000, secrets))


def signed_headers(body: bytes, ident: str, now_s: int, secrets: Sequence[str]) -> dict[str, str]:
    """The headers of one try. ``ident``: the same for every try of one body. Raises `ValueError` for a secret that is none."""
    text = f"{ident}.{now_s}.".encode() + body
    digests = (hmac.digest(secret_bytes(secret), text, hashlib.sha256) for secret in secrets)
    return {
        "content-type": "application/json",
        "webhook-id": ident,
        "webhook-timestamp": str(now_s),
        "webhook-signature": " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests),
    }


def secret_bytes(secret: str) -> bytes:
    """Raises `ValueError` for one that is none: expected `whsec_` and base64 of 24 to 64 bytes."""
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(SECRET_PREFIX) or not 24 <= len(key) <= 64:
        raise ValueError("expected whsec_ and base64 of 24 to 64 bytes")
    return key


# --- one answer to its meaning --------------------------------------------------------------------------------


def classify(answer: PlatformAnswer, _sent: int) -> AnswerVerdict:
    """By the status alone. Another 4xx is retried all the same: the fault may be a deploy of theirs."""
    silent = parts.silence(answer)
    if silent is not None:
        return silent
    status = answer.status or 0
    if 200 <= status < 300:
        return AnswerVerdict(outcome=AnswerOutcome.ACCEPTED, code=f"http-{status}")
    if status == 410:  # the receiver wants no more: a person must act
        return AnswerVerdict(outcome=AnswerOutcome.CREDENTIALS, code="http-410")
    slower = status in (429, 502, 504)
    return AnswerVerdict(
        outcome=AnswerOutcome.THROTTLED if slower else AnswerOutcome.TRANSIENT,
        code=f"http-{status}",
        wait_ms=parts.retry_after_ms(answer),
    )


WEBHOOK: Final = Destination(
    platform="webhook",
    title="Signed webhook",
    called=Names(parts=("webhook",)),
    build=build,
    request=request,
    classify=classify,
    takes_below_zero=True,
    limits=LIMITS,
    sign=sign,
    options=OPTIONS,
    identifiers=dict.fromkeys(HASHED_FIELDS, ("meta", "sent")),
    left_out={
        "client_ip_address": "a receiver is told hashes and click ids, and no address",
        "client_user_agent": "a receiver is told hashes and click ids, and no agent",
        "custom_data.other": "properties of the shop's own may hold anything",
    },
    sources=("Standard Webhooks 1.0.0 (specification)",),
    notes=(
        "`endpoint` is the receiver's address; nothing else is needed but `options.secret`.",
        "The receiver reads the raw bytes, compares any signature of the list in constant time, takes times within five minutes, and "
        "remembers `webhook-id` for as long as an event may come again: a week.",
        "410 says that the receiver wants no more: deliveries wait until somebody acts. Every other refusal is tried again.",
        "A test event code of the settings changes nothing here; an event's own stands in `data.test_event_code`.",
    ),
)
