"""A report that tells past days again carries the names of today: what those days' visits are joined to by name stays."""

from __future__ import annotations

from typing import Any

from tests.attribution.test_credits_by_hand import DAY, META, ask, life, touch
from tests.reconcile.tables import Tables
from twofold.reconcile.chain.told import Told

ONE, OTHER = "120001", "120002"


def told(line: str, campaign_id: str, name: str, at: int, *, counts: bool) -> dict[str, Any]:
    """A campaign's cost of the day, as it was told at a time."""
    return {
        "day": DAY, "line": line, "local_day": DAY, "source": "meta", "platform": "meta", "account": "act_1", "level": "campaign",
        "campaign_id": campaign_id, "campaign": name, "fetched_at": at, "received_at": at, "stands": counts, "counts": counts,
    }  # fmt: skip


FIRST = [told("a", ONE, "Spring", 10, counts=True), told("b", OTHER, "Sale", 10, counts=True)]
AGAIN = [  # both renamed since, and one took the other's name; an empty name was told before any
    told("a", ONE, "Spring v2", 20, counts=True), told("a", ONE, "Spring", 10, counts=False), told("a", ONE, "", 5, counts=False),
    told("b", OTHER, "Spring", 20, counts=True), told("b", OTHER, "Sale", 10, counts=False),
]  # fmt: skip


def credited(spend: list[dict[str, Any]]) -> dict[str, int]:
    paths = [touch(n, 0, 60, META, campaign=name) for n, name in ((1, "Spring"), (2, "Sale"), (3, "Spring v2"))]
    rows = {"lives": [life(n, f"{n}.00") for n in (1, 2, 3)], "paths": paths, "spend": spend}
    tables = Tables(Told(orders=[], moves={}, bought=[]), None, 1, 0, rows)
    return {row.grp: int(row.placed) for row in ask(tables, "credit_sums", by="campaign")}


def test_a_day_told_again_under_other_names_keeps_its_credits() -> None:
    expected = {f"meta:{ONE}": 100, f"meta:{OTHER}": 200, "meta:": 300}
    assert credited(FIRST) == expected
    assert credited(AGAIN) == expected


def test_a_visit_by_an_earlier_name_names_the_campaign() -> None:
    """So a campaign that was told again under a new name is no finding as one that no visit names."""
    visit = {"day": DAY, "dataset": "1", "who": "w", "source_key": "k", "happened_at": 1, "kind": "visit", "source": "facebook",
             "platform": "meta", "campaign": "Spring", "campaign_id": "", "adset_id": "", "term": "", "ad_id": "", "content": ""}  # fmt: skip
    for spend, named in ((AGAIN, {"", ONE}), (FIRST, {""})):
        tables = Tables(Told(orders=[], moves={}, bought=[]), None, 1, 0, {"touches": [visit], "spend": spend})
        assert {(row.platform, row.campaign_id) for row in ask(tables, "adverts_seen", until=DAY)} == {
            ("meta", one) for one in named
        }
