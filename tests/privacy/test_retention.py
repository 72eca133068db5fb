"""Retention by a test's clock: each kind goes when its days are over, not before, and not while something waits."""

from __future__ import annotations

import asyncio

import apsw
import pytest
from msgspec.structs import replace
from subjects import AGENT, OFFICE, Person, bytes_of, done, made

from tests.store.copies import BROWSER, DAY, HOLD, NOW, appended, assert_sums_hold, claim, opened, rows
from tests.world.older_forms import forget_seal, put_back
from twofold.event.delivery import DeliveryState
from twofold.privacy.retention import Days, Retention
from twofold.store.beside.watermark import FILE as WATERMARK
from twofold.store.bodies import pack, plain_body
from twofold.store.engine import RefusedRow

ANNA = Person(1)
DAYS = Days(address=30, click_ids=90, contact=180, payload=30, refused=30, audit=365)
EM = made("x", BROWSER, ANNA.user("em")).user_data.em[0].hex


async def stepped(store, at, days=DAYS):
    """Steps until there is nothing more to do; the retention."""
    retention = Retention(store, days)
    for _ in range(500):
        if not await retention.step(at):
            return retention
    raise AssertionError("it never ends")


def kept_after(folder, days_later, *, settle=True):
    """Match keys of one event, and whether its sent bytes are there, so many days after it was sent."""

    async def main():
        async with opened(folder) as store:
            await store.append([made("e", BROWSER, ANNA.user("em", "fbp", "fbc"), visitor=ANNA.visitor)])
            (delivery,) = await claim(store, NOW + HOLD)
            if settle:
                await store.settle([done(delivery)], NOW + HOLD)
            await stepped(store, NOW + HOLD + days_later * DAY)
            (size,) = (await store.transact(lambda e: e.script("select length(payload) from frozen")))[0]
            return size > 0

    payload = asyncio.run(main())
    assert_sums_hold(folder)
    return set(rows(folder, "events")[0]["match_keys"]), payload


ADDRESS, CLICKS, CONTACT = {"client_ip_address", "client_user_agent"}, {"fbp", "fbc"}, {"em"}
AGES = [
    (29, ADDRESS | CLICKS | CONTACT, True),
    (31, CLICKS | CONTACT, False),
    (89, CLICKS | CONTACT, False),
    (91, CONTACT, False),
    (179, CONTACT, False),
    (181, set(), False),
]


@pytest.mark.parametrize(("days", "keys", "payload"), AGES)
def test_each_kind_goes_after_its_days(tmp_path, days, keys, payload):
    """One day before it is there, one day after it is not; the journal verifies at every age."""
    assert kept_after(tmp_path, days) == (keys, payload)


LATE = [  # sent on the seventh day after it came
    (DAYS, 29, True), (DAYS, 31, False),  # with the address that it holds
    (replace(DAYS, contact=20), 19, True), (replace(DAYS, contact=20), 21, False),
    (replace(DAYS, payload=5), 11, True), (replace(DAYS, payload=5), 13, False),  # its own days begin when it was sent
]  # fmt: skip


@pytest.mark.parametrize(("days", "after", "there"), LATE)
def test_bytes_that_were_sent_late_outlive_nothing_that_they_hold(tmp_path, days, after, there):
    """Days of the data in them count from when it came, as in the journal; passed over before they were sent, or not."""

    async def main():
        async with opened(tmp_path) as store:
            await store.append([made("e", BROWSER, ANNA.user("em", "fbp", "fbc"), visitor=ANNA.visitor)])
            (delivery,) = await claim(store, NOW + HOLD)
            await stepped(store, NOW + 6 * DAY, days)
            await store.settle([done(delivery, at=NOW + 7 * DAY)], NOW + 7 * DAY)
            await stepped(store, NOW + HOLD + after * DAY, days)
            (size,) = (await store.transact(lambda e: e.script("select length(payload) from frozen")))[0]
            return size > 0

    assert asyncio.run(main()) == there


async def payloads(store):
    """How long the bytes of each delivery are."""
    return [size for (size,) in await store.transact(lambda e: e.script("select length(payload) from frozen"))]


async def sent_weeks_apart(store):
    """To one destination at once, whose bytes were emptied before those of the other are made."""
    await store.append([made(n, BROWSER, ANNA.user("em"), visitor=ANNA.visitor) for n in ("a", "b")])
    for d in await claim(store, NOW + HOLD, destination="x-1"):
        await store.settle([done(d)], NOW + HOLD)
    await stepped(store, NOW + 31 * DAY)
    assert await payloads(store) == [0, 0]
    late = await claim(store, NOW + 32 * DAY, destination="meta-1")
    await store.settle([done(d, at=NOW + 32 * DAY) for d in late], NOW + 32 * DAY)
    sizes = await payloads(store)
    assert (len(sizes), sum(map(bool, sizes))) == (4, 2)


