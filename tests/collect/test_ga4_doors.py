"""Google's tag and the Measurement Protocol at a running gateway, each Purchase beside the shop's signed webhook."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from running_gateway import CONFIGURATION as PLAIN
from running_gateway import DATASET, EMAIL, NOW_S, Reply, Running
from test_webhook_door import ORDER, deliver

from twofold.event.model import Channel, Consent, Tier
from twofold.store.engines import open_reader
from twofold.store.ladder import admit

sys.path.append(str(Path(__file__).parents[1] / "sources" / "streams"))
from gtag_hits import MEASUREMENT_ID, batch, of_a_container, purchase

SECRET, OTHER = "secret-of-the-protocol", "G-LISTED0001"
CONFIGURATION = PLAIN | {
    "dataset": [
        PLAIN["dataset"][0] | {"ways_in": {"measurement_ids": [MEASUREMENT_ID], "mp_secret": [SECRET, SECRET[::-1]]}},
        PLAIN["dataset"][1] | {"ways_in": {"measurement_ids": [OTHER]}},
    ]
}
ORDERS = itertools.count(7_678_901_000_001)
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"


@pytest.fixture(scope="module")
def _one_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("ga4") / "data", CONFIGURATION)
    yield running
    running.close()


def protocol(gateway: Running, *events: Any, secret: str = SECRET, stream: str = MEASUREMENT_ID, **whole: Any) -> Reply:
    body = json.dumps({"client_id": "1677925765.1764678332", "events": list(events), **whole})
    return gateway.send("POST", f"/mp/collect?measurement_id={stream}&api_secret={secret}", body)


def told(order: int) -> dict[str, Any]:
    goods = [{"item_id": "111", "price": 21.25, "quantity": 2}]
    return {
        "name": "purchase",
        "params": {"transaction_id": str(order), "value": 42.5, "currency": "EUR", "items": goods},
    }


def by_get(gateway: Running, order: int) -> Reply:
    return gateway.send("GET", f"/g/collect?{purchase(str(order))}", user_agent=CHROME)


def by_post(gateway: Running, order: int) -> Reply:
    query, body = batch(str(order))
    return gateway.send("POST", f"/g/collect?{query}", body, content_type="text/plain;charset=UTF-8", user_agent=CHROME)


def by_container(gateway: Running, order: int) -> Reply:
    return gateway.send("POST", f"/g/collect?{of_a_container(str(order))}", user_agent=CHROME)


def by_protocol(gateway: Running, order: int) -> Reply:
    return protocol(gateway, told(order))


def actions(gateway: Running, *ids: str) -> list[int]:
    db = open_reader(gateway.folder)
    rows = [db.execute("select action from event where event_id = ?", (one,)).fetchone()[0] for one in ids]
    db.close()
    return rows


def webhook(gateway: Running, order: int) -> None:
    """The shop's word of an order that was placed from this machine with that browser."""
    client = {"browser_ip": "127.0.0.1", "client_details": {"user_agent": CHROME, "browser_ip": "127.0.0.1"}}
    assert deliver(gateway, ORDER | client | {"id": order, "note_attributes": []}).status == 200


@pytest.mark.parametrize("webhook_first", [False, True], ids=["sender-first", "webhook-first"])
@pytest.mark.parametrize("send", [by_get, by_post, by_container, by_protocol])
def test_a_purchase_counts_with_the_shops_webhook(gateway: Running, send: Any, webhook_first: bool) -> None:
    """One order, told by each way in and by the shop: what leaves is one Purchase, and both copies count for it."""
    order = next(ORDERS)
    if webhook_first:
        webhook(gateway, order)
    assert send(gateway, order).status == 204
    if not webhook_first:
        webhook(gateway, order)
    copies = [e for e in gateway.new_events() if e.event_name == "Purchase"]
    signed, own = sorted(copies, key=lambda e: -e.tier)
    assert (signed.tier, own.tier) == (Tier.T3, Tier.T2 if send is by_protocol else Tier.T0)
    assert (own.custom_data.order_id, own.custom_data.value, own.custom_data.currency) == (
        str(order),
        Decimal("42.5"),
        "EUR",
    )
    assert set(map(id, admit([signed, own]).copies)) == {id(signed), id(own)}
    db = open_reader(gateway.folder)
    (sold,) = db.execute("select count(*) from orders where order_id = ?", (str(order),)).fetchone()
    after = db.execute(
        "select count(*) from action a where a.event_name = 'Purchase' and a.id in (select action from event where event_id in (?, ?))"
        " and not exists (select 1 from superseded s where s.action = a.id)",
        (signed.event_id, own.event_id),
    ).fetchone()[0]
    db.close()
    assert (sold, after) == (1, 1)
    assert gateway.new_refused() == []


