"""The official SDKs and a form post as clients: none of these senders was written here."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import subprocess
from pathlib import Path

import aiohttp
import pytest
from facebook_business.adobjects.serverside.action_source import ActionSource
from facebook_business.adobjects.serverside.app_data import AppData
from facebook_business.adobjects.serverside.custom_data import CustomData
from facebook_business.adobjects.serverside.event import Event
from facebook_business.adobjects.serverside.event_request import EventRequest
from facebook_business.adobjects.serverside.event_request_async import EventRequestAsync
from facebook_business.adobjects.serverside.extended_device_info import ExtendedDeviceInfo
from facebook_business.adobjects.serverside.messaging_channel import MessagingChannel
from facebook_business.adobjects.serverside.original_event_data import OriginalEventData
from facebook_business.adobjects.serverside.user_data import UserData
from facebook_business.api import FacebookAdsApi
from facebook_business.exceptions import FacebookRequestError
from facebook_business.session import FacebookSession
from running_sandbox import DATASET, EMAIL, NOW_MS, TOKEN, Running, purchase

NODE_CLIENT = Path(__file__).parents[1] / "clients" / "node"
# SHA-256 of 16505551212, from Meta's customer information parameters page
PHONE = "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"


def sdk_event(**changes: object) -> Event:
    fields = {
        "event_name": "Purchase",
        "event_time": NOW_MS // 1000,
        "event_id": "order-1001",
        "action_source": ActionSource.WEBSITE,
        "event_source_url": "https://shop.example/thanks",
        "user_data": UserData(email="John_Smith@gmail.com", phone="16505551212", client_user_agent="Mozilla/5.0"),
        "custom_data": CustomData(value=42.5, currency="EUR", order_id="1001"),
    }
    return Event(**(fields | changes))


@pytest.fixture
def graph(monkeypatch: pytest.MonkeyPatch, sandbox: Running) -> Running:
    """The Python SDK pointed at the sandbox; its default client is put back afterwards."""
    monkeypatch.setattr(FacebookSession, "GRAPH", sandbox.base)
    monkeypatch.setattr(FacebookAdsApi, "_default_api", None)
    api = FacebookAdsApi.init(access_token=TOKEN, crash_log=False)
    yield sandbox
    api._session.requests.close()


def check_the_purchase(sandbox: Running) -> dict:
    (row,) = sandbox.read("events")
    assert (row["event_name"], row["event_id"], row["value"], row["currency"]) == (
        "Purchase",
        "order-1001",
        "42.5",
        "EUR",
    )
    assert row["source"] == "Server"
    assert row["event"]["user_data"]["em"] == [EMAIL]
    assert row["event"]["user_data"]["ph"] == [PHONE]
    return row


def test_python_sdk(graph: Running) -> None:
    """The synchronous SDK sends a purchase, reads the answer, and the event is whole."""
    answer = EventRequest(
        pixel_id=DATASET, events=[sdk_event()], test_event_code="TEST12345", partner_agent="hub-1"
    ).execute()

    assert (answer.events_received, answer.messages) == (1, [])
    row = check_the_purchase(graph)
    assert (row["test_event_code"], row["partner_agent"]) == ("TEST12345", "hub-1")


def test_python_sdk_reads_our_errors(graph: Running) -> None:
    """Status, code, subcode and type reach the caller of the SDK."""
    request = EventRequest(pixel_id=DATASET, events=[sdk_event(event_time=NOW_MS // 1000 - 8 * 86_400)])

    with pytest.raises(FacebookRequestError) as caught:
        request.execute()
    error = caught.value
    assert (error.http_status(), error.api_error_code(), error.api_error_subcode()) == (400, 100, 2804003)
    assert error.api_error_type() == "OAuthException"
    assert graph.read("events") == []


def test_python_sdk_with_app_secret(monkeypatch: pytest.MonkeyPatch, start_sandbox) -> None:
    """The SDK's own appsecret_proof is accepted by a sandbox that demands one."""
    sandbox = start_sandbox(app_secret="app-secret")
    monkeypatch.setattr(FacebookSession, "GRAPH", sandbox.base)
    monkeypatch.setattr(FacebookAdsApi, "_default_api", None)
    api = FacebookAdsApi.init(app_id="1", app_secret="app-secret", access_token=TOKEN, crash_log=False)
    try:
        answer = EventRequest(pixel_id=DATASET, events=[sdk_event()]).execute()
    finally:
        api._session.requests.close()

    assert answer.events_received == 1


