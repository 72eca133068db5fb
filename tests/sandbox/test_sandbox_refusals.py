"""Every refusal of the events endpoint: HTTP status, code, subcode, blamed field, and that nothing was kept."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from running_sandbox import DATASET, EMAIL, NOW_MS, TOKEN, Running, purchase

NOW_S = NOW_MS // 1000
DAY = 86_400
HASH = hashlib.sha256(b"1").hexdigest()
MESSAGING = {"action_source": "business_messaging", "event_source_url": None}


def messaging(channel: str | None, user_data: dict, name: str = "Purchase") -> dict:
    return purchase(**MESSAGING, messaging_channel=channel, user_data=user_data, event_name=name)


# name, one event, subcode, blamed field path (code is 100 and status 400 in every row)
INVALID = [
    ("no event_name", purchase(event_name=None), 9900010, ["event_name"]),
    ("null event_name", {**purchase(), "event_name": None}, 9900010, ["event_name"]),
    ("empty event_name", purchase(event_name=""), 9900011, ["event_name"]),
    ("event_name of 51 characters", purchase(event_name="x" * 51), 9900011, ["event_name"]),
    ("event_name a number", purchase(event_name=7), 9900011, ["event_name"]),
    ("event_id a list", purchase(event_id=["a"]), 9900017, ["event_id"]),
    ("no event_time", purchase(event_time=None), 9900012, ["event_time"]),
    ("event_time a word", purchase(event_time="yesterday"), 9900013, ["event_time"]),
    ("event_time a fraction", purchase(event_time=NOW_S + 0.5), 9900013, ["event_time"]),
    ("event_time negative", purchase(event_time=-1), 9900013, ["event_time"]),
    ("event_time true", purchase(event_time=True), 9900013, ["event_time"]),
    ("event_time in milliseconds", purchase(event_time=NOW_MS), 9900014, ["event_time"]),
    ("7 days and a second old", purchase(event_time=NOW_S - 7 * DAY - 1), 2804003, ["event_time"]),
    (
        "store event 62 days and a second old",
        purchase(action_source="physical_store", event_time=NOW_S - 62 * DAY - 1),
        2804003,
        ["event_time"],
    ),
    ("no action_source", purchase(action_source=None), 9900015, ["action_source"]),
    ("unknown action_source", purchase(action_source="web"), 9900016, ["action_source"]),
    ("action_source of other case", purchase(action_source="Website"), 9900016, ["action_source"]),
    ("no user_data", purchase(user_data=None), 2804050, ["user_data"]),
    ("empty user_data", purchase(user_data={}), 2804050, ["user_data"]),
    ("empty values only", purchase(user_data={"em": [None, ""], "fbp": None}), 2804050, ["user_data"]),
    ("unknown keys only", purchase(user_data={"shoe_size": "44"}), 2804050, ["user_data"]),
    ("user agent only", purchase(user_data={"client_user_agent": "Mozilla"}), 2804050, ["user_data"]),
    (
        "too broad: place, gender and user agent",
        purchase(user_data=dict.fromkeys(("ct", "country", "st", "zp", "ge"), HASH) | {"client_user_agent": "Mozilla"}),
        2804050,
        ["user_data"],
    ),
    ("too broad: country", purchase(user_data={"country": HASH}), 2804050, ["user_data"]),
    ("too broad: birthday", purchase(user_data={"db": HASH, "client_user_agent": "M"}), 2804050, ["user_data"]),
    ("too broad: first name and gender", purchase(user_data={"fn": HASH, "ge": HASH}), 2804050, ["user_data"]),
    ("too broad: last name", purchase(user_data={"ln": HASH}), 2804050, ["user_data"]),
    ("user_data a text", purchase(user_data="em"), 9900006, ["user_data"]),
    ("plain e-mail", purchase(user_data={"em": "john_smith@gmail.com"}), 2804016, ["user_data", "em"]),
    ("plain phone among hashes", purchase(user_data={"ph": [HASH, "16505551212"]}), 2804016, ["user_data", "ph"]),
    ("MD5", purchase(user_data={"em": "0" * 32}), 2804016, ["user_data", "em"]),
    ("hash of 63", purchase(user_data={"em": HASH[:63]}), 2804016, ["user_data", "em"]),
    ("hash with a wrong appendix", purchase(user_data={"em": HASH + ".abc"}), 2804016, ["user_data", "em"]),
    ("plain value under an old spelling", purchase(user_data={"email": "a@b.example"}), 2804016, ["user_data", "em"]),
    ("plain initial", purchase(user_data={"em": HASH, "fi": "j"}), 2804016, ["user_data", "fi"]),
    ("lead_id of 14 digits", purchase(user_data={"lead_id": 10**13}), 9900101, ["user_data", "lead_id"]),
    ("no value", purchase(custom_data={"currency": "EUR"}), 2804009, ["custom_data", "value"]),
    ("no custom_data", purchase(custom_data=None), 2804009, ["custom_data", "value"]),
    ("negative value", purchase(custom_data={"value": -1, "currency": "EUR"}), 9900018, ["custom_data", "value"]),
    ("value a word", purchase(custom_data={"value": "12,50", "currency": "EUR"}), 9900018, ["custom_data", "value"]),
    ("value true", purchase(custom_data={"value": True, "currency": "EUR"}), 9900018, ["custom_data", "value"]),
    ("no currency", purchase(custom_data={"value": 1}), 2804010, ["custom_data", "currency"]),
    ("currency a sign", purchase(custom_data={"value": 1, "currency": "€"}), 9900019, ["custom_data", "currency"]),
    ("custom_data a list", purchase(custom_data=["value"]), 9900006, ["custom_data"]),
    (
        "app event without OS version",
        purchase(action_source="app", app_data={"extinfo": ["a2", "", "", "", "", *[""] * 11]}),
        2804043,
        ["app_data", "extinfo"],
    ),
    ("messaging without channel", messaging(None, {"page_id": "1"}), 2804063, ["messaging_channel"]),
    ("messaging with unknown channel", messaging("sms", {"page_id": "1"}), 9900102, ["messaging_channel"]),
    (
        "messaging Lead",
        messaging("messenger", {"page_id": "1", "page_scoped_user_id": "2"}, "Lead"),
        2804066,
        ["event_name"],
    ),
    (
        "messaging with IP",
        messaging("messenger", {"page_id": "1", "page_scoped_user_id": "2", "client_ip_address": "::1"}),
        2804064,
        ["user_data", "client_ip_address"],
    ),
    ("messenger without page", messaging("messenger", {"page_scoped_user_id": "2"}), 9900103, ["user_data", "page_id"]),
    ("whatsapp without click", messaging("whatsapp", {"page_id": "1"}), 9900103, ["user_data", "ctwa_clid"]),
    ("instagram without user", messaging("instagram", {"ig_account_id": "1"}), 2804075, ["user_data", "ig_sid"]),
    ("instagram without account", messaging("instagram", {"ig_sid": "1"}), 2804079, ["user_data", "ig_account_id"]),
    ("AppendValue without its event", purchase(event_name="AppendValue"), 9900104, ["original_event_data"]),
    ("an event that is a number", 7, 9900006, ["data"]),
]


@pytest.mark.parametrize(("event", "subcode", "blame"), [r[1:] for r in INVALID], ids=[r[0] for r in INVALID])
def test_one_invalid_event_refuses_its_batch(sandbox: Running, event: object, subcode: int, blame: list) -> None:
    """400, code 100, the subcode and the blamed field; the valid events around it are not kept either."""
    answer = sandbox.post([purchase(event_id="before"), event, purchase(event_id="after")])

    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["code"], error["error_subcode"]) == (100, subcode)
    assert error["message"] == "Invalid parameter"
    assert error["type"] == "OAuthException"
    assert error["is_transient"] is False
    assert error["error_user_title"]
    assert error["error_user_msg"]
    assert error["fbtrace_id"].startswith("A")
    assert error["error_data"] == {"blame_field_specs": [blame]}
    assert sandbox.read("events") == []
    (entry,) = sandbox.read("refused")
    assert (entry["subcode"], entry["index"], entry["count"]) == (subcode, 1, 3)


TITLES = {
    2804003: "Event Timestamp Too Old",
    2804010: "Missing Currency for Purchase Event",
    2804016: "User Parameter Not Hashed",
    2804063: "Missing Messaging Channel",
    2804064: "Messaging Event Invalid Argument",
    2804066: "Messaging Event Invalid Event Type",
}


@pytest.mark.parametrize(("subcode", "title"), TITLES.items())
def test_known_titles_are_metas(sandbox: Running, subcode: int, title: str) -> None:
    """The titles that public sources quote are given word for word."""
    event = next(row[1] for row in INVALID if row[2] == subcode)

    assert sandbox.post([event]).json()["error"]["error_user_title"] == title


# name, event: each is odd and still accepted by Meta
LENIENT = [
    ("7 days old to the second", purchase(event_time=NOW_S - 7 * DAY)),
    ("store event 62 days old", purchase(action_source="physical_store", event_time=NOW_S - 62 * DAY)),
    ("a clock a minute ahead", purchase(event_time=NOW_S + 60)),
    ("event_time as digits", purchase(event_time=str(NOW_S))),
    ("no user agent, no URL", purchase(event_source_url=None, user_data={"em": EMAIL})),
    ("no event_id", purchase(event_id=None)),
    ("event_id a number", purchase(event_id=1001)),
    ("lower-case currency, value as text", purchase(custom_data={"value": "42.50", "currency": "eur"})),
    ("value 0", purchase(custom_data={"value": 0, "currency": "EUR"})),
    ("a currency that is none", purchase(custom_data={"value": 1, "currency": "ABC"})),
    ("value without currency on another event", purchase(event_name="Lead", custom_data={"value": 1})),
    ("custom event of 50 characters", purchase(event_name="x" * 50)),
    ("upper-case hash", purchase(user_data={"em": EMAIL.upper()})),
    ("hash with a builder's appendix", purchase(user_data={"em": EMAIL + ".AQICAQMC"})),
    ("hash with a legacy appendix", purchase(user_data={"em": EMAIL + ".Ag"})),
    ("IP and user agent", purchase(user_data={"client_ip_address": "::1", "client_user_agent": "M"})),
    ("fbp only", purchase(user_data={"fbp": "fb.1.1596403881668.1116446470"})),
    ("raw external_id", purchase(user_data={"external_id": "User 42"})),
    ("unknown keys", purchase(favourite_colour="red", custom_data={"value": 1, "currency": "EUR", "shipping": 2})),
    ("custom_data an empty list", purchase(event_name="PageView", custom_data=[])),
    ("nulls everywhere", {**purchase(), "opt_out": None, "app_data": None, "referrer_url": None}),
    ("AppendValue without action_source", purchase(event_name="AppendValue", action_source=None,
     original_event_data={"event_name": "Purchase", "event_time": NOW_S, "event_id": "order-1"})),
    ("lead_id of 15 digits", purchase(user_data={"lead_id": 10**14})),
    ("messenger", messaging("messenger", {"page_id": "1", "page_scoped_user_id": "2"})),
    ("whatsapp", messaging("whatsapp", {"whatsapp_business_account_id": "1", "ctwa_clid": "c"})),
    ("instagram", messaging("instagram", {"ig_account_id": "1", "ig_sid": "2"})),
    ("instagram, older spelling", messaging("instagram", {"instagram_business_account_id": "1", "ig_sid": "2"})),
]  # fmt: skip


@pytest.mark.parametrize("event", [r[1] for r in LENIENT], ids=[r[0] for r in LENIENT])
def test_no_stricter_than_meta(sandbox: Running, event: dict) -> None:
    """The event is accepted and kept."""
    answer = sandbox.post([event])

    assert answer.status_code == 200, answer.text
    assert answer.json()["events_received"] == 1
    assert len(sandbox.read("events")) == 1


# name, data as sent, message, subcode
ENVELOPES = [
    ("absent", None, "(#100) The parameter data is required", None),
    ("empty", [], "(#100) param data must be non-empty.", None),
    ("an object", {"event_name": "Purchase"}, "(#100) param data must be an array.", None),
    ("1,001 events", [purchase()] * 1001, "Invalid parameter", 9900003),
    ("text that is no JSON", "[{", "Invalid parameter", 9900001),
    ("list of texts that are no JSON", ["{"], "Invalid parameter", 9900001),
]


@pytest.mark.parametrize(("data", "message", "subcode"), [r[1:] for r in ENVELOPES], ids=[r[0] for r in ENVELOPES])
def test_data_that_is_no_batch(sandbox: Running, data: object, message: str, subcode: int | None) -> None:
    """400, code 100, Meta's message where one is known; nothing is kept."""
    answer = sandbox.post(data)

    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, 100)
    assert error["message"] == message
    assert error.get("error_subcode") == subcode
    assert sandbox.read("events") == []


