"""Rate limits of the browser doors: who counts as one client, what an answer over the limit is, what is kept."""

from __future__ import annotations

import hmac
import json
import random
from base64 import b64encode
from typing import Any
from urllib.parse import urlencode

import pytest
from running_gateway import (
    CONFIGURATION,
    DATASET,
    EVENTS,
    KEY,
    KEYLESS,
    NOW_S,
    SECRET,
    SHOP,
    WEBHOOK,
    Running,
    purchase,
)

from twofold.collect.answers import GIF
from twofold.collect.limits.rate_limit import BYTES_OF_AN_EVENT, Buckets, Rates, client_of
from twofold.collect.policy import DatasetPolicy, TrustRules
from twofold.matching.subject import Mark
from twofold.store.gates.withdrawals import read_standing

NOW = 1_790_000_000_000
CLIENT, OTHER = "203.0.113.7", "203.0.113.8"
UA = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/126.0.0.0"


def limited(**trust: Any) -> dict[str, Any]:
    """The usual configuration with these rules for the first dataset."""
    first, *others = CONFIGURATION["dataset"]
    return CONFIGURATION | {"dataset": [first | {"trust": trust}, *others]}


def browser_event(event_id: str, name: str = "ViewContent", **fields: Any) -> dict[str, Any]:
    return {"event_name": name, "event_time": NOW_S, "event_id": event_id, **fields}


def sent_by(address: str) -> dict[str, str]:
    return {"x_forwarded_for": address, "user_agent": UA}


def metric(gateway: Running, line: str) -> float:
    text = gateway.status("/metrics").body.decode()
    return next((float(row.rpartition(" ")[2]) for row in text.splitlines() if row.startswith(line)), 0.0)


# -- the bucket


def test_a_bucket_lets_through_what_the_rate_allows() -> None:
    """Against a plain token count in exact milliseconds: 60 a minute is one token a second, 60 at most."""
    chance = random.Random(7)
    for _ in range(50):
        bucket, tokens, last = Buckets(10), 60_000, NOW  # in thousandths of a token
        now = NOW
        for _ in range(300):
            now += chance.choice([0, 0, 1, 10, 250, 999, 1000, 5000])
            n = chance.choice([1, 1, 2, 7, 30])
            tokens = min(60_000, tokens + (now - last))
            last = now
            wait = bucket.wait_ms(("a", "1"), n, 60, now)
            assert wait == pytest.approx(max(0, n * 1000 - tokens)), "the wait is how long the missing tokens take"
            if wait == 0:
                bucket.take(("a", "1"), n, 60, now)
                tokens -= n * 1000


def test_more_at_once_than_a_minute_holds_is_not_refused_for_ever() -> None:
    """100 events against 10 a minute: taken by a full bucket, then nothing for ten minutes."""
    bucket = Buckets(10)
    assert bucket.wait_ms(("a", "1"), 100, 10, NOW) == 0
    bucket.take(("a", "1"), 100, 10, NOW)
    assert bucket.wait_ms(("a", "1"), 1, 10, NOW) == pytest.approx(600_000 - 54_000)
    assert bucket.wait_ms(("a", "1"), 1, 10, NOW + 546_001) == 0


def test_a_clock_that_is_set_back_locks_nobody_out() -> None:
    bucket = Buckets(10)
    bucket.take(("a", "1"), 60, 60, NOW)
    assert bucket.wait_ms(("a", "1"), 1, 60, NOW) > 0
    assert bucket.wait_ms(("a", "1"), 1, 60, NOW - 7_200_000) == 0


def test_memory_is_bounded_and_the_longest_unseen_is_forgotten() -> None:
    bucket = Buckets(1000)
    bucket.take(("first", "1"), 60, 60, NOW)
    for n in range(999):
        bucket.take((f"c{n}", "1"), 1, 60, NOW)
    bucket.take(("first", "1"), 1, 60, NOW)  # seen again
    for n in range(500):
        bucket.take((f"d{n}", "1"), 1, 60, NOW)
    assert len(bucket) == 1000
    assert bucket.wait_ms(("first", "1"), 1, 60, NOW) > 0


