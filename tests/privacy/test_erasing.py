"""Erasing a person: every byte of them goes, nobody else loses anything, and no crash or race changes that."""

from __future__ import annotations

import asyncio
import shutil

import apsw
import pytest
from msgspec.structs import replace
from subjects import AGENT, OFFICE, Person, bytes_of, done, erased, erasing, left, made

from tests.store.copies import (
    BROWSER,
    HOLD,
    NOW,
    SERVER,
    appended,
    assert_sums_hold,
    claim,
    copy,
    rows,
    settlement,
    with_store,
)
from twofold.event.delivery import DeliveryState
from twofold.event.model import Tier
from twofold.matching.subject import SubjectRequest
from twofold.matching.user_data import hash_user_data, known_values
from twofold.privacy import erase as steps
from twofold.privacy.runner import Eraser
from twofold.report.verify import verify
from twofold.store.bodies import pack, plain_body

ANNA, BORIS, CLARA = Person(1), Person(2), Person(3)


def erase_from(folder, events, request, *, settle=True, gone=(), **settings):
    """Appends, sends what is due, erases; the row of the erasure. ``gone`` stands nowhere while the folder is open."""

    async def main():
        async with erasing(folder, NOW + HOLD, **settings) as (store, eraser):
            await store.append(events)
            if settle:
                claimed = await claim(store, NOW + HOLD)
                await store.settle([settlement(d, note="said the platform") for d in claimed], NOW + HOLD)
            number = await erased(eraser, request)
            assert left(folder, gone) == []
            return await store.transact(lambda e: steps.read(e, number))

    return asyncio.run(main())


# what the request names; all lead to the same person
REQUESTS = [
    ("the address", SubjectRequest(emails=(ANNA.email,))),
    ("the address, shouted", SubjectRequest(emails=(f"  {ANNA.email.upper()} ",))),
    ("the phone number", SubjectRequest(phones=(ANNA.phone,))),
    ("the phone number as written at home", SubjectRequest(phones=(f"({ANNA.phone[2:5]}) {ANNA.phone[5:8]}-{ANNA.phone[8:]}",), country="US")),
    ("the customer id", SubjectRequest(external_ids=(ANNA.customer,))),
    ("all of them", SubjectRequest(emails=(ANNA.email,), phones=(ANNA.phone,), external_ids=(ANNA.customer,))),
]  # fmt: skip


@pytest.mark.parametrize("request_", [r for _, r in REQUESTS], ids=[n for n, _ in REQUESTS])
def test_nothing_of_the_person_is_left_in_any_byte(tmp_path, request_):
    """Neither the value, nor its forms, nor their digests, nor what else was theirs alone; the other one is whole."""
    events = [e for n in range(30) for p in (ANNA, BORIS) for e in (*p.copies(), p.view(n))]
    assert_all_there(tmp_path, events)
    row = erase_from(tmp_path, events, request_, gone=ANNA.contact() + ANNA.traces())
    assert left(tmp_path, ANNA.contact() + ANNA.traces()) == []
    assert row.counts["events"] == 30 * 4
    assert len(left(tmp_path, BORIS.traces())) == 4
    for digest in (h.hex for h in BORIS.bought().user_data.em + BORIS.bought().user_data.ph):
        assert digest.encode() in bytes_of(tmp_path)
    assert_sums_hold(tmp_path)


def test_an_erasure_takes_plain_values_out_of_memory(tmp_path):
    """Names and places that this process still knew beside their hashes are gone when it ends."""
    hash_user_data({"em": ANNA.email, "fn": "Annazz", "ct": "Zzyzx", "zp": "94099"}, default_country="us")
    assert known_values() >= 3
    erase_from(tmp_path, [*ANNA.copies()], SubjectRequest(emails=(ANNA.email,)))
    assert known_values() == 0


def assert_all_there(folder, events):
    """The search is not in vain: before, all of it is found."""
    shutil.copytree(folder, folder.with_name("before"), dirs_exist_ok=True)
    appended(folder.with_name("before"), events, together=True)
    there = left(folder.with_name("before"), ANNA.contact() + ANNA.traces())
    assert set(ANNA.traces()) < set(there)
    assert len(there) >= 4 + 6  # three hashes in two cases


