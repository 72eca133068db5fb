"""Settings: frozen, typed, read once. The structs below are the one table of names, units, defaults and help.

`describe_settings` walks them, so docs/settings.md and ``twofold check`` cannot drift from the code.
Order of precedence: command line, environment (``TWOFOLD_DATA``, ``_HOST``, ``_PORT``, ``_CONFIG``), file, default.
A secret may be written ``env:NAME``; it is looked up when the file is read, so a missing one stops the start.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from twofold.errors import ConfigError


class ServerSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    data: Annotated[str, Meta(description="Folder that holds everything; made with mode 0700 when missing.")] = "data"
    host: Annotated[str, Meta(description="Address to listen on. Put a TLS proxy in front before opening it.")] = (
        "127.0.0.1"
    )
    port: Annotated[int, Meta(description="Port to listen on; 0 takes a free one.", ge=0, le=65535)] = 8400
    path: Annotated[
        str, Meta(description="Where the tag and its endpoint are served, e.g. `/t` gives `/t/twofold.js`.")
    ] = "/t"
    strict: Annotated[
        bool, Meta(description="Refuse a whole batch for one invalid event, as Meta does, instead of only that event.")
    ] = False
    proxies: Annotated[
        int,
        Meta(
            description="How many reverse proxies stand in front; the client address is read that far into "
            "X-Forwarded-For. 0 ignores the header.",
            ge=0,
            le=10,
        ),
    ] = 0
    window_days: Annotated[
        int, Meta(description="How long a fold key is remembered. 63 when physical-store events are sent.", ge=8, le=90)
    ] = 8
    max_body_bytes: Annotated[
        int, Meta(description="Largest request body in bytes, after decompression.", ge=1024, le=64 << 20)
    ] = 4 << 20
    max_queue: Annotated[
        int, Meta(description="Events waiting for the disk before new ones are answered 503.", ge=64, le=1_000_000)
    ] = 20_000
    refused_keep: Annotated[
        int, Meta(description="How many refused bodies are kept, masked; the oldest go first.", ge=100, le=10_000_000)
    ] = 100_000


class OrderSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    counts_when: Annotated[
        str,
        Meta(description="When an order becomes a Purchase: `placed`, `confirmed`, `paid` or `delivered`."),
    ] = "paid"
    when: Annotated[
        dict[str, str],
        Meta(description="The same per payment method (`cod`, `bank_transfer`, `card`, `wallet`, `later`, `gift_card`, "
             "`manual`, `other`), or per source type, which wins."),
    ] = msgspec.field(default_factory=lambda: {"cod": "placed"})  # fmt: skip
    cod_gateways: Annotated[
        tuple[str, ...],
        Meta(description="Words in a gateway's name that mean cash on delivery, in any case."),
    ] = ("cash on delivery", "cod", "nachnahme", "наложен", "contra reembolso", "contrassegno", "გადახდა ადგილზე")
    confirmed_tags: Annotated[
        tuple[str, ...], Meta(description="Order tags by which the shop's people say that an order is confirmed.")
    ] = ("confirmed",)
    value_parts: Annotated[
        tuple[str, ...],
        Meta(description="What the value of a Purchase is made of; `goods` is the price after discounts. Leave out "
             "what is not wanted of `tax`, `shipping`, `tip`, `duties`, `gift_card` (gift cards that were sold)."),
    ] = ("goods", "tax", "shipping", "tip", "duties", "gift_card")  # fmt: skip
    refunds: Annotated[
        str, Meta(description="Refunds before the Purchase is sent: `deduct` them from its value or `ignore` them.")
    ] = "deduct"
    currency: Annotated[
        str, Meta(description="`presentment`: what the buyer saw and paid; `shop`: the shop's own currency.")
    ] = "presentment"
    renewals: Annotated[
        str, Meta(description="A subscription's later orders: `subscribe`, `purchase`, or `none` (the ledger only).")
    ] = "subscribe"
    wait: Annotated[
        float,
        Meta(description="Seconds a browser's Purchase waits for its order where the dataset has a shop source.", ge=0,
             le=518_400),
    ] = 3_600.0  # fmt: skip
    alone: Annotated[
        str, Meta(description="A browser's Purchase whose order never came: `send` it, marked, or `drop` it.")
    ] = "send"
    expire_days: Annotated[
        int, Meta(description="An order that has not become a Purchase after so many days never will.", ge=1, le=365)
    ] = 30
    recreated_hours: Annotated[
        float,
        Meta(description="An order of the same person, goods and value within so many hours of a cancelled one is the "
             "same purchase placed again. 0: never.", ge=0, le=720),
    ] = 48.0  # fmt: skip
    outcomes: Annotated[
        bool,
        Meta(description="Tell the platform what became of orders that were sent: events Delivered and Returned."),
    ] = False


class ConsentSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    require: Annotated[
        bool, Meta(description="Suppress what no copy says is consented; otherwise only what a copy says is denied.")
    ] = False
    require_in: Annotated[
        tuple[str, ...],
        Meta(description="The same only for shoppers in these countries (ISO 3166); `EEA` stands for all of it, with "
             "the United Kingdom and Switzerland."),
    ] = ()  # fmt: skip
    limited_in: Annotated[
        tuple[str, ...],
        Meta(description="US states, as `US-CA`, or `US`, whose shoppers' events go with Limited Data Use."),
    ] = ()
    limited_when: Annotated[
        str,
        Meta(description="When they do: `always`, or `unconsented` (unless sale of data is granted)."),
    ] = "always"
    opt_out_when_denied: Annotated[
        tuple[str, ...],
        Meta(description="Purposes whose denial sends `opt_out` (measurement only) instead of nothing, e.g. "
             "`personalization`."),
    ] = ()  # fmt: skip


class TrustSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    token_secret: Annotated[
        str | tuple[str, ...],
        Meta(description="Secret with which the shop's server signs browser tokens; a list while it is rotated. Empty: "
             "no token is believed."),
    ] = ""  # fmt: skip
    confirm: Annotated[
        dict[str, float],
        Meta(description="Seconds an untrusted browser event of a name is held for a copy from a trusted side; then "
             "`unconfirmed` decides."),
    ] = msgspec.field(default_factory=dict)  # fmt: skip
    unconfirmed: Annotated[
        str, Meta(description="Held events that nobody confirmed: `send` them, marked, or `drop` them.")
    ] = "send"
    value_caps: Annotated[
        dict[str, float],
        Meta(description="Largest value per currency an untrusted browser event may claim; above it is held back."),
    ] = msgspec.field(default_factory=dict)
    currencies: Annotated[
        tuple[str, ...], Meta(description="Currencies an untrusted browser event may name. Empty: any.")
    ] = ()
    rate: Annotated[
        float,
        Meta(description="Events per minute that one client address (IPv6: /64) may send to the browser doors, a minute's "
             "worth at once; above, 429. An office or a mobile carrier is one address too. 0: any.", ge=0),
    ] = 600  # fmt: skip
    rate_name: Annotated[
        float,
        Meta(description="Untrusted browser events per minute of one event name, from all clients together; above, 429. "
             "0: any.", ge=0),
    ] = 0  # fmt: skip
    shift_factor: Annotated[
        float,
        Meta(description="How many times the expected untrusted browser events of a name may become in an hour before "
             "they are kept back as `quarantine`. 0: off.", ge=0, le=1000),
    ] = 5  # fmt: skip


class PrivacySettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    core_setup: Annotated[
        bool, Meta(description="Send the site's address without path and only standard parameters.")
    ] = False
    sensitive: Annotated[
        tuple[str, ...],
        Meta(description="Categories whose words hold an event's custom values and address back: `health`, `finance`, "
             "`minors`, `beliefs`, `sexuality`."),
    ] = ("health", "finance", "minors", "beliefs", "sexuality")  # fmt: skip
    allow_custom: Annotated[
        tuple[str, ...], Meta(description="Custom properties that are always kept, whatever they are called.")
    ] = ()


class RetentionSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    address_days: Annotated[
        int, Meta(description="Days after which IP address and user agent are emptied, once nothing waits.", ge=1)
    ] = 30
    click_ids_days: Annotated[int, Meta(description="The same for click ids and browser ids.", ge=1)] = 90
    contact_days: Annotated[int, Meta(description="The same for hashed contact data.", ge=1)] = 180
    people_days: Annotated[
        int, Meta(description="Days for which identifiers seen together are remembered.", ge=1, le=730)
    ] = 30
    payload_days: Annotated[int, Meta(description="Days for which sent bytes are kept.", ge=1)] = 30
    refused_days: Annotated[int, Meta(description="Days for which refused bodies are kept.", ge=1)] = 30
    audit_days: Annotated[int, Meta(description="Days for which it is kept what was shared with whom.", ge=30)] = 365


class DatasetSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    id: Annotated[str, Meta(description="Meta dataset (pixel) id.", min_length=1, max_length=64)]
    key: Annotated[
        str, Meta(description="What server senders present as access_token. Empty: no server sender is let in.")
    ] = ""
    origins: Annotated[
        tuple[str, ...],
        Meta(description="Sites whose browsers may send, e.g. `https://shop.example`. Empty: any."),
    ] = ()
    hold: Annotated[
        dict[str, float],
        Meta(description="Seconds an action waits for its other copy, per event name; names not listed do not wait."),
    ] = msgspec.field(default_factory=lambda: {"Purchase": 20.0})
    country: Annotated[
        str,
        Meta(description="ISO 3166 country of a local phone number when the event names none. Empty: such numbers "
             "are left out rather than sent wrong."),
    ] = ""  # fmt: skip
    variants: Annotated[
        tuple[str, ...],
        Meta(description="Ambiguous match keys that are sent in further forms too, the documented one first: of `ph`, "
             "`fn`, `ln`, `ct`, `st`, `zp`, `db`."),
    ] = ()  # fmt: skip
    bots: Annotated[str, Meta(description="Events of known robots: `suppress` (kept, marked, not sent) or `send`.")] = (
        "suppress"
    )
    orders: OrderSettings = OrderSettings()
    consent: ConsentSettings = ConsentSettings()
    trust: TrustSettings = TrustSettings()
    privacy: PrivacySettings = PrivacySettings()


class DestinationSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    platform: Annotated[str, Meta(description="Who owns the API: `meta`.")]
    dataset: Annotated[str, Meta(description="The dataset here whose actions are delivered.")]
    endpoint: Annotated[str, Meta(description="Base address of the platform's API, or of the sandbox.")] = (
        "https://graph.facebook.com"
    )
    token: Annotated[str, Meta(description="Access token of the platform.")] = ""
    name: Annotated[str, Meta(description="Name in commands and reports. Default: platform and remote dataset.")] = ""
    remote_dataset: Annotated[str, Meta(description="Dataset id at the platform. Default: the same as `dataset`.")] = ""
    version: Annotated[str, Meta(description="API version in the path.", pattern=r"^v\d+\.\d+$")] = "v25.0"
    app_secret: Annotated[str, Meta(description="App secret; when set, appsecret_proof is sent.")] = ""
    test_event_code: Annotated[
        str, Meta(description="Sent with every request, to watch in Test Events. Remove it in production.")
    ] = ""
    batch: Annotated[int, Meta(description="Events per request at most.", ge=1, le=1000)] = 200
    timeout_s: Annotated[float, Meta(description="Seconds one request may take in all.", gt=0, le=120)] = 10.0
    purposes: Annotated[
        tuple[str, ...],
        Meta(description="What a shopper must not have denied for this destination: of `marketing`, `ad_user_data`, "
             "`personalization`, `analytics`, `sale_of_data`."),
    ] = ("marketing", "ad_user_data")  # fmt: skip


class SourceSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    type: Annotated[
        str,
        Meta(description="What sends the webhook: `shopify`, `woocommerce`, `stripe`, `own`, `hubspot`, `pipedrive` or "
             "`chat`."),
    ]  # fmt: skip
    dataset: Annotated[str, Meta(description="The dataset its orders belong to.")]
    shop: Annotated[str, Meta(description="Shop name in the webhook path, e.g. `demo.myshopify.com`.", min_length=1)]
    secret: Annotated[
        str | tuple[str, ...],
        Meta(description="Signing secret, 16 characters or more; a list of two while it is being rotated."),
    ]
    path: Annotated[str, Meta(description="Webhook path. Default: `/webhooks/{type}/{shop}`.")] = ""
    event_id: Annotated[
        str,
        Meta(description="Id of the Purchase: `order`, from the order's number; `native`, the id that the platform's own "
             "app uses, where the order carries it."),
    ] = "order"  # fmt: skip
    fields: Annotated[
        dict[str, str],
        Meta(description='Where a system has custom fields: our name to theirs, e.g. `fbc = "fb_click_id"`.'),
    ] = msgspec.field(default_factory=dict)
    stages: Annotated[
        dict[str, str], Meta(description="For a CRM: their stage or status to the event it stands for.")
    ] = msgspec.field(default_factory=dict)
    currency: Annotated[str, Meta(description="Currency of a system whose records have none (ISO 4217).")] = ""
    verify_token: Annotated[
        str, Meta(description="For `chat`: the word you also enter at Meta, so that it can connect its webhooks.")
    ] = ""


class ImportSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: Annotated[str, Meta(description="Name for `twofold import --mapping`.")]
    columns: Annotated[
        dict[str, str], Meta(description="Our field to the file's column header; fields: docs/import.md.")
    ]
    values: Annotated[
        dict[str, dict[str, str]],
        Meta(description="For a field with words (`status`, `payment_status`, `method`): their word to ours."),
    ] = msgspec.field(default_factory=dict)
    timezone: Annotated[
        str, Meta(description="Time zone of times without one, e.g. `Europe/Berlin`. Empty: UTC, and it is said.")
    ] = ""
    currency: Annotated[str, Meta(description="Currency when no column has it (ISO 4217).")] = ""
    decimal: Annotated[
        str, Meta(description="Decimal sign of amounts: `.` or `,`. Empty: found from each column, when it shows it.")
    ] = ""
    dates: Annotated[
        str, Meta(description="Days like 05/04/2026: `dmy` or `mdy`. Empty: found from each column, when it shows it.")
    ] = ""


class Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole configuration. Lookups by id are made by `app`."""

    server: ServerSettings = ServerSettings()
    dataset: tuple[DatasetSettings, ...] = ()
    destination: tuple[DestinationSettings, ...] = ()
    source: tuple[SourceSettings, ...] = ()
    imports: tuple[ImportSettings, ...] = msgspec.field(default=(), name="import")
    retention: RetentionSettings = RetentionSettings()


