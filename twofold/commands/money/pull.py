"""``twofold pull``: options, the line that says what is going on, the days and problems at the end.

Owns what is typed and printed. What happens is in `pulling`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twofold.commands.options import ConfigOption, DataOption, JsonOption
from twofold.commands.output.printing import bar_on_stderr, make_table, plain, print_rows, print_wide, say

if TYPE_CHECKING:
    from twofold.config import AccountSettings, Settings

PUBLIC = ("nbg", "ecb")  # they need no account


def pull_account(
    platform: Annotated[
        str,
        typer.Argument(
            help="nbg, ecb, meta, google_ads, tiktok, ga4, stripe, shopify, bog, tbc, or all that are configured."
        ),
    ],
    account: Annotated[
        str, typer.Option("--account", help="Name of an [[account]]. Default: all of the platform.")
    ] = "",
    since: Annotated[
        str, typer.Option("--since", help="First day, YYYY-MM-DD. Default: the account's `days` back.")
    ] = "",
    until: Annotated[str, typer.Option("--until", help="Last day. Default: today, in the account's `timezone`.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Ask and read everything, write nothing.")] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Ask a platform, shop or bank what it says of some days: rates, advertising, counts, payouts, statements.

    Accounts are configured as [[account]]; rates of nbg and ecb need none. A day that is told otherwise than before
    stays beside what was said then, and the newer word stands. Works while the gateway runs, which also pulls by itself
    at the time that `pull` of the account says. Exit code 1 when something could not be had; see docs/pulling.md.
    """
    from twofold.clock import now_ms
    from twofold.config import load_settings
    from twofold.pulling.exchange import Exchange
    from twofold.pulling.platforms import BY_NAME
    from twofold.pulling.run import PulledDay, PullProblem, pull, span_of

    os.umask(0o077)
    settings = load_settings(config, data=data)
    since, until = _day("--since", since), _day("--until", until)
    if since and until and since > until:
        raise typer.BadParameter("expected --since before --until")
    found: list[PulledDay | PullProblem] = []
    for one in _accounts(settings, platform, account):
        bar, exchange = _watched(one.name, Exchange, quiet=json)
        span = span_of(one, since, until, exchange.now)
        with bar:
            for item in pull(settings, BY_NAME[one.platform], one, span, now_ms(), exchange, dry_run=dry_run):
                found.append(item)
                if json:
                    _print_row(item)
    if not json:
        _print([item for item in found if isinstance(item, PulledDay)], dry_run)
        for item in found:
            if isinstance(item, PullProblem):
                say(plain(f"problem: {item.account}, {item.since} to {item.until}: {item.text}"))
    raise typer.Exit(1 if any(isinstance(item, PullProblem) for item in found) else 0)


def _accounts(settings: Settings, platform: str, name: str) -> list[AccountSettings]:
    from twofold.config import AccountSettings
    from twofold.pulling.platforms import BY_NAME

    if platform != "all" and platform not in BY_NAME:
        raise typer.BadParameter(
            f"expected all or one of {', '.join(BY_NAME)}, got {platform!r}", param_hint="PLATFORM"
        )
    fitting = [a for a in settings.account if platform in ("all", a.platform)]
    if name:
        chosen = [a for a in fitting if a.name == name]
        if not chosen:
            known = ", ".join(a.name for a in fitting) or "(none configured)"
            raise typer.BadParameter(f"expected one of {known}, got {name!r}", param_hint="--account")
        return chosen
    if not fitting and platform in PUBLIC:
        return [AccountSettings(platform=platform, name=platform)]
    if not fitting:
        raise typer.BadParameter(f"no [[account]] of {platform} is configured; docs/pulling.md shows one")
    return fitting


def _day(name: str, text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError:
        raise typer.BadParameter(f"expected a day as 2026-03-10, got {text!r}", param_hint=name) from None


def _watched(name: str, exchange: Callable[..., Any], quiet: bool) -> tuple[AbstractContextManager[Any], Any]:
    """An exchange that moves a line on stderr; how many questions there will be nobody knows before."""
    from rich.markup import escape
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    bar = bar_on_stderr(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), quiet=quiet)
    if bar is None:
        return nullcontext(), exchange()
    task = bar.add_task(escape(name), total=None)

    def watch(asked: int) -> None:
        bar.update(task, description=f"{escape(name)}: {asked:,} questions")

    return bar, exchange(watch=watch)


def _print_row(item: Any) -> None:
    from twofold.commands.output.rows.pulling import Day, Problem
    from twofold.pulling.run import PulledDay

    print_rows(Day if isinstance(item, PulledDay) else Problem, [item])


def _print(days: list[Any], dry_run: bool) -> None:
    if not days:
        say("nothing was told of these days" + (" (dry run: nothing was written)" if dry_run else ""))
        return
    if dry_run:
        say("dry run: nothing was written")
    headings = ("lines", "new", "restated", "unchanged")
    table = make_table("day", "account", *headings, right=headings)
    for day in days:
        counts = (day.new, day.restated, day.unchanged)
        table.add_row(day.day, plain(day.account), f"{day.lines:,}", *("" if n is None else f"{n:,}" for n in counts))
    print_wide(table)
