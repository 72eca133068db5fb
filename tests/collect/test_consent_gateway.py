"""Consent and trust over real sockets: the doors, the browser's own header, and answers from which nothing can be read."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from typing import Any

import pytest
from running_gateway import DATASET, KEY, NOW_S, Running, purchase

from twofold.event.model import Consent, Tier

SECRET = "a-secret-of-the-shop-and-the-gateway"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
)
CONFIGURATION = {
    "dataset": [
        {
            "id": DATASET,
            "key": KEY,
            "country": "US",
            "consent": {"require_in": ["EEA"], "limited_in": ["US-CA"]},
            "trust": {"token_secret": SECRET, "value_caps": {"EUR": 500.0}},
        }
    ]
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    running = Running(tmp_path_factory.mktemp("consent"), CONFIGURATION)
    yield running
    running.close()


def token(**claims: Any) -> str:
    body = base64.urlsafe_b64encode(json.dumps({"dataset": DATASET, "exp": NOW_S + 600, **claims}).encode()).rstrip(
        b"="
    )
    code = base64.urlsafe_b64encode(hmac.new(SECRET.encode(), body, hashlib.sha256).digest()).rstrip(b"=")
    return f"{body.decode()}.{code.decode()}"


def test_an_object_of_consent_is_journalled(gateway):
    gateway.forget()
    gateway.tag(purchase("c-1", consent={"marketing": True, "analytics": False}, region="DE"), user_agent=CHROME)
    event = gateway.new_event()
    assert (event.consent, event.region, event.consent_required) == (Consent.UNSTATED, "DE", True)
    assert (event.granted, event.denied) == (("ad_user_data", "marketing", "personalization"), ("analytics",))


def test_the_browsers_own_signal_is_heard(gateway):
    """Sec-GPC on the request limits the event, whatever the page says."""
    gateway.forget()
    gateway.tag(purchase("c-2", region="US-CO"), user_agent=CHROME, sec_gpc="1")
    event = gateway.new_event()
    assert event.denied == ("personalization", "sale_of_data")
    assert (event.data_processing_options, event.data_processing_options_state) == (("LDU",), 1001)


def test_a_token_of_the_shops_server_lifts_a_browsers_event(gateway):
    gateway.forget()
    gateway.tag(purchase("c-3", token=token(order="c-3")), purchase("c-4", token=token(order="c-3")), user_agent=CHROME)
    assert [e.tier for e in gateway.new_events()] == [Tier.T1, Tier.T0]


def test_robots_are_marked_and_kept(gateway):
    gateway.forget()
    gateway.tag(purchase("c-5"), user_agent="Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)")
    gateway.tag(purchase("c-6"), user_agent=CHROME)
    assert [e.bot for e in gateway.new_events()] == ["crawler", None]


def classes(prefix: str) -> list[dict[str, Any]]:
    """New, duplicate, conflict, over the cap, a robot's, denied, untrusted token: each as its own request."""
    big = {"value": 99_999, "currency": "EUR"}
    return [
        purchase(f"{prefix}-1"),
        purchase(f"{prefix}-1"),
        purchase(f"{prefix}-1", custom_data={"value": 1, "currency": "EUR"}),
        purchase(f"{prefix}-2", custom_data=big),
        purchase(f"{prefix}-3", consent="denied"),
        purchase(f"{prefix}-4", token="forged.token"),
        purchase(f"{prefix}-5", token=token(order="x")),
    ]


def test_a_browser_learns_nothing_from_its_answer(gateway):
    """All kinds of events get the same status, headers and body but for the trace id, which has one length."""
    answers = [gateway.tag(event, user_agent=CHROME) for event in classes("u")]
    answers.append(gateway.tag(purchase("u-6"), user_agent="curl/8.5.0"))
    bodies = {re.sub(rb'"fbtrace_id":"[^"]+"', b"", a.body) for a in answers}
    assert len(bodies) == 1
    assert len({(a.status, len(a.body), tuple(sorted(a.headers.items()))) for a in answers}) == 1


def test_the_pixel_learns_nothing_from_its_image(gateway):
    kinds = [{"eid": "p-1"}, {"eid": "p-1"}, {"eid": "p-1", "cd[value]": "1"}, {"eid": "p-2", "cd[value]": "99999"}]
    answers = [
        gateway.pixel({"user-agent": agent}, ev="Purchase", dl="https://shop.example/", **{"cd[value]": "42", "cd[currency]": "EUR", **k})
        for k in kinds
        for agent in (CHROME, "curl/8.5.0")
    ]  # fmt: skip
    assert len({(a.status, a.body, tuple(sorted(a.headers.items()))) for a in answers}) == 1


def test_a_browser_takes_consent_back(gateway):
    """Always the same bytes, known or not; other sites' pages may ask, as the answer says nothing."""
    bodies = [
        {"dataset": DATASET, "fbp": "fb.1.1790000000000.77", "state": "denied"},
        {"dataset": "9", "fbp": "fb.1.1790000000000.77", "state": "denied"},
        {"dataset": DATASET, "fbp": "fb.1.1790000000000.78", "state": "granted"},
        {},
    ]
    answers = [gateway.send("POST", "/t/consent", json.dumps(b), content_type="text/plain") for b in bodies]
    assert {(a.status, a.body, a.headers["access-control-allow-origin"]) for a in answers} == {
        (200, b'{"heard":true}', "*")
    }


def test_the_shops_server_takes_consent_back(gateway):
    """With the key it is done and says which values could not be used; without, it is refused in the usual shape."""
    body = json.dumps({"state": "denied", "email": "mary@example.com", "phone": "nonsense"})
    path = f"/v1/{DATASET}/consent"
    done = gateway.send("POST", path, body, authorization=f"Bearer {KEY}", content_type="application/json")
    assert (done.status, done.json) == (200, {"state": "denied", "unusable": ["ph"]})
    refused = gateway.send("POST", path, body, content_type="application/json")
    assert (refused.status, refused.error["code"]) == (401, 190)
    assert b"mary" not in refused.body
    assert gateway.send("GET", path).status == 405