def test_what_happened_stays(tmp_path):
    """Verdicts, times, money and goods are what they were; the person's fields are empty, the others' are not."""
    events = [*ANNA.copies(), *BORIS.copies()]
    kept = ("event_time", "received_at", "event_name", "verdict", "action", "value", "currency", "copies")
    before = appended(tmp_path, events, together=True)
    told = [{k: r[k] for k in kept if k in r} for kind in ("events", "actions") for r in rows(tmp_path, kind)]
    erase_from(tmp_path, [], SubjectRequest(emails=(ANNA.email,)), settle=False)
    after = [{k: r[k] for k in kept if k in r} for kind in ("events", "actions") for r in rows(tmp_path, kind)]
    assert after == told
    assert [r["verdict"] for r in rows(tmp_path, "events")] == before
    assert [bool(r["match_keys"]) for r in rows(tmp_path, "events")] == [False] * 3 + [True] * 3


# One row: who it is about, what lies in the folder, the request, and how many events become the person's.
# "anna" events are hers; whatever is in "other" must keep its match keys.
def other(event_id, channel=BROWSER, name="PageView", **user):
    facts = {k: user.pop(k) for k in ("url", "visitor", "links", "order") if k in user}
    return made(event_id, channel, user, name=name, value=None, **facts)


BELONGING = [
    ("a browser's earlier visits", [ANNA.view(1), ANNA.thanks(), ANNA.bought()], [], 3),
    ("a colleague behind the same address", [ANNA.bought()],
     [other("o1", client_ip_address=OFFICE, client_user_agent=AGENT, fbp=BORIS.fbp)], 1),
    ("somebody who followed a copied link", [*ANNA.copies()],
     [other("o1", fbc=ANNA.fbc, fbp=BORIS.fbp, client_user_agent=AGENT)], 3),
    ("a shared computer: the other buys on it too", [ANNA.thanks(), ANNA.bought()],
     [made("o1", BROWSER, {"em": BORIS.email, "fbp": ANNA.fbp}, name="Lead", value=None, visitor=ANNA.visitor),
      ANNA.view(5)], 2),
    ("a shared phone number", [made("a1", SERVER, {"em": ANNA.email, "ph": ANNA.phone})],
     [made("o1", SERVER, {"em": BORIS.email, "ph": ANNA.phone})], 1),
    ("her own phone number alone", [made("a1", SERVER, {"em": ANNA.email, "ph": ANNA.phone}),
     made("a2", SERVER, {"ph": ANNA.phone}, name="Lead", value=None)], [], 2),
    ("a gift: two addresses in one order", [made("a1", SERVER, {"em": [ANNA.email, BORIS.email]})],
     [made("o1", SERVER, {"em": BORIS.email}, name="Lead", value=None)], 1),
    ("two persons' phone numbers with her address", [made("a1", SERVER, {"em": ANNA.email, "ph": ANNA.phone}),
     made("a2", SERVER, {"em": ANNA.email, "ph": BORIS.phone})],
     [made("o1", SERVER, {"ph": BORIS.phone}, name="Lead", value=None)], 2),
    ("another dataset's browser", [ANNA.thanks(), ANNA.bought()],
     [copy("o1", BROWSER, name="PageView", value=None, dataset="2", fbp=ANNA.fbp)], 2),
    ("her id in an event that names another customer", [made("a1", SERVER, {"em": ANNA.email, "fbp": ANNA.fbp, "external_id": ANNA.customer})],
     [made("o1", BROWSER, {"external_id": BORIS.customer, "fbp": ANNA.fbp}, name="Lead", value=None)], 1),
]  # fmt: skip


@pytest.mark.parametrize(("hers", "others", "n"), [row[1:] for row in BELONGING], ids=[row[0] for row in BELONGING])
def test_what_belongs_to_whom(tmp_path, hers, others, n):
    """The person's rows lose everything; a stranger's row keeps all of its match keys."""
    before = [sorted(f for f in e.user_data.__struct_fields__ if getattr(e.user_data, f)) for e in others]
    row = erase_from(tmp_path, [*hers, *others], SubjectRequest(emails=(ANNA.email,)))
    listed = rows(tmp_path, "events")
    assert row.counts["events"] == n
    assert [r["match_keys"] for r in listed[: len(hers)]] == [[]] * len(hers)
    assert [r["match_keys"] for r in listed[len(hers) :]] == before
    assert left(tmp_path, [h.hex for h in ANNA.bought().user_data.em]) == []
    assert_sums_hold(tmp_path)


