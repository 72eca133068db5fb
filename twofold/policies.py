"""What the settings mean for the parts of a gateway: routes, policies, doors, pages.

Owns each translation from a setting to the value that a room is handed. Pure but for `open_store`, which opens a
folder as the settings want it kept. Not: reading the settings (`config`), starting anything (`app`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from msgspec import structs

from twofold import tag
from twofold.collect.access import key_digest
from twofold.collect.messages import Answer, Request
from twofold.collect.policy import DatasetPolicy, dataset_policy, order_policy_of
from twofold.config import DatasetSettings, Settings, SourceSettings, can_ask, secrets_of
from twofold.consent.state import PLATFORM
from twofold.destinations import BY_PLATFORM
from twofold.destinations.terms import hash_rules_of
from twofold.errors import ConfigError
from twofold.event.addressees import Addressees, letters_of
from twofold.ledger.policy import OrderPolicy
from twofold.ledger.state import PAYMENT_SYSTEMS
from twofold.matching.other_forms import OtherForms, wanted_forms
from twofold.privacy.retention import Days
from twofold.reconcile.chain.values import Rules
from twofold.reconcile.lives.task import LIVES_MODULE, LivesTask, encoded
from twofold.schema.declared import Declared, DeclaredEvent, Property, declared_of
from twofold.schema.watch import SchemaWatch
from twofold.sources import SHOP_SOURCES, SOURCES
from twofold.sources.contract import Source, SourceOptions
from twofold.sources.own.mapping import mapped_source, unknown_fields
from twofold.sources.signatures import is_public_key
from twofold.store.gates.values import ValueRule
from twofold.store.opened.routes import Route
from twofold.store.store import Store
from twofold.store.touches.nameless import Worth

LOOPBACK = ("127.0.0.1", "localhost", "::1")

if TYPE_CHECKING:  # most commands need a folder and neither doors nor tables: half of what they would load
    from twofold.collect.doors.webhooks import WebhookDoor
    from twofold.collect.listen.asgi import Page
    from twofold.facts.engine import Analytics
    from twofold.facts.keeper import Keeper
    from twofold.reconcile.expected import ExpectedMargins
    from twofold.reconcile.reading.keeping import KeepDays
    from twofold.reconcile.reading.witnesses import Question as DayQuestion
    from twofold.router.rules.ending import TokenInUse
    from twofold.router.task import RouterTask
    from twofold.senders.browser.calls import Doors


def days_of(settings: Settings) -> Days:
    """How long each kind of data is kept."""
    kept = settings.retention
    return Days(
        address=kept.address_days,
        click_ids=kept.click_ids_days,
        contact=kept.contact_days,
        payload=kept.payload_days,
        refused=kept.refused_days,
        audit=kept.audit_days,
        line_text=settings.money.text_days,
        buyer=kept.buyer_days,
    )


def analytics_of(settings: Settings) -> Analytics:
    """Where the tables of reports are, and within which limits they are asked."""
    from twofold.facts.engine import Analytics

    data, wanted = Path(settings.server.data), settings.analytics
    return Analytics(
        data=data,
        files=data / (wanted.folder or "facts"),
        engine=wanted.engine,
        memory_mb=wanted.memory_mb,
        deadline_s=wanted.deadline_s,
    )


def keeper_of(settings: Settings, store: Store, clock: Callable[[], int]) -> Keeper:
    """Who makes those tables, by the rules that these settings have for orders."""
    from twofold.facts.keeper import Keeper

    lives = LIVES_MODULE, encoded(lives_task(settings))
    return Keeper(store, analytics_of(settings), rules_of(settings), clock, lives)


def lives_task(settings: Settings) -> LivesTask:
    """What decides about the lives of orders in them."""
    return LivesTask(rules=chain_rules(settings), zone=settings.chain.timezone)


class OrdersWorth:
    """What orders came to, for nameless rows. What reads money is loaded when it is asked: few programs ever do."""

    def __init__(self, settings: Settings) -> None:
        self.zone = ZoneInfo(settings.chain.timezone)
        self._settings = settings

    def __call__(self, orders: Sequence[int], as_of: int) -> Mapping[int, Worth]:
        from twofold.reconcile.reading.worth import Worths

        policies = rules_of(self._settings)
        worths = Worths(
            self._settings.server.data,
            lambda dataset: policies.get(dataset, OrderPolicy()),
            chain_rules(self._settings),
            self.zone,
        )
        return worths(orders, as_of)


def rules_of(settings: Settings) -> dict[str, OrderPolicy]:
    """Dataset id to the rules of its orders."""
    return {d.id: order_policy_of(d.orders) for d in settings.dataset}


def chain_rules(settings: Settings) -> Rules:
    """What the operator set for reports of the chain."""
    told = settings.chain
    return Rules(
        currency=told.currency,
        vat=Decimal(told.vat) if told.vat else None,
        confirm_days=told.confirm_days,
        history_days=told.history_days,
        courier_days=told.courier_days,
        payout_days=told.payout_days,
        cash_step=_amounts(told.cash_step),
        transfer_short=_amounts(told.transfer_short),
        transfer_over=_amounts(told.transfer_over),
        converted_most=Decimal(told.converted_most),
        bank_fee=_amounts(told.bank_fee),
    )


def _amounts(told: Mapping[str, str]) -> dict[str, Decimal]:
    return {name: Decimal(amount) for name, amount in told.items()}


def day_task(settings: Settings, now_s: int, *, with_tables: bool = False) -> KeepDays:
    """What a child process is told that keeps the versions of days which are due. ``with_tables``: it makes them."""
    from twofold.facts.engine import Where
    from twofold.reconcile.reading.keeping import KeepDays

    return KeepDays(
        data=settings.server.data,
        policies=rules_of(settings),
        rules=chain_rules(settings),
        zone=settings.chain.timezone,
        destinations=[d.name for d in settings.destination if d.platform == "meta"],
        banners=[d.id for d in settings.dataset if d.consent.require],
        zones={a.id.removeprefix("act_"): a.timezone for a in settings.account if a.platform == "meta" and a.timezone},
        now=now_s,
        by_click_day=settings.chain.meta_day == "click",
        tables=Where.of(analytics_of(settings)) if with_tables else None,
    )


def router_task(settings: Settings, now_s: int) -> RouterTask:
    """What the rules for lost signal are told."""
    from twofold.router.task import RouterTask

    return RouterTask(
        data=settings.server.data,
        policies=rules_of(settings),
        now=now_s,
        tested=sends_to_itself(settings),
        coded=tuple(d.name for d in settings.destination if d.test_event_code),
        tokens=tokens_of(settings),
    )


def tokens_of(settings: Settings) -> tuple[TokenInUse, ...]:
    """The tokens that destinations send with, each by a mark of its own."""
    from twofold.router.rules.ending import TokenInUse

    return tuple(
        TokenInUse(
            destination=d.name, dataset=d.dataset, mark=blake2b(d.token.encode(), digest_size=4).hexdigest(),
            ends=int(datetime.fromisoformat(d.token_ends).replace(tzinfo=UTC).timestamp()) if d.token_ends else 0,
        )
        for d in settings.destination if d.token
    )  # fmt: skip


def doors_seen(settings: Settings, hosts: frozenset[str]) -> Doors:
    """Where a browser's calls to ourselves go: the shop's hosts, and the gateway's."""
    from twofold.senders.browser.calls import Doors

    server = settings.server
    ours = {
        urlsplit(server.address).netloc.lower(),
        *(f"{host}:{server.port}" for host in (server.host, "127.0.0.1", "localhost")),
    }
    return Doors(hosts | (ours - {""}), server.tag_path, frozenset(d.id for d in settings.dataset))


