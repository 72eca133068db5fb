"""What a source's settings may be, type by type: its secret, its fields, by what it is asked, and nothing that it never reads.

Each fault goes to `Faults`. Whether the fields of a mapping exist is asked where the tables of fields are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from zoneinfo import ZoneInfo

from twofold.config.checks.words import MIN_SECRET, expect_all_of, expect_one_of, is_currency
from twofold.config.faults import Faults, Place
from twofold.config.sources import (
    ACCESS,
    AUTHORISATIONS,
    BOG_MERCHANT,
    COURIER_FIELDS,
    LISTS,
    MAPPED_HMACS,
    MAPPED_JWS,
    MAPPED_KINDS,
    MAPPED_SIGNATURES,
    MAY_ASK,
    NEVER_SENDS,
    PARCEL_STATES,
    PAYPAL_REFERENCES,
    SOURCE_TYPES,
    SourceSettings,
    secrets_of,
    stands_in_path,
)


def check_source(place: Place, s: SourceSettings, ids: list[str], faults: Faults) -> None:
    where = f"source {s.shop}"
    expect_one_of((*place, "type"), "source.type", s.type, SOURCE_TYPES, faults)
    expect_one_of((*place, "dataset"), f"{where}: dataset", s.dataset, ids, faults)
    expect_one_of((*place, "event_id"), f"{where}: event_id", s.event_id, ("", "secret", "order", "native"), faults)
    secrets = secrets_of(s) or (() if s.type in NEVER_SENDS else ("",))
    if any(len(secret) < MIN_SECRET for secret in secrets):
        faults.add((*place, "secret"), f"{where}: secret: expected {MIN_SECRET} characters or more")
    if re.search(r"[\s?#]|//", s.path):
        text = f"{where}: path: expected a path as it stands in the webhook's address, got {s.path!r}"
        faults.add((*place, "path"), text)
    in_path = stands_in_path(s) and any(secret and secret in s.path for secret in secrets_of(s))
    if in_path and not all(re.fullmatch(r"[A-Za-z0-9_-]+", secret) for secret in secrets_of(s)):
        faults.add(
            (*place, "secret"), f"{where}: secret: expected letters, digits, - and _, as it stands in the address"
        )
    if s.currency and not is_currency(s.currency.upper()):
        text = f"{where}: currency: expected three letters (ISO 4217), got {s.currency!r}"
        faults.add((*place, "currency"), text)
    for name in _unread(s):
        faults.add((*place, name), f"{where}: {name}: a source of type {s.type} does not read it, take it out")
    if s.type == "courier":
        _check_courier(place, where, s, faults)
    elif s.type == "mapped":
        _check_mapped(place, where, s, faults)
    elif s.type in ("easypost", "shippo", "aftership"):
        expect_all_of((*place, "fields"), f"{where}: fields", s.fields, ("order",), faults)
    elif s.type == "adyen":
        _check_adyen(place, where, s, faults)
    elif s.type == "mollie":
        expect_all_of((*place, "fields"), f"{where}: fields", s.fields, ("order_id",), faults)
        expect_one_of((*place, "signature"), f"{where}: signature", s.signature, ("", "path"), faults)
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


_SHOPS_ASKED = ("bigcommerce", "magento", "prestashop", "shopware")
_PARCEL_SERVICES = ("easypost", "shippo", "aftership")
_CRMS = ("hubspot", "pipedrive")
_READ_BY: Mapping[str, tuple[str, ...]] = {
    "signature": ("mapped", "mollie"),
    "signature_header": ("mapped",),
    "only": ("mapped", "bog"),
    "event_id": ("shopify", "woocommerce", "own", "mapped", *_SHOPS_ASKED),
    "fields": (
        "shopify", "woocommerce", "stripe", "mapped", "courier", "magento", "shopware", "mollie", "paypal", "klarna", "tbc",
        *_CRMS, *_PARCEL_SERVICES,
    ),
    "stages": ("woocommerce", "mapped", "courier", "chat", "adyen", *_CRMS, *_SHOPS_ASKED),
    "currency": ("mapped", "courier", *_CRMS),
    "timezone": ("magento", "prestashop"),
    "asks_per_minute": tuple(ACCESS),
}  # fmt: skip
"""By setting the types of which something reads it; what stands in none is read of every source."""


def _unread(s: SourceSettings) -> list[str]:
    """Settings that are there and that nothing of this type reads: what they were meant to say would not be done."""
    if s.type not in SOURCE_TYPES:
        return []
    usual = SourceSettings(type=s.type, dataset=s.dataset, shop=s.shop)
    return [n for n, types in _READ_BY.items() if s.type not in types and getattr(s, n) != getattr(usual, n)]


def _check_paypal(place: Place, where: str, s: SourceSettings, faults: Faults) -> None:
    keys = [_PEM in secret for secret in secrets_of(s)]
    if all(keys) or not any(keys):
        lacks = (
            "no id beside certificates" if all(keys) else "no text that begins as a PEM, -----BEGIN CERTIFICATE-----"
        )
        text = f"{where}: secret: expected a list of the webhook's id and PayPal's certificate (PEM), got {lacks}"
        faults.add((*place, "secret"), text)
    expect_all_of((*place, "fields"), f"{where}: fields", s.fields, ("order_id",), faults)
    expect_all_of((*place, "fields"), f"{where}: fields.order_id", s.fields.values(), PAYPAL_REFERENCES, faults)


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
    expect_one_of((*place, "signature"), f"{where}: signature", s.signature, MAPPED_SIGNATURES, faults)
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


def _check_courier(place: Place, where: str, s: SourceSettings, faults: Faults) -> None:
    expect_all_of((*place, "fields"), f"{where}: fields", s.fields, COURIER_FIELDS, faults)
    expect_all_of((*place, "stages"), f"{where}: stages", s.stages.values(), PARCEL_STATES, faults)
    for name in ("parcels[]", "states[]"):
        if "[" in s.fields.get(name, ""):
            text = f"{where}: fields: {name}: expected the list's place without [], of states[] as seen from a parcel"
            faults.add((*place, "fields", name), f"{text}, got {s.fields[name]!r}")
    if "amount" in s.fields and not (s.currency or "currency" in s.fields):
        text = f"{where}: currency: expected one, or a field for it, as the amounts of `fields.amount` name none"
        faults.add((*place, "fields"), text)