def test_a_stranger_who_mentions_the_person_loses_the_mention_only(tmp_path):
    """An address in a property, a URL, an id and a customer number in base64: out; the stranger's own keys stay."""
    import base64

    event = made(
        "ref-1", BROWSER, BORIS.user("em", "fbp"), url=f"https://shop.example/?ref={ANNA.email.replace('@', '%40')}"
    )
    event.custom_data.other = {
        "friend": base64.b64encode(ANNA.email.lower().encode()).decode(),
        "note": "kept",
        "of": ANNA.email.upper(),
    }
    row = erase_from(tmp_path, [ANNA.bought(), event], SubjectRequest(emails=(ANNA.email,)))
    assert (row.counts["events"], row.counts["mentions"]) == (1, 1)
    assert left(tmp_path, ANNA.contact()) == []
    assert {"em", "fbp"} < set(rows(tmp_path, "events")[1]["match_keys"])
    assert b"kept" in bytes_of(tmp_path)
    assert_sums_hold(tmp_path)


def test_a_strangers_payload_that_mentions_the_person_is_built_again(tmp_path):
    """Frozen and to be tried again: the next attempt has the same id and no mention; it is not suppressed."""

    async def main():
        async with erasing(tmp_path, NOW + HOLD) as (store, eraser):
            event = made("ref-1", BROWSER, BORIS.user("fbp"))
            event.custom_data.other = {"friend": ANNA.email}
            await store.append([event])
            (first,) = await claim(store, NOW + HOLD)
            await store.settle([settlement(first, DeliveryState.WAITING, due_at=NOW + HOLD)], NOW + HOLD)
            await erased(eraser, SubjectRequest(emails=(ANNA.email,)))
            (second,) = await claim(store, NOW + HOLD)
            return first, second

    first, second = asyncio.run(main())
    assert first.event_id == second.event_id == "ref-1"
    assert ANNA.email.encode() in first.payload
    assert ANNA.email.encode() not in second.payload
    assert str(BORIS.number).encode() in second.payload


def test_bytes_into_which_a_carried_over_copy_came_are_emptied_too(tmp_path):
    """A browser's Purchase left, then the shop's, which stands for both and holds the browser's keys."""
    token = "checkout:5f3a9c77d0e14b2fa1b2c3d4"

    async def main():
        async with erasing(tmp_path, NOW + 3 * HOLD) as (store, eraser):
            await store.append([made("b", BROWSER, ANNA.user("fbp", "fbc", "external_id"), links=(token,), order="1")])
            (first,) = await claim(store, NOW + HOLD)
            await store.settle([done(first)], NOW + HOLD)
            shop = made("s", SERVER, {"client_ip_address": "203.0.113.9"}, links=(token,), order="1", at=NOW + HOLD)
            await store.append([replace(shop, tier=Tier.T3)])
            (second,) = await claim(store, NOW + 2 * HOLD)
            await store.settle([done(second)], NOW + 2 * HOLD)
            assert str(ANNA.number).encode() in second.payload, "the browser's keys are in the shop's Purchase"
            await erased(eraser, SubjectRequest(external_ids=(ANNA.customer,)))

    asyncio.run(main())
    assert left(tmp_path, [ANNA.fbp, str(ANNA.number)]) == []
    assert_sums_hold(tmp_path)


def test_another_browser_that_opened_the_same_link_keeps_its_visits(tmp_path):
    """A click id is copied with a link: who else opened it is a stranger, and is stitched as before."""

    async def main():
        async with erasing(tmp_path, NOW + HOLD) as (store, eraser):
            view = BORIS.view()
            shared = replace(
                view, user_data=replace(view.user_data, fbc=ANNA.fbc), event_source_url=ANNA.view().event_source_url
            )
            await store.append([*ANNA.copies(), shared])
            await erased(eraser, SubjectRequest(emails=(ANNA.email,)))
            return await store.transact(lambda e: [row[0] for row in e.db.execute("select fbp from browser")])

    assert asyncio.run(main()) == [BORIS.fbp]


