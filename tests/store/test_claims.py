"""The outbox: claims, leases and their fences, frozen bytes, consent and age at every claim, pause, revive."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from pathlib import Path

import pytest
from copies import (
    BROWSER,
    DAY,
    HOLD,
    LEASE,
    NOW,
    SERVER,
    actions,
    appended,
    assert_sums_hold,
    claim,
    rows,
    sent,
    settlement,
    with_store,
)
from copies import (
    copy_of_buyer as copy,
)
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.strategies import slow_law
from twofold.event.delivery import DeliveryState, Suppressed
from twofold.event.model import Consent, Event
from twofold.store import outbox
from twofold.store.engines import open_reader
from twofold.store.lists import Reader
from twofold.store.store import REVIVE_PORTION

WAITING, DELIVERED, DEAD = DeliveryState.WAITING, DeliveryState.DELIVERED, DeliveryState.DEAD
GRANTED, DENIED, UNSTATED = Consent.GRANTED, Consent.DENIED, Consent.UNSTATED
DUE = NOW + HOLD


def deliveries(folder: Path) -> list[tuple[str, str, str, int]]:
    return [(d["event_id"], d["state"], d["reason"], d["attempts"]) for d in rows(folder, "deliveries")]


# -- leases


def test_a_claimed_delivery_is_nobody_elses(tmp_path):
    """Until its lease ends it is not handed out again, then it is, with the same bytes and another fence."""

    async def scenario(store):
        await store.append([copy()])
        (first,) = await claim(store, DUE)
        during = await claim(store, DUE + LEASE - 1)
        (second,) = await claim(store, DUE + LEASE)
        return first, during, second

    first, during, second = with_store(tmp_path, scenario)
    assert during == []
    assert second.payload == first.payload
    assert second.lease != first.lease
    assert (first.first_attempt_at, second.first_attempt_at) == (None, DUE)


STALE = [
    ("delivered", DELIVERED, {}),
    ("dead", DEAD, {"reason": "rejected"}),
    ("waiting", WAITING, {"due_at": DUE, "counts": True}),
]


@pytest.mark.parametrize(("state", "facts"), [r[1:] for r in STALE], ids=[r[0] for r in STALE])
def test_a_settlement_after_its_lease_changes_nothing(tmp_path, state, facts):
    """The worker that was too slow is not believed: the delivery stays with the one that holds it now."""

    async def scenario(store):
        await store.append([copy()])
        (old,) = await claim(store, DUE)
        (new,) = await claim(store, DUE + LEASE)
        await store.settle([settlement(old, state, **facts)], DUE + LEASE)
        between = deliveries(tmp_path), await claim(store, DUE + LEASE + 1)
        await store.settle([settlement(new)], DUE + LEASE + 2)
        await store.settle([settlement(old, state, **facts), settlement(new, DEAD)], DUE + LEASE + 3)
        return between

    assert with_store(tmp_path, scenario) == ([("e1", "waiting", "", 0)], [])
    assert deliveries(tmp_path) == [("e1", "delivered", "", 1)]


def test_a_restart_voids_every_lease(tmp_path):
    """Whoever held one is gone: what was leased for an hour can be claimed at once, and old fences are worthless."""

    async def before(store):
        await store.append([copy("a"), copy("b")])
        return await claim(store, DUE, lease_ms=3_600_000)

    async def after(store):
        await store.settle([settlement(d) for d in old], DUE + 1)
        return await claim(store, DUE + 1)

    old = with_store(tmp_path, before)
    new = with_store(tmp_path, after, at=DUE + 1)
    assert [d.payload for d in new] == [d.payload for d in old]
    assert not {d.lease for d in new} & {d.lease for d in old}
    assert [state for _, state, _, _ in deliveries(tmp_path)] == ["waiting", "waiting"]


def test_a_restart_leaves_what_was_put_off_put_off(tmp_path):
    """A retry that is due in an hour stays due in an hour: a restart storm sends nothing early."""

    async def before(store):
        await store.append([copy()])
        (d,) = await claim(store, DUE)
        await store.settle([settlement(d, WAITING, due_at=DUE + 3_600_000)], DUE)

    async def after(store):
        return await claim(store, DUE + 3_599_999), await store.next_due("meta-1"), await claim(store, DUE + 3_600_000)

    with_store(tmp_path, before)
    early, due, in_time = with_store(tmp_path, after, at=DUE + 1)
    assert (early, due, len(in_time)) == ([], DUE + 3_600_000, 1)


def test_two_workers_never_hold_the_same(tmp_path):
    """A hundred due, claimed by ten at once: each handed out once."""

    async def scenario(store):
        await store.append([copy(f"e{n}") for n in range(100)])
        claims = await asyncio.gather(*(claim(store, DUE, limit=13) for _ in range(10)))
        return [d.event_id for claimed in claims for d in claimed]

    ids = with_store(tmp_path, scenario)
    assert sorted(ids) == sorted({f"e{n}" for n in range(100)})


# -- settling


def test_what_an_attempt_leaves_behind(tmp_path):
    """State, reason, count and a row for the attempt; a lease handed back counts nothing and leaves no row."""

    async def scenario(store):
        await store.append([copy("again"), copy("dead"), copy("back")])
        again, dead, back = await claim(store, DUE)
        await store.settle(
            [
                settlement(again, WAITING, due_at=DUE + 9, outcome="transient", status=500, code="2", note="busy"),
                settlement(dead, DEAD, reason="rejected:100", outcome="rejected", status=400, code="100"),
                settlement(back, WAITING, due_at=DUE, counts=False, outcome="", status=None),
            ],
            DUE,
        )
        return await claim(store, DUE + 8), await claim(store, DUE + 9)

    now, later = with_store(tmp_path, scenario)
    assert [d.event_id for d in now] == ["back"]
    assert [(d.event_id, d.attempts) for d in later] == [("again", 1)]
    assert deliveries(tmp_path) == [
        ("again", "waiting", "", 1),
        ("dead", "dead", "rejected:100", 1),
        ("back", "waiting", "", 0),
    ]
    with Reader(tmp_path) as reader:
        kept = [
            [(a["outcome"], a["status"], a["code"], a["decision"], a["note"]) for a in reader.attempts(n * 256 + 1)]
            for n in (1, 2, 3)
        ]
    assert kept == [
        [("transient", 500, "2", "waiting", "busy")],
        [("rejected", 400, "100", "dead rejected:100", "")],
        [],
    ]
    assert_sums_hold(tmp_path)


def test_each_destination_has_its_own_delivery(tmp_path):
    """Two destinations: one delivered, one dead; the action shows that they differ."""

    async def scenario(store):
        await store.append([copy()])
        (a,) = await claim(store, DUE, destination="meta-1")
        (b,) = await claim(store, DUE, destination="meta-2")
        await store.settle([settlement(a), settlement(b, DEAD, reason="x")], DUE)
        return await claim(store, DUE + LEASE, destination="meta-2")

    assert with_store(tmp_path, scenario, destinations=("meta-1", "meta-2")) == []
    assert [row["state"] for row in actions(tmp_path)] == ["mixed"]
    assert_sums_hold(tmp_path)


def test_what_a_builder_suppresses_says_why(tmp_path):
    """It is settled without an attempt, and is not frozen: a later copy may still change it."""

    async def scenario(store):
        await store.append([copy()])
        return await claim(store, DUE, build=lambda event: Suppressed("no_match_key"))

    assert with_store(tmp_path, scenario) == []
    assert deliveries(tmp_path) == [("e1", "suppressed", "no_match_key", 0)]
    assert_sums_hold(tmp_path)


@pytest.mark.parametrize(
    "first",
    [
        (SERVER, {"event_id": "s"}),
        (BROWSER, {"value": "40.00"}),
        (BROWSER, {"currency": "USD"}),
        (BROWSER, {"order": None}),
        (BROWSER, {}),
    ],
    ids=["id", "value", "currency", "order", "nothing"],
)
def test_an_action_is_shown_as_it_was_sent(tmp_path, first):
    """Under the browser's id, which the platform's own pixel used, with the server's money and order: in whatever single thing the
    first copy had said otherwise."""
    channel, otherwise = first
    told = {"event_id": "e", "value": "42.50", "currency": "EUR", "order": "1001"}

    async def scenario(store):
        other = SERVER if channel is BROWSER else BROWSER
        await store.append([copy(channel=channel, **(told | otherwise)), copy(channel=other, **told)])
        return [sent(d) for d in await claim(store, DUE)]

    (event,) = with_store(tmp_path, scenario)
    (row,) = actions(tmp_path)
    expected = {"event_id": "e", "value": "42.50", "currency": "EUR", "order_id": "1001"}
    assert {name: row[name] for name in expected} == expected
    data = event.custom_data
    assert (event.event_id, str(data.value), data.currency, data.order_id) == tuple(expected.values())


def test_bytes_are_built_once(tmp_path):
    """However often it is claimed, over restarts and with new copies, the builder runs once and the bytes stay."""
    built: list[str] = []

    def build(event: Event) -> bytes:
        built.append(event.event_id)
        return f"payload {len(built)}".encode()

    payloads = []
    for n in range(4):

        async def scenario(store, n=n):
            await store.append([copy(channel=BROWSER if n % 2 else SERVER, value=str(n), at=NOW + n)])
            (d,) = await claim(store, DUE + n * 2 * LEASE, build=build)
            return d.payload

        payloads.append(with_store(tmp_path, scenario, at=DUE + n * 2 * LEASE - 1))
    assert payloads == [b"payload 1"] * 4
    assert built == ["e1"]


# -- age, pause, revive

AGE = [
    ("fresh", 0, 7 * 86_400, True),
    ("just young enough", 7 * 86_400, 7 * 86_400, True),
    ("a second too old", 7 * 86_400 + 1, 7 * 86_400, False),
    ("old but accepted for long", 60 * 86_400, 62 * 86_400, True),
]


@pytest.mark.parametrize(("age_s", "limit_s", "goes"), [r[1:] for r in AGE], ids=[r[0] for r in AGE])
def test_what_is_too_old_is_not_sent(tmp_path, age_s, limit_s, goes):
    """Age is read at the claim, against the destination's limit; the row says too_old."""

    async def scenario(store):
        await store.append([copy(happened=NOW)])
        return await claim(store, NOW + age_s * 1000, max_age_s=limit_s)

    assert len(with_store(tmp_path, scenario, hold={})) == goes
    assert deliveries(tmp_path)[0][1:3] == (("waiting", "") if goes else ("dead", "too_old"))
    assert_sums_hold(tmp_path)


