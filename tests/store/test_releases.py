"""A person's word for a delivery that was kept back, through every order in which news and restarts can come after it."""

from __future__ import annotations

import asyncio
from itertools import permutations

import apsw
import pytest
from copies import BROWSER, DAY, HOLD, NOW, assert_sums_hold, claim, rows, sent, tamper
from copies import copy_of_buyer as copy
from msgspec.structs import replace

from tests.ledger.facts import SHOP, report
from twofold.collect.policy import DatasetPolicy
from twofold.ledger.model import Paid
from twofold.ledger.policy import OrderPolicy
from twofold.report.verify import verify
from twofold.store.gates.releases import released_digest
from twofold.store.opened.routes import Route
from twofold.store.orders.ledger import OrderEntry
from twofold.store.sqlite.database import _migration
from twofold.store.store import Store

MINUTE = 60_000
EXPIRES = 3_600
"""Seconds after which an order that was never paid is given up."""


def robot(event_id="1", **facts):
    return replace(copy(event_id, BROWSER, **{"value": "42.50", "order": "1001", **facts}), bot="crawler")


def told(at, paid):
    """The shop's report in a file: facts, and no copy that would vouch for the browser's."""
    said = report(at, paid, "42.50", order="1001")
    return OrderEntry(dataset="1", source=SHOP, report=said, copy=None, received_at=NOW + at)


async def visited(folder, at, work):
    """A store that is opened for one piece of work and closed after it: each step is the first after a restart."""
    rules = OrderPolicy(wait_ms=0, unmatched="send", expire_s=EXPIRES)
    route = Route(destinations=("meta-1", "meta-2"), orders=rules, has_orders=True)
    store = Store(folder, routes={"1": route}, policies={"1": DatasetPolicy(id="1")}, opened_at=at)
    store.start()
    try:
        return await work(store)
    finally:
        await store.close()


async def release(store, folder, now):
    kept = [row["id"] for row in rows(folder, "deliveries") if row["state"] == "suppressed"]
    return await store.judge_kept_back("release", kept, now)


STEPS = {
    "person": lambda folder, now: lambda store: release(store, folder, now),
    "unpaid": lambda folder, now: lambda store: store.append_orders([told(1, Paid.UNPAID)]),
    "given up": lambda folder, now: lambda store: claim(store, now + 2 * EXPIRES * 1000),
    "looked at": lambda folder, now: lambda store: claim(store, now),
    "restart": lambda folder, now: lambda store: asyncio.sleep(0),
}


@pytest.mark.parametrize("order", list(permutations(STEPS)), ids="-".join)
def test_the_word_outlives_whatever_comes_after_it(tmp_path, order):
    """A robot's Purchase; a person, an unpaid order, its expiry, a look and a restart in any order; then it is paid.
    What a person let through has left once, before or after; what nobody let through never leaves."""

    async def main():
        await visited(tmp_path, NOW, lambda store: store.append([robot()]))
        await visited(tmp_path, NOW, lambda store: claim(store, NOW + HOLD))
        left, word = [], 0
        for n, step in enumerate(order):
            now = NOW + HOLD + (n + 1) * MINUTE
            got = await visited(tmp_path, now, STEPS[step](tmp_path, now))
            word = got if step == "person" else word
            left += got if step in ("given up", "looked at") else []
        await visited(tmp_path, NOW + HOLD, lambda store: store.append_orders([told(2, Paid.PAID)]))
        left += await visited(tmp_path, NOW + DAY, lambda store: claim(store, NOW + DAY, lease_ms=10**9))
        return word, [sent(d).event_id for d in left]

    word, left = asyncio.run(main())
    assert word in (0, 1), "0: the order itself had stopped it, and nothing was kept back"
    assert bool(left) == bool(word)
    assert set(left) <= {"1"}
    assert_sums_hold(tmp_path)


