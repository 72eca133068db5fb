"""Browser tokens: how a shop's server vouches for what its page reports, and what an unvouched word is worth.

A token is ``base64url(JSON) "." base64url(HMAC-SHA256)`` without padding; the code is over the first part as sent, with a
secret that only the shop's server and this gateway know. The JSON has ``dataset`` and ``exp`` (Unix s), and may bind
``names`` (event names), ``order``, ``value`` with ``currency``, and ``visitor``. What is stated must fit the event, or the
event stays as untrusted as any other: it is kept, with a warning, and answered like every other.

Owns reading, binding, and the limits on untrusted money. What waits for confirmation is decided at send time
(`store.trusting`).
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence
from decimal import Decimal
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct

from twofold.collect.policy import TrustRules
from twofold.collect.steps.draft import Draft
from twofold.event.model import CustomData, Tier
from twofold.event.refusal import Refusal

MAX_TOKEN = 2_048  # characters
MAX_LIFE_S = 86_400  # a longer promise would let one page's token be used for weeks
OVER_CAP = "value_over_cap"
NOT_LISTED = "currency_not_listed"


class Claims(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the shop's server says. An unknown field may be a limit that we do not know, so it is refused."""

    dataset: str
    exp: int  # Unix s
    names: tuple[str, ...] | None = None
    order: str | None = None
    value: Decimal | None = None
    currency: str | None = None
    visitor: str | None = None


_decode = msgspec.json.Decoder(Claims).decode


def read_token(token: Any, secrets: Sequence[bytes], dataset: str, now_s: int) -> Claims | str:
    """The claims of a token that is genuine, of this dataset and in its time; else what is wrong, in a few words."""
    if not isinstance(token, str) or not token.isascii() or len(token) > MAX_TOKEN:
        return "is not a token"
    body, dot, code = token.partition(".")
    try:
        given, payload = _plain(code), _plain(body)
    except (binascii.Error, ValueError):
        return "is not a token"
    # Every secret is tried, whichever fits, so that the time says nothing about which one it was.
    fits = [hmac.compare_digest(hmac.digest(secret, body.encode(), sha256), given) for secret in secrets]
    if not dot or not any(fits):
        return "has another signature"
    try:
        claims = _decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, ArithmeticError):
        return "says something that is not known here"
    if claims.dataset != dataset:
        return "is for another dataset"
    if claims.exp <= now_s:
        return "has expired"
    if claims.exp > now_s + MAX_LIFE_S:
        return "lives longer than a day"
    return claims


def misfit(claims: Claims, event_name: str, data: CustomData, visitor: Any) -> str | None:
    """Which stated thing the event does not fit; None when all fit. A stated thing that the event lacks does not fit."""
    if claims.names is not None and event_name not in claims.names:
        return "event name"
    if claims.order is not None and claims.order != data.order_id:
        return "order"
    if claims.value is not None and claims.value != data.value:
        return "value"
    if claims.currency is not None and claims.currency.upper() != data.currency:
        return "currency"
    if claims.visitor is not None and claims.visitor != visitor:
        return "visitor"
    return None


def put_trust(draft: Draft) -> Refusal | None:
    """A browser's copy with a fitting token is T1; one without may claim only so much."""
    if draft.tier is not Tier.T0:
        return None
    trust = draft.origin.policy.trust
    if draft.raw.token not in (None, "") and trust.token_secrets:
        _believe(draft, trust)
    if draft.tier is Tier.T0 and (trust.value_caps or trust.currencies):
        reason = over_limit(draft.custom_data, trust)
        if reason is not None:
            draft.fields["held_back"] = reason
    return None


def over_limit(data: CustomData, trust: TrustRules) -> str | None:
    """Why an untrusted copy's money is not sent; None when it is within the limits, or there is none."""
    if data.currency is not None and trust.currencies and data.currency not in trust.currencies:
        return NOT_LISTED
    cap = trust.value_caps.get(data.currency) if data.currency is not None else None
    return OVER_CAP if cap is not None and data.value is not None and data.value > cap else None


def _believe(draft: Draft, trust: TrustRules) -> None:
    origin = draft.origin
    claims = read_token(draft.raw.token, trust.token_secrets, origin.dataset, origin.received_at // 1000)
    if isinstance(claims, str):
        draft.warnings.append(f"token {claims}; the event is not trusted")
        return
    wrong = misfit(claims, draft.event_name, draft.custom_data, draft.raw.visitor)
    if wrong is not None:
        draft.warnings.append(f"token names another {wrong}; the event is not trusted")
        return
    draft.tier = Tier.T1
    if claims.order is not None:
        draft.fields["order_vouched"] = True


def _plain(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
