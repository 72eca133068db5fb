"""Segment's tracking API at a running gateway: keys and tiers, batches, answers. The clients are in test_segment_clients.py."""

from __future__ import annotations

import base64
import gzip
import itertools
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from running_gateway import CONFIGURATION as PLAIN
from running_gateway import DATASET, LISTED, Reply, Running
from test_webhook_door import ORDER, deliver

from twofold.event.model import Channel, Consent, Tier
from twofold.store.engines import open_reader
from twofold.store.ladder import admit

SERVER, PAGE, LISTED_PAGE = "write-key-of-servers", "key-in-pages", "key-in-listed-pages"
WAYS = {"segment_key": SERVER, "segment_page_key": PAGE, "consent_categories": {"C0004": "marketing"}}
CONFIGURATION = PLAIN | {
    "dataset": [
        PLAIN["dataset"][0] | {"ways_in": WAYS},
        PLAIN["dataset"][1] | {"ways_in": {"segment_page_key": LISTED_PAGE}},
    ]
}
WHEN = "2026-09-21T14:13:20Z"
ORDERS = itertools.count(6_678_901_000_001)


@pytest.fixture(scope="module")
def _one_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("segment-door") / "data", CONFIGURATION)
    yield running
    running.close()


def basic(key: str) -> str:
    return "Basic " + base64.b64encode(f"{key}:".encode()).decode()


def call(gateway: Running, path: str, body: Any, key: str = SERVER, **headers: str) -> Reply:
    given = {"authorization": basic(key)} if key else {}
    return gateway.send("POST", path, json.dumps(body), content_type="application/json", **(given | headers))


def track(event: str = "Product Viewed", **changes: Any) -> dict[str, Any]:
    return {
        "type": "track",
        "event": event,
        "userId": "u-1",
        "messageId": f"m-{next(ORDERS)}",
        "timestamp": WHEN,
        **changes,
    }


def order(number: int, **properties: Any) -> dict[str, Any]:
    said = {"order_id": str(number), "total": 42.5, "currency": "EUR", **properties}
    return track("Order Completed", properties=said)


def test_one_call_is_one_event(gateway: Running) -> None:
    reply = call(gateway, "/v1/track", order(1))
    assert (reply.status, reply.json["success"], reply.json["events_received"]) == (200, True, 1)
    event = gateway.new_event()
    assert (event.dataset, event.event_name, event.tier, event.channel) == (
        DATASET,
        "Purchase",
        Tier.T2,
        Channel.SERVER,
    )
    assert event.custom_data.value == Decimal("42.5")


@pytest.mark.parametrize("path", ["/v1/p", "/v1/page"])
def test_the_short_addresses_of_the_browser_library(gateway: Running, path: str) -> None:
    page = {"context": {"page": {"url": "https://shop.example/?gclid=Cj0x1"}}, "anonymousId": "a", "messageId": "p-1"}
    assert call(gateway, path, page | {"timestamp": WHEN}).status == 200
    event = gateway.new_event()
    assert (event.event_name, event.click_ids) == ("PageView", {"gclid": "Cj0x1"})


def test_the_same_message_again_is_a_repeat(gateway: Running) -> None:
    """Clients send again what they heard nothing of; they get the same answer, and the action is one."""
    said = order(next(ORDERS))
    first, again = (call(gateway, "/v1/batch", {"batch": [said]}) for _ in range(2))
    assert (first.status, first.json["events_received"]) == (again.status, again.json["events_received"]) == (200, 1)
    db = open_reader(gateway.folder)
    rows = list(db.execute("select verdict from event where event_id = ? order by position", (said["messageId"],)))
    db.close()
    assert rows == [("first",), ("repeat",)]


