"""Drift of what events say, in a gateway that lives through two weeks: requests in at its socket, a clock of the test's.

A type changes, a property vanishes, an undeclared event appears; and beside them a shop of few events, a share that was always
mixed and a day that has just begun, of which nothing may be said.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.test_told_apart import DATASET, KEY, Shop, play
from twofold.ledger.policy import OrderPolicy
from twofold.router.every import findings_of
from twofold.router.finding import Finding, Kind

DAY_MS = 86_400_000
KINDS = (Kind.PROPERTY_TYPE, Kind.PROPERTY_LOST, Kind.UNDECLARED)
SCHEMA = {"event": [{"name": "Quote", "owner": "growth", "purpose": "quotes",
                     "properties": {"seats": {"type": "number"}, "plan": {"type": "text"}, "note": {"type": "any"}}}]}  # fmt: skip


def events(shop: Shop, name: str, *customs: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"event_name": name, "event_time": shop.now // 1000, "event_id": f"{name}-{shop.now}-{n}", "action_source": "website",
         "user_data": {"em": ["a" * 64]}, "custom_data": custom}
        for n, custom in enumerate(customs)
    ]  # fmt: skip


async def tell(shop: Shop, *told: list[dict[str, Any]]) -> None:
    await shop._post(f"/v25.0/{DATASET}/events", {"data": [e for some in told for e in some], "access_token": KEY})


def found_after(folder: Path, day: Any, days: int = 10, **settings: Any) -> list[Finding]:
    """``day``: (shop, number) to what comes on it; the last one has just begun."""

    async def scenario(shop: Shop) -> None:
        for number in range(days):
            await tell(shop, *day(shop, number))
            shop.now += DAY_MS

    shop = play(Shop(folder, {"only": ["Purchase"]}, {"only": ["Purchase"]}, **settings), scenario)
    now = shop.now // 1000
    found = findings_of(folder, lambda _: OrderPolicy(), now, dataset=None, tested=True)
    return [f for f in found if f.kind in KINDS]


def test_a_type_a_lost_property_and_an_undeclared_event_are_named(tmp_path: Path) -> None:
    """Each once, with what was and what is; one that is mixed as it always was is not."""

    def day(shop: Shop, number: int) -> list[list[dict[str, Any]]]:
        changed = number >= 7
        lead = {
            "score": "7" if changed else 7,
            "either": "x" if number % 2 else 1,
            **({} if changed else {"form": "top"}),
        }
        made_up = events(shop, "Qoute", {}, {}) if number == 8 else []
        quotes = events(shop, "Quote", *[{"seats": "three" if number == 9 else 3, "plan": "s"}] * 9)
        return [events(shop, "Lead", *[lead] * 12), quotes, made_up, events(shop, "Qoute", {}) if number == 9 else []]

    found = {f.key: f for f in found_after(tmp_path, day, schema=SCHEMA)}
    assert sorted(found) == [
        "property_lost:Lead: form", "property_type:Lead: score", "property_type:Quote: seats", "undeclared:Qoute",
    ]  # fmt: skip
    assert dict(found["property_type:Lead: score"].evidence)["was_of_type"] == "number"
    assert dict(found["property_type:Lead: score"].evidence)["comes_as"] == "text, 36"
    assert dict(found["property_type:Quote: seats"].evidence) == {"declared_as": "number", "comes_as": "text, 9"}
    lost = found["property_lost:Lead: form"]
    assert (dict(lost.evidence), lost.events) == ({"before": "100%", "since_then": "0%"}, 36)
    assert found["undeclared:Qoute"].events == 3


def test_few_events_a_quiet_day_and_a_day_that_begins_say_nothing(tmp_path: Path) -> None:
    """Two a day are no sample; a day without any event loses no property; without a declaration nothing is undeclared."""

    def day(shop: Shop, number: int) -> list[list[dict[str, Any]]]:
        few = events(shop, "Lead", *[{} if number >= 8 else {"form": "top"}] * 2)
        steady = [] if number == 6 else events(shop, "Search", *[{"filter": "x"}] * (1 if number == 9 else 12))
        return [few, steady, events(shop, "OwnEvent", {}, {}, {})]

    assert found_after(tmp_path, day) == []
