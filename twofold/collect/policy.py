"""What the collector is told about one dataset: who may send, what is consented without words, how far to trust.

Owns these shapes only; `dataset_policy` makes them from the settings. What follows from them is decided in the steps
(`consenting`, `tokens`, `bots`, `steps`). Every field has the default of the settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from twofold.collect.access import key_digest
from twofold.consent.regions import spread_regions
from twofold.event.addressees import NO_NAMES, Addressees
from twofold.ledger.policy import OrderPolicy
from twofold.matching.other_forms import NO_FORMS, OtherForms
from twofold.schema.watch import SchemaWatch

_NONE: Mapping[str, Any] = MappingProxyType({})


class ConsentRules(Struct, frozen=True, kw_only=True):
    """When silence is not enough, and when an event goes with limits instead of being kept back."""

    require: bool = False
    require_in: frozenset[str] = frozenset()  # ISO 3166-1 countries, upper-case
    limited_in: frozenset[str] = frozenset()  # "US" or "US-CA"
    limited_always: bool = True  # False: only where sale of data is not granted
    opt_out_when_denied: frozenset[str] = frozenset()  # purposes


class TrustRules(Struct, frozen=True, kw_only=True):
    """What a browser's word is worth without, and with, a token of the shop's server."""

    token_secrets: tuple[bytes, ...] = ()  # newest first
    confirm_ms: Mapping[str, int] = _NONE  # event name -> how long it waits for a trusted copy
    drop_unconfirmed: bool = False
    value_caps: Mapping[str, Decimal] = _NONE  # currency -> largest value
    currencies: frozenset[str] = frozenset()  # empty: any
    rate: float = 600  # events a minute from one client; 0: any
    rate_name: float = 0  # untrusted events a minute of one name; 0: any
    shift_factor: float = 5  # see `shares`; 0: off


class PrivacyRules(Struct, frozen=True, kw_only=True):
    core_setup: bool = False
    sensitive: frozenset[str] = frozenset({"health", "finance", "minors", "beliefs", "sexuality"})
    allow_custom: frozenset[str] = frozenset()


class WaysIn(Struct, frozen=True, kw_only=True):
    """Who may send in the words of other systems. Keys as digests; of each the newest first."""

    segment: tuple[bytes, ...] = ()  # of servers
    segment_page: bytes | None = None  # stands in pages: whoever shows it is a stranger
    measurement_ids: frozenset[str] = frozenset()  # whose hits are this dataset's
    mp_secrets: tuple[bytes, ...] = ()
    categories: Mapping[str, str] = _NONE  # a banner's category -> our purpose


class DatasetPolicy(Struct, frozen=True, kw_only=True):
    """One dataset as the doors and steps know it."""

    id: str
    key: bytes | None = None  # digest of what server senders present
    origins: frozenset[str] = frozenset()
    country: str = ""  # lower-case; of local phone numbers, and of shoppers of whom nothing else is known
    variants: frozenset[str] = frozenset()
    forms: OtherForms = NO_FORMS  # what the destinations want hashed by rules of their own
    suppress_bots: bool = True
    consent: ConsentRules = ConsentRules()
    trust: TrustRules = TrustRules()
    privacy: PrivacyRules = PrivacyRules()
    ways_in: WaysIn = WaysIn()
    orders: OrderPolicy = OrderPolicy()
    schema: SchemaWatch | None = None  # what is declared, and the count of what is not
    addressees: Addressees = NO_NAMES  # whom a sender's names for destinations stand for
    shops: frozenset[str] = frozenset()  # whose orders may be numbered alike; empty with one shop of a kind


def dataset_policy(settings: Any) -> DatasetPolicy:
    """The policy that a `config.DatasetSettings` asks for. Read by its fields: this room imports no settings."""
    consent, trust, privacy = settings.consent, settings.trust, settings.privacy
    secrets = trust.token_secret
    secrets = (secrets,) if isinstance(secrets, str) else secrets
    return DatasetPolicy(
        id=settings.id,
        key=key_digest(settings.key) if settings.key else None,
        origins=frozenset(settings.origins),
        country=settings.country.lower(),
        variants=frozenset(settings.hash_variants),
        suppress_bots=settings.bots == "suppress",
        consent=ConsentRules(
            require=consent.require,
            require_in=spread_regions(consent.require_in),
            limited_in=frozenset(r.upper() for r in consent.limited_in),
            limited_always=consent.limited_when == "always",
            opt_out_when_denied=frozenset(consent.opt_out_when_denied),
        ),
        trust=TrustRules(
            token_secrets=tuple(s.encode() for s in secrets if s),
            confirm_ms={name: int(seconds * 1000) for name, seconds in trust.confirm_s.items()},
            drop_unconfirmed=trust.unconfirmed == "drop",
            value_caps={c.upper(): Decimal(str(cap)) for c, cap in trust.value_caps.items()},
            currencies=frozenset(c.upper() for c in trust.currencies),
            rate=trust.events_per_minute,
            rate_name=trust.name_events_per_minute,
            shift_factor=trust.shift_factor,
        ),
        privacy=PrivacyRules(
            core_setup=privacy.core_setup,
            sensitive=frozenset(privacy.sensitive),
            allow_custom=frozenset(privacy.allow_custom),
        ),
        ways_in=_ways_in(settings.ways_in),
        orders=order_policy_of(settings.orders),
    )


def _ways_in(told: Any) -> WaysIn:
    return WaysIn(
        segment=_digests(told.segment_key),
        segment_page=key_digest(told.segment_page_key) if told.segment_page_key else None,
        measurement_ids=frozenset(told.measurement_ids),
        mp_secrets=_digests(told.mp_secret),
        categories=dict(told.consent_categories),
    )


def _digests(keys: str | tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(key_digest(key) for key in ((keys,) if isinstance(keys, str) else keys) if key)


def order_policy_of(orders: Any) -> OrderPolicy:
    """The order policy that a `config.OrderSettings` asks for."""
    return OrderPolicy(
        counts_when=orders.counts_when,
        when=dict(orders.when),
        cod_gateways=orders.cod_gateways,
        confirmed_tags=frozenset(t.casefold() for t in orders.confirmed_tags),
        value_parts=frozenset(orders.value_parts),
        deduct_refunds=orders.refunds == "deduct",
        presentment=orders.currency == "presentment",
        renewals=orders.renewals,
        wait_ms=int(orders.wait_s * 1000),
        unmatched=orders.unmatched,
        expire_s=orders.expire_days * 86_400,
        recreated_s=int(orders.recreated_hours * 3_600),
        outcomes=orders.outcomes,
    )
