"""The worker against a fake Graph API over sockets: every row of the answer table, and what must never happen."""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections import Counter

import pytest
from delivering import SWIFT, Clock, delivering, events, numbered
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.fakes.graph import OK, Reply, bomb, counting, dead_port, error, html, refusing
from tests.fakes.outbox import MemoryOutbox
from tests.strategies import law_of
from twofold.deliver import worker as worker_module
from twofold.deliver.retry import Policy
from twofold.destinations.meta import META
from twofold.errors import StoreBusy, StoreFailed, StoreFull
from twofold.event.delivery import DeliveryState
from twofold.event.model import UserData

DELIVERED, WAITING, DEAD = DeliveryState.DELIVERED, DeliveryState.WAITING, DeliveryState.DEAD
REAL = Policy()

LATER = error(2, status=503)
MANY_HEADERS = tuple((f"X-{n}", "y") for n in range(10_000))

# One answer, then Meta's yes: what the first attempt of a single event is recorded as, whether it is sent again,
# and why the destination was left alone meanwhile ("" not at all).
#                                     first answer                          outcome       sent  pause
ANSWERS: list[tuple[str, Reply, str, int, str]] = [
    ("taken", OK, "accepted", 1, ""),
    ("count lower", counting(0), "partial", 2, ""),
    ("count higher", counting(2), "partial", 2, ""),
    ("empty yes", Reply(body=b""), "ambiguous", 2, "unwell:http-200"),
    ("HTML yes", html(200), "ambiguous", 2, "unwell:http-200"),
    ("invalid UTF-8", Reply(body=b"\xff\xfe{}"), "ambiguous", 2, "unwell:http-200"),
    ("yes, cut by a reset", Reply(reset_after=10), "ambiguous", 2, "unwell:http-200"),
    ("gigantic yes", Reply(body=b" " * (8 << 20)), "ambiguous", 2, "unwell:http-200"),
    ("a bomb", bomb(), "ambiguous", 2, "unwell:http-200"),
    ("ten thousand headers", Reply(headers=MANY_HEADERS), "ambiguous", 2, "unwell:broken"),
    ("no HTTP at all", Reply(raw=b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), "ambiguous", 2, "unwell:broken"),
    ("an answer of nothing", Reply(raw=b""), "ambiguous", 2, "unwell:broken"),
    ("reset instead of an answer", Reply(reset=True), "ambiguous", 2, "unwell:broken"),
    ("token dead", error(190, status=401), "credentials", 2, "credentials:190"),
    ("token dead, as 400", error(190, 463), "credentials", 2, "credentials:190/463"),
    ("permission", error(10, status=403), "credentials", 2, "credentials:10"),
    ("permission range", error(294), "credentials", 2, "credentials:294"),
    ("capability", error(3), "credentials", 2, "credentials:3"),
    ("dataset not ours", error(100, 33), "credentials", 2, "credentials:100/33"),
    ("throttled as 400", error(4), "throttled", 2, "throttled:4"),
    ("throttled, business", error(80004), "throttled", 2, "throttled:80004"),
    ("throttled as 429", Reply(status=429, body=b""), "throttled", 2, "throttled:http-429"),
    ("unknown error", error(1, status=500), "transient", 2, "unwell:1"),
    ("temporary", error(2), "transient", 2, "unwell:2"),
    ("flagged transient", error(100, transient=True), "transient", 2, "unwell:100"),
    ("request timeout", Reply(status=408, body=b""), "transient", 2, "unwell:http-408"),
    ("internal", Reply(status=500, body=b""), "transient", 2, "unwell:http-500"),
    ("bad gateway page", html(502), "transient", 2, "unwell:http-502"),
    ("HTML 400", html(400), "transient", 2, "unwell:http-400"),
    ("not found", Reply(status=404, body=b""), "misdirected", 2, "misdirected:http-404"),
    ("gone", html(410), "misdirected", 2, "misdirected:http-410"),
    ("invalid event", error(100, 2804050), "invalid", 1, ""),
    ("invalid, no subcode", error(100), "invalid", 1, ""),
    ("a code nobody knows", error(1815355), "unknown", 2, ""),
    ("a code nobody knows, 403", error(31, 7, status=403), "unknown", 2, ""),
    ("an unknown refusal", Reply(status=422, body=b"{}"), "unknown", 2, ""),
    ("too large alone", Reply(status=413, body=b""), "too_large", 1, ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("first", "outcome", "sent", "pause"), [a[1:] for a in ANSWERS], ids=[a[0].replace(" ", "-") for a in ANSWERS]
)
def test_one_event_and_every_kind_of_answer(first, outcome, sent, pause):
    """Each answer is recorded as its class, pauses what it should, and the next yes delivers the same bytes."""

    async def scenario():
        async with delivering([first, OK]) as d:
            d.outbox.add(*events("only"))
            await d.done()

            assert d.outbox.attempts_of("only")[0].outcome == outcome
            assert len(d.graph.requests) == sent
            assert [reason for reason, _ in d.outbox.pauses] == ([pause] if pause else [])
            assert len({r.body for r in d.graph.requests}) == 1
            assert d.outbox.states()["only"] == ("dead" if sent == 1 and first is not OK else "delivered")
            assert d.outbox.pause_of("meta-1") is None
            assert d.requests_counted(outcome) == 1

    asyncio.run(scenario())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_never_followed(status):
    """Not one byte goes to where a redirect points; the destination is paused."""

    async def scenario():
        async with delivering() as elsewhere:
            reply = Reply(status=status, body=b"", headers=(("Location", elsewhere.graph.url + "/v25.0/1/events"),))
            async with delivering([reply]) as d:
                d.outbox.add(*events("only"))
                await d.until(lambda: len(d.outbox.pauses) >= 3)

                assert {reason for reason, _ in d.outbox.pauses} == {f"misdirected:http-{status}"}
                assert d.outbox.ids(WAITING) == {"only"}
            assert elsewhere.graph.connections == 0

    asyncio.run(scenario())


def test_a_refusal_kills_with_its_own_reason_and_no_contact_data():
    """The dead delivery names code and subcode; the note is redacted."""
    leaky = Reply(
        status=400,
        body=b'{"error":{"message":"em mary@shop.example is not hashed, token EAAtoken","code":100,'
        b'"error_subcode":2804016,"error_user_title":"User Parameter Not Hashed"}}',
    )

    async def scenario():
        async with delivering([leaky]) as d:
            d.outbox.add(*events("only"))
            await d.done()

            (attempt,) = d.outbox.attempts_of("only")
            assert d.outbox.rows["only"].reason == "rejected:100/2804016"
            assert (attempt.status, attempt.code) == (400, "100/2804016")
            assert "User Parameter Not Hashed" in attempt.note
            assert "mary" not in attempt.note
            assert "EAAtoken" not in attempt.note

    asyncio.run(scenario())


# -- attempts that never arrive


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"])
def test_what_was_not_sent_costs_no_attempt(host):
    """Refused connections and unknown names pause the destination and use up nothing."""

    async def scenario(port):
        async with delivering(endpoint=f"http://{host}:{port}") as d:
            d.outbox.add(*numbered(50))
            await d.until(lambda: len(d.outbox.pauses) >= 5 and not d.worker.busy)

            assert all(reason.startswith("unreachable:") for reason, _ in d.outbox.pauses)
            assert {row.attempts for row in d.outbox.rows.values()} == {0}
            assert d.outbox.ids(WAITING) == set(d.outbox.rows)

    with dead_port() as port:
        asyncio.run(scenario(port))


@pytest.mark.parametrize("silence", [Reply(hang=True), Reply(drip_s=0.05)], ids=["hangs", "drips"])
def test_one_request_has_a_time_cap_in_all(silence):
    """Headers at once and a byte now and then do not extend it; the fate is then unknown."""

    async def scenario():
        async with delivering([silence, OK], timeout_s=0.3) as d:
            d.outbox.add(*events("only"))
            await d.done()

            assert [a.outcome for a in d.outbox.attempts_of("only")] == ["ambiguous", "accepted"]

    asyncio.run(scenario())


def test_an_unknown_fate_is_not_repeated_where_repeats_count_twice():
    """Business messaging is not deduplicated by Meta: after silence the event is given up, not sent again."""
    messaging = {"action_source": "business_messaging", "event_name": "Purchase", "messaging_channel": "whatsapp"}

    async def scenario():
        async with delivering([Reply(reset=True), OK]) as d:
            # No money: LeadSubmitted is what a messaging lead is called.
            lead = {**messaging, "event_name": "LeadSubmitted", "user_data": UserData(other={"ctwa_clid": "A"})}
            d.outbox.add(*events("lead", **lead))
            await d.done()

            assert d.outbox.states() == {"lead": "dead"}
            assert d.outbox.rows["lead"].reason == "ambiguous"
            assert len(d.graph.requests) == 1

    asyncio.run(scenario())


def test_an_unknown_fate_is_given_up_when_the_window_closes(caplog):
    """47 hours after the silence nothing of it is sent again, although it is due and young enough; and that is said."""

    async def scenario():
        async with delivering([Reply(reset=True), error(190)], policy=replace(SWIFT, probe_ms=600_000)) as d:
            d.outbox.add(*events("unsure"))
            await d.until(lambda: len(d.outbox.pauses) == 2 and not d.worker.busy)  # silence, then a dead token
            d.graph.script = [OK]
            d.outbox.add(*events("fresh"))
            d.forward(47 * 3600)
            await d.done()

            assert d.outbox.states() == {"unsure": "dead", "fresh": "delivered"}
            assert d.outbox.rows["unsure"].reason == "ambiguous"
            assert d.graph.ids == ["unsure", "unsure", "fresh"]
        assert "destination meta-1: gave up 1 that may have arrived" in caplog.text

    asyncio.run(scenario())


def test_by_a_clock_that_is_doubted_an_unknown_fate_is_neither_given_up_nor_repeated():
    """It is looked at again a minute later, and no attempt is counted for that; once the clock is believed it is given up."""
    doubted_ms = 47 * 3_600_000

    async def scenario():
        policy = replace(SWIFT, probe_ms=600_000)
        async with delivering([Reply(reset=True), error(190)], policy=policy, sure=lambda now: now - doubted_ms) as d:
            d.outbox.add(*events("unsure"))
            await d.until(lambda: len(d.outbox.pauses) == 2 and not d.worker.busy)
            d.graph.script, unsure = [OK], d.outbox.rows["unsure"]
            attempts = unsure.attempts
            d.forward(47 * 3600)
            before = d.clock()
            await d.until(lambda: unsure.lease < 0 and unsure.due_at > before)
            assert (unsure.state, unsure.attempts) == (DeliveryState.WAITING, attempts)
            assert before + 60_000 <= unsure.due_at <= d.clock() + 60_000
            nonlocal doubted_ms
            doubted_ms = 0
            d.forward(61)
            await d.done()
            assert (unsure.state, unsure.reason) == (DEAD, "ambiguous")
            assert d.graph.ids == ["unsure", "unsure"]

    asyncio.run(scenario())


# -- frozen, never overlapping, isolated


@law_of(15)
@given(seed=st.integers(0, 10_000))
def test_every_attempt_carries_the_same_bytes(seed):
    """Through any sequence of failures each event's object is byte-identical, and ends delivered."""
    chance = random.Random(seed)
    trouble = [LATER, Reply(reset=True), error(4), error(190), counting(0), Reply(body=b"?"), OK, OK]

    async def scenario():
        def script(request):
            return chance.choice(trouble) if len(d.graph.requests) < 25 else OK

        async with delivering(script, batch=7) as d:
            d.outbox.add(*numbered(20))
            await d.done()

            objects: dict[str, set[bytes]] = {}
            for request in d.graph.requests:
                for n, event_id in enumerate(request.ids):
                    objects.setdefault(event_id, set()).add(_objects(request.body)[n])
            assert {len(bodies) for bodies in objects.values()} == {1}
            assert d.outbox.ids(DELIVERED) == set(d.outbox.rows)

    asyncio.run(scenario())


def _objects(body: bytes) -> list[bytes]:
    """The raw bytes of each event of a request: the payloads hold no nested event_name."""
    inner = body[len(b'{"data":[') : body.index(b'],"partner_agent"')]
    return [b'{"event_name"' + part.rstrip(b",") for part in inner.split(b'{"event_name"')[1:]]


def test_attempts_of_one_delivery_never_overlap():
    """The wall clock jumps past the lease under an open request: the new claim is not sent beside the old one, and
    the answer to the first is settled under its lease."""

    async def scenario():
        release = asyncio.Event()

        async with delivering(lambda _: Reply(until=release), timeout_s=60) as d:
            d.outbox.add(*numbered(5))
            await d.until(lambda: d.graph.open == 1)
            d.forward(worker_module.LEASE_MS / 1000 + 1)
            await d.until(lambda: len(d.outbox.claims) == 2)
            d.outbox.add(*events("another"))
            await d.until(lambda: d.graph.open == 2)
            release.set()
            await d.done()
            assert sorted(i for r in d.graph.requests for i in r.ids) == ["another", *(f"e{n}" for n in range(5))]
        # `delivering` asserts that nothing overlapped.

    asyncio.run(scenario())


def test_what_became_of_a_request_longer_than_its_lease_is_known():
    """Its own worker heard the answer, so the lease that ended meanwhile leaves nothing in doubt: what could not be sent twice, was it in
    doubt, goes again."""
    messaging = {"action_source": "business_messaging", "messaging_channel": "whatsapp"}

    async def scenario():
        release = asyncio.Event()
        script = [Reply(status=503, until=release), OK]
        async with delivering(script, timeout_s=60) as d:
            lead = {**messaging, "event_name": "LeadSubmitted", "user_data": UserData(other={"ctwa_clid": "A"})}
            d.outbox.add(*events("lead", **lead))
            await d.until(lambda: d.graph.open == 1)
            d.forward(worker_module.LEASE_MS / 1000 + 1)
            await d.until(lambda: len(d.outbox.claims) == 2)
            release.set()
            await d.done()
            assert [a.outcome for a in d.outbox.attempts_of("lead")] == ["transient", "accepted"]
            assert d.outbox.rows["lead"].unsure_since is None

    asyncio.run(scenario())


class _AnswersLater(MemoryOutbox):
    """Says what it has written a while later, in the order in which it wrote, as a store that waits for its disk does."""

    async def claim(self, *asked):
        claimed = await super().claim(*asked)
        await asyncio.sleep(0.1)
        return claimed

    async def settle(self, *asked):
        await super().settle(*asked)
        await asyncio.sleep(0.1)


def test_what_is_settled_while_a_new_lease_is_on_its_way_is_settled():
    """A machine slept longer than a lease: the answer comes when a claim has written a new lease and the worker has not heard of
    it. It is settled once, with one row of the attempt, and not sent again when the new lease is over."""

    async def scenario():
        release, clock = asyncio.Event(), Clock()

        async with delivering(
            lambda _: Reply(until=release), timeout_s=60, clock=clock, outbox=_AnswersLater(clock)
        ) as d:
            d.outbox.add(*numbered(2))
            await d.until(lambda: d.graph.open == 1)
            d.forward(worker_module.LEASE_MS / 1000 + 1)
            await d.until(lambda: len(d.outbox.claims) == 2)
            release.set()
            await d.done()
            assert [len(d.outbox.attempts_of(f"e{n}")) for n in range(2)] == [1, 1]
            assert [row.attempts for row in d.outbox.rows.values()] == [1, 1]

    asyncio.run(scenario())


def test_what_is_claimed_as_soon_as_it_waits_again_is_sent():
    """A claim that is written behind a settlement and heard of before the task has ended: it is not nobody's for a lease."""

    class WakesMeanwhile(_AnswersLater):
        async def settle(self, *asked):
            asyncio.get_running_loop().call_later(0.01, self.add)
            await super().settle(*asked)

        async def pause(self, *asked):
            await asyncio.sleep(0.1)
            await super().pause(*asked)

    async def scenario():
        clock, policy = Clock(), replace(SWIFT, base_ms=0)
        async with delivering(
            [error(2, status=503), OK], clock=clock, outbox=WakesMeanwhile(clock), policy=policy
        ) as d:
            d.outbox.add(*events("one"))
            await d.done()
            assert len(d.outbox.claims) > 1

    asyncio.run(scenario())


def test_a_hanging_destination_slows_nothing_else(monkeypatch):
    """While one destination has swallowed requests and answers none, another delivers everything."""
    monkeypatch.setattr(worker_module, "GRACE_S", 0.05)

    async def scenario():
        async with delivering([Reply(hang=True)], timeout_s=60) as stuck, delivering(name="meta-2") as well:
            stuck.outbox.add(*numbered(10))
            await stuck.until(lambda: stuck.graph.open > 0)
            well.outbox.add(*numbered(2_000))
            await well.done()

            assert stuck.graph.open > 0
            assert not stuck.outbox.settled
            assert well.outbox.ids(DELIVERED) == set(well.outbox.rows)

    asyncio.run(scenario())


def test_test_events_travel_apart():
    """A request carries one test event code; what has none goes without, or with the destination's."""

    async def scenario(expected, **settings):
        async with delivering(**settings) as d:
            d.outbox.add(*events("a", "b"), *events("c", test_event_code="TEST1"), *events("d", test_event_code="T2"))
            await d.done()

            seen = {frozenset(r.ids): r.envelope.get("test_event_code") for r in d.graph.requests}
            assert seen == expected

    alone = {frozenset("c"): "TEST1", frozenset("d"): "T2"}
    asyncio.run(scenario({frozenset("ab"): None, **alone}))
    asyncio.run(scenario({frozenset("ab"): "TEST9", **alone}, test_event_code="TEST9"))


def test_a_batch_is_within_the_limits():
    """Neither more events than configured nor more bytes than the platform's limit in one request."""
    small = replace(META, limits=replace(META.limits, request_bytes=1_000))

    async def scenario(destination, batch):
        async with delivering(destination=destination, batch=batch) as d:
            d.outbox.add(*numbered(40))
            await d.done()
            return d.graph.requests

    by_count = asyncio.run(scenario(META, 9))
    assert max(len(r.ids) for r in by_count) == 9
    by_bytes = asyncio.run(scenario(small, 40))
    assert max(sum(map(len, _objects(r.body))) for r in by_bytes) <= 1_000
    assert len(by_bytes) > 1


def test_a_bug_in_building_one_event_stops_only_that_event():
    """An event whose payload cannot be built is held back with a reason; its neighbours go out."""

    async def scenario():
        async with delivering() as d:
            d.outbox.add(*events("bad", user_data=UserData(em=("plain@shop.example",))), *events("good"))
            await d.done()

            assert d.outbox.states() == {"bad": "suppressed", "good": "delivered"}

    asyncio.run(scenario())


# -- invalid events


def bound(n: int, k: int) -> int:
    return 2 * k * math.ceil(math.log2(n)) + 1 if n > 1 else 1


@law_of(25)
@given(data=st.data(), n=st.integers(1, 300))
def test_the_invalid_are_found_within_the_bound(data, n):
    """k invalid among n cost at most 2k*ceil(log2 n)+1 requests, and everybody else is delivered."""
    k = data.draw(st.integers(0, min(n, 6)))
    bad = {f"e{i}" for i in data.draw(st.sets(st.integers(0, n - 1), min_size=k, max_size=k))}

    async def scenario():
        async with delivering(refusing(bad), batch=1000) as d:
            d.outbox.add(*numbered(n))
            await d.done()

            assert d.outbox.ids(DEAD) == bad
            assert d.outbox.ids(DELIVERED) == set(d.outbox.rows) - bad
            assert {d.outbox.rows[i].reason for i in bad} <= {"rejected:100/2804050"}
            assert len(d.graph.requests) <= bound(n, max(k, 1))
            alone = {r.ids[0] for r in d.graph.requests if len(r.ids) == 1}
            assert bad <= alone, "dead without having been refused alone"

    asyncio.run(scenario())


@pytest.mark.parametrize("k", [1, 2, 10, 50])
@pytest.mark.parametrize("where", ["spread", "together"])
def test_a_thousand_with_some_invalid(k, where):
    """1, 2, 10 and 50 of 1,000: healthy ones all delivered, within the bound (21 requests for one)."""
    bad = {f"e{n}" for n in (range(0, 1000, 1000 // k)[:k] if where == "spread" else range(k))}

    async def scenario():
        async with delivering(refusing(bad), batch=1000) as d:
            d.outbox.add(*numbered(1000))
            await d.done()

            assert d.outbox.ids(DEAD) == bad
            assert len(d.outbox.ids(DELIVERED)) == 1000 - k
            assert len(d.graph.requests) <= bound(1000, k)

    asyncio.run(scenario())


def test_each_half_is_settled_before_the_next_is_sent():
    """When the process dies in the middle of a split, only what was not recorded is sent again."""
    bad = {"e77"}

    async def scenario():
        def script(request):
            # What the outbox has on disk when a request comes in is what a crash would keep.
            recorded.append((set(request.ids), set(d.outbox.ids(DELIVERED))))
            return refusing(bad)(request)

        recorded: list[tuple[set[str], set[str]]] = []
        async with delivering(script, batch=200) as d:
            d.outbox.add(*numbered(128))
            await d.done()

        accepted: set[str] = set()
        for ids, delivered in recorded:
            assert delivered == accepted
            assert not ids & delivered
            if not ids & bad:
                accepted |= ids

    asyncio.run(scenario())


def test_too_large_a_request_is_halved():
    """413 splits until it fits; later requests start at the size that fitted, and nobody is dead."""

    def script(request):
        return Reply(status=413, body=b"") if len(request.ids) > 30 else OK

    async def scenario():
        async with delivering(script, batch=200) as d:
            d.outbox.add(*numbered(200))
            await d.done()
            before = len(d.graph.requests)
            d.outbox.add(*events(*(f"f{n}" for n in range(100))))
            await d.done()

            assert d.outbox.ids(DELIVERED) == set(d.outbox.rows)
            assert all(len(r.ids) <= 30 for r in d.graph.requests[before:])

    asyncio.run(scenario())


def test_when_everything_is_refused_the_breaker_opens():
    """A platform that refuses all: at most two requests an event, then a pause; nobody dead without a refusal alone."""

    async def scenario():
        def all_refused(request):
            return error(100, 2804003)

        async with delivering(all_refused, policy=replace(SWIFT, probe_ms=600_000), batch=200) as d:
            d.outbox.add(*numbered(1_000))
            await d.until(lambda: d.outbox.pauses and not d.worker.busy)

            alone = {r.ids[0] for r in d.graph.requests if len(r.ids) == 1}
            assert [reason for reason, _ in d.outbox.pauses] == ["refusing"]
            assert len(d.graph.requests) <= 2 * 1_000
            assert d.outbox.ids(DEAD) <= alone
            assert len(d.outbox.ids(WAITING)) > 900

    asyncio.run(scenario())


def test_the_breaker_for_refusals_closes_by_itself():
    """After the platform's mistake is mended a single probe that is taken lets everything out."""

    async def scenario():
        def script(request):
            return error(100) if broken else OK

        broken = True
        async with delivering(script, batch=50) as d:
            d.outbox.add(*numbered(300))
            await d.until(lambda: d.outbox.pauses)
            broken = False
            await d.done()

            assert d.outbox.ids(DEAD) | d.outbox.ids(DELIVERED) == set(d.outbox.rows)
            assert len(d.outbox.ids(DEAD)) < 60
            assert d.outbox.resumed

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("code", "status"), [(1815355, 400), (31, 403), (999_999, 409)], ids=["a long one", "forbidden", "conflict"]
)
def test_an_unknown_code_is_isolated_retried_and_then_believed(code, status):
    """One event of many is refused with a code on no list: the others are out at once, it is tried alone, and is dead
    with the code only when it was refused often enough and for long enough."""
    policy = replace(SWIFT, unknown_tries=5, unknown_patience_ms=200, unknown_least=1_000)

    def script(request):
        return error(code, status=status) if "e7" in request.ids else OK

    async def scenario():
        async with delivering(script, policy=policy, batch=64) as d:
            d.outbox.add(*numbered(64))
            await d.done()

            assert d.outbox.ids(DELIVERED) == {f"e{n}" for n in range(64)} - {"e7"}
            assert d.outbox.rows["e7"].state is DEAD
            assert d.outbox.rows["e7"].reason == f"unknown:{code}"
            together = [r.ids for r in d.graph.requests if "e7" in r.ids and len(r.ids) > 1]
            assert len(together) == 6  # 64, 32, 16, 8, 4, 2: found once, and in no company afterwards
            tried = d.outbox.attempts_of("e7")
            assert len(tried) >= 5
            assert tried[-1].ended_at - d.outbox.rows["e7"].first_attempt_at >= 200
            assert not d.worker._suspects  # nothing of what is over is kept

    asyncio.run(scenario())


def test_a_code_that_goes_away_costs_nothing():
    """Temporarily, says a code on no list, to some events; what it was said about is delivered, with the same bytes."""

    def script(request):
        return error(1_234_567) if poor and {"e1", "e2", "e3"} & set(request.ids) else OK

    async def scenario():
        nonlocal poor
        async with delivering(script, policy=replace(SWIFT, unknown_least=1_000), batch=8) as d:
            d.outbox.add(*numbered(8))
            await d.until(lambda: min(len(d.outbox.attempts_of(f"e{n}")) for n in (1, 2, 3)) > 3)
            poor = False
            await d.done()

            assert d.outbox.ids(DELIVERED) == set(d.outbox.rows)

    poor = True
    asyncio.run(scenario())


@pytest.mark.parametrize("answer", [error(1815355), error(1, status=500)], ids=["its own time", "a pause"])
def test_what_waits_is_tried_when_its_time_has_come(monkeypatch, answer):
    """And not when an idle worker looks again by itself, which is a day later here."""
    monkeypatch.setattr(worker_module, "IDLE_S", 86_400.0)

    async def scenario():
        async with delivering([answer, answer, OK]) as d:
            d.outbox.add(*events("a"))
            await d.done()
            assert d.outbox.rows["a"].attempts == 3

    asyncio.run(scenario())


def test_a_code_that_everybody_meets_opens_the_breaker():
    """Twenty requests refused with one unknown code: one request an interval from then on, nobody dead, nobody worn out;
    the first yes lets all of them out."""
    policy = replace(SWIFT, probe_ms=100, unknown_tries=21, unknown_patience_ms=0)

    def script(request):
        return error(1_234_567) if broken else OK

    async def scenario():
        nonlocal broken
        async with delivering(script, policy=policy, batch=50) as d:
            d.outbox.add(*numbered(300))
            await d.until(lambda: d.outbox.pauses and not d.worker.busy)
            asked = len(d.graph.requests)
            assert d.outbox.pauses[0][0] == "unknown:1234567"
            assert 20 <= asked <= 20 + worker_module.IN_FLIGHT
            await d.until(lambda: len(d.outbox.pauses) > 3)
            assert all(len(r.ids) == 1 for r in d.graph.requests[asked:])
            assert len({r.ids[0] for r in d.graph.requests[asked:]}) == len(d.graph.requests) - asked
            assert not d.outbox.ids(DEAD)
            broken = False
            await d.done()

            assert d.outbox.ids(DELIVERED) == set(d.outbox.rows)

    broken = True
    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("answer", "count", "requests"),
    [(error(1_234_567), 1, 16), (error(100, 2804003), 9, 9)],
    ids=["an unknown code", "refusals"],
)
def test_each_destination_has_breakers_of_its_own(answer, count, requests):
    """Two meet what does not open a breaker yet, and what would if it were counted together: twice 15 requests with one unknown code
    (20 open it), twice 9 refusals (2 of 10 do)."""
    policy = replace(SWIFT, unknown_tries=100, refusal_window_ms=600_000)

    def script(request):
        (event,) = request.ids
        asked[event[0]] += 1
        return answer if asked[event[0]] <= 15 else OK

    async def scenario():
        async with (
            delivering(script, policy=policy, batch=1) as one,
            delivering(script, policy=policy, batch=1, name="meta-2") as other,
        ):
            for d, prefix in ((one, "a"), (other, "b")):
                d.outbox.add(*events(*(f"{prefix}{n}" for n in range(count))))
                await d.done()

            assert asked == {"a": requests, "b": requests}
            assert not one.outbox.pauses
            assert not other.outbox.pauses

    asked: Counter[str] = Counter()
    asyncio.run(scenario())


def test_one_event_the_platform_always_fails_on_holds_nobody_hostage():
    """500 for a certain event for ever, while others come and go: its neighbours are out after a dozen attempts."""

    def script(request):
        return LATER if "e3" in request.ids else OK

    async def scenario():
        async with delivering(script, batch=64) as d:
            d.outbox.add(*numbered(64))
            neighbours = {f"e{n}" for n in range(64)} - {"e3"}
            for n in range(1_000):
                d.outbox.add(*events(f"f{n}"))
                await asyncio.sleep(0.003)
                if neighbours <= d.outbox.ids(DELIVERED):
                    break

            assert neighbours <= d.outbox.ids(DELIVERED)
            assert d.outbox.rows["e3"].state is WAITING
            # Four in full company, then halves: 32, 16, 8, 4, 2, 1, and one to spare.
            assert sum("e3" in r.ids for r in d.graph.requests) <= 11

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("code", "suspects", "pauses"), [(100, 32, 1), (1_234_567, 1, 2)], ids=["refusals", "an unknown code"]
)
def test_those_who_come_after_the_refused_go_first(code, suspects, pauses):
    """The probe of an open breaker is not spent on one of the suspects when somebody else waits, nor on one that was the probe before."""

    def script(request):
        return OK if request.ids == ["fresh"] else error(code)

    async def scenario():
        slow = replace(SWIFT, probe_ms=300, refusal_window_ms=600_000, unknown_tries=1_000)
        async with delivering(script, policy=slow, batch=32) as d:
            d.outbox.add(*numbered(suspects))
            await d.until(lambda: len(d.outbox.pauses) >= pauses and not d.worker.busy)
            before = len(d.graph.requests)
            d.outbox.add(*events("fresh"))
            await d.until(lambda: d.outbox.resumed)

            assert d.graph.requests[before].ids == ["fresh"]

    asyncio.run(scenario())


# -- a destination in trouble


def test_a_dead_token_burns_nothing_and_probes_singly():
    """190 for three days: no attempt counted, one event a probe, one probe an interval; then all is drained."""

    async def scenario():
        async with delivering([error(190, status=401)], policy=REAL) as d:
            d.outbox.add(*numbered(500))
            await d.until(lambda: len(d.outbox.pauses) == 1 and not d.worker.busy)
            first = len(d.graph.requests)
            for probes in range(1, 6):
                d.forward(14 * 3600)
                await d.until(lambda n=probes: len(d.outbox.pauses) == 1 + n and not d.worker.busy)

            assert d.outbox.pause_of("meta-1")[0] == "credentials:190"
            assert {wait for _, wait in d.outbox.pauses} == {60_000}
            assert [len(r.ids) for r in d.graph.requests[first:]] == [1] * 5
            assert {row.attempts for row in d.outbox.rows.values()} == {0}
            paused = {"destination": "meta-1", "reason": "credentials"}
            assert d.registry.get_sample_value("twofold_destination_pauses_total", paused) == 1.0

            d.graph.script = [OK]
            d.forward(60)
            await d.done()

            assert d.outbox.ids(DELIVERED) == set(d.outbox.rows)

    asyncio.run(scenario())


def test_an_answer_from_before_the_pause_does_not_end_it():
    """Two requests on their way: one finds the token dead, the slower one was still taken. The pause stays."""

    async def scenario():
        release = asyncio.Event()

        def script(request):
            return Reply(until=release) if "slow" in request.ids else error(190)

        async with delivering(script, policy=REAL) as d:
            d.outbox.add(*events("slow", test_event_code="T1"))
            await d.until(lambda: d.graph.open == 1)
            d.outbox.add(*events("dead"))
            await d.until(lambda: d.outbox.pauses)
            release.set()
            await d.until(lambda: not d.worker.busy)

            assert d.outbox.states() == {"slow": "delivered", "dead": "waiting"}
            assert d.outbox.pause_of("meta-1")[0] == "credentials:190"
            assert not d.outbox.resumed

    asyncio.run(scenario())


HINTS = [
    ({"Retry-After": "30"}, 30_000, 30_000),
    ({"Retry-After": "-1"}, 1_000, 1_000),
    ({"Retry-After": "315360000"}, 3_600_000, 3_600_000),
    ({"Retry-After": "when I feel like it"}, 1_000, 3_600_000),
    ({}, 1_000, 3_600_000),
    ({"X-Business-Use-Case-Usage": '{"1":[{"estimated_time_to_regain_access":5}]}'}, 300_000, 300_000),
]


@pytest.mark.parametrize(("headers", "least", "most"), HINTS)
def test_a_throttling_destination_is_left_alone_as_long_as_it_says(headers, least, most):
    """Within one second and one hour, whatever the hint; nobody's attempt is used up."""
    throttled = error(4, headers=tuple(headers.items()))

    async def scenario():
        async with delivering([throttled], policy=REAL) as d:
            d.outbox.add(*numbered(3))
            await d.until(lambda: d.outbox.pauses)
            await asyncio.sleep(0.05)

            assert len(d.graph.requests) == 1
            assert least <= d.outbox.pauses[0][1] <= most
            assert {row.attempts for row in d.outbox.rows.values()} == {0}

    asyncio.run(scenario())


def test_what_grows_too_old_while_waiting_is_not_sent():
    """Past the age limit the claim removes it; no request is spent on it."""

    async def scenario():
        async with delivering([error(190)], policy=REAL) as d:
            d.outbox.add(*events("old"))
            await d.until(lambda: d.outbox.pauses and not d.worker.busy)
            d.graph.script = [OK]
            d.forward(7 * 86_400)
            d.outbox.add(*events("new", event_time=d.clock() // 1000))
            await d.done()

            assert d.outbox.states() == {"old": "dead", "new": "delivered"}
            assert d.outbox.rows["old"].reason == "too_old"
            assert d.graph.ids == ["old", "new"]

    asyncio.run(scenario())


def test_flapping_costs_few_extra_requests():
    """Half of all answers 503, events trickling in: at most a tenth more requests than a healthy platform gets."""
    chance = random.Random(3)
    count = 200

    async def scenario(script):
        async with delivering(script) as d:
            for n in range(count):
                d.outbox.add(*events(f"e{n}"))
                await asyncio.sleep(0.005)
            await d.done()
            return len(d.graph.requests)

    healthy = asyncio.run(scenario([OK]))
    flapping = asyncio.run(scenario(lambda _: LATER if chance.random() < 0.5 else OK))
    assert flapping <= 1.1 * healthy


def test_after_an_outage_the_backlog_goes_out_in_full_batches():
    """A long outage wears nobody out: what waited is drained at full size, not one by one."""

    async def scenario():
        async with delivering([Reply(status=503, body=b"")], batch=100) as d:
            d.outbox.add(*numbered(2_000))
            await d.until(lambda: len(d.graph.requests) >= 12)
            outage = len(d.graph.requests)
            d.graph.script = [OK]
            await d.done()

            assert d.outbox.ids(DELIVERED) == set(d.outbox.rows)
            assert len(d.graph.requests) - outage <= 2_000 / 100 + 25

    asyncio.run(scenario())


def test_an_unwell_destination_is_offered_fewer():
    """Bytes that are built for nobody cost the accepts: after a failure a request holds a quarter, but not less than fifty until it
    is tried with single ones."""

    async def scenario():
        async with delivering([Reply(status=503, body=b"")], batch=400) as d:
            d.outbox.add(*numbered(400))
            await d.until(lambda: len(d.graph.requests) >= 5)
            return [len(r.ids) for r in d.graph.requests[:5]]

    assert asyncio.run(scenario()) == [400, 100, 50, 1, 1]


def test_an_alarm_is_given_once(caplog):
    """A hundred answers about one dead token are one warning, and it holds no secret."""
    caplog.set_level(logging.INFO, logger="twofold.deliver")

    async def scenario():
        async with delivering([error(190)] * 10 + [OK], batch=1) as d:
            d.outbox.add(*numbered(30))
            await d.done()

    asyncio.run(scenario())
    warnings = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert "EAAtoken" not in caplog.text


# -- the store in trouble, and the end


class TroubledOutbox(MemoryOutbox):
    """Fails the next settlements with the given errors."""

    def __init__(self, clock, troubles):
        super().__init__(clock)
        self.troubles = troubles

    async def settle(self, settlements, now_ms):
        if self.troubles:
            raise self.troubles.pop(0)
        await super().settle(settlements, now_ms)


def test_a_full_disk_delays_the_settling_and_sends_nothing_twice(monkeypatch):
    """While the store is full the answer is kept and recorded when there is space again."""
    monkeypatch.setattr(worker_module, "STORE_RETRY_S", 0.01)

    async def scenario():
        outbox = TroubledOutbox(lambda: 0, [StoreFull("full"), StoreFull("full")])
        async with delivering(outbox=outbox) as d:
            outbox.add(*events("only"))
            await d.done()

            assert len(d.graph.requests) == 1

    asyncio.run(scenario())


@pytest.mark.parametrize("trouble", [StoreFull("full"), StoreBusy("busy")], ids=["full", "busy"])
def test_a_store_that_cannot_say_what_is_due_ends_no_worker(trouble):
    """Looking up what is due shares its transaction with whoever writes: a disk that is full then is no end."""

    class Forgetful(MemoryOutbox):
        async def next_due(self, destination):
            if troubles:
                raise troubles.pop()
            return await super().next_due(destination)

    troubles = [trouble]

    async def scenario():
        outbox = Forgetful(lambda: 0)
        async with delivering(outbox=outbox) as d:
            await d.until(lambda: not troubles)
            outbox.add(*events("only"))
            await d.done()

    asyncio.run(scenario())


def test_a_store_that_is_busy_is_not_asked_again_at_once(monkeypatch):
    """Whoever is short of time is left alone for a moment."""
    monkeypatch.setattr(worker_module, "STORE_RETRY_S", 0.5)

    class Busy(MemoryOutbox):
        async def claim(self, *args):
            asked.append(asyncio.get_running_loop().time())
            if len(asked) == 1:
                raise StoreBusy("busy")
            return await super().claim(*args)

    asked: list[float] = []

    async def scenario():
        outbox = Busy(lambda: 0)
        outbox.add(*events("only"))
        async with delivering(outbox=outbox) as d:
            await d.done()

    asyncio.run(scenario())
    assert asked[1] - asked[0] >= 0.49


def test_a_failed_store_ends_the_worker_loudly():
    """After a failed write nothing more is sent on its behalf; `run` raises."""

    async def scenario():
        outbox = TroubledOutbox(lambda: 0, [StoreFailed()])
        async with delivering(outbox=outbox) as d:
            outbox.add(*events("only"))
            with pytest.raises(StoreFailed):
                async with asyncio.timeout(60):
                    await d.running

    asyncio.run(scenario())


def test_stopping_hands_back_what_was_not_sent():
    """In the middle of a split the current request is settled; the rest waits uncounted and unleased."""

    async def scenario():
        release = asyncio.Event()

        def script(request):
            if len(d.graph.requests) >= 2:
                release.set()
                return Reply(delay_s=0.2)
            return error(100)

        async with delivering(script, batch=64) as d:
            d.outbox.add(*numbered(64))
            await release.wait()
            d.worker.stop()
            await d.running

            assert len(d.graph.requests) == 3
            assert d.outbox.ids(DELIVERED) == {f"e{n}" for n in range(32, 64)}
            waiting = [row for row in d.outbox.rows.values() if row.state is WAITING]
            assert {row.attempts for row in waiting} == {0}
            assert all(row.lease < 0 and row.due_at <= d.clock() for row in waiting)

    asyncio.run(scenario())


def test_stopping_does_not_wait_for_a_platform_that_hangs(monkeypatch):
    """A request without an answer is ended; its fate is recorded as unknown and it stays waiting."""
    monkeypatch.setattr(worker_module, "GRACE_S", 0.05)

    async def scenario():
        async with delivering([Reply(hang=True)], timeout_s=60) as d:
            d.outbox.add(*numbered(3))
            await d.until(lambda: d.graph.open > 0)
            d.worker.stop()
            async with asyncio.timeout(60):
                await d.running

            assert d.outbox.attempts_of("e0")[0].outcome == "ambiguous"
            assert d.outbox.ids(WAITING) == set(d.outbox.rows)
            assert not d.outbox.pauses

    asyncio.run(scenario())