def sends_to_itself(settings: Settings) -> bool:
    """Whether everything that leaves stays on this machine: a test, whose shoppers' addresses mean nothing."""
    hosts = [urlsplit(d.endpoint).hostname or "" for d in settings.destination]
    return bool(hosts) and all(host in LOOPBACK for host in hosts)


def day_question(settings: Settings, day: str, as_of: int, dataset: str | None, *, keep: bool) -> DayQuestion:
    """One day as its witnesses tell it. ``keep``: versions of it that are due are written."""
    from zoneinfo import ZoneInfo

    from twofold.reconcile.reading.day import Platform
    from twofold.reconcile.reading.witnesses import Question

    task = day_task(settings, 0)
    return Question(
        day=day, as_of=as_of, rules=task.rules, zone=ZoneInfo(task.zone), zone_name=task.zone, zones=task.zones,
        platform=Platform(destinations=frozenset(task.destinations), banners=frozenset(task.banners),
                          by_click_day=task.by_click_day),
        dataset=dataset, keep=keep,
    )  # fmt: skip


def margins_of(settings: Settings) -> ExpectedMargins | None:
    """What orders are expected to leave, where a destination is told it."""
    if not any(route.values for route in routes_of(settings).values()):
        return None
    from twofold.reconcile.expected import ExpectedMargins

    policies, zone = rules_of(settings), ZoneInfo(settings.chain.timezone)
    return ExpectedMargins(
        settings.server.data, lambda dataset: policies.get(dataset, OrderPolicy()), chain_rules(settings), zone
    )


