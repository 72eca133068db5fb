"""``twofold why`` and ``twofold status``: what is wrong with the signal, what to look at first, and what not to do yet.

Owns the words and rows of these commands; what is found is `router`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from twofold.commands.options import ConfigOption, DataOption, DatasetOption, JsonOption, completing
from twofold.commands.output.printing import Clock, clock_of, plain, print_about, print_rows, say
from twofold.errors import ConfigError

if TYPE_CHECKING:
    from twofold.router.finding import Finding

DOCS = "docs/router.md"
SYMPTOMS = (
    "server-without-browser", "browser-without-server", "without-merging", "money-unlike-order", "too-many", "badly-matched",
    "refused",
)  # fmt: skip


def why(
    symptom: Annotated[
        str | None,
        typer.Argument(help="What is seen, to hear of its causes alone.", autocompletion=completing(SYMPTOMS)),
    ] = None,
    dataset: DatasetOption = None,
    check: Annotated[bool, typer.Option("--check", help="Exit with 1 when something is found.")] = False,
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Say what is wrong with the signal, by likelihood: the evidence, the first check, and what not to do yet.

    Looks at the last seven days against the seven before. A finding that follows from another stands behind it. Changes
    nothing, works while the gateway runs. docs/router.md has every rule with its false alarms.
    """
    from twofold.config import load_settings

    found, now = _found(config, data, dataset)
    if symptom is not None:
        found = _behind(symptom, found)
    if json:
        from twofold.commands.output.rows.signal import WhyFinding

        print_about("why", dataset=dataset, since=now - 7 * 86_400, until=now, as_of=now)
        print_rows(WhyFinding, (row_of(f, rank) for rank, f in enumerate(found, 1)))
    else:
        _print(found, clock_of(load_settings(config, data=data)))
    if check and found:
        raise typer.Exit(1)


def status(
    dataset: DatasetOption = None, config: ConfigOption = None, data: DataOption = None, json: JsonOption = False
) -> None:
    """Say whether something stands for whose sake budgets, bids and creative must not be changed yet.

    Exit code 1 while it does: for a script that changes budgets. A finding that somebody called mended or accepted in
    the console holds nothing back.
    """
    from twofold.router.task import standing

    found, now = _found(config, data, dataset)
    lines = standing(found)
    if json:
        from twofold.commands.output.rows.signal import StatusLine

        print_about("status", dataset=dataset, as_of=now)
        whole = {"name": "freeze", "state": "standing" if lines else "clear",
                 "since": min((one.since for one in lines), default=None), "do_not_yet": ""}  # fmt: skip
        print_rows(StatusLine, [whole, *({"name": one.name, "state": "now", "since": one.since,
                                          "do_not_yet": one.do_not_yet} for one in lines)])  # fmt: skip
    elif not lines:
        say("Nothing stands against a decision. Whether it pays is another question: twofold attribution.")
    else:
        say("Not yet:")
        for one in lines:
            say(f"  {plain(one.name)}: {one.do_not_yet}")
        say("twofold why says what was seen and what to look at first.")
    if lines:
        raise typer.Exit(1)


def review(
    dataset: DatasetOption = None, config: ConfigOption = None, data: DataOption = None, json: JsonOption = False
) -> None:
    """Lay the signal of the last seven days beside the seven before, with what stands.

    One page for a weekly look: what was told, merged and matched, what was late, wrong or refused, the findings, and which
    signed goes hold, end within a week or hold no more. Exit code 1 when a figure is worse, a finding stands or a go is
    over. A gateway sends the same by itself where an `[[alert]]` has `review`.
    """
    from twofold.acceptance.goes import goes_of
    from twofold.commands.output.printing import make_table, print_wide
    from twofold.config import load_settings
    from twofold.policies import router_task
    from twofold.router.review import review as reviewed
    from twofold.router.review import said_of, shown

    found, now = _found(config, data, dataset)
    settings = load_settings(config, data=data)
    task, goes = router_task(settings, now), goes_of(settings, now, dataset)
    figures = reviewed(task.data, task.policy_of, now, dataset)
    if json:
        from twofold.commands.output.rows.signal import ReviewFigure, ReviewGo, WhyFinding

        print_about("review", dataset=dataset, since=now - 7 * 86_400, until=now, as_of=now)
        print_rows(ReviewFigure, ({"name": f.name, "now": _exact(f.now), "before": _exact(f.before), "unit": f.unit,
                                   "state": f.state, "role": "signal"} for f in figures))  # fmt: skip
        print_rows(WhyFinding, (row_of(f, rank) for rank, f in enumerate(found, 1)))
        print_rows(ReviewGo, ({"dataset": g.dataset, "for": g.purpose, "run": g.run, "state": g.state, "signed": g.at,
                               "expires": g.expires, "why": list(g.why)} for g in goes))  # fmt: skip
    else:
        table = make_table("figure (signal)", "last 7 days", "7 before", "state")
        for f in figures:
            table.add_row(plain(said_of(f)), shown(f.now, f.unit), shown(f.before, f.unit), f.state)
        print_wide(table)
        standing_now = [f for f in found if not f.because]
        say(f"{len(standing_now)} findings stand: twofold why" if standing_now else "No finding stands.")
        for g in goes:
            why = f": {'; '.join(g.why)}" if g.why else ""
            say(
                plain(
                    f"Go to {g.purpose} of dataset {g.dataset} (run {g.run}): {g.state}{why}, until {clock_of(settings).said(g.expires)}"
                )
            )
    if found or any(f.state == "worse" for f in figures) or any(g.state == "over" for g in goes):
        raise typer.Exit(1)


