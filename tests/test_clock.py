"""Trusted time: which jumps of the wall clock are followed, and what the certain time is meanwhile."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.store.copies import with_store
from twofold.clock import AGREED_MS, GAP_MS, JUMP_MS, Shift, TrustedTime
from twofold.duties.upkeep import Upkeep

NOW = 1_790_000_000_000
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
YEARS = 10 * 365 * DAY


class Machine:
    """A wall clock and a monotonic one that a test moves; ``time`` is looked at after every move."""

    def __init__(self, newest: int = 0, wall: int = NOW) -> None:
        self.wall, self.steady = wall, 5_000_000
        self.shifts: list[Shift] = []
        self.time = TrustedTime(lambda: self.wall, lambda: self.steady, newest_ms=newest)
        self.time.on_shift = self.shifts.append

    def passes(self, ms: int, each: int = MINUTE) -> int:
        """Time goes by on both clocks, looked at as a gateway does."""
        while ms > 0:
            step = min(ms, each)
            self.wall, self.steady, ms = self.wall + step, self.steady + step, ms - step
            self.time()
        return self.time()

    def jumps(self, ms: int) -> int:
        self.wall += ms
        return self.time()


JUMPS = [YEARS, -YEARS, 2 * HOUR, -2 * HOUR, JUMP_MS + 1, -JUMP_MS - 1, -NOW]


@pytest.mark.parametrize("jump", JUMPS)
def test_a_jump_that_is_over_soon_never_was(jump):
    """Ten years ahead for 2.5 s, two hours back, 1970: the time goes on as if nothing had been."""
    machine = Machine()
    machine.passes(HOUR)
    before = machine.time()
    assert machine.jumps(jump) == before
    assert machine.passes(2_500, each=100) == before + 2_500
    assert machine.time.sure() == before + 2_500
    assert machine.time.report()["state"] == "doubted"
    assert machine.jumps(-jump) == before + 2_500
    assert machine.time.report() == {"state": "ok"}
    assert machine.shifts == []


@pytest.mark.parametrize("jump", JUMPS)
def test_a_jump_that_stays_is_followed_after_ten_minutes(jump):
    """And what was planned by the time before is told how far it moved."""
    machine = Machine()
    before = machine.time()
    machine.jumps(jump)
    assert machine.passes(AGREED_MS - MINUTE) == before + AGREED_MS - MINUTE
    assert machine.passes(MINUTE) == before + jump + AGREED_MS
    assert machine.time.doubt is None
    assert [s.after_ms - s.before_ms for s in machine.shifts] == [jump]


def test_a_clock_that_jumps_on_and_on_is_never_followed():
    """Ten minutes of agreement begin anew with each jump."""
    machine = Machine()
    for n in range(20):
        machine.jumps(2 * HOUR)
        machine.passes(AGREED_MS - MINUTE)
        assert machine.time() == NOW + (n + 1) * (AGREED_MS - MINUTE)


@pytest.mark.parametrize("step", [JUMP_MS, -JUMP_MS, MINUTE, -1])
def test_corrections_are_followed_at_once(step):
    """Also many of them, each small: what drifts slowly for months is no jump."""
    machine = Machine()
    for n in range(1, 31):
        assert machine.jumps(step) == machine.wall
        machine.passes(2 * MINUTE)
        assert machine.time() == NOW + n * (step + 2 * MINUTE)
    assert machine.time.doubt is None


def test_a_person_ends_the_doubt():
    machine = Machine()
    machine.jumps(DAY)
    assert machine.time.accept()
    assert machine.time() == machine.time.sure() == NOW + DAY
    assert not machine.time.accept()
    assert len(machine.shifts) == 1


STARTS = [GAP_MS + 1, 30 * DAY, YEARS]


@pytest.mark.parametrize("gap", STARTS)
def test_a_start_long_after_the_newest_time_on_disk_stamps_by_the_clock_and_decides_by_the_disk(gap):
    """Most often the machine was off, so what comes in has the clock's time; nothing is given up by it meanwhile."""
    machine = Machine(newest=NOW - gap)
    machine.passes(5 * MINUTE)
    assert machine.time() == NOW + 5 * MINUTE
    assert machine.time.sure() == NOW - gap + 5 * MINUTE
    assert machine.time.bounds() == (NOW - gap + 5 * MINUTE, NOW + 5 * MINUTE)
    machine.passes(5 * MINUTE)
    assert machine.time.sure() == machine.time() == NOW + 10 * MINUTE
    (shift,) = machine.shifts  # of nothing: what earlier runs planned can be looked at by a clock that is believed
    assert shift.before_ms == shift.after_ms == NOW + 10 * MINUTE