def test_a_batch_keeps_what_is_valid(gateway: Running) -> None:
    """Each that is not is named with its place and field; calls that tell no event are counted and are no fault."""
    batch = [
        track(),
        {"type": "identify", "userId": "u-1", "traits": {"email": "zoe.unique@example.com"}},
        track("Order Completed", properties={"order_id": "2", "total": "lots", "currency": "EUR"}),
        "nothing",
        track(timestamp="when?"),
        {"type": "group", "groupId": "g"},
        order(3),
    ]
    reply = call(gateway, "/v1/batch", {"batch": batch, "sentAt": WHEN})
    assert (reply.status, reply.json["success"], reply.json["events_received"]) == (200, True, 2)
    assert reply.json["left_out"] == {"identify": 1, "group": 1}
    assert [e.event_name for e in gateway.new_events()] == ["ViewContent", "Purchase"]
    rows = gateway.new_refused()
    assert [(r["index"], r["reason"]) for r in rows] == [
        (2, "invalid_value"),
        (3, "wrong_type"),
        (4, "invalid_event_time"),
    ]
    assert "zoe" not in json.dumps(rows)
    counted = gateway.status("/metrics").body.decode()
    assert 'twofold_left_out_total{entry="segment",kind="group"}' in counted


def test_numbers_that_a_table_made_of_ids_are_the_ids(gateway: Running) -> None:
    """A table with gaps has 1001.0 where an order's number was 1001: without it the order would be told twice. What is no id is said."""
    goods = [{"product_id": 7.0, "price": 2, "quantity": 1.0}, {"productId": "8", "price": 1, "quantity": "some"}]
    told = [order(1001), track("Order Completed", userId=55.0, properties={"order_id": 1001.0, "total": 42.5, "currency": "EUR", "products": goods}),
            track("Order Completed", userId="55", properties={"order_id": 12.5, "total": 42.5, "currency": "EUR"})]  # fmt: skip
    reply = call(gateway, "/v1/batch", {"batch": told})
    assert reply.json["events_received"] == 3
    first, second, third = gateway.new_events()
    assert [e.custom_data.order_id for e in (first, second, third)] == ["1001", "1001", None]
    assert [(c.id, c.quantity) for c in second.custom_data.contents] == [("7", 1), ("8", None)]
    assert second.user_data.external_id == third.user_data.external_id
    assert reply.json["messages"] == [
        "batch[1]: products[1].quantity is no whole number above nought; left out",
        "batch[2]: properties.order_id is no number and no text that says something; left out",
    ]


def test_a_batch_of_nothing_valid_says_why(gateway: Running) -> None:
    """In our words, and in the two fields that Segment's clients print."""
    reply = call(gateway, "/v1/batch", {"batch": [track(event=None)]})
    assert reply.status == 400
    assert (reply.json["success"], reply.json["code"]) == (False, "missing_event_name")
    assert reply.json["error"]["error_data"]["refused"][0]["path"] == "event"
    assert gateway.new_events() == []


def test_a_call_that_tells_no_event_is_answered(gateway: Running) -> None:
    reply = call(gateway, "/v1/identify", {"userId": "u-1", "traits": {"email": "zoe.unique@example.com"}})
    assert (reply.status, reply.json["success"], reply.json["left_out"]) == (200, True, {"identify": 1})
    assert (gateway.new_events(), gateway.new_refused()) == ([], [])


@pytest.mark.parametrize("body", [{"batch": []}, {"batch": "x"}, {}, [1], {"batch": [{}] * 2_501}], ids=str)
def test_what_is_no_batch_is_refused(gateway: Running, body: Any) -> None:
    assert call(gateway, "/v1/batch", body).status in (400, 401)
    assert gateway.new_events() == []


def test_a_message_without_its_type_is_refused_alone(gateway: Running) -> None:
    reply = call(gateway, "/v1/batch", {"batch": [{**track(), "type": None}, track()]})
    assert (reply.status, reply.json["events_received"]) == (200, 1)
    assert "type" in reply.json["messages"][0]


# -- keys