def test_a_computer_that_two_share_is_forgotten_for_who_is_named_only(tmp_path):
    """Its id is not the person's alone: where only servers named her with it, what it visited stays."""

    async def main():
        async with erasing(tmp_path, NOW + HOLD) as (store, eraser):
            both = [
                made(f"n-{p.seed}", SERVER, p.user("em", "ph") | {"fbp": CLARA.fbp}, name="Lead", value=None)
                for p in (ANNA, BORIS)
            ]
            await store.append([CLARA.view(), *both])
            await erased(eraser, SubjectRequest(emails=(ANNA.email,)))
            return await store.transact(lambda e: [row[0] for row in e.db.execute("select fbp from browser")])

    assert asyncio.run(main()) == [CLARA.fbp]
    assert left(tmp_path, ANNA.contact()) == []


def test_an_order_that_is_named_loses_its_number_and_keeps_its_money(tmp_path):
    """Nowhere is the number or what was bound to it; other orders of the same person keep theirs."""
    second = made("later", SERVER, ANNA.user("em"), order="ORD-5550001112223")
    twin = made(f"purchase_{ANNA.order}", BROWSER, ANNA.user("fbp"), order=ANNA.order)
    row = erase_from(tmp_path, [twin, ANNA.bought(), second], SubjectRequest(order_ids=(ANNA.order,)))
    assert row.counts["events"] == 2
    assert left(tmp_path, [ANNA.order, ANNA.order[4:], ANNA.checkout, str(ANNA.number)]) == []
    first, *_, last = rows(tmp_path, "actions")
    assert first["order_id"].startswith("erased-")
    assert first["event_id"].startswith("erased-")
    assert first["value"] == "42.50"
    assert last["order_id"] == "ORD-5550001112223"
    assert "em" in last["match_keys"]
    assert_sums_hold(tmp_path)


def test_what_comes_later_for_an_erased_order_is_not_sent(tmp_path):
    """A webhook for the order after its erasure is journalled and suppressed; another order is sent."""

    async def main():
        async with erasing(tmp_path) as (store, eraser):
            await store.append([ANNA.bought()])
            await erased(eraser, SubjectRequest(order_ids=(ANNA.order,)))
            again = made("another-id", SERVER, ANNA.user("em"), order=ANNA.order)
            await store.append([again, BORIS.bought()])
            return [d.event_id for d in await claim(store, NOW + HOLD)]

    assert asyncio.run(main()) == [f"shop-{BORIS.seed}"]
    assert [r["reason"] for r in rows(tmp_path, "deliveries")] == ["erased", "erased", ""]


@pytest.mark.parametrize("first", ["the order", "the page", "the page, erased"])
def test_a_stranger_who_named_anothers_order_takes_nothing_of_it(tmp_path, first):
    """Any page can name any order. Erasing whoever did leaves the order's delivery, its keys and its later copies alone."""
    order = replace(
        copy("purchase.77", SERVER, order="77", at=NOW, tier=Tier.T3), user_data=BORIS.bought().user_data, links=()
    )
    named = replace(ANNA.bought(), event_id="x-1", channel=BROWSER, tier=Tier.T0, received_at=NOW, links=())
    named = replace(named, custom_data=replace(named.custom_data, order_id="77"), visitor=None)
    agent = {"client_ip_address": "198.51.100.1", "client_user_agent": "Elsewhere/1.0", "fbp": None, "fbc": None}
    named = replace(named, user_data=replace(named.user_data, **agent))

    async def main():
        async with erasing(tmp_path, NOW) as (store, eraser):
            for event in [order] if first == "the order" else [named]:
                await store.append([event])
            if first != "the page, erased":
                await store.append([named if first == "the order" else order])
            await erased(eraser, SubjectRequest(emails=(ANNA.email,)))
            if first == "the page, erased":
                await store.append([order])
            again = await store.append([replace(order, received_at=NOW + 1)])
            return again, [d.event_id for d in await claim(store, NOW + HOLD)]

    again, sent = asyncio.run(main())
    assert again == ["repeat"]
    assert sent == ["purchase.77"]
    assert left(tmp_path, ANNA.contact()) == []
    assert_sums_hold(tmp_path)


def test_dead_deliveries_cannot_be_revived(tmp_path):
    """What was given up goes with the person: reviving finds nothing to send."""

    async def main():
        async with erasing(tmp_path) as (store, eraser):
            await store.append([ANNA.bought()])
            (delivery,) = await claim(store, NOW + HOLD)
            await store.settle([settlement(delivery, DeliveryState.DEAD)], NOW + HOLD)
            await erased(eraser, SubjectRequest(emails=(ANNA.email,)))
            return await store.revive([delivery.id], NOW + HOLD), await claim(store, NOW + HOLD)

    assert asyncio.run(main()) == (0, [])
    assert [(r["state"], r["reason"]) for r in rows(tmp_path, "deliveries")] == [("suppressed", "erased")]