OTHER_KEYS = [
    "lead_id",
    "subscription_id",
    "ctwa_clid",
    "page_id",
    "page_scoped_user_id",
    "madid",
    "anon_id",
    "fb_login_id",
]


@pytest.mark.parametrize("key", OTHER_KEYS)
def test_what_is_known_by_a_rare_key_leaves(tmp_path, key):
    """A person may be known by any of the platform's keys, and it is written beside the bytes which they were."""

    async def scenario(store):
        event = copy("e1")
        await store.append([replace(event, user_data=replace(event.user_data, other={key: "1234567890123456"}))])
        return [sent(d).user_data.other for d in await claim(store, DUE)]

    assert with_store(tmp_path, scenario) == [{key: "1234567890123456"}]
    db = open_reader(tmp_path)
    try:
        ((keys,),) = db.execute("select keys from frozen").fetchall()
    finally:
        db.close()
    assert key in keys.split(",")


def test_nothing_is_too_old_by_a_time_that_is_not_certain(tmp_path):
    """A clock ten years ahead that nobody believes: it leaves as if it were of today."""

    async def scenario(store):
        store.trust(lambda now: min(now, NOW + DAY))
        await store.append([copy(happened=NOW)])
        return await claim(store, NOW + 3650 * DAY, max_age_s=7 * 86_400)

    assert len(with_store(tmp_path, scenario, hold={})) == 1


