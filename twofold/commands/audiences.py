"""``twofold audiences``: how lists of people stand, telling platforms what changed, the trail of requests, a list as a file.

Owns what is typed and printed. What happens is in `audiences`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twofold.commands.options import ConfigOption, DataOption, JsonOption, LimitOption, known_value
from twofold.commands.output.printing import Clock, clock_of, make_table, plain, print_rows, print_wide, say

if TYPE_CHECKING:
    from twofold.config import Settings

audiences = typer.Typer(
    name="audiences",
    help="Lists of people at platforms, kept by rules over events and orders, of those alone who agreed.",
    invoke_without_command=True,
)

AudienceOption = Annotated[
    list[str] | None, typer.Option("--name", help="Only this audience; can be given again. Default: all of them.")
]


@audiences.callback()
def list_audiences(
    context: typer.Context,
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Show each list: who fits its rule, how many may be told and why not the others, what the platform has, when it was last told.

    Audiences are configured as [[audience]]; see docs/audiences.md. A running gateway keeps their lists by itself.
    """
    if context.invoked_subcommand is not None:
        return
    from twofold.audiences.showing import lists_shown
    from twofold.config import load_settings
    from twofold.store.engines import require_data

    settings = load_settings(config, data=data)
    require_data(Path(settings.server.data))
    rows = lists_shown(settings)
    if json:
        from twofold.commands.output.rows.pulling import Audience

        print_rows(Audience, rows)
        return
    if not rows:
        say("no [[audience]] is configured; docs/audiences.md shows one")
        return
    clock, figures = clock_of(settings), ("fit", "may be told", "at platform")
    table = make_table(
        "audience", "rule", "list", *figures, clock.over("last told"), "left out", "problem", right=figures
    )
    for row in rows:
        table.add_row(*_cells(row, clock))
    print_wide(table)


def _cells(row: dict[str, Any], clock: Clock) -> list[str]:
    counts = ["" if row[name] is None else f"{row[name]:,}" for name in ("fitting", "people", "told")]
    left_out = ", ".join(f"{why} {n:,}" for why, n in row["left_out"].items())
    where = f"{row['account']} {row['list']}".strip() or "(none)"
    return [
        plain(row["name"]), row["rule"] or "(no setting)", plain(where), *counts, clock.at_ms(row["synced_at"]), left_out,
        plain(row["problem"]),
    ]  # fmt: skip


@audiences.command("sync")
def sync_audiences(
    name: AudienceOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Work everything out, tell nobody.")] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Work out who belongs on each list and tell the platforms who goes and who comes.

    Whoever withdrew, was erased or fits no more is taken off first. Works while the gateway runs, which does the same by itself. Exit code
    1 when a list could not be brought up to date.
    """
    from twofold.audiences.book import TOO_SMALL
    from twofold.audiences.run import limited, preview, sync
    from twofold.clock import now_ms

    os.umask(0o077)
    settings = _settings(config, data, name)
    with limited(settings.analytics.memory_mb):
        done = (preview if dry_run else sync)(settings, name or [], now_ms)
    if json:
        from twofold.commands.output.rows.pulling import Synced

        print_rows(Synced, done)
    else:
        _print_done(done, dry_run)
    raise typer.Exit(1 if any(one.problem and one.code != TOO_SMALL for one in done) else 0)


def _print_done(done: list[Any], dry_run: bool) -> None:
    if dry_run:
        say("dry run: nobody was told anything")
    if not done:
        say("no list is configured; docs/audiences.md shows one")
        return
    figures = ("may be told", "to add", "to take off", "added", "taken off")
    table = make_table("audience", "account", *figures, "problem", right=figures)
    for one in done:
        counts = (one.people, one.to_add, one.to_remove, one.added, one.removed)
        table.add_row(plain(one.audience), plain(one.account), *(f"{n:,}" for n in counts), plain(one.problem))
    print_wide(table)


@audiences.command("trail")
def audiences_trail(
    name: Annotated[str, typer.Option("--name", help="Only this audience.")] = "",
    limit: LimitOption = 50,
    json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Show the requests by which people were put on lists and taken off: when, how many, and what the platform answered."""
    from twofold.audiences.showing import trail_shown
    from twofold.config import load_settings
    from twofold.store.engines import require_data

    settings = load_settings(config, data=data)
    require_data(Path(settings.server.data))
    rows = trail_shown(settings, name, limit)
    if json:
        from twofold.commands.output.rows.pulling import Request

        print_rows(Request, rows)
        return
    if not rows:
        say("no platform was told of anybody yet")
        return
    clock, figures = clock_of(settings), ("rows", "e-mail", "phone")
    table = make_table(clock.over("at"), "audience", "account", "what", *figures, "answer", "later", right=figures)
    for row in rows:
        answer = f"{row['outcome']} {row['code']}".strip() if row["ended_at"] else "nobody knows"
        counts = (f"{row[field]:,}" for field in ("rows", "em", "ph"))
        table.add_row(
            clock.at_ms(row["meant_at"]), plain(row["audience"]), plain(row["account"]), row["kind"], *counts, plain(answer),
            plain(row["later"]),
        )  # fmt: skip
    print_wide(table)


@audiences.command("export")
def export_audience(
    name: Annotated[str, typer.Argument(help="The audience.")],
    platform: Annotated[str, typer.Option("--platform", help="Under whose rules: meta, google_ads or tiktok.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The CSV file to write; readable by its owner only.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Work it out and count, write nothing.")] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Write a list as a CSV file of digests, for a platform's own upload page.

    Only people who may be told to that platform are in it. Digests under a platform's own rule are made when an event comes in, for the
    platforms that a destination or a list of the dataset names.
    """
    from twofold.audiences.export import export_csv
    from twofold.audiences.run import chosen, limited, worked_out
    from twofold.clock import now_ms
    from twofold.config.audiences import AUDIENCE_PLATFORMS
    from twofold.errors import FactsError

    os.umask(0o077)
    known_value("--platform", platform, AUDIENCE_PLATFORMS)
    settings = _settings(config, data, [name])
    (audience,) = chosen(settings, [name])
    with limited(settings.analytics.memory_mb):
        (listed,) = worked_out(settings, [audience], {name: [platform]}, now_ms).audiences
    if listed.problem:
        raise FactsError(f"audience {name}: {listed.problem}")
    rows = listed.rows.get(platform, {})
    if not dry_run:
        export_csv(out, platform, rows, listed.currency, valued=bool(audience.value))
    people = listed.told.get(platform, 0)
    if json:
        from twofold.commands.output.rows.pulling import Exported

        told = {"audience": name, "platform": platform, "people": people, "rows": len(rows), "file": str(out)}
        print_rows(Exported, [told])
        return
    left_out = ", ".join(f"{why} {n:,}" for why, n in listed.left_out.get(platform, {}).items())
    say(f"{people:,} people in {len(rows):,} rows" + (f"; left out: {left_out}" if left_out else ""))
    say("dry run: nothing was written" if dry_run else f"{out}: written; digests of addresses are personal data")


def _settings(config: Path | None, data: str | None, names: list[str] | None) -> Settings:
    """The folder first: in a wrong one every name is unknown."""
    from twofold.config import load_settings
    from twofold.store.engines import require_data

    settings = load_settings(config, data=data)
    require_data(Path(settings.server.data))
    for name in names or ():
        known_value("audience", name, [audience.name for audience in settings.audience])
    return settings
