"""The rungs of the ladder, one by one: which copies of lower tiers are the buyer's word, and when none is."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from copies import BROWSER, SERVER, copy
from msgspec.structs import replace

from twofold.consent.state import why_not_send
from twofold.event.model import Consent, Event, Tier
from twofold.store.ladder import Browser, admit, agreed, is_random, network_of

TOKEN = "checkout:5f3a9c77d0e14b2fa1b2c3d4"
OTHER_TOKEN = "checkout:a0a1a2a3a4a5a6a7a8a9b0b1"
UUID = "550e8400-e29b-41d4-a716-446655440000"
FBP, OTHER_FBP = "fb.1.1789999000000.1234567890", "fb.1.1789998000000.987654321"
ADDRESS, AGENT = "203.0.113.9", "Mozilla/5.0 (X11)"
PLACE = {"client_ip_address": ADDRESS, "client_user_agent": AGENT}
ELSEWHERE = {"client_ip_address": "198.51.100.66", "client_user_agent": AGENT}


def shop(event_id: str = "purchase.shop.1001", *links: str, visitor: str | None = None, **user: Any) -> Event:
    event = copy(event_id, SERVER, order="5512345678901", tier=Tier.T3, **user)
    return replace(event, links=("order:5512345678901", "number:1001", *links), visitor=visitor)


def browser(event_id: str | None = "b", *links: str, order: str | None = "1001", tier: Tier = Tier.T0, visitor: str | None = None, vouched: bool = False, **user: Any) -> Event:  # fmt: skip
    event = copy(event_id, BROWSER, order=order, tier=tier, **user)
    return replace(event, links=links, visitor=visitor, order_vouched=vouched)


def server(event_id: str = "s", **user: Any) -> Event:
    return copy(event_id, SERVER, order="1001", **user)


# name, the shop's own word, one copy of a lower tier, whether it counts
RUNGS = [
    ("a token that names the order", shop(), browser(tier=Tier.T1, vouched=True), True),
    ("a token that names its number with the sign", shop(), browser(order="#1001", tier=Tier.T1, vouched=True), True),
    ("a token that names another order", shop(), browser(order="1002", tier=Tier.T1, vouched=True), False),
    ("a token of any page", shop(), browser(tier=Tier.T1), False),
    ("a server with the key", shop(), server(), True),
    ("a server, at the same place", shop(**PLACE), server(**PLACE), True),
    ("a server that relays another browser", shop(**PLACE), server(**ELSEWHERE), False),
    ("a server that relays another device", shop(**PLACE), server(client_user_agent="curl/8"), False),
    ("a server that names another browser", shop(fbp=FBP), server(fbp=OTHER_FBP), False),
    ("a server on IPv6, the order on IPv4", shop(**PLACE), server(client_ip_address="2001:db8::1", client_user_agent=AGENT), True),
    ("the checkout's token", shop("p", TOKEN), browser("b", TOKEN), True),
    ("the order's key", shop("p", "order_key:wc_order_Ab3dE6gH9kLmN"), browser("b", "order_key:wc_order_Ab3dE6gH9kLmN"), True),
    ("the checkout's token, from another network", shop("p", TOKEN, **PLACE), browser("b", TOKEN, **ELSEWHERE), True),
    ("another checkout's token", shop("p", TOKEN), browser("b", OTHER_TOKEN), False),
    ("a short token", shop("p", "checkout:c0ffee"), browser("b", "checkout:c0ffee"), False),
    ("the order's number as a link", shop(), browser("b", "number:1001"), False),
    ("a long number", shop("p", "number:RE-2026-000000000042"), browser("b", "number:RE-2026-000000000042"), False),
    ("an event id that was drawn", shop(UUID), browser(UUID), True),
    ("an event id that can be counted", shop("purchase.shop.1001"), browser("purchase.shop.1001"), False),
    ("the platform's id of the browser", shop(fbp=FBP), browser(fbp=FBP + ".AQIDAQMC"), True),
    ("the shop's id of the browser", shop(visitor="v-1"), browser(visitor="v-1"), True),
    ("the shop's id, and the platform's that nobody else has said", shop(visitor="v-1"), browser(visitor="v-1", fbp=FBP), True),
    ("the shop's id, and another of the platform's", shop(visitor="v-1", fbp=FBP), browser(visitor="v-1", fbp=OTHER_FBP), False),
    ("address and agent", shop(**PLACE), browser(**PLACE), True),
    ("address and agent, by IPv6 privacy addresses", shop(client_ip_address="2001:db8:0:7::1", client_user_agent=AGENT),
     browser(client_ip_address="2001:db8:0:7:aaaa::9", client_user_agent=AGENT), True),
    ("the address alone", shop(**PLACE), browser(client_ip_address=ADDRESS, client_user_agent="curl/8"), False),
    ("the agent alone", shop(**PLACE), browser(**ELSEWHERE), False),
    ("address and agent, and another browser", shop(**PLACE, fbp=FBP), browser(**PLACE, fbp=OTHER_FBP), False),
    ("the e-mail address", shop(em="a"), browser(em="a"), False),
    ("the click", shop(fbc="fb.1.1.IwAR0"), browser(fbc="fb.1.1.IwAR0"), False),
    ("nothing", shop(), browser(), False),
]  # fmt: skip


@pytest.mark.parametrize(("own", "lower", "counts"), [r[1:] for r in RUNGS], ids=[r[0] for r in RUNGS])
def test_what_is_evidence(own, lower, counts):
    """Whichever came first."""
    for copies in ([own, lower], [lower, own]):
        found = admit(copies)
        assert [c is own or counts for c in copies] == [any(c is x for x in found.copies) for c in copies]
        assert len(found.copies) + len(found.claims) == 2


HONEST = browser("honest", fbp=FBP, **PLACE)
CLAIMS = [
    ("another browser at the same place", shop(**PLACE), [HONEST, browser("x", fbp=OTHER_FBP, **PLACE)], set()),
    ("one at the same place that hides its browser", shop(**PLACE), [HONEST, browser("x", **PLACE)], set()),
    ("two at one place that hide their browsers", shop(**PLACE), [browser("x", **PLACE), browser("y", **PLACE)], set()),
    ("two browsers that know the secret", shop("p", TOKEN), [browser("x", TOKEN, fbp=FBP), browser("y", TOKEN, fbp=OTHER_FBP)], set()),
    ("a refresh", shop(**PLACE), [HONEST, replace(HONEST, event_id="again")], {"honest", "again"}),
    ("the secret before the place", shop("p", TOKEN, **PLACE), [browser("b", TOKEN, fbp=FBP), browser("x", **PLACE)], {"b"}),
    ("a second sender of the same browser", shop("p", TOKEN), [browser("b", TOKEN, fbp=FBP), browser("pixel", fbp=FBP)], {"b", "pixel"}),
    ("a stranger beside the buyer", shop("p", TOKEN), [browser("b", TOKEN, fbp=FBP), browser("x", fbp=OTHER_FBP)], {"b"}),
    ("a server that leads to its browser", shop(), [server("s", fbp=FBP), browser("b", fbp=FBP), browser("x")], {"s", "b"}),
]  # fmt: skip


@pytest.mark.parametrize(("own", "lower", "counted"), [r[1:] for r in CLAIMS], ids=[r[0] for r in CLAIMS])
def test_where_several_claim(own, lower, counted):
    """The higher rung wins; on one rung, browsers that are not one and the same cancel each other out."""
    for copies in permutations([own, *lower]):
        assert {c.event_id for c in admit(copies).copies} == counted | {own.event_id}


def test_what_stitching_found_counts_as_the_browser():
    """A browser that a secret of the purchase led to is the order's own."""
    own, lower = shop(), browser(fbp=FBP)
    assert admit([own, lower]).claims
    assert not admit([own, lower], Browser("1789999000000.1234567890")).claims
    at_its_place = browser(fbp=OTHER_FBP, **PLACE)
    assert not admit([shop(**PLACE), at_its_place]).claims
    assert admit([shop(**PLACE), at_its_place], Browser("1789999000000.1234567890")).claims, (
        "the browser is known to be another"
    )