def test_it_grows_too_old_while_it_waits(tmp_path):
    """Frozen and retried in vain for eight days: dead with its reason, not sent once more."""

    async def scenario(store):
        await store.append([copy()])
        (d,) = await claim(store, DUE)
        await store.settle([settlement(d, WAITING, due_at=NOW + 8 * DAY)], DUE)
        return await claim(store, NOW + 8 * DAY)

    assert with_store(tmp_path, scenario) == []
    assert deliveries(tmp_path) == [("e1", "dead", "too_old", 1)]


def test_a_pause_is_kept_over_a_restart_and_ends(tmp_path):
    """Its waiting deliveries show as paused with the reason; resumed, they wait as before."""

    async def pausing(store):
        await store.append([copy()])
        await store.pause("meta-1", "credentials:190", NOW + DAY, NOW)
        return store.pause_of("meta-1")

    async def resuming(store):
        known = store.pause_of("meta-1")
        await store.resume("meta-1", NOW + 1)
        return known, store.pause_of("meta-1")

    assert with_store(tmp_path, pausing) == ("credentials:190", NOW + DAY)
    assert deliveries(tmp_path) == [("e1", "paused", "credentials:190", 0)]
    assert_sums_hold(tmp_path)
    assert with_store(tmp_path, resuming) == (("credentials:190", NOW + DAY), None)
    assert deliveries(tmp_path) == [("e1", "waiting", "", 0)]


