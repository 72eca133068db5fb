"""The law for an order that its shop reports without anything of its buyer: each browser's word stays with that browser.

The shop's report, a stranger's copy and the buyer's own come in every order of arrival, each case as an order of its own on one store:
claimed only at the end, after each arrival, or in a process of its own each time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import permutations, product
from pathlib import Path
from typing import Any

import pytest
from copies import BROWSER, NOW, assert_sums_hold, claim, copy, rows, settlement
from msgspec import Struct
from msgspec.structs import replace

from tests.store.order_reports import MINUTE, entry, report
from twofold.event.delivery import DeliveryState
from twofold.event.model import Consent, Event, Tier, decode_event
from twofold.ledger.policy import OrderPolicy
from twofold.store.opened.routes import Route
from twofold.store.orders.ledger import OrderEntry
from twofold.store.store import Store

DESTINATIONS = ("meta-1", "ads")
PURPOSES = {"ads": ("ad_user_data",), "meta-1": ("marketing",)}
BUYERS = {
    "client_ip_address": "203.0.113.9",
    "client_user_agent": "Mozilla/5.0",
    "fbp": "fb.1.1789999000000.1234567890",
}
STRANGERS = {
    "client_ip_address": "198.51.100.66",
    "client_user_agent": "Mozilla/5.0 (other)",
    "fbp": "fb.1.1789998000000.666",
}
PLACED = NOW // 1000 - 60
ARRIVALS = list(permutations(["report", "stranger", "buyer"]))
MODES = ("claimed at the end", "claimed after each", "each in a process of its own")
NO = {"consent": Consent.DENIED}
NO_PURPOSES = {"consent": Consent.GRANTED, "denied": ("ad_user_data", "marketing")}
YES = {"consent": Consent.GRANTED}


class Case(Struct, frozen=True):
    """One order. ``stranger`` and ``buyer``: what their copies say; ``secret``: the report and the buyer have the checkout's token."""

    number: str
    arrival: tuple[str, ...]
    secret: bool
    tier: Tier
    stranger: dict[str, Any]
    buyer: dict[str, Any]

    @property
    def token(self) -> str:
        return f"checkout:5f3a9c77d0e14b2fa1b2{self.number}"

    def thing(self, name: str, at: int) -> Event | OrderEntry:
        if name == "report":
            aliases = (f"number:{self.number}", self.token) if self.secret else (f"number:{self.number}",)
            return entry(report(self.number, total="129.90", aliases=aliases, placed=PLACED), at=at)
        mine = name == "buyer"
        event = copy(f"{name}-{self.number}", BROWSER, order=self.number, value="129.90" if mine else "0.01", em="b" if mine else "e",
                     at=at, tier=Tier.T0 if mine else self.tier, happened=at if mine else at - 86_400_000,
                     **(BUYERS if mine else STRANGERS))  # fmt: skip
        event = replace(event, sender=name, links=(self.token,) if mine else (f"number:{self.number}",))
        return replace(event, **(self.buyer if mine else self.stranger))


Left = dict[str, list[tuple[int, str, Event]]]
"""Order to what left of it: round, destination, event."""


def play(folder: Path, cases: list[Case], mode: str) -> Left:
    route = Route(destinations=DESTINATIONS, purposes=PURPOSES, has_orders=True, orders=OrderPolicy(wait_ms=MINUTE))
    left: Left = {case.number: [] for case in cases}

    async def main(rounds: list[int]) -> None:
        store = Store(folder, routes={"1": route}, opened_at=NOW)
        store.start()
        try:
            for n in rounds:
                at = NOW + n * 1000
                for case in cases:
                    one = case.thing(case.arrival[n], at)
                    await (store.append_orders([one]) if isinstance(one, OrderEntry) else store.append([one]))
                if mode != MODES[0] or n == 2:
                    await look(store, at + 500, n)
        finally:
            await store.close()

    async def look(store: Store, at: int, n: int) -> None:
        for destination in DESTINATIONS:
            due = await claim(store, at, destination=destination, limit=500)
            await store.settle([settlement(d) for d in due], at)
            for d in due:
                event = decode_event(d.payload)
                left[event.custom_data.order_id or ""].append((n, destination, event))

    for rounds in [[0], [1], [2]] if mode == MODES[2] else [[0, 1, 2]]:
        asyncio.run(main(rounds))
    assert_sums_hold(folder)
    return left


