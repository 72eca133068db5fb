"""The whole of the settings: frozen, typed. Their structs are the one table of names, units, defaults and help.

Owns the server, what it sends to, how long it keeps and the console; other tables stand beside this file (`datasets`, `sources`,
`money`, `declarations`, `alerts`, `audiences`) and are put together here. `describe_settings` walks all of them, so
docs/settings.md and ``twofold check`` cannot drift from the code. Not: how they are read (`read`) and what is refused (`check`).
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from twofold.config.alerts import AlertSettings
from twofold.config.audiences import AudienceSettings
from twofold.config.datasets import (
    ConsentSettings,
    DatasetSettings,
    OrderSettings,
    PrivacySettings,
    TrustSettings,
    WaysInSettings,
)
from twofold.config.declarations import EventDeclaration, PropertyDeclaration, SchemaSettings
from twofold.config.money import AccountSettings, AnalyticsSettings, ChainSettings, ImportSettings, MoneySettings
from twofold.config.sources import SourceSettings


class ServerSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    data: Annotated[
        str,
        Meta(
            description="Folder that holds everything; made with mode 0700 when missing. A relative one is beside the "
            "configuration file."
        ),
    ] = "data"
    store: Annotated[
        str,
        Meta(description="Empty: the database is a file in `data`. Or a PostgreSQL database of its own (`postgresql://…`, as "
             "`env:NAME`), a preview: docs/postgres.md says what is there. `data` is needed beside it."),
    ] = ""  # fmt: skip
    host: Annotated[str, Meta(description="Address to listen on. Put a TLS proxy in front before opening it.")] = (
        "127.0.0.1"
    )
    port: Annotated[int, Meta(description="Port to listen on; 0 takes a free one.", ge=0, le=65535)] = 8400
    address: Annotated[
        str,
        Meta(description="Address by which browsers and shops reach this gateway, e.g. `https://gateway.shop.example`: what "
             "`twofold snippet`, `connect` and `doctor` write and ask. Where it listens is `host` and `port`."),
    ] = ""  # fmt: skip
    tag_path: Annotated[
        str, Meta(description="Where the tag and its endpoint are served, e.g. `/t` gives `/t/twofold.js`.")
    ] = "/t"
    status_token: Annotated[
        str,
        Meta(description="What whoever may read `/metrics` and the details of `/health` shows as `Authorization: Bearer`, 16 "
             "characters or more. Empty: nobody; `/health` answers one word to all."),
    ] = ""  # fmt: skip
    log: Annotated[
        str,
        Meta(
            description="Form of the log on standard error: `text`, or `json`, one object a line.",
            pattern="^(text|json)$",
        ),
    ] = "text"
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


class RetentionSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    address_days: Annotated[
        int, Meta(description="Days after which IP address and user agent are emptied, once nothing waits.", ge=1)
    ] = 30
    click_ids_days: Annotated[int, Meta(description="The same for click ids and browser ids.", ge=1)] = 90
    contact_days: Annotated[
        int,
        Meta(
            description="The same for hashed contact data, and by what an order's buyer is recognised: who comes back "
            "later is a new customer, not for certain.",
            ge=1,
        ),
    ] = 180
    people_days: Annotated[
        int,
        Meta(
            description="Days for which identifiers seen together are remembered, no longer than contact_days.",
            ge=1,
            le=730,
        ),
    ] = 30
    touch_days: Annotated[
        int,
        Meta(description="Days for which it is remembered where visits, chats and orders came from.", ge=1, le=1_500),
    ] = 400
    buyer_days: Annotated[
        int,
        Meta(
            description="Days from an order for which a keyed digest of its buyer's name says whose a bank transfer is. "
            "Whether a customer is new is known by contact_days.",
            ge=1,
        ),
    ] = 1_100
    payload_days: Annotated[int, Meta(description="Days for which sent bytes are kept.", ge=1)] = 30
    refused_days: Annotated[int, Meta(description="Days for which refused bodies are kept.", ge=1)] = 30
    audit_days: Annotated[int, Meta(description="Days for which it is kept what was shared with whom.", ge=30)] = 365


class DestinationSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    platform: Annotated[
        str, Meta(description="Who owns the API: one of those of docs/destinations.md, as `meta` or `ga4`.")
    ]
    dataset: Annotated[str, Meta(description="The dataset here whose actions are delivered.")]
    endpoint: Annotated[
        str, Meta(description="Base address of the platform's API, or of the sandbox. Default: the platform's own.")
    ] = ""
    token: Annotated[str, Meta(description="Access token or API secret of the platform.")] = ""
    name: Annotated[str, Meta(description="Name in commands and reports. Default: platform and remote dataset.")] = ""
    remote_dataset: Annotated[
        str, Meta(description="The id there: of the dataset, pixel, stream or account. Default: the same as `dataset`.")
    ] = ""
    version: Annotated[
        str, Meta(description="API version, where the address or a header has one. Default: the one that was checked.")
    ] = ""
    token_ends: Annotated[
        str,
        Meta(
            description="The day on which the token ends, e.g. `2027-03-31`, so that it is named before. Empty: Meta is asked "
            "once a day.",
            pattern=r"^(\d{4}-\d{2}-\d{2})?$",
        ),
    ] = ""
    app_secret: Annotated[str, Meta(description="App secret; when set, appsecret_proof is sent.")] = ""
    test_event_code: Annotated[
        str,
        Meta(description="Sent with every request, to watch in Test Events; where a platform has no code, any text turns its test "
             "mode on. Remove it in production."),
    ] = ""  # fmt: skip
    batch: Annotated[int, Meta(description="Events per request at most.", ge=1, le=1000)] = 200
    timeout_s: Annotated[float, Meta(description="Seconds one request may take in all.", gt=0, le=120)] = 10.0
    purposes: Annotated[
        tuple[str, ...] | None,
        Meta(description="What a shopper must not have denied for this destination: of `marketing`, `ad_user_data`, "
             "`personalization`, `analytics`, `sale_of_data`. Default: `marketing` and `ad_user_data`, or what the platform needs."),
    ] = None  # fmt: skip
    only: Annotated[
        tuple[str, ...],
        Meta(
            description="Events that leave for it. Default: all, or those of the platform's page in docs/destinations.md."
        ),
    ] = ()
    events: Annotated[
        dict[str, str],
        Meta(description="Our event name to the platform's own, or to an id that it has for it, as of a conversion action; an empty "
             'text keeps the event from leaving: `events = { Lead = "" }`.'),
    ] = msgspec.field(default_factory=dict)  # fmt: skip
    share: Annotated[
        float,
        Meta(description="Share of the browsers whose events leave for it, as 0.1; the same browser is always in or always out.",
             gt=0, le=1),
    ] = 1.0  # fmt: skip
    hold_s: Annotated[
        dict[str, float],
        Meta(description="Seconds an action waits here before it leaves, from its first copy, per event name; `*` for all others. It "
             "leaves with what is known by then, and not at all when its order was cancelled or consent was taken back."),
    ] = msgspec.field(default_factory=dict)  # fmt: skip
    value: Annotated[
        str,
        Meta(description="What an order is told to be worth here: `revenue` or `margin`. Default: as `told_value` of "
             "`[dataset.orders]` says.", pattern="^(revenue|margin)?$"),
    ] = ""  # fmt: skip
    margin_unknown: Annotated[
        str,
        Meta(description="An order of which a cost is unknown, where margins are told: `revenue` is told in its place, marked; `wait` "
             "for the cost, two days at most; or `refuse`: it does not leave.", pattern="^(revenue|wait|refuse)$"),
    ] = "revenue"  # fmt: skip
    counts_when: Annotated[
        str,
        Meta(description="When an order becomes a Purchase for this destination: `placed`, `confirmed`, `paid` or `delivered`, whatever "
             "its payment. Default: as `[dataset.orders]` says."),
    ] = ""  # fmt: skip
    options: Annotated[
        dict[str, str],
        Meta(description="What only this platform has: docs/destinations.md, each on the platform's page."),
    ] = msgspec.field(default_factory=dict)


class ConsoleSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    host: Annotated[
        str, Meta(description="Address that the console listens on. Put a TLS proxy in front before opening it.")
    ] = "127.0.0.1"
    port: Annotated[int, Meta(description="Port of the console; 0 takes a free one.", ge=0, le=65535)] = 8402
    hosts: Annotated[
        tuple[str, ...],
        Meta(description="Names under which the console is reached through a proxy, e.g. `console.shop.example`. Any other "
             "name is refused."),
    ] = ()  # fmt: skip
    proxies: Annotated[
        int,
        Meta(description="How many reverse proxies stand in front of the console; as `server.proxies`.", ge=0, le=10),
    ] = 0
    identity_header: Annotated[
        str,
        Meta(description="Header in which a proxy that logs people in names who is there, e.g. `X-Forwarded-User`, as the "
             "alternative to a password. The proxy has to take it off what browsers send.", pattern="^([A-Za-z0-9-]{1,60})?$"),
    ] = ""  # fmt: skip
    identity_from: Annotated[
        tuple[str, ...],
        Meta(description="Addresses or networks of that proxy, e.g. `10.0.0.5`. From any other the header is not believed."),
    ] = ()  # fmt: skip
    name: Annotated[str, Meta(description="The shop's name, on top of every page.", max_length=60)] = ""
    timezone: Annotated[
        str, Meta(description="The zone whose days the pages count. Empty: that of `[chain] timezone`.")
    ] = ""
    language: Annotated[
        str, Meta(description="Language for whoever asks for none that there is: `en` or `ka`.", pattern="^(en|ka)$")
    ] = "en"


class Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole configuration. Lookups by id are made by `policies`."""

    server: ServerSettings = ServerSettings()
    dataset: tuple[DatasetSettings, ...] = ()
    destination: tuple[DestinationSettings, ...] = ()
    source: tuple[SourceSettings, ...] = ()
    imports: tuple[ImportSettings, ...] = msgspec.field(default=(), name="import")
    account: tuple[AccountSettings, ...] = ()
    alert: tuple[AlertSettings, ...] = ()
    audience: tuple[AudienceSettings, ...] = ()
    retention: RetentionSettings = RetentionSettings()
    money: MoneySettings = MoneySettings()
    analytics: AnalyticsSettings = AnalyticsSettings()
    chain: ChainSettings = ChainSettings()
    schema: SchemaSettings = SchemaSettings()
    console: ConsoleSettings | None = None  # None: the gateway starts none

    @property
    def pages_zone(self) -> str:
        """In which the console tells days and times: its own where it names one, else that of reports and commands."""
        return (self.console.timezone if self.console is not None else "") or self.chain.timezone


SECTIONS: tuple[tuple[str, type[Struct]], ...] = (
    ("[server]", ServerSettings),
    ("[[dataset]]", DatasetSettings),
    ("[dataset.orders]", OrderSettings),
    ("[dataset.consent]", ConsentSettings),
    ("[dataset.trust]", TrustSettings),
    ("[dataset.privacy]", PrivacySettings),
    ("[dataset.ways_in]", WaysInSettings),
    ("[[destination]]", DestinationSettings),
    ("[[source]]", SourceSettings),
    ("[[import]]", ImportSettings),
    ("[[account]]", AccountSettings),
    ("[[alert]]", AlertSettings),
    ("[[audience]]", AudienceSettings),
    ("[retention]", RetentionSettings),
    ("[money]", MoneySettings),
    ("[analytics]", AnalyticsSettings),
    ("[chain]", ChainSettings),
    ("[schema]", SchemaSettings),
    ("[[schema.event]]", EventDeclaration),
    ("[schema.event.properties.NAME]", PropertyDeclaration),
    ("[console]", ConsoleSettings),
)


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
