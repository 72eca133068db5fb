"""`twofold init`: at most six questions, a commented configuration, a private file with new keys, and a doctor's first visit.

Owns the asking and the writing; what an answer may be and what the files say is `setup.answers`'. It never writes over anything.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from twofold.commands.options import JsonOption
from twofold.commands.output.printing import print_rows, say
from twofold.errors import ConfigError

T = TypeVar("T")
CONFIG, PRIVATE = "twofold.toml", "twofold.env"
KEY_BYTES = 24
TRY_S = 10.0
PATH_TO_TOKEN = (
    "Meta's dataset: Events Manager > Data sources > your dataset > Settings shows its number, and under Conversions API\n"
    "'Generate access token' makes the token. Empty: the sandbox on this machine for now (`twofold connect meta` later)."
)


def init(
    into: Annotated[Path, typer.Argument(help="Folder of the two files; made when missing.")] = Path("."),
    shop: Annotated[str | None, typer.Option(help="The shop's address, e.g. shop.example.")] = None,
    address: Annotated[
        str | None, typer.Option(help="Public address of this gateway, e.g. https://gateway.shop.example.")
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="Meta's dataset (pixel) id. Empty: the sandbox for now.")] = None,
    token: Annotated[
        str | None, typer.Option(help="Its access token; better by the variable than typed here.", envvar="META_TOKEN")
    ] = None,
    cod_placed: Annotated[
        bool | None,
        typer.Option("--cod-placed/--cod-paid", help="Count cash on delivery when it is placed, or when it is paid."),
    ] = None,
    europe: Annotated[
        bool | None,
        typer.Option("--europe/--no-europe", help="Shoppers in Europe are sent only with a recorded consent."),
    ] = None,
    system: Annotated[
        str,
        typer.Option(help="The shop's system: shopify, woocommerce, stripe or own; `twofold connect` adds it as well."),
    ] = "",
    shop_name: Annotated[
        str, typer.Option(help="The shop's name in webhooks, where it is another: Shopify's demo.myshopify.com.")
    ] = "",
    endpoint: Annotated[str, typer.Option(help="Base address of Meta's API, or of a sandbox elsewhere.")] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing; what is not given has its default.")] = False,
    json: JsonOption = False,
) -> None:
    """Write a configuration from at most six answers, and look at it.

    Writes `twofold.toml`, with a comment at each choice, and `twofold.env` beside it, mode 0600, with new keys. Neither is written
    over. A token of Meta's is tried at once and changes nothing there. Ends with what `twofold doctor` says of it.
    """
    from twofold.setup.answers import GRAPH, SYSTEMS, Answers, default_address, read_address, read_dataset, read_shop

    config, private = into / CONFIG, into / PRIVATE
    _refuse_existing(config, private)
    if system not in ("", *SYSTEMS):
        raise typer.BadParameter(f"--system: unknown value {system}; expected one of {', '.join(SYSTEMS)}")
    ask = _Asking(quiet=yes or json)
    where = ask.text(shop, "1. The shop's address", "", read_shop)
    reached = ask.text(address, "2. Public address of this gateway", default_address(where), read_address)
    ask.explain(PATH_TO_TOKEN)
    number = ask.text(dataset, "3. Meta's dataset", "", read_dataset)
    api = read_address(endpoint) or GRAPH
    word = ask.token(token, "4. Its access token", number, api) if number else ""
    placed = ask.yes_no(cod_placed, "5. Count cash on delivery when it is placed?", True)
    consent = ask.yes_no(europe, "6. Shoppers in Europe (send them only with consent)?", False)
    system, name = _system_and_name(system, shop_name, where)
    answers = Answers(
        shop=where, address=reached, dataset=number, endpoint=api, cod_placed=placed, europe=consent,
        system=system, shop_name=name,
    )  # fmt: skip
    _write(config, private, answers, word)
    _tell(config, private, not number, json)
    _look(config, json)


def _refuse_existing(*paths: Path) -> None:
    for path in paths:
        if path.exists() or path.is_symlink():
            raise ConfigError(f"{path} exists, and nothing was written; name another folder, or take it away yourself")


def _system_and_name(system: str, shop_name: str, where: str) -> tuple[str, str]:
    """The shop's system, which its address may say, and its name in that system's webhooks."""
    from twofold.setup.answers import SHOPIFY_DOMAIN

    if not system and where.endswith(SHOPIFY_DOMAIN):
        system = "shopify"
    name = shop_name.strip().lower() or where
    if system == "shopify" and not name.endswith(SHOPIFY_DOMAIN):
        raise ConfigError(
            "a Shopify shop is named by Shopify's own domain: give it with --shop-name demo.myshopify.com"
        )
    if system and not name:
        raise ConfigError(f"the shop of --system {system} has no name: give it with --shop or --shop-name")
    return system, name


class _Asking:
    """Questions to a person at a terminal; a flag answers before, a default where nobody is asked."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._open = not quiet

    def explain(self, text: str) -> None:
        if self._open:
            say(text)

    def text(self, given: str | None, question: str, default: str, read: Callable[[str], T]) -> T:
        """Asks again for what cannot be; a flag that cannot be is refused."""
        if given is not None or self._quiet:
            return read(default if given is None else given)
        while True:
            answer = typer.prompt(question, default=default, show_default=bool(default))
            try:
                return read(answer)
            except ConfigError as err:
                say(f"   {err}")

    def token(self, given: str | None, question: str, dataset: str, endpoint: str) -> str:
        """Tried at once; one that does not work is asked for again, and may be left empty."""
        if given is not None or self._quiet:
            return (given or "").strip()
        while True:
            answer = str(typer.prompt(question, default="", show_default=False, hide_input=True)).strip()
            problem = _tried(answer, dataset, endpoint) if answer else ""
            if not problem:
                return answer
            say(f"   {problem}; another one, or nothing for now")

    def yes_no(self, given: bool | None, question: str, default: bool) -> bool:
        if given is not None or self._quiet:
            return default if given is None else given
        return typer.confirm(question, default=default)


