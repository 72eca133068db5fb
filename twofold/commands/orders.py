"""``twofold orders list``, ``show`` and ``check``: what the ledger knows, and whether what was sent fits it.

Owns the words and tables of these commands; what is read and compared is `report`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twofold.commands.options import (
    ConfigOption,
    DataOption,
    DatasetOption,
    JsonOption,
    LimitOption,
    known_value,
    period_ms,
    period_such_as,
)
from twofold.commands.output.printing import (
    Clock,
    bar_on_stderr,
    cell,
    clock_of,
    make_table,
    plain,
    print_about,
    print_rows,
    print_wide,
    say,
)

if TYPE_CHECKING:
    from twofold.config import Settings
    from twofold.reconcile.life import Life
    from twofold.report import orders as report
    from twofold.report import value_check

orders = typer.Typer(
    name="orders",
    help="See the orders: list them, show one with its history, check what was sent against them.",
    no_args_is_help=True,
)

Since = Annotated[
    str | None,
    typer.Option(
        "--since", help="Only orders placed so long ago at most: 48h, 30d.", callback=period_such_as("48h or 30d")
    ),
]
State = Annotated[
    str | None, typer.Option("--state", help="counts, or why it does not: not_paid, order_cancelled, test_order, …")
]
SHOWN = 20


@orders.command("list")
def list_(
    dataset: DatasetOption = None,
    state: State = None,
    since: Since = None,
    limit: LimitOption = 50,
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """List orders, the last placed last: state, value by the policy, and what became of the Purchase."""
    from twofold.clock import now_ms
    from twofold.config import load_settings
    from twofold.report import orders as report

    settings, now_s = load_settings(config, data=data), now_ms() // 1000
    known_value("--state", state, report.STATE_WORDS)
    found = report.list_orders(
        settings.server.data, policies_by_dataset(settings), now_s,
        dataset=dataset, state=state, since_s=_since_s(since), limit=limit,
    )  # fmt: skip
    _known_dataset(settings, dataset, empty=not found)
    if json:
        from twofold.commands.output.rows.orders import Order

        print_about("orders list", dataset=dataset, since=_since_s(since) or None, until=now_s, as_of=now_s)
        print_rows(Order, map(report.as_row, found))
    elif not found:
        say("no orders that fit")
    else:
        _print_list(found, clock_of(settings))


@orders.command()
def show(
    order: Annotated[str, typer.Argument(help="Order id, or the number that stands for it.")],
    dataset: DatasetOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Show one order's whole life: where its goods and its money are, and everything that happened, with who says so.

    Also its value, where it came from, its copies and deliveries. A line of money says why it is taken for this order and
    which line of the bank has it. Exit code 5 when no such order is known.
    """
    from twofold.clock import now_ms
    from twofold.config import load_settings
    from twofold.errors import NotHere
    from twofold.report import orders as report

    settings, now_s = load_settings(config, data=data), now_ms() // 1000
    found = report.show_order(settings.server.data, policies_by_dataset(settings), now_s, order, dataset=dataset)
    _known_dataset(settings, dataset, empty=not found)
    if not found:
        raise NotHere(
            f"no order {plain(order)} is known in {settings.server.data}; list them with `twofold orders list`"
        )
    from twofold.commands.reconcile.life import lives

    told = lives(settings, found, policies_by_dataset(settings), now_s)
    if json:
        print_about("orders show", dataset=dataset, until=now_s, as_of=now_s)
    for one in found:
        life = told.get(f"{one['dataset']}/{one['order_id']}")
        _order_rows(one, life) if json else _print_order(one, life, settings)


