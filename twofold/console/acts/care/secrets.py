"""A secret is replaced: in the private file, and in the running gateway without a restart where it can be.

Owns which names may be set: those that the configuration reads from the environment. The value goes into the file and
nowhere else, neither a page nor the log.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twofold.config.private import private_file, write_private
from twofold.console.access.register import Refused
from twofold.console.acts.act import Act, Done
from twofold.console.acts.noting import note
from twofold.console.acts.proving import prove
from twofold.console.forms import CHANGE
from twofold.console.pages.page import Asked
from twofold.console.pages.setup.engine_room import ENGINE_ROOM, read_engine_room
from twofold.console.queries.secrets import Named, names_of
from twofold.console.words import Words
from twofold.errors import ConfigError
from twofold.setup.connect.wiring import environment_wins, tell_gateway
from twofold.setup.editing import Edited

MOST = 4_000


def replace_secret(act: Act) -> Done:
    """Tried first as the program will read it; what does not fit changes nothing."""
    prove(act)
    config, name, value = act.config, act.given.get("name", ""), act.given.get("value", "").strip()
    if config is None:
        raise Refused("This console was started without a configuration file, so there is no private file beside it.")
    one = next((known for known in names_of(config) if known.name == name), None)
    if one is None:
        raise Refused("The configuration names no such secret.")
    if not value or len(value) > MOST or not value.isprintable():
        raise Refused("A secret is one line of characters that can be shown.")
    if environment_wins(name, value) is not None:
        raise Refused(
            "The environment of this process has this name already, and it wins over the private file. Change it there."
        )
    try:
        settings = Edited(config).settings({name: value})
        note(act, CHANGE, {"what": "replaced a secret", "name": name})
        write_private(private_file(config), {name: value})
    except ConfigError as err:
        raise Refused(f"It could not be done: {str(err).replace(value, '…')}") from err
    expected = _expected(one, settings, value)
    said = tell_gateway(Path(act.settings.server.data), config, expected)
    asked = Asked(
        settings=act.settings, folder=act.settings.server.data, session=act.session, words=Words("en", "UTC"), now=act.now,
        choices={}, path={}, sums=act.sums, remembered=act.remembered, drops=act.drops, config=config,
    )  # fmt: skip
    figures = {**read_engine_room(asked).figures, "here": ENGINE_ROOM, "taken": {"name": name, "said": said}}
    return Done(template=ENGINE_ROOM.template, figures=figures, rereads=True)


def _expected(one: Named, settings: Any, value: str) -> dict[str, str]:
    """What the gateway has to hold afterwards, under the names by which it says it."""
    found = {}
    for place in one.places:
        if place[0] == "source" and place[-1] != "verify_token":
            found[settings.source[place[1]].path] = value
        elif place[0] == "destination" and place[-1] == "token":
            found[settings.destination[place[1]].name] = value
    return found
