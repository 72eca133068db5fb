"""`twofold check`: one line for each dependency and setting, in order or with the cure.

Owns the list of questions. Each answers None for yes or one sentence that says what to do; none changes anything.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from twofold.commands.options import none_found
from twofold.config import (
    DestinationSettings,
    ImportSettings,
    Settings,
    SourceSettings,
    can_ask,
    load_settings,
    secrets_of,
)
from twofold.destinations import BY_PLATFORM
from twofold.errors import ConfigError, TwofoldError
from twofold.policies import source_fault
from twofold.store.engine import SCHEMA_VERSION
from twofold.store.sqlite.database import check_sqlite_version, form_of

Answer = tuple[str, str | None]
PACKAGES = ("uvicorn", "uvloop", "httptools", "aiohttp", "msgspec", "apsw", "phonenumbers", "pycountry",
            "duckdb", "python-calamine", "crawler-user-agents")  # fmt: skip
CONNECT_S = 3.0
HERE = ("127.0.0.1", "::1", "localhost")
CONFIGURATION = "configuration"  # the name of a line that is a fault of the settings
HEALTH_WORDS = (b"ok\n", b"idle\n", b"degraded\n", b"stuck\n", b"damaged\n", b"failed\n")
"""What a gateway of ours says at /health to anybody."""
WITH_SECRETS = ("shopify", "woocommerce")


class CheckLine(NamedTuple):
    """One answer: what was looked at, what to do or None, and where in the file a fault of it stands (0: nowhere).

    ``look``: it works as it is, but not for ever.
    """

    name: str
    problem: str | None
    file: str | None = None
    line: int = 0
    look: bool = False


def run_checks(config: Path | None, data: str | None) -> Iterator[CheckLine]:
    """One line for each thing that was looked at, and for each fault of the configuration."""
    file = str(config) if config else None
    older: list[tuple[str, int]] = []
    try:
        for name, problem in _answers(config, data, lambda text, line: older.append((text, line))):
            yield from _taken(older, file)
            yield CheckLine(name, problem)
    except ConfigError as err:
        yield from _taken(older, file)
        for text, line in err.faults or [(str(err), 0)]:
            yield CheckLine(CONFIGURATION, text, file if err.faults else None, line)


def _taken(older: list[tuple[str, int]], file: str | None) -> list[CheckLine]:
    """The lines of what was warned about so far, in the order of the file."""
    taken = [CheckLine(CONFIGURATION, text, file, line, look=True) for text, line in older]
    older.clear()
    return sorted(taken, key=lambda one: one.line)


def _answers(config: Path | None, data: str | None, warn: Callable[[str, int], None]) -> Iterator[Answer]:
    """Raises `ConfigError` where the settings cannot be read: the rest rests on them."""
    yield "Python 3.11 or newer", None if sys.version_info >= (3, 11) else f"this is {sys.version.split()[0]}; upgrade"
    for package in PACKAGES:
        yield _package(package)
    yield "SQLite engine", _problem(check_sqlite_version)
    settings = load_settings(config, data=data, warn=warn)
    yield f"configuration {config or '(defaults)'}", None
    for mapping in settings.imports:
        yield f"import {mapping.name}", _problem(partial(_mapping, mapping))
    yield f"data folder {settings.server.data}{_form(Path(settings.server.data))}", _folder(Path(settings.server.data))
    yield f"address {settings.server.host}:{settings.server.port}", _address(settings)
    closed = "server.status_token is not set, so nobody sees /metrics and the details of /health"
    opened = "/metrics and the details of /health are shown with `Authorization: Bearer` and server.status_token"
    yield opened if settings.server.status_token else closed, None
    yield "at least one dataset", None if settings.dataset else _no_dataset(config)
    for dataset in settings.dataset:
        yield f"dataset {dataset.id} key", None if dataset.key else "set `key`, or no server sender is let in"
        listed = any(d.dataset == dataset.id for d in settings.destination)
        yield f"dataset {dataset.id} destination", None if listed else "add a [[destination]], or nothing is sent"
    for destination in settings.destination:
        known = BY_PLATFORM[destination.platform].options
        kept = [destination.token, *(destination.options.get(name) for name, option in known.items() if option.secret)]
        yield f"destination {destination.name} token", None if any(kept) else "set `token`"
        yield f"destination {destination.name} {destination.endpoint}", _reachable(destination)
    for source in settings.source:
        if secrets_of(source):
            yield f"source {source.type} {source.shop}: POST {_without_secret(source)}", source_fault(source)
        if can_ask(source):
            yield f"source {source.type} {source.shop}: asked at {source.endpoint or 'its usual address'}", None
        if source.type in WITH_SECRETS:
            yield _purchase_ids(source, Path(settings.server.data))
    yield from _margins(settings)
    for audience in settings.audience:
        lists = ", ".join(audience.lists) or "no list, only shown and exported"
        yield f"audience {audience.name}: {audience.rule} of {audience.days} days; {lists}", None
    yield from _events_meant(settings)


def _without_secret(source: SourceSettings) -> str:
    """The webhook's path as it may stand in a ticket: who knows the secret of an address may speak."""
    path = source.path
    for secret in secrets_of(source):
        path = path.replace(secret, "{secret}")
    return path


