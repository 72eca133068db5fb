"""``twofold money match|unmatch``: a person's word about what a line of money pays.

Owns options and output. A word is a row of its own and is never changed; taking it back is a further row. What follows from
it is worked out by `reconcile`.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twofold.commands.options import ConfigOption, DataOption, JsonOption
from twofold.commands.output.printing import plain, print_rows, say

if TYPE_CHECKING:
    from twofold.config import Settings
    from twofold.store.lines.reading import KeptLine, LineReader

LineArgument = Annotated[
    str, typer.Argument(help="The line's name, the beginning of it, or its source's own id or reference.")
]
ToArgument = Annotated[
    str, typer.Argument(help="What it pays: order:ID, batch:SOURCE/ID, or line:NAME of the line it belongs to.")
]
WhyOption = Annotated[str, typer.Option("--why", help="Why; it is kept with the word.")]
ByOption = Annotated[str, typer.Option("--by", help="Who says so. Default: the login name.")]
AmountOption = Annotated[str, typer.Option("--amount", help="How much of the line. Default: as much as fits.")]
SHORTEST = 6  # characters of a name's beginning
MOST = 500  # characters of a reason


def match(
    line: LineArgument,
    to: ToArgument,
    why: WhyOption,
    amount: AmountOption = "",
    by: ByOption = "",
    json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Say that a line of money pays an order or a batch, or belongs to another line.

    The word is kept with who said it and why, stands before what rules find, and is taken back with `twofold money unmatch`.
    """
    _say(line, to, why, by, amount, False, json, config, data)


def unmatch(
    line: LineArgument,
    to: ToArgument,
    why: WhyOption,
    by: ByOption = "",
    json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Say that a line of money does not pay this, whoever said that it does: a person or a rule."""
    _say(line, to, why, by, "", True, json, config, data)


def _say(
    line: str,
    to: str,
    why: str,
    by: str,
    amount: str,
    undo: bool,
    json: bool,
    config: Path | None,
    data: str | None,
) -> None:
    from twofold.clock import now_ms
    from twofold.config import load_settings
    from twofold.control.owner import on_store
    from twofold.control.questions import TellLines
    from twofold.event.contact import mask_text
    from twofold.ledger.lines import Decision
    from twofold.store.lines.reading import OpenLines
    from twofold.store.lines.row import make_row
    from twofold.store.secret import folder_ring

    settings = load_settings(config, data=data)
    folder = Path(settings.server.data)
    with OpenLines(folder) as reader:
        found = _line(reader, line)
        target = _target(settings, reader, to)
    now = now_ms()
    word = Decision(
        line=found.name.hex(),
        to=target,
        amount=_amount(amount, found.thing),
        by=mask_text((by or _login()).strip())[:100],
        why=_reason(mask_text(why.strip())),
        at=now // 1000,
        undo=undo,
    )
    on_store(settings, TellLines(rows=[make_row(word, folder_ring(folder).secret, received_at=now)]))
    row = {n: getattr(word, n) for n in word.__struct_fields__}
    if json:
        from twofold.commands.output.rows.money import MatchWord

        print_rows(MatchWord, [row])
    else:
        verb = "does not pay" if undo else "pays"
        say(plain(f"{word.by}: line {word.line} {verb} {word.to}: {word.why}"))


def _line(reader: LineReader, text: str) -> KeptLine:
    """By its name, the beginning of it, its source's own id or reference. Raises `NotHere`."""
    from twofold.errors import NotHere
    from twofold.ledger.lines import MoneyLine

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
    raise typer.BadParameter(f"LINE: {len(found)} lines are called {text}; name one of {_names(found)}")


def _target(settings: Settings, reader: LineReader, to: str) -> str:
    from twofold.errors import NotHere
    from twofold.ledger.lines import Batch

    kind, colon, value = to.partition(":")
    if not colon or not value or kind not in ("order", "batch", "line"):
        raise typer.BadParameter("TO: expected order:ID, batch:SOURCE/ID or line:NAME")
    if kind == "line":
        return f"line:{_line(reader, value).name.hex()}"
    if kind == "batch":
        source, slash, number = value.partition("/")
        if not slash or not any(isinstance(one.thing, Batch) for one in reader.by_batch(source, number)):
            raise NotHere(f"no batch {value} is here; `twofold money batches` shows source and id")
        return to
    return _order(settings, value)


def _order(settings: Settings, value: str) -> str:
    """By its id or number; DATASET/ID where several have it."""
    from twofold.commands.orders import policies_by_dataset
    from twofold.errors import NotHere
    from twofold.report.orders import show_order

    folder, policies = settings.server.data, policies_by_dataset(settings)
    found = show_order(folder, policies, 0, value)
    named, slash, rest = value.partition("/")
    if not found and slash:
        found = show_order(folder, policies, 0, rest, dataset=named)
        if len(found) == 1:
            return f"order:{named}/{found[0]['order_id']}"
    if not found:
        raise NotHere(f"no order {value} is here; `twofold orders list` shows their ids")
    if len(found) > 1:
        several = ", ".join(sorted(f"order:{row['dataset']}/{row['order_id']}" for row in found))
        raise typer.BadParameter(f"TO: {value} is the number of {len(found)} orders; name one of {several}")
    return f"order:{found[0]['order_id']}"


def _amount(text: str, thing: Any) -> Decimal | None:
    if not text:
        return None
    from twofold.event.scalars import exact_amount

    amount = exact_amount(text)
    if not amount:
        raise typer.BadParameter("--amount: expected an amount above zero, as 12.50")
    if amount > abs(thing.gross):
        raise typer.BadParameter(f"--amount: expected at most {abs(thing.gross):f}, the line's gross")
    return amount.copy_sign(thing.gross)


def _reason(text: str) -> str:
    if not text:
        raise typer.BadParameter("--why: expected a reason, it is kept with the word")
    return text[:MOST]


def _login() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise typer.BadParameter("--by: expected a name, as this login has none") from None


def _names(lines: list[KeptLine]) -> str:
    return ", ".join(one.name.hex() for one in lines[:5])