def test_only_the_dead_are_revived(tmp_path):
    """They wait again with their old bytes; the delivered and the waiting stay as they are; the answer counts."""

    async def scenario(store):
        await store.append([copy(n) for n in ("dead", "done", "wait", "dead2")])
        claimed = {d.event_id: d for d in await claim(store, DUE)}
        await store.settle(
            [
                settlement(claimed["dead"], DEAD, reason="x"),
                settlement(claimed["done"]),
                settlement(claimed["dead2"], DEAD, reason="y"),
            ],
            DUE,
        )
        revived = await store.revive([claimed[n].id for n in ("dead", "done", "wait")], DUE + 1)
        # The fence of the old claim is worthless, although nobody has claimed it since.
        await store.settle([settlement(claimed["dead"])], DUE + 1)
        (again,) = await claim(store, DUE + 1)
        return revived, again.payload == claimed["dead"].payload, again.event_id

    assert with_store(tmp_path, scenario) == (1, True, "dead")
    states = {row[0]: row[1] for row in deliveries(tmp_path)}
    assert states == {"dead": "waiting", "done": "delivered", "wait": "waiting", "dead2": "dead"}
    assert_sums_hold(tmp_path)


@pytest.mark.parametrize("more", [-1, 0, 1])
def test_any_number_is_revived(tmp_path, more):
    """Also as many as are changed in one portion, and one more."""

    async def scenario(store):
        count = REVIVE_PORTION + more
        await store.append([copy(f"e{n}") for n in range(count)])
        claimed = await claim(store, DUE, limit=count)
        await store.settle([settlement(d, DEAD, reason="x") for d in claimed], DUE)
        return len(claimed), await store.revive([d.id for d in claimed], DUE + 1)

    assert with_store(tmp_path, scenario) == (REVIVE_PORTION + more,) * 2


def test_a_revived_one_was_not_under_way_at_a_restart(tmp_path):
    """What was revived but not claimed again before a restart is not taken for sent in doubt."""

    async def before(store):
        await store.append([copy()])
        (d,) = await claim(store, DUE)
        await store.settle([settlement(d, DEAD, reason="x")], DUE)
        await store.revive([d.id], DUE + 1)

    async def after(store):
        (d,) = await claim(store, DUE + 2)
        return d.unsure_since

    with_store(tmp_path, before)
    assert with_store(tmp_path, after, at=DUE + 2) is None


def test_a_leased_one_is_in_doubt_after_a_restart(tmp_path):
    """Claimed and never settled: it may have been sent, from the restart on and for good."""

    async def before(store):
        await store.append([copy()])
        await claim(store, DUE)

    async def after(store):
        (d,) = await claim(store, DUE + DAY)
        return d.unsure_since

    with_store(tmp_path, before)
    assert with_store(tmp_path, after, at=DUE + 2) == DUE + 2
    assert with_store(tmp_path, after, at=DUE + DAY - 1) == DUE + 2


def test_workers_are_woken_by_work(tmp_path):
    """A callback runs after a commit that brought events, ended a pause or revived; never before."""
    woken: list[str] = []

    async def scenario(store):
        seen = []
        store.on_enqueued("meta-1", lambda: woken.append("woken"))
        for job in (store.append([copy()]), store.resume("meta-1", NOW), store.revive([1], NOW)):
            before = len(woken)
            await job
            seen.append(len(woken) - before)
        before = len(woken)
        await store.pause("meta-1", "x", NOW, NOW)
        return seen, len(woken) - before

    assert with_store(tmp_path, scenario) == ([1, 1, 1], 0)


