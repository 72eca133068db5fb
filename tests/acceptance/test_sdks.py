"""Meta's official SDKs as clients of a real gateway, with only their base address changed, and delivered onward.

None of these senders was written here. What arrives is judged by the sandbox, which knows nothing of the gateway.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from facebook_business.adobjects.serverside.action_source import ActionSource
from facebook_business.adobjects.serverside.content import Content
from facebook_business.adobjects.serverside.custom_data import CustomData
from facebook_business.adobjects.serverside.event import Event
from facebook_business.adobjects.serverside.event_request import EventRequest
from facebook_business.adobjects.serverside.event_request_async import EventRequestAsync
from facebook_business.adobjects.serverside.user_data import UserData
from facebook_business.api import FacebookAdsApi
from facebook_business.exceptions import FacebookRequestError
from facebook_business.session import FacebookSession
from gateway_process import Gateway, Program, gateway, sandbox_process

NODE_CLIENT = Path(__file__).parents[1] / "clients" / "node"
DATASET, KEY = "1234567890", "key-of-the-shop"
PATIENCE_S = 60
# SHA-256 of john_smith@gmail.com and 16505551212, from Meta's customer information parameters page
EMAIL = "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"
PHONE = "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"
FBP = "fb.1.1790000000000.1234567890"
TOML = """
[[dataset]]
id = "{dataset}"
key = "{key}"
[dataset.hold_s]
Purchase = 0.5
[[destination]]
platform = "meta"
dataset = "{dataset}"
endpoint = "{endpoint}"
token = "token-of-the-platform"
"""


class Way(NamedTuple):
    """A gateway that delivers to a sandbox."""

    gateway: Gateway
    sandbox: Program

    def actions(self, event_id: str, wanted: int = 1) -> list[dict[str, Any]]:
        """What the sandbox counts under an id, once that many are there."""
        return until(lambda: [a for a in self._read("actions") if a["event_id"] == event_id], wanted)

    def delivered(self, event_id: str) -> list[dict[str, Any]]:
        """Every copy the sandbox got under an id."""
        return [e for e in self._read("events") if e["event_id"] == event_id]

    def _read(self, name: str) -> list[dict[str, Any]]:
        return requests.get(f"{self.sandbox.url}/sandbox/{name}", timeout=PATIENCE_S).json()[name]


def until(look: Callable[[], list[dict[str, Any]]], wanted: int) -> list[dict[str, Any]]:
    deadline = time.monotonic() + PATIENCE_S
    while len(found := look()) < wanted:
        assert time.monotonic() < deadline, f"{len(found)} of {wanted} after {PATIENCE_S} s"
        time.sleep(0.05)
    return found


@pytest.fixture(scope="module")
def way(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    with sandbox_process(tokens=("token-of-the-platform",)) as receiver:
        data = tmp_path_factory.mktemp("sdks") / "data"
        with gateway(TOML.format(dataset=DATASET, key=KEY, endpoint=receiver.url), data) as sender:
            yield Way(sender, receiver)
            assert sender.run("verify").returncode == 0


@pytest.fixture
def python_sdk(way: Way, monkeypatch: pytest.MonkeyPatch) -> Iterator[Way]:
    """The Python SDK with its one address changed; its default client is put back afterwards."""
    monkeypatch.setattr(FacebookSession, "GRAPH", way.gateway.url)
    monkeypatch.setattr(FacebookAdsApi, "_default_api", None)
    api = FacebookAdsApi.init(access_token=KEY, crash_log=False)
    yield way
    api._session.requests.close()


def purchase(event_id: str, **changes: Any) -> Event:
    fields: dict[str, Any] = {
        "event_name": "Purchase",
        "event_time": int(time.time()),
        "event_id": event_id,
        "action_source": ActionSource.WEBSITE,
        "event_source_url": "https://shop.example/thanks",
        "user_data": UserData(emails=["John_Smith@gmail.com"], phones=["16505551212"], fbp=FBP, country_code="us"),
        "custom_data": CustomData(
            value=42.5, currency="EUR", order_id=event_id, contents=[Content(product_id="sku1", quantity=2, item_price=21.25)]
        ),
    }  # fmt: skip
    return Event(**(fields | changes))


def check_arrived(way: Way, event_id: str, sender: str) -> None:
    """The purchase is one action at the platform, whole, and the gateway knows who sent it."""
    (action,) = way.actions(event_id)
    assert (action["event_name"], action["value"], action["currency"]) == ("Purchase", "42.5", "EUR")
    (copy,) = way.delivered(event_id)
    user, custom = copy["event"]["user_data"], copy["event"]["custom_data"]
    assert (user["em"], user["ph"], user["fbp"]) == ([EMAIL], [PHONE], FBP)
    assert custom["order_id"] == event_id
    (row,) = way.gateway.rows("events", id=event_id)
    assert (row["sender"], row["channel"], row["tier"], row["verdict"]) == (sender, "server", 2, "first")


def test_the_python_sdk(python_sdk: Way) -> None:
    """The synchronous SDK sends, reads the answer, and the purchase arrives whole."""
    answer = EventRequest(pixel_id=DATASET, events=[purchase("py-1")], partner_agent="hub-1.0").execute()
    assert (answer.events_received, answer.messages) == (1, [])
    assert answer.fbtrace_id.startswith("A")
    check_arrived(python_sdk, "py-1", "sdk-python")
    (copy,) = python_sdk.delivered("py-1")
    assert copy["event"]["custom_data"]["contents"] == [{"id": "sku1", "quantity": 2, "item_price": 21.25}]


def test_the_asynchronous_python_sdk(python_sdk: Way) -> None:
    """It writes the token into the form and the events as objects; the same purchase arrives."""
    answer = asyncio.run(EventRequestAsync(pixel_id=DATASET, events=[purchase("py-2")]).execute())
    assert (answer.events_received, answer.messages) == (1, [])
    check_arrived(python_sdk, "py-2", "sdk-python")


def test_a_hundred_events_in_one_request_of_the_sdk(python_sdk: Way) -> None:
    """A batch arrives event by event, each counted once."""
    ids = [f"batch-{n}" for n in range(100)]
    answer = EventRequest(pixel_id=DATASET, events=[purchase(i) for i in ids]).execute()
    assert answer.events_received == 100
    rows = until(lambda: [a for a in python_sdk._read("actions") if a["event_id"].startswith("batch-")], 100)
    assert sorted(a["event_id"] for a in rows) == sorted(ids)


def test_a_large_cart_from_the_sdk(python_sdk: Way) -> None:
    """The SDK writes each event as a text in a text; a cart of 150 lines arrives all the same."""
    contents = [Content(product_id=f"blue-ceramic-mug-{n}", quantity=1, item_price=1.5) for n in range(150)]
    event = purchase("large", custom_data=CustomData(value=225.0, currency="EUR", contents=contents))
    assert EventRequest(pixel_id=DATASET, events=[event]).execute().events_received == 1
    python_sdk.actions("large")
    assert len(python_sdk.delivered("large")[0]["event"]["custom_data"]["contents"]) == 150


def test_the_python_sdk_reads_our_errors(python_sdk: Way) -> None:
    """Status, code, subcode and type of a refusal reach the caller as they would from Meta."""
    with pytest.raises(FacebookRequestError) as caught:
        EventRequest(pixel_id=DATASET, events=[purchase("old", event_time=int(time.time()) - 8 * 86_400)]).execute()
    error = caught.value
    assert (error.http_status(), error.api_error_code(), error.api_error_subcode()) == (400, 100, 2804003)
    assert (error.api_error_type(), error.api_transient_error()) == ("OAuthException", False)
    (row,) = [r for r in python_sdk.gateway.rows("refused", state="event_too_old") if r["event_id"] == "old"]
    assert (row["index"], row["path"]) == (0, "event_time")


def test_a_wrong_key_reads_as_an_invalid_token(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code 190, on which every client stops instead of trying again."""
    monkeypatch.setattr(FacebookSession, "GRAPH", way.gateway.url)
    monkeypatch.setattr(FacebookAdsApi, "_default_api", None)
    api = FacebookAdsApi.init(access_token="another-key", crash_log=False)
    with pytest.raises(FacebookRequestError) as caught:
        EventRequest(pixel_id=DATASET, events=[purchase("never")]).execute()
    api._session.requests.close()
    assert (caught.value.http_status(), caught.value.api_error_code()) == (401, 190)