SECTIONS: tuple[tuple[str, type[Struct]], ...] = (
    ("[server]", ServerSettings),
    ("[[dataset]]", DatasetSettings),
    ("[dataset.orders]", OrderSettings),
    ("[dataset.consent]", ConsentSettings),
    ("[dataset.trust]", TrustSettings),
    ("[dataset.privacy]", PrivacySettings),
    ("[[destination]]", DestinationSettings),
    ("[[source]]", SourceSettings),
    ("[[import]]", ImportSettings),
    ("[retention]", RetentionSettings),
)

PLATFORMS = ("meta",)
SOURCE_TYPES = ("shopify", "woocommerce", "stripe", "own", "hubspot", "pipedrive", "chat")
PURPOSES = ("marketing", "ad_user_data", "personalization", "analytics", "sale_of_data")
SENSITIVE = ("health", "finance", "minors", "beliefs", "sexuality")
MAX_CONFIRM_S = 518_400  # six days: an event must still be young enough for its destination
MIN_SECRET = 16  # characters; a shorter webhook secret can be guessed offline from one captured body


def load_settings(
    path: str | Path | None,
    *,
    environ: Mapping[str, str] = os.environ,
    data: str | None = None,
    host: str | None = None,
    port: int | None = None,
) -> Settings:
    """Reads, resolves and checks the configuration. Raises `ConfigError` naming the setting and the cure."""
    path = path or environ.get("TWOFOLD_CONFIG") or None
    tree = _read_toml(Path(path)) if path else {}
    return settings_from(tree, environ=environ, data=data, host=host, port=port)


