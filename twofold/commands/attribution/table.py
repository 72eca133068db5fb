"""``twofold attribution``: what each campaign, channel or article brought, at every link, beside what it cost and claims.

Owns options and what is shown. What is worked out is `attribution`'s.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from twofold.commands.options import ConfigOption, DataOption, DatasetOption, JsonOption
from twofold.commands.output.printing import make_table, plain, print_about, print_rows, print_wide, say
from twofold.commands.reconcile.chain import (
    AsOfDay,
    SinceDay,
    UntilDay,
    asking_of,
    moment_of,
    rules_of,
    start_of,
    zone_of,
)
from twofold.commands.reconcile.words import words

if TYPE_CHECKING:
    from twofold.attribution.report import Report
    from twofold.attribution.table import Asked

Model = Literal[
    "last", "last_paid", "first", "linear", "position", "time_decay", "markov", "shapley_sum", "shapley_rate"
]
By = Literal[
    "channel", "source", "campaign", "adset", "ad", "landing", "country", "device", "new_or_returning", "product", "day"
]
Link = Literal["placed", "confirmed", "delivered", "true", "banked", "margin"]
_WITHOUT_COST = ("landing", "country", "device", "new_or_returning", "product")
"""Groups to which no spend belongs: what it costs to sell an article or to a country, no platform tells."""
_UNSURE = "cannot be said yet"
_WORDS = {
    "earns": "earns",
    "loses": "loses",
    "unsure": _UNSURE,
    "no_costs": "costs are missing",
    "no_touches": "no visit names it",
    "": "",
}

_CALLED = {
    ("country", "none"): "no country is known",
    ("landing", "none"): "no page is known",
    ("product", "none"): "no article is named",
    ("new_or_returning", "new_unsure"): "new, as far as can be seen",
    ("new_or_returning", "unknown"): "buyer unknown",
    ("device", "unknown"): "device unknown",
}
"""Groups that are words of ours, for people; a page or an article may be called so, and then its id begins with ``told:``."""

MARKS = {
    "no_browser": "no browser is known of them",
    "consent": "consent was refused",
    "ambiguous_person": "several browsers may have made them",
    "no_touch_kept": "of their browser no visit is kept",
    "no_touch_in_window": "no visit within these days",
    "no_paid_touch": "no paid visit",
    "no_order": "deducted for whole payouts",
    "by_name": "joined by name",
    "id_without_spend": "no spend of it is here",
    "no_tag": "its address names none",
    "erased": "came after their buyers were erased",
    "not_told_apart": "these paths do not tell channels apart",
}
"""What the mark of a row says, for people."""


def attribution(
    since: SinceDay,
    until: UntilDay,
    model: Annotated[
        Model, typer.Option("--model", help="How credit is shared; the last three share out a period.")
    ] = "last",
    window: Annotated[
        int, typer.Option("--window", min=1, max=400, help="Days before an order in which a touch counts.")
    ] = 7,
    by: Annotated[By, typer.Option("--by", help="What is credited.")] = "campaign",
    link: Annotated[Link, typer.Option("--link", help="The link of the chain whose amount stands first.")] = "true",
    compare: Annotated[Model | None, typer.Option("--compare", help="A second model beside it.")] = None,
    credit_day: Annotated[
        Literal["order", "touch"], typer.Option("--credit-day", help="Whose day lies in the period.")
    ] = "order",
    repeats: Annotated[
        Literal["all", "collapse", "unique"],
        typer.Option(
            "--repeats", help="Of touches that are credited alike: all, without equal neighbours, or each once."
        ),
    ] = "all",
    half_life: Annotated[int, typer.Option("--half-life", min=1, max=90, help="Days, for time_decay.")] = 7,
    chat_days: Annotated[
        int, typer.Option("--chat-days", min=1, max=400, help="The window of a chat, if it is smaller.")
    ] = 7,
    markov_order: Annotated[int, typer.Option("--order", min=1, max=4, help="How many touches Markov remembers.")] = 1,
    out: Annotated[Path | None, typer.Option("--out", help="Also write the rows there: .csv or .parquet.")] = None,
    as_of: AsOfDay = "",
    dataset: DatasetOption = None,
    json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """See what each campaign really brought: delivered and collected money beside its cost and its platform's claim.

    From the shop's own records. A model shares out credit and does not measure cause (`twofold experiment` does). The
    verdict is silent inside the noise. Orders without a path are a row with the reason. Figures: docs/attribution.md.
    Exit code 1 when the model refuses, with why.
    """
    from twofold.attribution.markov import Refused
    from twofold.attribution.report import report_attribution
    from twofold.attribution.table import Asked
    from twofold.config import load_settings

    if since > until:
        raise typer.BadParameter("--until: expected a day that is not before --since")
    if out is not None and out.suffix not in (".csv", ".parquet"):
        raise typer.BadParameter(
            f"expected a name that ends with .csv or .parquet, got {out.name!r}", param_hint="--out"
        )
    settings = load_settings(config, data=data)
    zone, rules = zone_of(settings), rules_of(settings)
    asked = Asked(
        since=since, until=until, by=by, model=model, click_days=window, chat_days=chat_days, half_life_days=half_life,
        repeats=repeats, credit_day=credit_day, currency=rules.currency, least_costed=rules.least_costed,
    )  # fmt: skip
    moment = moment_of(as_of, zone)
    try:
        report = report_attribution(
            settings.server.data, asked, rules, zone, moment, asking_of(settings, json),
            dataset=dataset, link=link, compare=compare, markov_order=markov_order,
        )  # fmt: skip
    except Refused as err:
        say(f"{model if not compare else f'{model} or {compare}'} says nothing: {err}.")
        raise typer.Exit(1) from None
    if out is not None:
        _write(out, report.rows)
    if json:
        from twofold.commands.output.rows.attribution import AttributionFinding, AttributionRow

        print_about(
            "attribution", dataset=dataset, since=start_of(since, zone), until=start_of(until, zone, days=1), timezone=str(zone),
            currency=report.currency, view=f"{model} {window} days by {by}", as_of=moment, missing={"rate": str(report.missing)},
        )  # fmt: skip
        print_rows(AttributionRow, report.rows)
        print_rows(AttributionFinding, report.findings)
    else:
        _show(report, asked, link, compare)


def _show(report: Report, asked: Asked, link: str, compare: str | None) -> None:
    say(f"Orders of {asked.since} to {asked.until}, credited by {asked.model} within {asked.click_days} days, in {report.currency}. "
        "A model shares out credit; it does not measure cause.")  # fmt: skip
    links = [link, *(one for one in ("placed", "delivered", "true", "banked") if one != link)]
    of_cost = asked.by not in _WITHOUT_COST
    columns = [asked.by, "orders", *(("spend", "claimed") if of_cost else ()), *links]
    columns += ["true return", "contribution", "open", "verdict"] if of_cost else ["open"]
    table = make_table(*columns, *([compare] if compare else []), right={*columns[1:], compare or ""} - {"verdict"})
    for row in report.rows:
        called = _called(row) + (f" ({words(MARKS, row['mark'])})" if row["mark"] else "")
        cost = [_money(row["spend"]), _money(row["claimed_value"])] if of_cost else []
        after = [_return(row), _money(row["cm4"])] if of_cost else []
        table.add_row(
            plain(called), f"{Decimal(row['orders']):,.2f}", *cost, *(_money(row[one]) for one in links), *after, _money(row["open"]),
            *([_verdict(row)] if of_cost else []), *([_money(row["compared"])] if compare else []),
        )  # fmt: skip
    cost = ["spend", "claimed_value"] if of_cost else []
    after = ["", ""] if of_cost else []
    table.add_row(
        "total", f"{_total(report.rows, 'orders'):,.2f}", *(_money(_total(report.rows, one)) for one in (*cost, *links)), *after,
        _money(_total(report.rows, "open")), *after[:1], *([_money(_total(report.rows, "compared"))] if compare else []),
    )  # fmt: skip
    print_wide(table)
    say(
        "spend, placed, delivered, true (delivered and collected), banked, contribution: for the business. claimed: for the algorithm."
    )
    for finding in report.findings:
        say(f"LOOK  {plain(finding['of'])}{': ' if finding['of'] else ''}{finding['text']}")


def _called(row: dict[str, Any]) -> str:
    return _CALLED.get((row["by"], row["id"]), str(row["group"]))


def _total(rows: list[dict[str, Any]], name: str) -> Decimal | None:
    """What all rows come to. There is no return of all together: most rows cost nothing."""
    told = [Decimal(row[name]) for row in rows if row[name] is not None]
    return sum(told, Decimal(0)) if told else None


def _money(text: str | Decimal | None) -> str:
    return "" if text is None else f"{Decimal(text):,f}"


def _return(row: dict[str, Any]) -> str:
    if not row["true_roas"]:
        return ""
    low, high = row["true_roas_low"], row["true_roas_high"]
    return f"{Decimal(row['true_roas']):,.2f}" + (
        "" if low is None else f" ({Decimal(low):,.2f} to {Decimal(high):,.2f})"
    )


def _verdict(row: dict[str, Any]) -> str:
    word = _WORDS[row["verdict"] or ""]
    more = row["more_orders"]
    if row["verdict"] != "unsure" or not more:
        return word
    return f"{word}: {'one more order' if more == 1 else f'{more:,} more orders'} would decide"


def _write(out: Path, rows: list[dict[str, Any]]) -> None:
    """The rows as text, one column a field: figures are decimal text, so that nothing is rounded."""
    import csv
    import tempfile

    names = list(rows[0]) if rows else ["by"]
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        table = Path(folder) / "rows.csv"
        with table.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows({name: _safe(value) for name, value in row.items()} for row in rows)
        if out.suffix == ".csv":
            table.replace(out)
            return
        import duckdb

        made = Path(folder) / "rows.parquet"
        with duckdb.connect() as db:
            db.read_csv(str(table), header=True, all_varchar=True).write_parquet(str(made))
        made.replace(out)


def _safe(value: Any) -> Any:
    """A text that a spreadsheet would run as a formula is led by a quote."""
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+@\t\r" else value