def test_a_send_on_its_way_is_waited_for(tmp_path):
    """While a worker holds a delivery the erasure is not done; when it is settled nothing is left to send."""

    async def main():
        async with erasing(tmp_path, NOW + HOLD) as (store, eraser):
            await store.append([ANNA.bought()])
            (delivery,) = await claim(store, NOW + HOLD)
            number = await eraser.ask(SubjectRequest(emails=(ANNA.email,)), "command")
            async with asyncio.timeout(60):
                while not (eraser.status(number) and "on their way" in eraser.status(number).what):
                    await asyncio.sleep(0.005)
            again = settlement(delivery, DeliveryState.WAITING, due_at=NOW)
            await store.settle([again], NOW + HOLD)
            async with asyncio.timeout(60):
                while eraser.status(number).state != "done":
                    await asyncio.sleep(0.005)
            return await claim(store, NOW + HOLD * 100)

    assert asyncio.run(main()) == []
    assert left(tmp_path, ANNA.contact() + ANNA.traces()) == []


@pytest.mark.parametrize("seed", range(12))
def test_racing_with_accepting_and_sending(tmp_path, seed):
    """What comes in until the end is erased too, and after the end nothing of it is sent."""
    import random

    chance = random.Random(seed)

    async def main():
        async with erasing(tmp_path, NOW + HOLD) as (store, eraser):
            for n in range(4):
                await store.append([*BORIS.copies(), ANNA.view(n)])
            await store.append([ANNA.bought()])
            number = await eraser.ask(SubjectRequest(emails=(ANNA.email,)), "command")
            n = 100
            while eraser.status(number) is None or eraser.status(number).state not in ("cleared", "done"):
                n += 1
                act = chance.randrange(3)
                if act == 0:
                    late = made(f"late-{n}", SERVER, ANNA.user("em", "fbp"), name="Lead", value=None)
                    await store.append([late, CLARA.view(n)])
                elif act == 1:
                    claimed = await claim(store, NOW + HOLD, limit=3)
                    await asyncio.sleep(0)
                    await store.settle([settlement(d) for d in claimed], NOW + HOLD)
                else:
                    await asyncio.sleep(0.001)
            last = (await store.transact(lambda e: steps.read(e, number))).scanned
            async with asyncio.timeout(60):
                while eraser.status(number).state != "done":
                    await asyncio.sleep(0.005)
            sent = await claim(store, NOW + HOLD * 50, limit=1000)
            return last, [
                d.action for d in sent if b'"em"' in d.payload and d.action <= last and d.event_name == "Lead"
            ]

    last, sent = asyncio.run(main())
    assert sent == []
    hers = [r for r in rows(tmp_path, "events") if r["event_id"].startswith("late-") and r["position"] <= last]
    assert [r["match_keys"] for r in hers] == [[]] * len(hers)
    assert_sums_hold(tmp_path)


class Killed(BaseException):
    """The process is gone at this step."""


STEPS = ["add", "keep_found", "stop_sends", "redact", "clear_orders", "finish", "_empty_log", "close"]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_a_crash_at_any_step_is_made_good_at_the_next_start(tmp_path, monkeypatch, step, after):
    """Killed right before or after a step; the copy of the folder from that moment, opened again, finishes it."""
    live, dead = tmp_path / "live", tmp_path / "dead"
    live.mkdir()
    owner = {"add": "file", "keep_found": steps, "close": steps, "_empty_log": Eraser}.get(step, steps.ErasureStep)

    async def main():
        async with erasing(live, NOW + HOLD) as (store, eraser):
            await store.append([e for p in (ANNA, BORIS) for e in p.copies()])
            place = eraser.file if owner == "file" else owner
            original = getattr(place, step)

            def killed(*args, **kwargs):
                if dead.exists():
                    return original(*args, **kwargs)
                result = original(*args, **kwargs) if after else None
                if store._engine.db.in_transaction:  # a crash inside of it loses it: take the folder as it was
                    store._engine.run("rollback")
                    snapshot(live, dead)
                    store._engine.run("begin")
                    return result if after else original(*args, **kwargs)
                snapshot(live, dead)
                return result if after else original(*args, **kwargs)

            monkeypatch.setattr(place, step, killed)
            await eraser.ask(SubjectRequest(emails=(ANNA.email,)), "command")
            async with asyncio.timeout(60):
                while not dead.exists():
                    await asyncio.sleep(0.005)

    asyncio.run(main())
    monkeypatch.undo()

    async def again():
        async with erasing(dead, NOW + HOLD):
            pass

    asyncio.run(again())
    assert left(dead, ANNA.contact() + ANNA.traces()) == []
    assert len(left(dead, BORIS.traces())) == 4
    assert_sums_hold(dead)