@pytest.mark.parametrize("key", ["", "another", "KEY-IN-PAGES", "key-of-the-first-dataset"])
def test_no_key_no_entry(gateway: Running, key: str) -> None:
    """Nor with the dataset's own key, which is another's secret. The key is in no row that is kept."""
    reply = call(gateway, "/v1/track", order(4) | ({"writeKey": key} if key else {}), key="")
    assert (reply.status, reply.json["code"]) == (401, "bad_key")
    (row,) = gateway.new_refused()
    assert row["reason"] == "bad_key"
    assert not key or key not in json.dumps(row)


def test_the_key_may_stand_in_the_body(gateway: Running) -> None:
    body = gzip.compress(json.dumps({"batch": [track()], "writeKey": SERVER}).encode())
    assert gateway.send("POST", "/v1/batch", body, content_encoding="gzip").status == 200
    assert gateway.new_event().tier is Tier.T2


def test_a_key_in_pages_is_a_strangers(gateway: Running) -> None:
    """Its address and user agent are the connection's, whatever the body says."""
    said = track(context={"ip": "203.0.113.9", "userAgent": "said"})
    assert call(gateway, "/v1/t", said | {"writeKey": PAGE}, key="", user_agent="sent").status == 200
    event = gateway.new_event()
    assert (event.tier, event.channel) == (Tier.T0, Channel.BROWSER)
    assert (event.user_data.client_ip_address, event.user_data.client_user_agent) == ("127.0.0.1", "sent")


def test_a_page_may_ask_before_it_sends(gateway: Running) -> None:
    """The browser library shows its key in a header, so a browser asks first."""
    reply = gateway.send("OPTIONS", "/v1/t", origin="https://shop.example")
    assert reply.status == 204
    allowed = reply.headers["access-control-allow-headers"].split(", ")
    assert {"authorization", "content-type", "*"} <= set(allowed)  # whatever else a client of a page adds
    assert call(gateway, "/v1/t", track(), PAGE).headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(("origin", "status"), [("https://shop.example", 200), ("https://other.example", 403)])
def test_the_site_is_checked_where_the_dataset_lists_sites(gateway: Running, origin: str, status: int) -> None:
    reply = call(gateway, "/v1/track", track(), LISTED_PAGE, origin=origin)
    assert reply.status == status
    assert [e.dataset for e in gateway.new_events()] == ([LISTED] if status == 200 else [])


def test_a_strangers_word_changes_nothing_that_the_shop_signed(gateway: Running) -> None:
    """With a page's key anybody can name an order: the value, the name and the id that leave are the shop's."""
    number = next(ORDERS)
    assert call(gateway, "/v1/track", order(number, total=1, value=1), PAGE).status == 200
    assert deliver(gateway, ORDER | {"id": number, "note_attributes": []}).status == 200
    told, signed = gateway.new_events()
    assert (told.tier, told.custom_data.value) == (Tier.T0, Decimal(1))
    counted = admit([told, signed])
    assert (list(counted.copies), list(counted.claims)) == ([signed], [told])
    assert signed.custom_data.value == Decimal("42.5")


def test_a_denied_category_is_denied_consent(gateway: Running) -> None:
    said = track(context={"consent": {"categoryPreferences": {"C0004": False}}})
    assert call(gateway, "/v1/track", said).status == 200
    event = gateway.new_event()
    assert event.denied == ("ad_user_data", "marketing", "personalization")
    unknown = track(context={"consent": {"categoryPreferences": {"C0009": False}}})
    assert call(gateway, "/v1/track", unknown).status == 200
    assert gateway.new_event().consent is Consent.DENIED


UNREADABLE = [
    {"consent": False}, {"consent": "no"}, {"consent": "denied"}, {"consent": 0}, {"consent": ["C0004"]},
    {"consent": {"categoryPreferences": False}}, {"consent": {"categoryPreferences": "none"}}, {"consent": {"categoryPreferences": ["C0004"]}},
    {"consentManagement": "denied"}, {"consentManagement": {"deniedConsentIds": {"C0004": True}}},
    {"consentManagement": {"deniedConsentIds": [["C0004"]]}}, {"consentManagement": {"deniedConsentIds": "C0009"}},
]  # fmt: skip