@pytest.mark.parametrize("first", ["released", "other"])
def test_two_actions_that_turn_out_to_be_one_leave_by_one_word(tmp_path, first):
    """Two robots' words, one of them let through; a third copy joins them: the action that is left was let through."""
    ids = ["a", "b"] if first == "released" else ["b", "a"]

    async def main():
        for n, event_id in enumerate(ids):
            copies = [robot(event_id, order=f"order-{event_id}", value="42.50", at=NOW + n)]
            await visited(tmp_path, NOW, lambda store, copies=copies: store.append(copies))
        await visited(tmp_path, NOW, lambda store: claim(store, NOW + HOLD))
        number = {row["event_id"]: row["id"] for row in rows(tmp_path, "actions")}
        kept = [d["id"] for d in rows(tmp_path, "deliveries") if d["id"] // 256 == number["a"]]
        assert await visited(tmp_path, NOW, lambda store: store.judge_kept_back("release", kept, NOW + HOLD)) == 1
        join = [robot("a", order="order-b", at=NOW + HOLD)]
        await visited(tmp_path, NOW + HOLD, lambda store: store.append(join))
        return await visited(tmp_path, NOW + DAY, lambda store: claim(store, NOW + DAY, lease_ms=10**9))

    left = asyncio.run(main())
    assert len(left) == 1
    assert_sums_hold(tmp_path)


def test_a_word_that_nobody_gave_is_found(tmp_path):
    """Another number in the table of words: `verify` says so."""

    async def main():
        await visited(tmp_path, NOW, lambda store: store.append([robot()]))
        await visited(tmp_path, NOW, lambda store: claim(store, NOW + HOLD))
        await visited(tmp_path, NOW, lambda store: release(store, tmp_path, NOW + HOLD))

    asyncio.run(main())
    assert_sums_hold(tmp_path)
    tamper(tmp_path, "update released set delivery = delivery + 1")
    (line,) = (c for c in verify(tmp_path) if c.name == "deliveries that a person let through are those that were")
    assert not line.holds


@pytest.mark.embedded("brings a folder of an earlier version along")
def test_a_word_from_before_the_table_gets_its_digest(tmp_path):
    """A folder in which a delivery waits as released, as the step before left it."""

    async def main():
        await visited(tmp_path, NOW, lambda store: store.append([robot()]))
        await visited(tmp_path, NOW, lambda store: claim(store, NOW + HOLD))
        await visited(tmp_path, NOW, lambda store: release(store, tmp_path, NOW + HOLD))
        db = apsw.Connection(str(tmp_path / "twofold.db"))
        db.execute(
            "drop table touch_place; drop table touch_tail; drop table touch; "
            + _migration(11).partition("-- Whose Purchase")[0]  # signs of visits as they lay before
            + "drop table fetch_wanted; drop table fetch_seen; drop table fetch_door; drop table revision; drop table worker; drop table duty; "
            "drop table held_key; drop table released; drop table told_value; alter table order_name drop column crc; drop table order_key; drop table line_book; "
            "drop table trace; alter table refused drop column trace; alter table browser drop column crc; "
            "alter table visit drop column crc; alter table sighting drop column crc; delete from progress where name like 'ties_%'; "
            "drop table order_path; drop table path_news; drop table nameless_due; drop table nameless; drop index touch_link_who; "
            "drop index order_party_since; alter table order_party rename column since to placed_at; "
            "create index order_party_at on order_party (placed_at); "
            "drop index delivery_due; drop index delivery_unlisted; alter table delivery drop column unlisted; "
            "create index delivery_due on delivery (destination, due_at) where state = 'waiting' and leased_until is null; "
            "pragma user_version = 13"
        )
        db.close()
        return await visited(tmp_path, NOW + DAY, lambda store: claim(store, NOW + DAY))

    left = asyncio.run(main())
    assert [sent(d).event_id for d in left] == ["1"]
    db = apsw.Connection(str(tmp_path / "twofold.db"))
    (row,) = db.execute("select delivery, released_at, digest from released")
    db.close()
    assert row[2] == released_digest(*row[:2])