@pytest.mark.parametrize("gap", STARTS)
def test_a_wrong_start_is_left_as_soon_as_the_clock_fits_the_disk(gap):
    """A machine that starts in the wrong year and asks a time server a minute later."""
    machine = Machine(newest=NOW, wall=NOW + gap)
    machine.passes(MINUTE)
    assert machine.jumps(-gap) == NOW + MINUTE
    assert machine.time.doubt is None
    assert machine.time.sure() == NOW + MINUTE
    assert [(s.before_ms, s.after_ms) for s in machine.shifts] == [(NOW + gap + MINUTE, NOW + MINUTE)]


def test_a_start_in_1970_takes_what_is_of_today():
    """The latest that it may be is by the disk, and nobody knows for how long the machine was off since: an event of today is not of
    the future, nor is one of a month later."""
    machine = Machine(newest=NOW, wall=0)
    assert machine.time.sure() == machine.time() == 0
    earliest, latest = machine.time.bounds()
    assert earliest == 0
    assert NOW + 30 * DAY < latest < NOW + 2 * YEARS


@pytest.mark.parametrize("gap", [0, HOUR, GAP_MS, -JUMP_MS])
def test_an_ordinary_start_is_believed(gap):
    machine = Machine(newest=NOW - gap)
    assert machine.time.doubt is None
    assert machine.time.bounds() is None


def test_an_empty_folder_is_believed():
    assert Machine(newest=0).time.doubt is None


MOVES = st.lists(st.tuples(st.booleans(), st.integers(-YEARS, YEARS), st.integers(0, 20 * MINUTE)), max_size=12)


@given(MOVES, st.sampled_from([0, NOW, NOW - 30 * DAY, NOW + 30 * DAY]))
def test_what_cannot_be_taken_back_is_never_decided_by_a_doubted_clock(moves, newest):
    """Whatever the clock does: the certain time is not later than the time; in doubt it moves with the monotonic clock only;
    and a doubt ends by itself when the clock has been steady for ten minutes."""
    machine = Machine(newest=newest)
    for jumps, jump, passing in moves:
        before, doubted = machine.time.sure(), machine.time.doubt is not None
        if jumps:
            machine.jumps(jump)
            if machine.time.doubt is not None and doubted:
                assert machine.time.sure() <= max(before, machine.time())
        machine.passes(passing)
        assert machine.time.sure() <= machine.time()
    machine.passes(AGREED_MS)
    assert machine.time.doubt is None
    assert machine.time() == machine.time.sure() == machine.wall


@pytest.mark.parametrize(("behind", "kept"), [(JUMP_MS, NOW - JUMP_MS), (3 * HOUR, NOW), (YEARS, NOW)])
def test_the_next_process_hears_how_late_it_was_and_not_what_a_doubted_clock_says(tmp_path, behind, kept):
    """A clock that is little behind is right, and the disk follows it. Of one that nobody believes yet the next start would be sure."""
    looks = 0

    def wall():
        nonlocal looks
        looks += 1
        return NOW - behind

    async def scenario(store):
        await store.keep_time(NOW)
        clock = TrustedTime(wall, lambda: 5_000_000, newest_ms=NOW)
        upkeep = Upkeep(store, clock, quality=None, shares=None, margins=None, started_at=NOW)
        before, task = looks, asyncio.create_task(upkeep.keep_time())
        while looks < before + 3:  # it has looked, kept what is to be kept, and looks again
            await asyncio.sleep(0.05)
        task.cancel()
        return store.newest_ms

    assert with_store(tmp_path, scenario) == kept