TWO = {"destinations": ("meta-1", "x-1")}


def test_bytes_that_were_made_late_go_too(tmp_path):
    """Of an action whose other bytes were emptied already, as of an order that was paid after weeks."""

    async def main():
        async with opened(tmp_path, **TWO) as store:
            await sent_weeks_apart(store)
            await stepped(store, NOW + 33 * DAY)
            return await payloads(store)

    assert asyncio.run(main()) == [0] * 4


@pytest.mark.embedded
def test_bytes_that_an_older_version_left_behind_go(tmp_path):
    """It noted nothing of what it made late: after the step to the next form all are looked at once more."""

    async def main():
        async with opened(tmp_path, **TWO) as store:
            await sent_weeks_apart(store)
            await store.transact(lambda e: e.script("delete from retention_later"))
        put_back(tmp_path / "twofold.db", 23)
        forget_seal(tmp_path / WATERMARK)
        async with opened(tmp_path, **TWO) as store:
            await stepped(store, NOW + 33 * DAY)
            return await payloads(store)

    assert asyncio.run(main()) == [0] * 4


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_body_that_cannot_be_read_keeps_no_other(tmp_path, at):
    """It is emptied with the first kind of data, as nobody can tell what stands in it; the others go on as ever."""
    appended(tmp_path, [made(f"e{n}", BROWSER, ANNA.user("em"), name="Lead", value=None) for n in (1, 2, 3)])
    db = apsw.Connection(str(tmp_path / "twofold.db"))
    (packed,) = db.execute("select body from event where position = ?", (at,)).fetchone()
    spoiled = plain_body(packed).replace(b'"event_name"', b'"event_nam\xff')
    db.execute("update event set body = ? where position = ?", (pack(spoiled), at))
    db.close()

    async def main():
        async with opened(tmp_path) as store:
            for d in await claim(store, NOW + HOLD):
                await store.settle([done(d)], NOW + HOLD)
            await stepped(store, NOW + 31 * DAY)

    asyncio.run(main())
    held = bytes_of(tmp_path)
    assert [text for text in (OFFICE, AGENT) if text.encode() in held] == []
    assert [len(row["match_keys"]) for row in rows(tmp_path, "events")] == [int(n != at) for n in (1, 2, 3)]


@pytest.mark.parametrize(("days", "kept"), [(29, True), (31, False)])
def test_what_a_wrong_clock_stamped_keeps_nothing_that_came_behind_it(tmp_path, days, kept):
    """Ten years ahead, for one event between two: none of the three is kept a day longer, or shorter."""
    stamps = {"before": NOW, "ahead": NOW + 3650 * DAY, "behind": NOW + 1}
    copies = [
        made(
            i,
            BROWSER,
            ANNA.user("em"),
            name="Lead",
            value=None,
            at=at,
            happened=NOW,
        )
        for i, at in stamps.items()
    ]

    async def main():
        async with opened(tmp_path, hold={}) as store:
            for one in copies:
                await store.append([one])
            claimed = await claim(store, NOW + 3651 * DAY, max_age_s=10**9)
            await store.settle([done(d) for d in claimed], NOW + HOLD)
            await stepped(store, NOW + HOLD + days * DAY)
            sizes = await store.transact(lambda e: e.script("select length(payload) > 0 from frozen"))
            return [bool(size) for (size,) in sizes]

    assert asyncio.run(main()) == [kept] * 3
    assert [bool(ADDRESS & set(row["match_keys"])) for row in rows(tmp_path, "events")] == [kept] * 3


def test_the_bytes_are_gone(tmp_path):
    """Not only out of the answers: no byte of the closed folder holds the address, the click id or the hash."""
    values = (OFFICE, AGENT, ANNA.click, str(ANNA.number), ANNA.visitor, EM)
    kept_after(tmp_path, 1)
    held = bytes_of(tmp_path)
    assert all(value.encode() in held for value in values)

    async def main():
        async with opened(tmp_path) as store:
            await stepped(store, NOW + 181 * DAY)

    asyncio.run(main())
    held = bytes_of(tmp_path)
    assert [value for value in values if value.encode() in held] == []


def test_what_waits_is_passed_over_and_done_later(tmp_path):
    """A delivery of a paused destination keeps its event whole; once it is settled the event is emptied."""

    async def main():
        async with opened(tmp_path) as store:
            events = [made(f"e{n}", BROWSER, ANNA.user("em"), name="Lead", value=None) for n in range(3)]
            await store.append(events)
            claimed = await claim(store, NOW)
            await store.settle([done(claimed[0]), done(claimed[2])], NOW)
            await stepped(store, NOW + 31 * DAY)
            first = [
                bool(b.count(b"203.0.113.9"))
                for (b,) in await store.transact(lambda e: e.script("select plain_body(body) from event"))
            ]
            await store.settle([done(claimed[1], at=NOW + 31 * DAY)], NOW + 31 * DAY)
            await stepped(store, NOW + 31 * DAY)
            second = [
                bool(b.count(b"203.0.113.9"))
                for (b,) in await store.transact(lambda e: e.script("select plain_body(body) from event"))
            ]
            payloads = [n for (n,) in await store.transact(lambda e: e.script("select length(payload) from frozen"))]
            return first, second, payloads

    first, second, payloads = asyncio.run(main())
    assert first == [False, True, False]
    assert second == [False, False, False]
    assert payloads == [0, 0, 0]
    assert_sums_hold(tmp_path)