def open_store(
    settings: Settings,
    opened_at: int,
    *,
    on_failure: Callable[[BaseException], None] | None = None,
    margins: ExpectedMargins | None = None,
    peer: str | None = None,
) -> Store:
    """The data folder as these settings want it kept, for the gateway and for commands that run without one. ``peer``: what
    this process is called where several share the store."""
    return Store(
        settings.server.data,
        routes=routes_of(settings),
        policies=policies_of(settings),
        opened_at=opened_at,
        window_days=settings.server.window_days,
        max_queue=settings.server.max_queue,
        refused_keep=settings.server.refused_keep,
        # A browser is found by its person's contact data: once that is emptied an erasure could not reach it any more.
        people_days=min(settings.retention.people_days, settings.retention.contact_days),
        touch_days=settings.retention.touch_days,
        on_failure=on_failure,
        margins=margins,
        peer=peer,
    )


def is_shared(settings: Settings) -> bool:
    """True where the store is a database to which several processes may write. A data folder is one process's."""
    return bool(settings.server.store)


def has_orders(settings: Settings, dataset: str) -> bool:
    """True when a shop reports the orders of this dataset, so that a browser's Purchase has something to wait for."""
    return any(s.dataset == dataset and _reports_orders(s) for s in settings.source)


def _reports_orders(source: SourceSettings) -> bool:
    return source.type in SHOP_SOURCES or (source.type == "mapped" and source.fields.get("type") == "=order")


def status_digest(settings: Settings) -> bytes | None:
    """What is kept of the status token; None where nobody may see figures."""
    return key_digest(settings.server.status_token) if settings.server.status_token else None


def policies_of(settings: Settings) -> dict[str, DatasetPolicy]:
    """Dataset id to what the doors and steps are told about it."""
    declared = declared_in(settings)
    return {
        d.id: structs.replace(
            dataset_policy(d),
            shops=shops_alike(settings, d.id),
            forms=forms_of(settings, d.id),
            addressees=addressees_of(settings, d),
            schema=SchemaWatch(declared),
        )
        for d in settings.dataset
    }


def addressees_of(settings: Settings, dataset: DatasetSettings) -> Addressees:
    """What a sender may call a platform, and one of the dataset's destinations: its own name, and what the merchant says."""
    own = {letters_of(x.name): x.name for x in settings.destination if x.dataset == dataset.id}
    own |= {letters_of(theirs): ours for theirs, ours in dataset.ways_in.integrations.items()}
    return Addressees({platform: d.called for platform, d in BY_PLATFORM.items()}, own)


def declared_in(settings: Settings) -> Declared:
    """What the shop declares of its own events and properties."""
    return declared_of(
        [
            DeclaredEvent(
                name=e.name,
                owner=e.owner,
                purpose=e.purpose,
                properties={
                    name: Property(
                        type=p.type, owner=p.owner or e.owner, purpose=p.purpose or e.purpose, sensitivity=p.sensitivity
                    )
                    for name, p in e.properties.items()
                },
            )
            for e in settings.schema.event
        ],
        refuse=settings.schema.undeclared == "refuse",
    )


def forms_of(settings: Settings, dataset: str) -> OtherForms:
    """What the platforms to which a dataset's actions go, or its people's lists, want hashed by rules of their own; nothing for Meta
    alone."""
    wanted = {d.platform for d in settings.destination if d.dataset == dataset}
    accounts = {account.name: account.platform for account in settings.account}
    wanted |= {accounts[name] for a in settings.audience if a.dataset == dataset for name in a.lists}
    return wanted_forms(hash_rules_of(BY_PLATFORM[platform] for platform in sorted(wanted)))


def shops_alike(settings: Settings, dataset: str) -> frozenset[str]:
    """The shops of a dataset that may give one number to two orders: several of the same system. A payment system's ids
    are its own, so two accounts of one never do."""
    own = [
        (s.type, s.shop)
        for s in settings.source
        if s.dataset == dataset and _reports_orders(s) and s.type not in PAYMENT_SYSTEMS
    ]
    kinds = [kind for kind, _ in own]
    return frozenset(shop for kind, shop in own if kinds.count(kind) > 1)


def webhook_doors(settings: Settings, purchase_ids: str) -> dict[str, WebhookDoor]:
    """Path to the source behind it. ``purchase_ids``: the form of a Purchase's id where the setting is left out."""
    return {path: _door(s, path, purchase_ids) for s in settings.source if secrets_of(s) for path in _paths_of(s)}


def asked_sources(settings: Settings, purchase_ids: str) -> dict[str, tuple[SourceSettings, WebhookDoor]]:
    """By its name in the ledger each source that can be asked, and the door by which its answers come in."""
    asked = ((s, _door(s, "", purchase_ids)) for s in settings.source if can_ask(s))
    return {door.name: (source, door) for source, door in asked}


