"""The pages: the tag with its caching, health that speaks of movement, metrics an ordinary reader can parse."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable

import pytest
from prometheus_client.parser import text_string_to_metric_families
from running_gateway import CONFIGURATION, DATASET, KEY, NOW_MS, NOW_S, STATUS_TOKEN, Running, purchase

from twofold import __version__, tag
from twofold.report.health import LATE_AFTER_S, LOOP_TICK_S, STUCK_AFTER_S, LoopWatch

TAG = tag.source()
DIGEST = hashlib.sha256(TAG).hexdigest()[:12]


def test_the_tag_is_served_as_it_is_written(gateway: Running) -> None:
    """The very bytes of the file, typed, open to every origin, good for an hour and then asked for by its ETag."""
    reply = gateway.send("GET", "/t/twofold.js")
    assert (reply.status, reply.body) == (200, TAG)
    assert reply.headers["content-type"] == "text/javascript; charset=utf-8"
    assert reply.headers["access-control-allow-origin"] == "*"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["cross-origin-resource-policy"] == "cross-origin"
    assert reply.headers["cache-control"] == "public, max-age=3600"
    assert reply.headers["etag"] == f'"{DIGEST}"'


def test_the_name_with_the_digest_is_kept_for_ever(gateway: Running) -> None:
    """Its bytes can never change under that name; another digest is not found."""
    reply = gateway.send("GET", f"/t/twofold.{DIGEST}.js")
    assert (reply.status, reply.body) == (200, TAG)
    assert reply.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert gateway.send("GET", "/t/twofold.000000000000.js").status == 404


FRESH = [(f'"{DIGEST}"', 304), (f'W/"{DIGEST}"', 304), (f'"old", "{DIGEST}"', 304), ('"old"', 200), ("", 200)]


@pytest.mark.parametrize(("etag", "status"), FRESH)
def test_a_browser_that_has_it(etag: str, status: int, gateway: Running) -> None:
    """304 without a body for the ETag it knows, the file for any other."""
    reply = gateway.send("GET", "/t/twofold.js", **({"if_none_match": etag} if etag else {}))
    assert (reply.status, reply.body) == (status, TAG if status == 200 else b"")
    assert reply.headers["etag"] == f'"{DIGEST}"'


def test_health_counts_what_moved(start_gateway: Callable[..., Running]) -> None:
    """Idle before the first event, then ok with what was accepted, refused and waits; the counts are the store's."""
    gateway = start_gateway()
    idle = gateway.status("/health")
    assert (idle.status, idle.json["status"]) == (200, "idle")
    gateway.post(purchase("h-1"), purchase("h-2"), purchase("h-3", event_name=...))
    gateway.now += 60_000
    reply = gateway.status("/health")
    assert (reply.status, reply.headers["cache-control"]) == (200, "no-store")
    health = reply.json
    assert (health["status"], health["version"], health["uptime_s"]) == ("ok", __version__, 60)
    assert sorted(health["journal"]) == [
        "accepted",
        "last_commit_s_ago",
        "late_s",
        "refused",
        "waiting_for_disk",
        "watermark",
    ]
    assert health["journal"]["late_s"] == 0
    assert (health["journal"]["accepted"], health["journal"]["refused"]) == (2, 1)
    assert health["outbox"].pop("counted_s_ago") >= 0
    assert health["outbox"] == {"waiting": 0, "overdue_s": 0.0, "altered": 0, "destinations": {}}


def test_health_is_503_when_delivering_has_stopped(start_gateway: Callable[..., Running]) -> None:
    """A due delivery that nobody tries for a quarter of an hour is not health, however well the process answers."""
    destination = {"platform": "meta", "dataset": DATASET, "endpoint": "http://127.0.0.1:9", "token": "t"}
    gateway = start_gateway({**CONFIGURATION, "destination": [destination]})  # no worker runs in this one
    gateway.tag({"event_name": "Lead", "event_time": NOW_S})
    first = gateway.status("/health").json
    assert (first["status"], first["outbox"]["waiting"]) == ("ok", 1)
    assert first["outbox"]["destinations"] == {f"meta-{DATASET}": {"waiting": 1, "paused_for": ""}}
    gateway.now = NOW_MS + int(STUCK_AFTER_S * 1000) + 1000
    stuck = gateway.status("/health")
    assert (stuck.status, stuck.json["status"]) == (503, "stuck")
    assert stuck.json["outbox"]["overdue_s"] == STUCK_AFTER_S + 1


