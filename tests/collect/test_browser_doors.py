"""What browsers reach: the tag's endpoint and /tr, from another origin, through proxies, in every transport of the
genuine pixel (fbevents.js 2.9.178 and Meta's image tag page)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest
from running_gateway import CONFIGURATION, DATASET, EMAIL, EVENTS, LISTED, NOW_MS, NOW_S, Running

from twofold.event.model import Channel, Consent, Content, Hashed, Tier

GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
AGENT = "Mozilla/5.0 (X11; Linux x86_64)"
FBP = "fb.1.1790000000000.1234567890"


def lead(**changes: Any) -> dict[str, Any]:
    return {"event_name": "Lead", "event_time": NOW_S, "event_id": "lead-1"} | changes


# -- /tr

HIT = {
    "id": DATASET,
    "ev": "Purchase",
    "dl": "https://shop.example/thanks?utm_source=x",
    "rl": "https://shop.example/checkout",
    "if": "false",
    "ts": str(NOW_MS - 5000),
    "cd[value]": "42.50",
    "cd[currency]": "EUR",
    "cd[contents]": '[{"id":"sku1","quantity":2,"item_price":21.25}]',
    "cd[content_type]": "product",
    "cd[order_id]": "1001",
    "cd[coupon]": "SPRING",
    "sw": "1920",
    "sh": "1080",
    "ud[em]": EMAIL,
    "v": "2.9.178",
    "r": "stable",
    "a": "plshopify1.2",
    "ec": "1",
    "o": "4126",
    "fbp": FBP,
    "it": str(NOW_MS),
    "coo": "false",
    "eid": "order-1001",
    "rqm": "GET",
}


def multipart(fields: dict[str, str]) -> bytes:
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode() for k, v in fields.items()
    ]
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


TRANSPORTS: list[tuple[str, Callable[[Running], Any]]] = [
    ("an image", lambda g: g.send("GET", "/tr/?" + urlencode(HIT), user_agent=AGENT)),
    ("an image on the tag's path", lambda g: g.send("GET", "/t/image?" + urlencode(HIT), user_agent=AGENT)),
    ("an image without the last slash", lambda g: g.send("GET", "/tr?" + urlencode(HIT), user_agent=AGENT)),
    ("brackets that are not encoded", lambda g: g.send("GET", "/tr/?" + urlencode(HIT, safe="[]"), user_agent=AGENT)),
    ("sendBeacon, multipart", lambda g: g.send("POST", "/tr/", multipart(HIT), user_agent=AGENT, content_type=f"multipart/form-data; boundary={BOUNDARY}")),
    ("a form in a hidden frame", lambda g: g.send("POST", "/tr/", urlencode(HIT), user_agent=AGENT, content_type="application/x-www-form-urlencoded")),
    ("a form split between address and body", lambda g: g.send("POST", f"/tr/?id={DATASET}&ev=Other", urlencode({k: v for k, v in HIT.items() if k != "id"}), user_agent=AGENT, content_type="application/x-www-form-urlencoded")),
]  # fmt: skip


@pytest.mark.parametrize(("claim", "send"), TRANSPORTS, ids=[t[0] for t in TRANSPORTS])
def test_the_genuine_pixels_transports(claim: str, send: Callable[[Running], Any], gateway: Running) -> None:
    """One Purchase with all its parts, in each of the pixel's ways; the answer is the image that nobody keeps."""
    reply = send(gateway)
    assert (reply.status, reply.body) == (200, GIF)
    assert reply.headers["content-type"] == "image/gif"
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["x-content-type-options"] == "nosniff"
    event = gateway.new_event()
    assert (event.event_name, event.event_id, event.event_time) == ("Purchase", "order-1001", NOW_S - 5)
    assert (event.channel, event.tier, event.sender) == (Channel.BROWSER, Tier.T0, "fbevents:plshopify1.2")
    assert event.event_source_url == "https://shop.example/thanks?utm_source=x"
    assert event.referrer_url == "https://shop.example/checkout"
    data, user = event.custom_data, event.user_data
    assert (data.value, data.currency, data.order_id) == (Decimal("42.50"), "EUR", "1001")
    assert data.contents == (Content(id="sku1", quantity=2, item_price=Decimal("21.25")),)
    assert data.other == {"coupon": "SPRING"}
    assert (user.em, user.fbp) == ((Hashed("sent", EMAIL),), FBP)
    assert (user.client_ip_address, user.client_user_agent) == ("127.0.0.1", AGENT)


