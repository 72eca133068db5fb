"""What a setting may be beyond its type: known words, limits, references, and values that could never match anything.

Owns the checks that need more than one field, and the one form of what is compared with what browsers and platforms write:
sites, countries, currencies, paths. Each fault goes to `Faults`; nothing stops at the first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec

from twofold.config.alerts import AlertSettings
from twofold.config.audiences import AUDIENCE_PLATFORMS, AUDIENCE_RULES, VALUES, AudienceSettings
from twofold.config.faults import Faults, Place
from twofold.config.settings import (
    ACCESS,
    AUTHORISATIONS,
    BOG_MERCHANT,
    COURIER_FIELDS,
    IMPORT_KINDS,
    IN_PATH,
    LISTS,
    MAPPED_HMACS,
    MAPPED_JWS,
    MAPPED_KINDS,
    MAPPED_SIGNATURES,
    MAY_ASK,
    NEVER_SENDS,
    PARCEL_STATES,
    PAYPAL_REFERENCES,
    PULLED,
    PURPOSES,
    SENSITIVE,
    SOURCE_TYPES,
    AccountSettings,
    ConsentSettings,
    ConsoleSettings,
    DatasetSettings,
    DestinationSettings,
    OrderSettings,
    Settings,
    SourceSettings,
    TrustSettings,
    secrets_of,
)
from twofold.destinations import BY_PLATFORM
from twofold.destinations.contract import Option
from twofold.destinations.webhook import SECRET_FORM
from twofold.event.scalars import read_currency
from twofold.event.vocabulary import STANDARD_EVENTS

MAX_CONFIRM_S = 518_400  # six days: an event must still be young enough for its destination
MIN_SECRET = 16  # characters; a shorter webhook secret can be guessed offline from one captured body
DAY_S = 86_400
MILESTONES = ("placed", "confirmed", "paid", "delivered")
METHODS = ("cod", "bank_transfer", "card", "wallet", "later", "gift_card", "manual", "other")
VALUE_PARTS = ("goods", "tax", "shipping", "tip", "duties", "gift_card")
UNMATCHED = ("send", "vouched", "drop")
TYPED_PROPERTIES = frozenset({"value", "currency", "order_id", "content_type", "content_ids", "contents", "num_items"})
VARIANTS = ("ph", "fn", "ln", "ct", "st", "zp", "db")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_OTHER_COUNTRIES = {"UK": "GB", "EL": "GR"}  # widely written, not in the standard
_EVENTS = {name.casefold(): name for name in STANDARD_EVENTS}


def with_defaults(settings: Settings, faults: Faults) -> Settings:
    """The settings with what follows from others, and in the form in which they are compared."""
    destinations = []
    for d in settings.destination:
        destinations.append(destination_with_defaults(d))
    sources = [
        msgspec.structs.replace(s, path=_path_of(s), endpoint=s.endpoint.strip().rstrip("/")) for s in settings.source
    ]
    accounts = [
        msgspec.structs.replace(
            a,
            name=a.name or "-".join(filter(None, (a.platform, a.id))),
            endpoint=a.endpoint.rstrip("/"),
            currency=a.currency.strip().upper(),
        )
        for a in settings.account
    ]
    datasets = [_dataset(("dataset", n), d, faults) for n, d in enumerate(settings.dataset)]
    path = settings.server.tag_path.strip("/")
    return msgspec.structs.replace(
        settings,
        server=msgspec.structs.replace(
            settings.server, tag_path=f"/{path}" if path else "", address=settings.server.address.strip().rstrip("/")
        ),
        dataset=tuple(datasets),
        destination=tuple(destinations),
        source=tuple(sources),
        account=tuple(accounts),
        alert=tuple(msgspec.structs.replace(a, name=a.name or a.type) for a in settings.alert),
    )


def destination_with_defaults(d: DestinationSettings) -> DestinationSettings:
    """With what the platform has by itself; one that nobody knows stays as it is, and is a fault."""
    remote = d.remote_dataset or d.dataset
    known = BY_PLATFORM.get(d.platform)
    endpoint = d.endpoint or (known.endpoint if known else "")
    return msgspec.structs.replace(
        d,
        remote_dataset=remote,
        name=d.name or f"{d.platform}-{remote}",
        endpoint=endpoint.rstrip("/"),
        version=d.version or (known.version if known else ""),
        purposes=d.purposes if d.purposes is not None else known.purposes if known else (),
    )


def _check_store(settings: Settings, faults: Faults) -> None:
    """What is not there yet with a store on PostgreSQL is refused, never done by half. No fault repeats the address."""
    store = settings.server.store
    if not store:
        return
    if not store.startswith(("postgresql://", "postgres://")):
        faults.add(
            ("server", "store"), "server.store: expected a database as postgresql://…, or nothing, got another word"
        )
    if settings.console is not None:
        faults.add(("console",), "[console] is not there yet with server.store on PostgreSQL; leave it out")
    if settings.audience:
        faults.add(("audience",), "[[audience]] is not there yet with server.store on PostgreSQL; leave it out")


def check_settings(settings: Settings, faults: Faults) -> None:
    """Everything that is wrong beyond types."""
    ids = [d.id for d in settings.dataset]
    _unique(("dataset",), "id", ids, faults)
    _unique(("destination",), "name", [d.name for d in settings.destination], faults)
    _unique(("source",), "path", [s.path for s in settings.source], faults)
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
        _check_dataset(("dataset", n), dataset, faults)
    _check_ways_in(settings, faults)
    for n, destination in enumerate(settings.destination):
        _check_destination(("destination", n), destination, ids, faults)
    for n, source in enumerate(settings.source):
        _check_source(("source", n), source, ids, faults)
    for n, one in enumerate(settings.imports):
        where = f"import {one.name}"
        _known(("import", n, "decimal"), f"{where}: decimal", one.decimal, ("", ".", ","), faults)
        _known(("import", n, "dates"), f"{where}: dates", one.dates, ("", "dmy", "mdy"), faults)
        _known(("import", n, "kind"), f"{where}: kind", one.kind, IMPORT_KINDS, faults)
    _unique(("account",), "name", [a.name for a in settings.account], faults)
    kept = {name for audience in settings.audience for name in audience.lists}
    for n, account in enumerate(settings.account):
        _check_account(("account", n), account, faults, for_lists=account.name in kept and not account.pull)
    _known(("money", "text"), "money.text", settings.money.text, ("masked", "kept"), faults)
    engine = settings.analytics.engine
    if engine not in ("duckdb", "spark") and not engine.startswith(("postgresql://", "postgres://")):
        text = "analytics.engine: expected duckdb, spark or a connection as postgresql://…, got another word"
        faults.add(("analytics", "engine"), text)
    _unique(("alert",), "name", [a.name for a in settings.alert], faults)
    for n, alert in enumerate(settings.alert):
        _check_alert(("alert", n), alert, faults)
    _unique(("audience",), "name", [a.name for a in settings.audience], faults)
    for n, audience in enumerate(settings.audience):
        _check_audience(("audience", n), audience, settings, ids, faults)
    _check_zone("chain", settings.chain.timezone, faults)
    if settings.console is not None:
        _check_zone("console", settings.console.timezone, faults)
        _check_identity(settings.console, faults)
    _check_amounts(settings, faults)
    _check_schema(settings, faults)


def _check_schema(settings: Settings, faults: Faults) -> None:
    """Each event once, and no name that is a documented one written otherwise."""
    _unique(("schema", "event"), "name", [e.name for e in settings.schema.event], faults)
    for n, event in enumerate(settings.schema.event):
        place, where = ("schema", "event", n), f"schema.event {event.name}"
        _check_events((*place, "name"), where, {event.name: None}, faults)
        for name in event.properties:
            if name in TYPED_PROPERTIES:
                text = (
                    f"{where}: properties.{name}: is documented and has its own type, expected a property of your own"
                )
                faults.add((*place, "properties", name), text)


_WHSEC = re.compile(SECRET_FORM + "|0{32}")  # or one whose variable is named as not set


def _check_alert(place: Place, alert: AlertSettings, faults: Faults) -> None:
    """What each type needs, and nothing that it cannot use."""
    where = f"alert {alert.name}"
    if alert.type == "email":
        if not re.fullmatch(r"[^\s:]+:\d{1,5}", alert.smtp):
            faults.add((*place, "smtp"), f"{where}: smtp: expected server and port, as mail.example:587")
        for field in ("to", "sender"):
            if not re.fullmatch(r"[^@\s,]+@[^@\s,]+", getattr(alert, field)):
                faults.add((*place, field), f"{where}: {field}: expected one e-mail address")
        if bool(alert.smtp_user) != bool(alert.smtp_password):
            faults.add(
                (*place, "smtp_user"), f"{where}: expected smtp_user and smtp_password together, got one of them"
            )
    elif not re.fullmatch(r"https?://[^\s@]+|0{32}", alert.to):
        faults.add((*place, "to"), f"{where}: to: expected a web address, as https://hooks.example/…")
    if alert.type == "webhook" and not _WHSEC.fullmatch(alert.secret):
        faults.add((*place, "secret"), f"{where}: secret: expected whsec_ and base64 of 24 to 64 bytes")
    if alert.quiet and not all(hour < "24" for hour in alert.quiet.split("-")):
        faults.add((*place, "quiet"), f"{where}: quiet: expected hours such as 22:00-07:00, got {alert.quiet}")
    if alert.quiet and any(word[3:] > "59" for word in alert.quiet.split("-")):
        faults.add((*place, "quiet"), f"{where}: quiet: expected hours such as 22:00-07:00, got {alert.quiet}")


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


def _check_zone(section: str, name: str, faults: Faults) -> None:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        faults.add((section, "timezone"), f"{section}.timezone: expected a name as Asia/Tbilisi, got {name!r}")


# -- one form


def site_of(text: str) -> str:
    """A site as browsers write it in ``Origin``: lower case, without the scheme's own port, other letters encoded.

    Raises `ValueError` with what was expected for anything that no browser would ever send.
    """
    if "*" in text:
        raise ValueError("expected each site by itself, patterns with * are not understood")
    parts = urlsplit(text.strip())
    if not re.fullmatch(r"https?://[^/\s?#@]+", text.strip(), re.I) or not parts.hostname:
        raise ValueError("expected scheme and host, as https://shop.example")
    try:
        host = parts.hostname if parts.hostname.isascii() else parts.hostname.encode("idna").decode()
        port = parts.port
    except (UnicodeError, ValueError):
        raise ValueError("expected scheme and host, as https://shop.example") from None
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, _DEFAULT_PORTS[parts.scheme]) else "")


def _dataset(place: Place, d: DatasetSettings, faults: Faults) -> DatasetSettings:
    where = f"dataset {d.id}"
    origins = []
    for origin in d.origins:
        try:
            origins.append(site_of(origin))
        except ValueError as err:
            faults.add((*place, "origins"), f"{where}: origins: {err}, got {origin!r}")
    consent = msgspec.structs.replace(
        d.consent,
        require_in=tuple(_country(c) for c in d.consent.require_in),
        limited_in=tuple(r.strip().upper().replace("_", "-") for r in d.consent.limited_in),
    )
    trust = msgspec.structs.replace(
        d.trust,
        value_caps={c.strip().upper(): cap for c, cap in d.trust.value_caps.items()},
        currencies=tuple(c.strip().upper() for c in d.trust.currencies),
    )
    country = _country(d.country) if d.country else ""
    return msgspec.structs.replace(d, origins=tuple(origins), consent=consent, trust=trust, country=country)


def _country(text: str) -> str:
    code = text.strip().upper()
    return _OTHER_COUNTRIES.get(code, code)


def _path_of(source: SourceSettings) -> str:
    path = source.path.strip() or f"/webhooks/{source.type}/{source.shop}"
    if not source.path.strip() and _stands_in_path(source):
        path += f"/{next(iter(secrets_of(source)), '')}"
    return path if path.startswith("/") else f"/{path}"


# -- tables


def _check_dataset(place: Place, d: DatasetSettings, faults: Faults) -> None:
    where = f"dataset {d.id}"
    if not re.fullmatch(r"[A-Za-z0-9_\-]{1,64}", d.id):
        faults.add((*place, "id"), f"{where}: id: expected digits, letters, _ or -, got {d.id!r}")
    for name, seconds in d.hold_s.items():
        if not 0 <= seconds <= 86_400:
            text = f"{where}: hold_s.{name}: expected 0 to 86400 seconds, got {seconds}"
            faults.add((*place, "hold_s", name), text)
    _check_events((*place, "hold_s"), f"{where}: hold_s", d.hold_s, faults)
    if d.country and not _is_country(d.country):
        text = f"{where}: country: expected two letters of ISO 3166, as DE, got {d.country!r}"
        faults.add((*place, "country"), text)
    _known((*place, "bots"), f"{where}: bots", d.bots, ("suppress", "send"), faults)
    _all_known((*place, "hash_variants"), f"{where}: hash_variants", d.hash_variants, VARIANTS, faults)
    _check_orders((*place, "orders"), f"{where}: orders", d.orders, faults)
    _check_consent((*place, "consent"), f"{where}: consent", d.consent, faults)
    _check_trust((*place, "trust"), f"{where}: trust", d.trust, faults)
    _all_known((*place, "privacy", "sensitive"), f"{where}: privacy.sensitive", d.privacy.sensitive, SENSITIVE, faults)


def _check_ways_in(settings: Settings, faults: Faults) -> None:
    """Keys that tell datasets and tiers apart: none stands twice, and none that is a secret can be guessed."""
    taken: set[str] = set()
    for n, d in enumerate(settings.dataset):
        told, place, where = d.ways_in, ("dataset", n, "ways_in"), f"dataset {d.id}: ways_in"
        secret = (told.segment_key,) if isinstance(told.segment_key, str) else told.segment_key
        if any(0 < len(s) < MIN_SECRET for s in secret):
            faults.add((*place, "segment_key"), f"{where}.segment_key: expected {MIN_SECRET} characters or more")
        mp = (told.mp_secret,) if isinstance(told.mp_secret, str) else told.mp_secret
        if any(0 < len(s) < MIN_SECRET for s in mp):
            faults.add((*place, "mp_secret"), f"{where}.mp_secret: expected {MIN_SECRET} characters or more")
        if any(mp) and not told.measurement_ids:
            faults.add((*place, "mp_secret"), f"{where}.mp_secret: expected measurement_ids beside it, got none")
        for one in told.measurement_ids:
            if not re.fullmatch(r"G-[A-Z0-9]{4,20}", one):
                text = f"{where}.measurement_ids: expected ids as G-ABC1234567, got {one!r}"
                faults.add((*place, "measurement_ids"), text)
            if one in taken:
                text = f"{where}.measurement_ids: expected each of one dataset, got {one!r} again"
                faults.add((*place, "measurement_ids"), text)
            taken.add(one)
        for name, keys in (("segment_key", secret), ("segment_page_key", (told.segment_page_key,))):
            for key in filter(None, keys):
                if key in taken:
                    text = f"{where}.{name}: expected a key of its own for each dataset, and for pages another than for servers"
                    faults.add((*place, name), text)
                taken.add(key)
        for category, purpose in told.consent_categories.items():
            at = (*place, "consent_categories", category)
            _known(at, f"{where}.consent_categories.{category}", purpose, (*PURPOSES, "necessary"), faults)


def _check_orders(place: Place, where: str, orders: OrderSettings, faults: Faults) -> None:
    for name, words in (
        ("counts_when", MILESTONES),
        ("refunds", ("deduct", "ignore")),
        ("currency", ("presentment", "shop")),
        ("renewals", ("subscribe", "purchase", "none")),
        ("unmatched", UNMATCHED),
    ):
        _known((*place, name), f"{where}.{name}", getattr(orders, name), words, faults)
    _all_known((*place, "value_parts"), f"{where}.value_parts", orders.value_parts, VALUE_PARTS, faults)
    for name, milestone in orders.when.items():
        at = (*place, "when", name)
        _known(at, f"{where}.when", name, (*METHODS, *SOURCE_TYPES), faults)
        _known(at, f"{where}.when.{name}", milestone, MILESTONES, faults)


def _check_consent(place: Place, where: str, consent: ConsentSettings, faults: Faults) -> None:
    for country in consent.require_in:
        if country != "EEA" and not _is_country(country):
            text = f"{where}.require_in: expected EEA or two letters of ISO 3166, as DE, got {country!r}"
            faults.add((*place, "require_in"), text)
    for region in consent.limited_in:
        if region != "US" and not _is_state(region):
            text = f"{where}.limited_in: expected US or a state, as US-CA, got {region!r}"
            faults.add((*place, "limited_in"), text)
    _known((*place, "limited_when"), f"{where}.limited_when", consent.limited_when, ("always", "unconsented"), faults)
    at = (*place, "opt_out_when_denied")
    _all_known(at, f"{where}.opt_out_when_denied", consent.opt_out_when_denied, PURPOSES, faults)


def _check_trust(place: Place, where: str, trust: TrustSettings, faults: Faults) -> None:
    secrets = (trust.token_secret,) if isinstance(trust.token_secret, str) else trust.token_secret
    if any(0 < len(s) < MIN_SECRET for s in secrets):
        faults.add((*place, "token_secret"), f"{where}.token_secret: expected {MIN_SECRET} characters or more")
    for name, seconds in trust.confirm_s.items():
        if not 0 < seconds <= MAX_CONFIRM_S:
            text = f"{where}.confirm_s.{name}: expected 1 to {MAX_CONFIRM_S} seconds, got {seconds}"
            faults.add((*place, "confirm_s", name), text)
    _check_events((*place, "confirm_s"), f"{where}.confirm_s", trust.confirm_s, faults)
    _known((*place, "unconfirmed"), f"{where}.unconfirmed", trust.unconfirmed, ("send", "drop"), faults)
    for name, currencies in (("value_caps", tuple(trust.value_caps)), ("currencies", trust.currencies)):
        for currency in currencies:
            if not _is_currency(currency):
                text = f"{where}.{name}: expected currencies of three letters (ISO 4217), got {currency!r}"
                faults.add((*place, name), text)
    if 0 < trust.shift_factor <= 1:
        text = f"{where}.shift_factor: expected 0 or more than 1, got {trust.shift_factor}"
        faults.add((*place, "shift_factor"), text)
    for currency, cap in trust.value_caps.items():
        if not 0 < cap < 10**15:
            text = f"{where}.value_caps.{currency}: expected a value above 0, got {cap}"
            faults.add((*place, "value_caps"), text)


def _check_destination(place: Place, d: DestinationSettings, ids: list[str], faults: Faults) -> None:
    where = f"destination {d.name}"
    _known((*place, "platform"), "destination.platform", d.platform, BY_PLATFORM, faults)
    _known((*place, "dataset"), f"{where}: dataset", d.dataset, ids, faults)
    _all_known((*place, "purposes"), f"{where}: purposes", d.purposes or (), PURPOSES, faults)
    _check_events((*place, "only"), f"{where}: only", dict.fromkeys(d.only), faults)
    _check_events((*place, "events"), f"{where}: events", d.events, faults)
    platform = BY_PLATFORM.get(d.platform)
    if platform is None:
        return
    _check_options(place, where, d, platform.options, faults)
    if not re.fullmatch(platform.version_form, d.version):
        form = platform.version_form or f"none, as the API of {platform.title} has no version to choose"
        faults.add((*place, "version"), f"{where}: version: expected {form}, got {d.version!r}")
    if platform.names is None and not platform.needs_names and any(d.events.values()):
        text = f"{where}: events: {platform.title} has our own names: expected an empty text to keep an event back"
        faults.add((*place, "events"), text)
    if platform.needs_names and not d.events:
        text = f"{where}: events: expected an id of {platform.title} for each event that is sent, got none"
        faults.add((*place, "events"), text)
    if not re.fullmatch(r"https?://[^/\s]+(/\S*)?", d.endpoint, re.I):
        text = f"{where}: endpoint: expected an http(s) address, got {d.endpoint!r}"
        faults.add((*place, "endpoint"), text)
    _check_holds(place, where, d, platform.limits.age_s, faults)
    if d.token_ends and not _is_day(d.token_ends):
        faults.add(
            (*place, "token_ends"), f"{where}: token_ends: expected a day such as 2027-03-31, got {d.token_ends!r}"
        )


def _check_holds(place: Place, where: str, d: DestinationSettings, age_s: int, faults: Faults) -> None:
    """What waits must still be young enough for the platform, with a day for its retries."""
    _check_events((*place, "hold_s"), f"{where}: hold_s", d.hold_s, faults)
    longest = age_s - DAY_S
    for name, seconds in d.hold_s.items():
        if not 0 <= seconds <= longest:
            text = f"{where}: hold_s.{name}: expected 0 to {longest} seconds, a day less than the platform takes, got {seconds}"
            faults.add((*place, "hold_s", name), text)
    _known((*place, "counts_when"), f"{where}: counts_when", d.counts_when, ("", *MILESTONES), faults)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _check_options(
    place: Place, where: str, d: DestinationSettings, known: Mapping[str, Option], faults: Faults
) -> None:
    for name, value in d.options.items():
        option = known.get(name)
        if option is None:
            _known((*place, "options", name), f"{where}: options", name, known, faults)
        elif option.pattern and not re.fullmatch(option.pattern, value):
            got = "another text" if option.secret else repr(value)
            text = f"{where}: options.{name}: expected {option.pattern.replace('|', ' or ')}, got {got}"
            faults.add((*place, "options", name), text)
    for name, option in known.items():
        if option.required and not d.options.get(name):
            faults.add((*place, "options"), f"{where}: options.{name}: expected a value for {d.platform}, got none")


def _check_source(place: Place, s: SourceSettings, ids: list[str], faults: Faults) -> None:
    where = f"source {s.shop}"
    _known((*place, "type"), "source.type", s.type, SOURCE_TYPES, faults)
    _known((*place, "dataset"), f"{where}: dataset", s.dataset, ids, faults)
    _known((*place, "event_id"), f"{where}: event_id", s.event_id, ("", "secret", "order", "native"), faults)
    secrets = secrets_of(s) or (() if s.type in NEVER_SENDS else ("",))
    if any(len(secret) < MIN_SECRET for secret in secrets):
        faults.add((*place, "secret"), f"{where}: secret: expected {MIN_SECRET} characters or more")
    if re.search(r"[\s?#]|//", s.path):
        text = f"{where}: path: expected a path as it stands in the webhook's address, got {s.path!r}"
        faults.add((*place, "path"), text)
    in_path = _stands_in_path(s) and any(secret and secret in s.path for secret in secrets_of(s))
    if in_path and not all(re.fullmatch(r"[A-Za-z0-9_-]+", secret) for secret in secrets_of(s)):
        faults.add(
            (*place, "secret"), f"{where}: secret: expected letters, digits, - and _, as it stands in the address"
        )
    if s.currency and not _is_currency(s.currency.upper()):
        text = f"{where}: currency: expected three letters (ISO 4217), got {s.currency!r}"
        faults.add((*place, "currency"), text)
    for name in _unread(s):
        faults.add((*place, name), f"{where}: {name}: a source of type {s.type} does not read it, take it out")
    if s.type == "courier":
        _check_courier(place, where, s, faults)
    elif s.type == "mapped":
        _check_mapped(place, where, s, faults)
    elif s.type in ("easypost", "shippo", "aftership"):
        _all_known((*place, "fields"), f"{where}: fields", s.fields, ("order",), faults)
    elif s.type == "adyen":
        _check_adyen(place, where, s, faults)
    elif s.type == "mollie":
        _all_known((*place, "fields"), f"{where}: fields", s.fields, ("order_id",), faults)
        _known((*place, "signature"), f"{where}: signature", s.signature, ("", "path"), faults)
    elif s.type == "paypal":
        _check_paypal(place, where, s, faults)
    elif s.type == "bog":
        _check_bog(place, where, s, faults)
    _check_access(place, where, s, faults)


_ACCESS_SETTINGS = ("endpoint", "token", "client_id", "client_secret")
_BASE = re.compile(r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]+|\[[0-9a-f:]+\])(?::\d{1,5})?(?:/[^\s?#@]*)?")


def _check_access(place: Place, where: str, s: SourceSettings, faults: Faults) -> None:
    """Where and by what a source is asked. Only `endpoint` says where: nothing that anybody sends."""
    needed = ACCESS.get(s.type, ())
    given = [name for name in _ACCESS_SETTINGS if getattr(s, name)]
    for name in _ACCESS_SETTINGS:
        if name in given and s.type in SOURCE_TYPES and name not in (*needed, "endpoint" if needed else ""):
            faults.add((*place, name), f"{where}: {name}: a source of type {s.type} is not asked by it, take it out")
    if given or s.type not in MAY_ASK:
        for name in (name for name in needed if name not in given):
            faults.add((*place, name), f"{where}: {name}: expected a value for {s.type}, got none")
    if s.endpoint:
        base = _BASE.fullmatch(s.endpoint)
        if base is None or (base["scheme"] == "http" and not _is_near(base["host"])):
            text = f"{where}: endpoint: expected an address as https://… (http only to this machine or a name without a dot)"
            faults.add((*place, "endpoint"), f"{text}, got {s.endpoint!r}")
    if s.every_minutes > 0 and s.type not in LISTS:
        text = f"{where}: every_minutes: a source of type {s.type} lists no changes, take it out"
        faults.add((*place, "every_minutes"), text)
    try:
        ZoneInfo(s.timezone)
    except (KeyError, ValueError, OSError):
        faults.add((*place, "timezone"), f"{where}: timezone: expected a name as Asia/Tbilisi, got {s.timezone!r}")


def _is_near(host: str) -> bool:
    """This machine, or a name of a private network such as a container's."""
    return host.startswith("127.") or host == "[::1]" or ("." not in host and ":" not in host)


