"""The fold's memory: eight days without a hole, then forgotten in whole days; time is what the copies say."""

from __future__ import annotations

import asyncio

import pytest
from copies import (
    BROWSER,
    DAY,
    FIRST,
    NOW,
    REPEAT,
    TWIN,
    actions,
    appended,
    assert_sums_hold,
    copy,
    opened,
    told,
    with_store,
)
from faulty_disk import disk

from twofold.errors import StoreFull
from twofold.store.sqlite import fold_keys

MIDNIGHT = NOW - NOW % DAY
EVENING = MIDNIGHT + DAY - 1  # the last millisecond of a day

# when the first copy came, when the second one comes, its verdict (by a window of 8 days)
WINDOW = [
    ("at once", MIDNIGHT, MIDNIGHT, REPEAT),
    ("over midnight", EVENING, EVENING + 1, REPEAT),
    ("8 days after a morning", MIDNIGHT, MIDNIGHT + 8 * DAY, REPEAT),
    ("8 days after an evening", EVENING, EVENING + 8 * DAY, REPEAT),
    ("the last moment of the ninth day", MIDNIGHT, MIDNIGHT + 9 * DAY - 1, REPEAT),
    ("9 days after a morning", MIDNIGHT, MIDNIGHT + 9 * DAY, FIRST),
    ("9 days after an evening", EVENING, EVENING + 8 * DAY + 1, FIRST),
    ("years later", MIDNIGHT, MIDNIGHT + 1000 * DAY, FIRST),
    ("a clock set back", MIDNIGHT + 3 * DAY, MIDNIGHT, REPEAT),
    ("a clock set back for years", MIDNIGHT, 1, REPEAT),
]


@pytest.mark.parametrize("busy", [False, True], ids=["quiet", "busy"])
@pytest.mark.parametrize(("first", "second", "verdict"), [r[1:] for r in WINDOW], ids=[r[0] for r in WINDOW])
def test_how_long_a_key_is_remembered(tmp_path, first, second, verdict, busy):
    """Eight days at least and less than ten, by the copies' own time of receipt, whether others came between or not."""
    between = [copy(f"other-{n}", at=n) for n in range(first + DAY, second, DAY)[:12]] if busy else []
    verdicts = appended(tmp_path, [copy(at=first), *between, copy(at=second)])
    assert (verdicts[0], verdicts[-1]) == (FIRST, verdict)
    assert_sums_hold(tmp_path)


@pytest.mark.parametrize("days", [8, 63])
def test_the_window_is_a_setting(tmp_path, days):
    """63 days for physical stores: remembered that long, forgotten after."""
    copies = [copy(at=MIDNIGHT), copy(at=MIDNIGHT + days * DAY), copy(at=MIDNIGHT + (days + 1) * DAY)]
    assert appended(tmp_path, copies, window_days=days) == [FIRST, REPEAT, FIRST]


def test_a_later_copy_does_not_prolong(tmp_path):
    """The window runs from the first copy, so that an id in use for ever is a new action after it."""
    days = [0, 4, 8, 9]
    verdicts = appended(tmp_path, [copy(at=MIDNIGHT + d * DAY) for d in days])
    assert verdicts == [FIRST, REPEAT, REPEAT, FIRST]


def test_nothing_is_double_inside_the_window(tmp_path):
    """A new id every six hours for twelve days, each seen again by the other channel 7.9 days later: one action each."""
    step, again = DAY // 4, int(7.9 * DAY)
    times = [MIDNIGHT + n * step for n in range(48)]
    firsts = [(t, copy(f"e{n}", at=t)) for n, t in enumerate(times)]
    twins = [(t + again, copy(f"e{n}", BROWSER, at=t + again)) for n, t in enumerate(times)]
    copies = [c for _, c in sorted(firsts + twins, key=lambda x: x[0])]
    verdicts = appended(tmp_path, copies)
    assert (verdicts.count(FIRST), verdicts.count(TWIN)) == (48, 48)
    assert {row["copies"] for row in actions(tmp_path)} == {2}


@pytest.mark.embedded("its fold keys have a table a day")
def test_old_days_leave_the_disk(tmp_path):
    """After thirty days no more than the window's day tables are there, so the memory cannot grow."""

    async def scenario(store):
        for day in range(30):
            await store.append([copy(f"e{day}", at=MIDNIGHT + day * DAY)])

    with_store(tmp_path, scenario)
    made = told(tmp_path, "select name from sqlite_schema where name glob 'fold_[0-9]*' order by 1")
    tables = [name for (name,) in made]
    assert tables == [f"fold_{MIDNIGHT // DAY + day}" for day in range(21, 30)]


