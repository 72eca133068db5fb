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
from tests.reconcile.test_lives_law import FIRST, LAST, desk_in, told_worlds
from twofold.facts.engine import Asked
from twofold.facts.questions import questions_of
from twofold.reconcile.chain.account import account_of, counts, in_currency
from twofold.reconcile.chain.told import Told, one_of_each_exchange
from twofold.reconcile.chain.values import At, place_of
from twofold.reconcile.exchange import exact
from twofold.reconcile.lives.asking import ROOM


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
        if move.at <= as_of:
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
