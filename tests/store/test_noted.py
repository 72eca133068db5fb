"""What is remembered of browsers in memory: it may forget, and never keeps news from being written."""

from __future__ import annotations

import pytest
from copies import NOW, copy, with_store
from hypothesis import given
from hypothesis import strategies as st

from twofold.event.model import Channel, Event
from twofold.store.engines import open_reader
from twofold.store.visitors.noted import Noted

HOUR = 3_600_000


def test_facts_are_new_once():
    noted = Noted()
    assert [noted.is_new(f) for f in (7, 9, 7, -3, -3)] == [True, True, False, True, False]
    noted.clear()
    assert noted.is_new(7)


@given(st.lists(st.integers(-(2**63), 2**63 - 1)), st.integers(1, 2**63 - 1))
def test_facts_in_one_place_push_each_other_out_but_are_never_taken_for_each_other(others, facts):
    """However many share its place: what was never asked for is new."""
    noted = Noted()
    for other in others:
        if other != facts:
            noted.is_new(other)
            noted.is_new((other & ~0xFFFFF) ^ (facts & 0xFFFFF) ^ (1 << 30))
    seen = {(o & ~0xFFFFF) ^ (facts & 0xFFFFF) ^ (1 << 30) for o in others}
    assert facts in seen or noted.is_new(facts)


@given(st.lists(st.tuples(st.integers(1, 3), st.sampled_from([None, 11, 12, 13])), max_size=40))
def test_a_mind_changes_exactly_when_the_word_does(said):
    """Against a plain account of what each browser said last; three browsers in one place push each other out, which may
    change a number and never keep one."""
    noted = Noted()
    word_of: dict[int, int] = {}
    mind_of: dict[int, int] = {}
    for browser, word in said:
        mind = noted.mind(browser << 40, word)
        if word is not None and word_of.get(browser) not in (None, word):
            assert mind != mind_of.get(browser), "another word is another mind"
        word_of[browser] = word or word_of.get(browser) or 0
        mind_of[browser] = mind


def test_a_browser_that_says_the_same_keeps_its_mind():
    noted = Noted()
    first = noted.mind(5, 11)
    assert [noted.mind(5, w) for w in (11, None, 11)] == [first] * 3
    yes = noted.mind(5, 12)
    assert yes != first
    assert noted.mind(5, 11) not in (first, yes)


def view(at: int) -> Event:
    event = copy(None, Channel.BROWSER, name="PageView", value=None, at=at)
    event.user_data.fbp = "fb.1.1789999000000.1234567890"
    event.user_data.client_ip_address = "203.0.113.9"
    return event


@pytest.mark.parametrize(("later", "written"), [(1_000, False), (HOUR - 1_000, False), (HOUR, True), (3 * HOUR, True)])
def test_a_visit_that_goes_on_is_written_once_an_hour(tmp_path, later, written):
    """Also when memory has forgotten that it was noted."""

    async def scenario(store):
        await store.append([view(NOW)])
        store.people.rolled_back()
        await store.append([view(NOW + later)])

    with_store(tmp_path, scenario)
    with open_reader(tmp_path) as db:
        times = [
            db.execute(f"select max({c}) from {t}").fetchone()[0]
            for t, c in (("browser", "last_at"), ("visit", "until_at"), ("sighting", "last_at"))
        ]
    assert times == [NOW + later * written] * 3
