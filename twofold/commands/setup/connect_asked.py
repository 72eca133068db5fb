"""`twofold connect` and `disconnect` for systems that are asked: the access tried, kept, and said what is asked and how often.

Owns one command a system, all of one form. What is tried is `setup.connect.asked`'s; BigCommerce's webhook is made by its API.
"""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from twofold.commands.options import USUAL, ConfigNeeded, JsonOption
from twofold.commands.output.printing import say
from twofold.commands.setup.connect import (
    KEY_BYTES,
    DatasetForNew,
    ShopOption,
    Shown,
    asked_for,
    connect,
    disconnect,
    gateway_told,
    left_as_it_is,
    loaded,
    new_exchange,
)

if TYPE_CHECKING:
    from twofold.config import SourceSettings
    from twofold.setup.connect.access import Asked
    from twofold.setup.connect.bigcommerce import BigCommerce
    from twofold.setup.editing import Edited

ABOUT = {
    "bigcommerce": "Make BigCommerce's webhook for orders, and try that its API account may read them.",
    "magento": "Try that an integration of Magento's may list and read orders; Magento has no webhooks.",
    "prestashop": "Try that a key of PrestaShop's webservice may list and read orders; PrestaShop has no webhooks.",
    "shopware": "Try that an integration of Shopware's may list and read orders.",
    "mollie": "Try a key of Mollie's, for its older webhooks, which only name a payment.",
    "klarna": "Try the name and the secret of Klarna's API.",
    "tbc": "Try the access to TBC's checkout.",
}
QUESTIONS = {
    "endpoint": "address of its API",
    "token": "access token or key of the API",
    "client_id": "name of the access (client id)",
    "client_secret": "its secret",
}
Endpoint = Annotated[
    str, typer.Option("--endpoint", help="Address of its API. Default: the provider's own, where it has one.")
]
Token = Annotated[
    str, typer.Option("--token", help="Token or key of the API. Better by the variable, e.g. MAGENTO_TOKEN.")
]
Name = Annotated[str, typer.Option("--client-id", help="Name of the access. Or by the variable, e.g. SHOPWARE_ID.")]
Secret = Annotated[
    str, typer.Option("--client-secret", help="Its secret. Better by the variable, e.g. SHOPWARE_SECRET.")
]
Zone = Annotated[
    str, typer.Option("--timezone", help="Of a shop that tells its times without their zone, e.g. Europe/Paris.")
]
Address = Annotated[bool, typer.Option("--address", help="Print the address for its notices. It holds a secret word.")]


def _add(system: str) -> None:
    def connecting(
        config: ConfigNeeded = USUAL,
        shop: ShopOption = "",
        dataset: DatasetForNew = "",
        endpoint: Endpoint = "",
        token: Token = "",
        client_id: Name = "",
        client_secret: Secret = "",
        timezone: Zone = "",
        address: Address = False,
        json: JsonOption = False,
    ) -> None:
        given = {
            "endpoint": endpoint, "token": token, "client_id": client_id, "client_secret": client_secret, "timezone": timezone,
        }  # fmt: skip
        _connect(system, config, shop, dataset, {name: value for name, value in given.items() if value}, address, json)

    def disconnecting(config: ConfigNeeded = USUAL, shop: ShopOption = "", json: JsonOption = False) -> None:
        _disconnect(system, config, shop, json)

    connecting.__doc__ = (
        f"{ABOUT[system]}\n\nNothing that is read is kept. The access goes into the private file, the source into the configuration, and a running "
        "gateway asks from then on. Safe to repeat: what is known already is not asked for."
    )
    disconnecting.__doc__ = (
        "Stop asking: the access is forgotten, and a source that `connect` added goes out of the configuration."
    )
    connect.command(system)(connecting)
    disconnect.command(system)(disconnecting)


for _system in ABOUT:
    _add(_system)


def _connect(
    system: str, config: Path, shop: str, dataset: str, given: dict[str, str], address: bool, json: bool
) -> None:
    from twofold.config.sources import ACCESS
    from twofold.setup.connect.access import keep_access, known_access, variable, wire_access
    from twofold.setup.connect.asked import asked_of, tried
    from twofold.setup.editing import Edited

    shown, edited = Shown(json), Edited(config)
    known = known_access(edited, system, shop)
    for setting in ACCESS[system]:
        value = given.get(setting) or os.environ.get(variable(system, setting)) or known.get(setting)
        hidden = setting in ("token", "client_secret")
        given[setting] = value or asked_for(f"{system}: {QUESTIONS[setting]}", json, hidden=hidden)
    wired = wire_access(edited, system, shop, dataset, given, secrets.token_hex(KEY_BYTES))
    with shown.told():
        shown.findings(tried(wired.source, new_exchange(), time.time()))
        keep_access(edited, wired)
        shown.findings([gateway_told(loaded(config), config, _expected(wired))])
        if system == "bigcommerce":
            shown.hooks(_hooks(wired.source).connect(wired.address))
        shown.findings([asked_of(wired.source)])
    if wired.address and system != "bigcommerce":
        printed = f"twofold connect {system} --address prints where; docs/fetching.md says how"
        shown.next(f"{system} has to be told where its notices go", printed)
    if address and wired.address:
        say(wired.address)
    shown.end()


def _disconnect(system: str, config: Path, shop: str, json: bool) -> None:
    from twofold.setup.connect.access import known_access, wire_access
    from twofold.setup.editing import Edited

    shown, edited = Shown(json), Edited(config)
    wired = wire_access(edited, system, shop, "", known_access(edited, system, shop), secrets.token_hex(KEY_BYTES))
    with shown.told():
        if system == "bigcommerce":
            shown.hooks(_hooks(wired.source).disconnect(wired.address))
        _forget(edited, wired, shown)
    if wired.address and system != "bigcommerce":
        shown.next(f"{system} may still tell of orders at the address that it was given", "take it out there")
    shown.end()


def _forget(edited: Edited, wired: Asked, shown: Shown) -> None:
    from twofold.setup.connect.access import forget_access
    from twofold.setup.finding import ok

    source = wired.source
    if wired.added or not forget_access(edited, source.type, source.shop):
        shown.findings([left_as_it_is(source, is_there=not wired.added)])
        return
    gone = ok("configuration", f"the source {source.type} {source.shop} is gone")
    shown.findings([gone, gateway_told(loaded(edited.path), edited.path, {})])


def _hooks(source: SourceSettings) -> BigCommerce:
    from twofold.setup.connect.bigcommerce import BigCommerce

    return BigCommerce(exchange=new_exchange(), base=source.endpoint.rstrip("/"), token=source.token)


def _expected(wired: Asked) -> dict[str, str]:
    """Path of its notices to the secret in it, by which the gateway's answer is judged."""
    from twofold.config import secrets_of

    found = secrets_of(wired.source)
    return {wired.source.path: found[0]} if found else {}


__all__ = ["connect", "disconnect"]
