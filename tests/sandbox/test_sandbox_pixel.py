"""The pixel endpoint: genuine request forms in every transport, and an image whatever comes."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from running_sandbox import DATASET, EMAIL, NOW_MS, Running

# SHA-256 of `us`, from Meta's customer information parameters page
COUNTRY = "79adb2a2fce5c6ba215fe5f27f532d4e7edbac4b6a5e09e1ef3a08084a904621"
# Names, order and odd values as recorded from fbevents.js 2.9.178, for an invented shop.
GENUINE = [
    ("id", DATASET), ("ev", "Purchase"), ("dl", "https://shop.example/thanks?utm_source=fb"),
    ("rl", "https://shop.example/checkout"), ("if", "false"), ("ts", str(NOW_MS - 1500)),
    ("cd[value]", "42.5"), ("cd[currency]", "EUR"), ("cd[content_ids]", '["sku1","sku2"]'),
    ("cd[contents]", '[{"id":"sku1","quantity":2}]'), ("cd[content_type]", "product"), ("sw", "1920"), ("sh", "1080"),
    ("ud[em]", EMAIL), ("udff[em]", EMAIL), ("udff[country]", COUNTRY), ("v", "2.9.178"), ("r", "stable"),
    ("ec", "1"), ("o", "4126"), ("fbc", "fb.1.1789999990000.AbCdEf_gH"), ("fbp", "fb.1.1789999990000.1234567890"),
    ("it", str(NOW_MS - 3000)), ("coo", "false"), ("dpo", "LDU"), ("dpoco", "0"), ("dpost", "0"),
    ("eid", "order-1001"), ("tm", "1"), ("cdl", "API_unavailable"), ("rqm", "GET"),
]  # fmt: skip
EXPECTED = {
    "event_name": "Purchase",
    "event_time": (NOW_MS - 1500) // 1000,
    "event_id": "order-1001",
    "action_source": "website",
    "event_source_url": "https://shop.example/thanks?utm_source=fb",
    "referrer_url": "https://shop.example/checkout",
    "user_data": {
        "em": EMAIL,
        "country": COUNTRY,
        "fbc": "fb.1.1789999990000.AbCdEf_gH",
        "fbp": "fb.1.1789999990000.1234567890",
        "client_ip_address": "127.0.0.1",
        "client_user_agent": "Genuine/1.0",
    },
    "custom_data": {
        "value": "42.5",
        "currency": "EUR",
        "content_ids": ["sku1", "sku2"],
        "contents": [{"id": "sku1", "quantity": 2}],
        "content_type": "product",
    },
    "data_processing_options": ["LDU"],
    "data_processing_options_country": 0,
    "data_processing_options_state": 0,
}
BOUNDARY = "----WebKitFormBoundary"
MULTIPART = "".join(
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in GENUINE
)

# name, method, query, body, content type
TRANSPORTS = [
    ("image", "GET", GENUINE, None, None),
    ("form post", "POST", [], urlencode(GENUINE), "application/x-www-form-urlencoded"),
    ("beacon", "POST", [], f"{MULTIPART}--{BOUNDARY}--\r\n", f"multipart/form-data; boundary={BOUNDARY}"),
    ("beacon with text", "POST", [], urlencode(GENUINE), "text/plain;charset=UTF-8"),
    ("query and body", "POST", GENUINE[:6], urlencode(GENUINE[6:]), "application/x-www-form-urlencoded"),
]


def assert_image(answer) -> None:
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/gif"
    assert "no-store" in answer.headers["cache-control"]
    # A GIF of one by one pixel: width and height are little-endian at byte 6.
    assert answer.content[:10] == b"GIF89a\x01\x00\x01\x00"


@pytest.mark.parametrize("path", ["/tr", "/tr/"])
@pytest.mark.parametrize(
    ("method", "query", "body", "kind"), [row[1:] for row in TRANSPORTS], ids=[row[0] for row in TRANSPORTS]
)
def test_genuine_requests(sandbox: Running, path: str, method: str, query: list, body, kind) -> None:
    """Every transport of the genuine pixel gives the same event, field by field, and the image."""
    headers = {"user-agent": "Genuine/1.0"} | ({"content-type": kind} if kind else {})
    answer = sandbox.http.request(
        method, sandbox.base + path, params=query, data=body, headers=headers, timeout=60, allow_redirects=False
    )

    assert_image(answer)
    (row,) = sandbox.read("events")
    assert (row["source"], row["dataset"], row["value"], row["currency"]) == ("Browser", DATASET, "42.5", "EUR")
    assert row["event"] == EXPECTED


def test_noscript_image(sandbox: Running) -> None:
    """The noscript tag has neither time nor address of the page; it happened when it came."""
    assert_image(sandbox.pixel(ev="PageView", noscript="1"))

    (row,) = sandbox.read("events")
    assert (row["event_name"], row["event_time"], row["event_id"]) == ("PageView", NOW_MS // 1000, None)


def test_two_values_of_one_key_are_a_list(sandbox: Running) -> None:
    """What the site gave and what a form held are both kept when they differ; `cn` is a country."""
    other = EMAIL[::-1]
    sandbox.pixel(ev="Lead", **{"ud[em]": EMAIL, "udff[em]": other, "ud[cn]": COUNTRY})

    (row,) = sandbox.read("events")
    assert row["event"]["user_data"]["em"] == [EMAIL, other]
    assert row["event"]["user_data"]["country"] == COUNTRY


def test_plain_contact_values_are_left_out(sandbox: Running) -> None:
    """An e-mail in the clear is not kept and not shown; the event is, with a diagnostic."""
    sandbox.pixel(ev="Lead", **{"ud[em]": "nino@example.com"})

    (row,) = sandbox.read("events")
    assert row["diagnostics"] == ["s2s_pii_not_hashed"]
    assert "em" not in row["user_data_keys"]
    assert "nino" not in str(row)


# name, custom data, diagnostics: the genuine pixel sends all of these
PURCHASES = [
    ("no value", {"cd[currency]": "EUR"}, ["pixel_missing_value_parameter", "pixel_missing_or_invalid_value"]),
    (
        "negative",
        {"cd[value]": "-1", "cd[currency]": "EUR"},
        ["pixel_invalid_value_parameter", "pixel_missing_or_invalid_value"],
    ),
    (
        "a word",
        {"cd[value]": "free", "cd[currency]": "EUR"},
        ["pixel_invalid_value_parameter", "pixel_missing_or_invalid_value"],
    ),
    ("no currency", {"cd[value]": "1"}, ["pixel_missing_currency_parameter", "pixel_missing_or_invalid_currency"]),
    ("long currency", {"cd[value]": "1", "cd[currency]": "EURO"}, ["pixel_missing_or_invalid_currency"]),
    ("good", {"cd[value]": "1", "cd[currency]": "eur"}, []),
]


@pytest.mark.parametrize(("custom", "diagnostics"), [r[1:] for r in PURCHASES], ids=[r[0] for r in PURCHASES])
def test_a_bad_purchase_counts_with_a_diagnostic(sandbox: Running, custom: dict, diagnostics: list) -> None:
    """The pixel never refuses a Purchase for its money; it only comments."""
    sandbox.pixel(ev="Purchase", **custom, **{"cd[order_id]": "1001"})

    (row,) = sandbox.read("events")
    assert row["diagnostics"] == diagnostics
    assert sandbox.counted() == 1


def test_limited_data_use_is_marked_in_every_transport(sandbox: Running) -> None:
    """`dpo` makes the event's flag, with country and state as numbers, whether it came as image, form or beacon."""
    parameters = {"id": DATASET, "ev": "Lead", "dpo": "LDU", "dpoco": "1", "dpost": "1000"}
    sandbox.http.get(f"{sandbox.base}/tr/", params=parameters, timeout=60)
    sandbox.http.post(f"{sandbox.base}/tr/", data=parameters, timeout=60)
    sandbox.http.post(f"{sandbox.base}/tr/", files={k: (None, v) for k, v in parameters.items()}, timeout=60)
    sandbox.http.get(f"{sandbox.base}/tr", params={**parameters, "dpo": ""}, timeout=60)

    rows = sandbox.read("events")
    assert [row["flags"] for row in rows] == [["LDU"], ["LDU"], ["LDU"], []]
    for row in rows[:3]:
        keys = ("data_processing_options_country", "data_processing_options_state")
        assert [row["event"][key] for key in keys] == [1, 1000]
    assert rows[3]["event"]["data_processing_options"] == []


