"""The laws of retrying: pure decisions, so no clock and no waiting."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twofold.deliver.retry import (
    HALVE,
    Policy,
    Refusals,
    UnknownCodes,
    backoff_ms,
    ceiling_ms,
    company,
    decide,
    max_age_s,
    pause_for,
    repeat_deadline_ms,
)
from twofold.destinations.contract import AnswerOutcome, AnswerVerdict, Limits
from twofold.destinations.meta import LIMITS
from twofold.event.delivery import Delivery, DeliveryState

NOW_MS = 1_790_000_000_000
HOUR_MS = 3_600_000
DAY_S = 86_400
POLICY = Policy()
CHANCES = st.floats(0, 1, exclude_max=True)


def delivery(**changes):
    fields = {
        "id": 1,
        "destination": "meta-1",
        "dataset": "1",
        "action": 1,
        "event_name": "Purchase",
        "event_id": "e1",
        "event_time": NOW_MS // 1000 - 60,
        "action_source": "website",
        "attempts": 0,
        "first_attempt_at": None,
        "created_at": NOW_MS - 60_000,
        "test_event_code": None,
        "payload": b"{}",
        "lease": 1,
    }
    return Delivery(**{**fields, **changes})


def decided(outcome, *, given=None, alone=False, unsure_since=None, now_ms=NOW_MS, chance=0.5, code="1", limits=LIMITS):
    return decide(
        AnswerVerdict(outcome=outcome, code=code),
        given or delivery(),
        alone=alone,
        unsure_since=unsure_since,
        now_ms=now_ms,
        chance=chance,
        limits=limits,
        policy=POLICY,
    )


DELIVERED, WAITING, DEAD = DeliveryState.DELIVERED, DeliveryState.WAITING, DeliveryState.DEAD

# outcome, alone -> state, reason, does it use up an attempt
DECISIONS = [
    (AnswerOutcome.ACCEPTED, False, DELIVERED, "", True),
    (AnswerOutcome.INVALID, False, None, "", True),
    (AnswerOutcome.INVALID, True, DEAD, "rejected:1", True),
    (AnswerOutcome.UNKNOWN, False, None, "", True),
    (AnswerOutcome.UNKNOWN, True, WAITING, "unknown", True),
    (AnswerOutcome.TOO_LARGE, False, None, "", True),
    (AnswerOutcome.TOO_LARGE, True, DEAD, "too_large:1", True),
    (AnswerOutcome.TRANSIENT, False, WAITING, "transient", True),
    (AnswerOutcome.AMBIGUOUS, False, WAITING, "ambiguous", True),
    (AnswerOutcome.PARTIAL, False, WAITING, "partial", True),
    (AnswerOutcome.CREDENTIALS, False, WAITING, "credentials", False),
    (AnswerOutcome.MISDIRECTED, False, WAITING, "misdirected", False),
    (AnswerOutcome.THROTTLED, False, WAITING, "throttled", False),
    (AnswerOutcome.NOT_SENT, False, WAITING, "not_sent", False),
]


@pytest.mark.parametrize(("outcome", "alone", "state", "reason", "counts"), DECISIONS)
def test_each_outcome_has_its_decision(outcome, alone, state, reason, counts):
    """Nothing is dead of an answer it got in company, and what is about the destination costs no attempt."""
    decision = decided(outcome, alone=alone, unsure_since=NOW_MS if outcome is AnswerOutcome.AMBIGUOUS else None)

    assert (decision.state, decision.reason, decision.counts) == (state, reason, counts)
    assert (decision.due_at is not None) == (state is WAITING)


def test_every_outcome_is_decided():
    """No outcome is without a row above."""
    assert {row[0] for row in DECISIONS} == set(AnswerOutcome)


@given(attempts=st.integers(0, 10_000), chance=CHANCES)
def test_a_wait_is_anywhere_below_its_ceiling(attempts, chance):
    """Full jitter: 0 <= wait <= ceiling <= one hour, and chance alone moves it."""
    assert 0 <= backoff_ms(attempts, chance, POLICY) <= ceiling_ms(attempts, POLICY) <= HOUR_MS
    assert backoff_ms(attempts, 0.0, POLICY) == 0


@given(st.integers(0, 10_000))
def test_waits_grow(attempts):
    """A further attempt never has a lower ceiling; the first is two seconds."""
    assert ceiling_ms(attempts, POLICY) <= ceiling_ms(attempts + 1, POLICY)
    assert ceiling_ms(0, POLICY) == 2_000


@given(
    outcome=st.sampled_from([AnswerOutcome.TRANSIENT, AnswerOutcome.PARTIAL, AnswerOutcome.AMBIGUOUS]),
    age_s=st.integers(0, 8 * DAY_S),
    later_s=st.integers(0, DAY_S),
    attempts=st.integers(0, 500),
    chance=CHANCES,
    source=st.sampled_from(["website", "physical_store"]),
)
def test_once_given_up_always_given_up(outcome, age_s, later_s, attempts, chance, source):
    """The horizon is monotone: what is dead now would be dead at any later time."""
    given_ = delivery(event_time=NOW_MS // 1000 - age_s, attempts=attempts, action_source=source)
    then = NOW_MS + later_s * 1000

    now_dead = decided(outcome, given=given_, chance=chance).state is DEAD
    then_dead = decided(outcome, given=given_, chance=chance, now_ms=then).state is DEAD

    assert then_dead or not now_dead


# age of the event, action source -> is it still retried
HORIZONS = [
    (0, "website", True),
    (6.4 * DAY_S, "website", True),
    (6.5 * DAY_S + 1, "website", False),
    (7 * DAY_S, "website", False),
    (61.4 * DAY_S, "physical_store", True),
    (61.5 * DAY_S + 1, "physical_store", False),
]


@pytest.mark.parametrize(("age_s", "source", "retried"), HORIZONS)
def test_resending_ends_twelve_hours_before_the_age_limit(age_s, source, retried):
    """Seven days for most, sixty-two for the store; less half a day."""
    given_ = delivery(event_time=NOW_MS // 1000 - int(age_s), action_source=source)

    decision = decided(AnswerOutcome.TRANSIENT, given=given_, code="http-500")

    assert (decision.state, decision.reason) == ((WAITING, "transient") if retried else (DEAD, "horizon:http-500"))


def test_an_answer_about_the_destination_ends_nothing():
    """Waiting for a new token past the horizon is not a failed attempt; the age check at the claim decides."""
    old = delivery(event_time=NOW_MS // 1000 - 6 * DAY_S - 80_000, attempts=400)

    assert decided(AnswerOutcome.CREDENTIALS, given=old).state is WAITING


# hours since the attempt of unknown fate, action source, this answer -> is it sent again
REPEATS = [
    (0, "website", AnswerOutcome.AMBIGUOUS, True),
    (46.9, "website", AnswerOutcome.AMBIGUOUS, True),
    (47, "website", AnswerOutcome.AMBIGUOUS, False),
    (47, "website", AnswerOutcome.TRANSIENT, False),
    (46.9, "website", AnswerOutcome.TRANSIENT, True),
    (0, "business_messaging", AnswerOutcome.AMBIGUOUS, False),
    (0, "business_messaging", AnswerOutcome.PARTIAL, False),
]


@pytest.mark.parametrize(("hours", "source", "outcome", "again"), REPEATS)
def test_an_unknown_fate_is_repeated_only_while_repeats_are_recognised(hours, source, outcome, again):
    """48 hours less one after the first unknown attempt, whatever came since; never where repeats count twice."""
    unsure_since = NOW_MS - int(hours * HOUR_MS)

    given = delivery(action_source=source, event_time=NOW_MS // 1000 - 3 * DAY_S)

    decision = decided(outcome, given=given, unsure_since=unsure_since, chance=0.0)

    assert (decision.state is WAITING) == again
    assert again or decision.reason == "ambiguous"


def test_nothing_was_tried_before_it_happened():
    """A first attempt that a clock of thirty years ago has stamped is not thirty years ago."""
    then = NOW_MS - 30 * 365 * DAY_S * 1000
    known = delivery(attempts=POLICY.unknown_tries, first_attempt_at=then)

    assert decided(AnswerOutcome.AMBIGUOUS, unsure_since=then).state is WAITING
    assert decided(AnswerOutcome.UNKNOWN, given=known, alone=True).state is WAITING


@pytest.mark.parametrize(("tried", "minutes", "state"), [(7, 60, DEAD), (6, 60, WAITING), (7, 59, WAITING)])
def test_an_unknown_code_is_believed_after_eight_attempts_and_an_hour(tried, minutes, state):
    """This one is the eighth. docs/wire.md says both figures."""
    given = delivery(attempts=tried, first_attempt_at=NOW_MS - minutes * 60_000, event_time=NOW_MS // 1000 - 2 * 3_600)
    assert decided(AnswerOutcome.UNKNOWN, given=given, alone=True).state is state


def test_a_transient_failure_is_retried_where_repeats_count_twice():
    """Known not to be taken is not ambiguous."""
    assert decided(AnswerOutcome.TRANSIENT, given=delivery(action_source="business_messaging")).state is WAITING


@given(unsure_since=st.integers(0, 2 * NOW_MS), window_h=st.integers(0, 1000))
def test_the_repeat_deadline_lies_inside_the_window(unsure_since, window_h):
    """It is an hour before repeats count twice, or there is none at all."""
    limits = Limits(batch=1, request_bytes=1, age_s=1, idempotency_s=window_h * 3600)

    deadline = repeat_deadline_ms(unsure_since, delivery(event_time=0), limits, POLICY)

    assert deadline == (unsure_since + (window_h - 1) * HOUR_MS if window_h > 1 else 0)


def test_a_first_attempt_has_until_just_before_the_age_limit():
    """An old event may still go out once; only resending stops early."""
    assert 6.5 * DAY_S < max_age_s("website", LIMITS, POLICY) < 7 * DAY_S


def paused(outcome, *, failures=0, wait_ms=None, chance=0.5, code="1"):
    return pause_for(AnswerVerdict(outcome=outcome, code=code, wait_ms=wait_ms), failures, NOW_MS, chance, POLICY)


@pytest.mark.parametrize(
    "outcome", [AnswerOutcome.ACCEPTED, AnswerOutcome.INVALID, AnswerOutcome.PARTIAL, AnswerOutcome.TOO_LARGE]
)
def test_a_destination_that_answers_is_not_paused(outcome):
    """An event's fault stops nobody else."""
    assert paused(outcome) is None


