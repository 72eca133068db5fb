"""``twofold consent``: take a person's consent back, give it again, or show how it stands.

Owns the words of the command. The values are hashed here, before anything leaves this process; ``-`` reads a value from
standard input, so that it stands in no list of processes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from twofold.commands.options import ConfigOption, DataOption, DatasetOrAllOption, JsonOption
from twofold.commands.output.printing import Clock, clock_of, print_rows, say

if TYPE_CHECKING:
    from twofold.matching.subject import Mark

consent = typer.Typer(
    name="consent",
    help="Take a person's consent back, give it again, or show how it stands.",
    no_args_is_help=True,
)

Email = Annotated[str | None, typer.Option("--email", help="E-mail address or its SHA-256; - reads it from stdin.")]
Phone = Annotated[str | None, typer.Option("--phone", help="Phone number, best with its country code; - reads stdin.")]
ExternalId = Annotated[str | None, typer.Option("--external-id", help="The shop's own customer id; - reads stdin.")]
Order = Annotated[str | None, typer.Option("--order", help="Order id or number, as events carry it.")]
Visitor = Annotated[str | None, typer.Option("--visitor", help="Our first-party id of the browser.")]
Fbp = Annotated[str | None, typer.Option("--fbp", help="The browser's _fbp cookie.")]


@consent.command()
def withdraw(
    email: Email = None,
    phone: Phone = None,
    external_id: ExternalId = None,
    order: Order = None,
    visitor: Visitor = None,
    fbp: Fbp = None,
    dataset: DatasetOrAllOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send nothing of this person any more, from the next attempt on.

    Events that are waiting are suppressed with the reason consent_withdrawn; what was delivered stays delivered.
    """
    _run("withdraw", _given(email, phone, external_id, order, visitor, fbp), dataset, config, data, as_json)


@consent.command()
def grant(
    email: Email = None,
    phone: Phone = None,
    external_id: ExternalId = None,
    order: Order = None,
    visitor: Visitor = None,
    fbp: Fbp = None,
    dataset: DatasetOrAllOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let this person's events through again, for what they do from now on.

    What they did before stays unsent.
    """
    _run("grant", _given(email, phone, external_id, order, visitor, fbp), dataset, config, data, as_json)


@consent.command()
def show(
    email: Email = None,
    phone: Phone = None,
    external_id: ExternalId = None,
    order: Order = None,
    visitor: Visitor = None,
    fbp: Fbp = None,
    dataset: DatasetOrAllOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show whether this person's consent was withdrawn, and when.

    Exit code 1 when something of it is withdrawn now.
    """
    if _run("show", _given(email, phone, external_id, order, visitor, fbp), dataset, config, data, as_json):
        raise typer.Exit(1)


def _given(
    email: str | None,
    phone: str | None,
    external_id: str | None,
    order: str | None,
    visitor: str | None,
    fbp: str | None,
) -> dict[str, str]:
    named = {"em": email, "ph": phone, "external_id": external_id, "order": order, "visitor": visitor, "fbp": fbp}
    found = {kind: value for kind, value in named.items() if value}
    if not found:
        raise typer.BadParameter("name the person: --email, --phone, --external-id, --order, --visitor or --fbp")
    if list(found.values()).count("-") > 1:
        raise typer.BadParameter("standard input can give one value only")
    return {kind: sys.stdin.readline().strip() if value == "-" else value for kind, value in found.items()}


def _run(
    act: Literal["withdraw", "grant", "show"],
    given: dict[str, str],
    only: str | None,
    config: Path | None,
    data: str | None,
    as_json: bool,
) -> bool:
    """Carries it out for all datasets, or for none; True when something is withdrawn now (for ``show``)."""
    from twofold.commands.output.rows.privacy import Consent
    from twofold.config import load_settings
    from twofold.errors import ConfigError

    settings = load_settings(config, data=data)
    datasets = [d for d in settings.dataset if only in (None, d.id)]
    if not datasets:
        known = ", ".join(d.id for d in settings.dataset) or "(none configured)"
        raise ConfigError(
            f"--dataset: expected one of {known}, got {only or 'none'}; name the configuration with --config"
        )
    marks = {d.id: _marks(given, d.country) for d in datasets}
    if act == "show":
        return _show(Path(settings.server.data), marks, clock_of(settings), as_json)
    from twofold.control.owner import on_store
    from twofold.control.questions import ChangeConsent

    changed = on_store(settings, ChangeConsent(act=act, marks=marks))["changed"]
    for dataset, count in changed.items():
        line = {"dataset": dataset, "act": act, "marks": count}
        words = f"dataset {dataset}: {'withdrawn' if act == 'withdraw' else 'given again'} ({count} marks)"
        print_rows(Consent, [line]) if as_json else say(words)
    return False


def _marks(given: dict[str, str], country: str) -> list[Mark]:
    from twofold.consent.marks import marks_from

    marks, unusable = marks_from(given, country)
    if unusable:
        raise typer.BadParameter(f"not usable as {', '.join(unusable)}; write phone numbers with their country code")
    return marks


def _show(folder: Path, marks: dict[str, list[Mark]], clock: Clock, as_json: bool) -> bool:
    from twofold.commands.output.rows.privacy import Consent
    from twofold.store.gates.withdrawals import ConsentStanding, read_standing

    withdrawn = False
    for dataset, theirs in marks.items():
        found = read_standing(folder, dataset, theirs)
        # One value stands under many hashes; all of them were withdrawn together.
        latest: dict[str, ConsentStanding] = {}
        for one in found:
            before = latest.get(one.kind)
            if one.withdrawn_at is not None and (before is None or one.withdrawn_at > (before.withdrawn_at or 0)):
                latest[one.kind] = one
        for kind in dict.fromkeys(one.kind for one in found):
            last = latest.get(kind, ConsentStanding(kind=kind))
            state = "withdrawn" if last.withdrawn else "given again" if last.granted_at else "not withdrawn"
            at = last.granted_at or last.withdrawn_at
            line = {"dataset": dataset, "act": "show", "kind": kind, "state": state, "at": at // 1000 if at else None}
            when = f" since {clock.said(at // 1000)}" if at else ""
            print_rows(Consent, [line]) if as_json else say(f"dataset {dataset}: {kind} {state}{when}")
        withdrawn |= any(one.withdrawn for one in latest.values())
    return withdrawn