def snapshot(live, dead):
    """The folder as a power cut would leave it: the database with its write-ahead log, and the files beside it."""
    shutil.copytree(live, dead.with_name("copy"), ignore=shutil.ignore_patterns("*-shm", "lock", "*.sock"))
    dead.with_name("copy").rename(dead)


SPOILED = {
    "text that is none": lambda body: body.replace(b'"event_name"', b'"event_nam\xff'),
    "cut short": lambda body: body[:-9],
    "another type": lambda body: body.replace(b'"tier":', b'"tier":"x","was":'),
    "no JSON": lambda body: b"{" + body,
}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
@pytest.mark.parametrize("position", [2, 3], ids=["what leads on", "what names"])
def test_a_body_that_cannot_be_read_stops_no_erasure(tmp_path, spoil, position):
    """It goes when it holds a value that is sought, or is a copy of what goes; all else is erased, nobody else's is touched."""
    appended(tmp_path, [*ANNA.copies(), *BORIS.copies()])
    db = apsw.Connection(str(tmp_path / "twofold.db"))
    (body,) = db.execute("select body from event where position = ?", (position,)).fetchone()
    db.execute("update event set body = ? where position = ?", (pack(spoil(plain_body(body))), position))
    db.close()

    async def main():
        async with erasing(tmp_path, NOW + HOLD) as (_store, eraser):
            await erased(
                eraser, SubjectRequest(emails=(ANNA.email,), external_ids=(ANNA.customer,), order_ids=(ANNA.order,))
            )

    asyncio.run(main())
    assert left(tmp_path, [*ANNA.contact(), ANNA.order]) == []
    assert left(tmp_path, BORIS.traces()) == BORIS.traces()
    assert len(rows(tmp_path, "events")) == 6
    assert "journal rows follow each other unaltered" in [c.name for c in verify(tmp_path) if not c.holds]


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
def test_a_body_that_cannot_be_read_stops_nothing_for_a_whole_shop(tmp_path, spoil):
    """Erasing everything takes it, too; the next start has nothing left to do."""
    appended(tmp_path, [*ANNA.copies(), *BORIS.copies()])
    db = apsw.Connection(str(tmp_path / "twofold.db"))
    (body,) = db.execute("select body from event where position = 3").fetchone()
    db.execute("update event set body = ? where position = 3", (pack(spoil(plain_body(body))),))
    db.close()

    async def main():
        async with erasing(tmp_path, NOW + HOLD) as (_store, eraser):
            await eraser.release(await eraser.ask(SubjectRequest(kind="erase_shop", dataset="1"), "shopify"))
            async with asyncio.timeout(60):
                while left(tmp_path, [*ANNA.contact(), *BORIS.contact()]):
                    await asyncio.sleep(0.05)

    asyncio.run(main())
    assert len(rows(tmp_path, "events")) == 6


def test_a_restored_database_is_cleaned_before_it_is_used(tmp_path):
    """The database from before the erasure comes back; opening the folder erases again, without anybody asking."""
    folder = tmp_path / "data"
    folder.mkdir()
    appended(folder, [e for p in (ANNA, BORIS) for e in p.copies()], together=True)
    backup, mark = ((folder / name).read_bytes() for name in ("twofold.db", "watermark"))
    erase_from(folder, [], SubjectRequest(emails=(ANNA.email,)), settle=False)
    assert left(folder, ANNA.contact()) == []
    (folder / "twofold.db").write_bytes(backup)
    (folder / "watermark").write_bytes(mark)
    assert left(folder, ANNA.contact()) != []

    async def start():
        async with erasing(folder):
            pass

    asyncio.run(start())
    assert left(folder, ANNA.contact() + ANNA.traces()) == []
    assert len(left(folder, BORIS.traces())) == 4
    assert_sums_hold(folder)