def test_metrics_are_read_by_the_ordinary_parser(start_gateway: Callable[..., Running]) -> None:
    """Prometheus text whose counters are what happened, labelled by door and outcome from closed sets."""
    gateway = start_gateway()
    gateway.post(purchase("m-1"))
    gateway.post(purchase("m-1"))
    gateway.tag({"event_name": "Purchase", "event_id": "m-1", "event_time": NOW_S, "custom_data": {"value": "42.5", "currency": "EUR"}})  # fmt: skip
    gateway.post(purchase("m-2", custom_data={"value": 1}))
    gateway.pixel(ev="Purchase")
    reply = gateway.status("/metrics")
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = {family.name: family for family in text_string_to_metric_families(reply.body.decode())}
    assert all(family.documentation for family in families.values())
    samples = {
        (s.name, *sorted(s.labels.values())): s.value for family in families.values() for s in family.samples
    }  # fmt: skip
    assert samples["twofold_accepted_total", "events", "first"] == 1
    assert samples["twofold_accepted_total", "events", "repeat"] == 1
    assert samples["twofold_accepted_total", "tag", "twin"] == 1
    assert samples["twofold_refused_total", "events", "missing_currency"] == 1
    assert samples["twofold_refused_total", "missing_value", "tr"] == 1
    assert samples["twofold_overload_total",] == 0
    assert samples["twofold_commit_seconds_count",] == 5
    assert samples["twofold_commit_seconds_bucket", "+Inf"] == 5
    assert samples["twofold_waiting_for_disk",] == 0


WITHOUT: list[dict[str, str]] = [
    {},
    {"authorization": "Bearer "},
    {"authorization": "Bearer another-token-of-16"},
    {"authorization": f"Basic {STATUS_TOKEN}"},
    {"authorization": f"Bearer {KEY}"},
    {"x_forwarded_for": "127.0.0.1"},
    {"host": "localhost"},
]


@pytest.mark.parametrize("headers", WITHOUT, ids=range(len(WITHOUT)))
def test_strangers_see_one_word(start_gateway: Callable[..., Running], headers: dict[str, str]) -> None:
    """Nobody learns how much a shop sells, nor by sending a guessed order whether it is known: the same before and after."""
    gateway = start_gateway()
    before = [gateway.send("GET", path, **headers) for path in ("/health", "/metrics")]
    gateway.post(purchase("s-1"))
    gateway.pixel(ev="Purchase", eid="s-1")
    after = [gateway.send("GET", path, **headers) for path in ("/health", "/metrics")]
    assert [(r.status, r.body) for r in before] == [(r.status, r.body) for r in after]
    assert (after[0].status, after[0].body) == (200, b"ok\n")
    assert after[1].status == 401
    assert b"twofold_" not in after[1].body
    assert gateway.status("/metrics").status == 200
    assert gateway.status(f"/health?access_token={STATUS_TOKEN}").status == 200


def test_without_a_token_of_its_own_nobody_sees_figures(start_gateway: Callable[..., Running]) -> None:
    gateway = start_gateway(status_token="")
    for value in ("", "Bearer", "Bearer ", f"Bearer {STATUS_TOKEN}"):
        assert gateway.send("GET", "/metrics", authorization=value).status == 401
        assert gateway.send("GET", "/health", authorization=value).body == b"ok\n"


def test_a_stuck_gateway_says_so_in_one_word(start_gateway: Callable[..., Running]) -> None:
    """A monitor without the token still sees that something is wrong, and what, in general."""
    destination = {"platform": "meta", "dataset": DATASET, "endpoint": "http://127.0.0.1:9", "token": "t"}
    gateway = start_gateway({**CONFIGURATION, "destination": [destination]})
    gateway.tag({"event_name": "Lead", "event_time": NOW_S})
    gateway.now = NOW_MS + int(STUCK_AFTER_S * 1000) + 1000
    reply = gateway.send("GET", "/health")
    assert (reply.status, reply.body) == (503, b"stuck\n")