def test_the_noscript_image(gateway: Running) -> None:
    """`/tr?id=…&ev=PageView&noscript=1`: no id, no time; both are made, and the copy claims no other's action."""
    gateway.pixel(ev="PageView", noscript="1")
    event = gateway.new_event()
    assert (event.event_name, event.sender, event.event_time) == ("PageView", "image", NOW_S)
    assert event.id_given is False


def test_an_image_tag_with_plain_contact_data(gateway: Running) -> None:
    """Documented image tags hash; one that does not is hashed here, before anything is kept."""
    gateway.pixel(**{"ev": "Lead", "ud[em]": " John_Smith@Gmail.com ", "ud[cn]": "us", "udff[ph]": "+1 (650) 555-1212"})
    user = gateway.new_event().user_data
    assert user.em == (Hashed("meta", EMAIL),)
    # SHA-256 of 16505551212, from Meta's customer information parameters page; of "us" with sha256sum
    assert [h.hex for h in user.ph] == ["e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"]
    assert [h.hex for h in user.country] == ["79adb2a2fce5c6ba215fe5f27f532d4e7edbac4b6a5e09e1ef3a08084a904621"]


def test_manual_matching_wins_over_automatic(gateway: Running) -> None:
    """What the page declared beats what the pixel read from a form field of the same name."""
    gateway.pixel(**{"ev": "Lead", "udff[em]": "0" * 64, "ud[em]": EMAIL})
    assert [h.hex for h in gateway.new_event().user_data.em] == [EMAIL]


def test_limited_data_use_of_the_pixel(gateway: Running) -> None:
    """dpo, dpoco and dpost arrive as Meta's server fields."""
    gateway.pixel(ev="Lead", dpo="LDU", dpoco="1", dpost="1000")
    event = gateway.new_event()
    assert event.data_processing_options == ("LDU",)
    assert (event.data_processing_options_country, event.data_processing_options_state) == (1, 1000)


def test_a_hit_that_nobody_can_use_is_a_row(gateway: Running) -> None:
    """The page gets its image; the operator gets the reason."""
    gateway.pixel(ev="Purchase", eid="no-money")
    gateway.send("GET", "/tr/?id=999&ev=PageView")
    rows = gateway.new_refused()
    assert [(r["entry"], r["reason"]) for r in rows] == [("tr", "missing_value"), ("tr", "unknown_dataset")]


def test_head_of_the_image(gateway: Running) -> None:
    """Some blockers and proxies ask with HEAD first; it gets the headers only."""
    with gateway.raw() as raw:
        raw.write(f"HEAD /tr?id={DATASET}&ev=PageView HTTP/1.1\r\nHost: g\r\n\r\n".encode() * 2)
        for _ in range(2):
            reply = raw.read(head=True)
            assert (reply.status, reply.headers["content-length"]) == (200, str(len(GIF)))


# -- the tag's endpoint


@pytest.mark.parametrize(
    "kind", ["text/plain;charset=UTF-8", "application/json", "", "application/x-www-form-urlencoded"]
)
def test_the_tags_events_whatever_the_label(kind: str, gateway: Running) -> None:
    """sendBeacon sends text/plain and needs no preflight; the body is JSON all the same."""
    event = lead(user_data={"em": EMAIL}, consent="granted", event_source_url="https://shop.example/#top")
    reply = gateway.tag(event, content_type=kind, user_agent=AGENT)
    assert (reply.status, reply.json["events_received"]) == (200, 1)
    assert reply.headers["access-control-allow-origin"] == "*"
    kept = gateway.new_event()
    assert (kept.sender, kept.channel, kept.tier) == ("tag", Channel.BROWSER, Tier.T0)
    assert (kept.action_source, kept.event_source_url) == ("website", "https://shop.example/")
    assert (kept.consent, kept.user_data.client_user_agent) == (Consent.GRANTED, AGENT)