def test_the_request_itself_is_nowhere_in_the_clear(tmp_path):
    """While it waits to be worked on, a request on disk holds neither the value nor a digest anybody could make."""

    async def main(store):
        eraser = Eraser(store, lambda: NOW)
        return await eraser.ask(SubjectRequest(emails=(ANNA.email,), phones=(ANNA.phone,)), "shopify")

    number = with_store(tmp_path, main)
    assert left(tmp_path, ANNA.contact()) == []
    assert number.encode() in bytes_of(tmp_path)


def test_the_same_request_twice_is_one(tmp_path):
    """A webhook that is delivered twice makes one row while the first is open."""

    async def main(store):
        eraser = Eraser(store, lambda: NOW)
        return [await eraser.ask(SubjectRequest(emails=(ANNA.email,)), "shopify") for _ in range(2)]

    first, second = with_store(tmp_path, main)
    assert first == second


def test_a_whole_shop_waits_for_the_operators_word(tmp_path):
    """A shop system's own request is held; with the word, every person of the dataset goes and the other one's stay."""

    async def main():
        async with erasing(tmp_path) as (store, eraser):
            await store.append([ANNA.bought(), copy("x", dataset="2", em="a")])
            number = await eraser.ask(SubjectRequest(kind="erase_shop", dataset="1"), "shopify")
            held = (await store.transact(lambda e: steps.read(e, number))).state
            await eraser.release(number)
            async with asyncio.timeout(60):
                while (status := eraser.status(number)) is None or status.state != "done":
                    await asyncio.sleep(0.005)
            return held

    assert asyncio.run(main()) == "held"
    assert left(tmp_path, [*ANNA.contact(), ANNA.order, ANNA.checkout]) == []
    assert [r["match_keys"] for r in rows(tmp_path, "events")] == [[], ["em"]]
    assert_sums_hold(tmp_path)


def test_refused_rows_that_hold_a_value_are_removed(tmp_path):
    """A refused row with the person's hash in its id goes; others stay, and what was refused is counted as before."""
    from twofold.store.engine import RefusedRow

    def refused(event_id):
        return RefusedRow(NOW, "events", "1", "Lead", event_id, "missing_currency", 0, "", "", "", 2, "{}")

    async def main():
        async with erasing(tmp_path) as (store, eraser):
            await store.append([], [refused(ANNA.bought().user_data.em[0].hex), refused("kept-1")])
            await erased(eraser, SubjectRequest(emails=(ANNA.email,)))

    asyncio.run(main())
    assert [r["event_id"] for r in rows(tmp_path, "refused")] == ["kept-1"]
    assert left(tmp_path, ANNA.contact()) == []
    assert_sums_hold(tmp_path)


def test_a_hash_that_was_found_goes_from_other_texts_too(tmp_path):
    """Asked by phone: the address's hash, known from her order only, goes from a refused row and a stranger's property."""
    from twofold.store.engine import RefusedRow

    digest = ANNA.bought().user_data.em[0].hex
    stranger = made("ref-1", BROWSER, BORIS.user("fbp"))
    stranger.custom_data.other = {"friend": digest.upper()}
    row = RefusedRow(NOW, "events", "1", "Lead", digest, "missing_currency", 0, "", "", "", 2, "{}")

    async def main():
        async with erasing(tmp_path) as (store, eraser):
            await store.append([ANNA.bought(), stranger], [row])
            await erased(eraser, SubjectRequest(phones=(ANNA.phone,)))

    asyncio.run(main())
    assert left(tmp_path, ANNA.contact()) == []
    assert rows(tmp_path, "refused") == []
    assert "fbp" in rows(tmp_path, "events")[1]["match_keys"]


