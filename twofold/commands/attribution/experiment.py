"""``twofold experiment``: plans where ads are off for a while, registers that before the start, and reads what came of it.

Owns options and what is shown. The draw and the interval are `attribution.experiment`'s; the plan stands in the chained log.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from twofold.commands.options import ConfigOption, DataOption, JsonOption
from twofold.commands.output.printing import make_table, print_rows, print_wide, say
from twofold.commands.reconcile.chain import day_option, zone_of

if TYPE_CHECKING:
    from twofold.attribution.experiment import Plan
    from twofold.config import Settings

KIND = "experiment"
"""The entry of the chained log."""

experiment = typer.Typer(
    name="experiment",
    help="What ads really bring: plan a time without them somewhere, register it, read it. No model of credit is causal.",
    no_args_is_help=True,
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="What the experiment is called, such as meta-spring.")]
Measure = Literal["orders", "amount", "delivered", "delivered_amount"]


@experiment.command("plan")
def plan_experiment(
    name: Name,
    since: Annotated[str, typer.Option("--since", help="Its first day, such as 2026-12-01.", callback=day_option)],
    over: Annotated[
        Literal["regions", "days"],
        typer.Option("--over", help="Where ads are off: in regions (of delivery addresses), or on days."),
    ] = "regions",
    days: Annotated[int, typer.Option("--days", min=7, max=365, help="How long; over days 14, 28, 42, …")] = 28,
    before_days: Annotated[
        int, typer.Option("--before-days", min=14, max=730, help="Days before it that are compared with.")
    ] = 84,
    measure: Annotated[
        Measure,
        typer.Option("--measure", help="What is counted: orders or their amount, placed or delivered."),
    ] = "orders",
    campaign: Annotated[str, typer.Option("--campaign", help="What is switched off, in your words.")] = "",
    country: Annotated[str, typer.Option("--country", help="Only regions of this country, such as GE.")] = "",
    seed: Annotated[str, typer.Option("--seed", help="What the draw is made of. Default: a new one.")] = "",
    register: Annotated[
        bool, typer.Option("--register", help="Write it into the chained log: only before it begins, and for good.")
    ] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Draw where ads are off, and say beforehand how large a lift would be seen.

    Regions of like size stand in pairs (or a weekday with the same one a week later); the seed says which of a pair is off.
    The promise comes of trying the same on the days before, where nothing was switched. Exit code 1 when it cannot be
    planned, with the reason.
    """
    import secrets

    from twofold.attribution.experiment import Refused, plan
    from twofold.config import load_settings

    settings = load_settings(config, data=data)
    zone, first = zone_of(settings), date.fromisoformat(since)
    known_until = min(first, _today(zone))  # what is not over is not known
    before = known_until - timedelta(days=before_days)
    known, without = _outcomes(settings, over, measure, before, known_until, country.upper(), zone)
    try:
        planned = plan(name, over, measure, first, days, seed or secrets.token_hex(4), known, before, known_until)
    except Refused as err:
        say(f"No experiment: {err}.")
        raise typer.Exit(1) from None
    if register:
        _register(settings, planned, campaign, country.upper(), zone)
    _show_plan(planned, campaign, without, registered=register, json=json)


@experiment.command("read")
def read_experiment(name: Name, json: JsonOption = False, config: ConfigOption = None, data: DataOption = None) -> None:
    """Say what a registered experiment shows, once its days are over: the lift, with its interval at 95 %.

    Exit code 1 while it runs: a figure that is looked at early is no longer at 95 %. Exit code 5 for a name that nobody registered.
    """
    from twofold.attribution.experiment import read
    from twofold.config import load_settings

    settings = load_settings(config, data=data)
    zone = zone_of(settings)
    found = _registered(settings).get(name)
    if found is None:
        say(f"No experiment is registered as {name!r}. `twofold experiment list` names them.")
        raise typer.Exit(5)
    planned, said = found
    if planned.until >= _today(zone):
        say(f"{name} runs until {planned.until}: nothing is read before, or its interval would not be at 95 %.")
        raise typer.Exit(1)
    known, without = _outcomes(
        settings,
        planned.over,
        planned.measure,
        planned.before,
        planned.until + timedelta(days=1),
        said["country"],
        zone,
    )
    got = read(planned, known)
    row = {
        "name": name, "over": planned.over, "measure": planned.measure, "since": str(planned.since), "until": str(planned.until),
        "campaign": said["campaign"], "lift": _ratio(got.lift), "lift_low": _ratio(got.low), "lift_high": _ratio(got.high),
        "on": _plain(got.on), "off": _plain(got.off), "incremental": _plain(got.incremental),
        "incremental_low": _plain(got.incremental_low), "incremental_high": _plain(got.incremental_high),
        "promised": _ratio(planned.sees), "without_region": without, "says": _verdict(got.low, got.high),
    }  # fmt: skip
    if json:
        from twofold.commands.output.rows.attribution import ExperimentReading

        print_rows(ExperimentReading, [row])
        return
    say(f"{name}: {planned.measure} from {planned.since} to {planned.until}, over {planned.over}. For the business.")
    say(
        f"With ads {_percent(got.lift)} ({_percent(got.low)} to {_percent(got.high)}) more than without. {_VERDICTS[row['says']]}"
    )
    say(
        f"Where they were on they brought {row['incremental']} of {row['on']} ({row['incremental_low']} to {row['incremental_high']})."
    )
    if without:
        say(f"{without:,} orders have no region and stand apart.")


