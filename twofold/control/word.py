"""A person's word on what a line of money pays: which line and which target are meant, and how the word is kept.

Owns the names by which people speak of lines, orders and batches, and what a word may be. A word is a row of its own and is
never changed; taking it back is a further row. What follows from it is worked out by `reconcile`.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from twofold.collect.policy import order_policy_of
from twofold.config import Settings
from twofold.control.owner import on_store
from twofold.control.questions import TellLines
from twofold.errors import NotHere
from twofold.event.contact import mask_text
from twofold.event.scalars import exact_amount
from twofold.ledger.lines import Batch, Decision, MoneyLine
from twofold.ledger.policy import OrderPolicy
from twofold.report.orders import show_order
from twofold.store.lines.reading import KeptLine, LineReader, OpenLines
from twofold.store.lines.row import make_row
from twofold.store.secret import folder_ring

SHORTEST = 6  # characters of a name's beginning
MOST = 500  # characters of a reason
MOST_NAME = 100


class Unclear(ValueError):
    """What was said cannot be kept as it is: which part, what was expected."""


def make_word(
    settings: Settings, line: str, to: str, *, why: str, by: str, amount: str = "", undo: bool = False, now_ms: int
) -> Decision:
    """The word, with its line and target under their full names. Raises `NotHere` and `Unclear`."""
    with OpenLines(Path(settings.server.data)) as reader:
        found = _line(reader, line)
        target = _target(settings, reader, to)
    return Decision(
        line=found.name.hex(),
        to=target,
        amount=_amount(amount, found.thing),
        by=mask_text(by.strip())[:MOST_NAME],
        why=_reason(mask_text(why.strip())),
        at=now_ms // 1000,
        undo=undo,
    )


def keep_word(settings: Settings, word: Decision, now_ms: int) -> None:
    """Through the gateway that runs, else in the folder itself."""
    secret = folder_ring(Path(settings.server.data)).secret
    on_store(settings, TellLines(rows=[make_row(word, secret, received_at=now_ms)]))


def _line(reader: LineReader, text: str) -> KeptLine:
    """By its name, the beginning of it, its source's own id or reference."""
    for key in ("id", "bank_reference", "booking"):
        found = [one for one in reader.by_key(f"{key}:{text}") if isinstance(one.thing, MoneyLine)]
        if found:
            break
    name = text.removeprefix("line:").lower()
    if not found and len(name) >= SHORTEST and all(c in "0123456789abcdef" for c in name):
        found = [one for one in reader.by_beginning(name) if isinstance(one.thing, MoneyLine)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotHere(f"no line of money is called {text}; `twofold money lines` shows their names")
    raise Unclear(f"LINE: {len(found)} lines are called {text}; name one of {_names(found)}")


def _target(settings: Settings, reader: LineReader, to: str) -> str:
    kind, colon, value = to.partition(":")
    if not colon or not value or kind not in ("order", "batch", "line"):
        raise Unclear("TO: expected order:ID, batch:SOURCE/ID or line:NAME")
    if kind == "line":
        return f"line:{_line(reader, value).name.hex()}"
    if kind == "batch":
        if not _is_batch(reader, *value.partition("/")[::2]):
            raise NotHere(f"no batch {value} is here; `twofold money batches` shows source and id")
        return to
    return _order(settings, value)


def _is_batch(reader: LineReader, source: str, number: str) -> bool:
    """By its number, or with its account before it and its currency behind it where the number alone is that of several."""
    parts = {
        number,
        number.partition("/")[2],
        number.rpartition("/")[0],
        number.partition("/")[2].rpartition("/")[0],
    } - {""}
    for part in parts:
        for one in reader.by_batch(source, part):
            thing = one.thing
            if isinstance(thing, (Batch, MoneyLine)):
                id_ = thing.id if isinstance(thing, Batch) else thing.batch
                told = [*([thing.account] if thing.account else []), id_]
                if number in (id_, "/".join(told), f"{id_}/{thing.currency}", "/".join([*told, thing.currency])):
                    return True
    return False


def _order(settings: Settings, value: str) -> str:
    """By its id or number; DATASET/ID where several have it."""
    folder, policies = settings.server.data, {d.id: order_policy_of(d.orders) for d in settings.dataset}

    def policy_of(dataset: str) -> OrderPolicy:
        return policies.get(dataset) or OrderPolicy()

    found = show_order(folder, policy_of, 0, value)
    named, slash, rest = value.partition("/")
    if not found and slash:
        found = show_order(folder, policy_of, 0, rest, dataset=named)
        if len(found) == 1:
            return f"order:{named}/{found[0]['order_id']}"
    if not found:
        raise NotHere(f"no order {value} is here; `twofold orders list` shows their ids")
    if len(found) > 1:
        several = ", ".join(sorted(f"order:{row['dataset']}/{row['order_id']}" for row in found))
        raise Unclear(f"TO: {value} is the number of {len(found)} orders; name one of {several}")
    return f"order:{found[0]['order_id']}"


def _amount(text: str, thing: Any) -> Decimal | None:
    if not text:
        return None
    amount = exact_amount(text)
    if not amount:
        raise Unclear("--amount: expected an amount above zero, as 12.50")
    if amount > abs(thing.gross):
        raise Unclear(f"--amount: expected at most {abs(thing.gross):f}, the line's gross")
    return amount.copy_sign(thing.gross)


def _reason(text: str) -> str:
    if not text:
        raise Unclear("--why: expected a reason, it is kept with the word")
    return text[:MOST]


def _names(lines: list[KeptLine]) -> str:
    return ", ".join(one.name.hex() for one in lines[:5])
