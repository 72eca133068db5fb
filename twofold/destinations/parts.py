"""What the files of several platforms share: hashes by rule, money as text, consent as a word, clocks ahead, an answer by its status.

Owns nothing of any one platform. Meta's file needs no more of it than what reads an answer: its wire is ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, Final

import msgspec

from twofold.destinations.contract import AnswerOutcome, AnswerVerdict, Failure, PlatformAnswer, RefusedEvent
from twofold.event.model import Consent, Event
from twofold.matching.other_forms import MADE_ALWAYS

encode: Final = msgspec.json.Encoder(decimal_format="number").encode

_TRACE: Final = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9_-]{8,40}")  # no address, no phone, no hash of a person
MOST_WAIT_S: Final = 10**9
"""Whoever asks for more is clamped anyway."""

STATUSES: Final[dict[int, AnswerOutcome]] = {
    401: AnswerOutcome.CREDENTIALS,
    403: AnswerOutcome.CREDENTIALS,
    404: AnswerOutcome.MISDIRECTED,
    408: AnswerOutcome.TRANSIENT,
    410: AnswerOutcome.MISDIRECTED,
    413: AnswerOutcome.TOO_LARGE,
    425: AnswerOutcome.TRANSIENT,  # too early: a connection that is not yet safe
    429: AnswerOutcome.THROTTLED,
}
"""HTTP's own meaning, for a platform that documents no other."""

_DAY_S: Final = 86_400
_OWN: Final = ("meta", "sent")  # in what order a platform takes them whose rule is Meta's own


# -- of an event


def hexes(event: Event, field: str, rules: Sequence[str]) -> list[str]:
    """The hashes of one contact field under the first of ``rules`` that has any, then of the next; each once."""
    own = getattr(event.user_data, field)
    found: list[str] = []
    if not own and not event.forms:
        return found
    if rules == _OWN and len(own) == 1:  # as nearly always
        return [own[0].hex]
    for rule in rules:
        for hashed in own if rule in MADE_ALWAYS else event.forms:
            if hashed.rule == rule and hashed.hex not in found:
                found.append(hashed.hex)
    return found


