"""This side of a system that is asked: its `[[source]]` with the access in the private file.

Owns which source is meant and which names stand for its access. As with webhooks the platform is looked at first; what is written then is
one table of the configuration and the names' values.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from twofold.config import SourceSettings
from twofold.config.private import private_file, write_private
from twofold.config.sources import ACCESS, NEVER_SENDS
from twofold.errors import ConfigError
from twofold.setup.connect.wiring import dataset_of, mark, place_of, shop_of
from twofold.setup.editing import Edited, secret_name

WORDS = {"secret": "WORD", "token": "TOKEN", "client_id": "ID", "client_secret": "SECRET"}
"""What a secret's name ends with."""
OPTIONAL_SECRET = frozenset({"shopware"})
"""Systems whose list of changes is enough; their webhooks make it quicker."""


class Asked(Struct, frozen=True, kw_only=True):
    """``values``: names of the private file with what is to stand behind each. ``address``: of its notices; empty where it sends none."""

    source: SourceSettings
    values: Mapping[str, str]
    added: bool
    address: str


def variable(system: str, setting: str) -> str:
    """The name that stands for a setting of its access, in the private file and in the environment."""
    return f"{system.upper()}_{WORDS.get(setting, setting.upper())}"


def secrets_asked_of(system: str) -> tuple[str, ...]:
    """The settings of its access that are secrets."""
    return tuple(name for name in ACCESS[system] if name != "endpoint")


def known_access(edited: Edited, system: str, shop: str) -> dict[str, str]:
    """What is configured and known already; empty where there is no such source, or its secrets are nowhere."""
    place = place_of(edited.tree, system, shop)
    if place is None:
        return {}
    try:
        source = edited.settings().source[place[1]]
    except ConfigError:
        return {}
    return {name: getattr(source, name) for name in ACCESS[system] if getattr(source, name)}


def wire_access(edited: Edited, system: str, shop: str, dataset: str, given: Mapping[str, str], drawn: str) -> Asked:
    """``given``: settings of the access, and its time zone. ``drawn``: a new word for the address. Raises `ConfigError`; nothing is
    written yet."""
    place, added = place_of(edited.tree, system, shop), False
    secrets = [*secrets_asked_of(system), *(() if system in NEVER_SENDS | OPTIONAL_SECRET else ("secret",))]
    if place is None:
        shop, added = shop_of(shop, system), True
        names = {one: _new_name(edited, variable(system, one)) for one in secrets}
        edited.append(mark(system, shop), _table(system, dataset_of(edited.tree, dataset), shop, given, names))
        place = ("source", len(edited.tree["source"]) - 1)
    else:
        names = {one: secret_name(edited.tree, (*place, one)) for one in secrets}
        for one in (one for one, name in names.items() if not name):
            raise ConfigError(
                f"{one} of the source {system} stands in {edited.path} itself, or nowhere; write it as "
                f'"env:{variable(system, one)}", so that it can be kept in the private file'
            )
        if given.get("endpoint") and given["endpoint"] != edited.tree["source"][place[1]].get("endpoint"):
            edited.set_value((*place, "endpoint"), given["endpoint"])
    values = {names[one]: given[one] for one in secrets if given.get(one)}
    settings = edited.settings(values, less={names["secret"]: drawn} if "secret" in names else None)
    source = settings.source[place[1]]
    if "secret" in names:
        secret = source.secret if isinstance(source.secret, str) else source.secret[0]
        values[names["secret"]] = secret
        if not settings.server.address:
            raise ConfigError(
                'server.address is not set: set address = "https://…" under [server], where shops reach the gateway'
            )
    address = f"{settings.server.address}{source.path}" if source.secret else ""
    return Asked(source=source, values=values, added=added, address=address)


def keep_access(edited: Edited, asked: Asked) -> None:
    """Into the private file and the configuration."""
    write_private(private_file(edited.path), asked.values)
    edited.save(asked.values)


def forget_access(edited: Edited, system: str, shop: str) -> bool:
    """Takes the source out where `connect` put it, with the values behind its names; False where somebody wrote it."""
    place = place_of(edited.tree, system, shop)
    if place is None:
        return False
    names = [secret_name(edited.tree, (*place, one)) for one in WORDS]
    if not edited.remove(mark(system, str(edited.tree["source"][place[1]].get("shop")))):
        return False
    edited.save()
    write_private(private_file(edited.path), {name: None for name in names if name})
    return True


def _table(system: str, dataset: str, shop: str, given: Mapping[str, str], names: Mapping[str, str]) -> str:
    plain = {"type": system, "dataset": dataset, "shop": shop}
    plain |= {"signature": "path"} if system == "mollie" else {}
    plain |= {name: given[name] for name in ("endpoint", "timezone") if given.get(name)}
    plain |= {setting: f"env:{name}" for setting, name in names.items()}
    lines = [f"{name} = {msgspec.json.encode(value).decode()}" for name, value in plain.items()]
    head = f"[[source]]                                # asked by the gateway: docs/fetching.md; `twofold connect {system}`"
    return "\n".join([head, *lines]) + "\n"


def _new_name(edited: Edited, name: str) -> str:
    """A name that the file does not use yet."""
    made, number = name, 2
    while f'"env:{made}"' in edited.text:
        made, number = f"{name}_{number}", number + 1
    return made
