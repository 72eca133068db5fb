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
    require_consent: Annotated[
        bool, Meta(description="Suppress what no copy says is consented; otherwise only what a copy says is denied.")
    ] = False


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


class SourceSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    type: Annotated[str, Meta(description="Which shop software sends the webhook: `shopify`.")]
    dataset: Annotated[str, Meta(description="The dataset its orders belong to.")]
    shop: Annotated[str, Meta(description="Shop name in the webhook path, e.g. `demo.myshopify.com`.", min_length=1)]
    secret: Annotated[
        str | tuple[str, ...],
        Meta(description="Signing secret, 16 characters or more; a list of two while it is being rotated."),
    ]
    path: Annotated[str, Meta(description="Webhook path. Default: `/webhooks/{type}/{shop}`.")] = ""


class Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole configuration. Lookups by id are made by `app`."""

    server: ServerSettings = ServerSettings()
    dataset: tuple[DatasetSettings, ...] = ()
    destination: tuple[DestinationSettings, ...] = ()
    source: tuple[SourceSettings, ...] = ()


SECTIONS: tuple[tuple[str, type[Struct]], ...] = (
    ("[server]", ServerSettings),
    ("[[dataset]]", DatasetSettings),
    ("[[destination]]", DestinationSettings),
    ("[[source]]", SourceSettings),
)

PLATFORMS = ("meta",)
SOURCE_TYPES = ("shopify",)
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
        for field, info in zip(msgspec.structs.fields(struct), msgspec.inspect.type_info(struct).fields, strict=True):
            meta = getattr(field.type, "__metadata__", ())
            help_text = next((m.description for m in meta if isinstance(m, Meta) and m.description), "")
            default = "required" if info.required else _show_default(field)
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
    for dest in settings.destination:
        _known("destination.platform", dest.platform, PLATFORMS)
        _known(f"destination {dest.name}: dataset", dest.dataset, ids)
        if not re.fullmatch(r"https?://[^/\s]+(/\S*)?", dest.endpoint):
            raise ConfigError(f"destination {dest.name}: endpoint: expected an http(s) address, got {dest.endpoint!r}")
    for source in settings.source:
        _known("source.type", source.type, SOURCE_TYPES)
        _known(f"source {source.shop}: dataset", source.dataset, ids)
        for secret in secrets_of(source):
            if len(secret) < MIN_SECRET:
                raise ConfigError(f"source {source.shop}: secret: expected {MIN_SECRET} characters or more")
    return settings


def _unique(where: str, values: list[str]) -> None:
    twice = {v for v in values if values.count(v) > 1}
    if twice:
        raise ConfigError(f"{where}: expected each once, got {', '.join(sorted(twice))} more than once")


def _known(where: str, value: str, known: Any) -> None:
    if value not in known:
        raise ConfigError(f"{where}: expected one of {', '.join(known) or '(none configured)'}, got {value!r}")