# -- consent

CONSENT = [
    ("granted", [GRANTED], False, None),
    ("unstated", [UNSTATED], False, None),
    ("unstated where a grant is required", [UNSTATED], True, "consent_unstated"),
    ("granted by one copy where it is required", [UNSTATED, GRANTED], True, None),
    ("denied", [DENIED], False, "consent_denied"),
    ("granted and denied", [GRANTED, DENIED], False, "consent_denied"),
    ("denied and granted", [DENIED, GRANTED], False, "consent_denied"),
    ("denied by a late word", [GRANTED, GRANTED, DENIED], True, "consent_denied"),
]


@pytest.mark.parametrize(("copies", "required", "reason"), [r[1:] for r in CONSENT], ids=[r[0] for r in CONSENT])
def test_consent_is_read_when_it_is_claimed(tmp_path, copies, required, reason):
    """The strictest copy decides at the claim; what may not be sent is suppressed with its reason."""

    async def scenario(store):
        for n, consent in enumerate(copies):
            await store.append([copy(channel=BROWSER if n % 2 else SERVER, consent=consent)])
        return await claim(store, DUE)

    assert len(with_store(tmp_path, scenario, require_consent=required)) == (reason is None)
    assert deliveries(tmp_path)[0][1:3] == (("suppressed", reason) if reason else ("waiting", ""))
    assert_sums_hold(tmp_path)


def test_a_withdrawal_reaches_what_was_tried_already(tmp_path):
    """Frozen, tried once and waiting for its retry: a denial that comes then stops the next attempt."""

    async def scenario(store):
        await store.append([copy(consent=GRANTED)])
        (d,) = await claim(store, DUE)
        await store.settle([settlement(d, WAITING, due_at=DUE + 1)], DUE)
        await store.append([copy(channel=BROWSER, consent=DENIED, at=DUE + 1)])
        return await claim(store, DUE + 1)

    assert with_store(tmp_path, scenario) == []
    assert deliveries(tmp_path) == [("e1", "suppressed", "consent_denied", 1)]


def test_a_denial_survives_a_merge(tmp_path):
    """Denied under one id, granted under the other: linked by the order, the one action is denied."""

    async def scenario(store):
        await store.append([copy("a", consent=GRANTED), copy("b", order="1", consent=DENIED)])
        await store.append([copy("a", order="1", consent=GRANTED)])
        return await claim(store, DUE)

    assert with_store(tmp_path, scenario) == []
    assert_sums_hold(tmp_path)


# Each step: a copy of an action (0 to 2) by one of its two ids, with or without the order that joins them; or a claim.
_STEP = st.tuples(st.integers(0, 2), st.sampled_from("ab"), st.booleans(), st.sampled_from(Consent)) | st.just("claim")


@slow_law
@given(steps=st.lists(_STEP, min_size=1, max_size=25), retry=st.booleans(), restart=st.booleans())
def test_no_claim_hands_out_what_was_denied_before(steps, retry, restart):
    """Copies that grant and withdraw, merges, claims and restarts in any order: never a denied one, from its first
    denial on."""
    told = {n: Told() for n in range(3)}
    clock = [DUE]

    async def play(store, part):
        for step in part:
            clock[0] += 10
            if step != "claim":
                n, side, linked, consent = step
                event = copy(
                    f"{side}{n}", CHANNELS[side], order=f"o{n}" if linked else None, at=clock[0], consent=consent
                )
                event.custom_data.other = {"n": n}
                await store.append([event])
                told[n].note(side, linked, consent)
                continue
            claimed = await claim(store, clock[0] + HOLD, lease_ms=1)
            for d in claimed:
                about = told[int(sent(d).custom_data.other["n"])]
                assert not about.denied
                about.sent.add(d.action)
            if not retry:
                await store.settle([settlement(d) for d in claimed], clock[0])

    with tempfile.TemporaryDirectory() as name:
        for part in [[s] for s in steps] if restart else [steps]:
            with_store(Path(name), lambda store, part=part: play(store, part), at=clock[0])
        assert_sums_hold(Path(name))