def test_noscript_image_with_its_documented_parameters(sandbox: Running) -> None:
    """The hand-written image tag may carry custom data, an event id and a hashed e-mail; it folds with the server's."""
    sandbox.pixel(ev="Purchase", noscript="1", eid="n1", **{"cd[value]": "5", "cd[currency]": "EUR", "ud[em]": EMAIL})

    (row,) = sandbox.read("events")
    assert (row["event_id"], row["value"], row["currency"]) == ("n1", "5", "EUR")
    assert row["event"]["user_data"]["em"] == EMAIL


def test_address_behind_a_proxy_on_this_machine(sandbox: Running) -> None:
    """A request from this machine may name the browser's address; the first one counts."""
    headers = {"x-forwarded-for": "2a02:8109::7, 10.0.0.1"}
    sandbox.http.get(f"{sandbox.base}/tr/", params={"id": DATASET, "ev": "Lead"}, headers=headers, timeout=60)

    (row,) = sandbox.read("events")
    assert row["event"]["user_data"]["client_ip_address"] == "2a02:8109::7"


# name, parameters: nothing can be kept, and the page must not notice
HOPELESS = [
    ("no dataset", {"id": "", "ev": "Lead"}),
    ("dataset a word", {"id": "abc", "ev": "Lead"}),
    ("no event name", {"id": DATASET}),
    ("name of 51", {"id": DATASET, "ev": "x" * 51}),
]


@pytest.mark.parametrize("parameters", [r[1] for r in HOPELESS], ids=[r[0] for r in HOPELESS])
def test_never_fails_visibly(sandbox: Running, parameters: dict) -> None:
    """The image comes all the same; the refused list says why nothing was kept."""
    assert_image(sandbox.http.get(f"{sandbox.base}/tr/", params=parameters, timeout=60))

    assert sandbox.read("events") == []
    (entry,) = sandbox.read("refused")
    assert entry["endpoint"] == "tr"


@pytest.mark.parametrize(
    ("kind", "body"),
    [("multipart/form-data", b"x"), ("multipart/form-data; boundary=a", b"--b"), ("text/plain", b"\xff" * 100)],
)
def test_broken_bodies_get_the_image(sandbox: Running, kind: str, body: bytes) -> None:
    """A body that is no form ends in the image as well."""
    assert_image(sandbox.http.post(f"{sandbox.base}/tr/", data=body, headers={"content-type": kind}, timeout=60))
    assert sandbox.read("events") == []