def _door(source: SourceSettings, path: str, purchase_ids: str) -> WebhookDoor:
    from twofold.collect.doors.webhooks import WebhookDoor

    kind = _source_of(source)
    return WebhookDoor(
        source=kind,
        dataset=source.dataset,
        secrets=secrets_of(source),
        verify_token=source.verify_token,
        fetches=can_ask(source),
        secret_in_path=kind.by_path and any(secret in path.split("/") for secret in secrets_of(source)),
        options=SourceOptions(
            shop=source.shop,
            event_id=source.event_id or purchase_ids,
            fields=source.fields,
            stages=source.stages,
            only=source.only,
            currency=source.currency,
        ),
    )


def _source_of(source: SourceSettings) -> Source:
    fault = source_fault(source)
    if fault is not None:
        raise ConfigError(fault)
    if source.type != "mapped":
        return SOURCES[source.type]
    return mapped_source(source.signature, source.signature_header)


def source_fault(source: SourceSettings) -> str | None:
    """What is wrong with a mapping, held against the tables of fields, or with a public key; None where nothing is."""
    keys = [secret for secret in secrets_of(source) if "-----BEGIN" in secret]
    if not all(map(is_public_key, keys)):
        return f"source {source.shop}: secret: expected an RSA public key or certificate as PEM, got one that cannot be read"
    kind = source.fields.get("type", "").removeprefix("=")
    unknown = sorted(unknown_fields(kind, source.fields)) if source.type == "mapped" else []
    if not unknown:
        return None
    return f"source {source.shop}: fields: expected fields of docs/own-shop.md's {kind}, got {', '.join(unknown)}"


def _paths_of(source: SourceSettings) -> list[str]:
    """The path; where a secret stands in it, one for each secret, so that one can be exchanged for another."""
    secrets, parts = secrets_of(source), source.path.split("/")
    place = next((n for n, part in enumerate(parts) if part in secrets), None)
    if place is None or not _source_of(source).by_path:
        return [source.path]
    return ["/".join((*parts[:place], secret, *parts[place + 1 :])) for secret in secrets]


def routes_of(settings: Settings) -> dict[str, Route]:
    """Dataset id to where its actions go and how long they are held."""
    return {
        d.id: Route(
            destinations=tuple(x.name for x in settings.destination if x.dataset == d.id),
            hold_ms={name: int(seconds * 1000) for name, seconds in d.hold_s.items()},
            require_consent=d.consent.require,
            orders=order_policy_of(d.orders),
            has_orders=has_orders(settings, d.id),
            shops=shops_alike(settings, d.id),
            holds={
                x.name: {name: int(seconds * 1000) for name, seconds in x.hold_s.items()}
                for x in settings.destination
                if x.dataset == d.id and x.hold_s
            },
            values={
                x.name: ValueRule(unknown=x.margin_unknown, below_zero=BY_PLATFORM[x.platform].takes_below_zero)
                for x in settings.destination
                if x.dataset == d.id and (x.value or d.orders.told_value) == "margin"
            },
            orders_there={
                x.name: structs.replace(order_policy_of(d.orders), counts_when=x.counts_when, when={})
                for x in settings.destination
                if x.dataset == d.id and x.counts_when
            },
            platforms={x.name: x.platform for x in settings.destination if x.dataset == d.id},
            # What is sent to Meta as measurement only, although it was denied, keeps nothing back; no other platform has a word
            # for that.
            purposes={
                x.name: (
                    *(p for p in x.purposes or () if x.platform != "meta" or p not in d.consent.opt_out_when_denied),
                    f"{PLATFORM}{x.platform}",
                )
                for x in settings.destination
                if x.dataset == d.id
            },
        )
        for d in settings.dataset
    }


def tag_pages(path: str) -> dict[str, Page]:
    """The tag under its short name, checked by ETag, and under the name with its digest, kept for a year."""
    etag = f'"{tag.digest()}"'
    common = (
        (b"content-type", b"text/javascript; charset=utf-8"),
        (b"etag", etag.encode()),
        (b"access-control-allow-origin", b"*"),
        (b"x-content-type-options", b"nosniff"),
        (b"cross-origin-resource-policy", b"cross-origin"),
    )

    def page(cache: bytes) -> Page:
        async def serve(request: Request) -> Answer:
            headers = (*common, (b"cache-control", cache))
            if etag in request.header(b"if-none-match"):
                return Answer(304, b"", headers)
            return Answer(200, tag.source(), headers)

        return serve

    return {
        f"{path}/twofold.js": page(b"public, max-age=3600"),
        f"{path}/twofold.{tag.digest()}.js": page(b"public, max-age=31536000, immutable"),
    }