CLIENTS = [
    # two addresses, whether they are one client
    ("203.0.113.7", "203.0.113.7", True),
    ("203.0.113.7", "203.0.113.8", False),
    ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", True),
    ("2001:db8:1:2::1", "2001:0DB8:0001:0002:0:0:0:9", True),
    ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
    ("::ffff:203.0.113.7", "203.0.113.7", True),
    ("::ffff:203.0.113.7", "::ffff:203.0.113.8", False),
]


@pytest.mark.parametrize(("one", "other", "same"), CLIENTS, ids=range(len(CLIENTS)))
def test_which_addresses_are_one_client(one: str, other: str, same: bool) -> None:
    """An IPv6 client owns its /64 and could change its address for each event."""
    assert client_of(one) is not None
    assert (client_of(one) == client_of(other)) is same


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "::1", "10.1.2.3", "192.168.0.1", "172.31.255.255", "100.64.0.1", "fd00::1", "fe80::1%eth0", ""],
)
def test_an_own_network_stands_for_everybody(address: str) -> None:
    """A proxy of the shop's own, which passes everybody on, must not be one client."""
    assert client_of(address) is None
    rates = Rates({"1": DatasetPolicy(id="1", trust=TrustRules(rate=1))})
    assert [rates.over_for_client(address, ["1"], NOW) for _ in range(5)] == [None] * 5


def test_a_body_larger_than_a_minute_of_bytes_spends_that_minute_and_no_more() -> None:
    """Whoever sends one of a hundred minutes has to wait, and for one minute."""
    rates = Rates({"1": DatasetPolicy(id="1")})
    minute = int(TrustRules().rate * BYTES_OF_AN_EVENT)
    rates.count_bytes(CLIENT, 100 * minute, NOW)
    over = rates.over_for_bytes(CLIENT, minute, NOW)
    assert over is not None
    assert over.retry_s == 60
    assert rates.over_for_bytes(CLIENT, minute, NOW + 60_001) is None


def test_a_request_is_counted_whole_or_not_at_all() -> None:
    """Events for two datasets, one of them over its limit: nothing is taken from the other's bucket."""
    policies = {id_: DatasetPolicy(id=id_, trust=TrustRules(rate=rate)) for id_, rate in (("1", 2), ("2", 3))}
    rates = Rates(policies)
    assert rates.over_for_client(CLIENT, ["1", "1"], NOW) is None
    for _ in range(5):
        assert rates.over_for_client(CLIENT, ["1", "2"], NOW) is not None
    assert rates.over_for_client(CLIENT, ["2", "2", "2"], NOW) is None


# -- the doors


HOPS = [
    # proxies in front, header, whether these requests, more than the limit, are refused
    (0, ["203.0.113.7"] * 6, False),  # nobody is believed: all come from this machine, an own network
    (1, ["203.0.113.7"] * 6, True),
    (1, [f"203.0.113.{n}" for n in range(6)], False),
    (1, [f"198.51.100.{n}, 203.0.113.7" for n in range(6)], True),  # the client forges what stands before
    (2, [f"198.51.100.{n}, 203.0.113.7" for n in range(6)], False),
    (2, [f"198.51.100.{n}, 203.0.113.7, 192.0.2.1" for n in range(6)], True),
    (1, [f"2001:db8:0:7::{n}" for n in range(1, 7)], True),
    (1, [f"2001:db8:0:{n}::1" for n in range(1, 7)], False),
]


