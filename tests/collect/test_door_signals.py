"""The seam between a request and the steps: each door by each signal that it carries, from the socket to the journal.

A door that forgets to hand a signal on fails here, whatever the steps would have made of it. A signal that a door must not
hear (a server's own header, a stranger's address) stands in the table too.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from every_door import BROWSERS, CHROME, CONFIGURATION, DOORS, SERVERS, event, hit
from running_gateway import DATASET, LISTED, NOW_MS, NOW_S, Running

from twofold.event.model import Consent, Tier

orders = itertools.count(9_000)
SECRET = "a-secret-of-the-shop-and-the-gateway"
FBP, FBC = f"fb.1.{NOW_MS - 90_000}.1110590605", f"fb.1.{NOW_MS - 90_000}.IwAR0AbC"
ADS = ("ad_user_data", "marketing", "personalization")
EVENTS = ("capi", "capi_form", "capi_texts", "tag")
HITS = ("tr_get", "tr_post")
SHOPS = ("shopify", "woocommerce", "stripe")
STREAMS = ("segment",)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    dataset = CONFIGURATION["dataset"][0] | {"trust": {"rate": 0, "token_secret": SECRET}}
    listed = {
        "id": LISTED,
        "key": "key-of-the-listed-dataset",
        "origins": ["https://shop.example"],
        "trust": {"rate": 0},
    }
    running = Running(tmp_path_factory.mktemp("signals") / "data", CONFIGURATION | {"dataset": [dataset, listed]})
    yield running
    running.close()


def kept(gateway: Running, door: str, facts: dict[str, Any]) -> Any:
    gateway.forget()
    reply = DOORS[door](gateway, str(next(orders)), facts)
    assert reply.status == 200, reply.body
    return gateway.new_event()


# -- consent: what is said, in the words of the doors, and what the event then holds

STATEMENTS: list[tuple[str, Any, Consent, tuple[str, ...], tuple[str, ...]]] = [
    ("denied", "denied", Consent.DENIED, (), ()),
    ("granted", "granted", Consent.GRANTED, (), ()),
    ("purposes", {"marketing": "denied", "analytics": "granted"}, Consent.UNSTATED, ("analytics",), ADS),
    ("consent mode", {"ad_storage": "granted", "ad_user_data": "denied"}, Consent.UNSTATED,
     ("marketing", "personalization"), ("ad_user_data",)),
    # IAB GPP, usnat section's one-letter form: the sale was not opted out of, and was
    ("GPP, not opted out", {"gpp": "DBABTA~1YNN"}, Consent.UNSTATED, ("sale_of_data",), ()),
    ("GPP, opted out", {"gpp": "DBABTA~1YYN"}, Consent.UNSTATED, (), ("sale_of_data",)),
    ("TCF, unreadable", {"tcf": "nonsense"}, Consent.UNSTATED, (), (*ADS, "analytics")),
    ("US privacy", {"us_privacy": "1YYN"}, Consent.UNSTATED, (), ("sale_of_data",)),
]  # fmt: skip


@pytest.mark.parametrize("door", [*EVENTS, *SHOPS, *STREAMS, "own"])
@pytest.mark.parametrize(("claim", "said", "state", "granted", "denied"), STATEMENTS, ids=[s[0] for s in STATEMENTS])
def test_what_the_shopper_said_arrives(
    gateway: Running,
    door: str,
    claim: str,
    said: Any,
    state: Consent,
    granted: tuple[str, ...],
    denied: tuple[str, ...],
) -> None:
    as_text = said if isinstance(said, str) else json.dumps(said)
    facts = {"event": {"consent": said}, "kept": {"twofold_consent": as_text}, "order": {"consent": said}}
    facts["context"] = {"consent": said if isinstance(said, dict) else {"state": said}}
    found = kept(gateway, door, facts)
    assert (found.consent, set(found.granted), set(found.denied)) == (state, set(granted), set(denied))


@pytest.mark.parametrize("door", DOORS)
def test_silence_is_no_statement(gateway: Running, door: str) -> None:
    found = kept(gateway, door, {})
    assert (found.consent, found.granted, found.denied) == (Consent.UNSTATED, (), ())


@pytest.mark.parametrize("door", DOORS)
def test_global_privacy_control_is_a_browsers_word(gateway: Running, door: str) -> None:
    """Sec-GPC counts at the doors for browsers. A server's request is not the shopper's browser."""
    found = kept(gateway, door, {"headers": {"sec_gpc": "1"}})
    if door in BROWSERS:
        assert {"sale_of_data", "personalization"} <= set(found.denied)
        assert found.data_processing_options == ("LDU",)
    else:
        assert (found.denied, found.data_processing_options) == ((), None)


@pytest.mark.parametrize("door", BROWSERS)
@pytest.mark.parametrize("value", ["0", "", "true"])
def test_only_its_own_value_is_global_privacy_control(gateway: Running, door: str, value: str) -> None:
    assert kept(gateway, door, {"headers": {"sec_gpc": value}}).denied == ()


@pytest.mark.parametrize("door", [*EVENTS, *HITS])
def test_limited_data_use_arrives(gateway: Running, door: str) -> None:
    event_fields = {
        "data_processing_options": ["LDU"],
        "data_processing_options_country": 1,
        "data_processing_options_state": 1000,
    }
    found = kept(gateway, door, {"event": event_fields, "hit": {"dpo": "LDU", "dpoco": "1", "dpost": "1000"}})
    limits = found.data_processing_options, found.data_processing_options_country, found.data_processing_options_state
    assert limits == (("LDU",), 1, 1000)


@pytest.mark.parametrize("door", EVENTS)
@pytest.mark.parametrize(
    ("name", "given", "expected"), [("opt_out", True, True), ("region", "US-CA", "US-CA"), ("visitor", "v-17", "v-17")]
)
def test_fields_of_an_event_arrive(gateway: Running, door: str, name: str, given: Any, expected: Any) -> None:
    assert getattr(kept(gateway, door, {"event": {name: given}}), name) == expected


# -- whose browser, which click


@pytest.mark.parametrize("door", DOORS)
def test_the_address_is_the_connections_at_a_browsers_door(gateway: Running, door: str) -> None:
    found = kept(gateway, door, {"ip": "203.0.113.9", "headers": {"x_forwarded_for": "198.51.100.1"}})
    assert found.user_data.client_ip_address == ("127.0.0.1" if door in BROWSERS else "203.0.113.9")


@pytest.mark.parametrize("door", DOORS)
def test_the_agent_is_the_connections_at_a_browsers_door(gateway: Running, door: str) -> None:
    found = kept(gateway, door, {"agent": f"{CHROME} said", "headers": {"user_agent": f"{CHROME} sent"}})
    assert found.user_data.client_user_agent == (f"{CHROME} sent" if door in BROWSERS else f"{CHROME} said")


@pytest.mark.parametrize("door", DOORS)
def test_metas_cookies_arrive(gateway: Running, door: str) -> None:
    user = {"em": "a@b.example", "fbp": FBP, "fbc": FBC, "client_user_agent": CHROME}
    facts = {
        "event": {"user_data": user},
        "hit": {"fbp": FBP, "fbc": FBC},
        "kept": {"fbp": FBP, "fbc": FBC},
        "order": {"browser": {"fbp": FBP, "fbc": FBC}},
        "properties": {"fbp": FBP, "fbc": FBC},
    }
    found = kept(gateway, door, facts).user_data
    assert (found.fbp, found.fbc) == (FBP, FBC)


@pytest.mark.parametrize("door", [*EVENTS, *HITS])
def test_page_and_referrer_arrive_with_their_click_id(gateway: Running, door: str) -> None:
    page, before = "https://shop.example/?gclid=Cj0KCQ_x1&a=1", "https://news.example/story"
    found = kept(gateway, door, {"url": page, "event": {"referrer_url": before}, "hit": {"rl": before}})
    assert (found.event_source_url, found.referrer_url) == (page, before)
    assert found.click_ids == {"gclid": "Cj0KCQ_x1"}


@pytest.mark.parametrize("door", [*EVENTS, *SHOPS, "own"])
def test_kept_click_ids_arrive(gateway: Running, door: str) -> None:
    facts = {
        "event": {"click_ids": {"gclid": "Cj0KCQ_x1"}},
        "kept": {"gclid": "Cj0KCQ_x1"},
        "order": {"browser": {"click_ids": {"gclid": "Cj0KCQ_x1"}}},
    }
    assert kept(gateway, door, facts).click_ids == {"gclid": "Cj0KCQ_x1"}


@pytest.mark.parametrize("door", DOORS)
def test_only_a_servers_batch_is_a_test(gateway: Running, door: str) -> None:
    facts = {"request": {"test_event_code": "TEST123"}, "event": {"test_event_code": "TEST123"}}
    expected = "TEST123" if door.startswith("capi") else None
    assert kept(gateway, door, facts).test_event_code == expected


# -- who may speak


@pytest.mark.parametrize("door", DOORS)
def test_the_tier_of_a_door(gateway: Running, door: str) -> None:
    expected = Tier.T0 if door in BROWSERS else Tier.T2 if door.startswith("capi") or door in STREAMS else Tier.T3
    assert kept(gateway, door, {}).tier is expected


def token(order: str) -> str:
    claims = json.dumps({"dataset": DATASET, "exp": NOW_S + 600, "order": order}).encode()
    body = base64.urlsafe_b64encode(claims).rstrip(b"=")
    code = base64.urlsafe_b64encode(hmac.new(SECRET.encode(), body, hashlib.sha256).digest()).rstrip(b"=")
    return f"{body.decode()}.{code.decode()}"


@pytest.mark.parametrize("door", EVENTS)
def test_a_token_lifts_a_browser_and_nobody_else(gateway: Running, door: str) -> None:
    gateway.forget()
    order = str(next(orders))
    assert DOORS[door](gateway, order, {"event": {"token": token(order)}}).status == 200
    assert gateway.new_event().tier is (Tier.T1 if door == "tag" else Tier.T2)


@pytest.mark.parametrize("door", ["tag", "tr_get", "tr_post"])
@pytest.mark.parametrize(
    ("origin", "let_in"), [("https://shop.example", True), ("https://other.example", False), (None, True)]
)
def test_the_origin_is_checked_at_every_browsers_door(
    gateway: Running, door: str, origin: str | None, let_in: bool
) -> None:
    gateway.forget()
    order = str(next(orders))
    headers = {"origin": origin} if origin else {}
    if door == "tag":
        body = json.dumps({"events": [{**event(order, {}), "dataset": LISTED}]})
        gateway.send("POST", "/t/events", body, **headers)
    else:
        DOORS[door](gateway, order, {"hit": {"id": LISTED}, "headers": headers})
    assert len(gateway.new_events()) == let_in
    assert [row["reason"] for row in gateway.new_refused()] == ([] if let_in else ["bad_origin"])


@pytest.mark.parametrize("door", SERVERS)
def test_a_key_or_a_signature_is_checked_at_every_servers_door(gateway: Running, door: str) -> None:
    gateway.forget()
    names = {"shopify": "x_shopify_hmac_sha256", "woocommerce": "x_wc_webhook_signature", "stripe": "stripe_signature",
             "own": "x_twofold_signature"}  # fmt: skip
    if door in names:
        path = f"/webhooks/{door}/" + {"shopify": "demo.myshopify.com", "woocommerce": "woo.example", "stripe": "pay.example",
                                       "own": "own.example"}[door]  # fmt: skip
        reply = gateway.send("POST", path, b'{"id": 1}', **{names[door]: "another"})
    else:
        reply = DOORS[door](gateway, str(next(orders)), {"request": {"access_token": "another"}, "key": "another"})
    assert reply.status == 401
    assert gateway.new_events() == []


def test_every_door_is_in_the_tables() -> None:
    assert set(DOORS) == {*EVENTS, *HITS, *SHOPS, *STREAMS, "own"}
    assert hit("1", {})["id"] == DATASET
