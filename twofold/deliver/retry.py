"""What is done about an answer: pure decisions from verdict, counts and time to values.

Owns backoff, horizon, the ambiguity window and the two breakers' rules. Sends nothing, stores nothing, reads no
clock; chance comes in as an argument (0 <= chance < 1).

Two things are decided apart. `decide` is about the deliveries of one request. `pause_for` is about the
destination: an answer that says nothing about the events (dead token, throttling, no connection) costs them
no attempt and stops the destination instead, so that what waits is not worn out while nobody listens.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from msgspec import Struct

from twofold.destinations.contract import AnswerOutcome, AnswerVerdict, Limits
from twofold.event.delivery import Delivery, DeliveryState


class Policy(Struct, frozen=True, kw_only=True):
    """The figures of retrying, all of them here. Sources: spec of the promises P4b, P7, and faults F26 to F37."""

    base_ms: int = 2_000  # ceiling of the first wait
    growth: float = 1.5  # slow enough that an hour of flapping leaves nobody waiting more than ten minutes (F31)
    cap_ms: int = 3_600_000  # no wait is longer
    margin_s: int = 12 * 3600  # resending ends this long before the platform's age limit
    send_margin_s: int = 600  # even a first attempt needs the time of a lease to arrive before the age limit
    repeat_margin_s: int = 3_600  # resending after an unknown fate ends this long before repeats count twice

    probe_ms: int = 60_000  # a stopped destination is tried at most this often
    patience: int = 3  # failures before it is tried with single events only
    worst: int = 6  # failures are counted up to here: from then on it is one probe an interval
    throttle_min_ms: int = 1_000  # bounds of a hint, whatever it says (F30)
    throttle_max_ms: int = 3_600_000

    together: int = 4  # attempts after which a delivery is sent in ever smaller company, to find a poisonous one
    refusal_window_ms: int = 600_000  # the breaker for refusals looks back this far ...
    refusal_share: float = 0.2  # ... opens when this share of requests needed splitting ...
    refusal_least: int = 10  # ... of at least so many
    unknown_tries: int = 8  # a code that nobody knows is believed of one event after so many attempts by itself ...
    unknown_patience_ms: int = 3_600_000  # ... and so long after the first
    unknown_window_ms: int = 300_000  # the breaker for unknown codes looks back this far ...
    unknown_least: int = 20  # ... and opens at so many requests refused with the same one

    hopeless: int = 8  # single refusals in one split, and not one event taken: all are refused, stop asking


class Decision(Struct, frozen=True, kw_only=True):
    """What becomes of the deliveries of one request. ``state`` None: halve the request and ask again."""

    state: DeliveryState | None
    reason: str = ""
    due_at: int | None = None  # ms; for waiting
    counts: bool = True  # False: the answer says nothing about the event, so no attempt is used up


class Pause(Struct, frozen=True, kw_only=True):
    """The destination is left alone until then."""

    reason: str
    until_ms: int
    failures: bool = False  # it counts towards single probes: the destination is unwell, not merely unwilling


REFUSING: Final = "refusing"  # the pause of the breaker for refusals
UNKNOWN: Final = "unknown"  # the pause of the breaker for codes that nobody knows, with the code behind it
HALVE: Final = Decision(state=None)

# The answers that are about the destination alone.
NOT_ABOUT_EVENTS: Final = frozenset({
    AnswerOutcome.CREDENTIALS, AnswerOutcome.MISDIRECTED, AnswerOutcome.THROTTLED, AnswerOutcome.NOT_SENT,
})  # fmt: skip
UNKNOWN_FATE: Final = frozenset({AnswerOutcome.AMBIGUOUS, AnswerOutcome.PARTIAL})


def decide(
    verdict: AnswerVerdict,
    delivery: Delivery,
    *,
    alone: bool,
    unsure_since: int | None,
    now_ms: int,
    sure_ms: int | None = None,
    chance: float,
    limits: Limits,
    policy: Policy,
    repeat_s: int | None = None,
) -> Decision:
    """One delivery's decision after a request with it. ``alone``: the request held no other event.

    ``unsure_since``: start (ms) of the first attempt whose fate is unknown, this one included. Nothing is dead of
    a refusal that it got in company, nor of a time that is not certain to have come (``sure_ms``, else ``now_ms``).
    """
    outcome = verdict.outcome
    if outcome is AnswerOutcome.ACCEPTED:
        return Decision(state=DeliveryState.DELIVERED)
    if outcome in (AnswerOutcome.INVALID, AnswerOutcome.TOO_LARGE):
        return (
            _dead(_because("rejected" if outcome is AnswerOutcome.INVALID else "too_large", verdict))
            if alone
            else HALVE
        )
    if outcome is AnswerOutcome.UNKNOWN and not alone:
        return HALVE
    if outcome in NOT_ABOUT_EVENTS:
        return Decision(state=DeliveryState.WAITING, reason=outcome.value, due_at=now_ms, counts=False)
    due_at = now_ms + backoff_ms(delivery.attempts, chance, policy)
    sure_ms = now_ms if sure_ms is None else sure_ms
    sure_due_at = due_at - now_ms + sure_ms
    if unsure_since is not None and sure_due_at >= repeat_deadline_ms(unsure_since, delivery, limits, policy, repeat_s):
        return _dead("ambiguous")
    if outcome is AnswerOutcome.UNKNOWN and _patience_is_over(delivery, sure_ms, policy):
        return _dead(_because("unknown", verdict))
    if sure_due_at >= horizon_ms(delivery.event_time, delivery.action_source, limits, policy):
        return _dead(_because("horizon", verdict))
    return Decision(state=DeliveryState.WAITING, reason=outcome.value, due_at=due_at)


def _patience_is_over(delivery: Delivery, now_ms: int, policy: Policy) -> bool:
    """True when an event was refused often and long enough for a reason that nobody knows; this attempt included."""
    since = (
        now_ms if delivery.first_attempt_at is None else _not_before_it_happened(delivery.first_attempt_at, delivery)
    )
    return delivery.attempts + 1 >= policy.unknown_tries and now_ms - since >= policy.unknown_patience_ms


def backoff_ms(attempts: int, chance: float, policy: Policy) -> int:
    """Full jitter: anywhere between 0 and a ceiling that grows with the attempts settled so far, up to the cap."""
    return int(chance * ceiling_ms(attempts, policy))


def ceiling_ms(attempts: int, policy: Policy) -> int:
    # The exponent is bounded so that a large count cannot overflow a float.
    return int(min(policy.cap_ms, policy.base_ms * policy.growth ** min(attempts, 200)))


def horizon_ms(event_time: int, action_source: str, limits: Limits, policy: Policy) -> int:
    """When resending an event ends: the destination's age limit less the margin."""
    return (event_time + limits.max_age_s(action_source) - policy.margin_s) * 1000


