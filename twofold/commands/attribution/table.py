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
    moment_of,
    policies,
    rules_of,
    start_of,
    zone_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from twofold.attribution.reading import Basis
    from twofold.attribution.table import Asked, Line
    from twofold.config import Settings

Model = Literal[
    "last", "last_paid", "first", "linear", "position", "time_decay", "markov", "shapley_sum", "shapley_rate"
]
By = Literal[
    "channel", "source", "campaign", "adset", "ad", "landing", "country", "device", "new_or_returning", "product", "day"
]
Link = Literal["placed", "confirmed", "delivered", "true", "banked", "margin"]
_UNSURE = "cannot be said yet"
_WORDS = {
    "earns": "earns",
    "loses": "loses",
    "unsure": _UNSURE,
    "no_costs": "costs are missing",
    "no_touches": "no visit names it",
    "": "",
}


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
    from twofold.attribution.reading import read_basis
    from twofold.attribution.table import Asked, deductions
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
    ask = _asker(settings)
    basis = read_basis(settings.server.data, policies(settings), asked, rules, zone, moment, ask, dataset)
    from msgspec.structs import replace

    asked = replace(asked, currency=basis.desk.rules.currency)
    try:
        lines = _lines(basis, asked, ask, moment, markov_order)
        lines += [deductions(basis.deducted)] if basis.deducted else []
        other = _lines(basis, replace(asked, model=compare), ask, moment, markov_order) if compare else []
    except Refused as err:
        say(f"{model if not compare else f'{model} or {compare}'} says nothing: {err}.")
        raise typer.Exit(1) from None
    rows = _rows(lines, other, asked, link, compare)
    if out is not None:
        _write(out, rows)
    if json:
        from twofold.commands.output.rows.attribution import AttributionFinding, AttributionRow

        print_about(
            "attribution", dataset=dataset, since=start_of(since, zone), until=start_of(until, zone, days=1), timezone=str(zone),
            currency=asked.currency, view=f"{model} {window} days by {by}", as_of=moment, missing={"rate": str(basis.missing)},
        )  # fmt: skip
        print_rows(AttributionRow, rows)
        print_rows(AttributionFinding, _findings(basis, lines))
    else:
        _show(rows, basis, asked, link, compare, lines)


def _asker(settings: Settings) -> Callable[[Any, dict[str, Any]], list[Any]]:
    from twofold.control.tables import ask_tables

    return lambda question, parameters: ask_tables(settings, question, parameters).rows


def _lines(basis: Basis, asked: Asked, ask: Any, moment: int, markov_order: int) -> list[Line]:
    from twofold.attribution.period import PERIOD_MODELS
    from twofold.attribution.spend import LEVELS, Advert
    from twofold.attribution.table import Group, table
    from twofold.reconcile.exchange import day_text

    def day_of(at: int) -> str:
        return day_text(basis.desk.days.of(at))

    if asked.model in PERIOD_MODELS:
        return _of_period(basis, asked, ask, moment, markov_order, day_of)

    def seen(group: Group) -> bool:
        if asked.by not in LEVELS:
            return True
        identity = group.key.partition(":")[2]
        return basis.seen.names(asked.by, identity, basis.adverts.name_of(asked.by, Advert(group.platform, identity)))

    return table(basis.orders, asked, basis.adverts, basis.costs, day_of, basis.rates, seen)


def _of_period(
    basis: Basis, asked: Asked, ask: Any, moment: int, markov_order: int, day_of: Callable[[int], str]
) -> list[Line]:
    from twofold.attribution.paths import PathTouch, path_of
    from twofold.attribution.period import Refused, share_period, tells_apart
    from twofold.attribution.reading import paths_of_nobody, period_paths
    from twofold.attribution.table import OF_ORDERS, Group, group_of

    if asked.by in OF_ORDERS or asked.by == "day":
        raise Refused(f"a model of a period credits channels and adverts, not {asked.by}")
    names: dict[str, Group] = {}

    def key_of(touch: PathTouch) -> str:
        group = group_of(touch, asked.by, basis.adverts, day_of(touch.at), "")
        names[group.key] = group
        return group.key

    ends_at = min(moment, max((o.placed_at for o in basis.orders), default=0))
    inside = [o for o in basis.orders if asked.since <= o.day <= asked.until]
    paths = period_paths(inside, paths_of_nobody(asked, ask, key_of, ends_at), asked, key_of)
    have = [bool(path_of(o.touches, o.placed_at, asked.click_days, asked.chat_days)) for o in inside]
    lines = share_period(
        paths,
        [o for o, has in zip(inside, have, strict=True) if has],
        [o for o, has in zip(inside, have, strict=True) if not has],
        asked, basis.costs, names, markov_order,
    )  # fmt: skip
    if not tells_apart(paths):
        for line in lines:
            line.group = line.group._replace(mark=line.group.mark or "not_told_apart")
    return lines


