"""The shopper's address: one reader at every door, and never the address of a proxy."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from every_door import BROWSERS, CONFIGURATION, SERVERS, shopify_order, signed
from running_gateway import Running, purchase, request

from twofold.collect.access import client_address
from twofold.event.addresses import MAX_ADDRESS, is_private, read_address

# As somebody writes it, and the canonical text (RFC 5952; the last 32 bits of ::ffff:0:0/96 are the IPv4 address).
FORMS = [
    ("203.0.113.9", "203.0.113.9"),
    (" 203.0.113.9\t", "203.0.113.9"),
    ('"203.0.113.9"', "203.0.113.9"),
    ("203.0.113.9:5678", "203.0.113.9"),
    ("203.0.113.9:_port", "203.0.113.9"),
    ("::ffff:203.0.113.9", "203.0.113.9"),
    ("::FFFF:cb00:7109", "203.0.113.9"),
    ("0:0:0:0:0:ffff:203.0.113.9", "203.0.113.9"),
    ("[::ffff:203.0.113.9]:443", "203.0.113.9"),
    ("2001:DB8:0:0::7", "2001:db8::7"),
    ("[2001:db8::7]", "2001:db8::7"),
    ("[2001:db8::7]:443", "2001:db8::7"),
    ('"[2001:db8::7]:443"', "2001:db8::7"),
    ("fe80::1%eth0", "fe80::1"),
    ("[2001:db8::7%25en0]:443", "2001:db8::7"),
    ("203.0.113.9, 198.51.100.2", "203.0.113.9"),
    ("10.0.0.4,203.0.113.9:80, 198.51.100.2", "203.0.113.9"),
    (" , ,203.0.113.9,", "203.0.113.9"),
    ("unknown, 203.0.113.9", "203.0.113.9"),
    ("10.0.0.4, 192.168.1.1", "10.0.0.4"),
    ("10.0.0.4", "10.0.0.4"),
]
NO_ADDRESS = [
    "unknown", "_hidden", "_SEVKISEK:80", "null", "undefined", "", " , ,", "0.0.0.0", "::", "::ffff:0.0.0.0", "1.2.3",
    "1.2.3.4.5", "203.0.113.999", "203.0.113.09", "[203.0.113.9", "[]:443", "2001:db8:::7", "2001:db8::7:443:x",
    "jane@example.com", "shop.example", "x" * 9_000, "203.0.113.9\x00", "٢٠٣.0.113.9", "1.2.3.4:123456",
]  # fmt: skip
orders = itertools.count(5_000)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("addresses") / "data", CONFIGURATION)
    yield running
    running.close()


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("proxied") / "data", CONFIGURATION, proxies=1)
    yield running
    running.close()


@pytest.mark.parametrize(("text", "address"), FORMS)
def test_forms_of_an_address(text: str, address: str) -> None:
    assert read_address(text) == address
    assert read_address(address) == address


@pytest.mark.parametrize("text", NO_ADDRESS)
def test_what_is_no_address(text: str) -> None:
    assert read_address(text) is None


@pytest.mark.parametrize("door", SERVERS)
def test_every_body_is_read_by_the_same_reader(sources: Running, door: str) -> None:
    sources.forget()
    for text, _ in [*FORMS, *((text, None) for text in NO_ADDRESS if "\0" not in text and len(text) < 100)]:
        assert SERVERS[door](sources, str(next(orders)), {"ip": text}).status == 200, text
    expected = [address for _, address in FORMS]
    found = [event.user_data.client_ip_address for event in sources.new_events()]
    assert found[: len(FORMS)] == expected
    assert set(found[len(FORMS) :]) == {None}


@pytest.mark.parametrize("door", BROWSERS)
def test_the_header_of_a_proxy_is_read_by_it_too(proxied: Running, door: str) -> None:
    """The hop that the proxy wrote is the last entry; where it is none, nobody's address is better than the proxy's."""
    proxied.forget()
    rows = [(text, a) for text, a in FORMS if "," not in text and "%" not in text and text == text.strip()]
    rows += [
        ("198.51.100.99, 203.0.113.9:80", "203.0.113.9"),
        ("6.6.6.6,unknown", None),
        ("203.0.113.9, ,", "203.0.113.9"),
    ]
    rows += [("unknown", None), ("_hidden", None), ("", None), ("-", None), ("x" * 5_000, None)]
    for text, _ in rows:
        headers = {"headers": {"x_forwarded_for": text, "user_agent": "Mozilla/5.0"}}
        BROWSERS[door](proxied, str(next(orders)), headers)
    BROWSERS[door](proxied, str(next(orders)), {"headers": {"user_agent": "Mozilla/5.0"}})
    found = [event.user_data.client_ip_address for event in proxied.new_events()]
    assert found == [*(address for _, address in rows), None]


def test_a_header_in_several_lines_is_one_list(proxied: Running) -> None:
    proxied.forget()
    with proxied.raw() as client:
        line = "/tr/?id=1234567890&ev=Lead"
        client.write(request("GET", line, None, "X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: 203.0.113.9"))
        assert client.read() is not None
        client.write(request("GET", line, None, "X-Forwarded-For: 203.0.113.9", "X-Forwarded-For:"))
        assert client.read() is not None
    assert [e.user_data.client_ip_address for e in proxied.new_events()] == ["203.0.113.9", "203.0.113.9"]


@pytest.mark.parametrize(
    ("peer", "forwarded", "proxies", "address"),
    [
        ("198.51.100.7", "203.0.113.9", 0, "198.51.100.7"),  # nobody is believed who is not configured
        ("::ffff:198.51.100.7", "", 0, "198.51.100.7"),  # a socket for both protocols
        ("", "", 0, ""),  # a socket file
        ("10.0.0.2", "6.6.6.6, 203.0.113.9, 10.0.0.1", 2, "203.0.113.9"),
        ("10.0.0.2", "203.0.113.9", 2, "203.0.113.9"),
        ("10.0.0.2", "", 1, ""),
        ("10.0.0.2", "a" * MAX_ADDRESS + ", 203.0.113.9", 1, "203.0.113.9"),
    ],
)
def test_whose_address_a_connection_has(peer: str, forwarded: str, proxies: int, address: str) -> None:
    assert client_address(peer, forwarded, proxies) == address


def test_private_networks() -> None:
    own = [
        "10.1.2.3",
        "172.31.0.1",
        "192.168.0.9",
        "127.0.0.1",
        "169.254.1.1",
        "100.64.0.1",
        "::1",
        "fc00::1",
        "fe80::1",
    ]
    assert all(map(is_private, own))
    assert not any(map(is_private, ["203.0.113.9", "172.32.0.1", "8.8.8.8", "2001:db8::7", "100.128.0.1"]))


def test_a_broken_address_is_named_and_costs_nothing_else(sources: Running) -> None:
    sources.forget()
    reply = sources.post(purchase("order-1", user_data={"em": "a@example.com", "client_ip_address": "unknown"}))
    assert reply.json["messages"] == ["data[0]: user_data.client_ip_address is not an IP address; left out"]
    assert sources.new_event().user_data.em


def test_an_order_with_a_mapped_address_was_made_in_a_browser(sources: Running) -> None:
    sources.forget()
    order = shopify_order(str(next(orders)), {"ip": "::ffff:203.0.113.9"}) | {"source_name": "1234"}
    assert signed(sources, "shopify", order, "orders/create").status == 200
    assert sources.new_event().user_data.client_ip_address == "203.0.113.9"