def settings_from(
    tree: dict[str, Any],
    *,
    environ: Mapping[str, str] = os.environ,
    data: str | None = None,
    host: str | None = None,
    port: int | None = None,
) -> Settings:
    """The same from an already parsed TOML tree."""
    server = tree.get("server", {})
    if not isinstance(server, dict):
        raise ConfigError("configuration: server: expected a table, [server], got a value")
    server = dict(server)
    for name, given in (("data", data), ("host", host), ("port", port)):
        twin = environ.get(f"TWOFOLD_{name.upper()}")
        if given is not None:
            server[name] = given
        elif twin:
            server[name] = _port(twin) if name == "port" else twin
    resolved = _resolve_secrets({**tree, "server": server}, environ)
    try:
        settings = msgspec.convert(resolved, Settings)
    except msgspec.ValidationError as err:
        raise ConfigError(f"configuration: {err}. See docs/settings.md for every name and unit.") from None
    return _checked(_with_defaults(settings))


def describe_settings() -> list[tuple[str, str, str, str]]:
    """Rows of (section, name, default, help) for the documentation and ``twofold check``."""
    rows = []
    for section, struct in SECTIONS:
        for field in msgspec.structs.fields(struct):
            if isinstance(field.type, type) and issubclass(field.type, Struct):
                continue  # a table of its own
            meta = getattr(field.type, "__metadata__", ())
            help_text = next((m.description for m in meta if isinstance(m, Meta) and m.description), "")
            default = "required" if field.required else _show_default(field)
            rows.append((section, field.name, default, help_text))
    return rows


