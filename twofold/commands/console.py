"""``twofold console``: the pages for people.

Owns what is typed and what is said at the start.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from twofold.commands.options import ConfigOption, DataOption, JsonOption
from twofold.commands.output.printing import print_rows, say


def console(
    config: ConfigOption = None,
    data: DataOption = None,
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option("--port", min=0, max=65_535, help="Port; 0 takes a free one.")] = None,
    json: JsonOption = False,
) -> None:
    """Run the console: pages for people, beside the gateway or without it.

    At the first start a link is printed that lets one person in, as owner. Whoever else is to see the pages is invited
    there. A process of its own: it reads the data folder and asks the gateway, and takes nothing from it.
    """
    from msgspec.structs import replace

    from twofold.config import ConsoleSettings, load_settings
    from twofold.console.server import serve_console
    from twofold.control.console import GATEWAY
    from twofold.facts.child import BESIDE, step_back

    if GATEWAY in os.environ:
        os.setpgid(0, 0)  # a group of its own, so that Ctrl-C in a terminal reaches the gateway alone
    step_back(BESIDE)
    settings = load_settings(config, data=data)
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = replace(settings, console=replace(settings.console or ConsoleSettings(), **given))

    def ready(address: str, link: str | None) -> None:
        if json:
            from twofold.commands.output.rows.running import ConsoleListening

            print_rows(ConsoleListening, [{"address": address, "link": link}])
        else:
            say(f"console at {address}")
            if link:
                say(f"the first person comes in by {link} (once, within a day)")
        sys.stdout.flush()

    serve_console(settings, ready, gateway=int(os.environ.get(GATEWAY, "0")), config=config)
