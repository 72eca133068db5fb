"""Reasons of a day beyond the worked example, each by a case of its own that was computed by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace
from test_day_example import META_SAYS, TBILISI, UNTIL, lines, on, order

from twofold.reconcile.day.ga4 import bridge_ga4
from twofold.reconcile.day.meta import bridge_meta
from twofold.reconcile.day.values import DayOrder, Report
from twofold.reconcile.reading.counted import other_ads

D = Decimal
HERE = on(TBILISI)


def ga4(*rows: tuple[str, str], **more) -> Report:
    told = tuple((number, D(1), D(value)) for number, value in rows)
    return Report(
        source="ga4", count=len(rows), amount=sum((v for _, _, v in told), D(0)), rows=told, zone="Asia/Tbilisi", **more
    )


def clicked(found: DayOrder, *, days: int = 1, ad: str = "") -> DayOrder:
    action = found.actions[0]
    return replace(found, actions=(replace(action, click_at=action.at - days * 86_400, click_ad=ad),))


@pytest.mark.parametrize(
    ("value", "terms"),
    [
        ("120.00", [("discount", 0, "20.00")]),  # 100.00 after 20.00 off; the page sent the price before it
        ("113.00", [("value_parts", 0, "-7.00"), ("discount", 0, "20.00")]),  # the same without the shipping of 7.00
        ("125.00", [("price_differs", 0, "25.00")]),  # no part explains it
        ("100.00", []),
    ],
)
def test_a_page_that_sends_the_price_before_the_discount(value, terms):
    mine = replace(order("2001", "10:00", "100.00"), discount=D("20.00"))
    found = bridge_ga4([mine], ga4(("2001", value)), HERE, HERE, UNTIL)
    assert lines(found) == [("basis", 1, "100.00"), *terms, ("expected", 1, f"{D(value):.2f}")]
    assert (found.residual_count, found.residual) == (0, D(0))


def test_what_was_told_as_margin_is_no_other_price():
    """100.00 with 20.00 off, told as 31.50, and 50.00, told as what it is: of the first 68.50 less, whatever parts it has."""
    told = replace(order("2001", "12:00", "100.00", click=True), discount=D("20.00"))
    told = replace(told, actions=(replace(told.actions[0], value=D("31.50"), as_margin=True),))
    whole = order("2002", "13:00", "50.00", shipping="0", click=True)
    whole = replace(whole, actions=(replace(whole.actions[0], as_margin=True),))
    found, _ = bridge_meta([told, whole], [], Report(source="meta", count=2, amount=D("81.50")), HERE, HERE, UNTIL)
    assert lines(found)[:3] == [("basis", 2, "150.00"), ("margin_told", 0, "-68.50"), ("accepted", 2, "81.50")]
    assert {t.reason: t.orders for t in found.terms}["margin_told"] == ("2001",)
    assert found.residual == D(0)


def test_who_never_was_seen_left_no_trace_and_who_was_seen_did_not_reach_the_page():
    """Two orders without a browser's copy: of one the visit is known. A chat's order is neither's."""
    seen = order("2002", "11:00", "50.00", browser=False)
    unseen = replace(order("2003", "12:00", "40.00", browser=False), visited=False)
    chat = replace(order("2004", "13:00", "30.00", browser=False, sale="chat"), visited=False)
    found = bridge_ga4([seen, unseen, chat], Report(source="ga4", count=0, amount=D(0)), HERE, HERE, UNTIL)
    assert lines(found) == [
        ("basis", 3, "120.00"), ("no_browser", -1, "-30.00"), ("page_not_reached", -1, "-50.00"),
        ("no_trace", -1, "-40.00"), ("expected", 0, "0.00"),
    ]  # fmt: skip
    assert {t.reason: t.orders for t in found.terms}["no_trace"] == ("2003",)


