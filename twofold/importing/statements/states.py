"""What a list of parcels says of orders: each state as the report that the courier's webhook would have brought.

Owns that form and which dataset it goes to. A list names no dataset, so its states reach the orders' own ledger where the
settings have exactly one; where there are several they are told by the lines alone, and that is said. Telling them again
changes nothing, so a list that was imported before tells them once more: a command that was killed in between is made good.
"""

from __future__ import annotations

from collections.abc import Iterator

from twofold.ledger.lines import ParcelLine, Thing
from twofold.ledger.model import OrderReport, Parcel, ParcelState
from twofold.ledger.references import before_order
from twofold.store.orders.ledger import OrderEntry

PORTION = 500
SEVERAL = ("there are several datasets: the states of its parcels are in the chain and in an order's life, and reach the "
           "outcomes of orders by webhooks alone")  # fmt: skip


class OrderStates:
    """The states of one file, held until its lines are kept. A few words each."""

    def __init__(self, datasets: list[str]) -> None:
        self.several = len(datasets) > 1
        self._dataset = datasets[0] if len(datasets) == 1 else ""
        self._told: dict[tuple[str, str, str], set[tuple[int, str]]] = {}

    def add(self, thing: Thing) -> None:
        if self._dataset and isinstance(thing, ParcelLine) and thing.state:
            name = thing.courier, thing.parcel, thing.order
            self._told.setdefault(name, set()).add((thing.at, thing.state))

    def portions(self, now_ms: int) -> Iterator[list[OrderEntry]]:
        """Reports for the ledger, one a parcel."""
        portion: list[OrderEntry] = []
        for (courier, parcel, order), states in sorted(self._told.items()):
            portion.append(self._entry(courier, parcel, order, sorted(states), now_ms))
            if len(portion) == PORTION:
                yield portion
                portion = []
        if portion:
            yield portion

    def _entry(
        self, courier: str, parcel: str, order: str, states: list[tuple[int, str]], now_ms: int
    ) -> OrderEntry:  # fmt: skip
        report = OrderReport(
            order_id=order or before_order(parcel),
            kind="parcel",
            at=states[-1][0],
            reference=f"{courier} {parcel}",
            parcels=tuple(Parcel(id=parcel, state=ParcelState(state), at=at) for at, state in states),
        )
        return OrderEntry(
            dataset=self._dataset, source=f"courier:{courier}", report=report, copy=None, received_at=now_ms
        )
