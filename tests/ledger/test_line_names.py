"""Which line is which: what may change leaves the name as it is, what makes another line changes it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from twofold.ledger.filing import step_of
from twofold.ledger.identity import name_of
from twofold.ledger.lines import (
    Batch,
    Cost,
    Decision,
    MoneyKind,
    MoneyLine,
    ParcelLine,
    Rate,
    SiteDay,
    Spend,
    Statement,
    Survey,
    decode_thing,
    encode_thing,
)

D = Decimal
LINE = MoneyLine(
    source="bank",
    account="GE1",
    kind=MoneyKind.BANK_CREDIT,
    gross=D("50.00"),
    net=D("50.00"),
    currency="GEL",
    at=86_400,
)
THINGS = [
    LINE,
    replace(LINE, id="E1"),
    Batch(source="stripe", id="po_1", kind="payout", net=D("67.60"), currency="EUR", at=1),
    Statement(account="GE1", id="7", currency="GEL", since="2026-03-01", until="2026-03-05"),
    Spend(source="meta", level="ad", day="2026-03-10", ad_id="1", currency="USD", amount=D("40.00")),
    SiteDay(day="2026-03-10", currency="GEL", transaction="1001", revenue=D("120.00")),
    ParcelLine(courier="onex", parcel="P1", at=1, taken=D("80.00"), currency="GEL"),
    Rate(source="nbg", day="2026-03-10", currency="JPY", per=D(100), rate=D("1.75"), base="GEL"),
    Cost(sku="mug", since="2026-01-01", amount=D("8.00"), currency="GEL"),
    Survey(order="1001", at=1, answer="a friend"),
    Decision(line="00", to="order:1001", by="nino", why="phoned", at=1),
]


@pytest.mark.parametrize("thing", THINGS, ids=lambda t: type(t).__name__)
def test_a_line_is_kept_exactly(thing):
    """What is read back is what was written, to the digit."""
    assert decode_thing(encode_thing(thing)) == thing


def test_each_thing_has_a_name_of_its_own():
    assert len({name_of(thing) for thing in THINGS}) == len(THINGS)


@pytest.mark.parametrize("change", [{"status": "pending"}, {"batch": "po_1"}, {"value_at": 5}, {"available_at": 5}])
@pytest.mark.parametrize("line", THINGS[:2], ids=["without an id", "with an id"])
def test_what_may_change_leaves_the_name(line, change):
    """A line that comes again booked, or with its payout, is the same line."""
    assert name_of(replace(line, **change), 1) == name_of(line, 1)


@pytest.mark.parametrize(
    "change", [{"gross": D("-50.00")}, {"currency": "USD"}, {"account": "GE2"}, {"at": 0}, {"mark": "x"}]
)
def test_without_an_id_what_differs_is_another_line(change):
    """Opposite signs are never duplicates; accounts never collide."""
    assert name_of(replace(LINE, **change), 1) != name_of(LINE, 1)


def test_digits_written_otherwise_are_the_same_amount():
    assert name_of(replace(LINE, gross=D("50")), 1) == name_of(LINE, 1)


@pytest.mark.parametrize("level", ["ad", "adset", "campaign"])
def test_spend_is_called_by_ids_and_by_names_only_where_there_are_none(level):
    """An ad that is renamed stays the same ad; where its platform tells no ids, another name is another ad."""
    named = Spend(source="meta", level="ad", day="2026-03-10", currency="USD", amount=D("40.00"), **{level: "Spring"})
    known = replace(named, **{f"{level}_id": "1"})
    assert name_of(replace(known, **{level: "Summer"})) == name_of(known) != name_of(named)
    assert name_of(replace(known, **{f"{level}_id": "2"})) != name_of(known)
    assert name_of(replace(named, **{level: "Summer"})) != name_of(named)


@pytest.mark.parametrize(
    "told", [{"medium_source": "google"}, {"medium": "cpc"}, {"campaign": "x"}, {"channel": "Direct"}]
)
@pytest.mark.parametrize(("transaction", "is_same"), [("1001", True), ("", False), ("(not set)", False)])
def test_a_purchase_of_a_site_may_be_told_of_another_source_later_and_a_sum_is_of_its_source(
    told, transaction, is_same
):
    day = SiteDay(day="2026-03-10", currency="GEL", transaction=transaction, revenue=D("120.00"))
    assert (name_of(replace(day, **told)) == name_of(day)) is is_same


def test_equals_are_told_apart_by_their_place_and_lines_with_an_id_by_it():
    """Two identical rows of one file are two payments; one that has an id is itself wherever it stands."""
    assert name_of(LINE, 1) != name_of(LINE, 2)
    assert name_of(replace(LINE, id="E1"), 1) == name_of(replace(LINE, id="E1"), 2)


@pytest.mark.parametrize(
    ("less", "more"),
    [
        ({"status": "pending", "batch": "po_1"}, {"status": "booked"}),
        ({}, {"batch": "day:2026-03-10:EUR"}),
        ({"batch": "day:2026-03-10:EUR"}, {"batch": "9001"}),
        ({"batch": "day:2026-03-10:EUR", "references": ("order:1", "checkout:2")}, {"batch": "9001"}),
        ({}, {"references": ("order:1001",)}),
        ({"references": tuple(f"order:{n}" for n in range(40))}, {"batch": "day:2026-03-10:EUR"}),
    ],
)
def test_what_knows_more_stands_whichever_came_first(less, more):
    """An old export without payout ids that is imported late takes no payout's id away."""
    assert step_of(replace(LINE, **less)) < step_of(replace(LINE, **more))


def test_a_parcels_line_is_called_by_its_event_and_else_by_what_it_says():
    """A courier that numbers its events may tell one again with another state; without a number another state is another line."""
    line = ParcelLine(courier="onex", parcel="P1", at=1, taken=D("80.00"), currency="GEL")
    numbered = replace(line, event="7")
    assert name_of(replace(numbered, at=2, taken=D("81.00"))) == name_of(numbered)
    assert name_of(replace(numbered, event="8")) != name_of(numbered)
    for change in ({"at": 2}, {"taken": D("81.00")}, {"due": D("1.00")}, {"fee": D("1.00")}, {"freight": D("1.00")}):
        assert name_of(replace(line, **change)) != name_of(line)