_READ_BY: Mapping[str, tuple[str, ...]] = {
    "signature": ("mapped", "mollie"),
    "signature_header": ("mapped",),
    "only": ("mapped", "bog"),
}
_NOT_READ: Mapping[str, tuple[str, ...]] = {
    "adyen": ("fields",), "mollie": ("stages",), "paypal": ("stages",), "bog": ("fields", "stages"),
}  # fmt: skip


def _unread(s: SourceSettings) -> list[str]:
    """Settings that are there and that nothing of this type reads: what they were meant to say would not be done."""
    strange = [name for name, types in _READ_BY.items() if s.type in SOURCE_TYPES and s.type not in types]
    return [name for name in (*strange, *_NOT_READ.get(s.type, ())) if getattr(s, name)]


def _check_paypal(place: Place, where: str, s: SourceSettings, faults: Faults) -> None:
    keys = [_PEM in secret for secret in secrets_of(s)]
    if all(keys) or not any(keys):
        lacks = (
            "no id beside certificates" if all(keys) else "no text that begins as a PEM, -----BEGIN CERTIFICATE-----"
        )
        text = f"{where}: secret: expected a list of the webhook's id and PayPal's certificate (PEM), got {lacks}"
        faults.add((*place, "secret"), text)
    _all_known((*place, "fields"), f"{where}: fields", s.fields, ("order_id",), faults)
    _all_known((*place, "fields"), f"{where}: fields.order_id", s.fields.values(), PAYPAL_REFERENCES, faults)