def test_a_click_of_another_accounts_ad_is_not_this_figures():
    """107.00 less shipping each; ad 7 is of an account that is not in the report; one of its clicks is too old, too."""
    mine, theirs = clicked(order("2005", "09:00", "107.00"), ad="5"), clicked(order("2006", "10:00", "107.00"), ad="7")
    old, none = clicked(order("2007", "11:00", "107.00"), days=8, ad="7"), order("2008", "12:00", "107.00")
    said = Report(
        source="meta",
        count=1,
        amount=D("100.00"),
        windows={"7d_click": (D(1), D("100.00"))},
        other_ads=frozenset({"7"}),
    )
    found, claims = bridge_meta([mine, theirs, old, none], [], said, HERE, HERE, UNTIL)
    assert lines(found) == [
        ("basis", 4, "428.00"), ("value_parts", 0, "-28.00"), ("accepted", 4, "400.00"), ("no_meta_click", -1, "-100.00"),
        ("outside_window", -1, "-100.00"), ("other_account", -1, "-100.00"), ("expected_by_click", 1, "100.00"),
        ("expected", 1, "100.00"),
    ]  # fmt: skip
    behind = {t.reason: t for t in found.terms}
    assert behind["other_account"].orders == ("2006",)
    assert behind["outside_window"].second == {"2007": "other_account"}
    assert (found.residual_count, found.residual, claims[0].confirmed) == (0, D(0), 1)


def test_only_ads_of_accounts_outside_of_the_figure_are_anothers():
    assert other_ads([("1", "5"), ("2", "7"), ("2", "5"), ("", "8")], {"1"}) == frozenset({"7"})


def test_a_report_by_the_day_of_the_click():
    """2009 was clicked and bought on the 10th, 2010 clicked the day before, 2011 clicked on the 10th and bought on the 12th."""
    same = clicked(order("2009", "20:00", "57.00"), days=0)
    before = clicked(order("2010", "09:00", "67.00"))
    later = clicked(order("2011", "09:00", "77.00", day=12), days=2)
    said = Report(
        source="meta", count=2, amount=D("120.00"), windows={"7d_click": (D(2), D("120.00"))}, by_click_day=True
    )
    found, claims = bridge_meta([same, before, later], [], said, HERE, HERE, UNTIL)
    assert lines(found) == [
        ("basis", 2, "124.00"), ("value_parts", 0, "-14.00"), ("accepted", 2, "110.00"), ("click_day", -1, "-60.00"),
        ("click_day", 1, "70.00"), ("expected_by_click", 2, "120.00"), ("expected", 2, "120.00"),
    ]  # fmt: skip
    assert [(t.way, t.orders) for t in found.terms if t.reason == "click_day"] == [
        ("out", ("2010",)),
        ("in", ("2011",)),
    ]
    assert (found.residual_count, found.residual, claims[0].confirmed) == (0, D(0), 2)


def test_what_the_witness_says_changes_no_reason():
    """The same day with another figure: every line stays, only the residual moves."""
    orders = [clicked(order("2012", "09:00", "57.00"), ad="7"), order("2013", "10:00", "67.00")]
    other = replace(META_SAYS, count=999, amount=D(1), other_ads=frozenset({"7"}))
    first, _ = bridge_meta(orders, [], replace(META_SAYS, other_ads=frozenset({"7"})), HERE, HERE, UNTIL)
    again, _ = bridge_meta(orders, [], other, HERE, HERE, UNTIL)
    assert first.lines == again.lines
    assert first.residual != again.residual


@pytest.mark.parametrize(
    ("flags", "named"),
    [((), {"threshold", "other_row", "sampled"}), (("sampled",), {"sampled"}), (("other_row", "threshold"), {"threshold", "other_row"})],
)  # fmt: skip
def test_flags_of_ga4_are_named_and_have_no_size(flags, named):
    """Whoever says of itself that it was not sampled is not suspected of it; nothing is taken off for a flag."""
    found = bridge_ga4([order("2014", "10:00", "50.00")], ga4(("2014", "43.00"), flags=flags), HERE, HERE, UNTIL)
    assert named == {"threshold", "other_row", "sampled"} & set(found.possible)
    assert [t.reason for t in found.terms] == ["value_parts"]
