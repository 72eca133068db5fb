"""A message that is not meant for a destination, on the real store: whose word counts, and what brings the action back."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from copies import BROWSER, HOLD, NOW, SERVER, assert_sums_hold, claim, opened, rows
from copies import copy as copy_of_anybody
from copies import copy_of_buyer as copy
from msgspec.structs import replace

from tests.store.order_reports import NOW_S, entry, report
from twofold.event.model import Event, Tier
from twofold.store.orders.ledger import OrderEntry

DUE = NOW + HOLD
PLATFORMS = {"meta-1": "meta", "ads": "google_ads"}
NOT_META, ONLY_ADS = ("-meta",), ("+google_ads", "-*")
DRAWN = "9f8E7d6C5b4A3f2E1d0C9b8A7f6E5d4C"  # an id that nobody guesses
NOBODY = ("-*",)
CHECKOUT = f"checkout:{DRAWN}"
ELSEWHERE = {"client_ip_address": "198.51.100.7", "client_user_agent": "Mozilla/5.0 (of another)"}
EVERYBODY = {"meta-1": "leaves", "ads": "leaves"}
NO_ONE = {"meta-1": "not_addressed", "ads": "not_addressed"}


def told(folder: Path, *rounds: list[Event | OrderEntry]) -> dict[str, str]:
    """What becomes of each destination's delivery when these copies and reports came, round by round, each round claimed when it was due."""

    async def main() -> None:
        async with opened(folder, hold={}, destinations=tuple(PLATFORMS), platforms=PLATFORMS) as store:
            for n, copies in enumerate(rounds):
                for one in copies:
                    await (store.append_orders([one]) if isinstance(one, OrderEntry) else store.append([one]))
                for name in PLATFORMS:
                    await claim(store, DUE + n, destination=name)

    asyncio.run(main())
    assert_sums_hold(folder)
    stand = rows(folder, "deliveries")
    assert len(stand) == len(PLATFORMS)  # all of one action
    return {d["destination"]: d["reason"] or "leaves" for d in stand}


def says(words: tuple[str, ...], tier: Tier, **facts: Any) -> Event:
    channel = BROWSER if tier < Tier.T2 else SERVER
    at = facts.pop("at", NOW)
    return replace(copy("1", channel, **{"order": "1001", "tier": tier, "at": at} | facts), destinations=words)


@pytest.mark.parametrize("tier", list(Tier))
@pytest.mark.parametrize(
    ("words", "meta", "ads"),
    [
        (NOT_META, "not_addressed", "leaves"),
        (ONLY_ADS, "not_addressed", "leaves"),
        (("-ads",), "leaves", "not_addressed"),  # by its own name
        (("-*",), "not_addressed", "not_addressed"),
        ((), "leaves", "leaves"),
    ],
)
def test_one_message_goes_where_it_is_meant_to(tmp_path: Path, tier: Tier, words: Any, meta: str, ads: str) -> None:
    assert told(tmp_path, [says(words, tier)]) == {"meta-1": meta, "ads": ads}


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
def test_a_browser_stops_nothing_that_the_shop_reports(tmp_path: Path, late: bool) -> None:
    """Not even one that has the order's drawn id: who names an order and says that nobody may be told keeps nobody from it."""
    browser = replace(says(("-*",), Tier.T0), event_id=DRAWN)
    shop = replace(says((), Tier.T3, value="42.50", at=DUE), event_id=DRAWN)
    rounds = ([browser], [shop]) if late else ([browser, shop],)
    assert told(tmp_path, *rounds) == {"meta-1": "leaves", "ads": "leaves"}


def test_a_word_of_the_shop_holds_beside_a_browser_without_one(tmp_path: Path) -> None:
    assert told(tmp_path, [says((), Tier.T0), says(NOT_META, Tier.T2)]) == {"meta-1": "not_addressed", "ads": "leaves"}


def test_each_of_two_equal_words_may_rule_out(tmp_path: Path) -> None:
    both = [says(NOT_META, Tier.T2), says(("-google_ads",), Tier.T2, at=NOW + 1)]
    assert told(tmp_path, both) == {"meta-1": "not_addressed", "ads": "not_addressed"}


@pytest.mark.parametrize(
    ("proved", "meta"), [(True, "not_addressed"), (False, "leaves")], ids=["the buyer's", "by key"]
)
def test_a_servers_word_about_a_signed_order_counts_where_it_is_the_buyers(
    tmp_path: Path, proved: bool, meta: str
) -> None:
    """As with a no to consent: a key of servers alone rules nothing out of what the shop signed."""
    server = says(NOT_META, Tier.T2)
    signed = says((), Tier.T3, at=NOW + 1)
    if not proved:
        nowhere = {"client_ip_address": None, "client_user_agent": None}
        server = replace(server, user_data=replace(server.user_data, **nowhere))
    assert told(tmp_path, [server, signed]) == {"meta-1": meta, "ads": "leaves"}