@pytest.mark.parametrize(("proxies", "headers", "refused"), HOPS, ids=range(len(HOPS)))
def test_the_client_is_the_one_behind_the_proxies(start_gateway, proxies, headers, refused) -> None:
    """Six events, five allowed: only those of one true client are too many."""
    gateway = start_gateway(limited(rate=5), proxies=proxies)
    statuses = [gateway.tag(browser_event(str(n)), **sent_by(h)).status for n, h in enumerate(headers)]
    assert statuses == [200] * 5 + [429 if refused else 200]


def test_each_message_of_a_batch_and_each_line_of_a_hit_counts(start_gateway) -> None:
    """A stranger's batch of Segment's API, and the lines of one request of Google's tag, are no way past the limit."""
    configuration = limited(rate=6)
    first, *others = configuration["dataset"]
    ways = {"segment_page_key": "key-in-the-pages", "measurement_ids": ["G-ABC1234567"]}
    gateway = start_gateway(configuration | {"dataset": [first | {"ways_in": ways}, *others]}, proxies=1)

    def batch(count: int, client: str) -> int:
        one = {
            "type": "track",
            "event": "Product Viewed",
            "userId": "u",
            "context": {"page": {"url": "https://shop.example/"}},
        }
        body = json.dumps(
            {"batch": [one | {"messageId": f"{client}-{n}"} for n in range(count)], "writeKey": "key-in-the-pages"}
        )
        return gateway.send("POST", "/v1/batch", body, content_type="application/json", **sent_by(client)).status

    assert [batch(4, CLIENT), batch(4, CLIENT), batch(4, "203.0.113.99")] == [200, 429, 200]
    lines = "\n".join(f"en=page_view&ep.event_id=h{n}" for n in range(4))
    gateway.forget()
    for _ in range(2):  # its answer is always the same; of the second nothing is kept
        path = "/g/collect?v=2&tid=G-ABC1234567&cid=1.2&dl=https%3A%2F%2Fshop.example%2F"
        assert gateway.send("POST", path, lines, **sent_by("203.0.113.50")).status == 204
    assert len(gateway.new_events()) == 4


def test_over_the_limit_the_tag_keeps_its_events(start_gateway) -> None:
    """429 in our shape with a time to wait; nothing of the request is stored; after that time all of it is."""
    gateway = start_gateway(limited(rate=6), proxies=1)
    assert gateway.tag(*(browser_event(str(n)) for n in range(4)), **sent_by(CLIENT)).status == 200
    three = [browser_event(f"late-{n}") for n in range(3)]
    reply = gateway.tag(*three, **sent_by(CLIENT))
    assert (reply.status, reply.headers["retry-after"]) == (429, "10")  # one event is missing, at one in 10 s
    assert reply.headers["access-control-allow-origin"] == "*"
    assert (reply.error["is_transient"], reply.error["type"]) == (True, "OAuthException")
    assert len(gateway.new_events()) == 4
    assert gateway.new_refused() == []
    assert metric(gateway, 'twofold_rate_limited_total{entry="tag",limit="client"}') == 1
    gateway.now += 10_000
    assert gateway.tag(*three, **sent_by(CLIENT)).status == 200
    assert len(gateway.new_events()) == 3


def test_others_and_other_doors_are_not_touched(start_gateway) -> None:
    """One flooding client: another client, another dataset and the shop's own server are answered as ever."""
    gateway = start_gateway(limited(rate=2), proxies=1)
    for n in range(4):
        gateway.tag(browser_event(str(n)), **sent_by(CLIENT))
    assert gateway.tag(browser_event("a"), **sent_by(OTHER)).status == 200
    assert gateway.tag(browser_event("b", dataset=KEYLESS), **sent_by(CLIENT)).status == 200
    assert gateway.post(*(purchase(f"s{n}") for n in range(20))).json["events_received"] == 20
    assert gateway.tag(browser_event("c"), **sent_by(CLIENT)).status == 429