def _exact(value: float | None) -> str | None:
    return None if value is None else str(round(value, 4))


def row_of(finding: Finding, rank: int) -> dict[str, Any]:
    """A finding as a line of ``--json``."""
    from twofold.router.words import SYMPTOM_OF, WORDS

    said = WORDS[finding.kind]
    return {
        "id": finding.key, "symptom": SYMPTOM_OF[finding.kind], "rank": rank, "title": said.title, "when": finding.when.value,
        "state": finding.state, "since": finding.since, "last": finding.last,
        "share": str(round(finding.events / finding.of, 4)) if finding.of else None, "events": finding.events,
        "of": finding.of, "orders": finding.orders, "amount": {c: str(a) for c, a in finding.money},
        "evidence": dict(finding.evidence) | ({"marks": ", ".join(finding.marks)} if finding.marks else {}),
        "first_check": said.check, "command": said.command, "checked": dict(finding.evidence), "do_not_yet": said.not_yet,
        "who": said.owner, "because": finding.because, "docs": f"{DOCS}#{finding.kind}",
    }  # fmt: skip


def _found(config: Any, data: Any, dataset: str | None) -> tuple[list[Finding], int]:
    import time

    from twofold.config import load_settings
    from twofold.policies import router_task
    from twofold.report.period import journal_of
    from twofold.router.task import ask

    settings, now = load_settings(config, data=data), int(time.time())
    if dataset is not None and dataset not in {d.id for d in settings.dataset}:
        raise ConfigError(f"--dataset: expected one of {', '.join(d.id for d in settings.dataset)}, got {dataset}")
    with journal_of(settings.server.data):
        pass  # a folder that is none is said as such, before anything is asked
    return ask(router_task(settings, now), dataset), now


def _behind(symptom: str, found: list[Finding]) -> list[Finding]:
    from twofold.router.words import SYMPTOMS as KINDS

    if symptom not in KINDS:
        raise ConfigError(f"SYMPTOM: expected one of {', '.join(KINDS)}; got {symptom!r}")
    return [f for f in found if f.kind in KINDS[symptom]]


def _print(found: list[Finding], clock: Clock) -> None:
    from twofold.router.words import EVIDENCE, WORDS

    if not found:
        say("Nothing was found in what came and left in the last seven days.")
        return
    for rank, finding in enumerate(found, 1):
        said = WORDS[finding.kind]
        about = f" ({plain(finding.about)})" if finding.about else ""
        say(f"{rank}. {said.title}{about}")
        money = "".join(f", {amount} {currency}" for currency, amount in finding.money)
        orders = f", {finding.orders} orders" if finding.orders else ""
        if finding.of:
            say(f"   {finding.events} of {finding.of} events{orders}{money}, since {clock.said(finding.since)}")
        for name, seen in finding.evidence:
            say(f"   {EVIDENCE[name]}: {plain(seen)}")
        if finding.because:
            say(f"   Follows from {plain(finding.because)}: mend that first.")
        say(f"   Likely: {said.failure}")
        say(f"   First check ({said.owner}): {said.check}{f'  {said.command}' if said.command else ''}")
        say(f"   Not yet: {said.not_yet}")