def test_a_hit_is_a_strangers(gateway: Running) -> None:
    """Address and agent are the connection's, and what it claims of money changes nothing that the shop signed."""
    order = next(ORDERS)
    forged = purchase(str(order)).replace("epn.value=42.5", "epn.value=1")
    assert gateway.send("GET", f"/g/collect?{forged}", user_agent="another").status == 204
    assert deliver(gateway, ORDER | {"id": order, "note_attributes": []}).status == 200
    claim, signed = gateway.new_events()
    assert (claim.tier, claim.channel, claim.sender, claim.user_data.client_ip_address) == (
        Tier.T0, Channel.BROWSER, "gtag", "127.0.0.1",
    )  # fmt: skip
    counted = admit([claim, signed])
    assert (list(counted.copies), list(counted.claims)) == ([signed], [claim])
    assert signed.custom_data.value == Decimal("42.5")


def test_several_events_a_body(gateway: Running) -> None:
    """Each line is an event with the address's parameters; a broken one costs itself, what the tag reports by itself is counted."""
    query, body = batch(str(next(ORDERS)))
    lines = body + "\r\nen=purchase&cu=EUR&ep.transaction_id=9&epn.value=lots\r\nepn.value=1\r\n"
    assert gateway.send("POST", f"/g/collect?{query}", lines, user_agent=CHROME).status == 204
    assert [e.event_name for e in gateway.new_events()] == ["PageView", "ViewContent", "Purchase"]
    assert [(r["index"], r["reason"]) for r in gateway.new_refused()] == [
        (4, "invalid_value"),
        (5, "missing_event_name"),
    ]
    assert 'twofold_left_out_total{entry="gtag",kind="scroll"}' in gateway.status("/metrics").body.decode()


def test_what_a_hit_says_of_consent_arrives(gateway: Running) -> None:
    query = purchase(str(next(ORDERS))).replace("gcs=G111", "gcs=G100").replace("13t3t3t3t5l1", "13p3p3p3p5l1")
    gateway.send("GET", f"/g/collect?{query}", user_agent=CHROME)
    event = gateway.new_event()
    assert event.denied == ("ad_user_data", "analytics", "marketing", "personalization")
    assert event.consent is Consent.UNSTATED


ANSWERED = [
    ("GET", "v=2"), ("GET", "tid=G-UNKNOWN123&en=page_view"), ("GET", f"tid={MEASUREMENT_ID}"), ("GET", "%ff=%00"),
    ("GET", f"tid={MEASUREMENT_ID}&en=page_view"), ("POST", f"tid={MEASUREMENT_ID}&en=scroll"), ("HEAD", ""), ("DELETE", ""),
]  # fmt: skip


def test_every_hit_gets_the_same_answer(gateway: Running) -> None:
    """So that a page never breaks and nobody can ask what is known here."""
    replies = [gateway.send(method, f"/g/collect?{query}") for method, query in ANSWERED]
    assert {(r.status, r.body, tuple(sorted(k for k in r.headers if k != "date"))) for r in replies} == {
        (204, b"", tuple(sorted(k for k in replies[0].headers if k != "date")))
    }
    assert {r["reason"] for r in gateway.new_refused()} == {"unknown_dataset", "missing_event_name"}


def test_the_page_hears_an_answer_to_its_cookies(gateway: Running) -> None:
    reply = gateway.send(
        "POST", f"/g/collect?tid={MEASUREMENT_ID}&en=page_view", origin="https://shop.example", cookie="_ga=x"
    )
    named = reply.headers["access-control-allow-origin"], reply.headers["access-control-allow-credentials"]
    assert named == ("https://shop.example", "true")


@pytest.mark.parametrize(("origin", "taken"), [("https://shop.example", 1), ("https://other.example", 0)])
def test_the_site_is_checked_where_the_dataset_lists_sites(gateway: Running, origin: str, taken: int) -> None:
    gateway.send("GET", f"/g/collect?tid={OTHER}&en=page_view", origin=origin)
    assert len(gateway.new_events()) == taken
    assert len(gateway.new_refused()) == 1 - taken


