"""One spend told several ways counts once, whatever came first."""

from __future__ import annotations

import random
from decimal import Decimal as D

import pytest

from twofold.ledger.identity import name_of
from twofold.ledger.lines import Claim, SiteDay, Spend
from twofold.ledger.spend import claimed, counted, counted_purchases


def row(
    amount: str, level: str = "ad", *, campaign: str = "c1", adset: str = "s1", ad: str = "a1", ids: bool = True, **more
) -> Spend:
    depth = {"ad": 3, "adset": 2, "campaign": 1, "rest": 1, "account": 0}[level]
    names = dict(zip(("campaign", "adset", "ad"), (campaign, adset, ad), strict=True))
    told = dict(list(names.items())[:depth])
    if ids:
        told |= {f"{name}_id": f"id-{text}" for name, text in list(names.items())[:depth]}
    return Spend(
        **{
            "source": "meta",
            "account": "900",
            "level": level,
            "day": "2026-03-10",
            "currency": "USD",
            "amount": D(amount),
            **told,
            **more,
        }
    )


@pytest.mark.parametrize(
    ("rows", "total"),
    [
        ([row("40"), row("10", ad="a2")], "50"),
        # By API with ids, and by an export that names neither the account nor any id.
        ([row("40"), row("39.90", ids=False, account="")], "40"),
        ([row("40", "campaign"), row("39.90", "campaign", ids=False, account="")], "40"),
        # The same export with ids, but without the account.
        ([row("40"), row("39.90", account="")], "40"),
        # An export of names alone.
        ([row("40", ids=False, account=""), row("10", ids=False, account="", ad="a2")], "50"),
        # Ads and ad sets and campaigns of one campaign; another campaign only as a whole.
        ([row("40"), row("40", "adset"), row("40", "campaign"), row("7", "campaign", campaign="c2")], "47"),
        ([row("40"), row("40", "campaign", ids=False, account="")], "40"),
        # What a campaign cost beyond its ads; and one that has no ads at all, told whole elsewhere.
        ([row("40"), row("8", "rest"), row("48", "campaign")], "48"),
        ([row("12", "rest", campaign="c3"), row("12", "campaign", campaign="c3")], "12"),
        # The whole account counts where nothing finer is told.
        ([row("99", "account")], "99"),
        ([row("99", "account"), Spend(source="meta", level="invoice", day="2026-03-10", currency="USD", amount=D(0), invoiced=D("41"))], "99"),
        ([row("99", "account"), row("40")], "40"),
        ([row("99", "account", account="901"), row("40")], "139"),
        ([row("99", "account", account=""), row("40")], "40"),
        # Two campaigns of one name are two.
        ([row("40"), row("5", campaign_id="id-other", ad="a2", adset="s2")], "45"),
        # Two accounts of one name are two: one with ids and one without, and one told by ads and one as a whole.
        ([row("40"), row("5", ids=False, account="901")], "45"),
        ([row("40"), row("5", "campaign", ids=False, account="901")], "45"),
        ([row("40", ids=False), row("5", "campaign", ids=False, account="901")], "45"),
        ([row("40", ids=False), row("40", "campaign", ids=False, account="")], "40"),
        ([row("40"), row("39.90", ids=False)], "40"),
        # Other days, sources, currencies are others.
        ([row("40"), row("1", day="2026-03-11"), row("2", source="tiktok"), row("3", currency="EUR")], "46"),
        ([row("40"), Spend(source="meta", level="invoice", day="2026-03-10", currency="USD", amount=D(0), invoiced=D("41"))], "40"),
    ],
)  # fmt: skip
def test_what_was_spent(rows, total):
    assert sum(r.amount for r in counted(rows)) == D(total)
    assert "invoice" not in {r.level for r in counted(rows)}


def test_order_of_arrival_changes_nothing():
    rows = [row(str(n), level, campaign=f"c{n % 3}", ad=f"a{n}", ids=bool(n % 2), account="900" if n % 4 else "")
            for n in range(1, 24) for level in ("ad", "adset", "campaign", "rest", "account")]  # fmt: skip
    rows = list({name_of(r): r for r in rows}.values())  # one state of a line stands
    first = counted(rows)
    for seed in range(10):
        assert counted(random.Random(seed).sample(rows, len(rows))) == first


def test_claim_as_the_platform_shows_it():
    setting = Claim(window="setting", count=D(4), value=D("340.00"), alias="omni_purchase")
    click, view = (
        Claim(window="7d_click", count=D(3), value=D("295.00"), alias="p"),
        Claim(window="1d_view", count=D(1), value=D("45.00"), alias="p"),
    )

    assert claimed(row("1", claims=(click, view, setting))) == setting
    assert claimed(row("1", claims=(click, view))) == Claim(
        window="7d_click+1d_view", count=D(4), value=D("340.00"), alias="p"
    )
    assert claimed(
        row(
            "1",
            claims=(
                Claim(window="click_day", count=D("2.5"), alias="conversions"),
                Claim(window="conversion_day", count=D(1)),
            ),
        )
    ).count == D("2.5")
    assert claimed(row("1")) is None


def test_a_purchase_that_a_file_and_the_api_tell_is_one():
    """The file does not name the property. Sums, other purchases, and purchases without an id of other sources stay."""
    by_file = [SiteDay(day="2026-03-10", currency="GEL", transaction=id_, revenue=D(9)) for id_ in ("1", "2", "")]
    by_api = SiteDay(
        account="4455", day="2026-03-10", currency="GEL", transaction="1", medium_source="google", revenue=D(10)
    )
    none = SiteDay(day="2026-03-10", currency="GEL", transaction="(not set)", medium_source="a", revenue=D(1))
    other = SiteDay(
        account="4455", day="2026-03-10", currency="GEL", transaction="(not set)", medium_source="b", revenue=D(2)
    )

    found = counted_purchases([*by_file, by_api, none, other])

    assert sorted((row.transaction, row.revenue) for row in found) == [
        ("", 9),
        ("(not set)", 1),
        ("(not set)", 2),
        ("1", 10),
        ("2", 9),
    ]
    assert counted_purchases([other, none, by_api, *by_file[::-1]]) == found