def _check_bog(place: Place, where: str, s: SourceSettings, faults: Faults) -> None:
    """The bank signs for all its merchants with one key, so whose payments count has to be said."""
    if not all(_PEM in secret for secret in secrets_of(s)):
        faults.add(
            (*place, "secret"), f"{where}: secret: expected the bank's public key (PEM), -----BEGIN PUBLIC KEY-----"
        )
    if not s.only.get(BOG_MERCHANT) or len(s.only) > 1:
        text = f'{where}: only: expected {{ "{BOG_MERCHANT}" = [...] }}, your number at the bank, got {dict(s.only)}'
        faults.add((*place, "only"), text)


_PEM = "-----BEGIN"


def _check_adyen(place: Place, where: str, s: SourceSettings, faults: Faults) -> None:
    """Its keys are shown in hexadecimal, and only the operator knows whether the account captures by itself."""
    if not all(re.fullmatch(r"([0-9A-Fa-f]{2})+", secret) for secret in secrets_of(s)):
        faults.add((*place, "secret"), f"{where}: secret: expected the HMAC key as Adyen shows it, in hexadecimal")
    if s.stages.get("AUTHORISATION") not in AUTHORISATIONS or len(s.stages) > 1:
        text = (
            f'{where}: stages: expected {{ AUTHORISATION = "paid" }} where the account captures by itself, '
            f'{{ AUTHORISATION = "authorised" }} where somebody captures, got {dict(s.stages)}'
        )
        faults.add((*place, "stages"), text)