def test_a_thousand_events_are_accepted(sandbox: Running) -> None:
    """The documented limit itself is inside."""
    answer = sandbox.post([purchase(event_id=str(n)) for n in range(1000)])

    assert answer.json()["events_received"] == 1000
    assert sandbox.counted() == 1000


# name, raw body: none may end in anything but a 400 of Meta's shape
BROKEN = [
    ("not JSON", b"{"),
    ("not UTF-8", b'{"data":"\xff\xfe"}'),
    ("UTF-16", '{"data":[]}'.encode("utf-16")),
    ("NaN", b'{"data":[{"event_time":NaN}]}'),
    ("lone surrogate", b'{"data":[{"event_name":"\\ud800"}]}'),
    ("100,000 deep", b'{"data":' + b"[" * 100_000),
    ("5,000 digits", b'{"data":[{"event_time":' + b"9" * 5000 + b"}]}"),
    ("a list", b"[]"),
]


@pytest.mark.parametrize("body", [r[1] for r in BROKEN], ids=[r[0] for r in BROKEN])
def test_broken_bodies(sandbox: Running, body: bytes) -> None:
    """A body that cannot be read is refused with code 100, never with a crash."""
    answer = sandbox.http.post(
        f"{sandbox.base}/v25.0/{DATASET}/events",
        params={"access_token": TOKEN},
        data=body,
        headers={"content-type": "application/json"},
        timeout=20,
    )

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)
    assert answer.json()["error"]["error_subcode"] == 9900001


