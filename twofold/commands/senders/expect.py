"""``twofold senders expect``: a person names the owner of an event and says which senders are expected.

Owns the words and the entries it makes; what they mean is `senders.expectation`'s.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twofold.commands.options import ByOption, ConfigOption, DataOption, DatasetOption, JsonOption, who_says
from twofold.commands.output.printing import plain, print_rows, say
from twofold.errors import ConfigError

if TYPE_CHECKING:
    from twofold.config import Settings

MOST = 120


def expect(
    event: Annotated[str, typer.Argument(help="The event; '*' for all that this sender tells.")] = "",
    sender: Annotated[str, typer.Argument(help="The sender, as `twofold senders` names it.")] = "",
    seen: Annotated[bool, typer.Option("--seen", help="All that is seen now is expected.")] = False,
    primary: Annotated[bool, typer.Option("--primary", help="It is the one that owns this event.")] = False,
    person: Annotated[str, typer.Option("--person", help="Whose work it is: a name or a team.")] = "",
    no: Annotated[bool, typer.Option("--not", help="It is not expected any more.")] = False,
    account: Annotated[str, typer.Option("--account", help="Another platform's account, for what is no dataset of ours.")] = "",
    dataset: DatasetOption = None,
    by: ByOption = "",
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:  # fmt: skip
    """Name the owner of an event, and say which senders are expected: from then on a new one is a finding and an alert.

    `--seen` takes all that the inventory shows now. Each word is an entry of the log with your name; a later one about the
    same event and sender stands above it.
    """
    from twofold.config import load_settings

    settings = load_settings(config, data=data)
    name = who_says(by)
    if seen == bool(event or sender):
        raise ConfigError("expected EVENT and SENDER, or --seen, got " + ("both" if seen else "neither"))
    if seen and (primary or no or person):
        raise ConfigError("--seen: expected no --primary, --person or --not with it, as it speaks of many")
    if seen:
        said = _seen(settings, dataset)
    else:
        if not event or not sender:
            raise ConfigError("expected EVENT and SENDER, got EVENT only")
        if (primary or person) and (no or event == "*"):
            raise ConfigError(
                "--primary: expected one event that is expected, got " + ("--not" if no else "all of them")
            )
        said = [{"account": account or _dataset(settings, dataset), "event": event, "sender": sender, "expected": not no,
                 "primary": primary, "person": person}]  # fmt: skip
    for one in said:
        _check(one, name)
    for one in said:
        _keep(settings, one, name)
    if json:
        from twofold.commands.output.rows.signal import Expected

        print_rows(Expected, said)
        return
    for one in said:
        what = "owns" if one["primary"] else "is expected to tell" if one["expected"] else "is not expected to tell"
        say(f"{plain(one['sender'])} {what} {plain(one['event'])} of {plain(one['account'])}.")
    if not said:
        say("Nothing is seen yet: nothing was kept.")


def _seen(settings: Settings, dataset: str | None) -> list[dict[str, Any]]:
    """Each event that is known to be told, and each sender of which the events are not known."""
    from twofold.clock import now_ms
    from twofold.senders.standing import seen_now

    found = seen_now(
        Path(settings.server.data), [d.id for d in settings.dataset], now_ms() // 1000, 28 * 86_400, dataset
    )
    return [
        {"account": account, "event": event, "sender": sender, "expected": True, "primary": False, "person": ""}
        for account, event, sender in found
    ]  # fmt: skip


def _dataset(settings: Settings, dataset: str | None) -> str:
    known = [d.id for d in settings.dataset]
    if dataset is None and len(known) == 1:
        return known[0]
    if dataset not in known:
        raise ConfigError(
            f"--dataset: expected one of {', '.join(known) or '(none is configured)'}, got {dataset or 'none'}"
        )
    return str(dataset)


def _check(one: dict[str, Any], by: str) -> None:
    """The log is kept for good, and nobody can be erased from it."""
    from twofold.event.contact import holds_contact

    for name, text in (
        ("EVENT", one["event"]),
        ("SENDER", one["sender"]),
        ("--account", one["account"]),
        ("--person", one["person"]),
        ("--by", by),
    ):
        most = 300 if name == "SENDER" else MOST
        if len(text) > most or not text.isprintable():
            raise ConfigError(f"{name}: expected at most {most} characters that can be shown, got {len(text)}")
        if holds_contact(text):
            raise ConfigError(f"{name}: expected a text without e-mail addresses and phone numbers, got one with")


def _keep(settings: Settings, one: dict[str, Any], by: str) -> None:
    from twofold.control.owner import on_store
    from twofold.control.questions import Note
    from twofold.report.kept import EVENT_OWNER, SENDER_EXPECTED

    about = {"dataset": one["account"], "event": one["event"], "sender": one["sender"], "by": by}
    if one["primary"] or one["person"]:
        on_store(settings, Note(kind=EVENT_OWNER, facts={**about, "person": one["person"]}))
    on_store(settings, Note(kind=SENDER_EXPECTED, facts={**about, "expected": one["expected"]}))