def _check_mapped(place: Place, where: str, s: SourceSettings, faults: Faults) -> None:
    """What a mapping needs; whether its fields exist is asked where the tables of fields are."""
    _known((*place, "signature"), f"{where}: signature", s.signature, MAPPED_SIGNATURES, faults)
    if bool(s.signature_header.strip()) != (s.signature in (*MAPPED_HMACS, MAPPED_JWS)):
        text = f"{where}: signature_header: expected the header's name with hmac-… and jws-rs256, and none with another signature"
        faults.add((*place, "signature_header"), text)
    if s.signature == MAPPED_JWS and not all(_PEM in one or one.lstrip().startswith("{") for one in secrets_of(s)):
        text = f'{where}: secret: expected a public key (PEM, -----BEGIN PUBLIC KEY-----) or a JWK set ({{"keys": …}}) for jws-rs256'
        faults.add((*place, "secret"), text)
    kind = s.fields.get("type", "")
    if kind.removeprefix("=") not in MAPPED_KINDS or not kind.startswith("="):
        text = f"{where}: fields.type: expected one of {', '.join('=' + k for k in MAPPED_KINDS)}, got {kind!r}"
        faults.add((*place, "fields", "type"), text)
    for ours in s.fields:
        many, sign, _ = ours.partition("[].")
        if sign and f"{many}[]" not in s.fields:
            text = f'{where}: fields: expected "{many}[]", the list, beside "{ours}"'
            faults.add((*place, "fields", ours), text)


