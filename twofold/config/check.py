"""What a setting may be beyond its type: known words, limits, references, and values that could never match anything.

Goes through the whole once; what each table may be is in `checks`, and the form in which values are compared in `defaults`.
Each fault goes to `Faults`; nothing stops at the first.
"""

from __future__ import annotations

import re
from ipaddress import ip_network

from twofold.config.checks.accounts import check_account, check_alert, check_audience
from twofold.config.checks.datasets import check_dataset, check_ways_in
from twofold.config.checks.destinations import check_destination
from twofold.config.checks.sources import check_source
from twofold.config.checks.words import MIN_SECRET, check_zone, expect_each_once, expect_events, expect_one_of
from twofold.config.faults import Faults
from twofold.config.money import IMPORT_KINDS
from twofold.config.settings import ConsoleSettings, Settings
from twofold.event.scalars import read_currency
from twofold.touch.channels import CHANNELS

TYPED_PROPERTIES = frozenset({"value", "currency", "order_id", "content_type", "content_ids", "contents", "num_items"})


def _check_store(settings: Settings, faults: Faults) -> None:
    """What is not there yet with a store on PostgreSQL is refused, never done by half. No fault repeats the address."""
    store = settings.server.store
    if not store:
        return
    if not store.startswith(("postgresql://", "postgres://")):
        faults.add(
            ("server", "store"), "server.store: expected a database as postgresql://…, or nothing, got another word"
        )


def check_settings(settings: Settings, faults: Faults) -> None:
    """Everything that is wrong beyond types."""
    ids = [d.id for d in settings.dataset]
    expect_each_once(("dataset",), "id", ids, faults)
    expect_each_once(("destination",), "name", [d.name for d in settings.destination], faults)
    expect_each_once(("source",), "path", [s.path for s in settings.source], faults)
    if not re.fullmatch(r"(/[A-Za-z0-9._~\-]+)*", settings.server.tag_path):
        got = settings.server.tag_path
        faults.add(
            ("server", "tag_path"), f"server.tag_path: expected a path of letters and digits, as /t, got {got!r}"
        )
    if not re.fullmatch(r"(https?://[^\s/?#@'\"<>]+)?", settings.server.address):
        got = settings.server.address
        faults.add(
            ("server", "address"),
            f"server.address: expected an address without a path, as https://gateway.shop.example, got {got!r}",
        )
    if 0 < len(settings.server.status_token) < MIN_SECRET:
        faults.add(("server", "status_token"), f"server.status_token: expected {MIN_SECRET} characters or more")
    _check_store(settings, faults)
    for n, dataset in enumerate(settings.dataset):
        check_dataset(("dataset", n), dataset, faults)
    check_ways_in(settings, faults)
    for n, destination in enumerate(settings.destination):
        check_destination(("destination", n), destination, ids, faults)
    for n, source in enumerate(settings.source):
        check_source(("source", n), source, ids, faults)
    for n, one in enumerate(settings.imports):
        where = f"import {one.name}"
        expect_one_of(("import", n, "decimal"), f"{where}: decimal", one.decimal, ("", ".", ","), faults)
        expect_one_of(("import", n, "dates"), f"{where}: dates", one.dates, ("", "dmy", "mdy"), faults)
        expect_one_of(("import", n, "kind"), f"{where}: kind", one.kind, IMPORT_KINDS, faults)
    expect_each_once(("account",), "name", [a.name for a in settings.account], faults)
    kept = {name for audience in settings.audience for name in audience.lists}
    for n, account in enumerate(settings.account):
        check_account(("account", n), account, faults, for_lists=account.name in kept and not account.pull)
    expect_one_of(("money", "text"), "money.text", settings.money.text, ("masked", "kept"), faults)
    engine = settings.analytics.engine
    if engine not in ("duckdb", "spark") and not engine.startswith(("postgresql://", "postgres://")):
        text = "analytics.engine: expected duckdb, spark or a connection as postgresql://…, got another word"
        faults.add(("analytics", "engine"), text)
    expect_each_once(("alert",), "name", [a.name for a in settings.alert], faults)
    for n, alert in enumerate(settings.alert):
        check_alert(("alert", n), alert, faults)
    expect_each_once(("audience",), "name", [a.name for a in settings.audience], faults)
    for n, audience in enumerate(settings.audience):
        check_audience(("audience", n), audience, settings, ids, faults)
    check_zone("chain", settings.chain.timezone, faults)
    if settings.console is not None:
        check_zone("console", settings.console.timezone or settings.chain.timezone, faults)
        _check_identity(settings.console, faults)
    _check_amounts(settings, faults)
    _check_answers(settings, faults)
    _check_schema(settings, faults)


def _check_schema(settings: Settings, faults: Faults) -> None:
    """Each event once, and no name that is a documented one written otherwise."""
    expect_each_once(("schema", "event"), "name", [e.name for e in settings.schema.event], faults)
    for n, event in enumerate(settings.schema.event):
        place, where = ("schema", "event", n), f"schema.event {event.name}"
        expect_events((*place, "name"), where, {event.name: None}, faults)
        for name in event.properties:
            if name in TYPED_PROPERTIES:
                text = (
                    f"{where}: properties.{name}: is documented and has its own type, expected a property of your own"
                )
                faults.add((*place, "properties", name), text)


_AMOUNT = re.compile(r"\d{1,9}(\.\d{1,4})?")


def _check_amounts(settings: Settings, faults: Faults) -> None:
    """Tolerances: amounts of money, by a currency or by who pays out."""
    for name in ("cash_step", "transfer_short", "transfer_over", "bank_fee"):
        for key, amount in getattr(settings.chain, name).items():
            if not _AMOUNT.fullmatch(amount):
                faults.add(
                    ("chain", name, key), f'chain.{name}.{key}: expected an amount such as "0.10", got {amount!r}'
                )
            if name != "bank_fee" and read_currency(key) != key:
                faults.add(
                    ("chain", name, key), f"chain.{name}: expected a currency (ISO 4217) such as GEL, got {key!r}"
                )


def _check_answers(settings: Settings, faults: Faults) -> None:
    """What buyers answer has to mean a channel that a touch can have."""
    for answer, channel in settings.chain.answers.items():
        if channel not in CHANNELS:
            faults.add(
                ("chain", "answers", answer),
                f"chain.answers.{answer}: expected one of {', '.join(CHANNELS)}, got {channel!r}",
            )


def _check_identity(console: ConsoleSettings, faults: Faults) -> None:
    """A header of which anybody could write what they like is no identity."""
    for number, one in enumerate(console.identity_from):
        try:
            ip_network(one)
        except ValueError:
            faults.add(
                ("console", "identity_from", number),
                f"console.identity_from: expected an address or network such as 10.0.0.5, got {one!r}",
            )
    if bool(console.identity_header) != bool(console.identity_from):
        faults.add(
            ("console", "identity_header"),
            "console: expected identity_header and identity_from together, got one of them",
        )
