"""The law for an order that its shop reports without anything of its buyer: each browser's word stays with that browser.

The shop's report, a stranger's copy and the buyer's own come in every order of arrival, each case as an order of its own on one store:
claimed only at the end, after each arrival, or in a process of its own each time.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from contextlib import closing
from decimal import Decimal
from itertools import permutations, product
from pathlib import Path
from typing import Any

import pytest
from copies import BROWSER, NOW, assert_sums_hold, claim, copy, rows, settlement
from msgspec import Struct
from msgspec.structs import replace

from tests.store.order_reports import MINUTE, entry, report
from twofold.consent.marks import marks_from
from twofold.event.delivery import DeliveryState
from twofold.event.model import Consent, Content, CustomData, Event, Tier, decode_event
from twofold.ledger.model import ParcelState
from twofold.ledger.policy import OrderPolicy
from twofold.store.engines import open_reader
from twofold.store.ladder import FEW
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
    def numbers(self) -> tuple[str, ...]:
        return (self.number,)

    @property
    def vouched(self) -> bool:
        return bool(self.buyer.get("order_vouched"))

    @property
    def says_no(self) -> bool:
        return self.buyer.get("consent") is Consent.DENIED

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


def play(folder: Path, cases: Sequence[Case], mode: str) -> Left:
    last = len(cases[0].arrival) - 1
    route = Route(destinations=DESTINATIONS, purposes=PURPOSES, has_orders=True, orders=OrderPolicy(wait_ms=MINUTE))
    left: Left = {number: [] for case in cases for number in case.numbers}

    async def main(rounds: list[int]) -> None:
        store = Store(folder, routes={"1": route}, opened_at=NOW)
        store.start()
        try:
            for n in rounds:
                at = NOW + n * 1000
                for case in cases:
                    one = case.thing(case.arrival[n], at)
                    await (store.append_orders([one]) if isinstance(one, OrderEntry) else store.append([one]))
                if mode != MODES[0] or n == last:
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

    every = list(range(last + 1))
    for rounds in [[n] for n in every] if mode == MODES[2] else [every]:
        asyncio.run(main(rounds))
    assert_sums_hold(folder)
    return left


class Two(Case, frozen=True):
    """Two orders, that of ``number`` and the one behind it, each with a buyer; the stranger's copies name both."""

    @property
    def numbers(self) -> tuple[str, ...]:
        return (self.number, str(int(self.number) + 1))

    def thing(self, name: str, at: int) -> Event | OrderEntry:
        what, _, which = name.partition(" ")
        own = self.numbers[which == "2"]
        one = replace(self, number=own, stranger={})
        if what != "stranger":
            return Case.thing(one, what, at)
        said = {key: _filled(value, self.numbers) for key, value in self.stranger.items()}
        event = replace(Case.thing(one, what, at), links=said.pop("links", ()))
        event.custom_data.order_id = said.pop("order_id", own)
        return replace(event, **said)


def _filled(value: Any, numbers: tuple[str, ...]) -> Any:
    if isinstance(value, tuple):
        return tuple(_filled(one, numbers) for one in value)
    return value.format(*numbers) if type(value) is str else value


def cases_of(stranger: dict[str, Any], buyer: dict[str, Any], start: int = 1001) -> Iterator[Case]:
    kinds = product(ARRIVALS, (False, True), (Tier.T0, Tier.T1))
    for number, (arrival, secret, tier) in enumerate(kinds, start):
        yield Case(str(number), arrival, secret, tier, stranger, buyer)


def of_the_buyer_alone(event: Event) -> bool:
    """All that a platform is told is the order's or its buyer's."""
    user, data = event.user_data, event.custom_data
    money = (str(data.value), data.currency, event.event_time)
    own = (
        event.event_id.partition(".")[0],
        event.sender,
        user.fbp,
        user.client_ip_address,
        [h.hex[0] for h in user.em],
    )
    # An id that somebody else's order has bears the order's number behind it.
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
    # What is written beside the bytes is by whose word they left.
    with closing(open_reader(tmp_path)) as db:
        assert {consent for (consent,) in db.execute("select consent from frozen")} <= {"granted", "unstated"}


