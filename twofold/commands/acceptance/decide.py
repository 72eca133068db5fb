"""``twofold decide`` and ``twofold decisions``: what was decided on which figures, and what became of them.

Owns what is typed and printed. The record is `acceptance.decision`'s, the same as the console's page Decisions.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from twofold.commands.options import ByOption, ConfigOption, DataOption, DatasetOption, JsonOption, who_says
from twofold.commands.output.printing import Clock, clock_of, plain, print_about, print_rows, say

if TYPE_CHECKING:
    from twofold.acceptance.decision import Decided, Figure
    from twofold.config import Settings

CALLED = {
    "spend": "spend", "claimed_count": "claimed purchases", "claimed_value": "claimed value", "platform_roas": "claimed return",
    "orders": "orders", "placed": "placed", "placed_roas": "placed return", "delivered": "delivered",
    "delivered_roas": "delivered return", "true": "delivered and collected", "true_roas": "true return", "banked": "banked",
    "banked_roas": "banked return", "cm4": "contribution",
}  # fmt: skip
"""Figures of a campaign, for people; those of a page keep the names that its JSON has."""
RESTS_ON = {
    "signalled": "what the platform claims", "placed": "placed orders", "delivered": "delivered orders", "collected": "delivered and collected money",
    "banked": "banked money", "margin": "what is left over",
}  # fmt: skip

LinkName = Literal["", "signalled", "placed", "delivered", "collected", "banked", "margin"]


def decide(
    what: Annotated[str, typer.Argument(metavar="TEXT", help='What was decided, such as "raise campaign X by 20 %".')],
    campaign: Annotated[str, typer.Option(help="The campaign it is about, by name or id: its figures are kept.")] = "",
    owner: Annotated[str, typer.Option(help="Who answers for it.")] = "",
    review: Annotated[str, typer.Option(help="The day on which it comes back, YYYY-MM-DD.")] = "",
    on: Annotated[
        LinkName,
        typer.Option(
            help="Which link it rests on: signalled, placed, delivered, collected, banked or margin. Default: the furthest with money."
        ),
    ] = "",
    days: Annotated[int, typer.Option(min=1, max=366, help="Of how many days, up to yesterday, the figures are.")] = 28,
    by: ByOption = "",
    dataset: DatasetOption = None,
    json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Keep a decision with the figures it rests on, and what was known to be wrong at that moment.

    Each figure is kept with its role, its link of the chain, its window and its moment. A *do not yet* that the decision overrules is
    named. The entry is in the chained log and cannot be changed; at the review date `twofold decisions` shows it beside what became of
    the same figures.
    """
    from twofold.acceptance.decision import decide as keep
    from twofold.clock import now_ms
    from twofold.config import load_settings

    settings = load_settings(config, data=data)
    found = keep(
        settings, what, who_says(by), now_ms() // 1000, campaign=campaign, owner=owner, review=review, on=on,
        dataset=dataset or "", days=days,
    )  # fmt: skip
    if json:
        _print_json([(found, [], [])])
        return
    _say(found, clock_of(settings))