def test_a_dead_delivery_without_its_bytes_cannot_be_revived(tmp_path):
    """Reviving needs the same bytes; when retention took them the delivery stays dead."""

    async def main():
        async with opened(tmp_path) as store:
            await store.append([made("e", BROWSER, ANNA.user("em"), name="Lead", value=None)])
            (delivery,) = await claim(store, NOW)
            await store.settle([done(delivery, DeliveryState.DEAD)], NOW)
            early = await store.revive([delivery.id], NOW)
            (delivery,) = await claim(store, NOW)
            await store.settle([done(delivery, DeliveryState.DEAD)], NOW)
            await stepped(store, NOW + 31 * DAY)
            return early, await store.revive([delivery.id], NOW + 31 * DAY)

    assert asyncio.run(main()) == (1, 0)


def refused(at):
    return RefusedRow(at, "events", "1", "", "", "bad", None, "", "", "", 2, "{}")


def test_refused_bodies_go_after_their_days(tmp_path):
    """By their own time, oldest first; the count of what was refused stays."""

    async def main():
        async with opened(tmp_path) as store:
            await store.append([], [refused(NOW), refused(NOW + 5 * DAY)])
            await stepped(store, NOW + 31 * DAY)

    asyncio.run(main())
    assert [r["received_at"] for r in rows(tmp_path, "refused")] == [NOW + 5 * DAY]
    assert_sums_hold(tmp_path)


def test_it_goes_in_portions_and_says_how_late_it_is(tmp_path):
    """Hundreds of rows take several steps; lateness is there while they do and none when they are done."""

    async def main():
        async with opened(tmp_path) as store:
            events = [made(f"e{n}", BROWSER, ANNA.user("em"), name="Lead", value=None) for n in range(400)]
            await store.append(events)
            retention = Retention(store, DAYS)
            late, steps = [], 0
            claimed = await claim(store, NOW, limit=1000)
            await store.settle([done(d) for d in claimed], NOW)
            while await retention.step(NOW + 40 * DAY):
                steps += 1
                late.append(retention.late_s["address"])
            await retention.step(NOW + 40 * DAY)
            return steps, late, retention.late_s["address"]

    steps, late, at_last = asyncio.run(main())
    assert steps >= 3
    assert set(late[:3]) == {10 * 86_400.0}
    assert at_last == 0.0
    assert_sums_hold(tmp_path)


def test_lateness_is_there_until_the_next_look(tmp_path):
    """Another kind of data has many rows and takes further steps at once: an alarm of some milliseconds is none."""

    async def main():
        async with opened(tmp_path) as store:
            await store.append([made("e", BROWSER, ANNA.user("em"), name="Lead", value=None)], [refused(NOW)] * 1_100)
            await store.settle([done(d) for d in await claim(store, NOW)], NOW)
            retention, late = Retention(store, DAYS), []
            while await retention.step(NOW + 40 * DAY):
                late.append(retention.late_s["address"])
            late.append(retention.late_s["address"])
            await retention.step(NOW + 40 * DAY)
            return late, retention.late_s["address"]

    late, at_last = asyncio.run(main())
    assert len(late) > 2
    assert set(late) == {10 * 86_400.0}
    assert at_last == 0.0


def test_months_in_a_run(tmp_path):
    """Two years of days, an event a day, retention every day: at the end only what is young enough is held."""

    async def main():
        async with opened(tmp_path, hold={}) as store:
            for day in range(0, 730, 5):
                at = NOW + day * DAY
                await store.append([made(f"e{day}", BROWSER, ANNA.user("em", "fbp"), name="Lead", value=None, at=at)])
                claimed = await claim(store, at)
                await store.settle([done(d, at=at) for d in claimed], at)
                await stepped(store, at)

    asyncio.run(main())
    held = [set(r["match_keys"]) for r in rows(tmp_path, "events")]
    ages = [725 - day for day in range(0, 730, 5)]
    for age, keys in zip(ages, held, strict=True):
        assert keys == (ADDRESS if age <= 30 else set()) | ({"fbp"} if age <= 90 else set()) | (
            CONTACT if age <= 180 else set()
        )
    assert_sums_hold(tmp_path)