@pytest.mark.parametrize("context", UNREADABLE, ids=str)
def test_what_is_said_of_consent_and_cannot_be_read_is_a_no(gateway: Running, context: dict[str, Any]) -> None:
    """A sender that writes its no in another form than the libraries is not taken for one that says nothing."""
    assert call(gateway, "/v1/track", track(context=context)).status == 200
    assert gateway.new_event().consent is Consent.DENIED


@pytest.mark.parametrize(
    "context", [{}, {"consent": None}, {"consent": ""}, {"consent": {}}, {"consentManagement": {}}], ids=str
)
def test_silence_about_consent_is_none(gateway: Running, context: dict[str, Any]) -> None:
    assert call(gateway, "/v1/track", track(context=context)).status == 200
    assert gateway.new_event().consent is Consent.UNSTATED


@pytest.mark.parametrize(
    ("told", "kept"), [("de-DE", "de-DE"), ("zh_Hans_CN", "zh_Hans_CN"), ("mara@shop.example", None), ("x" * 40, None)]
)
def test_a_language_is_a_short_tag_or_nothing(gateway: Running, told: str, kept: str | None) -> None:
    assert call(gateway, "/v1/track", track(context={"locale": told})).status == 200
    assert gateway.new_event().locale == kept


def test_a_batch_says_for_all_its_messages_what_they_do_not_say(gateway: Running) -> None:
    """Context and integrations stand once beside the messages, as the specification lets them; a message's own word counts first."""
    shared = {"consent": {"categoryPreferences": {"C0004": False}}, "ip": "203.0.113.9"}
    own = track(context={"ip": "203.0.113.10"})
    said = {
        "batch": [track(), own, track(integrations={"All": True})],
        "context": shared,
        "integrations": {"All": False},
    }
    assert call(gateway, "/v1/batch", said).json["left_out"] == {"no_integration": 2}
    (event,) = gateway.new_events()
    assert (event.denied, event.user_data.client_ip_address) == (
        ("ad_user_data", "marketing", "personalization"),
        "203.0.113.9",
    )
    wishes = {"batch": [own, track(integrations={"Google Ads": False})], "integrations": {"Facebook Pixel": False}}
    assert call(gateway, "/v1/batch", wishes).status == 200
    assert [e.destinations for e in gateway.new_events()] == [("-meta",), ("-google_ads", "-meta")]
    assert call(gateway, "/v1/batch", {"batch": [own], "context": shared}).status == 200
    event = gateway.new_event()
    assert (event.denied, event.user_data.client_ip_address) == (
        ("ad_user_data", "marketing", "personalization"),
        "203.0.113.10",
    )


def test_no_contact_data_is_on_disk(gateway: Running) -> None:
    """Traits, properties and what was refused: the folder holds neither the address nor the name."""
    person = {"email": "zoe.unique@example.com", "firstName": "Zoeunique"}
    batch = [
        track(
            context={"traits": person}, properties={"email": "zoe.unique@example.com", "note": "zoe.unique@example.com"}
        ),
        track(event=7, context={"traits": person}),
        {"type": "identify", "traits": person},
        {"type": "track", "event": "zoe.unique@example.com", "userId": "zoe.unique@example.com", "timestamp": WHEN},
    ]
    assert call(gateway, "/v1/batch", {"batch": batch}).status == 200
    found = [p.name for p in gateway.folder.rglob("*") if p.is_file() and b"zoe" in p.read_bytes().lower()]
    assert found == []


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("analytics-python", "analytics-python"),
        ("Shop Sender 2.10.1-rc", "shop sender"),
        ("@segment/analytics-node", "analytics-node"),
        (
            "1." * 4_000 + "!",
            "api",
        ),  # was looked through from each digit on: a version of eighty signs is all there is to see
    ],
    ids=["plain", "version", "scope", "digits"],
)
def test_a_sender_is_called_as_its_library_calls_itself(gateway: Running, said: str, told: str) -> None:
    assert call(gateway, "/v1/track", track(context={"library": {"name": said}})).status == 200
    assert gateway.new_event().sender == told
