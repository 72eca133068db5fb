"""What every destination is: one frozen value of pure functions, tables and limits.

Owns the shape that `deliver` works with and nothing of any platform. A destination builds the bytes of one
event, wraps frozen bytes into a request, and reads an answer. What is done about the answer is decided in
`deliver.retry`, the same way for all. What a merchant sets for a destination reaches it as `Terms` (before the bytes are
frozen) and as `Target` (at each attempt). Helpers that several platforms share are in `parts`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, Protocol

from msgspec import Struct

from twofold.event.addressees import Names
from twofold.event.delivery import Builder, Suppressed
from twofold.event.model import Event

__all__ = [
    "AnswerOutcome",
    "AnswerVerdict",
    "Builder",
    "Destination",
    "Failure",
    "Grant",
    "GrantAnswer",
    "LaterAnswer",
    "LaterResult",
    "Limits",
    "Option",
    "PlatformAnswer",
    "RefusedEvent",
    "Request",
    "Suppressed",
    "Target",
    "Terms",
]

NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


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


class RefusedEvent(Struct, frozen=True):
    """One event of a request that the platform named by its place, counted from 0, with its own code for it."""

    index: int
    code: str = ""


class AnswerVerdict(Struct, frozen=True, kw_only=True):
    """An answer, judged.

    ``code`` is the platform's own number, or ``http-STATUS``, or the `Failure`: never free text. ``note`` is what
    the platform wrote for people, untrusted: `deliver.redact` before it is kept or shown. ``wait_ms`` is the
    platform's hint when to come back, unclamped and maybe absurd. ``trace`` is the number under which the platform finds the
    request again.

    ``refused`` names events by their places. With ACCEPTED: the platform took the others and will never take these. With INVALID:
    it took none, and these are why; the others are sent again without them, and each of these alone once more, as nothing is
    dead of a refusal that it got in company. ``later``: the key under which the platform tells what became of the request.
    """

    outcome: AnswerOutcome
    code: str = ""
    wait_ms: int | None = None
    note: str = ""
    trace: str = ""
    refused: tuple[RefusedEvent, ...] = ()
    later: str = ""


class Request(Struct, frozen=True, kw_only=True):
    """One request. The url never holds a secret: what a platform wants in the query stands in ``query``, which is added where the
    request is written to the socket and stands in no stored, logged or shown address."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    method: str = "POST"
    query: Mapping[str, str] = NOTHING


class Target(Protocol):
    """Where and as whom to send: the fields of `config.DestinationSettings` that a platform reads at each attempt.

    ``token`` is the access token of the hour where the platform has a `Grant`. ``options``: see `Option`.
    """

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
    @property
    def options(self) -> Mapping[str, str]: ...


class Terms(Struct, frozen=True, kw_only=True):
    """What a merchant's settings say about the bytes of one destination."""

    events: Mapping[str, str] = NOTHING  # our event name to theirs, or to an id there; "" keeps it from leaving
    only: frozenset[str] = frozenset()  # names that leave; empty: all that have a name there
    share: float = 1.0  # of the browsers whose events leave
    withheld: Mapping[str, frozenset[str]] = NOTHING  # event name, or *, to properties that leave for no platform
    options: Mapping[str, str] = NOTHING


class Option(Struct, frozen=True, kw_only=True):
    """A setting that only this platform has, in the table ``options`` of its [[destination]]."""

    meaning: str  # a sentence for the settings' page
    required: bool = False
    secret: bool = False  # never shown; taken out of what the platform writes back
    pattern: str = ""  # a regular expression for the whole value; empty: any text


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


class GrantAnswer(Struct, frozen=True, kw_only=True):
    """What came of asking for an access token: the token and for how many seconds it is good, or a verdict without one."""

    token: str = ""
    seconds: int = 0
    verdict: AnswerVerdict | None = None


class Grant(Struct, frozen=True, kw_only=True):
    """How a short-lived access token is had from the long-lived secrets of the settings (OAuth). It lives in memory only."""

    request: Callable[[Target], Request | None]  # None: the settings' own token is used
    read: Callable[[PlatformAnswer], GrantAnswer]


class LaterResult(Struct, frozen=True, kw_only=True):
    """What a platform says minutes after it took a request. ``counts``: its own words to how many events."""

    state: str  # "processing", "success", "partial", "failed"
    counts: Mapping[str, int] = NOTHING


class LaterAnswer(Struct, frozen=True, kw_only=True):
    """How the result of a request is asked for under `AnswerVerdict.later`, and what the answer says; None: ask again."""

    request: Callable[[str, Target], Request]
    read: Callable[[PlatformAnswer], LaterResult | None]
    first_s: int  # after which time it is asked first
    last_s: int  # after which time nobody asks any more


class Destination(Struct, frozen=True, kw_only=True):
    """One platform. Everything from ``names`` on has a default: a platform says only what it has.

    ``build``: a folded action, the name it has there and the merchant's terms, to the JSON bytes of one event, or why it must not
    be sent. Pure; the bytes are frozen and every attempt carries them.
    ``request``: frozen bytes, target, test event code to one request.
    ``classify``: an answer and the number of events sent to a verdict; never raises, whatever came.
    """

    platform: str
    build: Callable[[Event, str, Terms], bytes | Suppressed]
    request: Callable[[Sequence[bytes], Target, str | None], Request]
    classify: Callable[[PlatformAnswer, int], AnswerVerdict]
    limits: Limits
    title: str = ""  # as people call it
    called: Names = Names()  # as senders call it
    endpoint: str = ""  # where its API is, unless the setting says another
    version: str = ""  # of its API, where the address or a header has one; the setting overrides it
    version_form: str = ""  # a regular expression for the whole of it; empty: there is none to set
    sunsets: Mapping[str, str] = NOTHING  # version to the day (ISO) on which it ends, as the platform has said
    names: Mapping[str, str] | None = None  # our event name to theirs; None: they are ours
    custom: Callable[[str], str | None] | None = (
        None  # a name that is not in ``names`` to theirs; None: it has none there
    )
    needs_names: bool = False  # each event needs an id of its own there, from the setting ``events``
    only: frozenset[str] = frozenset()  # names that leave unless the setting ``only`` says more; empty: all
    identifiers: Mapping[str, tuple[str, ...]] = NOTHING  # contact field to the rules whose hashes it takes, best first
    left_out: Mapping[str, str] = NOTHING  # part of an event, as in `explain.PARTS`, to why it has no place there
    options: Mapping[str, Option] = NOTHING
    takes_below_zero: bool = False  # a value below zero; False also where nobody says so
    purposes: tuple[str, ...] = ("marketing", "ad_user_data")  # that must not be denied, unless the setting says others
    repeat_s: Callable[[bytes], int] | None = (
        None  # frozen bytes to how long a repeat is recognised; None: `Limits` says it
    )
    group: Callable[[bytes], bytes] | None = None  # frozen bytes to what all events of one request must share
    sign: Callable[[Request, Target, int], Request] | None = (
        None  # at the attempt: its time in ms, e.g. for a signature
    )
    grant: Grant | None = None
    later: LaterAnswer | None = None
    sources: tuple[str, ...] = ()  # pages and packages that its facts are from, for the documentation
    notes: tuple[str, ...] = ()  # what an operator must know, for the documentation