@pytest.mark.parametrize("outcome", [AnswerOutcome.CREDENTIALS, AnswerOutcome.MISDIRECTED])
@given(failures=st.integers(0, 100), chance=CHANCES)
def test_what_a_person_must_mend_is_tried_once_a_minute(outcome, failures, chance):
    """The probe interval is fixed, so that sending goes on at most a minute after the cure."""
    assert paused(outcome, failures=failures, chance=chance).until_ms == NOW_MS + 60_000


# hint in ms, how long in ms (F30)
THROTTLES = [(30_000, 30_000), (0, 1_000), (-5_000, 1_000), (10 * 365 * 86_400_000, HOUR_MS), (HOUR_MS + 1, HOUR_MS)]


@pytest.mark.parametrize(("hint", "wait"), THROTTLES)
def test_a_throttle_hint_is_followed_within_bounds(hint, wait):
    """One second to one hour, whatever the header says."""
    assert paused(AnswerOutcome.THROTTLED, wait_ms=hint).until_ms == NOW_MS + wait


@given(failures=st.integers(0, 1000), chance=CHANCES)
def test_throttling_without_a_hint_backs_off_within_bounds(failures, chance):
    """No hint, or one that is text: the pause is still between a second and an hour."""
    assert 1_000 <= paused(AnswerOutcome.THROTTLED, failures=failures, chance=chance).until_ms - NOW_MS <= HOUR_MS


