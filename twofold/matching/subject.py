"""A person as a request names them: every form and hash of the given values, and what in an event points to them.

Owns two questions: under which texts one e-mail address, phone number or customer id may stand anywhere, and which
identifiers an event carries. What is done about it is the store's. The plain values live in memory only; what is
written down of them is `Keyring.digest`, which nobody can make without the folder's secret.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple
from urllib.parse import quote, quote_plus, unquote

from msgspec import Struct

from twofold.event.click_ids import parse_fbc, parse_fbp
from twofold.event.contact import EMAIL
from twofold.event.identity import without_contact
from twofold.event.model import Event
from twofold.matching.normalise import FORMS, NEEDS_COUNTRY
from twofold.matching.profiles import PROFILES, Given
from twofold.matching.words import LONGEST, WORD, sought, sought_mark

NAMING = ("em", "ph", "external_id")
"""Kinds that name a person. Two different values of one kind mean two people, unless the request says otherwise."""

LEADING = (*NAMING, "fbp", "visitor", "link", "order")
"""Kinds that lead from one event of a person to another. Click ids do not: a copied link carries them to others."""

_TELLING_DIGITS = 10
SHORTEST_TEXT = 6  # characters; a shorter plain value is found by its hashes only, as it stands in too many texts
_HASH = re.compile(r"(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})")
_NEIGHBOURS = 6  # words of one value at most: +995 555 00 00 07 has five


class SubjectRequest(Struct, frozen=True, kw_only=True):
    """What a person, a shop or an operator asks for. Values are plain, or hashes in hexadecimal; held in memory only.

    ``kind`` is ``erase``, ``export`` or ``erase_shop`` (everything of ``dataset``). ``dataset`` None: all of them.
    """

    kind: str = "erase"
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    external_ids: tuple[str, ...] = ()
    order_ids: tuple[str, ...] = ()
    dataset: str | None = None
    country: str = ""  # ISO 3166, of phone numbers written locally; several with commas between

    def values(self) -> Iterator[tuple[str, str]]:
        """(kind, value) of everything that is named."""
        for kind, values in (
            ("em", self.emails), ("ph", self.phones), ("external_id", self.external_ids), ("order", self.order_ids),
        ):  # fmt: skip
            for value in values:
                if value.strip():
                    yield kind, value.strip()


class Mark(NamedTuple):
    """One identifier: a kind, and its value (a hash in hexadecimal for the naming kinds)."""

    kind: str
    value: str


class Keyring(Struct, frozen=True):
    """Digests that need the folder's secret."""

    secret: bytes

    def digest(self, kind: str, value: str) -> bytes:
        """16 bytes of a kind and a value; the same for the same two, and nothing can be learnt from them alone."""
        text = f"{kind}\0{value}".encode("utf-8", "surrogatepass")
        digest = _begun(self.secret).copy()  # costs less than beginning anew
        digest.update(text)
        return digest.digest()


@lru_cache(maxsize=4)
def _begun(secret: bytes) -> blake2b:
    return blake2b(digest_size=16, key=secret)


def all_forms(kind: str, value: str, country: str = "") -> set[str]:
    """Every text that some rule makes of a value before hashing it, the value itself included.

    The documented form, every profile's form, and what careless senders hash: as typed, trimmed, lower-case, a phone
    number with and without plus, zeros and country code.
    """
    if _HASH.fullmatch(value.lower()):
        return {value, value.lower()}
    texts = {value, value.strip(), value.strip().lower(), value.strip().upper()}
    if kind == "order":
        return texts
    texts |= _mailbox_texts(value) if kind == "em" else set()
    for where in country.split(","):
        texts |= _phone_texts(value, where) if kind == "ph" else set()
        for text in list(texts):
            texts |= _rule_texts(kind, text, where or None)
    return texts - {""}


def _rule_texts(kind: str, text: str, country: str | None) -> set[str]:
    """What the documented rule and every profile make of a text."""
    form = FORMS[kind]
    made = {form(text, country) if kind in NEEDS_COUNTRY else form(text)}
    made |= {p[kind](text, Given(country=country)).value for p in PROFILES.values() if kind in p}
    return {t for t in made if t}