def _tried(token: str, dataset: str, endpoint: str) -> str:
    """What is wrong with a token; empty for one that works, and where nobody could tell."""
    from twofold.destinations.meta import API_VERSION
    from twofold.pulling.exchange import Exchange
    from twofold.setup.graph import Graph

    graph = Graph(exchange=Exchange(timeout_s=TRY_S, tries=1), endpoint=endpoint, version=API_VERSION, token=token)
    access = graph.try_dataset(dataset)
    say(f"   {access.said}")
    return f"{access.said}: {access.mend}" if access.works is False else ""


def _write(config: Path, private: Path, answers: object, token: str) -> None:
    """Both or neither; neither over another."""
    from twofold.config.private import write_private
    from twofold.setup.answers import Answers, configuration, private_values

    assert isinstance(answers, Answers)
    try:
        config.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(config, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "w", encoding="utf-8") as file:
            file.write(configuration(answers))
    except FileExistsError:
        raise ConfigError(f"{config} exists, and nothing was written") from None
    except OSError as err:
        raise ConfigError(f"{config} cannot be written: {err.strerror}") from None
    try:
        os.close(os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        write_private(private, private_values(answers, token, lambda: secrets.token_hex(KEY_BYTES)))
    except (OSError, ConfigError):
        config.unlink()
        raise


def _tell(config: Path, private: Path, is_sandbox: bool, json: bool) -> None:
    rows = [
        {"file": str(config), "what": "the configuration, with a comment at each choice"},
        {"file": str(private), "what": "its keys, for you alone; keep a copy where your passwords are"},
    ]
    if json:
        from twofold.commands.output.rows.setup import Written

        print_rows(Written, rows)
        return
    for row in rows:
        say(f"{row['file']}: {row['what']}")
    if is_sandbox:
        say("Next, each in a terminal of its own: the stand-in for Meta, and the gateway with its console")
        say("  twofold sandbox")
    else:
        say("Next: the gateway with its console")
    say(f"  twofold serve --config {config}\n")
    say("What `twofold doctor` sees before anything runs; the first lines go when it does:")


def _look(config: Path, json: bool) -> None:
    """The doctor's first visit; the gateway does not run yet, so its word decides nothing here."""
    from twofold.commands.setup.doctor import examine, show

    for finding in examine(config, None):
        if json or finding.state != "ok":
            show(finding, json)
    sys.stdout.flush()