def repeat_deadline_ms(
    unsure_since: int, delivery: Delivery, limits: Limits, policy: Policy, repeat_s: int | None = None
) -> int:
    """Until when a delivery of unknown fate may be sent again without counting twice; 0 where repeats always count.
    ``repeat_s``: for how long a repeat of this very event is recognised, where its bytes say so."""
    window_s = (limits.max_repeat_s(delivery.action_source) if repeat_s is None else repeat_s) - policy.repeat_margin_s
    return _not_before_it_happened(unsure_since, delivery) + window_s * 1000 if window_s > 0 else 0


def _not_before_it_happened(tried_at: int, delivery: Delivery) -> int:
    """When something was tried (ms). A machine that begins with a clock of years ago stamps what it tries by that, and what was
    on its way when the clock was put right would be given up as tried for years."""
    return max(tried_at, delivery.event_time * 1000)


def max_age_s(action_source: str, limits: Limits, policy: Policy) -> int:
    """How old an event may be when a request with it starts."""
    return limits.max_age_s(action_source) - policy.send_margin_s


def company(attempts: int, batch: int, policy: Policy) -> int:
    """With how many others at most a delivery is sent.

    A platform can fail on one event for ever (500, never a 400). Those that failed with it are not kept
    hostage: after some attempts the request is half as large each time, until the guilty one is alone.
    """
    return max(1, batch >> max(0, attempts - policy.together + 1))