def test_nothing_is_asked_where_nobody_of_a_higher_tier_speaks():
    """Browsers among themselves, and servers among themselves, are as they were."""
    assert not admit([browser("a", fbp=FBP), browser("b", fbp=OTHER_FBP)]).claims
    assert not admit([server("a", **PLACE), server("b", **ELSEWHERE)]).claims


def yes(event: Event, *purposes: str) -> Event:
    return replace(event, granted=purposes) if purposes else replace(event, consent=Consent.GRANTED)


AGREED = [
    # name, copies of browsers only, which of them leave where silence is not enough
    ("one browser by its own id, on two networks", [browser("a", fbp=FBP, **PLACE), yes(browser("b", fbp=FBP + ".AQ", **ELSEWHERE))], "ab"),
    ("one browser by the shop's id", [browser("a", visitor="v-1"), yes(browser("b", visitor="v-1", **PLACE))], "ab"),
    ("one browser by its place", [browser("a", **PLACE), yes(browser("b", **PLACE))], "ab"),
    ("one browser by the checkout's token", [browser("a", TOKEN, **PLACE), yes(browser("b", TOKEN, **ELSEWHERE))], "ab"),
    ("one browser by an id that was drawn", [browser(UUID, **PLACE), yes(browser(UUID, **ELSEWHERE))], UUID),
    ("one by one: place, then token", [browser("a", **PLACE), browser("b", TOKEN, **PLACE), yes(browser("c", TOKEN, **ELSEWHERE))], "abc"),
    ("another network", [browser("a", **PLACE), yes(browser("b", **ELSEWHERE))], "b"),
    ("another browser behind one address", [browser("a", fbp=FBP, **PLACE), yes(browser("b", fbp=OTHER_FBP, **PLACE))], "b"),
    ("another visitor behind one address", [browser("a", visitor="v-1", **PLACE), yes(browser("b", visitor="v-2", **PLACE))], "b"),
    ("nobody says where", [browser("a"), yes(browser("b"))], "b"),
    ("a short token", [browser("a", "checkout:c0ffee"), yes(browser("b", "checkout:c0ffee", **PLACE))], "b"),
    ("an id that can be counted", [browser("1001", **PLACE), yes(browser("1001", **ELSEWHERE))], "1001 of b"),
    ("a yes in two parts by one browser", [yes(browser("a", **PLACE), "marketing"), yes(browser("b", **PLACE), "ad_user_data")], "ab"),
    ("a yes in two parts by another", [browser("a", **PLACE), yes(browser("b", **ELSEWHERE), "marketing"), yes(browser("c", **ELSEWHERE), "ad_user_data")], "bc"),
    ("a part of a yes", [browser("a", **PLACE), yes(browser("b", **ELSEWHERE), "marketing")], "ab"),  # refused as a whole
    ("both silent", [browser("a", **PLACE), browser("b", **ELSEWHERE)], "ab"),  # refused as a whole
    ("a server vouches for them", [yes(server("a", **PLACE)), browser("b", fbp=FBP, **PLACE)], "ab"),
]  # fmt: skip