@orders.command()
def check(
    dataset: DatasetOption = None,
    since: Since = None,
    limit: Annotated[int, typer.Option("--limit", min=0, help="Rows shown that are not equal; 0 for all.")] = SHOWN,
    everything: Annotated[bool, typer.Option("--all", help="With --json: the equal ones too.")] = False,
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Check the value of every Purchase that arrived against its order, by today's policy.

    Each is equal, explained (by what came after it was sent, or by a setting), or wrong. Orders that count and did not
    arrive are named with the reason. Exit code 1 when anything is wrong, or given up (dead) though the order counts.
    """
    from twofold.clock import now_ms
    from twofold.config import load_settings
    from twofold.report import value_check

    settings, now_s = load_settings(config, data=data), now_ms() // 1000
    with _progress(quiet=json) as progress:
        rows = value_check.check_values(
            settings.server.data, policies_by_dataset(settings), now_s,
            dataset=dataset, since_s=_since_s(since), progress=progress,
        )  # fmt: skip
        sums, kept = value_check.sum_up(rows, lambda row: _wanted(row, json, everything))
    _known_dataset(settings, dataset, empty=not sums)
    if json:
        from twofold.commands.output.rows.orders import CheckedOrder, CheckedSum

        print_about("orders check", dataset=dataset, since=_since_s(since) or None, until=now_s, as_of=now_s)
        print_rows(CheckedOrder, map(value_check.as_row, kept))
        print_rows(CheckedSum, map(value_check.as_sums, sums))
    else:
        _print_check(sums, kept, limit)
    raise typer.Exit(1 if any(map(value_check.is_no, sums)) else 0)


def _wanted(row: value_check.Checked, json: bool, everything: bool) -> bool:
    from twofold.report import value_check

    quiet = (value_check.EQUAL, value_check.NOT_YET, value_check.NEVER)
    if json:
        return everything or row.verdict not in quiet
    return row.verdict in (value_check.WRONG, value_check.EXPLAINED, value_check.MISSING)


def _order_rows(one: dict[str, Any], life: Life | None) -> None:
    """An order for machines: itself, its life, then its copies, deliveries and touches."""
    from twofold.commands.output.rows.orders import Copy, OrderDelivery, OrderShown, OrderTouch
    from twofold.commands.reconcile.life import life_rows

    one.pop("sources", None)
    facts, copies, deliveries, touches = (one.pop(name) for name in ("facts", "copies", "deliveries", "touches"))
    goods = {"station": life.station, "station_since": life.since} if life is not None else {}
    print_rows(OrderShown, [one | goods])
    life_rows(life, facts)
    print_rows(Copy, copies)
    print_rows(OrderDelivery, deliveries)
    print_rows(OrderTouch, touches)


# -- words and tables


def _print_list(found: list[report.ListedOrder], clock: Clock) -> None:
    table = make_table(
        "order",
        "id",
        "dataset",
        clock.over("placed"),
        "state",
        "value",
        "method",
        "purchase",
        "reason",
        right=("value",),
    )
    for row in found:
        table.add_row(
            cell(row.number), cell(row.order_id), cell(row.dataset), clock.at(row.placed_at), row.state,
            _money(row.value, row.currency), row.method, row.purchase, cell(row.reason),
        )  # fmt: skip
    print_wide(table)


def _print_touches(touches: list[dict[str, Any]], reason: str, clock: Clock) -> None:
    from twofold.store.touches.paths import REASONS

    if reason:
        say(f"where it came from: {REASONS[reason]}")
    if touches:
        table = make_table(
            clock.over("came"), "how", "source", "medium", "campaign", "ad", "click", "from", "to", "device"
        )
        for touch in touches:
            table.add_row(
                clock.at(touch["at"]), touch["kind"], cell(touch["source"]), cell(touch["medium"]), cell(touch["campaign"]),
                cell(touch["ad_id"]), cell(touch["click"]), cell(touch["referrer"]), cell(touch["landing"]), touch["device"],
            )  # fmt: skip
        print_wide(table)


def _print_order(one: dict[str, Any], life: Life | None, settings: Settings) -> None:
    from twofold.commands.reconcile.life import print_life

    clock = clock_of(settings)
    number = life.number if life is not None and life.number.lstrip("#") != one["order_id"] else ""
    called = f"{plain(number)} (id {plain(one['order_id'])})" if number else plain(one["order_id"])
    say(f"order {called} of dataset {plain(one['dataset'])}, placed {clock.said(one['placed_at'])}")
    since = f" since {clock.said(one['since'])}" if one["since"] else ""
    counts = (
        "yes" if one["state"] == "counts" else f"no, {one['state']}"
    )  # what platforms are told, not where its money is
    say(
        f"counts as a Purchase: {counts}{since} (an order to be paid by {one['method']} does when it is {one['counts_when']})"
    )
    say(f"value: {_value_words(one['value'])}")
    print_life(life, settings)
    facts = make_table("happened", "came in", "kind", "source", "reference", "said")
    for fact in one["facts"]:
        facts.add_row(
            clock.at(fact["at"]), clock.at_ms(fact["received_at"]), cell(fact["kind"]), cell(fact["source"]),
            cell(fact["reference"]), cell(fact["said"]),
        )  # fmt: skip
    print_wide(facts)
    _print_touches(one["touches"], one["no_touch"], clock)
    if one["copies"]:
        say(f"action {one['action']}, made of")
        copies = make_table("position", clock.over("came in"), "channel", "sender", "tier", "verdict", "event id")
        for copy in one["copies"]:
            copies.add_row(
                str(copy["position"]), clock.at_ms(copy["received_at"]), copy["channel"], cell(copy["sender"]),
                copy["tier"], copy["verdict"] + (" late" if copy["late"] else ""), cell(copy["event_id"]),
            )  # fmt: skip
        print_wide(copies)
    else:
        say("no event stands for it")
    for delivery in one["deliveries"]:
        marks = f" [{', '.join(delivery['marks'])}]" if delivery["marks"] else ""
        say(
            f"{delivery['event_name']} {plain(delivery['event_id'])} to {plain(delivery['destination'])}: "
            f"{delivery['state']} {plain(delivery['reason'])}".rstrip()
            + marks
        )
    if one["outcomes_told"]:
        say(f"told as well: {', '.join(one['outcomes_told'])}")


def _value_words(value: dict[str, Any] | None) -> str:
    if value is None:
        return "unknown; nobody reported a total"
    words = f"{value['value']} {value['currency']}"
    if value["left_out"]:
        words += f" = {value['total']}" + "".join(f" - {a} {part}" for part, a in value["left_out"].items())
    contained = ", ".join(f"{part} {amount}" for part, amount in value["contained"].items())
    return words + (f" (the total contains {contained})" if contained else "")


def _print_check(sums: list[value_check.Sums], kept: list[value_check.Checked], limit: int) -> None:
    from twofold.report import value_check

    if not sums:
        say("no orders and no purchases that fit")
        return
    table = make_table(
        "dataset", "destination", "verdict", "why", "orders", "", "sent", "by policy", "difference",
        right=("orders", "sent", "by policy", "difference"),
    )  # fmt: skip
    for one in sums:
        compared = one.verdict in (value_check.EQUAL, value_check.EXPLAINED, value_check.WRONG)
        table.add_row(
            cell(one.dataset), cell(one.destination), one.verdict, cell(one.reason), f"{one.orders:,}",
            one.currency, f"{one.sent:,f}" if compared or one.verdict == value_check.NO_ORDER else "",
            f"{one.due:,f}" if compared or one.verdict == value_check.MISSING else "",
            f"{one.difference:+,f}" if compared and one.difference else "",
        )  # fmt: skip
    print_wide(table)
    kept.sort(key=lambda row: value_check.VERDICTS.index(row.verdict) if row.verdict != value_check.WRONG else -1)
    for row in kept[: limit or None]:
        say(_sentence(row))
    if limit and len(kept) > limit:
        say(f"… {len(kept) - limit} more; see them all with --limit 0 or --json")
    if any(row.irrevocable for row in kept):
        say("What was sent and counts no more stays at the platform: it has no way to take an event back.")


def _sentence(row: value_check.Checked) -> str:
    parts = ", ".join(f"{plain(word)} {amount:+,f}" for word, amount in row.parts.items())
    sent = _money(row.sent, row.sent_currency)
    told = f"sent {sent}, worth {_money(row.due, row.currency)}" if sent else "not sent"
    return f"{row.verdict}: {plain(row.order_id)} {told}: {parts or plain(row.reason)}"


def _money(amount: Decimal | None, currency: str | None) -> str:
    return "" if amount is None else f"{amount:f} {plain(currency or '')}".rstrip()


# -- what the commands share


def policies_by_dataset(settings: Settings) -> report.PolicyOf:
    """The order policy of a dataset; the defaults for one that is not configured any more."""
    from twofold.collect.policy import dataset_policy
    from twofold.ledger.policy import OrderPolicy

    found, default = {d.id: dataset_policy(d).orders for d in settings.dataset}, OrderPolicy()
    return lambda dataset: found.get(dataset, default)


def _known_dataset(settings: Settings, dataset: str | None, *, empty: bool) -> None:
    """An empty answer about a dataset that is neither configured nor in the folder is a typing error."""
    if dataset is None or not empty:
        return
    from twofold.store.lists import Reader

    with Reader(settings.server.data) as reader:
        known_value("--dataset", dataset, [*(d.id for d in settings.dataset), *reader.known("actions", "dataset")])


def _since_s(since: str | None) -> int:
    from twofold.clock import now_ms

    return 0 if since is None else now_ms() // 1000 - period_ms(since) // 1000


@contextmanager
def _progress(quiet: bool) -> Iterator[Any]:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn

    bar = bar_on_stderr(TextColumn("orders"), BarColumn(), MofNCompleteColumn(), quiet=quiet)
    if bar is None:
        yield lambda _n: None
        return
    with bar:
        task = bar.add_task("orders", total=None)
        yield lambda n: bar.advance(task, n)
