"""From a few answers to a configuration: the file with a comment at each choice, and the private file with its keys.

Owns the questions' defaults, what an answer may be, and the words of the file. Drawing keys and writing files is the command's:
here nothing is random and nothing is touched.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec
from msgspec import Struct

from twofold.errors import ConfigError

PORT = 8400
SANDBOX = "http://127.0.0.1:8401"
PLACEHOLDER = "1234567890"
"""The dataset of a set-up that has none yet; the sandbox takes any."""
SHOPIFY_DOMAIN = ".myshopify.com"
SYSTEMS = ("shopify", "woocommerce", "stripe", "own")
GRAPH = "https://graph.facebook.com"

KEY, TOKEN, STATUS = "TWOFOLD_KEY", "META_TOKEN", "TWOFOLD_STATUS"
SECRET_NAMES = {
    "shopify": "SHOPIFY_SECRET",
    "woocommerce": "WOOCOMMERCE_SECRET",
    "stripe": "STRIPE_SECRET",
    "own": "SHOP_SECRET",
}

_HOST = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_PORT = re.compile(r":\d{1,5}")


class Answers(Struct, frozen=True, kw_only=True):
    """``shop``: the shop's host, empty for any site; ``address``: the gateway's; ``dataset`` empty: the sandbox for now."""

    shop: str = ""
    address: str = ""
    dataset: str = ""
    endpoint: str = GRAPH
    cod_placed: bool = True  # cash on delivery counts when it is placed, not when its money is there
    europe: bool = False
    system: str = ""  # of SYSTEMS; empty: `twofold connect` adds it
    shop_name: str = ""  # the shop in the webhook's path, where it is not the host: Shopify's own domain


def read_shop(text: str) -> str:
    """A shop's host from what people type: with or without https://, www. and a path. Raises `ConfigError`."""
    host = re.sub(r"^https?://", "", text.strip().lower()).split("/")[0].split("?")[0].rstrip(".")
    try:
        host = host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError:
        host = "?"
    bare = _PORT.sub("", host)
    if host and not _HOST.fullmatch(bare):
        raise ConfigError(f"the shop's address: expected a name as shop.example, got {text.strip()!r}")
    return host


def read_address(text: str) -> str:
    """The gateway's public address. Raises `ConfigError`."""
    given = text.strip().rstrip("/")
    if given and "://" not in given:
        given = f"https://{given}"
    scheme, _, host = given.partition("://")
    if given and (scheme.lower() not in ("http", "https") or not _HOST.fullmatch(_PORT.sub("", host.lower()))):
        raise ConfigError(f"the gateway's address: expected one as https://gateway.shop.example, got {text.strip()!r}")
    return f"{scheme.lower()}://{host.lower()}" if given else ""


def read_dataset(text: str) -> str:
    """Meta's dataset id. Raises `ConfigError`."""
    given = text.strip()
    if given and not re.fullmatch(r"\d{5,20}", given):
        raise ConfigError(f"the dataset: expected its number as Events Manager shows it, got {given!r}")
    return given


def default_address(shop: str) -> str:
    """What the gateway is called until somebody says otherwise: a name below the shop's, so that cookies are its own."""
    host = _PORT.sub("", shop).removeprefix("www.")
    known = host and "." in host and not host.endswith(SHOPIFY_DOMAIN) and not host.replace(".", "").isdigit()
    return f"https://gateway.{host}" if known else f"http://127.0.0.1:{PORT}"


def port_of(address: str) -> int:
    """Where the gateway listens: behind a proxy at the usual port, and at the port of an address that is this machine's own."""
    here = re.fullmatch(r"http://(?:127(?:\.\d{1,3}){3}|localhost):(\d{1,5})", address)
    return int(here[1]) if here else PORT


def origins_of(shop: str) -> list[str]:
    """The sites whose browsers may send: the shop with and without www."""
    if not shop:
        return []
    bare = shop.removeprefix("www.")
    is_local = re.match(r"(localhost|127\.|\[)", bare)
    if is_local:
        return [f"http://{bare}"]
    return [f"https://{bare}"] if bare.endswith(SHOPIFY_DOMAIN) else [f"https://{bare}", f"https://www.{bare}"]


def private_values(answers: Answers, token: str, draw: Callable[[], str]) -> dict[str, str]:
    """Names and values of the private file. ``draw`` gives a new random key at each call."""
    values = {KEY: draw(), TOKEN: token or draw(), STATUS: draw()}
    if answers.system:
        values[SECRET_NAMES[answers.system]] = draw()
    return values


