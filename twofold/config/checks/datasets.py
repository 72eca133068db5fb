"""What a dataset's settings may be, and the keys that tell datasets apart.

Owns the limits of `[[dataset]]` and the tables in it; each fault goes to `Faults`.
"""

from __future__ import annotations

import re

from twofold.config.checks.words import (
    MILESTONES,
    MIN_SECRET,
    expect_all_of,
    expect_events,
    expect_one_of,
    is_country,
    is_currency,
    is_state,
)
from twofold.config.datasets import PURPOSES, SENSITIVE, ConsentSettings, DatasetSettings, OrderSettings, TrustSettings
from twofold.config.faults import Faults, Place
from twofold.config.settings import Settings
from twofold.config.sources import SOURCE_TYPES
from twofold.destinations import BY_PLATFORM
from twofold.event.addressees import letters_of

MAX_CONFIRM_S = 518_400  # six days: an event must still be young enough for its destination
METHODS = ("cod", "bank_transfer", "card", "wallet", "later", "gift_card", "manual", "other")
VALUE_PARTS = ("goods", "tax", "shipping", "tip", "duties", "gift_card")
UNMATCHED = ("send", "vouched", "drop")
VARIANTS = ("ph", "fn", "ln", "ct", "st", "zp", "db")


def check_dataset(place: Place, d: DatasetSettings, faults: Faults) -> None:
    where = f"dataset {d.id}"
    if not re.fullmatch(r"[A-Za-z0-9_\-]{1,64}", d.id):
        faults.add((*place, "id"), f"{where}: id: expected digits, letters, _ or -, got {d.id!r}")
    for name, seconds in d.hold_s.items():
        if not 0 <= seconds <= 86_400:
            text = f"{where}: hold_s.{name}: expected 0 to 86400 seconds, got {seconds}"
            faults.add((*place, "hold_s", name), text)
    expect_events((*place, "hold_s"), f"{where}: hold_s", d.hold_s, faults)
    if d.country and not is_country(d.country):
        text = f"{where}: country: expected two letters of ISO 3166, as DE, got {d.country!r}"
        faults.add((*place, "country"), text)
    expect_one_of((*place, "bots"), f"{where}: bots", d.bots, ("suppress", "send"), faults)
    expect_all_of((*place, "hash_variants"), f"{where}: hash_variants", d.hash_variants, VARIANTS, faults)
    _check_orders((*place, "orders"), f"{where}: orders", d.orders, faults)
    _check_consent((*place, "consent"), f"{where}: consent", d.consent, faults)
    _check_trust((*place, "trust"), f"{where}: trust", d.trust, faults)
    expect_all_of(
        (*place, "privacy", "sensitive"), f"{where}: privacy.sensitive", d.privacy.sensitive, SENSITIVE, faults
    )


def check_ways_in(settings: Settings, faults: Faults) -> None:
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
            expect_one_of(at, f"{where}.consent_categories.{category}", purpose, (*PURPOSES, "necessary"), faults)
        _check_integrations((*place, "integrations"), f"{where}.integrations", settings, d, faults)


def _check_integrations(place: Place, where: str, settings: Settings, dataset: DatasetSettings, faults: Faults) -> None:
    """Each name can be met in a message, stands for one destination, and that is there."""
    names = [x.name for x in settings.destination if x.dataset == dataset.id]
    first: dict[str, str] = {}
    for theirs, ours in dataset.ways_in.integrations.items():
        at, letters = (*place, theirs), letters_of(theirs)
        expect_one_of(at, f"{where}.{theirs}", ours, (*names, *BY_PLATFORM), faults)
        if not letters:
            faults.add(
                at, f"{where}: expected a name with a letter or digit, got {theirs!r}, by which no message is known"
            )
        elif letters == "all":
            faults.add(at, f"{where}: expected a name of one integration, got {theirs!r}, which messages say of all")
        elif (other := first.setdefault(letters, theirs)) != theirs:
            faults.add(at, f"{where}: expected each name once, got {theirs!r} and {other!r}, which are read as one")


def _check_orders(place: Place, where: str, orders: OrderSettings, faults: Faults) -> None:
    for name, words in (
        ("counts_when", MILESTONES),
        ("refunds", ("deduct", "ignore")),
        ("currency", ("presentment", "shop")),
        ("renewals", ("subscribe", "purchase", "none")),
        ("unmatched", UNMATCHED),
    ):
        expect_one_of((*place, name), f"{where}.{name}", getattr(orders, name), words, faults)
    expect_all_of((*place, "value_parts"), f"{where}.value_parts", orders.value_parts, VALUE_PARTS, faults)
    for name, milestone in orders.when.items():
        at = (*place, "when", name)
        expect_one_of(at, f"{where}.when", name, (*METHODS, *SOURCE_TYPES), faults)
        expect_one_of(at, f"{where}.when.{name}", milestone, MILESTONES, faults)


def _check_consent(place: Place, where: str, consent: ConsentSettings, faults: Faults) -> None:
    for country in consent.require_in:
        if country != "EEA" and not is_country(country):
            text = f"{where}.require_in: expected EEA or two letters of ISO 3166, as DE, got {country!r}"
            faults.add((*place, "require_in"), text)
    for region in consent.limited_in:
        if region != "US" and not is_state(region):
            text = f"{where}.limited_in: expected US or a state, as US-CA, got {region!r}"
            faults.add((*place, "limited_in"), text)
    expect_one_of(
        (*place, "limited_when"), f"{where}.limited_when", consent.limited_when, ("always", "unconsented"), faults
    )
    at = (*place, "opt_out_when_denied")
    expect_all_of(at, f"{where}.opt_out_when_denied", consent.opt_out_when_denied, PURPOSES, faults)


def _check_trust(place: Place, where: str, trust: TrustSettings, faults: Faults) -> None:
    secrets = (trust.token_secret,) if isinstance(trust.token_secret, str) else trust.token_secret
    if any(0 < len(s) < MIN_SECRET for s in secrets):
        faults.add((*place, "token_secret"), f"{where}.token_secret: expected {MIN_SECRET} characters or more")
    for name, seconds in trust.confirm_s.items():
        if not 0 < seconds <= MAX_CONFIRM_S:
            text = f"{where}.confirm_s.{name}: expected 1 to {MAX_CONFIRM_S} seconds, got {seconds}"
            faults.add((*place, "confirm_s", name), text)
    expect_events((*place, "confirm_s"), f"{where}.confirm_s", trust.confirm_s, faults)
    expect_one_of((*place, "unconfirmed"), f"{where}.unconfirmed", trust.unconfirmed, ("send", "drop"), faults)
    for name, currencies in (("value_caps", tuple(trust.value_caps)), ("currencies", trust.currencies)):
        for currency in currencies:
            if not is_currency(currency):
                text = f"{where}.{name}: expected currencies of three letters (ISO 4217), got {currency!r}"
                faults.add((*place, name), text)
    if 0 < trust.shift_factor <= 1:
        text = f"{where}.shift_factor: expected 0 or more than 1, got {trust.shift_factor}"
        faults.add((*place, "shift_factor"), text)
    for currency, cap in trust.value_caps.items():
        if not 0 < cap < 10**15:
            text = f"{where}.value_caps.{currency}: expected a value above 0, got {cap}"
            faults.add((*place, "value_caps"), text)