def test_the_pixel_always_gets_its_picture(start_gateway) -> None:
    """A flood of 200 hits against 50: the same answer each time, 50 stored, all refused counted, a few rows kept."""
    gateway = start_gateway(limited(rate=50), proxies=1)
    seen = {
        (r.status, r.body, tuple(r.headers.items()))
        for n in range(200)
        for r in [gateway.pixel(sent_by(CLIENT), ev="ViewContent", eid=str(n), dl="https://shop.example/")]
    }
    assert [(status, body) for status, body, _ in seen] == [(200, GIF)]
    assert len(gateway.new_events()) == 50
    rows = gateway.new_refused()
    assert {(r["reason"], r["path"], r["dataset"]) for r in rows} == {("rate_limited", "client", DATASET)}
    assert len(rows) == 10
    assert metric(gateway, 'twofold_refused_total{entry="tr",reason="rate_limited"}') == 150
    gateway.now += 60_000
    for n in range(51):
        gateway.pixel(sent_by(CLIENT), ev="ViewContent", eid=f"b{n}", dl="https://shop.example/")
    (row,) = gateway.new_refused()
    assert row["got"].startswith("141 "), "the row says how many were only counted before it"


def test_a_name_is_limited_for_those_without_trust(start_gateway) -> None:
    """From many clients together, at both doors; another name, and the shop's own server, are not."""
    gateway = start_gateway(limited(name_events_per_minute=3), proxies=1)
    own = [sent_by(f"203.0.113.{n}") for n in range(10)]
    assert [gateway.tag(browser_event(f"e{n}", "Lead"), **own[n]).status for n in range(4)] == [200, 200, 200, 429]
    assert gateway.pixel(own[5], ev="Lead", eid="5", dl="https://shop.example/").body == GIF
    assert [r["path"] for r in gateway.new_refused()] == ["name"]
    assert gateway.tag(browser_event("e6", "ViewContent"), **own[6]).status == 200
    assert gateway.post(purchase("e7", event_name="Lead")).status == 200
    assert [e.event_id for e in gateway.new_events()] == ["e0", "e1", "e2", "e6", "e7"]


def test_zero_is_no_limit(start_gateway) -> None:
    gateway = start_gateway(limited(rate=0), proxies=1)
    assert all(
        gateway.tag(*(browser_event(f"{k}-{n}") for n in range(100)), **sent_by(CLIENT)).status == 200 for k in range(8)
    )


def test_an_ordinary_shopper_is_far_below_the_default(start_gateway) -> None:
    """Ten events a second for a minute from one office's address is the limit; at half of it nobody is refused."""
    gateway = start_gateway(proxies=1)
    for second in range(60):
        gateway.now += 1000
        events = [browser_event(f"{second}-{n}") for n in range(5)]
        assert gateway.tag(*events, **sent_by(CLIENT)).status == 200


def test_events_for_no_dataset_of_ours_are_limited_too(start_gateway) -> None:
    """They cost a row each; the default rate stands for them, 600 a minute."""
    gateway = start_gateway(proxies=1)
    strangers = [browser_event(str(n), dataset="999") for n in range(100)]
    statuses = [gateway.tag(*strangers, **sent_by(CLIENT)).status for _ in range(7)]
    assert statuses == [400] * 6 + [429]


# -- the bytes of large bodies

PAGE_KEY, SERVER_KEY, STREAM = "page-key-0123456789", "segment-key-0123456789", "G-ABC1234567"
PADDING = ["x" * 80] * 11_000  # some 900 KB: five of them are a minute's 600 times 8 KB
JSON_BODY, FORM = "application/json", "application/x-www-form-urlencoded"


def with_keys(**trust: Any) -> dict[str, Any]:
    first, *others = CONFIGURATION["dataset"]
    ways = {"segment_page_key": PAGE_KEY, "segment_key": SERVER_KEY, "measurement_ids": [STREAM]}
    return CONFIGURATION | {"dataset": [first | {"trust": trust, "ways_in": ways}, *others]}


def padded(**fields: Any) -> str:
    return json.dumps({**fields, "padding": PADDING})