def shop(*aliases: str, at: int = NOW) -> OrderEntry:
    """The order as its shop signs it, with nothing of the buyer in it, so that there is no copy of its own."""
    return entry(report(aliases=aliases, at=at // 1000, placed=NOW_S), at=at)


@pytest.mark.parametrize("order", ["before", "with", "after"])
@pytest.mark.parametrize("tier", [Tier.T0, Tier.T1])
def test_a_stranger_stops_no_order_that_its_shop_reports_without_a_buyer(
    tmp_path: Path, tier: Tier, order: str
) -> None:
    """Such an order is told by the first browser that names it, whose wish is not the shop's; also where the report comes after it
    was kept back."""
    stranger = says(NOBODY, tier)
    rounds = {"before": ([shop()], [stranger]), "with": ([stranger, shop()],), "after": ([stranger], [shop(at=DUE)])}
    assert told(tmp_path, *rounds[order]) == EVERYBODY


@pytest.mark.parametrize("late", [False, True], ids=["reported before", "reported after"])
@pytest.mark.parametrize(
    ("facts", "stands"),
    [
        ({"links": (CHECKOUT,)}, NO_ONE),
        ({"order_vouched": True}, NO_ONE),
        (
            {
                "order_vouched": True,
                "links": ("order:1001",),
                "custom_data": replace(says(NOBODY, Tier.T1).custom_data, order_id="1002"),
            },
            EVERYBODY,
        ),
        ({"links": (f"checkout:{DRAWN[::-1]}",)}, EVERYBODY),
        ({"links": ("order:1001", "number:1001")}, EVERYBODY),
    ],
    ids=[
        "the checkout's secret",
        "a token that names the order",
        "a token that names another",
        "another's secret",
        "its numbers",
    ],
)
def test_a_browser_that_proves_to_be_the_buyers_is_heard(
    tmp_path: Path, facts: dict[str, Any], stands: dict[str, str], late: bool
) -> None:
    buyer = replace(says(NOBODY, Tier.T1), **facts)
    rounds = ([buyer], [shop(CHECKOUT, at=DUE)]) if late else ([shop(CHECKOUT)], [buyer])
    assert told(tmp_path, *rounds) == stands


def test_a_stranger_beside_the_buyer_stops_nothing_of_such_an_order(tmp_path: Path) -> None:
    """The word of the buyer alone decides."""
    buyer = replace(says(NOT_META, Tier.T0), links=(CHECKOUT,))
    stranger = replace(says(NOBODY, Tier.T0, at=NOW + 1, **ELSEWHERE), event_id="2")
    assert told(tmp_path, [shop(CHECKOUT), buyer, stranger]) == {"meta-1": "not_addressed", "ads": "leaves"}


@pytest.mark.parametrize("tier", [Tier.T0, Tier.T1])
@pytest.mark.parametrize("first", ["the stranger", "the buyer", "the stranger, kept back"])
def test_no_browser_rules_out_what_another_lets_go(tmp_path: Path, tier: Tier, first: str) -> None:
    """An order's number is known to strangers, where no shop reports as well."""
    buyer = says((), tier)
    stranger = replace(says(NOBODY, tier, **ELSEWHERE), event_id="2")
    rounds = {
        "the stranger": ([stranger, buyer],),
        "the buyer": ([buyer, stranger],),
        "the stranger, kept back": ([stranger], [buyer]),
    }
    assert told(tmp_path, *rounds[first]) == EVERYBODY


def test_each_word_of_one_browser_rules_out(tmp_path: Path) -> None:
    both = [says(NOT_META, Tier.T0), replace(says(("-google_ads",), Tier.T0, at=NOW + 1), event_id="2")]
    assert told(tmp_path, both) == NO_ONE


def test_it_concerns_that_message_and_no_other_of_the_browser(tmp_path: Path) -> None:
    """Unlike a no to consent: another order of the same browser is told to all."""
    first = says(("-*",), Tier.T0)
    second = replace(copy_of_anybody("2", BROWSER, order="1002", at=NOW), user_data=first.user_data)

    async def main() -> None:
        async with opened(tmp_path, hold={}, destinations=tuple(PLATFORMS), platforms=PLATFORMS) as store:
            await store.append([first])
            await store.append([second])
            for name in PLATFORMS:
                await claim(store, DUE, destination=name)

    asyncio.run(main())
    stand = {(d["id"], d["destination"]): d["reason"] for d in rows(tmp_path, "deliveries")}
    assert sorted(stand.values()) == ["", "", "not_addressed", "not_addressed"]