def test_orders_forget_the_buyer(tmp_path):
    """By person: the number stays for the books, the buyer goes. By number: number, tokens, payment and parcel ids go."""
    body = (
        b'{"order_id":"%s","kind":"placed","at":1,"reference":"orders/paid 77","aliases":["checkout:%s"],'
        b'"snapshot":{"version":1,"placed_at":1,"tags":["vip %s"],"shop":{"currency":"EUR","total":"42.50"}},'
        b'"payments":[{"id":"pay-%s","kind":"sale","amount":"42.50","currency":"EUR","at":1}]}'
    )

    def put(engine):
        for n, p in enumerate((ANNA, BORIS), 1):
            engine.script(
                "insert into orders (id, dataset, order_id, placed_at, person, outcomes, changed_at, state) values (?, '1', ?, 1, x'aa', 0, ?, ?)",
                (n, p.order, NOW, b'{"order_id":"%s"}' % p.order.encode()),
            )
            fact = body % (p.order.encode(), p.checkout.encode(), p.email.encode(), p.order.encode())
            engine.script(
                "insert into order_fact (order_row, received_at, at, kind, source, reference, digest, body) values (?, ?, 1, 'placed', 's', 'orders/paid 77', x'bb', ?)",
                (n, NOW, fact),
            )
            engine.script("insert into order_name (name, order_row) values (?, ?)", (bytes([n]) * 16, n))

    async def main():
        async with erasing(tmp_path) as (store, eraser):
            await store.append([ANNA.bought(), BORIS.bought()])
            await store.transact(put)
            await erased(eraser, SubjectRequest(emails=(ANNA.email,)))
            await erased(eraser, SubjectRequest(order_ids=(BORIS.order,)))
            return await store.transact(
                lambda e: e.script(
                    "select o.order_id, o.person, (select count(*) from order_name where order_row = o.id) from orders as o"
                )
            )

    (first, second) = asyncio.run(main())
    assert first == (ANNA.order, None, 1)
    assert second[0].startswith("erased-")
    assert second[1:] == (None, 0)
    assert left(tmp_path, [*ANNA.contact(), BORIS.order, BORIS.checkout, f"pay-{BORIS.order}"]) == []
    assert bytes_of(tmp_path).count(b'"42.50"') >= 4


def test_the_chain_survives_many_erasures(tmp_path):
    """A hundred persons erased one by one: the journal verifies, and altering a redacted row is found."""
    people = [Person(n) for n in range(100, 160)]

    async def main():
        async with erasing(tmp_path) as (store, eraser):
            await store.append([e for p in people for e in p.copies()])
            for p in people[:50]:
                await erased(eraser, SubjectRequest(emails=(p.email,)))

    asyncio.run(main())
    assert left(tmp_path, [t for p in people[:50] for t in p.contact() + p.traces()]) == []
    assert_sums_hold(tmp_path)


ALTERED = [
    (
        "a redacted body",
        "update event set body = replace(cast(plain_body(body) as text), '42.50', '99.50') where position = 3",
    ),
    ("a redaction made up to hide a change", "insert into redaction values (6, x'00', x'00')"),
    ("a redaction lost", "delete from redaction where position = 1"),
    ("an entry of the log", "update audit set facts = replace(facts, 'command', 'nobody')"),
    ("the log lost", "delete from audit"),
]


@pytest.mark.parametrize("sql", [sql for _, sql in ALTERED], ids=[name for name, _ in ALTERED])
def test_tampering_with_what_was_erased_is_found(tmp_path, sql):
    """At least one line of `verify` fails."""
    from twofold.report.verify import verify

    erase_from(tmp_path, [*ANNA.copies(), *BORIS.copies()], SubjectRequest(emails=(ANNA.email,)))
    db = apsw.Connection(str(tmp_path / "twofold.db"))
    db.create_scalar_function("plain_body", plain_body, 1)
    db.execute(sql.replace("set body = replace(", "set body = cast(replace(").replace("'99.50')", "'99.50') as blob)"))
    assert db.changes() > 0
    db.close()
    assert [c.name for c in verify(tmp_path) if not c.holds]


LOST_FILES = {
    "gone": lambda file: file.unlink(),
    "emptied": lambda file: file.write_bytes(b""),
    "an older copy": lambda file: file.write_bytes(file.read_bytes().split(b"\n")[0] + b"\n"),
}


@pytest.mark.parametrize("lose", LOST_FILES.values(), ids=LOST_FILES)
def test_a_file_of_erasures_that_lacks_one_is_named_by_verify(tmp_path, lose):
    """Unnoticed, the person would come back with the next backup; reading makes no file."""
    erase_from(tmp_path, ANNA.copies(), SubjectRequest(emails=(ANNA.email,)))
    assert_sums_hold(tmp_path)
    lose(tmp_path / "erasures")
    before = (tmp_path / "erasures").exists()
    assert [c.name for c in verify(tmp_path) if not c.holds] == ["erasures that are not in the file erasures"]
    assert (tmp_path / "erasures").exists() is before
