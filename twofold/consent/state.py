"""What a copy says about consent, and what follows for sending. Read again at every attempt.

The strictest copy wins: one denied copy denies the action. `UNSTATED` is neither; the dataset's rules decide
whether silence is enough. An action's consent is one short text, so that it is read without its copies:
the word, then what is said about single purposes, e.g. ``unstated;+analytics;-sale_of_data;!`` (``!``: silence
is not enough here).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from twofold.event.model import Consent, Event

PURPOSES = ("marketing", "ad_user_data", "personalization", "analytics", "sale_of_data")
"""What consent can be given or denied for, in our words."""

PLATFORM = "platform:"
"""Before the name of a platform that a shopper refused by name. Not asked for: silence and a yes to the purposes are enough."""

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


def is_consent_word(text: str) -> bool:
    """True for a word that `read_consent` understands."""
    return text.strip().lower() in _WORDS


def strictest(copies: Iterable[Consent]) -> Consent:
    """The consent of an action from the consents of its copies."""
    seen = set(copies)
    if Consent.DENIED in seen:
        return Consent.DENIED
    return Consent.GRANTED if Consent.GRANTED in seen else Consent.UNSTATED


def consent_text(event: Event) -> str:
    """A copy's consent as one text."""
    if not event.granted and not event.denied and not event.consent_required:
        return event.consent
    denied = set(event.denied)
    return _text(event.consent, set(event.granted) - denied, denied, event.consent_required)


def with_consent(event: Event, text: str) -> Event:
    """The event with an action's consent instead of its own; the inverse of `consent_text`."""
    consent, granted, denied, required = _parts(text)
    return replace(
        event,
        consent=consent,
        granted=tuple(sorted(granted)),
        denied=tuple(sorted(denied)),
        consent_required=required,
    )


def strictest_text(a: str, b: str) -> str:
    """Two consents as one: what either denies is denied, what either demands is demanded."""
    if a == b:
        return a
    state_a, granted_a, denied_a, required_a = _parts(a)
    state_b, granted_b, denied_b, required_b = _parts(b)
    denied = denied_a | denied_b
    return _text(strictest((state_a, state_b)), (granted_a | granted_b) - denied, denied, required_a or required_b)


def why_not_send(text: str, purposes: Sequence[str], require: bool) -> str | None:
    """None when an action with this consent may leave for a destination that needs these purposes; else the reason."""
    if text == "granted" or (text == "unstated" and not require):
        return None
    state, granted, denied, required = _parts(text)
    if state is Consent.DENIED:
        return "consent_denied"
    missing = next((p for p in purposes if p in denied), None)
    if missing:
        return f"consent_denied:{missing}"
    asked = [p for p in purposes if not p.startswith(PLATFORM)]
    stated = state is Consent.GRANTED or (bool(asked) and all(p in granted for p in asked))
    return None if stated or not (require or required) else "consent_unstated"


def _text(state: Consent, granted: set[str], denied: set[str], required: bool) -> str:
    said = [f"+{p}" for p in sorted(granted)] + [f"-{p}" for p in sorted(denied)]
    return ";".join([state.value, *said, *(["!"] if required else [])])


def _parts(text: str) -> tuple[Consent, set[str], set[str], bool]:
    state, *said = text.split(";")
    granted = {s[1:] for s in said if s[0] == "+"}
    return Consent(state), granted, {s[1:] for s in said if s[0] == "-"}, "!" in said
