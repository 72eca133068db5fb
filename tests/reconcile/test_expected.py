"""What an order is expected to leave, by the account of chain.md 5.3 written out by hand for each row."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest
from msgspec.structs import replace

from twofold.ledger.lines import Cost
from twofold.ledger.model import Amounts, Line, Method
from twofold.ledger.policy import OrderPolicy
from twofold.ledger.state import OrderState
from twofold.reconcile.chain.margin import Costs
from twofold.reconcile.chain.values import Rules
from twofold.reconcile.exchange import Exchange
from twofold.reconcile.expected import expected_margin
from twofold.store.gates.values import in_currency

ORDER = OrderState(
    order_id="1", placed_at=1_790_000_000, known=True, method=Method.CARD,
    shop=Amounts(currency="EUR", total=D("118.00"), tax=D("18.00"), shipping=D("8.00")),
    lines=(Line(sku="A", quantity=2, price=D("55.00")),),
)  # fmt: skip
COSTS = (
    Cost(sku="A", since="2026-01-01", amount=D("20.00"), currency="EUR"),
    Cost(sku="A", since="2030-01-01", amount=D("99.00"), currency="EUR"),
    Cost(rule="freight", since="2026-01-01", amount=D("5.00"), currency="EUR"),
    Cost(rule="psp_fee", since="2026-01-01", amount=D("0.30"), percent=D("1.5"), currency="EUR"),
    Cost(rule="cod_fee", since="2026-01-01", percent=D(2), least=D("3.00"), currency="EUR"),
)
DAY = 20_717  # 2026-09-21


def left(state: OrderState = ORDER, **rules: Any) -> D | None:
    costs = Costs(COSTS, Exchange())
    return expected_margin(state, OrderPolicy(), costs, Rules(currency="EUR", **rules), DAY)


def shop(**changes: Any) -> OrderState:
    assert ORDER.shop is not None
    return replace(ORDER, shop=replace(ORDER.shop, **changes))


ROWS = [
    # 100.00 net of tax, 40.00 of goods, 5.00 of freight, 1.77 + 0.30 of the provider
    ("paid by card", ORDER, "52.93"),
    # 2 % of 118.00 is 2.36, the least 3.00
    ("paid at the door", replace(ORDER, method=Method.COD), "52.00"),
    # the tip is nobody's revenue: 112.00 x (1 - 18/118) = 94.92 of 112.00 less 17.08
    ("with a tip", shop(tip=D("6.00")), "47.85"),
    # 88.00 are left of it, with 13.42 of tax: 74.58 - 40.00 - 5.00 - 2.07
    ("given back in part", replace(ORDER, refunded={"EUR": D("30.00")}), "27.51"),
    # a gift card is money for later: 68.00 with 10.37 of tax
    ("with a gift card sold", replace(shop(gift_cards=D("50.00")), lines=(*ORDER.lines, Line(sku="CARD", gift_card=True))), "10.56"),
    ("an article without a cost", replace(ORDER, lines=(*ORDER.lines, Line(sku="B"))), None),
    ("nobody told its goods", replace(ORDER, lines=()), None),
    ("no money was told", replace(ORDER, shop=None), None),
]  # fmt: skip


@pytest.mark.parametrize(("state", "expected"), [r[1:] for r in ROWS], ids=[r[0] for r in ROWS])
def test_what_an_order_leaves(state: OrderState, expected: str | None) -> None:
    assert left(state) == (None if expected is None else D(expected))


def test_tax_that_nobody_told_is_taken_out_by_the_rate() -> None:
    """118.00 hold 18.00 at 18 percent."""
    assert left(shop(tax=None), vat=D(18)) == D("52.93")
    assert left(shop(tax=None)) == D("70.93")


@pytest.mark.parametrize(
    ("shown", "currency", "expected"),
    [
        (None, "EUR", "52.93"),
        (("GEL", "354.00"), "GEL", "158.79"),
        (None, "GEL", None),
        (("GEL", "354.00"), "USD", None),
    ],
)
def test_the_margin_in_the_money_that_the_event_names(
    shown: tuple[str, str] | None, currency: str, expected: str | None
) -> None:
    """By the order's own rate, 3 to 1; no table of rates says what the buyer paid."""
    seen = Amounts(currency=shown[0], total=D(shown[1])) if shown else None
    found = in_currency(D("52.93"), replace(ORDER, presentment=seen), currency)
    assert found == (None if expected is None else D(expected))