@pytest.mark.parametrize("value", ["1e400", "1e999999999", "1e-400", "0.1234567890123456789"])
def test_absurd_numbers_are_no_values(sandbox: Running, value: str) -> None:
    """A value that no currency has is refused, not expanded into memory."""
    body = f'{{"data":[{{"event_name":"Purchase","event_time":{NOW_S},"action_source":"website",' \
        f'"user_data":{{"em":"{EMAIL}"}},"custom_data":{{"value":{value},"currency":"EUR"}}}}]}}'  # fmt: skip
    answer = sandbox.http.post(
        f"{sandbox.base}/{DATASET}/events",
        params={"access_token": TOKEN},
        data=body,
        headers={"content-type": "application/json"},
        timeout=20,
    )

    assert (answer.status_code, answer.json()["error"]["error_subcode"]) == (400, 9900018)


def test_tokens(start_sandbox) -> None:
    """Unknown and missing tokens get 401/190; a known token gets 400/100/33 outside its datasets."""
    sandbox = start_sandbox(tokens={"only-the-first": ("1",), "all-of-them": ()})
    rows = [
        ("only-the-first", "1", 200, None, None),
        ("only-the-first", "2", 400, 100, 33),
        ("all-of-them", "2", 200, None, None),
        ("all-of-them", "not-a-number", 400, 100, 33),
        ("someone-elses", "1", 401, 190, None),
        (None, "1", 401, 190, None),
    ]
    for token, dataset, status, code, subcode in rows:
        answer = sandbox.post([purchase()], dataset=dataset, access_token=token)
        error = answer.json().get("error", {})
        assert (answer.status_code, error.get("code"), error.get("error_subcode")) == (status, code, subcode), token
        if subcode == 33:
            assert error["type"] == "GraphMethodException"
    assert sandbox.counted() == 2