def decisions(
    since: Annotated[str, typer.Option(help="Only those since this day, YYYY-MM-DD.")] = "",
    json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """See what was decided, on what, and what became of it.

    Says how many rest on the signal (what a platform counts), how many on placed orders, how many on delivered or banked money. One whose
    review date has come stands beside the same figures as they are now, and beside those of as many days since.
    """
    from twofold.acceptance.decision import decisions as kept_decisions
    from twofold.acceptance.decision import since_then, tally, what_became
    from twofold.clock import now_ms
    from twofold.commands.reconcile.chain import day_option, start_of, zone_of
    from twofold.config import load_settings

    settings, now = load_settings(config, data=data), now_ms() // 1000
    begin = start_of(day_option(since), zone_of(settings)) if since else 0
    found = kept_decisions(Path(settings.server.data), now, begin, zone=settings.chain.timezone)
    rows = [(one, _asked(what_became, settings, one, now), _asked(since_then, settings, one, now)) for one in found]
    counts = tally(found)
    if json:
        from twofold.commands.output.rows.acceptance import Tally

        print_about("decisions", since=begin or None, as_of=now, timezone=settings.chain.timezone)
        _print_json(rows)
        print_rows(Tally, [counts])
        return
    clock = clock_of(settings)
    for one, same, later in rows:
        _say(one, clock)
        for name, figures in (("by now", same), ("since then", later)):
            _say_figures(name, figures, clock)
        if one.outcome:
            say(f"  became: {plain(one.outcome)}")
    decided = "1 decision" if len(found) == 1 else f"{len(found)} decisions"
    say(
        f"{decided}: {counts['signal']} on the signal, {counts['placed']} on placed orders, {counts['delivered']} on delivered and "
        f"{counts['banked']} on banked money, {counts['none']} without a figure"
    )


def _asked(question: Any, settings: Settings, one: Decided, now: int) -> list[Figure]:
    """Only of one that is due; a campaign that is there no more says nothing."""
    from twofold.errors import ConfigError

    if not one.due:
        return []
    try:
        found: list[Figure] = question(settings, one, now)
    except ConfigError:
        return []
    return found


def _say(one: Decided, clock: Clock) -> None:
    due = ", due" if one.due else ""
    say(
        f"{one.number}  {clock.said(one.at)}  {plain(one.what)}  ({plain(one.owner or one.by)}; review {one.review or 'none'}{due})"
    )
    if one.figures:
        rests = RESTS_ON.get(one.on, "no figure")
        say(f"  {plain(one.campaign or one.page)}: rests on {rests}{f' ({one.role})' if one.role else ''}")
        _say_figures("then", one.figures, clock)
    elif one.page:
        say(f"  on the figures of {plain(one.page)}")
    for finding in one.findings:
        say(f"  was open then: {plain(finding.title)}. Not yet: {plain(finding.not_yet)}")


def _say_figures(name: str, figures: Sequence[Figure], clock: Clock) -> None:
    """Signal and truth on a line each, with their days and the moment they stood so."""
    if not figures:
        return
    first = figures[0]
    window = f", {first.since} to {first.until}" if first.since else ""
    say(f"  {name}{window}, as of {clock.said(first.as_of)}")
    for role in ("signal", "truth"):
        told = ", ".join(_figure(f) for f in figures if f.role == role)
        if told:
            say(f"    {role}: {told}")


def _figure(one: Figure) -> str:
    """Money as it stands, numbers and ratios to two places."""
    if one.unit:
        return f"{CALLED.get(one.name, one.name)} {Decimal(one.value):,f} {one.unit}"
    rounded = f"{Decimal(one.value):,.2f}" if "." in one.value else f"{Decimal(one.value):,f}"
    return f"{CALLED.get(one.name, one.name)} {rounded.removesuffix('.00')}"


def _print_json(rows: list[tuple[Decided, list[Figure], list[Figure]]]) -> None:
    from twofold.commands.output.rows.acceptance import DecisionMade

    def told(figures: Any) -> list[dict[str, Any]]:
        return [{"name": f.name, "value": f.value, "role": f.role, "link": f.link, "since": f.since, "until": f.until,
                 "as_of": f.as_of, "unit": f.unit} for f in figures]  # fmt: skip

    print_rows(DecisionMade, [{
        "number": one.number, "at": one.at, "what": one.what, "campaign": one.campaign, "figures": told(one.figures), "role": one.role,
        "link": one.on, "findings": [{"key": f.key, "title": f.title, "do_not_yet": f.not_yet} for f in one.findings],
        "owner": one.owner, "by": one.by, "review": one.review or None, "due": one.due, "outcome": one.outcome, "by_now": told(same),
        "since_then": told(later),
    } for one, same, later in rows])  # fmt: skip