CHANNELS = {"a": SERVER, "b": BROWSER}


class Told:
    """What the copies of one shopper's action have said so far, and what the store can know from it."""

    def __init__(self) -> None:
        self.sides: set[str] = set()
        self.linked: set[str] = set()  # ids that were seen with the order
        self.refused: set[str] = set()  # ids that came with a denial
        self.sent: set[int] = set()

    def note(self, side: str, linked: bool, consent: Consent) -> None:
        self.sides.add(side)
        if linked:
            self.linked.add(side)
        if consent is DENIED:
            self.refused.add(side)

    @property
    def denied(self) -> bool:
        """By each id for itself, or by any once the order joined them; two that were sent apart stay two."""
        joined = self.sides == self.linked and len(self.sent) < 2
        return self.sides == self.refused or (joined and bool(self.refused))


def test_a_denial_under_the_id_that_was_sent_reaches_what_stands_for_it_now(tmp_path):
    """Sent by a browser's word, then reported by the shop: the browser's no comes under its own id, without the order."""

    async def reported(store):
        await store.append([copy("b", BROWSER, order="1")])
        for d in await claim(store, DUE):
            await store.settle([settlement(d)], DUE)
        await store.append([copy("a", order="1", at=DUE + 1)])

    async def denied(store):
        await store.append([copy("b", BROWSER, consent=DENIED, at=DUE + 2)])
        return await claim(store, DUE + HOLD + 2)

    with_store(tmp_path / "1", reported)
    assert with_store(tmp_path / "1", denied) == []

    async def at_once(store):
        await reported(store)
        return await denied(store)

    assert with_store(tmp_path / "2", at_once) == []

    async def in_one_batch(store):
        await store.append([copy("b", BROWSER, order="1")])
        for d in await claim(store, DUE):
            await store.settle([settlement(d)], DUE)
        await store.append([copy("a", order="1", at=DUE + 1), copy("b", BROWSER, consent=DENIED, at=DUE + 1)])
        return await claim(store, DUE + HOLD + 2)

    assert with_store(tmp_path / "3", in_one_batch) == []


def test_a_strangers_denial_under_that_id_stops_nothing(tmp_path):
    """The same from another place: it proves nothing to be the buyer's, so the shop's own report leaves."""

    async def scenario(store):
        await store.append([copy("b", BROWSER, order="1")])
        for d in await claim(store, DUE):
            await store.settle([settlement(d)], DUE)
        await store.append([copy("a", order="1", at=DUE + 1)])
        elsewhere = copy("b", BROWSER, consent=DENIED, at=DUE + 2, client_ip_address="198.51.100.7")
        await store.append([elsewhere])
        return await claim(store, DUE + HOLD + 2)

    assert len(with_store(tmp_path, scenario)) == 1


def test_a_denial_reaches_both_of_two_that_were_sent_apart(tmp_path):
    """Sent under two ids before the link was seen, both to be retried: a denial that names both stops both."""

    async def scenario(store):
        await store.append([copy("a"), copy("b", order="1")])
        for d in await claim(store, DUE):
            await store.settle([settlement(d, WAITING, due_at=DUE + 2)], DUE)
        await store.append([copy("a", order="1", consent=DENIED, at=DUE + 1)])
        return await claim(store, DUE + 2)

    assert with_store(tmp_path, scenario) == []
    assert [(d[1], d[2]) for d in deliveries(tmp_path)] == [("suppressed", "consent_denied")] * 2


# -- a clock that was wrong

YEAR = 365 * DAY


@pytest.mark.parametrize("years", [-10, -1, 1, 10])
def test_what_was_planned_by_the_right_clock_does_not_move_with_a_wrong_one(tmp_path, years):
    """Planned before a start in a wrong year, looked at when that year is corrected: not so many years later."""

    async def before(store):
        await store.append([copy("a"), copy("b")])
        (a, b) = await claim(store, DUE)
        await store.settle([settlement(d, WAITING, due_at=DUE + 600_000, outcome="refused") for d in (a, b)], DUE)
        await store.pause("meta-1", "unwell", DUE + 60_000, DUE)

    async def wrong(store):
        await store.append([copy("c", at=there, happened=DUE)])
        await store.shift(there + 5_000, DUE)
        due, pause = await store.next_due("meta-1"), store.pause_of("meta-1")
        return due - DUE, pause, sorted(d.event_id for d in await claim(store, DUE + 600_000))

    with_store(tmp_path, before)
    there = DUE + years * YEAR
    due, pause, claimed = with_store(tmp_path, wrong, at=there)
    assert 0 <= due <= 600_000
    assert pause[1] <= DUE + 3_600_000
    assert claimed == ["a", "b", "c"]