@experiment.command("list")
def list_experiments(json: JsonOption = False, config: ConfigOption = None, data: DataOption = None) -> None:
    """List the experiments that were registered, and which of them run."""
    from twofold.config import load_settings

    settings = load_settings(config, data=data)
    today = _today(zone_of(settings))
    rows = [
        {
            "name": p.name, "over": p.over, "measure": p.measure, "since": str(p.since), "until": str(p.until),
            "campaign": said["campaign"], "promised": _ratio(p.sees),
            "state": "planned" if today < p.since else "runs" if today <= p.until else "over",
        }
        for p, said in _registered(settings).values()
    ]  # fmt: skip
    if json:
        from twofold.commands.output.rows.attribution import Experiment

        print_rows(Experiment, rows)
    elif not rows:
        say("No experiment is registered. `twofold experiment plan NAME --since DAY` draws one.")
    else:
        table = make_table("name", "over", "since", "until", "state", "promised")
        for row in rows:
            table.add_row(*(str(row[n]) for n in ("name", "over", "since", "until", "state", "promised")))
        print_wide(table)


_VERDICTS = {
    "brings": "Nought is outside of the interval: they bring something.",
    "costs": "Nought is outside of the interval: they cost sales.",
    "unsure": "Nought is inside: it cannot be said.",
}


def _verdict(low: float, high: float) -> str:
    return "brings" if low > 0 else "costs" if high < 0 else "unsure"


def _outcomes(
    settings: Settings, over: str, measure: str, first: date, end: date, country: str, zone: tzinfo
) -> tuple[dict[str, dict[date, float]], int]:
    """By region and day of the zone, from the first day to before ``end``; and how many orders have no region."""
    from twofold.attribution.experiment import ALL
    from twofold.control.tables import ask_tables
    from twofold.facts.questions import questions_of

    question = questions_of("twofold.attribution")["orders_by_region"]
    span = {"since": str(first - timedelta(days=1)), "until": str(end)}  # days of the tables are UTC's
    currency = settings.chain.currency
    found: dict[str, dict[date, float]] = {}
    without = 0
    for row in ask_tables(settings, question, {**span, "country": country, "currency": currency}).rows:
        day = datetime.fromtimestamp(row.quarter, UTC).astimezone(zone).date()
        if not first <= day < end:
            continue
        if over == "regions" and not row.region:
            without += row.orders
            continue
        by_day = found.setdefault(ALL if over == "days" else row.region, {})
        by_day[day] = by_day.get(day, 0.0) + float(getattr(row, measure))
    return found, without


def _register(settings: Settings, planned: Plan, campaign: str, country: str, zone: tzinfo) -> None:
    import msgspec

    from twofold.control.owner import on_store
    from twofold.control.questions import Note

    if planned.since <= _today(zone):
        raise typer.BadParameter(
            "expected a day that has not begun: what is registered afterwards proves nothing", param_hint="--since"
        )
    if planned.name in _registered(settings):
        raise typer.BadParameter(f"{planned.name!r} is registered already, and stays as it is", param_hint="NAME")
    facts = {"plan": msgspec.to_builtins(planned), "campaign": campaign, "country": country}
    on_store(settings, Note(kind=KIND, facts=facts))


def _registered(settings: Settings) -> dict[str, tuple[Plan, dict[str, Any]]]:
    """What stands in the log, the first of a name."""
    import msgspec

    from twofold.attribution.experiment import Plan
    from twofold.store.lists import Reader

    found: dict[str, tuple[Plan, dict[str, Any]]] = {}
    with Reader(settings.server.data) as reader:
        for facts in reader.audit_of_kind(KIND):
            planned = msgspec.convert(facts["plan"], Plan)
            found.setdefault(planned.name, (planned, facts))
    return found


def _show_plan(planned: Plan, campaign: str, without: int, *, registered: bool, json: bool) -> None:
    if json:
        from twofold.commands.output.rows.attribution import ExperimentPlan

        print_rows(ExperimentPlan, [{
            "name": planned.name, "over": planned.over, "measure": planned.measure, "since": str(planned.since),
            "until": str(planned.until), "before": str(planned.before), "campaign": campaign, "seed": planned.seed,
            "on": sorted(p.on for p in planned.pairs), "off": planned.off, "left_out": planned.left_out,
            "promised": _ratio(planned.sees), "power": {k: _ratio(v) for k, v in planned.power.items()},
            "without_region": without, "registered": registered,
        }])  # fmt: skip
        return
    what = campaign or "the ads"
    say(
        f"{planned.name}: {what} off from {planned.since} to {planned.until} {'in' if planned.over == 'regions' else 'on'}:"
    )
    say(f"  {', '.join(planned.off)}")
    say(f"On {'in' if planned.over == 'regions' else 'on'}:")
    say(f"  {', '.join(sorted(p.on for p in planned.pairs))}")
    if planned.left_out:
        say(f"In neither, being too small or without a partner: {', '.join(planned.left_out)}")
    say(
        f"It will see a lift of {_percent(planned.sees)} or more ({planned.measure}; tried on the days from {planned.before})."
    )
    seen = ", ".join(f"{_percent(float(lift))}: {chance:.0%}" for lift, chance in planned.power.items())
    say(f"Chance that a lift is told from nothing: {seen}.")
    if without:
        say(f"{without:,} orders have no region and stand apart.")
    say(
        f"Seed {planned.seed}. "
        + ("Registered." if registered else "Not registered: add --register and --seed to keep it.")
    )


def _today(zone: tzinfo) -> date:
    from twofold.clock import now_ms

    return datetime.fromtimestamp(now_ms() / 1000, UTC).astimezone(zone).date()


def _ratio(value: float) -> str:
    return f"{Decimal(repr(value)):.4f}"


def _plain(value: float) -> str:
    return f"{Decimal(repr(value)):.2f}"


def _percent(value: float) -> str:
    return f"{value * 100:.1f} %"