def people(event: Event, identifiers: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The hashes of all contact fields that a platform takes under our names; none of what it has not."""
    user, forms, found = event.user_data, event.forms, {}
    for field, rules in identifiers.items():
        own = getattr(user, field)
        if rules == _OWN and len(own) < 2:  # as nearly always
            if own:
                found[field] = [own[0].hex]
        elif (own or forms) and (hashed := hexes(event, field, rules)):
            found[field] = hashed
    return found


def amount(value: Decimal | None) -> Decimal | None:
    """Money for a JSON number: without an exponent, and with its decimals as they came."""
    return value if value is None or "E" not in str(value) else Decimal(format(value, "f"))


def amount_text(value: Decimal | None) -> str | None:
    """Money for a JSON text, for a platform that wants one."""
    if value is None:
        return None
    text = str(value)  # half the time of the other, and the same where nothing stands for zeros
    return text if "E" not in text else format(value, "f")


def allows(event: Event, purpose: str) -> bool | None:
    """What the shopper said of one purpose; None where nothing was said."""
    if event.consent is Consent.DENIED or purpose in event.denied:
        return False
    return True if event.consent is Consent.GRANTED or purpose in event.granted else None


def is_limited(event: Event) -> bool:
    """True under Limited Data Use, or where the sale of data was denied."""
    return bool(event.data_processing_options) or "sale_of_data" in event.denied


def happened_s(event: Event) -> int:
    """When it happened, never later than we were told: a clock ahead is no reason for a platform to refuse it."""
    return min(event.event_time, event.received_at // 1000)


def moment_of(event: Event) -> str:
    """When it happened in UTC, as ISO 8601 without a zone: 2026-09-21T14:13:20."""
    days, rest = divmod(happened_s(event), _DAY_S)
    minutes, second = divmod(rest, 60)
    hour, minute = divmod(minutes, 60)
    return f"{_day(days)}T{hour:02}:{minute:02}:{second:02}"


@lru_cache(maxsize=64)
def _day(days: int) -> str:
    """A day, counted from 1970-01-01: events that leave together are mostly of one."""
    return datetime.fromtimestamp(days * _DAY_S, UTC).date().isoformat()


def filled(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Without what says nothing; 0 and False say something."""
    # Nearly all that is kept is true, which costs a sixth of comparing it.
    return {
        key: value
        for key, value in tree.items()
        if value or (value is not None and value != "" and value != [] and value != {})
    }


TITLE, CATEGORY, BRAND = ("title", "name", "item_name"), ("category", "item_category"), ("brand", "item_brand")
"""Under which names shops tell these of a piece of goods, best first."""


def one_hex(event: Event, field: str, rules: Sequence[str]) -> str | None:
    """The first of `hexes`, for a platform that has room for one."""
    return next(iter(hexes(event, field, rules)), None)


def said(other: Mapping[str, Any], names: Sequence[str]) -> str | None:
    """What a shop's own property says: the first of these names that has anything, if it is a text."""
    if not other:
        return None
    for name in names:
        value = other.get(name)
        if value:
            return value if isinstance(value, str) else None
    return None


def text(value: Any) -> str | None:
    """A text as it is; nothing for what is none, which a platform would refuse."""
    return value if isinstance(value, str) else None


# -- of frozen bytes


def head_of(payload: bytes, marker: bytes) -> bytes:
    """All before the list of events, for a platform whose requests say something once for all their events."""
    return payload.partition(marker)[0]


def joined(payloads: Sequence[bytes], marker: bytes) -> bytes:
    """Several bodies with one event each and the same head, as one body. ``marker``: the list's key and opening, ``,"events":[``,
    which no text inside can hold, as its quotes would be escaped. The list comes last."""
    head = head_of(payloads[0], marker)
    return head + marker + b",".join(p[len(head) + len(marker) : -2] for p in payloads) + b"]}"


# -- of an answer


def silence(answer: PlatformAnswer) -> AnswerVerdict | None:
    """A verdict for what is no whole answer of an API: nothing, or a redirect. None for all else."""
    if answer.status is None:
        outcome = AnswerOutcome.AMBIGUOUS if answer.written else AnswerOutcome.NOT_SENT
        return AnswerVerdict(outcome=outcome, code=str(answer.failure or Failure.BROKEN))
    if 300 <= answer.status < 400:
        return AnswerVerdict(outcome=AnswerOutcome.MISDIRECTED, code=f"http-{answer.status}")
    return None


def by_status(
    answer: PlatformAnswer,
    *,
    statuses: Mapping[int, AnswerOutcome] = STATUSES,
    rest: AnswerOutcome = AnswerOutcome.UNKNOWN,
) -> AnswerOutcome:
    """What a refusal means by its status; ``rest`` for a 4xx that no table has, if the platform itself said it. Nothing is an event's
    fault because a page says so: a proxy's, or that of whoever stands before the platform."""
    status = answer.status or 0
    if status in statuses and not (statuses[status] is AnswerOutcome.INVALID and is_page(answer)):
        return statuses[status]
    if status >= 500 or status < 200 or (answer.body and read_object(answer) is None):
        return AnswerOutcome.TRANSIENT  # unwell, or something between us and the platform answered
    return rest


def read_object(answer: PlatformAnswer) -> dict[str, Any] | None:
    """The body's JSON object; None for anything else."""
    if not answer.complete:
        return None
    try:
        tree = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeError, RecursionError, ValueError):
        return None
    return tree if isinstance(tree, dict) else None


def is_page(answer: PlatformAnswer) -> bool:
    """A body for people, which no platform's API writes."""
    return answer.body.lstrip()[:1] == b"<"


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; none of what is no list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def refused_at(places: Iterable[int], code: str, sent: int) -> tuple[RefusedEvent, ...]:
    """The events at these places, each once; a place that was not sent names nobody."""
    return tuple(RefusedEvent(place, code) for place in sorted(set(places)) if 0 <= place < sent)


def trace(value: Any) -> str:
    """The platform's number of a request, which its support asks for; nothing for what has not the form of one: it is kept as it
    came, so it must be nobody's address."""
    return value if isinstance(value, str) and _TRACE.fullmatch(value) else ""


def texts(*parts: object) -> str:
    """The platform's words for people, one after the other; untrusted."""
    return " | ".join(str(p)[:1000] for p in parts if isinstance(p, str | list) and p)


def retry_after_ms(answer: PlatformAnswer) -> int | None:
    """Retry-After, in seconds or as a time, unclamped and maybe absurd. No ad platform documents it: it is read, never relied on."""
    text = answer.headers.get("retry-after", "").strip()
    if re.fullmatch(r"-?[0-9]{1,300}", text, re.ASCII):
        return max(-MOST_WAIT_S, min(int(text), MOST_WAIT_S)) * 1000
    try:
        # A point in time is read against the sender's own clock, so that ours does not matter.
        date = parsedate_to_datetime(answer.headers.get("date", ""))
        return int((parsedate_to_datetime(text) - date).total_seconds() * 1000)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