def _stands_in_path(s: SourceSettings) -> bool:
    return s.type in IN_PATH or (s.type in ("mapped", "mollie") and s.signature == "path")


def _check_courier(place: Place, where: str, s: SourceSettings, faults: Faults) -> None:
    _all_known((*place, "fields"), f"{where}: fields", s.fields, COURIER_FIELDS, faults)
    _all_known((*place, "stages"), f"{where}: stages", s.stages.values(), PARCEL_STATES, faults)
    for name in ("parcels[]", "states[]"):
        if "[" in s.fields.get(name, ""):
            text = f"{where}: fields: {name}: expected the list's place without [], of states[] as seen from a parcel"
            faults.add((*place, "fields", name), f"{text}, got {s.fields[name]!r}")
    if "amount" in s.fields and not (s.currency or "currency" in s.fields):
        text = f"{where}: currency: expected one, or a field for it, as the amounts of `fields.amount` name none"
        faults.add((*place, "fields"), text)


_NEEDED: Mapping[str, tuple[str, ...]] = {
    "meta": ("id", "token"),
    "google_ads": ("id", "token", "developer_token"),
    "tiktok": ("id", "token"),
    "ga4": ("id", "token"),
    "stripe": ("token",),
    "shopify": ("id", "token"),
    "bog": ("id", "client_id", "client_secret", "currency"),
    "tbc": ("id", "client_id", "client_secret", "currency"),
}
"""What must be set beside the platform's name; for rates nothing."""


