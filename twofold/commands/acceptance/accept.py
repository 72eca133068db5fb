"""``twofold accept``: a test order and its evidence, the signed packet of it, and reading such a packet again.

Owns what is typed and printed. What is gathered, judged and sealed is `acceptance`'s.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from twofold.commands.options import ByOption, ConfigOption, DataOption, JsonOption, known_value, who_says
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

if TYPE_CHECKING:
    from twofold.acceptance.criteria import Check
    from twofold.acceptance.packet.finish import Finished
    from twofold.acceptance.run import Run, Status
    from twofold.acceptance.seen.walked import Walked
    from twofold.config import Settings

accept = typer.Typer(
    no_args_is_help=True,
    help="Prove with one test order that one purchase is told once: run, evidence, signed packet. docs/acceptance.md.",
)
LOOK_S = 2.0
FOLLOW_S = 3_600
MARKS = {"passed": "✓", "failed": "✗", "unchecked": "?", "overruled": "!"}

RunArgument = Annotated[str, typer.Argument(metavar="[RUN]", help="The run's code. Default: the newest.")]
Purpose = Annotated[
    Literal["launch", "scale", "structure"],
    typer.Option("--for", help="The decision that the packet is for: launch, scale, or a change of structure."),
]
DayOption = Annotated[
    str, typer.Option("--day", help="The day whose witnesses are compared, such as 2026-03-10. Default: yesterday.")
]
WitnessesOption = Annotated[
    str, typer.Option("--witnesses-of", help="Of which dataset the witnesses are. Default: the run's.")
]
Step = Literal["reload", "refusal", "test_events", "order", "event", "gaps"]
CriterionName = Literal["path", "merged", "money", "owners", "gaps"]


@accept.command()
def start(
    plan: Annotated[Path | None, typer.Option(help="A plan file. Default: a shop's four events.")] = None,
    dataset: Annotated[str, typer.Option(help="Which dataset; needed where there are several.")] = "",
    purpose: Purpose = "launch",
    owner: Annotated[str, typer.Option(help="Who answers for the decision.")] = "",
    review: Annotated[str, typer.Option(help="The day on which somebody looks again, YYYY-MM-DD.")] = "",
    business: Annotated[str, typer.Option(help="The platform's number of the business.")] = "",
    ad_account: Annotated[
        str, typer.Option(help="The platform's number of the ad account, with or without act_.")
    ] = "",
    drive: Annotated[
        bool, typer.Option("--drive", help="Walk the test order in a browser here; the plan has to name the steps.")
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Stay and say what arrives, for an hour or until Ctrl-C.")
    ] = True,
    by: ByOption = "",
    json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Begin an acceptance run: what comes from now on is looked at.

    Prints a link with the run's mark: open it on any device and buy something; each event is said as it arrives. A second link
    is for a visit that refuses consent. With `--drive` a browser on this machine does both, where the plan says that the shop
    takes no real money. What only a person can see is said with `twofold accept tick`; `twofold accept finish` signs the packet.
    """
    from twofold.acceptance.plan import read_plan
    from twofold.acceptance.run import About
    from twofold.acceptance.run import start as begin
    from twofold.clock import now_ms
    from twofold.config import load_settings

    settings = load_settings(config, data=data)
    known = [d.id for d in settings.dataset]
    about = About(decision=purpose, owner=owner, review=review, business=business, ad_account=ad_account)
    wanted = read_plan(plan)
    if drive:
        from twofold.acceptance.walk import require_walk

        require_walk(settings, wanted, dataset or (known[0] if known else ""))
    chosen = dataset or (known[0] if len(known) == 1 else "")
    run = begin(settings, wanted, chosen, about, who_says(by), now_ms() // 1000)
    _print_begun(settings, run, json)
    if drive:
        from twofold.acceptance.walk import walk

        walked = walk(settings, run, who_says(by), None if json else say)
        _print_status(_status(settings, run.code, ""), json)
        _print_walk(walked, json)
        if walked.ended != "walked":
            raise typer.Exit(1)
    elif follow and not json:
        _follow(settings, run.code)


@accept.command()
def status(
    run: RunArgument = "",
    day: DayOption = "",
    witnesses: WitnessesOption = "",
    follow: Annotated[bool, typer.Option("--follow", help="Stay and say what arrives.")] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """See how a run stands: its events, and the five criteria with what was found.

    With `--day` the witnesses of that day are asked as well. Says of a signed go whether it still holds: it ends after its days,
    and at once when a sender, the tag, a token or the configuration changes. Exit code 1 while it is no go.
    """
    from twofold.config import load_settings

    settings = load_settings(config, data=data)
    found = _status(settings, run, day, witnesses)
    if json:
        print_about("accept status", dataset=found.run.dataset)
    _print_status(found, json)
    held = _print_packets(settings, found.run, json)
    if follow and not json:
        _follow(settings, found.run.code)
    raise typer.Exit(0 if held or found.is_go else 1)


@accept.command()
def tick(
    run: Annotated[str, typer.Argument(help="The run's code.")],
    step: Annotated[Step, typer.Argument(help="What you did or saw.")],
    file: Annotated[
        Path | None, typer.Option(help="What shows it: PNG, JPEG or PDF, up to 10 MB. Hide people's data.")
    ] = None,
    note: Annotated[str, typer.Option(help="A few words, without anybody's data.")] = "",
    order: Annotated[str, typer.Option(help="With order or refusal: the order's number.")] = "",
    name: Annotated[str, typer.Option(help="With event: which event of the plan.")] = "",
    id: Annotated[str, typer.Option(help="With event: its event id.")] = "",
    by: ByOption = "",
    json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Say what only a person can say: it is an entry of the log, with your name.

    `reload`: the thank-you page and the cart are loaded again from now on (then load them). `refusal`: a visit refused consent
    (`--order`: and placed this order). `test_events`: the platform's page of test events shows the same (`--file`). `order`: the
    test order's number. `event`: the id of an event that no browser sends. `gaps`: what others counted, for plans without witnesses.
    """
    from twofold.acceptance.run import run_of
    from twofold.acceptance.run import tick as keep
    from twofold.config import load_settings
    from twofold.errors import FileRefused

    settings = load_settings(config, data=data)
    try:
        content = file.read_bytes() if file else None
    except OSError as err:
        raise FileRefused(f"--file {file}: cannot be read: {err.strerror}") from None
    found = run_of(Path(settings.server.data), run)
    keep(settings, found, step, who_says(by), note=note, order=order, event=name, event_id=id, file=content)
    if json:
        from twofold.commands.output.rows.acceptance import Ticked

        print_rows(Ticked, [{"run": found.code, "step": step}])
    else:
        say(f"{step} is noted for run {found.code}")


@accept.command()
def overrule(
    run: Annotated[str, typer.Argument(help="The run's code.")],
    criterion: Annotated[CriterionName, typer.Argument(help="Which of the five.")],
    reason: Annotated[str, typer.Option(help="Why it is let pass; everybody who reads the packet sees it.")],
    by: ByOption = "",
    json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Let a criterion pass that did not: with your name and a reason that stays visible beside what was found."""
    from twofold.acceptance.run import overrule as keep
    from twofold.acceptance.run import run_of
    from twofold.config import load_settings

    settings = load_settings(config, data=data)
    found = run_of(Path(settings.server.data), run)
    keep(settings, found, criterion, reason, who_says(by))
    if json:
        from twofold.commands.output.rows.acceptance import Ticked

        print_rows(Ticked, [{"run": found.code, "step": f"overrule {criterion}"}])
    else:
        say(f"{criterion} of run {found.code} is overruled by {who_says(by)}")


@accept.command()
def finish(
    run: RunArgument = "",
    day: DayOption = "",
    witnesses: WitnessesOption = "",
    into: Annotated[Path | None, typer.Option(help="Also write the packet's files into this folder.")] = None,
    good_days: Annotated[int, typer.Option(min=1, max=366, help="For how many days a go holds at most.")] = 30,
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask the platform what the token may use.")] = False,
    by: ByOption = "",
    json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Sign what the run came to: stop or go, as JSON, as one page that prints well, and as PDF where a Chromium is.

    The packet's digest is an entry of the chained log. It holds no contact data: of what names a person only which fields were
    there. Exit code 1 for a stop.
    """
    from twofold.acceptance.packet.finish import finish as sign
    from twofold.acceptance.seen.assets import assets, pages_of
    from twofold.clock import now_ms
    from twofold.config import load_settings

    settings = load_settings(config, data=data)
    found = _status(settings, run, day or _yesterday(settings), witnesses)
    owned = assets(settings, found.run, pages_of(found.gathered), offline=offline)
    made = sign(settings, found, owned, who_says(by), now_ms() // 1000, good_days=good_days, into=into)
    if json:
        print_about("accept finish", dataset=found.run.dataset)
    _print_status(found, json)
    _print_finished(made, json)
    raise typer.Exit(0 if found.is_go else 1)


@accept.command()
def key(json: JsonOption = False, config: ConfigOption = None, data: DataOption = None) -> None:
    """Print the installation's public key, by which others know its packets. Made at first use."""
    from twofold.acceptance.packet.seal import public_key
    from twofold.commands.options import folder_of
    from twofold.store.engines import require_data

    folder = folder_of(config, data)
    require_data(folder)
    found = public_key(folder)
    if json:
        from twofold.commands.output.rows.acceptance import Key

        print_rows(Key, [{"key": found}])
    else:
        say(found)


@accept.command()
def verify(
    file: Annotated[Path, typer.Argument(help="A packet: JSON, HTML or PDF.")],
    key: Annotated[str, typer.Option(help="The key of the installation that is said to have made it.")] = "",
    json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Say whether a packet is what its installation signed, and whether its go is not over. Needs no data folder.

    Refuses one of which a byte is another, one whose digests were made anew, one whose page shows something else, and with `--key`
    one of another installation. Without `--key` only its inner agreement can be proved. With `--config` or `--data` the log of that
    installation has to hold it, and no later packet may stand in its place. Exit code 1 when something does not hold.
    """
    from twofold.acceptance.packet.finish import verify as prove
    from twofold.clock import now_ms
    from twofold.commands.options import folder_of, named

    folder = folder_of(config, data) if named(config) or data else None
    proofs, packet = prove(_read(file), _key(key), folder, now_ms() // 1000)
    holds = all(p.holds is not False for p in proofs)
    if json:
        from twofold.commands.output.rows.acceptance import Proof

        print_rows(Proof, [{"name": p.name, "holds": p.holds, "said": p.said} for p in proofs])
    else:
        for p in proofs:
            say(f"{'OK  ' if p.holds else 'NO  ' if p.holds is False else 'LOOK'} {p.name}: {plain(p.said)}")
        if holds and packet is not None:
            told = packet["decision"]
            say(
                f"It says {told['word'].upper()} for {told['for']}, run {packet['run']['code']}, made {Clock().said(packet['made_at'])}."
            )
    raise typer.Exit(0 if holds else 1)


@accept.command()
def diff(
    one: Annotated[Path, typer.Argument(help="A packet (JSON or HTML).")],
    other: Annotated[Path, typer.Argument(help="A later one.")],
    json: JsonOption = False,
) -> None:
    """Say what is another in a later packet. Exit code 1 when something is."""
    from twofold.acceptance.packet.body import differences
    from twofold.commands.output.rows.acceptance import Difference

    found = list(differences(_packet(one), _packet(other)))
    if json:
        print_rows(Difference, [{"what": d.what, "before": d.before, "after": d.after} for d in found])
    else:
        for d in found:
            say(f"{plain(d.what)}: {_told(d.before)} -> {_told(d.after)}")
        if not found:
            say("Nothing that a reader would see is another.")
    raise typer.Exit(1 if found else 0)


# -- reading


def _status(settings: Settings, run: str, day: str, witnesses: str = "") -> Status:
    from twofold.acceptance.run import run_of, status
    from twofold.clock import now_ms
    from twofold.commands.reconcile.chain import day_option

    known_value("--witnesses-of", witnesses or None, [d.id for d in settings.dataset])
    return status(
        settings, run_of(Path(settings.server.data), run), now_ms() // 1000, day=day_option(day),
        witnesses_of_dataset=witnesses,
    )  # fmt: skip


def _yesterday(settings: Settings) -> str:
    from twofold.acceptance.packet.body import yesterday
    from twofold.clock import now_ms
    from twofold.commands.reconcile.chain import zone_of

    return yesterday(zone_of(settings), now_ms() // 1000)


def _read(file: Path) -> bytes:
    from twofold.errors import FileRefused

    try:
        return file.read_bytes()
    except OSError as err:
        raise FileRefused(f"{file}: cannot be read: {err.strerror}") from None


def _packet(file: Path) -> dict[str, Any]:
    """The packet in a file that is inwardly whole."""
    from twofold.acceptance.packet.finish import verify as prove
    from twofold.errors import FileRefused

    proofs, packet = prove(_read(file))
    bad = next((p for p in proofs if p.holds is False), None)
    if bad is not None or packet is None:
        said = (
            bad.said if bad is not None else "expected a packet as JSON or HTML, got a PDF, which holds only its digest"
        )
        raise FileRefused(f"{file}: {said}")
    return packet


def _key(text: str) -> str:
    found = text.strip().lower()
    if found and (len(found) != 64 or not all(c in "0123456789abcdef" for c in found)):
        raise typer.BadParameter("--key: expected 64 hexadecimal characters, as `twofold accept key` prints them")
    return found


# -- printing


def _print_begun(settings: Settings, run: Run, json: bool) -> None:
    from twofold.acceptance.run import links

    mine, refusing = links(settings, run)
    if json:
        from twofold.commands.output.rows.acceptance import Begun

        print_about("accept start", dataset=run.dataset)
        print_rows(Begun, [{
            "run": run.code, "plan": run.plan.name, "links": mine, "refusal_links": refusing, "begun_at": run.at,
            "by": run.by,
        }])  # fmt: skip
        return
    say(f"Run {run.code}: {plain(run.plan.about or run.plan.name)}")
    for link in mine:
        say(f"  Open it and buy something:          {link}")
    for link in refusing:
        say(f"  In a private window, and refuse:    {link}")
    if run.plan.has_pages and not mine:
        say(f"  The dataset names no origins. Open the shop and put ?twofold_test={run.code} behind its address.")
    for event in run.plan.event:
        say(f"  {event.name}: {plain(event.action)} {plain(event.evidence)}")


def _follow(settings: Settings, code: str) -> None:
    """Says each check as it changes; a person who goes away stops it."""
    said: dict[tuple[str, str, str], str] = {}
    end = time.monotonic() + FOLLOW_S
    try:
        while time.monotonic() < end:
            found = _status(settings, code, "")
            for criterion in found.criteria:
                for check in criterion.checks:
                    place = (criterion.name, check.name, check.event)
                    if said.get(place) != check.said:
                        if place in said or check.state != "unchecked":
                            say(_check_line(check))
                        said[place] = check.said
            time.sleep(LOOK_S)
    except KeyboardInterrupt:
        pass
    say(f"Go on: twofold accept status {code}; at the end: twofold accept finish {code}")


def _check_line(check: Check) -> str:
    event = f"{check.event}, " if check.event else ""
    return f"  {MARKS[check.state]} {plain(event)}{check.name.replace('_', ' ')}: {plain(check.said)}"


def _print_status(found: Status, json: bool) -> None:
    from twofold.acceptance.duties import duties, named

    left = [(d, named(d.what, d, found.run.code)) for d in duties(found.criteria)]
    if json:
        from twofold.commands.output.rows.acceptance import Criterion, Event, ToDo

        print_rows(Event, _event_rows(found))
        print_rows(Criterion, [{
            "card": c.card, "name": c.name, "state": c.state, "found": c.found,
            "evidence": [_check_line(k).strip() for k in c.checks], "by": c.by, "note": c.note,
        } for c in found.criteria])  # fmt: skip
        print_rows(
            ToDo,
            [
                {"criterion": d.criterion, "event": d.event, "who": d.who, "what": what, "why": d.why}
                for d, what in left
            ],
        )
        return
    table = make_table("event", "browser", "server", "merged")
    for row in _event_rows(found):
        cells = (", ".join(row["browser"]), ", ".join(row["server"]), "yes" if row["merged"] else "")
        table.add_row(plain(row["name"]), *map(plain, cells))
    print_wide(table)
    for criterion in found.criteria:
        say(f"{MARKS[criterion.state]} {criterion.name}: {criterion.state}. {plain(criterion.standard)}")
        if criterion.note:
            say(f"  overruled by {plain(criterion.by)}: {plain(criterion.note)}")
        for check in criterion.checks:
            say(_check_line(check))
    if left:
        say("What has to be done, and by whom:")
    for duty, what in left:
        say(f"  {duty.who}: {plain(f'{duty.event}: ' if duty.event else '')}{plain(what)}")
    unasked = bool(found.run.plan.witnesses) and not found.day
    note = (
        " as it stands; the day's witnesses were not asked yet: `twofold accept finish` does, or `status --day DAY`"
        if unasked and not found.is_go
        else ""
    )
    say(f"{'GO' if found.is_go else 'STOP'} for {found.run.about.decision}{note}")


def _print_walk(walked: Walked, json: bool) -> None:
    calls = sum(c.count for c in walked.calls) + walked.more
    if json:
        from twofold.commands.output.rows.acceptance import Called
        from twofold.commands.output.rows.signal import Walked as WalkedRow

        print_rows(Called, [{
            "step": c.step, "event": c.event, "platform": c.platform, "account": c.account, "event_id": c.event_id,
            "sender_class": c.sender_class.value, "script": c.script, "place": c.place, "certain": c.certain, "calls": c.count,
        } for c in walked.calls])  # fmt: skip
        print_rows(WalkedRow, [{
            "whole": walked.ended == "walked", "ended": walked.ended, "took_s": walked.took_s, "notes": list(walked.notes),
            "steps": [{"name": s.name, "done": s.done, "page": s.page} for s in walked.steps], "calls": calls,
            "libraries": [{"platform": c.platform, "account": c.account, "script": c.script, "loads": c.count} for c in walked.libraries],
        }])  # fmt: skip
        return
    say(f"The browser made {calls} calls to platforms in {walked.took_s:g} s:")
    by_script: dict[tuple[str, str], list[str]] = {}
    for c in walked.calls:
        by_script.setdefault((c.sender_class.value, c.script), []).append(f"{c.event or 'a call'} to {c.platform}")
    for (kind, script), told in by_script.items():
        say(f"  {plain(kind)}, {plain(script)}: {plain(', '.join(dict.fromkeys(told)))}")
    for note in walked.notes:
        say(f"  {plain(note)}")
    if walked.ended != "walked":
        say(f"The walk ended before its end: {plain(walked.ended)}. What was seen until then is kept.")


def _event_rows(found: Status) -> Iterator[dict[str, Any]]:
    from twofold.acceptance.seen.evidence import BROWSER, SERVER

    for event in found.run.plan.event:
        actions = found.gathered.events.get(event.name, ())
        yield {
            "name": event.name,
            "browser": sorted({c.sender for a in actions for c in a.of(BROWSER)}),
            "server": sorted({c.sender for a in actions for c in a.of(SERVER)}),
            "merged": len(actions) == 1 and bool(actions[0].of(BROWSER) and actions[0].of(SERVER)),
        }


def _print_packets(settings: Settings, run: Run, json: bool) -> bool:
    """The signed packets of the run; True while the newest is a go that holds."""
    from twofold.acceptance.packet.body import over
    from twofold.clock import now_ms

    holds = False
    for entry in run.packets:
        ended = over(settings, entry, now_ms() // 1000)
        holds = entry.facts["word"] == "go" and not ended
        if json:
            from twofold.commands.output.rows.acceptance import Decision

            print_rows(Decision, [_decision_row(entry.facts, entry.facts["digest"], list(ended))])
        else:
            word = entry.facts["word"].upper() + (f", over: {', '.join(ended)}" if ended else "")
            say(
                f"Packet {entry.facts['digest'][:16]}, signed {clock_of(settings).said(entry.at)} by {plain(entry.facts['by'])}: {plain(word)}"
            )
    return holds


def _print_finished(made: Finished, json: bool) -> None:
    told = made.packet["decision"]
    if json:
        from twofold.commands.output.rows.acceptance import Decision

        facts = {"word": told["word"], "for": told["for"], "owner": told["owner"], "review": told["next_review"],
                 "expires": told["expires"], "files": {k: str(p) for k, p in made.files.items()}}  # fmt: skip
        print_rows(Decision, [_decision_row(facts, made.digest, [])])
        return
    for path in made.files.values():
        say(str(path))
    if "pdf" not in made.files:
        say("No PDF: there is no Chromium here. The page prints from any browser.")
    say(f"Packet {made.digest}, sealed with {made.packet['key']}")


def _decision_row(facts: dict[str, Any], digest: str, ended: list[str]) -> dict[str, Any]:
    return {
        "decision": facts["word"], "purpose": facts["for"], "owner": facts["owner"], "next_review": facts["review"] or None,
        "expires": facts["expires"], "digest": digest, "over": ended, "files": facts.get("files", {}),
    }  # fmt: skip


def _told(value: Any) -> str:
    return "–" if value is None else plain(str(value))
