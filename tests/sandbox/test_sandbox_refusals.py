"""Every refusal of the events endpoint: HTTP status, code, subcode, blamed field, and that nothing was kept."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest
from running_sandbox import DATASET, EMAIL, NOW_MS, TOKEN, Running, purchase

NOW_S = NOW_MS // 1000
DAY = 86_400
HASH = hashlib.sha256(b"1").hexdigest()
ORIGINAL = {"event_name": "Purchase", "event_time": NOW_S - DAY, "order_id": "1001"}
EXTINFO = ["i2", "shop.example", "1.0", "1.0", "17.5", "iPhone15,4", "en_US", "CEST", "", "393", "852", "3", "6", "128", "60", "Europe/Berlin"]  # fmt: skip
ATTRIBUTION = {"ad_id": "1", "touchpoint_ts": NOW_S, "attribution_share": 0.4, "attribution_value": 8}
MESSAGING = {"action_source": "business_messaging", "event_source_url": None}


def app(**app_data: object) -> dict:
    filled = {"advertiser_tracking_enabled": 1, "application_tracking_enabled": 1, "extinfo": EXTINFO} | app_data
    return purchase(action_source="app", app_data={k: v for k, v in filled.items() if v is not None})


def append(**changes: object) -> dict:
    return purchase(event_name="AppendValue", original_event_data={**ORIGINAL, **changes})


def attribute(**changes: object) -> dict:
    data = {k: v for k, v in {**ATTRIBUTION, **changes}.items() if v is not None}
    return purchase(event_name="AppendAttribution", original_event_data=ORIGINAL, attribution_data=data)


def limited(country: object, state: object, ip: str | None = None) -> dict:
    user_data = {"em": EMAIL} | ({"client_ip_address": ip} if ip else {})
    places = {"data_processing_options_country": country, "data_processing_options_state": state}
    return purchase(data_processing_options=["LDU"], user_data=user_data, **places)


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
    (
        "fbc without its click id",
        purchase(user_data={"em": HASH, "fbc": "fb.1.1596403881668"}),
        2804001,
        ["user_data", "fbc"],
    ),
    (
        "fbc with an empty click id",
        purchase(user_data={"em": HASH, "fbc": "fb.1.1596403881668."}),
        2804001,
        ["user_data", "fbc"],
    ),
    (
        "fbc that is the click id alone",
        purchase(user_data={"em": HASH, "fbc": "IwAR0AbC"}),
        2804001,
        ["user_data", "fbc"],
    ),
    (
        "fbc of another prefix",
        purchase(user_data={"em": HASH, "fbc": "ga.1.1596403881668.IwAR0AbC"}),
        2804001,
        ["user_data", "fbc"],
    ),
    ("fbc without its time", purchase(user_data={"em": HASH, "fbc": "fb.1.IwAR0AbC"}), 2804001, ["user_data", "fbc"]),
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
        app(extinfo=["a2", "", "", "", "", *[""] * 11]),
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
    ("app event without app_data", purchase(action_source="app"), 9900020, ["app_data"]),
    ("app event without extinfo", app(extinfo=None), 9900021, ["app_data", "extinfo"]),
    ("extinfo of 15", app(extinfo=EXTINFO[:15]), 9900022, ["app_data", "extinfo"]),
    ("extinfo of 17", app(extinfo=[*EXTINFO, ""]), 9900022, ["app_data", "extinfo"]),
    ("extinfo of another platform", app(extinfo=["w1", *EXTINFO[1:]]), 9900022, ["app_data", "extinfo"]),
    ("extinfo without OS version", app(extinfo=[*EXTINFO[:4], "", *EXTINFO[5:]]), 2804043, ["app_data", "extinfo"]),
    (
        "no advertiser's flag",
        app(advertiser_tracking_enabled=None),
        9900023,
        ["app_data", "advertiser_tracking_enabled"],
    ),
    ("flag 2", app(application_tracking_enabled=2), 9900023, ["app_data", "application_tracking_enabled"]),
    ("AppendValue of no name", append(event_name=None), 9900104, ["original_event_data", "event_name"]),
    ("AppendValue of no time", append(event_time="x"), 9900104, ["original_event_data", "event_time"]),
    ("AppendValue of no order", append(order_id=None), 9900104, ["original_event_data", "order_id"]),
    ("attribution without ad", attribute(ad_id=None), 9900105, ["attribution_data", "ad_id"]),
    (
        "attribution share above 1",
        attribute(attribution_share=1.01),
        9900105,
        ["attribution_data", "attribution_share"],
    ),
    ("LDU without any place", limited(None, None), 2804030, ["data_processing_options_country"]),
    ("LDU with country only", limited(1, None, "::1"), 2804030, ["data_processing_options_state"]),
    ("LDU with a country in words", limited("USA", 0), 9900006, ["data_processing_options_country"]),
    ("options a text", purchase(data_processing_options="LDU"), 9900006, ["data_processing_options"]),
    ("opt_out a word", purchase(opt_out="maybe"), 9900006, ["opt_out"]),
    (
        "messaging with fbp",
        messaging("messenger", {"page_id": "1", "page_scoped_user_id": "2", "fbp": "fb.1.1596403881668.1"}),
        2804064,
        ["user_data", "fbp"],
    ),
    (
        "messaging with an address of a page",
        {
            **messaging("messenger", {"page_id": "1", "page_scoped_user_id": "2"}),
            "event_source_url": "https://a.example",
        },
        2804064,
        ["event_source_url"],
    ),
    (
        "a click id that is none",
        messaging("whatsapp", {"page_id": "1", "ctwa_clid": "not a click"}),
        2804087,
        ["user_data", "ctwa_clid"],
    ),
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
    2804001: "Click ID Incorrectly Formatted",
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
    ("AppendValue", append()),
    ("AppendAttribution", attribute()),
    ("attribution share 0 and 1", attribute(attribution_share="1")),
    ("app event", app()),
    ("app event with flags as texts", app(advertiser_tracking_enabled="0", application_tracking_enabled=None)),
    ("app event with extinfo as text", app(extinfo=json.dumps(EXTINFO))),
    ("LDU to be located", limited(0, 0, "2a02:8109::7")),
    ("LDU with the address alone", limited(None, None, "2a02:8109::7")),
    ("LDU of California", limited(1, 1000)),
    ("no limited use", purchase(data_processing_options=[])),
    ("the undescribed option AMO", purchase(data_processing_options=["AMO"], advanced_measurement_table="t")),
    ("opt_out", purchase(opt_out=True)),
    ("segmentation on the event", purchase(customer_segmentation="new_customer_to_business")),
    ("segmentation in custom_data",
     purchase(custom_data={"value": 1, "currency": "EUR", "customer_segmentation": "existing_customer_to_medium"})),
    ("a stage of a lead", purchase(event_name="Opportunity won", action_source="system_generated",
     user_data={"lead_id": 123456789012345}, custom_data={"event_source": "crm", "lead_event_source": "HubSpot"})),
    ("store event with its store", purchase(action_source="physical_store", event_source_url=None,
     custom_data={"value": 1, "currency": "EUR", "order_id": "1", "item_number": "2", "store_data": {"store_code": "7"}})),
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
        timeout=60,
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
        timeout=60,
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


# scopes of the token, status of sending, status of reading the quality
SCOPES = [
    (None, 200, 200),  # no scopes configured
    (("read_ads_dataset_quality",), 200, 200),  # what an Events Manager token has
    (("ads_management",), 200, 200),
    (("ads_read",), 400, 400),
    ((), 400, 400),
]


@pytest.mark.parametrize(("scopes", "sending", "reading"), SCOPES)
def test_scopes(start_sandbox, scopes: tuple | None, sending: int, reading: int) -> None:
    """A token without a fitting scope gets "(#100) Missing Permission", and nothing is kept."""
    sandbox = start_sandbox(tokens={TOKEN: ()}, scopes={} if scopes is None else {TOKEN: scopes})

    sent = sandbox.post([purchase()])
    read = sandbox.http.get(
        f"{sandbox.base}/v25.0/dataset_quality", params={"dataset_id": DATASET, "access_token": TOKEN}, timeout=60
    )
    assert (sent.status_code, read.status_code) == (sending, reading)
    if sending == 400:
        assert sent.json()["error"]["message"] == "(#100) Missing Permission"
        assert sandbox.read("events") == []


# version in the path, warned, version in the answer
VERSIONS = [
    ("v16.0", True, "v22.0"),
    ("v21.0", True, "v22.0"),
    ("v22.0", False, "v22.0"),
    ("v26.0", False, "v26.0"),
    ("v99.0", False, "v99.0"),
]


@pytest.mark.parametrize(("version", "warned", "answered"), VERSIONS)
def test_old_versions_are_upgraded_with_a_warning(sandbox: Running, version: str, warned: bool, answered: str) -> None:
    """Any version is accepted; one older than the oldest supported is answered as that, with the documented header."""
    answer = sandbox.http.post(
        f"{sandbox.base}/{version}/{DATASET}/events", json={"data": [purchase()], "access_token": TOKEN}, timeout=60
    )

    assert answer.status_code == 200
    assert ("X-Ad-Api-Version-Warning" in answer.headers) is warned
    assert answer.headers["facebook-api-version"] == answered


def test_rate_header_and_throttling(sandbox: Running) -> None:
    """Every answer tells the use in percent; once throttling is set, it ends in code 80004 and in time begins again."""
    usage = json.loads(sandbox.post([purchase()]).headers["X-Business-Use-Case-Usage"])[DATASET][0]
    assert (usage["call_count"], usage["estimated_time_to_regain_access"]) == (1, 0)  # 3 of 9,000 rounded up
    options = {"throttle": True, "max_score": 6, "decay_s": 300, "block_s": 300}
    assert sandbox.http.post(f"{sandbox.base}/sandbox/rates", json=options, timeout=60).status_code == 200

    assert [sandbox.post([purchase(event_id=n)]).status_code for n in ("b", "c", "d")] == [200, 200, 400]
    answer = sandbox.post([purchase(event_id="e")])
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 80004)
    assert answer.json()["error"]["is_transient"] is True
    usage = json.loads(answer.headers["X-Business-Use-Case-Usage"])[DATASET][0]
    assert (usage["call_count"], usage["estimated_time_to_regain_access"]) == (100, 5)
    assert sandbox.counted() == 3
    sandbox.now += 300_000
    assert sandbox.post([purchase(event_id="f", event_time=sandbox.now // 1000)]).status_code == 200


def test_a_block_lasts_its_time(sandbox: Running) -> None:
    """After the score has long decayed the token stays blocked for `block_s`, and not a moment longer."""
    options = {"throttle": True, "max_score": 3, "decay_s": 1, "block_s": 60}
    sandbox.http.post(f"{sandbox.base}/sandbox/rates", json=options, timeout=60)
    assert [sandbox.post([purchase(event_id=n)]).status_code for n in "ab"] == [200, 400]

    sandbox.now += 59_999
    assert sandbox.post([purchase(event_id="c")]).status_code == 400
    sandbox.now += 1_001
    assert sandbox.post([purchase(event_id="d")]).status_code == 200


@pytest.mark.parametrize(("code", "subcode", "status"), [(4, None, 400), (17, 2446079, 400), (613, 1487742, 429)])
def test_throttling_codes_are_settable(sandbox: Running, code: int, subcode: int | None, status: int) -> None:
    """The throttled answer carries the code, subcode and status that were asked for."""
    options = {"throttle": True, "max_score": 1, "code": code, "subcode": subcode, "status": status}
    sandbox.http.post(f"{sandbox.base}/sandbox/rates", json=options, timeout=60)

    answer = sandbox.post([purchase()])
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error.get("error_subcode")) == (status, code, subcode)
    assert sandbox.read("events") == []


def test_links_of_pages_and_accounts(sandbox: Running) -> None:
    """Registered clicks and links are held against events: another page's click 2804072, no link 2804133."""
    linked = sandbox.http.post(f"{sandbox.base}/v25.0/555/dataset", json={"access_token": TOKEN}, timeout=60)
    assert linked.status_code == 200
    again = sandbox.http.post(f"{sandbox.base}/555/dataset", params={"access_token": TOKEN}, timeout=60)
    dataset = again.json()["id"]
    assert dataset == linked.json()["id"]
    links = {"assets": {"555": dataset}, "clicks": {"click-1": "77"}}
    assert sandbox.http.post(f"{sandbox.base}/sandbox/links", json=links, timeout=60).status_code == 200

    def subcode(user_data: dict, channel: str, to: str = dataset) -> int | None:
        return sandbox.post([messaging(channel, user_data)], dataset=to).json().get("error", {}).get("error_subcode")

    assert subcode({"ig_account_id": "555", "ig_sid": "1"}, "instagram") is None
    assert subcode({"ig_account_id": "555", "ig_sid": "1"}, "instagram", DATASET) == 2804133
    assert subcode({"ig_account_id": "556", "ig_sid": "1"}, "instagram") == 2804133
    assert subcode({"page_id": "77", "ctwa_clid": "click-1"}, "whatsapp") is None
    assert subcode({"page_id": "78", "ctwa_clid": "click-1"}, "whatsapp") == 2804072
    assert subcode({"page_id": "77", "ctwa_clid": "click-2"}, "whatsapp") == 2804087


@pytest.mark.parametrize("token", [12345678901, True, ["x"] * 9, {"a": 1}])
def test_a_token_that_is_no_text_links_nothing(sandbox: Running, token: object) -> None:
    """JSON can hold anything where the token belongs: refused as a bad token, and no link is made."""
    url, before = f"{sandbox.base}/v25.0/559/dataset", sandbox.read("links")
    answer = sandbox.http.post(url, json={"access_token": token}, timeout=60)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, 190)
    assert sandbox.read("links") == before


def test_flags_of_server_events(sandbox: Running) -> None:
    """Limited and opted-out events count all the same and are marked."""
    sandbox.post([limited(1, 1000), purchase(event_id="2", opt_out=True), purchase(event_id="3", opt_out=False)])

    assert [row["flags"] for row in sandbox.read("events")] == [["LDU"], ["opt_out"], []]
    assert sandbox.counted() == 3


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
    answer = sandbox.http.request(method, sandbox.base + path, params={"access_token": TOKEN}, timeout=60)

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
        assert "john_smith" not in sandbox.http.get(f"{sandbox.base}/sandbox/{name}", timeout=60).text
