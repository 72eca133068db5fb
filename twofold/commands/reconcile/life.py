"""One order's life for people and for machines: where its goods and its money are, then everything in time order.

Owns the words and rows that ``twofold orders show`` adds to what was reported.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from twofold.commands.output.printing import make_table, plain, print_rows, print_wide, say
from twofold.commands.reconcile.chain import rules_of, zone_of
from twofold.ledger.money import digits_of
from twofold.reconcile.spoken import evidence_words, money_words

if TYPE_CHECKING:
    from twofold.config import Settings
    from twofold.reconcile.life import Life

STATIONS = {
    "delivered": "delivered", "returned": "came back", "refused": "refused at the door", "lost": "lost on the way",
    "cancelled": "cancelled", "unconfirmed": "never confirmed", "awaits_confirmation": "waits to be confirmed",
    "not_shipped": "waits to be sent off", "in_transit": "on the way to the buyer",
}  # fmt: skip


def lives(settings: Settings, found: list[dict[str, Any]], policy_of: Any, now_s: int) -> dict[str, Life]:
    """The lives of these orders, by dataset and order id."""
    from twofold.reconcile.reading.lives import lives_of

    keys = [f"{one['dataset']}/{one['order_id']}" for one in found]
    return lives_of(settings.server.data, policy_of, keys, rules_of(settings), zone_of(settings), now_s)


def life_rows(life: Life | None, facts: list[dict[str, Any]]) -> None:
    """Steps of the order and reports of it, all in time order; then where its money is, and its lines."""
    from twofold.commands.output.rows.orders import OrderLine, Step, Where

    steps: list[dict[str, Any]] = [
        {"at": f["at"], "what": f["kind"], "evidence": f["source"], "reference": f["reference"],
         "received_at": f["received_at"], "said": f["said"]}
        for f in facts
    ]  # fmt: skip
    if life is not None:
        steps += [{name: getattr(s, name) for name in s.__struct_fields__} for s in life.steps]
    print_rows(Step, sorted(steps, key=lambda s: s["at"]))
    if life is not None:
        print_rows(Where, (
            {"currency": life.currency} | {name: getattr(p, name) for name in p.__struct_fields__} for p in life.purses
        ))  # fmt: skip
        print_rows(OrderLine, life.lines)


def print_life(life: Life | None, settings: Settings) -> None:
    """The same for people, with the zone of reports."""
    if life is None:
        say("where its money is: nobody told a total, or a rate is missing")
        return
    zone = zone_of(settings)

    def day(at: int | None) -> str:
        return "" if at is None else datetime.fromtimestamp(at, zone).strftime("%Y-%m-%d")

    if life.test:
        say("a test order: it counts nowhere, and nobody waits for its money")
    say(f"the goods: {STATIONS.get(life.station, life.station)} since {day(life.since)}")
    table = make_table("the money", "amount", "since", "expected by", right=("amount",))
    for purse in life.purses:
        table.add_row(
            plain(money_words(purse.words, purse.amount)),
            f"{_amount(purse.amount, life.currency)} {plain(life.currency)}",
            day(purse.since),
            purse.expected or "",
        )
    if len(life.purses) > 1:
        whole = sum((purse.amount for purse in life.purses), Decimal(0))
        words = "together, which is what was ordered" if whole == life.total else "together"
        table.add_row(words, f"{_amount(whole, life.currency)} {plain(life.currency)}", "", "", end_section=True)
    if not life.purses:
        table.add_row("nothing was taken yet", f"0 {plain(life.currency)}", "", "")
    print_wide(table)
    say(f"\nwhat happened (times in {plain(settings.chain.timezone)})")
    table = make_table("when", "link", "what", "amount", "who says so", "reference", right=("amount",))
    for step in life.steps:
        when = datetime.fromtimestamp(step.at, zone).strftime("%Y-%m-%d" if step.day_only else "%Y-%m-%d %H:%M")
        amount = "" if step.amount is None else _amount(step.amount, life.currency)
        table.add_row(
            when, step.link, plain(step.what), amount, plain(evidence_words(step.evidence)), plain(step.reference)
        )
    print_wide(table)
    say(f"\nas it was reported (times in {plain(settings.chain.timezone)})")


def _amount(amount: Decimal, currency: str) -> str:
    """With all of its currency's digits, and with more where it has more."""
    digits = digits_of(currency)
    return f"{amount:,.{digits}f}" if amount == round(amount, digits) else f"{amount:,f}"