def test_events_of_one_page_for_two_datasets(gateway: Running) -> None:
    """Each event names its dataset; a wrong one refuses itself only."""
    events = [lead(dataset=DATASET), lead(dataset=LISTED), lead(dataset="999"), lead(dataset=None)]
    reply = gateway.tag(*events)
    assert reply.json["events_received"] == 2
    assert [m.partition(":")[0] for m in reply.json["messages"]] == ["data[2].dataset", "data[3].dataset"]
    assert [e.dataset for e in gateway.new_events()] == [DATASET, LISTED]


WRONG = [b"", b"{}", b"[]", b'{"events":[]}', b'{"events":{}}', b'{"events":"x"}', b'{"events":[5]}', b"\xff"]


@pytest.mark.parametrize("body", WRONG)
def test_what_no_tag_sends(body: bytes, gateway: Running) -> None:
    """400 with a reason that scripts of the page may read, and a row."""
    reply = gateway.send("POST", "/t/events", body)
    assert reply.status == 400
    assert reply.headers["access-control-allow-origin"] == "*"
    assert len(gateway.new_refused()) == 1


@pytest.mark.parametrize("path", ["/metrics-free/a/", "x", "/"])
def test_another_path_for_the_tag(path: str, start_gateway: Callable[..., Running]) -> None:
    """`path` moves script and endpoint together, and the old place is gone."""
    moved = start_gateway(tag_path=path)
    place = "/" + path.strip("/") + ("/" if path.strip("/") else "")
    body = json.dumps({"events": [lead(dataset=DATASET)]})
    assert moved.send("POST", f"{place}events", body).status == 200
    assert moved.send("GET", f"{place}twofold.js").status == 200
    # /t/events now reads as the events of a dataset "t", which nobody configured
    assert moved.send("POST", "/t/events", body).status == 400


# -- whose browser


