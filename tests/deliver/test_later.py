"""When the result of a request is asked for, how often and how long, without a platform."""

from __future__ import annotations

from twofold.deliver.later import LONGEST_MS, Asked, Results, number_in, words
from twofold.destinations.contract import LaterResult
from twofold.destinations.google import GOOGLE_ADS

LATER = GOOGLE_ADS.later
FIRST_MS, LAST_MS = 600_000, 3 * 86_400_000  # of Google's results: after ten minutes, and for three days
SENT = 1_790_000_000_000
PROCESSING = LaterResult(state="processing")


def waiting(*sent: tuple[str, tuple[int, ...], int]) -> Results:
    results = Results(LATER)
    for number, deliveries, at in sent:
        results.expect(number, deliveries, at)
    return results


def numbers(asked: list[Asked]) -> list[str]:
    return [a.number for a in asked]


def test_nothing_is_asked_before_its_time() -> None:
    results = waiting(("r-1", (1,), SENT), ("r-2", (2,), SENT + 5))
    assert results.due(SENT + FIRST_MS - 1) == []
    assert numbers(results.due(SENT + FIRST_MS)) == ["r-1"]
    assert numbers(results.due(SENT + FIRST_MS + 5)) == ["r-1", "r-2"]


def test_deliveries_of_one_number_wait_together() -> None:
    """As a restart finds them, one after the other; the first one's time counts."""
    results = waiting(("r-1", (1, 2), SENT), ("r-1", (3,), SENT + 9), ("r-1", (2,), SENT + 9))
    (asked,) = results.due(SENT + FIRST_MS)
    assert (set(asked.deliveries), results.waiting) == ({1, 2, 3}, 1)


def test_half_a_million_deliveries_wait_in_little() -> None:
    """A thousand requests of five hundred, heard one by one as a restart does: eight bytes each, and no pass over those before."""
    results = Results(LATER)
    for n in range(500_000):
        results.expect(f"r-{n // 500}", (n,), SENT)
    asked = results.due(SENT + FIRST_MS)
    assert len(asked) == 1_000
    assert sum(a.deliveries.itemsize * len(a.deliveries) for a in asked) == 8 * 500_000


def test_who_is_not_done_is_asked_ever_more_seldom() -> None:
    """Twice as long each time, and at most six hours; no answer at all counts like one that says nothing."""
    results, at, waits = waiting(("r-1", (1,), SENT)), SENT + FIRST_MS, []
    for n in range(8):
        (asked,) = results.due(at)
        assert not results.told(asked, PROCESSING if n % 2 else None, at)
        waits.append(asked.ask_at - at)
        at = asked.ask_at
    assert waits == [FIRST_MS * 2**n if FIRST_MS * 2**n < LONGEST_MS else LONGEST_MS for n in range(1, 9)]


def test_what_is_told_is_asked_no_more() -> None:
    results = waiting(("r-1", (1,), SENT))
    (asked,) = results.due(SENT + FIRST_MS)
    assert results.told(asked, LaterResult(state="success"), SENT + FIRST_MS)
    assert (results.due(SENT + LAST_MS), results.waiting) == ([], 0)


def test_what_nobody_would_tell_any_more_is_let_go() -> None:
    """Three days after it was sent it waits no more, however often it was asked for."""
    results = waiting(("old", (1,), SENT), ("new", (2,), SENT + 1))
    assert numbers(results.due(SENT + LAST_MS)) == ["old", "new"]
    assert numbers(results.due(SENT + LAST_MS + 1)) == ["new"]
    assert results.waiting == 1


def test_a_clock_set_back_asks_at_once() -> None:
    """What was sent in a future that is none any more would else wait until it comes again."""
    assert numbers(waiting(("r-1", (1,), SENT)).due(SENT - 1)) == ["r-1"]


def test_the_words_name_the_most_frequent_reason_first() -> None:
    assert words(LaterResult(state="partial", counts={"B": 2, "A": 2, "C": 9})) == "C 9, A 2, B 2"
    assert (number_in("later r-1 and words"), number_in("later r-1"), number_in("no number")) == ("r-1", "r-1", "")
