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

from twofold.event.model import Event, Tier

DUE = NOW + HOLD
PLATFORMS = {"meta-1": "meta", "ads": "google_ads"}
NOT_META, ONLY_ADS = ("-meta",), ("+google_ads", "-*")
DRAWN = "9f8E7d6C5b4A3f2E1d0C9b8A7f6E5d4C"  # an id that nobody guesses


def told(folder: Path, *rounds: list[Event]) -> dict[str, str]:
    """What becomes of each destination's delivery when these copies came, round by round, each round claimed when it was due."""

    async def main() -> None:
        async with opened(folder, hold={}, destinations=tuple(PLATFORMS), platforms=PLATFORMS) as store:
            for n, copies in enumerate(rounds):
                for one in copies:
                    await store.append([one])
                for name in PLATFORMS:
                    await claim(store, DUE + n, destination=name)

    asyncio.run(main())
    assert_sums_hold(folder)
    return {d["destination"]: d["reason"] or "leaves" for d in rows(folder, "deliveries")}


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