def _check_account(place: Place, a: AccountSettings, faults: Faults, *, for_lists: bool) -> None:
    """``for_lists``: audiences are told by it, and nothing is pulled by itself; those need no developer token."""
    where = f"account {a.name}"
    _known((*place, "platform"), f"{where}: platform", a.platform, PULLED, faults)
    for name in _NEEDED.get(a.platform, ()):
        if not getattr(a, name) and not (for_lists and name == "developer_token"):
            faults.add((*place, name), f"{where}: {name}: expected a value for {a.platform}, got none")
    if bool(a.client_id) != bool(a.client_secret):
        faults.add((*place, "client_id"), f"{where}: client_id: expected client_id and client_secret, got one of them")
    if a.currency and not _is_currency(a.currency):
        faults.add((*place, "currency"), f"{where}: currency: expected three letters (ISO 4217), got {a.currency!r}")
    if a.pull and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", a.pull):
        faults.add((*place, "pull"), f"{where}: pull: expected a time of the day as 05:30, got {a.pull!r}")
    if a.endpoint and not re.fullmatch(r"https?://[^\s?#]+", a.endpoint):
        faults.add((*place, "endpoint"), f"{where}: endpoint: expected an address as https://…, got {a.endpoint!r}")
    if re.search(r"[\s/?#]", a.id):
        faults.add((*place, "id"), f"{where}: id: expected the id alone, got {a.id!r}")
    try:
        ZoneInfo(a.timezone)
    except (KeyError, ValueError, OSError):
        faults.add((*place, "timezone"), f"{where}: timezone: expected a name as Asia/Tbilisi, got {a.timezone!r}")