def test_python_sdk_async(graph: Running) -> None:
    """The asynchronous SDK, which puts the token into the form, sends the same purchase."""
    request = EventRequestAsync(pixel_id=DATASET, events=[sdk_event()])

    answer = asyncio.run(request.execute())

    assert answer.events_received == 1
    check_the_purchase(graph)


DEVICE = ExtendedDeviceInfo(
    ext_info_version="i2", app_package_name="shop.example", short_version="1.0", long_version="1.0", os_version="17.5",
    device_model_name="iPhone15,4", locale="en_US", timezone_abbreviation="CEST", carrier="", screen_width="393",
    screen_height="852", screen_density="3", cpu_core_count="6", total_disk_space_gb="128", free_disk_space_gb="60",
    device_time_zone="Europe/Berlin",
)  # fmt: skip
CHAT = UserData(page_id="1", ctwa_clid="click")

# name, what differs from a website's purchase, what must be kept of it
KINDS = [
    (
        "app",
        {"action_source": ActionSource.APP, "app_data": AppData(
            advertiser_tracking_enabled=True, application_tracking_enabled=True, extinfo=DEVICE)},
        ("app_data", "advertiser_tracking_enabled", True),
    ),
    (
        "limited data use",
        {"data_processing_options": ["LDU"], "data_processing_options_country": 1, "data_processing_options_state": 1000},
        ("data_processing_options", 0, "LDU"),
    ),
    ("store", {"action_source": ActionSource.PHYSICAL_STORE}, ("custom_data", "order_id", "1001")),
    (
        "lead",
        {"action_source": ActionSource.SYSTEM_GENERATED, "event_name": "Won", "user_data": UserData(lead_id="123456789012345"),
         "custom_data": CustomData(custom_properties={"event_source": "crm", "lead_event_source": "HubSpot"})},
        ("custom_data", "event_source", "crm"),
    ),
    (
        "delayed value",
        {"event_name": "AppendValue", "original_event_data": OriginalEventData(
            event_name="Purchase", event_time=NOW_MS // 1000 - 60, order_id="1001")},
        ("original_event_data", "order_id", "1001"),
    ),
    (
        "messaging",
        {"action_source": ActionSource.BUSINESS_MESSAGING, "messaging_channel": MessagingChannel.WHATSAPP, "event_source_url": None,
         "user_data": CHAT},
        ("user_data", "ctwa_clid", "click"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "kept"), [row[1:] for row in KINDS], ids=[row[0] for row in KINDS])
def test_python_sdk_sends_every_kind_of_event(graph: Running, changes: dict, kept: tuple) -> None:
    """App, limited, store, lead, delayed and messaging events, as the official SDK writes them, are accepted whole."""
    answer = EventRequest(pixel_id=DATASET, events=[sdk_event(**changes)]).execute()

    assert answer.events_received == 1
    (row,) = graph.read("events")
    part, key, value = kept
    assert row["event"][part][key] == value


def run_node(sandbox: Running, script: str = "send_purchase.js", **given: object) -> tuple[int, dict]:
    done = subprocess.run(
        ["node", script, sandbox.base, DATASET, TOKEN, json.dumps(given)],
        cwd=NODE_CLIENT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout.splitlines()[-1])


PURCHASE = {
    "event_id": "order-1001",
    "event_time": NOW_MS // 1000,
    "email": "John_Smith@gmail.com",
    "phone": "16505551212",
    "value": 42.5,
    "currency": "EUR",
    "order_id": "1001",
}


@pytest.mark.node
def test_node_sdk(sandbox: Running) -> None:
    """The Node SDK, with its nulls and its token twice, sends the same purchase."""
    status, answer = run_node(sandbox, **PURCHASE, test_event_code="TEST12345", partner_agent="hub-1")

    assert (status, answer.get("_events_received", answer.get("events_received"))) == (0, 1), answer
    row = check_the_purchase(sandbox)
    assert (row["test_event_code"], row["partner_agent"]) == ("TEST12345", "hub-1")


@pytest.mark.node
def test_node_sdk_reads_our_errors(sandbox: Running) -> None:
    """A refusal reaches the caller of the SDK, and nothing is kept."""
    status, answer = run_node(sandbox, **PURCHASE | {"event_time": NOW_MS // 1000 - 8 * 86_400})

    assert status == 1
    assert "Invalid parameter" in answer["error"]
    assert sandbox.read("events") == []


EXTINFO = [
    "i2", "shop.example", "1.0", "1.0", "17.5", "iPhone15,4", "en_US", "CEST", "", "393", "852", "3", "6", "128", "60",
    "Europe/Berlin",
]  # fmt: skip
APP = {"action_source": "app", "email": "John_Smith@gmail.com", "extinfo": EXTINFO}
CHATTING = {
    "action_source": "business_messaging",
    "messaging_channel": "whatsapp",
    "page_id": "1",
    "ctwa_clid": "click",
}

# what the Node SDK is given, what is kept of it, or the refusal's subcode
NODE_KINDS = [
    ("app", APP, ("app_data", "extinfo", {str(slot): text for slot, text in enumerate(EXTINFO)}), None),
    ("app without OS version", APP | {"extinfo": [*EXTINFO[:4], "", *EXTINFO[5:]]}, None, 2804043),
    ("chat", CHATTING, ("user_data", "ctwa_clid", "click"), None),
    ("chat with an address", CHATTING | {"ip": "2001:db8::1"}, None, 2804064),
]


@pytest.mark.node
@pytest.mark.parametrize(("given", "kept", "subcode"), [row[1:] for row in NODE_KINDS], ids=[r[0] for r in NODE_KINDS])
def test_node_sdk_sends_app_and_chat_events(
    sandbox: Running, given: dict, kept: tuple | None, subcode: int | None
) -> None:
    """App and messaging events of the Node SDK are accepted whole, or refused with Meta's subcode and not kept."""
    status, answer = run_node(sandbox, "send_kind.js", event_time=NOW_MS // 1000, **given)

    if kept is None:
        assert (status, sandbox.read("events")) == (1, []), answer
        (entry,) = sandbox.read("refused")
        assert entry["subcode"] == subcode
    else:
        (row,) = sandbox.read("events")
        part, key, value = kept
        assert (status, row["event"][part][key]) == (0, value), answer


def test_curl_form_post(sandbox: Running) -> None:
    """The documentation's `curl -F` request, as multipart with its own boundary, by another client."""

    async def send() -> dict:
        form = aiohttp.FormData(default_to_multipart=True)
        form.add_field("data", json.dumps([purchase()]))
        form.add_field("access_token", TOKEN)
        form.add_field("test_event_code", "TEST12345")
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{sandbox.base}/v25.0/{DATASET}/events", data=form) as answer,
        ):
            assert answer.status == 200
            return await answer.json()

    assert asyncio.run(send())["events_received"] == 1
    (row,) = sandbox.read("events")
    assert (row["event"], row["test_event_code"]) == (purchase(), "TEST12345")


def test_sdk_and_pixel_make_one_action(graph: Running) -> None:
    """The SDK's copy and the pixel's copy of one purchase are one action, the browser's."""
    EventRequest(pixel_id=DATASET, events=[sdk_event()]).execute()
    graph.pixel(ev="Purchase", eid="order-1001", **{"cd[value]": "42.5", "cd[currency]": "EUR"})

    (action,) = graph.read("actions")
    assert (action["source"], action["copies"], action["value"]) == ("Browser", 2, "42.5")


def test_proof_formula_is_metas() -> None:
    """The proof the SDK computes is the hex HMAC-SHA256 that the refusal tests use."""
    session = FacebookSession(app_secret="app-secret", access_token=TOKEN)

    assert session.appsecret_proof == hmac.new(b"app-secret", TOKEN.encode(), hashlib.sha256).hexdigest()
    session.requests.close()