def cases_of(stranger: dict[str, Any], buyer: dict[str, Any], start: int = 1001) -> Iterator[Case]:
    kinds = product(ARRIVALS, (False, True), (Tier.T0, Tier.T1))
    for number, (arrival, secret, tier) in enumerate(kinds, start):
        yield Case(str(number), arrival, secret, tier, stranger, buyer)


def of_the_buyer_alone(event: Event) -> bool:
    """All that a platform is told is the order's or its buyer's."""
    user, data = event.user_data, event.custom_data
    money = (str(data.value), data.currency, event.event_time)
    own = (event.event_id, event.sender, user.fbp, user.client_ip_address, [h.hex[0] for h in user.em])
    return money == ("129.90", "EUR", PLACED) and own == (
        f"buyer-{data.order_id}", "buyer", BUYERS["fbp"], BUYERS["client_ip_address"], ["b"],
    )  # fmt: skip


def of_the_stranger_alone(event: Event) -> bool:
    user, data = event.user_data, event.custom_data
    assert (str(data.value), data.currency, event.event_time) == ("129.90", "EUR", PLACED)  # the order's all the same
    return (event.sender, user.fbp, [h.hex[0] for h in user.em]) == ("stranger", STRANGERS["fbp"], ["e"])


def tellers(sent: list[tuple[int, str, Event]]) -> list[str]:
    assert sorted(d for _, d, _ in sent) in ([], sorted(DESTINATIONS))  # once to each, or nothing
    assert len({e.event_id for _, _, e in sent}) < 2
    assert all(of_the_buyer_alone(e) or of_the_stranger_alone(e) for _, _, e in sent)
    return sorted({e.sender for _, _, e in sent})


@pytest.mark.parametrize("mode", MODES)
def test_a_strangers_no_stays_with_the_stranger(tmp_path: Path, mode: str) -> None:
    """Whatever it is a no to, and with whatever else it would limit, misdirect or delay the order."""
    limits = {"opt_out": True, "data_processing_options": ("LDU",), "test_event_code": "TEST1", "destinations": ("-*",),
              "held_back": "value_over_cap", "bot": "crawler"}  # fmt: skip
    cases = [*cases_of(NO, YES), *cases_of(NO_PURPOSES, YES, 2001), *cases_of({**YES, **limits, **NO}, {}, 3001)]
    for case, sent in zip(cases, play(tmp_path, cases, mode).values(), strict=True):
        assert tellers(sent) == ["buyer"], case
        assert not any(e.opt_out or e.data_processing_options or e.test_event_code for _, _, e in sent)


@pytest.mark.parametrize("mode", MODES)
def test_a_buyer_who_is_proved_tells_the_order_alone(tmp_path: Path, mode: str) -> None:
    """Whom the purchase's secret proves no other browser stands beside: neither with a yes, nor where the buyer said no."""
    cases = [*cases_of(YES, YES), *cases_of({}, NO, 2001)]
    for case, sent in zip(cases, play(tmp_path, cases, mode).values(), strict=True):
        told_before = mode != MODES[0] and case.arrival[2] == "buyer"  # nothing was known of a buyer when it left
        if case.secret and not told_before:
            assert tellers(sent) == ([] if case.buyer == NO else ["buyer"]), case
        else:
            assert tellers(sent) in (["buyer"], ["stranger"]), case
            assert case.buyer != NO or tellers(sent) == ["stranger"], case


def test_where_every_browser_says_no_nobody_is_told(tmp_path: Path) -> None:
    cases = list(cases_of(NO, NO))
    assert not any(play(tmp_path, cases, MODES[1]).values())
    assert {(d["state"], d["reason"]) for d in rows(tmp_path, "deliveries")} <= {
        (DeliveryState.SUPPRESSED, "consent_denied"), (DeliveryState.SUPPRESSED, "superseded")
    }  # fmt: skip
