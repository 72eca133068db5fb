"""The register of accounts: people whom the platform knows, by hashed identifiers, browser ids, click ids and devices.

Owns one account's shape, its reading from JSON, the index from identifier to account, and made-up people from a
seed. Which account an event belongs to is decided in `matching`. Nobody outside Meta knows what such a register
holds; ours holds exactly what a test loads into it. Contact values are kept hashed only: a plain one is refused.
"""

from __future__ import annotations

import hashlib
import ipaddress
import random
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct

from twofold.event.click_ids import parse_fbc, strip_appendix
from twofold.event.vocabulary import CONTACT_FIELDS
from twofold.sandbox.wire.identifiers import comparable_fbp, comparable_values
from twofold.sandbox.wire.rules import HASHED_KEYS, is_hash

MAX_SEEDED = 70_000  # telephone numbers reserved for fiction that the seed can hand out
DEVICE = "device"  # the key under which an address and a user agent seen together are found


class Device(Struct, frozen=True, forbid_unknown_fields=True):
    """One browser: its address and its user agent."""

    client_ip_address: str
    client_user_agent: str


class Account(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One person. Names of identifiers are Meta's; each may hold several values, old ones included."""

    id: str
    # SHA-256 in lower-case hex of the documented form
    em: tuple[str, ...] = ()
    ph: tuple[str, ...] = ()
    fn: tuple[str, ...] = ()
    ln: tuple[str, ...] = ()
    db: tuple[str, ...] = ()
    ge: tuple[str, ...] = ()
    ct: tuple[str, ...] = ()
    st: tuple[str, ...] = ()
    zp: tuple[str, ...] = ()
    country: tuple[str, ...] = ()
    # plain
    fbp: tuple[str, ...] = ()
    fbc: tuple[str, ...] = ()
    lead_id: tuple[str, ...] = ()
    fb_login_id: tuple[str, ...] = ()
    madid: tuple[str, ...] = ()
    anon_id: tuple[str, ...] = ()
    page_scoped_user_id: tuple[str, ...] = ()
    ctwa_clid: tuple[str, ...] = ()
    ig_sid: tuple[str, ...] = ()
    devices: tuple[Device, ...] = ()


class Contact(Struct, frozen=True, kw_only=True):
    """A made-up person in the clear, so that a test can play the shopper. Never kept; the account is its hashed form."""

    id: str
    email: str
    phone: str  # digits with country code
    first_name: str
    last_name: str
    birth_date: str  # YYYYMMDD
    gender: str
    city: str
    state: str
    zip: str
    country: str
    fbp: str
    client_ip_address: str
    client_user_agent: str


LISTED_KEYS = tuple(field for field in Account.__struct_fields__ if field not in ("id", "devices"))
DEVICE_KEYS = Device.__struct_fields__
ACCOUNT_KEYS = (*LISTED_KEYS, *DEVICE_KEYS)


class People:
    """The register. Not thread-safe; the sandbox's event loop owns it."""

    def __init__(self) -> None:
        self.version = 0
        self._accounts: dict[str, Account] = {}
        self._index: dict[tuple[str, str], tuple[str, ...]] = {}

    def __len__(self) -> int:
        return len(self._accounts)

    def __contains__(self, person: str) -> bool:
        return person in self._accounts

    def accounts(self) -> Iterable[Account]:
        return self._accounts.values()

    def put(self, accounts: Iterable[Account]) -> None:
        """Adds accounts; one with a known id replaces the earlier one whole."""
        accounts = list(accounts)
        known = any(account.id in self._accounts for account in accounts)
        self._accounts.update((account.id, account) for account in accounts)
        if known:
            self._index.clear()
        for account in self._accounts.values() if known else accounts:
            self._add_to_index(account)
        self.version += 1

    def named_by(self, key: str, value: str) -> tuple[str, ...]:
        """Ids of the accounts that have this value, in its comparable form."""
        return self._index.get((key, value), ())

    def forget(self) -> None:
        self._accounts.clear()
        self._index.clear()
        self.version += 1

    def _add_to_index(self, account: Account) -> None:
        for key in LISTED_KEYS:
            for value in comparable(key, list(getattr(account, key))):
                self._point(key, value, account.id)
        for device in account.devices:
            for key in DEVICE_KEYS:
                for value in comparable(key, getattr(device, key)):
                    self._point(key, value, account.id)
            self._point(DEVICE, device_key(device.client_ip_address, device.client_user_agent), account.id)

    def _point(self, key: str, value: str, person: str) -> None:
        before = self._index.get((key, value), ())
        if person not in before:
            self._index[(key, value)] = (*before, person)


def comparable(key: str, value: Any) -> tuple[str, ...]:
    """The values of one user_data key in the form in which they are compared: each once, builder suffixes stripped."""
    form = _FORMS.get(key)
    if type(value) is list and len(value) == 1:
        value = value[0]
    if form is None:
        # Nearly every value on the wire is one of these two; a register of millions of comparisons notices.
        if type(value) is str and (key == "client_user_agent" or _PLAIN_HASH.fullmatch(value)):
            return (value,) if value else ()
        return comparable_values(value)
    items = value if isinstance(value, list) else [value]
    if len(items) == 1:
        return (form(items[0]),) if isinstance(items[0], str) and items[0] else ()
    return tuple(sorted({form(item) for item in items if isinstance(item, str) and item}))


@lru_cache(maxsize=4096)
def address_of(text: str) -> str:
    """An address in its one canonical spelling; what is none stays as it is."""
    try:
        return str(ipaddress.ip_address(strip_appendix(text).strip()))
    except ValueError:
        return text


def device_key(address: str, user_agent: str) -> str:
    return f"{address_of(address)} {user_agent}"


def read_accounts(body: Any) -> list[Account]:
    """Accounts from ``{"people": [...]}`` or a list. Raises ValueError naming the place, never the value."""
    rows = body.get("people") if isinstance(body, Mapping) else body
    if not isinstance(rows, list):
        raise ValueError('expected a list of people, or {"people": [...]}')
    return [_read_account(row, f"people[{n}]") for n, row in enumerate(rows)]


def seeded_people(seed: int, count: int) -> list[tuple[Contact, Account]]:
    """``count`` made-up people, the same for the same seed, each with one browser. No two share an identifier.

    Addresses and numbers are from the ranges reserved for documentation and fiction.
    """
    if not 1 <= count <= MAX_SEEDED:
        raise ValueError(f"count: expected 1 to {MAX_SEEDED}, got {count}")
    dice = random.Random(f"people {seed}")
    contacts = (_make_contact(dice, seed, number) for number in range(count))
    return [(contact, account_of(contact)) for contact in contacts]


def account_of(contact: Contact) -> Account:
    """The register's form of a person: Meta's documented normal forms, hashed."""
    plain = {
        "em": contact.email.lower(),
        "ph": contact.phone,
        "fn": contact.first_name.lower(),
        "ln": contact.last_name.lower(),
        "db": contact.birth_date,
        "ge": contact.gender,
        "ct": contact.city.lower().replace(" ", ""),
        "st": contact.state.lower(),
        "zp": contact.zip,
        "country": contact.country.lower(),
    }
    return Account(
        id=contact.id,
        **{key: (hashlib.sha256(text.encode()).hexdigest(),) for key, text in plain.items()},
        fbp=(contact.fbp,),
        devices=(Device(contact.client_ip_address, contact.client_user_agent),),
    )


_FIRST = (("Mary", "f"), ("Ada", "f"), ("Noor", "f"), ("Ines", "f"), ("John", "m"), ("Paul", "m"), ("Omar", "m"))
_LAST = ("Smith", "Miller", "Novak", "Silva", "Haddad", "Larsen", "Okafor", "Rossi", "Dubois", "Kim", "Weber")
_PLACES = (
    ("Menlo Park", "CA", "94025"),
    ("Austin", "TX", "73301"),
    ("Denver", "CO", "80201"),
    ("Salem", "OR", "97301"),
)
_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 Safari/537.36"


def _make_contact(dice: random.Random, seed: int, number: int) -> Contact:
    first, gender = dice.choice(_FIRST)
    last = dice.choice(_LAST)
    city, state, postcode = dice.choice(_PLACES)
    area, line = divmod(number, 100)
    return Contact(
        id=f"p{seed}-{number}",
        email=f"{first}.{last}.{seed}.{number}@example.com".lower(),
        phone=f"1{200 + area}55501{line:02d}",
        first_name=first,
        last_name=last,
        birth_date=f"{dice.randint(1950, 2005)}{dice.randint(1, 12):02d}{dice.randint(1, 28):02d}",
        gender=gender,
        city=city,
        state=state,
        zip=postcode,
        country="US",
        fbp=f"fb.1.{1_600_000_000_000 + number}.{dice.randint(1, 2**31 - 1)}",
        client_ip_address=str(ipaddress.IPv6Address((0x20010DB8 << 96) + (seed % 2**32 << 32) + number + 1)),
        client_user_agent=_AGENT.format(major=dice.randint(110, 140)),
    )


def _read_account(row: Any, where: str) -> Account:
    if not isinstance(row, Mapping):
        raise ValueError(f"{where}: expected an object")
    fields = {key: value for key, value in row.items() if value is not None}
    for key in set(LISTED_KEYS) & fields.keys():
        fields[key] = [str(item) for item in _listed(fields[key]) if isinstance(item, str | int) and item != ""]
    try:
        account = msgspec.convert(fields, Account)
    except msgspec.ValidationError as err:
        raise ValueError(f"{where}: {err}") from None
    if not 0 < len(account.id) <= 100:
        raise ValueError(f"{where}.id: expected 1 to 100 characters")
    for key in CONTACT_FIELDS:
        if not all(is_hash(item) for item in getattr(account, key)):
            raise ValueError(f"{where}.{key}: expected SHA-256 in hex; contact data is not taken in the clear")
    return account


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _click_of(fbc: str) -> str:
    """The click id inside an fbc, case kept; a malformed fbc compares as the text it is."""
    found = parse_fbc(fbc)
    return found.payload if found else fbc


_PLAIN_HASH = re.compile(r"[0-9a-f]{64}")
# key -> the form in which its values are compared
_FORMS: dict[str, Callable[[str], str]] = {
    "fbp": lambda text: comparable_fbp(text) or text,
    "fbc": _click_of,
    "client_ip_address": address_of,
}

assert set(CONTACT_FIELDS) <= set(LISTED_KEYS) & HASHED_KEYS