@pytest.mark.parametrize("ahead", [YEAR, 10 * YEAR, 3 * DAY])
def test_what_a_wrong_clock_planned_does_not_outlive_it(tmp_path, ahead):
    """Stopped while its clock was ahead: at the next start, by a right one, nothing waits for that time."""

    async def wrong(store):
        await store.append([copy("a", at=NOW + ahead)])
        (a,) = await claim(store, DUE + ahead)
        await store.settle([settlement(a, WAITING, due_at=DUE + ahead + 60_000, outcome="refused")], DUE + ahead)
        await store.append([copy("b", at=NOW + ahead)])
        await store.pause("meta-1", "unwell", DUE + ahead, DUE)

    async def right(store):
        await store.replan(DUE)
        return store.pause_of("meta-1")[1], sorted(d.event_id for d in await claim(store, DUE))

    with_store(tmp_path, wrong, at=NOW + ahead)
    assert with_store(tmp_path, right, at=DUE) == (DUE, ["a", "b"])


@pytest.mark.parametrize("ahead", [HOLD, 1_200_000, 3_600_000])
def test_a_hold_is_not_longer_by_the_error_of_a_clock(tmp_path, ahead):
    """Received by a clock that was minutes ahead, never looked at: after a right start it leaves when its hold would end."""
    appended(tmp_path, [copy("a", at=DUE + ahead + 1)], at=NOW + ahead)

    async def right(store):
        await store.replan(DUE)
        return [d.event_id for d in await claim(store, DUE + HOLD)]

    assert with_store(tmp_path, right, at=DUE) == ["a"]


def test_what_really_waits_is_not_hurried_by_a_start(tmp_path):
    """Holds and retries of a right clock stay as they are, also a hold of days."""

    async def scenario(store):
        await store.append([copy("a"), copy("b", name="Lead")])
        await store.replan(NOW)
        return [
            await claim(store, NOW + after, lease_ms=9 * DAY) for after in (0, HOLD - 1, HOLD, 2 * DAY - 1, 2 * DAY)
        ]

    counts = with_store(tmp_path, scenario, hold={"Purchase": HOLD, "Lead": 2 * DAY})
    assert [[d.event_id for d in claimed] for claimed in counts] == [[], [], ["a"], [], ["b"]]