@pytest.mark.parametrize("mode", MODES)
def test_a_buyer_who_is_proved_tells_the_order_alone(tmp_path: Path, mode: str) -> None:
    """Whom the purchase's secret proves no other browser stands beside: neither with a yes, nor where the buyer said no."""
    token = {"tier": Tier.T1, "order_vouched": True, "links": ()}
    cases = [
        *cases_of(YES, YES),
        *cases_of({}, NO, 2001),
        *cases_of(YES, YES | token, 3001),
        *cases_of(YES, NO | token, 4001),
    ]
    if mode != MODES[0]:  # who bears a token that names the order tells it for themselves, whoever told it before
        cases = [case for case in cases if not (case.vouched and case.arrival[2] == "buyer")]
    for case, sent in zip(cases, play(tmp_path, cases, mode).values(), strict=True):
        told_before = mode != MODES[0] and case.arrival[2] == "buyer"  # nothing was known of a buyer when it left
        if (case.secret or case.vouched) and not told_before:
            assert tellers(sent) == ([] if case.says_no else ["buyer"]), case
        else:
            assert tellers(sent) in (["buyer"], ["stranger"]), case
            assert not case.says_no or tellers(sent) == ["stranger"], case
    # What a no has kept back is kept back by name, and not looked at for ever.
    assert {d["state"] for d in rows(tmp_path, "deliveries")} == {"delivered", "suppressed"}


@pytest.mark.parametrize("mode", MODES[:2])
def test_what_a_browser_cannot_say_of_a_shops_order_it_does_not_say(tmp_path: Path, mode: str) -> None:
    """Alone or before the buyer: neither its money, time and goods, nor that it goes to a test page, or before it is reported."""
    lies = ({"test_event_code": "TEST1"}, {"action_source": "physical_store"}, {"action_source": "phone_call"},
            {"custom_data": CustomData(value=Decimal(9999), currency="USD", contents=(Content(id="stolen", quantity=9),))})  # fmt: skip
    cases = [case for n, lie in enumerate(lies) for case in cases_of({**YES, **lie}, YES, 1001 + 100 * n)]
    cases = [replace(case, stranger=_with_order(case.stranger, case.number)) for case in cases]
    for case, sent in zip(cases, play(tmp_path, cases, mode).values(), strict=True):
        assert tellers(sent) in (["buyer"], ["stranger"]), case
        assert {(e.test_event_code, tuple(c.id for c in e.custom_data.contents)) for _, _, e in sent} == {
            (None, ("MUG-1",))
        }, case


def _with_order(said: dict[str, Any], number: str) -> dict[str, Any]:
    data = said.get("custom_data")
    return said | {"custom_data": replace(data, order_id=number)} if data else said


def test_where_every_browser_says_no_nobody_is_told(tmp_path: Path) -> None:
    cases = list(cases_of(NO, NO))
    assert not any(play(tmp_path, cases, MODES[1]).values())
    assert {(d["state"], d["reason"]) for d in rows(tmp_path, "deliveries")} <= {
        (DeliveryState.SUPPRESSED, "consent_denied"), (DeliveryState.SUPPRESSED, "superseded")
    }  # fmt: skip


BESIDE: dict[str, tuple[dict[str, Any], ...]] = {
    "one's number beside the other's": ({"order_id": "{0}", "links": ("order:{1}",)},),
    "both by links": ({"order_id": None, "links": ("number:{1}", "number:{0}")},),
    "a checkout that they made up": ({"links": ("checkout:6e1b{0}f00dfeed0123456",)},) * 2,
    "one event id": ({"event_id": "x-{0}"},) * 2,
    "the other buyer's event id": ({"order_id": "{0}", "event_id": "buyer-{1}"},),
}
"""How a stranger joins two orders: by one copy, or by two with something in common."""


@pytest.mark.parametrize("mode", MODES[:2])
@pytest.mark.parametrize("tier", [Tier.T0, Tier.T1])
def test_two_orders_that_a_stranger_names_beside_are_told_each(tmp_path: Path, mode: str, tier: Tier) -> None:
    """Each once, with its own money; and where the stranger said no, each by its own buyer."""
    chance, cases, start = random.Random(7), [], 1001
    for said, no in product(BESIDE.values(), (YES, NO)):
        for _ in range(8):
            strangers = [f"stranger {n}" for n in (1, 2)][: len(said)] + ["stranger 1"] * (2 - len(said))
            arrival = chance.sample(["report 1", "report 2", "buyer 1", "buyer 2", *strangers], 6)
            cases.append(Two(str(start), tuple(arrival), False, tier, {**no, **said[0]}, YES))
            start += 2
    left = play(tmp_path, cases, mode)
    for case in cases:
        for number in case.numbers:
            said = tellers(left[number])
            assert said == ["buyer"] if case.stranger["consent"] is Consent.DENIED else said, (
                case,
                number,
                left[number],
            )