@pytest.mark.parametrize(("copies", "left"), [r[1:] for r in AGREED], ids=[r[0] for r in AGREED])
def test_whose_yes_it_is(copies, left):
    """Whichever came first. A yes is about the browser that says it, where nobody but browsers speaks."""
    purposes = ("marketing", "ad_user_data")
    for some in permutations(copies):
        found = agreed(some, lambda said: why_not_send(said, purposes, True) is None)
        if left == "1001 of b":
            assert [c.user_data.client_ip_address for c in found] == [ELSEWHERE["client_ip_address"]]
        else:
            assert {c.event_id for c in found} == ({left} if left == UUID else set(left))


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        (UUID, True), ("purchase." + "2d19debe10b41625dc853269aae1c15e", True), ("V1StGXR8_Z5jdHi6B-myT", True),
        ("01ARZ3NDEKTSV4RRFFQ69G5FAV", True),
        ("purchase.shop.example.1001", False), ("order-2026-11-28-000042", False), ("1790000000000.4711471147", False),
        ("RE-2026/0042/AT/EUR/0001", False), ("a1b2c3", False), ("aaaaaaaaaaaaaaaaaaaaaaaa", False),
    ],
)  # fmt: skip
def test_which_ids_were_drawn(text, drawn):
    assert is_random(text) is drawn


@pytest.mark.parametrize(
    ("address", "network"),
    [("203.0.113.9", "203.0.113.9"), ("2001:db8::1", "2001:db8:0:0"), ("2001:DB8:0:7:1:2:3:4", "2001:db8:0:7"),
     ("2001:db8:0007::", "2001:db8:7:0"), ("::1", "0:0:0:0")],
)  # fmt: skip
def test_networks(address, network):
    assert network_of(address) == network
