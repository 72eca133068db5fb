"""What somebody has for the shop, as the table has it, is what the accounts have: with whom, how far, since when, and how much."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.reconcile.lines import day
from tests.reconcile.tables import Tables
from tests.reconcile.test_lives_law import FIRST, LAST, D, desk_in, told_worlds
from twofold.facts.engine import Asked
from twofold.facts.questions import questions_of
from twofold.ledger.lines import MoneyKind
from twofold.reconcile.chain.account import account_of, counts, in_currency
from twofold.reconcile.chain.told import Told, one_of_each_exchange
from twofold.reconcile.chain.values import At, Move, Order, Settlement, place_of
from twofold.reconcile.exchange import exact
from twofold.reconcile.lives.asking import ROOM
from twofold.reconcile.reading.whole import bought_of


def of_accounts(told: Told, desk: Any, as_of: int) -> dict[tuple[Any, ...], tuple[Decimal, int]]:
    """By movement: what is not on the bank, and what a courier holds."""
    found: dict[tuple[Any, ...], list[Decimal]] = defaultdict(list)

    def add(move: Any) -> None:
        if move.place is At.BANKED or not move.net or move.told:
            return
        rated, _ = in_currency([move], desk.rules.currency, desk.rates)
        for one in rated:
            batch = one.settlement
            expected = one.day + desk.rules.payout_days if batch is None else batch.late_after
            since = desk.days.of(one.at if batch is None else batch.at)
            found[one.source, str(one.place), since, expected].append(one.net)

    for order, moves in one_of_each_exchange([o for o in told.orders if counts(o)], told.moves):
        account = account_of(order, moves, desk, as_of) if order.placed_at <= as_of else None
        if account is None:
            continue
        for move in account.moves:
            add(move)
        if "courier_holds" in account.gap:
            since = desk.days.of(account.standing.delivered_at or account.standing.since)
            found[order.courier, "courier_holds", since, None].append(account.gap["courier_holds"])
    for move in told.loose:
        if move.at <= as_of and move.kind not in (MoneyKind.PAYOUT, MoneyKind.PAYOUT_FAILED):
            add(replace(move, place=place_of(move, as_of, desk.days.of(as_of))))
    return {key: (exact(sum(amounts, Decimal(0))), len(amounts)) for key, amounts in found.items()}


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(told_worlds(), st.data())
def test_what_waits_is_what_the_accounts_have(told: Told, data: Any) -> None:
    desk = desk_in("Asia/Tbilisi")
    tables = Tables(told, desk, FIRST, LAST)
    for _ in range(3):
        as_of = data.draw(st.integers(day(1), day(30)))
        question = questions_of(ROOM)["cash_waiting"]
        (answer,) = tables.ask([Asked(question=question, parameters={"as_of": as_of, "dataset": ""})])
        rows = {(r.who, r.place, r.since, r.expected): (r.amount, r.pieces) for r in answer.rows}
        assert rows == of_accounts(told, desk, as_of)


def test_a_payout_on_its_way_is_what_its_lines_come_to() -> None:
    """An order's 50.00 less 1.00, less 5.00 that the provider keeps: 44.00 are on the way, in two lines, and the payout of 44.00 is none."""
    batch = Settlement(batch="batch:psp/B1", at=day(3), closes=True, late_after=day(9) // 86_400, expected_at=day(6))
    order = Order(
        key="1/1001", row=1, order_id="1001", placed_at=day(1), currency="GEL", total=D("50.00"), method="card",
        confirmed_at=day(1), delivered_at=day(2), parcels=1,
    )  # fmt: skip

    def line(name: str, kind: MoneyKind, gross: str, fee: str = "0") -> Move:
        return Move(line=name, kind=kind, gross=D(gross), fee=D(fee), currency="GEL", at=day(3), day=day(3) // 86_400,
                    source="psp", settlement=batch)  # fmt: skip

    reserve, payout = line("a2", MoneyKind.RESERVE_HOLD, "-5.00"), line("a3", MoneyKind.PAYOUT, "-44.00")
    told = Told(
        orders=[order], moves={"1/1001": [line("a1", MoneyKind.CHARGE, "50.00", "1.00")]}, loose=(reserve, payout),
        bought=[bought_of(order)],
    )  # fmt: skip
    question = questions_of(ROOM)["cash_waiting"]
    asked = Asked(question=question, parameters={"as_of": day(5), "dataset": ""})
    (answer,) = Tables(told, desk_in(""), FIRST, LAST).ask([asked])
    (row,) = answer.rows
    assert (row.who, row.amount, row.pieces) == ("psp", D("44.00"), 2)