def _rows(
    lines: Iterable[Line], other: Iterable[Line], asked: Asked, link: str, compare: str | None
) -> list[dict[str, Any]]:
    from twofold.attribution.figures import closed_column, figures_of
    from twofold.attribution.table import LINKS, has_few, verdict_word
    from twofold.reconcile.chain.rows import closed

    lines, other = list(lines), list(other)
    beside = dict(
        zip((o.group.key for o in other), closed_column([o.amounts[link] for o in other], asked.currency), strict=True)
    )
    columns = {name: closed_column([line.amounts[name] for line in lines], asked.currency) for name in LINKS}
    found = []
    for place, line in enumerate(lines):
        figures = figures_of(line, asked.currency, asked.least_costed)
        found.append({
            "by": asked.by, "group": line.group.name, "id": line.group.key, "platform": line.group.platform, "mark": line.group.mark,
            "model": asked.model, "window_days": asked.click_days, "credit_day": asked.credit_day, "repeats": asked.repeats,
            "orders": f"{Decimal(line.orders.numerator) / line.orders.denominator:.4f}",
            "by_shop": f"{Decimal(line.by_shop.numerator) / line.by_shop.denominator:.4f}", "customers_new": line.new, "customers_returning": len(line.returning),
            **{name: _text(columns[name][place]) for name in LINKS},
            "spend": _text(closed(line.cost.spend, asked.currency)),
            "claimed_count": _text(line.cost.claimed_count),
            "claimed_value": _text(None if line.cost.claimed_value is None else closed(line.cost.claimed_value, asked.currency)),
            **{name: _text(getattr(figures, name)) for name in figures.__struct_fields__},
            "open": _text(closed(line.open, asked.currency)),
            **{
                name: _text(None if value is None else closed(value, asked.currency))
                for name, value in (
                    ("expected", line.expected), ("expected_low", line.expected_low), ("expected_high", line.expected_high)
                )
            },
            "few": has_few(line), "verdict": verdict_word(line) or None,
            "more_orders": line.verdict.more_orders if line.verdict else None,
            "compared_model": compare, "compared": _text(beside.get(line.group.key, Decimal(0))) if compare else None,
        })  # fmt: skip
    return found


def _text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def _findings(basis: Basis, lines: Iterable[Line]) -> list[dict[str, Any]]:
    from twofold.attribution.spend import BY_NAME, NO_SPEND, untagged
    from twofold.commands.attribution.source import RECOMMENDED

    lines = list(lines)
    found: list[dict[str, Any]] = []
    placed = sum((o.amounts["placed"] for o in basis.orders), Decimal(0))
    if basis.claimed is not None and placed and basis.claimed > placed:
        share = basis.claimed / placed
        found.append(
            _finding("claims_above_orders", "", f"all platforms together claim {share:.2f} of what was placed at all")
        )
    for advert, name, amount in untagged(basis.spend, basis.seen):
        tail = RECOMMENDED.get(advert.platform)
        text = f"{amount:f} were spent and no visit names it" + (f"; end its address with {tail}" if tail else "")
        found.append(_finding("spend_without_touches", name, text))
    for line in lines:
        if line.group.mark == NO_SPEND:
            found.append(
                _finding(
                    "id_without_spend",
                    line.group.name,
                    "orders name it, and no spend of it is here: `twofold import spend`",
                )
            )
        elif line.group.mark == BY_NAME:
            found.append(
                _finding("by_name", line.group.name, "joined to its spend by name; put the id into its address")
            )
        elif line.group.mark == "no_tag":
            found.append(_finding("no_tag", line.group.name, "paid visits whose address names no campaign"
                                  + (f"; end it with {RECOMMENDED[line.group.platform]}" if line.group.platform in RECOMMENDED else "")))  # fmt: skip
        elif line.group.mark == "not_told_apart":
            found.append(
                _finding("not_told_apart", line.group.name, "the paths of this period do not tell channels apart")
            )
    macros = {t.touch.content for o in basis.orders for t in o.touches} | {
        t.touch.utm_id for o in basis.orders for t in o.touches
    }
    from twofold.touch.source import is_macro

    found += [
        _finding("macro", text, "a macro that nobody filled in") for text in sorted(macros) if text and is_macro(text)
    ]
    return found


def _finding(kind: str, of: str, text: str) -> dict[str, Any]:
    return {"kind": kind, "of": of, "text": text}


def _show(
    rows: list[dict[str, Any]], basis: Basis, asked: Asked, link: str, compare: str | None, lines: Iterable[Line]
) -> None:
    say(f"Orders of {asked.since} to {asked.until}, credited by {asked.model} within {asked.click_days} days, in {asked.currency}. "
        "A model shares out credit; it does not measure cause.")  # fmt: skip
    right = (
        "orders",
        "spend",
        "claimed",
        link,
        "placed",
        "delivered",
        "true return",
        "contribution",
        "open",
        compare or "compared",
    )
    columns = [
        asked.by,
        "orders",
        "spend",
        "claimed",
        "placed",
        "delivered",
        "true",
        "banked",
        "true return",
        "contribution",
        "open",
        "verdict",
    ]
    table = make_table(*columns, *([compare] if compare else []), right=(*right, "true", "banked"))
    for row in rows:
        interval = (
            ""
            if row["true_roas_low"] is None
            else f" ({Decimal(row['true_roas_low']):.2f} to {Decimal(row['true_roas_high']):.2f})"
        )
        verdict = _WORDS[row["verdict"] or ""]
        if row["verdict"] == "unsure" and row["more_orders"]:
            verdict += f": {row['more_orders']:,} more orders would decide"
        table.add_row(
            plain(row["group"] + (f" ({row['mark']})" if row["mark"] else "")), f"{Decimal(row['orders']):,.2f}", row["spend"],
            row["claimed_value"] or "", row["placed"], row["delivered"], row["true"], row["banked"],
            (f"{Decimal(row['true_roas']):.2f}{interval}" if row["true_roas"] else ""), row["cm4"] or "", row["open"], verdict,
            *([row["compared"]] if compare else []),
        )  # fmt: skip
    print_wide(table)
    say(
        "spend, placed, delivered, true (delivered and collected), banked, contribution: for the business. claimed: for the algorithm."
    )
    for finding in _findings(basis, lines):
        say(f"LOOK  {plain(finding['of'])}{': ' if finding['of'] else ''}{finding['text']}")


def _write(out: Path, rows: list[dict[str, Any]]) -> None:
    """The rows as text, one column a field: figures are decimal text, so that nothing is rounded."""
    import csv
    import tempfile

    if not rows:
        rows = []
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