def test_short_token_when_none_are_configured(sandbox: Running) -> None:
    """Without configured tokens, 8 characters are let in and 7 are not."""
    assert sandbox.post([purchase()], access_token="1234567").status_code == 401
    assert sandbox.post([purchase()], access_token="12345678").status_code == 200


def test_token_probe(sandbox: Running) -> None:
    """An empty batch tells a good token (100 about data) from a bad one (190) without keeping anything."""
    assert sandbox.post([]).json()["error"]["code"] == 100
    assert sandbox.post([], access_token="bad").json()["error"]["code"] == 190


def test_appsecret_proof(start_sandbox) -> None:
    """With an app secret only the HMAC-SHA256 of the token under it is let in."""
    sandbox = start_sandbox(app_secret="app-secret")
    proof = hmac.new(b"app-secret", TOKEN.encode(), hashlib.sha256).hexdigest()

    assert sandbox.post([purchase()], appsecret_proof=proof).status_code == 200
    for bad in (None, proof[:-1] + "0", "é"):
        answer = sandbox.post([purchase(event_id="x")], appsecret_proof=bad)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)
    assert sandbox.counted() == 1


# method, path, code, subcode
PATHS = [
    ("GET", f"/v25.0/{DATASET}/events", 100, 33),
    ("DELETE", f"/{DATASET}/events", 100, 33),
    ("POST", f"/25/{DATASET}/events", 2500, None),
    ("POST", "/v25.0/events/of/nothing", 2500, None),
    ("GET", f"/v25.0/{DATASET}/dataset_quality", 2500, None),
]