@pytest.mark.parametrize("outcome", [AnswerOutcome.TRANSIENT, AnswerOutcome.AMBIGUOUS, AnswerOutcome.NOT_SENT])
@given(failures=st.integers(0, 1000), chance=CHANCES)
def test_an_unwell_destination_is_left_alone_longer_each_time(outcome, failures, chance):
    """Full jitter below 2 s, 4 s, 8 s ...; from the sixth failure on exactly one probe a minute."""
    wait = paused(outcome, failures=failures, chance=chance).until_ms - NOW_MS

    assert wait == 60_000 if failures >= 5 else 0 <= wait <= 2_000 * 2**failures


def test_a_server_error_with_a_hint_is_left_alone_that_long():
    """503 with Retry-After is obeyed."""
    assert paused(AnswerOutcome.TRANSIENT, wait_ms=120_000).until_ms == NOW_MS + 120_000


@given(attempts=st.integers(0, 1000), batch=st.integers(1, 1000))
def test_company_shrinks_to_one(attempts, batch):
    """Few failures change nothing; many leave a delivery alone, so that one poisonous event holds nobody hostage."""
    size = company(attempts, batch, POLICY)

    assert 1 <= size <= batch
    assert company(attempts + 1, batch, POLICY) <= size
    assert attempts >= POLICY.together or size == batch
    assert attempts < POLICY.together + 10 or size == 1