@pytest.mark.embedded("its disk stands below the embedded engine")
def test_a_refused_transaction_leaves_the_memory_as_it_was(tmp_path):
    """A new day's table that was rolled back is made again by the next append."""

    async def main():
        with disk() as d:
            async with opened(tmp_path) as store:
                await store.append([copy("a", at=MIDNIGHT)])
                d.full = True
                with pytest.raises(StoreFull):
                    await store.append([copy("b", at=MIDNIGHT + DAY)])
                d.full = False
                return await store.append([copy("b", at=MIDNIGHT + DAY), copy("a", at=MIDNIGHT + DAY)])

    assert asyncio.run(main()) == [FIRST, REPEAT]
    assert_sums_hold(tmp_path)


def test_a_key_is_forgotten_by_the_time_that_is_certain(tmp_path):
    """A clock ten years ahead that nobody believes forgets nothing: what comes again, by either time, is a repeat."""

    async def scenario(store):
        store.trust(lambda now: min(now, MIDNIGHT + DAY))
        ahead = MIDNIGHT + 3650 * DAY
        copies = [copy(at=MIDNIGHT), copy("other", at=ahead), copy(at=ahead), copy(at=MIDNIGHT + DAY)]
        return [verdict for each in copies for verdict in await store.append([each])]

    assert with_store(tmp_path, scenario) == [FIRST, FIRST, REPEAT, REPEAT]


@pytest.mark.parametrize("off", [0, -10_950, 3_650], ids=["right", "30 years back", "10 years ahead"])
@pytest.mark.parametrize("logged", [False, True], ids=["tree", "log"])
def test_keys_that_came_while_nobody_was_sure_how_late_it_is_have_their_window(tmp_path, logged, off, monkeypatch):
    """A folder wakes after ten idle days. Until the clock is believed it is still the old day for whatever cannot be taken back;
    what came meanwhile is remembered for eight days all the same, and then forgotten, whatever the clock said of it (``off``: by
    how many days that was wrong)."""
    if logged:
        monkeypatch.setattr(fold_keys.FoldKeys.__init__, "__defaults__", (0, fold_keys.FULL))
    woken = MIDNIGHT + 10 * DAY
    sure = [MIDNIGHT]

    async def scenario(store):
        store.trust(lambda now: min(now, sure[0]))
        verdicts = [
            *await store.append([copy("old", at=MIDNIGHT)]),
            *await store.append([copy("new", at=woken + off * DAY)]),
        ]
        sure[0] = woken + 20 * DAY  # the clock is believed
        await store.append([copy("another", at=woken)])
        for days in (0, 1, 8, 9):
            verdicts += await store.append([copy("new", at=woken + days * DAY)])
        return verdicts

    assert with_store(tmp_path, scenario) == [FIRST, FIRST, REPEAT, REPEAT, REPEAT, FIRST]


def test_a_start_by_a_clock_set_back_for_years_forgets_nothing_that_came_after_it(tmp_path):
    """The process is another than the one that knew the day."""
    woken = MIDNIGHT + 10 * DAY
    assert appended(tmp_path, [copy("old", at=MIDNIGHT)]) == [FIRST]
    copies = [copy("new", at=1), copy("another", at=woken), copy("new", at=woken), copy("new", at=woken + 8 * DAY)]
    assert appended(tmp_path, copies) == [FIRST, FIRST, REPEAT, REPEAT]


def test_a_clock_that_was_put_right_by_weeks_forgets_nothing_that_just_came(tmp_path):
    """A machine that was off for three weeks begins by the time at which it was switched off. What came by that is known for a window
    from the moment on in which the clock was put right, by the next process too, and then forgotten."""
    right = MIDNIGHT + 21 * DAY

    async def scenario(store):
        verdicts = await store.append([copy("new", at=MIDNIGHT)])
        store.moved(MIDNIGHT, right)
        return [*verdicts, *await store.append([copy("another", at=right)])]

    assert with_store(tmp_path, scenario) == [FIRST, FIRST]
    again = [copy("new", at=right + days * DAY) for days in (1, 8, 9)]
    assert appended(tmp_path, again) == [REPEAT, REPEAT, FIRST]
    assert_sums_hold(tmp_path)
