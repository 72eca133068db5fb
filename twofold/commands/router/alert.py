"""``twofold alert test``: a message to the addresses that are told when something begins to be wrong.

Owns the words of the command; sending is `alerts`'s.
"""

from __future__ import annotations

from typing import Annotated

import typer

from twofold.commands.options import ConfigOption, DataOption, JsonOption
from twofold.commands.output.printing import print_rows, say
from twofold.errors import ConfigError

alert = typer.Typer(
    name="alert", no_args_is_help=True, help="Addresses that are told when something begins to be wrong."
)


@alert.command("test")
def try_alerts(
    name: Annotated[str | None, typer.Argument(help="One of the configured alerts; without: all of them.")] = None,
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Send a message that says it is a test, and say what became of it.

    Says nothing of what is wrong and changes nothing. Exit code 1 when an address did not take it.
    """
    import asyncio
    import time

    from twofold.alerts.book import News
    from twofold.alerts.sending import send
    from twofold.config import load_settings
    from twofold.router.task import Standing

    settings, now = load_settings(config, data=data), int(time.time())
    chosen = [a for a in settings.alert if name in (None, a.name)]
    if not chosen:
        known = ", ".join(a.name for a in settings.alert)
        raise ConfigError(
            f"alert: expected {f'one of {known}' if known else 'an [[alert]] in the configuration'}, got {name or 'none'}"
        )
    news = News(began=(Standing(name="test", since=now, do_not_yet="This is a test: nothing is wrong."),))
    rows = []
    for one in chosen:
        problem = asyncio.run(send(one, news, now, settings.console.name if settings.console is not None else ""))
        rows.append({"name": one.name, "type": one.type, "sent": not problem, "problem": problem})
        if not json:
            say(f"{one.name}: {problem or 'sent'}")
    if json:
        from twofold.commands.output.rows.signal import AlertSent

        print_rows(AlertSent, rows)
    if not all(row["sent"] for row in rows):
        raise typer.Exit(1)