def test_too_many_lines_are_refused_whole(gateway: Running) -> None:
    assert gateway.send("POST", f"/g/collect?tid={MEASUREMENT_ID}", "en=x\n" * 101).status == 204
    assert gateway.new_events() == []
    assert gateway.new_refused()[0]["reason"] == "too_many"


# -- Measurement Protocol


def test_a_body_of_the_protocol_is_a_servers(gateway: Running) -> None:
    order = next(ORDERS)
    assert (
        protocol(gateway, told(order), ip_override="203.0.113.9", timestamp_micros=(NOW_S - 60) * 10**6).status == 204
    )
    event = gateway.new_event()
    assert (event.dataset, event.tier, event.channel, event.sender) == (
        DATASET,
        Tier.T2,
        Channel.SERVER,
        "measurement-protocol",
    )
    assert (event.event_time, event.user_data.client_ip_address) == (NOW_S - 60, "203.0.113.9")


@pytest.mark.parametrize(
    ("secret", "stream", "status"),
    [
        (SECRET[::-1], MEASUREMENT_ID, 204), ("another-secret-of-16", MEASUREMENT_ID, 401), ("", MEASUREMENT_ID, 401),
        (SECRET, OTHER, 401), (SECRET, "G-UNKNOWN123", 400), (SECRET, "", 400),
    ],
)  # fmt: skip
def test_the_secret_is_asked_and_kept_nowhere(gateway: Running, secret: str, stream: str, status: int) -> None:
    """Right or wrong, it stands in no answer, no row and no file."""
    reply = protocol(gateway, told(next(ORDERS)), secret=secret, stream=stream)
    assert reply.status == status
    assert len(gateway.new_events()) == (status == 204)
    assert not secret or secret.encode() not in reply.body
    kept = [p.name for p in gateway.folder.rglob("*") if p.is_file() and secret and secret.encode() in p.read_bytes()]
    assert kept == []


def test_a_body_keeps_what_is_valid(gateway: Running) -> None:
    order = next(ORDERS)
    broken = {"name": "purchase", "params": {"transaction_id": "1", "value": 5}}
    reply = protocol(gateway, told(order), broken, "nothing", {"name": "user_engagement"})
    assert (reply.status, reply.json["events_received"]) == (200, 1)
    assert "data[1].custom_data.currency" in reply.json["messages"][0]
    assert [(r["index"], r["reason"]) for r in gateway.new_refused()] == [(1, "missing_currency"), (2, "wrong_type")]
    assert protocol(gateway, broken).status == 400


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"events": []}', b"\xff", b'{"events": 1}'])
def test_what_is_no_body_is_refused(gateway: Running, body: bytes) -> None:
    path = f"/mp/collect?measurement_id={MEASUREMENT_ID}&api_secret={SECRET}"
    assert gateway.send("POST", path, body).status == 400
    assert gateway.new_events() == []


def test_contact_data_is_hashed_at_the_edge(gateway: Running) -> None:
    assert by_container(gateway, next(ORDERS)).status == 204
    event = gateway.new_event()
    assert [h.hex for h in event.user_data.em] == [EMAIL]
    assert event.user_data.fbp == "fb.1.1789990000000.1110590605"
    assert [p.name for p in gateway.folder.rglob("*") if p.is_file() and b"ohn_smith" in p.read_bytes().lower()] == []


@pytest.mark.parametrize("consent", ["DENIED", False, 0, ["GRANTED"], "nonsense"], ids=str)
def test_a_consent_that_cannot_be_read_is_a_no(gateway: Running, consent: Any) -> None:
    """Of a Measurement Protocol body, which has an object there."""
    order = next(ORDERS)
    assert protocol(gateway, told(order), consent=consent).status == 204
    assert gateway.new_event().consent is Consent.DENIED


@pytest.mark.parametrize(
    ("said", "denied"),
    [
        (True, True),
        ("true", True),
        (1, True),
        ("perhaps", True),
        (False, False),
        ("false", False),
        ("no", False),
        ("FALSE", False),
        (None, False),
    ],
)
def test_a_body_that_forbids_personal_ads(gateway: Running, said: Any, denied: bool) -> None:
    """However the flag is written."""
    order = next(ORDERS)
    assert protocol(gateway, told(order), non_personalized_ads=said).status == 204
    assert ("personalization" in gateway.new_event().denied) is denied