@pytest.mark.parametrize(("method", "path", "code", "subcode"), PATHS)
def test_paths_and_methods(sandbox: Running, method: str, path: str, code: int, subcode: int | None) -> None:
    """Only POST on the events edge exists; anything else is refused in Graph's shape."""
    answer = sandbox.http.request(method, sandbox.base + path, params={"access_token": TOKEN}, timeout=20)

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error.get("error_subcode")) == (400, code, subcode)


def test_full_sandbox_says_so(start_sandbox) -> None:
    """At its capacity the sandbox answers 503, transient, and keeps no part of the batch."""
    sandbox = start_sandbox(capacity=3)
    assert sandbox.post([purchase(event_id=n) for n in ("1", "2")]).status_code == 200

    answer = sandbox.post([purchase(event_id=n) for n in ("3", "4")])
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, 2)
    assert answer.json()["error"]["is_transient"] is True
    assert sandbox.counted() == 2


def test_refused_contact_data_stays_nowhere(sandbox: Running) -> None:
    """A refused plain e-mail is in no list and in no answer."""
    answer = sandbox.post([purchase(user_data={"em": "john_smith@gmail.com"})])

    assert "john_smith" not in answer.text
    for name in ("refused", "events", "test_events"):
        assert "john_smith" not in sandbox.http.get(f"{sandbox.base}/sandbox/{name}", timeout=20).text