ONE = Case("1001", ARRIVALS[0], False, Tier.T0, YES, YES)
AFTER = 2_000


@pytest.mark.parametrize("first", ["stranger", "buyer"])
@pytest.mark.parametrize("by", ["a further copy", "the door"])
@pytest.mark.parametrize("secret", [False, True], ids=["", "a buyer who is proved"])
def test_what_is_tried_again_holds_nothing_of_who_took_it_back(
    tmp_path: Path, first: str, by: str, secret: bool
) -> None:
    """Bytes that were made of a browser that says no now are made anew of the other's, under the same id; a no of the other leaves them."""
    one = replace(ONE, secret=secret)

    async def main() -> tuple[Event, Event]:
        route = Route(destinations=("meta-1",), has_orders=True, orders=OrderPolicy(wait_ms=MINUTE))
        store = Store(tmp_path, routes={"1": route}, opened_at=NOW)
        store.start()
        try:
            await store.append_orders([one.thing("report", NOW)])  # type: ignore[list-item]
            await store.append([one.thing(first, NOW + 1)])  # type: ignore[list-item]
            [tried] = await claim(store, NOW + 2)
            await store.settle([settlement(tried, DeliveryState.WAITING, outcome="later", due_at=NOW + AFTER)], NOW + 3)
            await store.append([one.thing("buyer" if first == "stranger" else "stranger", NOW + 4)])  # type: ignore[list-item]
            if by == "the door":
                await store.withdraw("1", marks_from({"fbp": STRANGERS["fbp"]})[0], NOW + 5)
            else:
                no = replace(one, stranger=NO).thing("stranger", NOW + 5)
                await store.append([replace(no, event_id="stranger-no")])  # type: ignore[list-item]
            again = [await claim(store, NOW + AFTER + n) for n in (0, 1)]
            [last] = [d for part in again for d in part]
            return decode_event(tried.payload), decode_event(last.payload)
        finally:
            await store.close()

    tried, last = asyncio.run(main())
    assert (tried.sender, last.sender) == (first, "buyer")
    assert last.event_id == tried.event_id
    assert last == tried or first == "stranger"
    assert last.user_data.fbp == BUYERS["fbp"]


@pytest.mark.parametrize("by", ["a further copy", "the door"])
def test_what_is_tried_again_is_not_where_the_buyer_has_said_no(tmp_path: Path, by: str) -> None:
    """Whoever was told: the buyer, proved since, says no to the order."""
    one = replace(ONE, secret=True, buyer=NO if by == "a further copy" else YES)

    async def main() -> list[Any]:
        route = Route(destinations=("meta-1",), has_orders=True, orders=OrderPolicy(wait_ms=MINUTE))
        store = Store(tmp_path, routes={"1": route}, opened_at=NOW)
        store.start()
        try:
            await store.append_orders([one.thing("report", NOW)])  # type: ignore[list-item]
            await store.append([one.thing("stranger", NOW + 1)])  # type: ignore[list-item]
            [tried] = await claim(store, NOW + 2)
            await store.settle([settlement(tried, DeliveryState.WAITING, outcome="later", due_at=NOW + AFTER)], NOW + 3)
            await store.append([one.thing("buyer", NOW + 4)])  # type: ignore[list-item]
            if by == "the door":
                await store.withdraw("1", marks_from({"fbp": BUYERS["fbp"]})[0], NOW + 5)
            return [d for n in (0, 1) for d in await claim(store, NOW + AFTER + n)]
        finally:
            await store.close()

    assert asyncio.run(main()) == []


@pytest.mark.parametrize("late", [False, True], ids=["before the buyer came", "after"])
def test_a_stranger_who_withdraws_takes_no_order_along(tmp_path: Path, late: bool) -> None:
    async def main() -> list[Event]:
        route = Route(destinations=("meta-1",), has_orders=True, orders=OrderPolicy(wait_ms=MINUTE))
        store = Store(tmp_path, routes={"1": route}, opened_at=NOW)
        store.start()
        left = []
        try:
            await store.append_orders([ONE.thing("report", NOW)])  # type: ignore[list-item]
            for name in ("stranger", "buyer"):
                await store.append([ONE.thing(name, NOW + 1)])  # type: ignore[list-item]
                if late == (name == "buyer"):
                    await store.withdraw("1", marks_from({"fbp": STRANGERS["fbp"]})[0], NOW + 2)
                if not late or name == "buyer":
                    left += await claim(store, NOW + 3 + len(name))
            return [decode_event(d.payload) for d in left]
        finally:
            await store.close()

    [told] = asyncio.run(main())
    assert of_the_buyer_alone(told)


