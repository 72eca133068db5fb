"""``twofold consent``: take a person's consent back, give it again, or show how it stands.

Owns the words of the command. The values are hashed here, before anything leaves this process; ``-`` reads a value from
standard input, so that it stands in no list of processes. A running gateway is asked through its control socket; without
one the command takes the folder itself.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from twofold.clock import now_ms
from twofold.collect.doors.consent import answer_command
from twofold.commands.options import ConfigOption, DataOption, DatasetOrAllOption, JsonOption
from twofold.commands.output import print_json, utc
from twofold.config import Settings, load_settings
from twofold.consent.marks import marks_from
from twofold.control.socket import ask_gateway
from twofold.errors import ConfigError
from twofold.policies import open_store

consent = typer.Typer(
    name="consent",
    help="Take a person's consent back, give it again, or show how it stands.",
    no_args_is_help=True,
    rich_markup_mode=None,
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
    act: str, given: dict[str, str], only: str | None, config: Path | None, data: str | None, as_json: bool
) -> bool:
    """Carries it out for each dataset; True when something is withdrawn now (for ``show``)."""
    settings = load_settings(config, data=data)
    datasets = [d for d in settings.dataset if only in (None, d.id)]
    if not datasets:
        known = ", ".join(d.id for d in settings.dataset) or "(none configured)"
        raise ConfigError(
            f"--dataset: expected one of {known}, got {only or 'none'}; name the configuration with --config"
        )
    questions: list[dict[str, Any]] = []
    for d in datasets:
        marks, unusable = marks_from(given, d.country)
        if unusable:
            raise typer.BadParameter(
                f"not usable as {', '.join(unusable)}; write phone numbers with their country code"
            )
        questions.append({"command": "consent", "act": act, "dataset": d.id, "marks": [list(m) for m in marks]})
    withdrawn = False
    for question, answer in zip(questions, _answers(settings, questions), strict=True):
        withdrawn |= _show(act, question["dataset"], answer, as_json)
    return withdrawn


def _answers(settings: Settings, questions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    folder = Path(settings.server.data)
    first = ask_gateway(folder, questions[0]) if folder.is_dir() else None
    if first is None:
        return asyncio.run(_alone(settings, questions))
    return [first, *(ask_gateway(folder, q) or {} for q in questions[1:])]


async def _alone(settings: Settings, questions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    store = open_store(settings, now_ms())
    store.start()
    try:
        return [await answer_command(store, q, now_ms()) for q in questions]
    finally:
        await store.close()


def _show(act: str, dataset: str, answer: dict[str, Any], as_json: bool) -> bool:
    if act != "show":
        line = {"dataset": dataset, "act": act, "marks": answer["changed"]}
        words = f"dataset {dataset}: {'withdrawn' if act == 'withdraw' else 'given again'} ({answer['changed']} marks)"
        print_json([line]) if as_json else print(words)
        return False
    # One value stands under many hashes; all of them were withdrawn together.
    latest: dict[str, list[Any]] = {}
    for kind, withdrawn_at, granted_at in answer["standing"]:
        if withdrawn_at is not None:
            latest[kind] = max(latest.get(kind, []), [withdrawn_at, granted_at or 0])
    for kind in dict.fromkeys(k for k, *_ in answer["standing"]):
        withdrawn_at, granted_at = latest.get(kind, [None, 0])
        state = "not withdrawn" if withdrawn_at is None else "given again" if granted_at else "withdrawn"
        at = granted_at or withdrawn_at
        line = {"dataset": dataset, "kind": kind, "state": state, "at": at}
        when = f" since {utc(at // 1000)} UTC" if at else ""
        print_json([line]) if as_json else print(f"dataset {dataset}: {kind} {state}{when}")
    return any(not granted for _, granted in latest.values())
