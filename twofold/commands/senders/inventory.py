"""``twofold senders``: every event by every sender, from pages, a browser and our journal.

Owns what is typed and printed, and fetching pages. What is read, joined and found is `senders`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twofold.commands.options import ConfigOption, DataOption, DatasetOption, JsonOption, named, read_or_piped
from twofold.commands.output.printing import (
    Clock,
    clock_of,
    make_table,
    plain,
    print_about,
    print_rows,
    print_wide,
    say,
)
from twofold.commands.senders.walk import print_walk, walk_as_told, walk_row
from twofold.errors import ConfigError

if TYPE_CHECKING:
    from twofold.config import Settings
    from twofold.senders.browser.walk import Walk
    from twofold.senders.call import Call
    from twofold.senders.findings import SenderFinding
    from twofold.senders.inventory import Entry
    from twofold.senders.observed import Observed

senders = typer.Typer(
    invoke_without_command=True,
    help="Who sends which event: theme, apps, tag managers, servers; whose it is, and whether its ids merge. docs/senders.md.",
)
MAX_PAGE_BYTES = 8 << 20
DAY_S = 86_400
NO_FAULT = "not_looked"


@senders.callback()
def inventory(
    context: typer.Context,
    page: Annotated[list[str] | None, typer.Option("--page", help="A saved page, an address, or - for stdin; may be given again.")] = None,
    fetch: Annotated[bool, typer.Option("--fetch", help="Fetch the first page of each dataset's shop.")] = False,
    calls: Annotated[list[Path] | None, typer.Option("--calls", help="Calls that a browser's walk saw, as it wrote them.")] = None,
    walk: Annotated[str, typer.Option("--walk", help="A page of the shop: a real browser goes on to product, cart and checkout's start.")] = "",
    steps: Annotated[Path | None, typer.Option("--steps", help="Steps that Chrome DevTools' Recorder exported as JSON, for a browser to play.")] = None,
    accept: Annotated[str, typer.Option("--accept", help="CSS selector of the consent banner's button that the browser presses.")] = "",
    write: Annotated[Path | None, typer.Option("--write", help="Write the browser's calls there, as --calls reads them.")] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=400, help="How far back our journal is read.")] = 28,
    keep: Annotated[bool, typer.Option("--keep/--no-keep", help="Keep what pages and a browser showed as an entry of the log.")] = True,
    dataset: DatasetOption = None,
    check: Annotated[bool, typer.Option("--check", help="Exit with 1 when something is found.")] = False,
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:  # fmt: skip
    """Say who sends which event: theme, apps, tag managers, servers; whose it is, and whether its ids merge.

    Joins what our journal has, what the source of pages shows (`--page`, `--fetch`) and what a real browser saw (`--walk`,
    `--steps`, `--calls`); a side that was not asked is said. What pages and a browser showed is kept, so that later looks know since when it is so.
    `twofold senders expect` names owners and says what is expected.
    """
    if context.invoked_subcommand is not None:
        return
    from twofold.clock import now_ms
    from twofold.config import load_settings

    settings = load_settings(config, data=data)
    now = now_ms() // 1000
    walked = _walk(settings, walk, steps, accept, dataset, write)
    looks = [*_pages(settings, page or [], now, fetch=fetch), *_calls(settings, calls or [])]
    looks += seen_calls(settings, walked.calls) if walked is not None else []
    # What was looked at is worth showing before there is a journal.
    alone = walked is not None or (named(config) is None and data is None)
    show(
        settings,
        looks,
        now,
        days=days,
        keep=keep,
        dataset=dataset,
        check=check,
        json=json,
        alone=alone,
        walk=walked,
    )


def show(
    settings: Settings, looks: Sequence[Observed], now: int, *, days: int = 28, keep: bool = True, dataset: str | None = None,
    check: bool = False, json: bool = False, alone: bool = False, walk: Walk | None = None,
) -> None:  # fmt: skip
    """Joins, keeps and prints. ``alone``: where there is no data folder, what was looked at stands for itself."""
    from twofold.senders.standing import Standing, stand

    folder = Path(settings.server.data)
    datasets = [d.id for d in settings.dataset]
    if dataset is not None and datasets and dataset not in datasets:
        raise ConfigError(f"--dataset: expected one of {', '.join(datasets)}, got {dataset}")
    if looks and alone and not folder.exists():
        found: Standing = stand(None, looks, datasets, now, days * DAY_S, dataset)
    else:
        found = stand(folder, looks, datasets, now, days * DAY_S, dataset)
        if keep and looks:
            _keep(settings, looks)
    if json:
        from twofold.commands.output.rows.signal import InventoryFinding, Sending, Walked

        print_about("senders", dataset=dataset, since=now - days * DAY_S, until=now, as_of=now)
        print_rows(Sending, (row_of(r) for r in found.rows))
        print_rows(InventoryFinding, (finding_row(f) for f in found.findings))
        print_rows(Walked, [walk_row(walk)] if walk is not None else [])
    else:
        _print(found.rows, found.findings, clock_of(settings))
        if walk is not None:
            print_walk(walk)
    if check and any(f.fault != NO_FAULT for f in found.findings):
        raise typer.Exit(1)


# -- the sides


def _walk(
    settings: Settings, start: str, steps: Path | None, accept: str, dataset: str | None, write: Path | None
) -> Walk | None:
    if start or steps is not None:
        return walk_as_told(settings, start, steps, accept, dataset, write)
    if accept or write is not None:
        raise ConfigError("--accept and --write: expected --walk or --steps with them, got neither")
    return None


def _pages(settings: Settings, pages: Sequence[str], now: int, *, fetch: bool) -> list[Observed]:
    from twofold.senders.observed import observed_in_pages
    from twofold.senders.pages.page import senders_of

    wanted = [*pages, *(d.origins[0] for d in settings.dataset if d.origins and fetch)]
    if fetch and not any(d.origins for d in settings.dataset):
        raise ConfigError('--fetch: expected a [[dataset]] with origins = ["https://…"], got none')
    return [row for one in wanted for row in observed_in_pages(senders_of(_source(one)), now)]


def _source(page: str) -> str:
    if page.startswith(("http://", "https://")):
        from twofold.pulling.exchange import Exchange, Unreached
        from twofold.setup.doctor.storefront import fetch

        try:
            answer = fetch(Exchange(timeout_s=10.0, tries=1), page)
        except Unreached as err:
            raise ConfigError(f"--page {page}: expected a page, got none: {err}") from err
        if answer.status != 200:
            raise ConfigError(f"--page {page}: expected status 200, got {answer.status}")
        return answer.content[:MAX_PAGE_BYTES].decode("utf-8", "replace")
    return read_page(page, "--page")


def read_page(page: str, option: str) -> str:
    """A saved page, or what comes on stdin."""
    return read_or_piped(page, option, MAX_PAGE_BYTES).decode("utf-8", "replace")


def _calls(settings: Settings, files: Sequence[Path]) -> list[Observed]:
    return seen_calls(settings, [call for file in files for call in _read_calls(file)])


def seen_calls(settings: Settings, calls: Sequence[Call]) -> list[Observed]:
    """What a browser saw, with the names under which our journal has it."""
    from twofold.senders.journal import heard
    from twofold.senders.observed import observed_in_calls

    folder = Path(settings.server.data)
    return observed_in_calls(calls, heard(folder, calls) if calls and folder.exists() else {})


def _read_calls(file: Path) -> list[Call]:
    import msgspec

    from twofold.senders.call import Call

    try:
        return msgspec.json.decode(file.read_bytes(), type=list[Call])
    except OSError as err:
        raise ConfigError(f"--calls {file}: cannot be read: {err.strerror}") from err
    except msgspec.DecodeError as err:  # its words name the place, what was expected and got
        raise ConfigError(f"--calls {file}: expected calls as a walk writes them: {err}") from err


def _keep(settings: Settings, looks: Iterable[Observed]) -> None:
    from twofold.control.owner import on_store
    from twofold.control.questions import Note
    from twofold.report.kept import SENDERS_SEEN
    from twofold.senders.observed import facts_of

    on_store(settings, Note(kind=SENDERS_SEEN, facts=facts_of(looks)))


# -- words


def row_of(entry: Entry) -> dict[str, Any]:
    """A row as a line of ``--json``."""
    return {
        "event": entry.event, "sender": entry.sender, "sender_class": entry.sender_class.value, "script": entry.script,
        "owner": entry.owner, "primary": entry.primary, "expected": entry.expected, "events": entry.events,
        "id_given": entry.id_given, "merges_with": list(entry.meets), "first_seen": entry.first_seen, "last_seen": entry.last_seen,
        "platform": entry.platform, "account": entry.container, "sides": list(entry.sides), "channel": entry.channel,
        "responsible": entry.role, "risk": entry.risk, "certain": entry.certain, "apart_from": list(entry.apart),
        "chain": list(entry.chain), "place": entry.place, "evidence": entry.evidence, "means": entry.means, "do": entry.do,
        "ends": entry.ends, "new": entry.new,
    }  # fmt: skip


def finding_row(finding: SenderFinding) -> dict[str, Any]:
    """A finding as a line of ``--json``."""
    return {
        "id": finding.key, "fault": finding.fault.value, "account": finding.container, "event": finding.event,
        "senders": list(finding.senders), "since": finding.since, "text": finding.text, "do": finding.do, "who": finding.who,
    }  # fmt: skip


def _print(rows: Sequence[Entry], findings: Sequence[SenderFinding], clock: Clock) -> None:
    if not rows:
        say("Nobody is seen to send anything.")
    else:
        table = make_table(
            "event",
            "sender",
            "class",
            "sides",
            "copies",
            "owner",
            "ids merge with",
            clock.over("first"),
            clock.over("last"),
            "responsible",
            right=("copies",),
        )
        for r in rows:
            table.add_row(
                plain(r.event or "(not known)"), plain(r.sender[:60]), r.sender_class.value, "+".join(r.sides), str(r.events or "-"),
                _owner(r), plain(", ".join(r.meets) or "-"), clock.at(r.first_seen)[:10], clock.at(r.last_seen)[:10], r.role,
            )  # fmt: skip
        print_wide(table)
    faults = [f for f in findings if f.fault != NO_FAULT]
    for number, finding in enumerate(faults, 1):
        say(f"{number}. {plain(finding.text)}")
        say(f"   Do{f' ({finding.who})' if finding.who else ''}: {plain(finding.do)}")
    looks = [r for r in rows if not r.certain and r.do]
    for r in looks:
        say(f"LOOK  {plain(r.sender)}: {plain(r.means or r.evidence)}")
        say(f"      {plain(r.do)}")
    if rows and not faults:
        say("Each event has one owner.")
    for finding in findings:
        if finding.fault == NO_FAULT:
            say(f"{finding.text} {finding.do}")


def _owner(row: Entry) -> str:
    mark = {True: "owner", False: "-", None: "?"}[row.primary] if row.event else "-"
    strange = ", not expected" if row.expected is False else ""
    return f"{mark}{f' ({plain(row.owner)})' if row.owner else ''}{strange}"