async def left_of(folder: Path, *rounds: Sequence[Event | OrderEntry], expects_reports: bool = True) -> list[Event]:
    """What one order's copies and reports let leave, each round claimed behind it."""
    policy = OrderPolicy(wait_ms=MINUTE, outcomes=True)
    route = Route(destinations=("meta-1",), has_orders=expects_reports, orders=policy)
    store = Store(folder, routes={"1": route}, opened_at=NOW)
    store.start()
    left = []
    try:
        for n, things in enumerate(rounds):
            for one in things:
                await (store.append_orders([one]) if isinstance(one, OrderEntry) else store.append([one]))
            due = await claim(store, NOW + 10 + n)
            await store.settle([settlement(d) for d in due], NOW + 10 + n)
            left += [decode_event(d.payload) for d in due]
    finally:
        await store.close()
    return left


@pytest.mark.parametrize("said", [YES, NO], ids=["yes", "no"])
def test_a_token_that_names_the_order_comes_before_a_secret(tmp_path: Path, said: dict[str, Any]) -> None:
    """The first rung before the second: an address with the order's key in it is handed on more easily than a token."""
    case = Case("1001", ARRIVALS[0], True, Tier.T0, YES, said | {"order_vouched": True, "tier": Tier.T1, "links": ()})
    handed_on = replace(case.thing("stranger", NOW), links=(case.token,))  # type: ignore[type-var]
    told = asyncio.run(left_of(tmp_path, [case.thing("report", NOW), handed_on, case.thing("buyer", NOW)]))
    assert [of_the_buyer_alone(one) for one in told] == [True] * (said is YES)


def test_who_has_the_buyers_event_id_and_names_another_order_has_no_turn(tmp_path: Path) -> None:
    """Nor where the dataset expects no reports, so that copies under one id are one action's."""
    stranger = replace(ONE.thing("stranger", NOW), event_id="buyer-1001", links=())  # type: ignore[type-var]
    stranger.custom_data.order_id = "777"
    told = asyncio.run(
        left_of(tmp_path, [ONE.thing("report", NOW), stranger, ONE.thing("buyer", NOW)], expects_reports=False)
    )
    assert [of_the_buyer_alone(one) for one in told] == [True]


@pytest.mark.parametrize("secret", [False, True])
def test_what_becomes_of_the_order_is_told_of_its_teller(tmp_path: Path, secret: bool) -> None:
    """Not by a stranger's no, nor with their data."""
    case = Case("1001", ARRIVALS[0], secret, Tier.T0, NO if not secret else YES, YES)
    aliases = ("number:1001", case.token) if secret else ("number:1001",)
    came = report(
        "1001", total="129.90", aliases=aliases, placed=PLACED, version=2, at=NOW // 1000, parcel=ParcelState.DELIVERED
    )
    first = [case.thing(name, NOW) for name in ("report", "stranger", "buyer")]
    told = asyncio.run(left_of(tmp_path, first, [entry(came, at=NOW + 5)], []))
    assert [(e.event_name, e.user_data.fbp, [h.hex[0] for h in e.user_data.em]) for e in told] == [
        ("Purchase", BUYERS["fbp"], ["b"]), ("Delivered", BUYERS["fbp"], ["b"]),
    ]  # fmt: skip


def test_a_crowd_that_says_no_silences_nobody(tmp_path: Path) -> None:
    """The outer copies of a crowd are asked, and the buyer's is the last of them."""
    no = replace(ONE, stranger=NO)
    crowd = [replace(no.thing("stranger", NOW), event_id=f"s-{n}") for n in range(2 * FEW + 9)]  # type: ignore[type-var]
    for n, one in enumerate(crowd):
        one.user_data = replace(one.user_data, fbp=f"fb.1.1789998000000.{n}")
    told = asyncio.run(left_of(tmp_path, [ONE.thing("report", NOW), *crowd], [ONE.thing("buyer", NOW + 1)]))
    assert [of_the_buyer_alone(one) for one in told] == [True]