_LIST_IDS = {"meta": r"\d{1,20}", "google_ads": r"\d{1,20}", "tiktok": r"[A-Za-z0-9_-]{1,64}"}
"""How a list's id looks; of TikTok's no rule was found."""


def _check_audience(place: Place, a: AudienceSettings, settings: Settings, ids: list[str], faults: Faults) -> None:
    where = f"audience {a.name}"
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,60}", a.name):
        faults.add((*place, "name"), f"audience.name: expected letters, digits, - and _, got {a.name!r}")
    _known((*place, "dataset"), f"{where}: dataset", a.dataset, ids, faults)
    _known((*place, "rule"), f"{where}: rule", a.rule, AUDIENCE_RULES, faults)
    if a.value not in VALUES:
        _known((*place, "value"), f"{where}: value", a.value, VALUES, faults)
    if bool(a.least) != (a.rule == "high_margin"):
        text = f"{where}: least: expected an amount for high_margin and none for another rule, got {a.least!r}"
        faults.add((*place, "least"), text)
    accounts = {account.name: account.platform for account in settings.account}
    for account, number in a.lists.items():
        at, platform = (*place, "lists", account), accounts.get(account, "")
        if platform not in AUDIENCE_PLATFORMS:
            usable = [name for name, of in accounts.items() if of in AUDIENCE_PLATFORMS]
            _known(at, f"{where}: lists", account, usable, faults)
            continue
        if not re.fullmatch(_LIST_IDS[platform], number):
            faults.add(at, f"{where}: lists.{account}: expected the id of a list at {platform}, got {number!r}")
        if platform == "google_ads" and not a.terms_accepted:
            text = f"{where}: terms_accepted: expected true for a list at google_ads, which takes nobody without, got false"
            faults.add((*place, "terms_accepted"), text)
        if a.value and platform != "meta":
            text = f"{where}: value: expected lists at meta alone, as no other is told what a person is worth, got {account}"
            faults.add((*place, "value"), text)