def _margins(settings: Settings) -> Iterator[Answer]:
    """Margins are told of what costs are known: without any, the setting does nothing that was meant."""
    from twofold.reconcile.expected import any_cost

    of = {d.id: d.orders.told_value for d in settings.dataset}
    told = [d for d in settings.destination if (d.value or of.get(d.dataset)) == "margin"]
    known = bool(told) and any_cost(settings.server.data)
    for d in told:
        lacks = f"no cost is known here, so `margin_unknown` ({d.margin_unknown}) decides on every order; run `twofold import costs FILE`"
        yield f"destination {d.name} is told margins", None if known else lacks


def _events_meant(settings: Settings) -> Iterator[Answer]:
    """Names of events in settings that are nearly a documented or declared one: they do nothing as they are written."""
    from difflib import get_close_matches

    from twofold.policies import declared_in
    from twofold.schema.declared import KNOWN_EVENTS

    known = KNOWN_EVENTS | declared_in(settings).events.keys()
    named = [(f"dataset {d.id} hold_s", name) for d in settings.dataset for name in d.hold_s]
    for to in settings.destination:
        told = (("hold_s", to.hold_s), ("only", to.only), ("events", to.events))
        named += [(f"destination {to.name} {setting}", name) for setting, names in told for name in names]
    for where, name in named:
        near = get_close_matches(name, known, 1, cutoff=0.85)
        if name not in known and near:
            yield (
                f"{where}: {name}",
                f"is no event that is known, did you mean {near[0]}? Declare it as a [[schema.event]] if it is your own",
            )


def _purchase_ids(source: SourceSettings, folder: Path) -> Answer:
    """Which form a Purchase's id has, and, while it is the one that can be counted, whether the page is ready for the other."""
    from twofold.report.purchase_ids import page_ids

    kept, carrying, all_of_page = page_ids(folder, source.dataset)
    form = source.event_id or kept
    name = f"source {source.type} {source.shop}: Purchase ids by {form}"
    if form != "order" or source.event_id == "order":
        return name, None
    said = f"{carrying} of {all_of_page} Purchases of the page carry the form that nobody can guess"
    if all_of_page and carrying == all_of_page:
        return f'{name}; {said}: set event_id = "secret" on the source', None
    return f"{name}; {said}: update the page's pixel or snippet first", None


def _mapping(mapping: ImportSettings) -> None:
    """Raises `ConfigError` naming what an [[import]] may say."""
    from twofold.importing.readers.mapping import format_from
    from twofold.importing.statements.formats import own_table
    from twofold.importing.statements.mapped import check_mapping

    if mapping.kind != "orders":
        table = own_table(mapping.kind)
        if table is None:
            raise ConfigError(f"import {mapping.name}: kind: no table of the kind {mapping.kind} can be mapped")
        check_mapping(mapping.name, table, mapping.columns, mapping.values, mapping.unit)
        return
    try:
        format_from(mapping.name, mapping.columns, mapping.values)
    except ConfigError:  # what it says may be of sales
        try:
            format_from(mapping.name, mapping.columns, mapping.values, sales=True)
        except ConfigError:
            format_from(mapping.name, mapping.columns, mapping.values)


def _no_dataset(config: Path | None) -> str:
    return "add a [[dataset]] with its id and key" if config else f"{none_found()}; `twofold init` writes one"


def _package(name: str) -> Answer:
    try:
        return f"{name} {version(name)}", None
    except PackageNotFoundError:
        return name, "not installed; run `make run` once, or install the locked requirements"


def _problem(question: Callable[[], object]) -> str | None:
    try:
        question()
    except TwofoldError as err:
        return str(err)
    return None


def _folder(folder: Path) -> str | None:
    """Looks without touching: a missing folder is fine if its parent can be written."""
    try:
        return _folder_fault(folder)
    except OSError as err:
        return (
            f"cannot be looked into: {err.strerror}; run this as the user of the gateway, or name another with --data"
        )


def _folder_fault(folder: Path) -> str | None:
    if folder.is_symlink():
        return "is a symbolic link; name the folder itself"
    if folder.exists() and not folder.is_dir():
        return "is not a folder; name another with --data"
    nearest = folder.resolve()
    while not nearest.exists():
        nearest = nearest.parent
    if not os.access(nearest, os.W_OK | os.X_OK):
        return f"{nearest} cannot be written by this user; change its owner"
    if folder.exists() and folder.stat().st_mode & 0o077:
        return "others can read it; run `chmod 700` on it"
    return None


def _form(folder: Path) -> str:
    """What the next start does to a folder of an older version."""
    if not 0 < form_of(folder) < SCHEMA_VERSION:
        return ""
    return "; an older version wrote it: copy it before `twofold serve`, which brings it to this one for good"


def _address(settings: Settings) -> str | None:
    host, port = settings.server.host, settings.server.port
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, port))
        except OSError as err:
            if _gateway_answers(host, port):
                return None
            return f"cannot be taken ({err.strerror}); choose another port or stop what uses it"
    return None


def _gateway_answers(host: str, port: int) -> bool:
    from urllib.error import HTTPError
    from urllib.request import urlopen

    try:
        with urlopen(f"http://{host}:{port}/health", timeout=CONNECT_S) as answer:
            return answer.read(16) in HEALTH_WORDS
    except HTTPError as err:  # 503: it is one of ours, and not well
        return err.read(16) in HEALTH_WORDS
    except OSError:
        return False


def _reachable(destination: DestinationSettings) -> str | None:
    parts = urlsplit(destination.endpoint)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((parts.hostname or "", port), timeout=CONNECT_S):
            return None
    except OSError as err:
        cure = (
            "start what listens there, such as `twofold sandbox`"
            if parts.hostname in HERE
            else "check the address, DNS and firewall"
        )
        return f"cannot be reached ({err.strerror or err}); {cure}"
