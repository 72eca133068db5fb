"""Rows of attribution are not to be joined by what strangers write, nor moved by what is told later."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from tests.attribution.test_table import ASKED, META, came_by, lines_of, order
from tests.reconcile.test_chain_example import march
from twofold.attribution.paths import DAY_S
from twofold.attribution.spend import Advert, Adverts, Seen, advert_of, identity_of, key_of, untagged
from twofold.ledger.lines import Spend

NOON = march(10)


@pytest.mark.parametrize(
    "word", ["unattributed:no_browser", "told:unattributed:no_browser", "channel:email", "(small)", "none", "email"]
)
def test_what_an_address_says_is_no_key_of_ours(word: str) -> None:
    """Somebody writes a row's own key into a link: the orders without a browser stay alone, and so do the others."""
    asked = replace(ASKED, by="source", model="last")
    visits = [
        {"source": word, "medium": "referral"},
        {"source": f"told:{word}", "medium": "referral"},
        {"medium": "email"},
    ]
    told = [order(n, NOON, *came_by(NOON - 60, **words)) for n, words in enumerate(visits)]
    lines = lines_of([*told, order(9, NOON)], asked)
    assert len(lines) == 4
    assert {"unattributed:no_browser", "channel:email"} < set(lines)
    assert {line.group.name for line in lines.values()} == {word, f"told:{word}", "email", "unattributed"}
    articles = [replace(order(n, NOON), items=((sku, Decimal(1)),)) for n, sku in enumerate((word, ""))]
    assert len(lines_of(articles, replace(asked, by="product"))) == 2


@pytest.mark.parametrize("platform", ["meta", "channel", "unattributed", "%channel", "%25channel", "a:b", "a%3Ab"])
def test_a_key_of_an_advert_is_its_own(platform: str) -> None:
    assert advert_of(key_of(Advert(platform, "no_browser"))) == Advert(platform, "no_browser")
    assert not key_of(Advert(platform, "no_browser")).startswith(("channel:", "unattributed:"))
    assert key_of(Advert("meta", "a:b")) == "meta:a:b"


def test_a_row_that_is_reached_by_id_and_by_name_is_marked_in_any_order() -> None:
    by_id = order(1, NOON, *came_by(NOON - 60, **META))
    by_name = order(2, NOON, *came_by(NOON - 60, source="facebook", medium="paid_social", campaign="Spring"))
    asked = replace(ASKED, by="campaign", model="last")
    for told in ([by_id, by_name], [by_name, by_id]):
        (line,) = lines_of(told, asked).values()
        assert (line.group.mark, line.orders) == ("by_name", 2)


def spent(day: int, name: str, identity: str = "", account: str = "act_1", amount: int = 5) -> Spend:
    return Spend(
        source="meta", account=account, level="campaign", day=f"2026-03-{day:02}", campaign=name, campaign_id=identity,
        currency="GEL", amount=Decimal(amount),
    )  # fmt: skip


def advert_on(day: int, name: str, *rows: Spend) -> str | None:
    """Which advert a paid visit that tells a name alone is credited to, told the rows in both orders."""
    (touch,) = came_by(march(day), source="facebook", medium="paid_social", campaign=name)
    found = {Adverts(told).find("campaign", touch, f"2026-03-{day:02}") for told in (rows, rows[::-1] * 2)}
    assert len(found) == 1
    one = found.pop()
    return one and one.identity


def test_two_accounts_with_one_name_are_never_joined_by_it() -> None:
    one, other = spent(5, "Spring"), spent(5, "Spring", account="act_2")
    assert identity_of(one, "campaign") != identity_of(other, "campaign")
    assert advert_on(5, "Spring", one, other) is None
    assert advert_on(5, "Spring", one) == advert_on(5, "Spring", one, spent(6, "Spring", account="act_2"))
    assert advert_on(5, "Spring", spent(5, "Spring", "11111"), other) is None
    found = untagged([one, other], Seen([]))
    assert [(advert.identity, name, amount) for advert, name, amount, _ in found] == [
        ("act_1/Spring", "Spring", 5), ("act_2/Spring", "Spring", 5),
    ]  # fmt: skip
    told = Adverts([one, spent(5, "Own", "11111"), other, spent(6, "Later", "11111")])
    assert told.own_names("campaign", Advert("meta", "act_1/Spring")) == []  # a visit that says Spring names neither
    assert told.own_names("campaign", Advert("meta", "11111")) == ["Later", "Own"]


def test_a_name_that_another_takes_later_moves_no_past_day() -> None:
    """A visit on the 6th, when nothing was spent: the name was the first campaign's, whatever comes after."""
    first, later = spent(5, "Spring", "11111"), [spent(7, "Spring", "22222"), spent(7, "Autumn", "11111")]
    assert advert_on(6, "Spring", first) == advert_on(6, "Spring", first, *later) == "11111"
    assert advert_on(7, "Spring", first, *later) == "22222"
    assert advert_on(8, "Spring", first, *later) is None  # it was both's
    assert advert_on(4, "Spring", first, *later) == "11111"
    assert advert_on(4, "Summer", first, *later) is None


def test_a_renamed_campaign_that_visits_name_is_no_finding() -> None:
    rows = [spent(5, "Old", "11111"), spent(6, "New", "11111")]
    assert untagged(rows, Seen([("meta", "", "Old", "", "", "", "")])) == []
    assert untagged(rows, Seen([])) == [(Advert("meta", "11111"), "New", Decimal(10), "GEL")]


def test_a_name_that_two_platforms_have_is_named_by_visits_of_its_own_only() -> None:
    """Visits from Meta say Spring: what Google spends on its own Spring no visit names, by name and by id alike."""
    meta, google = spent(5, "Spring", "11111"), replace(spent(5, "Spring", "11111"), source="google_ads")
    for told in (("", "Spring"), ("11111", "")):
        of_meta, of_google = ((whose, *told, "", "", "", "") for whose in ("meta", "google"))
        assert untagged([meta, google], Seen([of_meta])) == [(Advert("google", "11111"), "Spring", Decimal(5), "GEL")]
        assert untagged([meta, google], Seen([of_google])) == [(Advert("meta", "11111"), "Spring", Decimal(5), "GEL")]
        assert untagged([meta, google], Seen([of_meta, of_google])) == []


def test_the_day_of_a_touch_is_its_own_where_neighbours_are_one() -> None:
    """Facebook before the period, mail in it, Facebook again in it: two of three parts lie inside."""
    days = (NOON - 20 * DAY_S, "facebook"), (NOON - 2 * DAY_S, "mail"), (NOON - DAY_S, "facebook")
    path = [touch for at, source in days for touch in came_by(at, source=source, medium="referral")]
    asked = replace(ASKED, by="source", model="linear", repeats="collapse", credit_day="touch")
    lines = lines_of([order(1, NOON, *path)], asked)
    assert {key: str(line.orders) for key, line in lines.items()} == {"facebook": "1/3", "mail": "1/3"}
