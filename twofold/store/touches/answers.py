"""What buyers answered to "how did you hear about us?" in a survey of its own, as touches of their orders.

Owns which answer is an order's: the standing one that names its id or number, which no other order has. It is looked up
when the order is read, so that it does not matter whether the order or the answer came first, and a later answer takes the
place of an earlier one. Reads only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from twofold.event.identity import bare_order
from twofold.ledger.filing import key_number
from twofold.ledger.lines import Survey, decode_thing
from twofold.ledger.model import OrderReport
from twofold.ledger.references import of_reports
from twofold.store.engine import id_array, key_array
from twofold.store.orders.ledger import OrderRow, name_of
from twofold.store.sqlite.statements import Run
from twofold.touch.model import Touch, TouchKind


def answers_of(run: Run, order: OrderRow, reports: Iterable[OrderReport]) -> list[Touch]:
    """The answers that name an order, oldest first."""
    numbers = _numbers(order, reports)
    keys = [f"order:{written}" for number in numbers for written in (number, f"#{number}")]
    rows = run("standing_answers", (id_array(key_number(key) for key in keys),))
    told = [thing for (body,) in rows if isinstance(thing := decode_thing(body), Survey)]
    mine = [
        a for a in told if a.answer and (number := bare_order(a.order)) in numbers and _is_alone(run, order, number)
    ]
    touches = {Touch(at=a.at, kind=TouchKind.SURVEY, source=a.answer) for a in mine}
    return sorted(touches, key=lambda touch: (touch.at, touch.source))


def _numbers(order: OrderRow, reports: Iterable[OrderReport]) -> Sequence[str]:
    """The order's id and numbers as people write them."""
    pairs = [name.partition(":")[::2] for name in of_reports(reports)]
    return list(dict.fromkeys([order.order_id, *(value for kind, value in pairs if kind in ("order", "number"))]))


def _is_alone(run: Run, order: OrderRow, number: str) -> bool:
    """False where an order of another shop or dataset has the same number: nobody can say whose answer it is."""
    if any(row != order.id for (row,) in run("orders_with_id", (number,))):
        return False
    names = [name_of(dataset, f"{kind}:{number}") for (dataset,) in run("list_order_datasets", ()) for kind in _KINDS]
    return all(row == order.id for _, row in run("select_order_names", (key_array(names),)))


_KINDS = ("order", "number")