FORWARDED: list[tuple[int, str, str | None]] = [
    # proxies, X-Forwarded-For, the shopper's address
    (0, "", "127.0.0.1"),
    (0, "203.0.113.7", "127.0.0.1"),
    (1, "", None),
    (1, "203.0.113.7", "203.0.113.7"),
    (1, "6.6.6.6, 203.0.113.7", "203.0.113.7"),
    (1, "203.0.113.7, ", "203.0.113.7"),
    (1, "2001:db8::5", "2001:db8::5"),
    (1, "unknown", None),
    (1, "john@example.com", None),
    (2, "203.0.113.7, 10.0.0.1", "203.0.113.7"),
    (2, "6.6.6.6, 203.0.113.7, 10.0.0.1", "203.0.113.7"),
    (2, "203.0.113.7", "203.0.113.7"),
]


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Gateways behind 0, 1 and 2 proxies."""
    running = {n: Running(tmp_path_factory.mktemp("proxies") / "data", proxies=n) for n in range(3)}
    yield running
    for gateway in running.values():
        gateway.close()


@pytest.mark.parametrize(("proxies", "header", "address"), FORWARDED)
def test_the_shoppers_address(proxies: int, header: str, address: str | None, behind: dict[int, Running]) -> None:
    """As many hops are believed as there are proxies; what a stranger writes further left is not, nor what is none."""
    gateway = behind[proxies]
    gateway.tag(
        lead(user_data={"client_ip_address": "198.51.100.1"}), **({"x_forwarded_for": header} if header else {})
    )
    gateway.pixel({"x_forwarded_for": header} if header else {}, ev="Lead")
    assert [e.user_data.client_ip_address for e in gateway.new_events()] == [address, address]


CLICKED = "https://shop.example/p?fbclid=IwAR0AbC_x"
COOKIE = "fb.1.1789999999000.IwAR0AbC_x"
CLICKS: list[tuple[str, str, str | None, str | None]] = [
    # claim, page, fbc sent, fbc kept
    ("none", "https://shop.example/p", None, None),
    ("from the page's fbclid, at the event's time", CLICKED, None, f"fb.1.{NOW_MS}.IwAR0AbC_x"),
    ("the cookie's time is the older truth", CLICKED, COOKIE, COOKIE),
    ("with the parameter builder's appendix", CLICKED, f"{COOKIE}.AQYCAQMB", f"{COOKIE}.AQYCAQMB"),
    ("a newer click replaces the cookie's", "https://shop.example/p?fbclid=IwAR9New", COOKIE, f"fb.1.{NOW_MS}.IwAR9New"),
    ("case is kept", "https://shop.example/p?fbclid=iWaR0aBc", COOKIE, f"fb.1.{NOW_MS}.iWaR0aBc"),
    ("a broken cookie, but a click", CLICKED, "IwAR0AbC_x", f"fb.1.{NOW_MS}.IwAR0AbC_x"),
    ("a click id longer than the pixel takes", "https://shop.example/p?fbclid=" + "x" * 501, None, None),
]  # fmt: skip


@pytest.mark.parametrize(("claim", "page", "sent", "kept"), CLICKS, ids=[c[0] for c in CLICKS])
def test_the_click_id(claim: str, page: str, sent: str | None, kept: str | None, gateway: Running) -> None:
    """fbc is the cookie's, or built from the page's fbclid (Meta, "fbp and fbc parameters"); never invented."""
    user = {"fbc": sent} if sent else {}
    gateway.tag(lead(event_source_url=page, user_data=user))
    gateway.pixel(ev="Lead", dl=page, **user)
    assert [e.user_data.fbc for e in gateway.new_events()] == [kept, kept]


ORIGINS: list[tuple[str | None, bool]] = [
    ("https://shop.example", True),
    (None, True),
    ("null", True),
    ("https://other.example", False),
    ("http://shop.example", False),
    ("https://shop.example.evil.example", False),
    ("https://evilshop.example", False),
    ("https://shop.example:8443", False),
    ("https://shop.example/", False),
    ("file://", False),
]


@pytest.mark.parametrize(("origin", "allowed"), ORIGINS)
def test_origins(origin: str | None, allowed: bool, gateway: Running) -> None:
    """A dataset with listed sites takes their browsers and those that name none; others get 403, the pixel its image."""
    headers = {"origin": origin} if origin else {}
    assert gateway.tag(lead(dataset=LISTED), **headers).status == (200 if allowed else 403)
    assert gateway.pixel(headers, id=LISTED, ev="Lead").status == 200
    assert len(gateway.new_events()) == (2 if allowed else 0)
    assert [r["reason"] for r in gateway.new_refused()] == ([] if allowed else ["bad_origin"] * 2)


@pytest.mark.parametrize("origin", ["https://any.example", "null", "file://", "https://shop.example.evil.example"])
@pytest.mark.parametrize(("method", "path"), [("POST", "/t/events"), ("GET", "/tr/"), ("OPTIONS", "/t/events"), ("OPTIONS", "/tr/"), ("OPTIONS", EVENTS)])  # fmt: skip
def test_cors_carries_no_authority(origin: str, method: str, path: str, gateway: Running) -> None:
    """The answer is open to all and never with credentials: a star, no reflected origin, no cookie set."""
    preflight = {"access_control_request_method": "POST", "access_control_request_headers": "content-type"}
    headers = {"origin": origin, "cookie": "session=1"} | (preflight if method == "OPTIONS" else {})
    reply = gateway.send(method, path, json.dumps({"events": [lead(dataset=DATASET)]}), **headers)
    assert reply.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in reply.headers
    assert "set-cookie" not in reply.headers
    if method == "OPTIONS":
        assert (reply.status, reply.body) == (204, b"")
        assert "POST" in reply.headers["access-control-allow-methods"]
        assert reply.headers["access-control-allow-headers"] == "content-type"


def test_no_page_of_another_site_can_use_a_server_key(gateway: Running) -> None:
    """The servers' door answers without CORS, and a preflight for the Authorization header does not allow it."""
    assert "access-control-allow-origin" not in gateway.post(lead()).headers
    allowed = gateway.send("OPTIONS", EVENTS, access_control_request_headers="authorization").headers
    assert "authorization" not in allowed["access-control-allow-headers"]


def test_a_dataset_of_its_own_configuration() -> None:
    """The tests above rest on it: the listed dataset takes one site."""
    assert [d.get("origins", []) for d in CONFIGURATION["dataset"]] == [[], ["https://shop.example"], []]
