"""This side of a connection: the `[[source]]` in the configuration, its secret in the private file, the running gateway told.

Owns which source is meant, and that the platform gets no webhook that nobody here could read. The order is: look at the platform,
write here, then change the platform.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from twofold.config import SourceSettings
from twofold.config.private import private_file, write_private
from twofold.control.questions import Reload
from twofold.control.secrets import digest_of
from twofold.control.socket import Conversation
from twofold.errors import ConfigError, StoreError
from twofold.setup.answers import SECRET_NAMES, source_table
from twofold.setup.doctor.outside import is_local
from twofold.setup.editing import Edited, secret_name
from twofold.setup.finding import Finding, do, look, ok

_SHOP = re.compile(r"[A-Za-z0-9._:-]{1,253}")


class Wired(Struct, frozen=True, kw_only=True):
    """One source of the configuration, and where its webhooks go."""

    source: SourceSettings
    secret_name: str
    address: str  # of its webhooks, as the platform reaches it
    added: bool  # by this command


def wire(edited: Edited, system: str, shop: str, dataset: str, drawn: str) -> Wired:
    """The source that is meant; added to the text where there is none. ``drawn``: a new secret, for a source that has none yet.
    Raises `ConfigError`. Nothing is written yet."""
    place = place_of(edited.tree, system, shop)
    added = place is None
    if place is None:
        shop = shop_of(shop or _site_of(edited.tree, system, dataset), system)
        name = _new_name(edited.tree, system)
        edited.append(mark(system, shop), source_table(system, dataset_of(edited.tree, dataset), shop, name))
        place = ("source", len(edited.tree["source"]) - 1)
    else:
        name = secret_name(edited.tree, (*place, "secret"))
        if not name:
            raise ConfigError(
                f"the secret of the source {system} stands in {edited.path} itself; write it as \"env:{SECRET_NAMES[system]}\", so "
                "that it can be kept in the private file"
            )  # fmt: skip
    settings = edited.settings({name: drawn} if added else None, less={name: drawn})
    source = settings.source[int(place[1])]
    if not settings.server.address:
        raise ConfigError(
            'server.address is not set: set address = "https://…" under [server], where shops reach the gateway'
        )
    return Wired(source=source, secret_name=name, address=f"{settings.server.address}{source.path}", added=added)


def keep_secret(edited: Edited, wired: Wired, secret: str) -> None:
    """Into the private file, and the source into the configuration."""
    write_private(private_file(edited.path), {wired.secret_name: secret})
    if wired.added:
        edited.save()


def mark(system: str, shop: str) -> str:
    """By which comments a source of ours is found again."""
    return f"{system} {shop}"


def tell_gateway(folder: Path, config: Path, expected: dict[str, str]) -> Finding:
    """The running gateway reads its files again. ``expected``: path of a webhook, or name of a destination, to its secret."""
    name = "gateway"
    try:
        conversation = Conversation.open(folder) if folder.is_dir() else None
        if conversation is None:
            return look(
                name, "does not run; it reads the new secret when it starts", f"twofold serve --config {config}"
            )
        try:
            conversation.tell(Reload())
            report = conversation.hear()
        finally:
            conversation.close()
    except StoreError as err:
        return do(name, str(err), f"restart it: twofold serve --config {config}")
    held: dict[str, Any] = report["held"]
    other = [key for key, secret in expected.items() if held.get(key) != digest_of(secret)]
    if report["restart"] or other:
        why = ", ".join([*report["restart"], *(f"its environment has another secret for {key}" for key in other)])
        return do(name, f"could not take over: {why}", "restart it, without the old variable in its environment")
    return ok(name, f"has {'the new secret' if expected else 'let go of it'}, without a restart")


def unreached(address: str) -> Finding | None:
    """Something to look at where the platform cannot send to this address, whatever it says to it."""
    parts = urlsplit(address)
    if not is_local(parts.hostname or ""):
        return None
    said = f"{parts.scheme}://{parts.netloc} is this machine alone: no webhook of a platform arrives there"
    return look("address", said, 'set address = "https://…" under [server] to the public name, and connect again')


def environment_wins(name: str, secret: str) -> Finding | None:
    """Something to look at where this shell's variable would win over the file."""
    if os.environ.get(name) in (None, "", secret):
        return None
    return look(f"variable {name}", "is set in this environment, and wins over the private file", f"unset {name}")


def shop_of(shop: str, system: str) -> str:
    """The name of a shop that is new here. Raises `ConfigError`."""
    if not shop:
        raise ConfigError(f"which shop? Name it with --shop: the configuration has no source of the type {system} yet")
    if not _SHOP.fullmatch(shop):
        raise ConfigError(
            f"the shop's name: expected letters, digits and . _ : -, as in a webhook's address, got {shop!r}"
        )
    return shop


def _site_of(tree: dict[str, Any], system: str, dataset: str) -> str:
    """Of a system that knows its shop by its site (`WooCommerce`): the one site that the dataset's origins name, without www."""
    if system != "woocommerce":
        return ""
    tables = [one for one in tree.get("dataset", ()) if not dataset or one.get("id") == dataset]
    hosts = {urlsplit(str(site)).hostname or "" for one in tables for site in one.get("origins", ())}
    bare = {host.removeprefix("www.") for host in hosts}
    return bare.pop() if len(bare) == 1 else ""


def place_of(tree: dict[str, Any], system: str, shop: str) -> tuple[str, int] | None:
    """Where the source stands that is meant; None where there is none. Raises `ConfigError` where there are several."""
    listed = [(n, s) for n, s in enumerate(tree.get("source", ())) if isinstance(s, dict) and s.get("type") == system]
    fitting = [n for n, s in listed if not shop or s.get("shop") == shop]
    if len(fitting) > 1:
        shops = ", ".join(str(s.get("shop")) for _, s in listed)
        raise ConfigError(f"there are several sources of the type {system}; name one with --shop: {shops}")
    return ("source", fitting[0]) if fitting else None


def dataset_of(tree: dict[str, Any], dataset: str) -> str:
    """The dataset of a new source. Raises `ConfigError`."""
    ids = [str(d.get("id")) for d in tree.get("dataset", ()) if isinstance(d, dict)]
    if dataset and dataset in ids:
        return dataset
    if dataset or len(ids) != 1:
        raise ConfigError(f"which dataset? Name one with --dataset: {', '.join(ids) or '(the configuration has none)'}")
    return ids[0]


def _new_name(tree: dict[str, Any], system: str) -> str:
    """A name that no other source uses."""
    used = {secret_name(tree, ("source", n, "secret")) for n in range(len(tree.get("source", ())))}
    name, number = SECRET_NAMES[system], 2
    while name in used:
        name, number = f"{SECRET_NAMES[system]}_{number}", number + 1
    return name