def track(key: str, **context: Any) -> str:
    return padded(type="track", event="Signed Up", messageId="m", anonymousId="a", writeKey=key, properties=context)


LARGE = {
    "tag": ("/t/events", json.dumps({"events": [{"dataset": DATASET, **browser_event("e"), "padding": PADDING}]}), "text/plain", 200),
    "tag, no events": ("/t/events", padded(), "text/plain", 400),
    "no JSON": ("/t/events", "[" * 900_000, "text/plain", 400),
    "a key of pages": ("/v1/track", track(PAGE_KEY), JSON_BODY, 200),
    "no write key": ("/v1/track", track("guessed"), JSON_BODY, 401),
    "no key": (EVENTS, padded(data=[purchase()]), JSON_BODY, 401),
    "a guessed key in a form": (EVENTS, "access_token=guessed&data=" + "%5B" * 300_000, FORM, 400),
    "consent of nobody's server": (f"/v1/{DATASET}/consent", padded(state="denied", email="a@b.example"), JSON_BODY, 401),
}  # fmt: skip


@pytest.mark.parametrize("sent", LARGE.values(), ids=LARGE.keys())
def test_large_bodies_without_a_key_are_counted_by_their_bytes(start_gateway, sent: tuple[str, str, str, int]) -> None:
    """One address with four connections made everybody wait for a second, by bodies that hold one event or none."""
    path, body, kind, plain = sent
    gateway = start_gateway(with_keys(), proxies=1)

    def post(address: str = CLIENT) -> Any:
        return gateway.send("POST", path, body, content_type=kind, **sent_by(address))

    answers = [post() for _ in range(7)]
    assert [a.status for a in answers] == [plain] * 5 + [429] * 2
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert post(OTHER).status == plain, "nobody else waits"
    assert gateway.tag(browser_event("small"), **sent_by(CLIENT)).status == 200, "what a shopper sends is small"
    gateway.now += 60_000
    assert post().status == plain


@pytest.mark.parametrize("path", ["/tr/", f"/g/collect?tid={STREAM}&v=2&cid=1.2"])
def test_large_hits_have_their_answer_and_are_refused(start_gateway, path: str) -> None:
    gateway = start_gateway(with_keys(), proxies=1)
    body = f"id={DATASET}&ev=Lead&en=generate_lead&dl=https%3A%2F%2Fshop.example%2F&dt=" + "x" * 900_000
    replies = [gateway.send("POST", path, body, content_type=FORM, **sent_by(CLIENT)) for _ in range(7)]
    assert len({(r.status, r.body) for r in replies}) == 1
    assert len(gateway.new_events()) == 5
    row, *_ = gateway.new_refused()
    assert (row["reason"], row["path"], row["expected"]) == ("rate_limited", "bytes", "fewer bytes a minute")