def configuration(answers: Answers) -> str:
    """The text of `twofold.toml`."""
    dataset = answers.dataset or PLACEHOLDER
    parts = [_HEAD, _server(answers), _dataset(answers, dataset), _destination(answers, dataset)]
    if answers.system:
        parts.append(source_table(answers.system, dataset, answers.shop_name or answers.shop))
    else:
        parts.append(_NO_SOURCE)
    parts.append(_console(answers))
    return "\n".join(parts)


def source_table(system: str, dataset: str, shop: str, secret_name: str = "", **more: str) -> str:
    """One `[[source]]`, as it is appended to a file as well."""
    # A shop of one's own has no API that `twofold connect` could ask: it sends by itself.
    how = (
        "what it sends, and how it signs: docs/own-shop.md"
        if system == "own"
        else f"its webhooks: `twofold connect {system}`"
    )
    lines = [
        f"[[source]]                                # orders of the shop; {how}",
        f"type = {_text(system)}",
        f"dataset = {_text(dataset)}",
        f"shop = {_text(shop)}",
        f"secret = {_text('env:' + (secret_name or SECRET_NAMES[system]))}",
        *(f"{name} = {_text(value)}" for name, value in more.items()),
    ]
    return "\n".join(lines) + "\n"


def _server(answers: Answers) -> str:
    address = answers.address
    proxied = address.startswith("https://")
    lines = [
        "[server]",
        'data = "data"                             # everything that is kept, beside this file; a local disk',
        f"port = {port_of(address):<35}# where it listens, on this machine only",
        "# Where browsers and shops reach it: your proxy's name, with TLS; and how many proxies stand in front of it.",
        f"address = {_text(address)}" if address else '# address = "https://gateway.shop.example"',
        f"proxies = {int(proxied)}",
        f'status_token = "env:{STATUS}"     # who shows it may read /metrics and the details of /health',
    ]
    return "\n".join(lines) + "\n"


def _dataset(answers: Answers, dataset: str) -> str:
    sites = ", ".join(map(_text, origins_of(answers.shop)))
    lines = [
        "[[dataset]]",
        f"id = {_text(dataset)}"
        + ("" if answers.dataset else "                         # any number, until there is a dataset of Meta's"),
        f'key = "env:{KEY}"                   # what servers present as access_token',
        f"origins = [{sites}]" if sites else '# origins = ["https://shop.example"]     # without it any site may send',
        "",
        "[dataset.orders]",
        "# When an order becomes a Purchase. Cash on delivery: `placed` tells the algorithm at once, also of parcels that come",
        "# back; `paid` tells it late, and only of what was taken.",
        f'when = {{ cod = "{"placed" if answers.cod_placed else "paid"}" }}',
        "",
        "[dataset.consent]",
        "# Shoppers in these countries are sent only with a recorded yes; all others unless they said no.",
        f"require_in = {'[' + _text('EEA') + ']' if answers.europe else '[]'}",
    ]
    return "\n".join(lines) + "\n"


def _destination(answers: Answers, dataset: str) -> str:
    endpoint = answers.endpoint if answers.dataset else SANDBOX
    said = (
        "# Meta's own address"
        if endpoint == GRAPH
        else "# a stand-in on this machine: run `twofold sandbox`; `twofold connect meta` puts Meta here"
    )
    lines = [
        "[[destination]]",
        'platform = "meta"',
        f"dataset = {_text(dataset)}",
        f"endpoint = {_text(endpoint)}   {said}",
        f'token = "env:{TOKEN}"',
    ]
    return "\n".join(lines) + "\n"


def _console(answers: Answers) -> str:
    lines = [
        "[console]                                 # pages for people, at http://127.0.0.1:8402/console",
        f"name = {_text(answers.shop[:60])}                     # the shop's name, on top of every page"
        if answers.shop
        else '# name = "Our shop"                       # on top of every page',
        "",
        "[chain]",
        '# timezone = "Europe/Berlin"              # the shop\'s: in it are all days and times of pages and commands; UTC until it is said',
    ]
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    return msgspec.json.encode(value).decode()  # a JSON text is a TOML text


_HEAD = """# Written by `twofold init`. Every setting, its unit and default: docs/settings.md. Secrets stand in the private file beside
# this one, `env:NAME`. What is in order and what is not: `twofold doctor --config THIS_FILE`.
"""
_NO_SOURCE = """# Orders of your shop: `twofold connect shopify|woocommerce|stripe` adds them here and makes the webhooks.
"""
