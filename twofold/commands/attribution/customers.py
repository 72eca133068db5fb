"""``twofold customers``: what the new customers of each month brought since, against what it cost to win them."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

import typer

from twofold.commands.options import ConfigOption, DataOption, DatasetOption, JsonOption
from twofold.commands.output.files import OutOption, columns_of, write_rows
from twofold.commands.output.printing import make_table, print_about, print_rows, print_wide, say
from twofold.commands.reconcile.chain import AsOfDay, asking_of, moment_of, rules_of, zone_of


def customers(
    revenue: Annotated[bool, typer.Option("--revenue", help="Count revenue instead of contribution.")] = False,
    out: OutOption = None,
    as_of: AsOfDay = "",
    dataset: DatasetOption = None,
    json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """See whether customers come back, and when they have paid back what it cost to win them.

    A cohort is the month of a customer's first delivered order. A cell is shown only when the whole cohort is that old;
    nothing is extrapolated. What it cost is all spend of the month over its new customers.
    """
    from twofold.attribution.report import cohort_rows, read_cohorts
    from twofold.commands.output.rows.attribution import CohortRow
    from twofold.config import load_settings

    settings = load_settings(config, data=data)
    zone, moment = zone_of(settings), moment_of(as_of, zone_of(settings))
    ask = asking_of(settings, quiet=json)
    found, currency = read_cohorts(
        settings.server.data, rules_of(settings), zone, moment, ask, dataset=dataset, revenue=revenue
    )
    rows = cohort_rows(found, currency, revenue=revenue)
    if out is not None:
        write_rows(out, rows, columns_of(CohortRow))
    if json:
        print_about("customers", dataset=dataset, timezone=str(zone), currency=currency, as_of=moment)
        print_rows(CohortRow, rows)
        return
    if not rows:
        say("No month with a first delivered order is over yet.")
        return
    most = max(len(row["value"]) for row in rows)
    months = [f"month {n}" for n in range(most)]
    say(f"What one customer brought up to each month, in {currency} ({rows[0]['of']}). For the business.")
    table = make_table(
        "first order", "customers", "cost each", *months, "LTV:CAC", "paid back",
        right=("customers", "cost each", *months, "LTV:CAC"),
    )  # fmt: skip
    for row in rows:
        paid = (
            ""
            if row["cac"] is None
            else "not yet"
            if row["paid_back_in_month"] is None
            else f"in month {row['paid_back_in_month']}"
        )
        table.add_row(
            row["month"],
            f"{row['customers']:,}",
            row["cac"] or "",
            *row["value"],
            *[""] * (most - len(row["value"])),
            f"{Decimal(row['ltv_to_cac'][-1]):,.2f}" if row["ltv_to_cac"] else "",
            paid,
        )
    print_wide(table)
    say("LTV:CAC: what one brought up to the last month that is shown, over what it cost to win one.")
