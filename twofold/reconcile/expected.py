"""What an order is expected to leave when it is delivered and paid, before anybody knows what becomes of it.

Owns the expectation: the chain's own account of margins (`chain.margin`) for an order that is delivered whole and paid in full, by
the cost table's articles and rules. Of refunds what was given back by now is taken off; what couriers and providers will deduct is
their rule's estimate. Nothing here is a truth of the money: that is told when the order has its end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import tzinfo
from decimal import Decimal
from pathlib import Path
from threading import Lock
from typing import TypeVar

from twofold.errors import TwofoldError
from twofold.ledger.lines import Cost, Rate
from twofold.ledger.policy import OrderPolicy
from twofold.ledger.state import OrderState, decode_state
from twofold.reconcile.chain.margin import Costs, margin_of
from twofold.reconcile.chain.purse import Purse
from twofold.reconcile.chain.standing import Standing, Station
from twofold.reconcile.chain.values import ZERO, Rules
from twofold.reconcile.exchange import Exchange
from twofold.reconcile.matches.values import Days
from twofold.reconcile.reading.orders import KnownOrder, order_of
from twofold.store.engine import id_array, key_array
from twofold.store.gates.values import in_currency
from twofold.store.lines.reading import KeptLine, OpenLines, reading
from twofold.store.orders.ledger import OrderRow, name_of_order

Thing = TypeVar("Thing", Cost, Rate)
PolicyOf = Callable[[str], OrderPolicy]


def expected_margin(state: OrderState, policy: OrderPolicy, costs: Costs, rules: Rules, day: int) -> Decimal | None:
    """Contribution before advertising (CM3) in the shop's currency; None where an article's cost is unknown. ``day``: its own."""
    order = order_of(KnownOrder(row=0, dataset="", state=state, reports=()), policy)
    if not order.currency:
        return None
    due = max(order.total - order.refunded, ZERO)
    standing = Standing(
        station=Station.DELIVERED, parts={Station.DELIVERED: order.total}, confirmed=True, shipped=True, since=order.placed_at
    )  # fmt: skip
    purse = Purse(
        taken=order.total - order.vouchers, given_back=ZERO, due=due, refunds=order.total - due, gap={}, terms={}, banked=ZERO,
        taken_at=None, banked_at=None, moves=(), probable=False,
    )  # fmt: skip
    margin = margin_of(order, standing, purse, costs, rules, day)
    return None if margin is None else margin.cm3


class ExpectedMargins:
    """The costs as they were read last. `refresh` reads them on a thread of its own; to ask costs no reading."""

    def __init__(self, folder: Path | str, policy_of: PolicyOf, rules: Rules, zone: tzinfo) -> None:
        self._folder, self._policy_of, self._rules = folder, policy_of, rules
        self._days = Days(zone)
        self._costs: Costs | None = None
        self._version: tuple[int, ...] = ()
        self._reading = Lock()

    @property
    def ready(self) -> bool:
        return self._costs is not None

    def __call__(self, dataset: str, state: OrderState) -> Decimal | None:
        if self._costs is None:
            return None
        day = self._days.of(state.placed_at)
        return expected_margin(state, self._policy_of(dataset), self._costs, self._rules, day)

    def refresh(self) -> None:
        """Reads costs and rates where any was told since the last time."""
        with self._reading:
            with reading(self._folder) as asks:
                version = tuple(asks.run("costs_version")[0])
            if version != self._version or self._costs is None:
                with OpenLines(self._folder) as lines:
                    rates = Exchange.of(_things(Rate, lines.lines("rate")))
                    self._costs = Costs(_things(Cost, lines.lines("cost")), rates)
                self._version = version


def any_cost(folder: Path | str) -> bool:
    """Whether a cost was ever imported here; a folder that cannot be read has none."""
    try:
        with reading(folder) as asks:
            return bool(asks.run("costs_version")[0][0])
    except TwofoldError:
        return False


def margin_of_order(
    folder: Path | str, margins: ExpectedMargins, dataset: str, order: str, currency: str
) -> Decimal | None:
    """What an order of the ledger is expected to leave, in a currency; None where it or a cost is unknown."""
    with reading(folder) as asks:
        rows = asks.run("select_order_names", (key_array([name_of_order(dataset, order)]),))
        found = [OrderRow(*r) for r in asks.run("select_orders", (id_array([row for _, row in rows]),))]
    if not found:
        return None
    margins.refresh()
    state = decode_state(found[0].state)
    left = margins(dataset, state)
    return None if left is None else in_currency(left, state, currency)


def _things(kind: type[Thing], lines: Iterable[KeptLine]) -> list[Thing]:
    return [line.thing for line in lines if isinstance(line.thing, kind)]
