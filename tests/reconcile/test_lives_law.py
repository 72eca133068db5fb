"""The law of the tables: a report asked of them is the report worked out of accounts, row by row and byte by byte."""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.reconcile.lines import day
from tests.reconcile.tables import Tables, both
from tests.reconcile.test_chain_law import matched_of, worlds
from twofold.ledger.lines import Cost, Rate
from twofold.reconcile.chain.account import Desk
from twofold.reconcile.chain.margin import Costs
from twofold.reconcile.chain.told import BY, Asked, Told
from twofold.reconcile.chain.values import Rules
from twofold.reconcile.exchange import Exchange, day_number
from twofold.reconcile.matches.values import Days
from twofold.reconcile.reading.whole import bought_of

D = Decimal
FIRST, LAST = day_number("2026-02-20"), day_number("2026-04-10")


def desk_in(zone: str) -> Desk:
    """Two currencies: dollars have a rate, which does not divide evenly; euros have one from the eighth on."""
    rates = Exchange.of([
        Rate(source="nbg", day="2026-03-01", currency="USD", per=3, rate=D("8.1234"), base="GEL"),
        Rate(source="nbg", day="2026-03-07", currency="USD", per=1, rate=D("2.71"), base="GEL"),
        Rate(source="nbg", day="2026-03-08", currency="EUR", per=1, rate=D("2.9177"), base="GEL"),
    ])  # fmt: skip
    costs = Costs([Cost(sku="A", since="2026-01-01", amount=D("20"), currency="GEL")], rates)
    rules = Rules(currency="GEL", vat=D(18), confirm_days=3, history_days=4)
    return Desk(rules=rules, rates=rates, costs=costs, days=Days(ZoneInfo(zone) if zone else UTC))


@st.composite
def told_worlds(draw: Any) -> Told:
    owed, told, declared = draw(worlds())
    currency = st.sampled_from(["GEL", "GEL", "USD", "EUR"])
    owed = [
        replace(o, currency=draw(currency), channel=draw(st.sampled_from(["", "paid"])), row=n)
        for n, o in enumerate(owed, 1)
    ]
    matched = matched_of((owed, told, declared))
    moves = {key: tuple(replace(m, currency=draw(currency)) for m in found) for key, found in matched.moves.items()}
    return Told(
        orders=owed, moves=moves, loose=tuple(replace(m, currency=draw(currency)) for m in matched.loose),
        unmatched=matched.unmatched, bought=[bought_of(o) for o in owed],
    )  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(told_worlds(), st.sampled_from(["", "Asia/Tbilisi", "America/New_York"]), st.data())
def test_tables_say_what_accounts_say(told: Told, zone: str, data: Any) -> None:
    """Every view, in groups of every kind, of any days, as of any time."""
    desk = desk_in(zone)
    tables = Tables(told, desk, FIRST, LAST)
    for _ in range(4):
        first = data.draw(st.integers(1, 20))
        asked = Asked(
            since=f"2026-03-{first:02d}", until=f"2026-03-{data.draw(st.integers(first, 25)):02d}",
            as_of=data.draw(st.integers(day(1), day(30))), by=data.draw(st.sampled_from(["", *BY])),
            view=data.draw(st.sampled_from(["cohort", "booked"])),
        )  # fmt: skip
        accounts, asked_tables = both(told, asked, desk, tables)
        assert asked_tables == accounts, asked
        assert repr(asked_tables) == repr(accounts)