def all_hashes(kind: str, value: str, country: str = "") -> set[str]:
    """SHA-256, SHA-1 and MD5 of every form, lower-case hexadecimal; and SHA-256 over those, for senders that hashed
    before handing over to a library that hashes again. A value that is a hash itself is among them."""
    forms = all_forms(kind, value, country)
    once = {f(t.encode("utf-8", "surrogatepass")).hexdigest() for t in forms for f in _DIGESTS}
    once |= {t.lower() for t in forms if _HASH.fullmatch(t.lower())}
    return once | {hashlib.sha256(h.encode()).hexdigest() for h in once}


_DIGESTS: tuple[Callable[..., hashlib._Hash], ...] = (hashlib.sha256, hashlib.md5, hashlib.sha1)


def made_ids(value: str) -> set[str]:
    """Event ids that we ourselves make of an id that is this e-mail address and nothing else."""
    return {made for t in (value, value.lower()) if (made := without_contact(t)) != t}


def spellings(text: str) -> set[str]:
    """How a text may stand in a file: as it is, in a URL, in base64 (without padding, both alphabets)."""
    raw = text.encode("utf-8", "surrogatepass")
    found = {text, quote(text, safe=""), quote_plus(text), quote(text)}
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        found.add(encode(raw).decode().rstrip("="))
    return found


def wanted_of(request: SubjectRequest, ring: Keyring) -> set[tuple[str, bytes]]:
    """What is kept of a request: (kind, keyed digest) of every hash and every text, and of nothing in the clear."""
    found: set[tuple[str, bytes]] = set()
    for kind, value in request.values():
        if kind == "order":
            found.add((kind, ring.digest(kind, value)))
        else:
            hashes = all_hashes(kind, value, request.country)
            found |= {(kind, ring.digest(kind, h)) for h in hashes}
            found |= {("text", ring.digest("text", h)) for h in hashes}
            found |= {("text", ring.digest("text", made)) for made in made_ids(value)}
        for form in all_forms(kind, value, request.country):
            if _is_telling(kind, form):
                found |= {("text", ring.digest("text", t.lower())) for t in spellings(form)}
    return found


def _is_telling(kind: str, form: str) -> bool:
    """Whether a plain text, met anywhere, can only be this value. Short numbers are prices and goods too."""
    if kind == "order" and form.isdecimal():
        return len(form) >= _TELLING_DIGITS
    return len(form) >= SHORTEST_TEXT


class Needles(Struct, frozen=True):
    """What bytes must contain to be worth a closer look: the plain texts, lower-case, and hashes in hexadecimal."""

    texts: tuple[bytes, ...]
    hashes: frozenset[bytes]
    words: frozenset[frozenset[str]] | None = None
    """Words of which one group stands in every row that is looked for, as `words.sought` says; None: any row may be one."""

    def hit(self, body: bytes) -> bool:
        low = body.lower()
        if not self.hashes.isdisjoint(_HEX_BYTES.findall(low)):
            return True
        return any(text in low for text in self.texts)


_HEX_BYTES = re.compile(rb"[0-9a-f]{32,128}")


def needles_of(request: SubjectRequest) -> Needles:
    """The same as `wanted_of` for a fast first look, while the plain values are at hand."""
    texts: set[str] = set()
    hashes: set[str] = set()
    words: list[frozenset[str] | None] = []
    for kind, value in request.values():
        forms = all_forms(kind, value, request.country)
        telling = {s for f in forms if _is_telling(kind, f) for s in spellings(f)}
        texts |= telling
        if kind == "order":
            texts |= {f'"{value}"', f':{value}"'}  # as the whole of a value
            words.append(sought_mark(kind, value))
        else:
            hashes |= all_hashes(kind, value, request.country)
            texts |= made_ids(value)
            telling |= all_hashes(kind, value, request.country) | made_ids(value)
        words += map(sought, telling)
    lower = {t.lower().encode("utf-8", "surrogatepass") for t in texts}
    # A text that contains another one is found with it.
    telling_bytes = [t for t in lower if not any(other in t for other in lower if other != t)]
    return Needles(tuple(telling_bytes), frozenset(h.encode() for h in hashes), all_or_none(words))


def all_or_none(words: Iterable[frozenset[str] | None]) -> frozenset[frozenset[str]] | None:
    """What an index can be asked for; None when one of them has nothing to go by."""
    found = set(words)
    return None if None in found else frozenset(w for w in found if w is not None)