STOPS = [
    ([], 0.0),
    ([(10, 0.2), (20, 1.5), (30, 0.1)], 1.5),
    ([(10, 1.5), (20, 0.2), (911, 0.1)], 0.2),  # the longest is older than a quarter of an hour
    ([(10, 1.5), (2_000, 0.01)], 0.01),
]


@pytest.mark.parametrize(("ticks", "longest"), STOPS, ids=range(len(STOPS)))
def test_the_longest_stop_is_that_of_a_quarter_of_an_hour(ticks: list[tuple[float, float]], longest: float) -> None:
    watch = LoopWatch()
    for now, late in ticks:
        watch.note(now, late)
    assert watch.longest_s == longest


def test_a_loop_that_is_held_up_is_seen() -> None:
    """The gauge moves when something does not give the loop back."""

    async def held() -> float:
        watch = LoopWatch()
        ticking = asyncio.create_task(watch.run())
        await asyncio.sleep(3 * LOOP_TICK_S)
        time.sleep(0.3)
        await asyncio.sleep(3 * LOOP_TICK_S)
        ticking.cancel()
        return watch.longest_s

    assert asyncio.run(held()) >= 0.3 - LOOP_TICK_S


def test_a_person_who_comes_by_is_told_what_this_is(gateway: Running) -> None:
    """The front page is a sentence, never an error of an API, and shows nothing of the shop."""
    reply = gateway.send("GET", "/")
    assert (reply.status, reply.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert reply.body.startswith(b"This is a Twofold gateway")
    assert DATASET not in reply.body.decode()


@pytest.mark.parametrize("path", ["/webhooks/shopify/none.myshopify.com", "/webhooks/stripe/x", "/webhooks/nothing"])
def test_a_webhook_without_a_source_says_what_is_missing(path: str, gateway: Running) -> None:
    """Whoever set it up reads which part of the configuration to look at."""
    reply = gateway.send("POST", path, b"{}")
    assert reply.status == 404
    assert "[[source]]" in reply.error["message"]


def test_a_paused_or_late_destination_is_no_health_but_no_outage(start_gateway: Callable[..., Running]) -> None:
    """Said as degraded with 200: events are kept, so nobody should send the shop's traffic elsewhere."""
    destination = {"platform": "meta", "dataset": DATASET, "endpoint": "http://127.0.0.1:9", "token": "t"}
    gateway = start_gateway({**CONFIGURATION, "destination": [destination]})
    gateway.tag({"event_name": "Lead", "event_time": NOW_S})
    assert gateway.send("GET", "/health").body == b"ok\n"
    pause = gateway.gateway.store.pause(f"meta-{DATASET}", "http-401", NOW_MS + 60_000, NOW_MS)
    asyncio.run_coroutine_threadsafe(pause, gateway._loop).result(60)
    gateway.now += 1_000
    paused = gateway.send("GET", "/health")
    assert (paused.status, paused.body) == (200, b"degraded\n")
    asyncio.run_coroutine_threadsafe(gateway.gateway.store.resume(f"meta-{DATASET}", NOW_MS), gateway._loop).result(60)
    gateway.now += 1_000
    assert gateway.send("GET", "/health").body == b"ok\n"
    gateway.now = NOW_MS + int(LATE_AFTER_S * 1000) + 1000
    late = gateway.send("GET", "/health")
    assert (late.status, late.body) == (200, b"degraded\n")


MISSING = [
    "/index.html",
    "/t/",
    "/t/twofold",
    "/t/../health",
    "/health/",
    "/%2e%2e/etc/passwd",
    "/events",
    "/v25.0/events",
]


@pytest.mark.parametrize("path", MISSING)
def test_what_is_not_there(path: str, gateway: Running) -> None:
    """404 in Meta's error shape, and the path is not repeated."""
    reply = gateway.send("GET", path)
    assert reply.status == 404
    assert reply.error["code"] == 2500
    assert path not in reply.body.decode()
