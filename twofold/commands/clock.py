"""``twofold clock``: how far the machine's clock is believed, and a person's word that it is right.

Owns words only. What a clock that is not believed keeps from happening is said in docs/wire.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from twofold.commands.options import ConfigOption, DataOption, JsonOption
from twofold.commands.output.printing import print_rows, say

clock = typer.Typer(
    name="clock",
    help="Whether the machine's clock is believed, and your word that it is right.",
    no_args_is_help=True,
)


@clock.command()
def show(config: ConfigOption = None, data: DataOption = None, json: JsonOption = False) -> None:
    """Say whether the clock is believed. Exit code 1 when it is doubted.

    Reads only. Without a running gateway: whether one that started now would believe it.
    """
    from twofold.config import load_settings
    from twofold.control.owner import read_clock

    report = read_clock(Path(load_settings(config, data=data).server.data))
    _print(report, json)
    raise typer.Exit(0 if report["state"] == "ok" else 1)


@clock.command()
def accept(config: ConfigOption = None, data: DataOption = None, json: JsonOption = False) -> None:
    """Say that the clock is right now: what was put off because of it happens from now on.

    Deliveries that are too old by it are given up, data whose time is over is emptied, old keys are forgotten. None of it
    can be taken back, so look at the clock first. It goes into the log.
    """
    from twofold.config import load_settings
    from twofold.control.owner import on_store
    from twofold.control.questions import AcceptClock

    answer = on_store(load_settings(config, data=data), AcceptClock())
    if not json:
        say("the clock is believed from now on" if answer["accepted"] else "nobody doubted the clock")
    else:
        _print(answer["clock"], json)


def _print(report: dict[str, Any], json: bool) -> None:
    if json:
        from twofold.commands.output.rows.running import ClockState

        print_rows(ClockState, [report])
    elif report["state"] == "ok":
        say("the clock is believed")
    else:
        hours = report["off_by_s"] / 3600
        say(
            f"the clock is not believed: {abs(hours):.1f} hours {'ahead of' if hours > 0 else 'behind'} {report['against']}; "
            f"it is in {report['believed_in_s']} s if it goes on so, or after `twofold clock accept`"
        )