def _check_events(place: Place, where: str, names: Mapping[str, Any], faults: Faults) -> None:
    """Names differ by case: `purchase` is another event than `Purchase`, and here never what was meant."""
    for name in names:
        meant = _EVENTS.get(name.strip().casefold())
        if meant is not None and meant != name:
            faults.add((*place, name), f"{where}.{name}: is no event that anybody sends, did you mean {meant}?")


# -- words and lists


def _is_country(code: str) -> bool:
    return len(code) == 2 and _listed("countries", alpha_2=code)


def _is_state(region: str) -> bool:
    return region.startswith("US-") and _listed("subdivisions", code=region)


def _is_currency(code: str) -> bool:
    return len(code) == 3 and _listed("currencies", alpha_3=code)


def _listed(name: str, **code: str) -> bool:
    import pycountry  # type: ignore[import-untyped, unused-ignore]  # reads its lists when it is asked first

    return getattr(pycountry, name).get(**code) is not None


def _unique(place: Place, name: str, values: list[str], faults: Faults) -> None:
    for value in dict.fromkeys(values):
        again = [n for n, v in enumerate(values) if v == value][1:]
        if again:
            faults.add((*place, again[0], name), f"{place[0]}.{name}: expected each once, got {value} more than once")


def _known(place: Place, where: str, value: str, known: Any, faults: Faults) -> None:
    if value not in known:
        listed = ", ".join(w for w in known if w) or "(none configured)"
        faults.add(place, f"{where}: expected one of {listed}, got {value!r}")


def _all_known(place: Place, where: str, values: Iterable[str], known: Any, faults: Faults) -> None:
    for value in values:
        _known(place, where, value, known, faults)