def pause_for(verdict: AnswerVerdict, failures: int, now_ms: int, chance: float, policy: Policy) -> Pause | None:
    """How long the destination is left alone after an answer; None when it may go on.

    ``failures``: how unwell it has been before this answer. Each failure adds one and each good answer takes one
    away: a destination that flaps is asked ever more seldom, so that its retries ride with new events (F31).
    """
    outcome = verdict.outcome
    if outcome in (AnswerOutcome.CREDENTIALS, AnswerOutcome.MISDIRECTED):
        return Pause(reason=_because(outcome.value, verdict), until_ms=now_ms + policy.probe_ms)
    if outcome is AnswerOutcome.THROTTLED:
        wait = _unwell_ms(failures, chance, policy) if verdict.wait_ms is None else verdict.wait_ms
        wait = min(max(wait, policy.throttle_min_ms), policy.throttle_max_ms)
        return Pause(reason=_because("throttled", verdict), until_ms=now_ms + wait, failures=True)
    if outcome in (AnswerOutcome.TRANSIENT, AnswerOutcome.AMBIGUOUS, AnswerOutcome.NOT_SENT):
        wait = max(_unwell_ms(failures, chance, policy), _hinted_ms(verdict, policy))
        reason = "unreachable" if outcome is AnswerOutcome.NOT_SENT else "unwell"
        return Pause(reason=_because(reason, verdict), until_ms=now_ms + wait, failures=True)
    return None


def refusing(now_ms: int, policy: Policy) -> Pause:
    """The pause of the breaker for refusals: a change at the platform or at the shop, a person must look."""
    return Pause(reason=REFUSING, until_ms=now_ms + policy.probe_ms)


def unknown_pause(code: str, now_ms: int, policy: Policy) -> Pause:
    """The pause of the breaker for a code that nobody knows: it is asked once an interval whether that is over."""
    return Pause(reason=f"{UNKNOWN}:{code}", until_ms=now_ms + policy.probe_ms)


def _unwell_ms(failures: int, chance: float, policy: Policy) -> int:
    """Full jitter while the ceiling is below the probe interval, then exactly one probe an interval."""
    ceiling = policy.base_ms * 2 ** min(failures, 30)
    return policy.probe_ms if ceiling >= policy.probe_ms else int(chance * ceiling)


def _hinted_ms(verdict: AnswerVerdict, policy: Policy) -> int:
    """A Retry-After beside a 5xx; without one, no wait of its own."""
    return min(max(verdict.wait_ms or 0, 0), policy.throttle_max_ms)


def _dead(reason: str) -> Decision:
    return Decision(state=DeliveryState.DEAD, reason=reason)


def _because(word: str, verdict: AnswerVerdict) -> str:
    return f"{word}:{verdict.code}" if verdict.code else word


_SLOTS = 60  # in which a window is counted


class Refusals:
    """How many requests the last ten minutes had, and how many of them needed splitting (F27).

    Counted by slots of time: a destination may have a thousand requests a second, and the loop asks for the share of all.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._slot_ms = policy.refusal_window_ms // _SLOTS
        self._seen: deque[list[int]] = deque()  # a slot's beginning, its requests, those of them that needed splitting

    def note(self, now_ms: int, refused: bool) -> None:
        """Counts one request as first sent; its halves are not counted again."""
        begun = now_ms - now_ms % self._slot_ms
        if not self._seen or self._seen[-1][0] != begun:
            self._seen.append([begun, 0, 0])
        self._seen[-1][1] += 1
        self._seen[-1][2] += refused
        while self._seen[0][0] < now_ms - self._policy.refusal_window_ms:
            self._seen.popleft()

    def too_many(self) -> bool:
        """True when the breaker must open."""
        requests, refused = (sum(slot[n] for slot in self._seen) for n in (1, 2))
        return requests >= self._policy.refusal_least and refused >= self._policy.refusal_share * requests

    def forget(self) -> None:
        """After a pause the share starts anew."""
        self._seen.clear()


class UnknownCodes:
    """The last requests that were refused with each code that nobody knows."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._seen: dict[str, deque[int]] = {}

    def note(self, now_ms: int, code: str) -> bool:
        """Counts one request; True when the breaker must open on this code, which then starts anew."""
        for gone in [c for c, times in self._seen.items() if times[-1] < now_ms - self._policy.unknown_window_ms]:
            del self._seen[gone]
        seen = self._seen.setdefault(code, deque())
        seen.append(now_ms)
        while seen[0] < now_ms - self._policy.unknown_window_ms:
            seen.popleft()
        if len(seen) < self._policy.unknown_least:
            return False
        del self._seen[code]
        return True