def _in_parts() -> bytes:
    data = json.dumps([purchase(padding=PADDING)])
    parts = {"access_token": KEY, "data": data}
    named = (f'--b\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in parts.items())
    return ("".join(named) + "--b--\r\n").encode()


ORDER = padded(id=77, currency="EUR", total_price="5.00", created_at="2026-09-21T10:13:20Z", financial_status="paid")


def signed(secret: str) -> dict[str, str]:
    digest = hmac.digest(secret.encode(), ORDER.encode(), "sha256")
    return {"content_type": JSON_BODY, "x_shopify_topic": "orders/create", "x_shopify_shop_domain": SHOP,
            "x_shopify_hmac_sha256": b64encode(digest).decode()}  # fmt: skip


WITH_KEY: dict[str, tuple[str, Any, dict[str, str]]] = {
    "in the body": (EVENTS, padded(access_token=KEY, data=[purchase()]), {"content_type": JSON_BODY}),
    "in a form": (EVENTS, urlencode({"data": json.dumps([purchase(padding=PADDING)]), "access_token": KEY}), {"content_type": FORM}),
    "in parts": (EVENTS, _in_parts(), {"content_type": "multipart/form-data; boundary=b"}),
    "in the address": (f"{EVENTS}?access_token={KEY}", padded(data=[purchase()]), {"content_type": JSON_BODY}),
    "in a header": (EVENTS, padded(data=[purchase()]), {"content_type": JSON_BODY, "authorization": f"Bearer {KEY}"}),
    "of Segment's servers": ("/v1/track", track("x"), {"content_type": JSON_BODY, "authorization": "Basic " + b64encode(f"{SERVER_KEY}:".encode()).decode()}),
    "of consent": (f"/v1/{DATASET}/consent", padded(state="denied", email="a@b.example", access_token=KEY), {"content_type": JSON_BODY}),
    "a signed order": (WEBHOOK, ORDER, signed(SECRET)),
    "a CloudEvent": (f"/v1/{DATASET}/cloudevents", padded(specversion="1.0", id="1", source="shop", type="a.Lead", data=purchase()), {"content_type": "application/cloudevents+json", "authorization": f"Bearer {KEY}"}),
}  # fmt: skip


@pytest.mark.parametrize("sent", WITH_KEY.values(), ids=WITH_KEY.keys())
def test_a_server_that_shows_its_key_is_not_counted(start_gateway, sent: tuple[str, Any, dict[str, str]]) -> None:
    """Neither by itself nor by what a stranger sent from its address."""
    path, body, headers = sent
    gateway = start_gateway(with_keys(), proxies=1)
    for _ in range(7):
        assert gateway.send("POST", path, body, **headers, **sent_by(CLIENT)).status == 200
    stranger, junk, kind, _ = LARGE["no JSON"]
    statuses = [gateway.send("POST", stranger, junk, content_type=kind, **sent_by(CLIENT)).status for _ in range(7)]
    assert statuses == [400] * 5 + [429] * 2, "what the server sent has used up nothing"
    assert gateway.send("POST", path, body, **headers, **sent_by(CLIENT)).status == 200


def test_an_order_that_another_signed_is_counted(start_gateway) -> None:
    """It is answered all the same, as shops of one system share its addresses; a browser of that address waits."""
    gateway = start_gateway(with_keys(), proxies=1)
    forged = signed("not the shop's secret")
    assert {gateway.send("POST", WEBHOOK, ORDER, **forged, **sent_by(CLIENT)).status for _ in range(6)} == {401}
    path, junk, kind, _ = LARGE["no JSON"]
    assert gateway.send("POST", path, junk, content_type=kind, **sent_by(CLIENT)).status == 429
    assert gateway.send("POST", path, junk, content_type=kind, **sent_by(OTHER)).status == 400


def test_a_browser_takes_consent_back_whatever_its_address_sent(start_gateway) -> None:
    gateway = start_gateway(with_keys(), proxies=1)
    path, junk, kind, _ = LARGE["no JSON"]
    for _ in range(7):
        gateway.send("POST", path, junk, content_type=kind, **sent_by(CLIENT))
    heard = {"dataset": DATASET, "fbp": "fb.1.1790000000000.1", "state": "denied", "x": "x" * 8_000}
    reply = gateway.send("POST", "/t/consent", json.dumps(heard), content_type="text/plain", **sent_by(CLIENT))
    assert (reply.status, reply.json) == (200, {"heard": True})
    (standing,) = read_standing(gateway.folder, DATASET, [Mark("fbp", "1790000000000.1")])
    assert standing.withdrawn


def test_no_limit_of_events_is_none_of_bytes(start_gateway) -> None:
    gateway = start_gateway(with_keys(rate=0), proxies=1)
    path, body, kind, plain = LARGE["tag"]
    assert {gateway.send("POST", path, body, content_type=kind, **sent_by(CLIENT)).status for _ in range(7)} == {plain}
