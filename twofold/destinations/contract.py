"""What every destination is: one frozen value of pure functions and limits.

Owns the shape that `deliver` works with and nothing of any platform. A destination builds the bytes of one
event, wraps frozen bytes into a request, and reads an answer. What is done about the answer is decided in
`deliver.retry`, the same way for all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from twofold.event.delivery import Builder, Suppressed

__all__ = [
    "AnswerOutcome",
    "AnswerVerdict",
    "Builder",
    "Destination",
    "Failure",
    "Limits",
    "PlatformAnswer",
    "Request",
    "Suppressed",
    "Target",
]


class AnswerOutcome(StrEnum):
    """What one answer means. `deliver.retry` has one decision for each."""

    ACCEPTED = "accepted"  # the platform took every event of the request
    PARTIAL = "partial"  # it says yes, but to another number of events than were sent
    AMBIGUOUS = "ambiguous"  # the request went out, and whether it was taken is not known
    INVALID = "invalid"  # it refuses the request for what at least one event says
    UNKNOWN = "unknown"  # it refuses the request for a reason that is on no list: an event's fault, or its own
    TOO_LARGE = "too_large"  # it refuses the request for its size
    CREDENTIALS = "credentials"  # token, permission or dataset: a person must act
    MISDIRECTED = "misdirected"  # the address is not the platform's API: a person must act
    THROTTLED = "throttled"  # later, and less of it
    TRANSIENT = "transient"  # the platform is unwell, the events may be fine
    NOT_SENT = "not_sent"  # nothing of the request left this machine


class Failure(StrEnum):
    """Why there is no whole answer."""

    DNS = "dns"  # the name has no address
    REFUSED = "refused"  # no connection could be made
    TLS = "tls"  # whoever answered could not prove the name
    SLOW = "slow"  # the time for one request was over
    BROKEN = "broken"  # the connection ended, or what came is not HTTP


class PlatformAnswer(Struct, frozen=True, kw_only=True):
    """What came back for one request; untrusted in every part.

    ``status`` None: no status line was read, and ``failure`` says why. ``written``: at least a part of the
    request may have reached the platform. ``body`` is cut at the sender's cap; ``complete`` says it was not.
    ``headers`` have lower-case names.
    """

    status: int | None = None
    headers: Mapping[str, str] = {}
    body: bytes = b""
    complete: bool = True
    written: bool = True
    failure: Failure | None = None


class AnswerVerdict(Struct, frozen=True, kw_only=True):
    """An answer, judged.

    ``code`` is the platform's own number, or ``http-STATUS``, or the `Failure`: never free text. ``note`` is what
    the platform wrote for people, untrusted: `deliver.redact` before it is kept or shown. ``wait_ms`` is the
    platform's hint when to come back, unclamped and maybe absurd. ``trace`` is the number under which the platform finds the
    request again.
    """

    outcome: AnswerOutcome
    code: str = ""
    wait_ms: int | None = None
    note: str = ""
    trace: str = ""


class Request(Struct, frozen=True, kw_only=True):
    """One POST. The url never holds a secret."""

    url: str
    headers: Mapping[str, str]
    body: bytes


class Target(Protocol):
    """Where and as whom to send: the fields of `config.DestinationSettings` that a platform reads."""

    @property
    def endpoint(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def remote_dataset(self) -> str: ...
    @property
    def token(self) -> str: ...
    @property
    def app_secret(self) -> str: ...


class Limits(Struct, frozen=True, kw_only=True):
    """What a platform accepts, as data. The ``_by_source`` maps are keyed by action_source."""

    batch: int  # events in one request
    request_bytes: int  # body of one request; a single event above it is sent alone and judged by the platform
    age_s: int  # how old an event may be when it arrives
    age_s_by_source: Mapping[str, int] = {}
    idempotency_s: int  # how long a repeat is recognised; 0: a repeat counts twice
    idempotency_s_by_source: Mapping[str, int] = {}

    def max_age_s(self, action_source: str) -> int:
        """Seconds after ``event_time`` at which the platform refuses the event."""
        return self.age_s_by_source.get(action_source, self.age_s)

    def max_repeat_s(self, action_source: str) -> int:
        """Seconds after a first attempt during which sending the same again is harmless."""
        return self.idempotency_s_by_source.get(action_source, self.idempotency_s)


class Destination(Struct, frozen=True, kw_only=True):
    """One platform.

    ``build``: a folded action to the JSON bytes of one event, or why it must not be sent.
    ``request``: frozen bytes, target, test event code to one request.
    ``classify``: an answer and the number of events sent to a verdict; never raises, whatever came.
    """

    platform: str
    build: Builder
    request: Callable[[Sequence[bytes], Target, str | None], Request]
    classify: Callable[[PlatformAnswer, int], AnswerVerdict]
    limits: Limits