def node(way: Way, **given: Any) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        ["node", "send_purchase.js", way.gateway.url, DATASET, KEY, json.dumps(given)],
        cwd=NODE_CLIENT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout.splitlines()[-1])


@pytest.mark.node
def test_the_node_sdk(way: Way) -> None:
    """With its nulls, and its token in the query and again in the body."""
    given = {"email": "John_Smith@gmail.com", "phone": "16505551212", "fbp": FBP, "value": 42.5, "currency": "EUR"}
    status, answer = node(way, event_id="node-1", order_id="node-1", **given)
    assert (status, answer.get("_events_received", answer.get("events_received"))) == (0, 1), answer
    check_arrived(way, "node-1", "sdk-nodejs")


@pytest.mark.node
def test_the_node_sdk_reads_our_errors(way: Way) -> None:
    """A refusal reaches its caller, and nothing is kept."""
    status, answer = node(way, event_id="node-old", event_time=1, email="a@b.example", value=1, currency="EUR")
    assert (status, answer["status"]) == (1, 400)
    assert "Invalid parameter" in answer["error"]
    assert way.gateway.rows("events", id="node-old") == []


@pytest.mark.node
def test_two_sdks_and_the_pixel_are_one_action(python_sdk: Way) -> None:
    """Three senders report one purchase: one delivery, with the match keys of all three."""
    # Drawn by the shop's server for the page: by an id that can be counted a browser would prove nothing.
    way, event_id = python_sdk, "3f2b6c1e-9d4a-4a55-8f0e-0c6f1f6f7a12"
    pixel = {
        "id": DATASET, "ev": "Purchase", "eid": event_id, "cd[value]": "42.5", "cd[currency]": "EUR", "v": "2.9.178",
        "fbc": "fb.1.1790000000000.IwAR0AbC", "dl": "https://shop.example/thanks", "cd[order_id]": event_id,
    }  # fmt: skip
    requests.get(f"{way.gateway.url}/tr/", params=pixel, headers={"user-agent": "Mozilla/5.0"}, timeout=PATIENCE_S)
    EventRequest(
        pixel_id=DATASET, events=[purchase(event_id, user_data=UserData(emails=["John_Smith@gmail.com"]))]
    ).execute()
    node(way, event_id=event_id, order_id=event_id, phone="16505551212", external_id="c-1", value=42.5, currency="EUR")
    (action,) = way.actions(event_id)
    assert set(action["user_data_keys"]) >= {"em", "fbc", "client_ip_address", "client_user_agent"}
    assert len(way.delivered(event_id)) == 1
    (row,) = way.gateway.rows("actions", id=event_id)
    assert (row["copies"], row["channels"], row["value"]) == (3, ["browser", "server"], "42.5")
    assert set(row["match_keys"]) >= {"em", "ph", "external_id", "fbc", "client_ip_address", "client_user_agent"}