def _show_default(field: Any) -> str:
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return msgspec.json.encode(value).decode()


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"configuration file {path} does not exist; name another with --config") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise ConfigError(f"configuration file {path} is not TOML: {err}") from None


def _port(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ConfigError(f"TWOFOLD_PORT: expected a number, got {text!r}") from None


def _resolve_secrets(value: Any, environ: Mapping[str, str], where: str = "") -> Any:
    match value:
        case dict():
            return {k: _resolve_secrets(v, environ, f"{where}.{k}" if where else k) for k, v in value.items()}
        case list():
            return [_resolve_secrets(v, environ, f"{where}[{n}]") for n, v in enumerate(value)]
        case str() if value.startswith("env:"):
            name = value[4:]
            if not environ.get(name):
                raise ConfigError(f"{where}: environment variable {name} is not set; set it before starting")
            return environ[name]
        case _:
            return value


def _with_defaults(settings: Settings) -> Settings:
    destinations = []
    for d in settings.destination:
        remote = d.remote_dataset or d.dataset
        destinations.append(
            msgspec.structs.replace(
                d, remote_dataset=remote, name=d.name or f"{d.platform}-{remote}", endpoint=d.endpoint.rstrip("/")
            )
        )
    sources = [
        msgspec.structs.replace(s, path=s.path or f"/webhooks/{s.type}/{s.shop}") for s in settings.source
    ]  # fmt: skip
    path = settings.server.path.strip("/")
    server = msgspec.structs.replace(settings.server, path=f"/{path}" if path else "")
    return msgspec.structs.replace(
        settings, server=server, destination=tuple(destinations), source=tuple(sources)
    )  # fmt: skip


def secrets_of(source: SourceSettings) -> tuple[str, ...]:
    """A source's signing secrets, newest first."""
    return (source.secret,) if isinstance(source.secret, str) else source.secret


def _checked(settings: Settings) -> Settings:
    ids = [d.id for d in settings.dataset]
    _unique("dataset.id", ids)
    _unique("destination.name", [d.name for d in settings.destination])
    _unique("source.path", [s.path for s in settings.source])
    for d in settings.dataset:
        for name, seconds in d.hold.items():
            if not 0 <= seconds <= 86_400:
                raise ConfigError(f"dataset {d.id}: hold.{name}: expected 0 to 86400 seconds, got {seconds}")
        for origin in d.origins:
            if not re.fullmatch(r"https?://[^/\s]+", origin):
                raise ConfigError(f"dataset {d.id}: origins: expected scheme and host, got {origin!r}")
        if d.country and not re.fullmatch(r"[A-Za-z]{2}", d.country):
            raise ConfigError(f"dataset {d.id}: country: expected two letters, got {d.country!r}")
        _known(f"dataset {d.id}: bots", d.bots, ("suppress", "send"))
        _check_consent(f"dataset {d.id}: consent", d.consent)
        _check_trust(f"dataset {d.id}: trust", d.trust)
        for category in d.privacy.sensitive:
            _known(f"dataset {d.id}: privacy.sensitive", category, SENSITIVE)
    for dest in settings.destination:
        _known("destination.platform", dest.platform, PLATFORMS)
        _known(f"destination {dest.name}: dataset", dest.dataset, ids)
        for purpose in dest.purposes:
            _known(f"destination {dest.name}: purposes", purpose, PURPOSES)
        if not re.fullmatch(r"https?://[^/\s]+(/\S*)?", dest.endpoint):
            raise ConfigError(f"destination {dest.name}: endpoint: expected an http(s) address, got {dest.endpoint!r}")
    for source in settings.source:
        _known("source.type", source.type, SOURCE_TYPES)
        _known(f"source {source.shop}: dataset", source.dataset, ids)
        for secret in secrets_of(source) or ("",):
            if len(secret) < MIN_SECRET:
                raise ConfigError(f"source {source.shop}: secret: expected {MIN_SECRET} characters or more")
    return settings


def _check_consent(where: str, consent: ConsentSettings) -> None:
    for country in consent.require_in:
        if not re.fullmatch(r"EEA|[A-Za-z]{2}", country):
            raise ConfigError(f"{where}.require_in: expected EEA or two letters, as DE, got {country!r}")
    for region in consent.limited_in:
        if not re.fullmatch(r"US(-[A-Z]{2})?", region, re.I):
            raise ConfigError(f"{where}.limited_in: expected US or a state, as US-CA, got {region!r}")
    _known(f"{where}.limited_when", consent.limited_when, ("always", "unconsented"))
    for purpose in consent.opt_out_when_denied:
        _known(f"{where}.opt_out_when_denied", purpose, PURPOSES)


def _check_trust(where: str, trust: TrustSettings) -> None:
    secrets = (trust.token_secret,) if isinstance(trust.token_secret, str) else trust.token_secret
    if any(0 < len(s) < MIN_SECRET for s in secrets):
        raise ConfigError(f"{where}.token_secret: expected {MIN_SECRET} characters or more")
    for name, seconds in trust.confirm.items():
        if not 0 < seconds <= MAX_CONFIRM_S:
            raise ConfigError(f"{where}.confirm.{name}: expected 1 to {MAX_CONFIRM_S} seconds, got {seconds}")
    _known(f"{where}.unconfirmed", trust.unconfirmed, ("send", "drop"))
    for currency in (*trust.value_caps, *trust.currencies):
        if not re.fullmatch(r"[A-Za-z]{3}", currency):
            raise ConfigError(f"{where}: expected currencies of three letters (ISO 4217), got {currency!r}")
    if 0 < trust.shift_factor <= 1:
        raise ConfigError(f"{where}.shift_factor: expected 0 or more than 1, got {trust.shift_factor}")
    for currency, cap in trust.value_caps.items():
        if not 0 < cap < 10**15:
            raise ConfigError(f"{where}.value_caps.{currency}: expected a value above 0, got {cap}")


def _unique(where: str, values: list[str]) -> None:
    twice = {v for v in values if values.count(v) > 1}
    if twice:
        raise ConfigError(f"{where}: expected each once, got {', '.join(sorted(twice))} more than once")


def _known(where: str, value: str, known: Any) -> None:
    if value not in known:
        raise ConfigError(f"{where}: expected one of {', '.join(known) or '(none configured)'}, got {value!r}")