# how many requests, how many of them refused, is the breaker open (F27: at 20 %, from ten requests on)
BREAKERS = [(9, 9, False), (10, 1, False), (10, 2, True), (10, 10, True), (100, 19, False), (100, 20, True)]


@pytest.mark.parametrize(("seen", "refused", "opens"), BREAKERS)
def test_the_breaker_opens_at_a_fifth(seen, refused, opens):
    """A fifth of the last ten minutes' requests needing a split opens it, a few requests do not."""
    refusals = Refusals(POLICY)
    for n in range(seen):
        refusals.note(NOW_MS + n, n < refused)

    assert refusals.too_many() == opens


def test_the_breaker_forgets_after_ten_minutes():
    """Old refusals do not open it."""
    refusals = Refusals(POLICY)
    for _ in range(50):
        refusals.note(NOW_MS, True)
    for _ in range(50):
        refusals.note(NOW_MS + 600_001, False)

    assert not refusals.too_many()


def test_counting_takes_no_more_memory_with_more_requests():
    """Ten minutes of a hundred requests a second, and as many codes as a hostile platform may think of in a day."""
    refusals, codes = Refusals(POLICY), UnknownCodes(POLICY)
    tracemalloc.start()
    try:
        for n in range(60_000):
            refusals.note(NOW_MS + n * 10, n % 3 == 0)
        for n in range(3_000):
            codes.note(NOW_MS + n * 30_000, f"code-{n}")
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert refusals.too_many()
    assert held < 100_000


# requests with one code nobody knows, ms between them -> does the breaker open (at twenty in five minutes)
UNKNOWN_CODES = [(19, 0, False), (20, 0, True), (20, 15_000, True), (20, 16_000, False), (100, 16_000, False)]


@pytest.mark.parametrize(("requests", "apart_ms", "opens"), UNKNOWN_CODES)
def test_the_breaker_for_unknown_codes_looks_back_five_minutes(requests, apart_ms, opens):
    """A code that comes now and then is a matter of single events, however long the gateway runs."""
    codes = UnknownCodes(POLICY)
    assert any(codes.note(NOW_MS + n * apart_ms, "999") for n in range(requests)) == opens


def test_halving_is_recognisable():
    """There is one value for "ask again with halves"; the worker compares identity."""
    assert decided(AnswerOutcome.INVALID) is HALVE
    assert decided(AnswerOutcome.TOO_LARGE) is HALVE