@pytest.mark.parametrize("years", [-10, 10])
def test_an_unknown_fate_is_as_old_as_it_is(tmp_path, years):
    """Tried under a wrong clock, of unknown fate: when the clock is put right it was tried a moment ago, not years ago."""

    async def scenario(store):
        await store.append([copy("a", at=there, happened=DUE)])
        (a,) = await claim(store, there + HOLD, max_age_s=100 * YEAR // 1000)
        ambiguous = settlement(
            a, WAITING, due_at=there + HOLD + 1, outcome="ambiguous", unsure_since=there + HOLD, started_at=there + HOLD
        )
        await store.settle([ambiguous], there + HOLD)
        await store.shift(there + HOLD + 5_000, DUE)
        (again,) = await claim(store, DUE + 10, max_age_s=100 * YEAR // 1000)
        return again.unsure_since

    there = DUE + years * YEAR
    assert with_store(tmp_path, scenario, at=there) == DUE - 5_000


# -- what is told later


async def unanswered(store, since):
    """All stretches, and that each goes on behind the one before."""
    found, after = [], 0
    while after is not None:
        rows, end = await store.unanswered("meta-1", since, after)
        assert end is None or end > after
        found, after = found + rows, end
    return found


def test_what_a_platform_tells_later_is_kept_once_beside_the_attempts(tmp_path, monkeypatch):
    """Unanswered are those that were taken under a number, of one destination and since a time, until something is told; the
    delivery itself stays as it was, and every sum holds."""

    async def scenario(store):
        await store.append([copy("a", em="1"), copy("b", em="2"), copy("c", em="3")])
        claimed = {sent(d).event_id: d for d in await claim(store, DUE)}
        facts = {"started_at": DUE, "ended_at": DUE}
        await store.settle(
            [
                settlement(claimed["a"], note="later r-1 words", **facts),
                settlement(claimed["b"], note="later r-1 words", **facts),
                settlement(claimed["c"], note="no number", **facts),
            ],
            DUE,
        )
        before = await unanswered(store, DUE)
        too_late = await unanswered(store, DUE + 1)
        await store.note_told([claimed["a"].id], "partial", "later r-1 CLICK_NOT_FOUND 1", DUE + 5)
        return claimed, before, too_late, await unanswered(store, DUE)

    monkeypatch.setattr(outbox, "LOOKED_AT", 1)  # so that each attempt is a stretch of its own

    claimed, before, too_late, after = with_store(tmp_path, scenario)
    assert sorted(before) == sorted((claimed[i].id, DUE, "later r-1 words") for i in "ab")
    assert too_late == []
    assert after == [(claimed["b"].id, DUE, "later r-1 words")]
    assert sorted(deliveries(tmp_path)) == [(i, "delivered", "", 1) for i in "abc"]
    assert_sums_hold(tmp_path)


# -- several destinations, and events that come meanwhile


def test_while_events_come_claims_are_short_and_in_turn():
    """Accepting comes first: until the disk has nothing to do a turn takes a hundred, and then two events are accepted for each.
    With nothing to accept a claim takes what it wants. On a disk, as memory has nothing to do between two events."""
    names = ("meta-1", "other-1")

    async def scenario(store):
        await store.append([copy(f"e{n}") for n in range(400)])
        batches = ([copy(f"{n}-{i}") for i in range(10)] for n in itertools.count())
        coming = store.append(next(batches))
        turns = [asyncio.create_task(claim(store, DUE, destination=d, limit=300)) for d in names]
        accepted = []
        for turn in turns:
            while not turn.done():
                before, coming = coming, store.append(next(batches))  # there is always one that waits for the disk
                await before
            accepted.append(store.accepted)
        await coming
        return [len(await turn) for turn in turns], accepted, len(await claim(store, DUE, limit=300))

    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        short, (first, second), free = with_store(Path(folder), scenario, destinations=names)
    assert short == [100, 100]
    assert second - first >= 200 - 40  # less what was accepted while the first turn's claim was committed
    assert free == 300


def test_what_one_destination_read_is_not_believed_for_the_next(tmp_path):
    """A copy that was altered between two claims is sent to nobody any more, and one that was not is the same for both."""

    async def scenario(store):
        await store.append([copy("kept"), copy("altered")])
        first = await claim(store, DUE)
        await store.transact(
            lambda e: e.db.execute("update event set salt = ? where event_id = 'altered'", (bytes(8),))
        )
        return first, await claim(store, DUE, destination="other-1")

    first, second = with_store(tmp_path, scenario, destinations=("meta-1", "other-1"))
    assert [d.event_id for d in first] == ["kept", "altered"]
    assert [(d.event_id, d.payload) for d in second] == [("kept", first[0].payload)]
    assert [
        d["reason"] for d in rows(tmp_path, "deliveries") if d["destination"] == "other-1" and d["state"] == "dead"
    ] == [outbox.ALTERED]


def test_what_was_tried_is_as_long_ago_as_it_was_whenever_the_clock_is_moved(tmp_path):
    """An hour back and then put right: an attempt of unknown fate was made when it was made. By hand: a second after the start."""
    hour, tried = 3_600_000, NOW + HOLD + 1_000

    async def scenario(store):
        [first] = await claim(store, tried) if await store.append([copy()]) else []
        await store.settle([settlement(first, DeliveryState.WAITING, due_at=tried, unsure_since=tried)], tried)
        await store.shift(tried + 10, tried + 10 - hour)
        await store.shift(tried + 20 - hour, tried + 20)
        [again] = await claim(store, tried + HOLD)
        return again.unsure_since

    assert with_store(tmp_path, scenario) == tried