def tokens(text: str) -> set[str]:
    """The parts of a text that may be an identifier, lower-case: the whole, addresses, and neighbouring words."""
    found: set[str] = set()
    for t in {text, unquote(text)} if "%" in text else (text,):
        low = t[:LONGEST].lower()
        found.add(low.rstrip("="))
        if "@" in low or "%40" in low:
            found.update(m for m in EMAIL.findall(low))
        spans = [m.span() for m in WORD.finditer(low)]
        for i, (start, _) in enumerate(spans):
            found.update(low[start:end] for _, end in spans[i : i + _NEIGHBOURS])
    found.discard("")
    return found


def marks_of(event: Event) -> list[Mark]:
    """Everything in an event that points to a person or a browser, click ids included."""
    user = event.user_data
    found = [Mark(kind, h.hex) for kind in NAMING for h in getattr(user, kind)]
    if user.fbp:
        found.append(Mark("fbp", _browser(user.fbp)))
    if event.visitor:
        found.append(Mark("visitor", event.visitor))
    if user.fbc:
        found.append(Mark("click", _click(user.fbc)))
    found += [Mark("click", value) for value in event.click_ids.values()]
    for link in event.links:
        kind, _, value = link.partition(":")
        found.append(Mark("order", value) if kind in _ORDER_LINKS else Mark("link", link))
    if event.custom_data.order_id:
        found.append(Mark("order", event.custom_data.order_id))
    return list(dict.fromkeys(found))


_ORDER_LINKS = frozenset({"order"})


@lru_cache(maxsize=4096)
def _browser(fbp: str) -> str:
    """One browser on a domain and its subdomains, with and without the parameter builder's suffix."""
    parsed = parse_fbp(fbp)
    return f"{parsed.created_ms}.{parsed.payload}" if parsed else fbp


def forget_browsers() -> None:
    """Takes the ids of browsers out of memory that were read lately."""
    _browser.cache_clear()


def _click(fbc: str) -> str:
    parsed = parse_fbc(fbc)
    return parsed.payload if parsed else fbc


def _mailbox_texts(value: str) -> set[str]:
    """An address without the dots and the tag that a mail provider ignores, as Google and TikTok hash it."""
    local, at, domain = value.strip().lower().rpartition("@")
    if not at:
        return set()
    bare = local.partition("+")[0]
    plain = {f"{name}@{domain}" for name in (local, bare, local.replace(".", ""), bare.replace(".", "")) if name}
    return plain | {text.replace("@googlemail.com", "@gmail.com") for text in plain}


def _phone_texts(value: str, country: str) -> set[str]:
    """A number as people and programs write it; national forms too when it can be read."""
    import phonenumbers

    digits = "".join(c for c in value if c.isdecimal())
    texts = {digits, digits.lstrip("0"), f"+{digits.lstrip('0')}"}
    for text, region in ((value, country.upper() or None), (f"+{digits.lstrip('0')}", None)):
        try:
            number = phonenumbers.parse(text, region)
        except phonenumbers.NumberParseException:
            continue
        if not phonenumbers.is_possible_number(number):
            continue
        formats = phonenumbers.PhoneNumberFormat
        written = {phonenumbers.format_number(number, f) for f in (
            formats.E164, formats.INTERNATIONAL, formats.NATIONAL, formats.RFC3966,
        )}  # fmt: skip
        bare = {"".join(c for c in w if c.isdecimal()) for w in written}
        code = str(number.country_code)
        full = code + phonenumbers.national_significant_number(number)
        texts |= written | bare | {full, f"+{full}", f"00{full}", full[len(code) :], f"0{full[len(code) :]}"}
        # The zero that local numbers begin with, left in behind the country code: a common mistake.
        texts |= {f"{code}0{full[len(code) :]}", f"+{code}0{full[len(code) :]}"}
    return {t for t in texts if len(t) >= SHORTEST_TEXT}


def kinds_of(request: SubjectRequest) -> str:
    """For people and receipts: which kinds were named and how many of each, without a value."""
    counts: dict[str, int] = {}
    for kind, _ in request.values():
        counts[kind] = counts.get(kind, 0) + 1
    return ",".join(f"{kind}={n}" for kind, n in counts.items()) or request.kind
