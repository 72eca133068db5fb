"""What a copy says about consent, and what follows for sending. Read again at every attempt.

The strictest copy wins: one denied copy denies the action. `UNSTATED` is neither; the dataset's
``require_consent`` decides whether silence is enough.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twofold.event.model import Consent

_WORDS = {
    "granted": Consent.GRANTED, "grant": Consent.GRANTED, "true": Consent.GRANTED, "1": Consent.GRANTED,
    "yes": Consent.GRANTED, "denied": Consent.DENIED, "revoke": Consent.DENIED, "revoked": Consent.DENIED,
    "false": Consent.DENIED, "0": Consent.DENIED, "no": Consent.DENIED, "declined": Consent.DENIED,
}  # fmt: skip


def read_consent(value: Any) -> Consent:
    """A sender's word for consent. What is stated but not understood counts as denied, never as granted."""
    if value is None or value == "":
        return Consent.UNSTATED
    if isinstance(value, bool):
        return Consent.GRANTED if value else Consent.DENIED
    return _WORDS.get(str(value).strip().lower(), Consent.DENIED)


def strictest(copies: Iterable[Consent]) -> Consent:
    """The consent of an action from the consents of its copies."""
    seen = set(copies)
    if Consent.DENIED in seen:
        return Consent.DENIED
    return Consent.GRANTED if Consent.GRANTED in seen else Consent.UNSTATED


def may_send(consent: Consent, require_consent: bool) -> bool:
    """True when an action with this consent may leave for an advertising platform."""
    return consent is Consent.GRANTED or (consent is Consent.UNSTATED and not require_consent)
