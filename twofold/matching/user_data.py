"""Match keys: which user_data values may travel, and in which form. Hashing happens here and nowhere else.

A contact value comes in plain or already hashed and leaves as `Hashed` with the name of the rule its text
was brought into before hashing. ``meta`` is Meta's documented form; ``sent`` means the sender hashed it and
we cannot know how. For keys that a merchant named as ambiguous, two further rules are made at the same moment:
``meta_sdk`` and ``meta_builder``, what Meta's own libraries would have hashed. The plain value is never stored; names,
places and dates of birth stay in memory until `forget_known`, because they repeat from person to person.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from functools import partial
from itertools import compress
from typing import Annotated, Any

from msgspec import Meta, Struct, ValidationError, convert
from msgspec.structs import astuple

from twofold.event.addresses import read_address
from twofold.event.click_ids import PLAIN_FBC, PLAIN_FBP, is_fbc, is_fbp, strip_appendix
from twofold.event.contact import names_somebody
from twofold.event.model import Hashed, UserData
from twofold.event.refusal import DropReason, Refusal, describe, describe_key
from twofold.event.scalars import HASHES_OF_NOTHING, as_list, as_object, id_text, names_nobody, says_nothing
from twofold.event.vocabulary import (
    CONTACT_ALIASES,
    CONTACT_FIELDS,
    HASHED_FIELDS,
    LEGACY_HASHED_FIELDS,
    PLAIN_FIELDS,
    TOO_BROAD,
)
from twofold.matching.normalise import (
    FORMS,
    NEEDS_COUNTRY,
    normalise_country,
    normalise_email,
    normalise_phone,
)
from twofold.matching.profiles import meta_builder, meta_node, meta_python
from twofold.matching.profiles.contract import Form, FormOutcome, Given

RULE_META = "meta"  # Meta's documented normal form, hashed by us
RULE_SENT = "sent"  # hashed by the sender
RULE_SDK = "meta_sdk"  # as Meta's Python and Node SDKs write it, where that differs
RULE_BUILDER = "meta_builder"  # as Meta's parameter builder writes it, where that differs
META_RULES = frozenset({RULE_META, RULE_SENT, RULE_SDK, RULE_BUILDER})

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_SHA256_LOWER = re.compile(r"[0-9a-f]{64}")
_HEX = re.compile(r"[0-9a-fA-F]{32,}")
_SHORTEST_HASH = 32  # characters; shorter text cannot be a hash, not even a broken one
_OPENING = ("[", "{")
_MAX_VALUES = 20  # per key; more is a mistake, not a person
_KNOWN_PLAIN = frozenset(PLAIN_FIELDS) | frozenset(LEGACY_HASHED_FIELDS)
_NOBODY = Given()
_DIRECT_PLAIN = ("client_ip_address", "client_user_agent", "fbc", "fbp")
_KEYS = UserData.__struct_fields__[:-1]  # all but the last, which is `other`

sha256 = hashlib.sha256


def hash_user_data(
    raw: Any, *, default_country: str = "", lenient: bool = False, variants: frozenset[str] = frozenset()
) -> tuple[UserData, list[str]] | Refusal:
    """A ``user_data`` object as received to typed, hashed match keys and a list of warnings.

    ``variants`` names the contact fields that also get the hashes of `RULE_SDK` and `RULE_BUILDER`, behind those of the
    documented form and only where they differ. Refuses only what no receiver could read: not an object, or a broken
    hash (lenient callers, the browser endpoints, leave that key out instead). A value that is no such contact value is
    left out with a warning.
    """
    if not isinstance(raw, dict):
        tree = as_object(raw)
        if tree is None:
            return Refusal(
                reason=DropReason.MISSING_USER_DATA, path="user_data", expected="an object", got=describe(raw)
            )
        raw = tree
    country = stated_country(raw.get("country")) or default_country or None
    if not variants and (user := _hash_plain_person(raw, country)) is not None:
        return user, []
    return _hash_any(raw, country, lenient, variants)


def _hash_any(
    raw: dict[str, Any], country: str | None, lenient: bool, variants: frozenset[str]
) -> tuple[UserData, list[str]] | Refusal:
    warnings: list[str] = []
    found: dict[str, Any] = {}
    other: dict[str, Any] = {}
    for key, value in raw.items():
        # The common cases: one hash, in a list as the SDKs write it or alone, and one plain text that is usable.
        only = value[0] if type(value) is list and len(value) == 1 else value
        if type(only) is str and key not in found:
            if len(only) == 64 and key in FORMS and _SHA256_LOWER.fullmatch(only) and only not in HASHES_OF_NOTHING:
                found[key] = (Hashed(RULE_SENT, only),)
                continue
            reader = (_SHORT if len(only) < _SHORTEST_HASH else _LONG).get(key)
            if reader is not None and (read := reader(only, country)):
                found[key] = read
                continue
        if only is None or only == "" or only == []:
            continue
        field = CONTACT_ALIASES.get(key, key)
        if field in FORMS:
            refusal = _put_hashed(found, field, value, country, warnings, lenient)
            if refusal is not None:
                return refusal
        elif field in _DIRECT_PLAIN:
            _put_plain(found, field, value, warnings)
        elif field in _KNOWN_PLAIN:
            _put_other(other, field, value, warnings)
        else:
            # An unknown key may hold anything, contact data included: it is named, not kept.
            warnings.append(f"user_data.{describe_key(key)} is not a documented key; left out")
    if variants:
        _add_variants(found, raw, variants, country)
    user = UserData(**found)
    if other:
        user.other = other
    return user, warnings


def present_keys(user: UserData) -> frozenset[str]:
    """The names of the match keys that hold something."""
    return frozenset(present_names(user))


def present_names(user: UserData) -> tuple[str, ...]:
    """The same in one order, each once: a tuple costs half of a set."""
    names = tuple(compress(_KEYS, astuple(user)))
    return (*names, *(name for name in user.other if name not in names)) if user.other else names


def is_too_broad(keys: Iterable[str]) -> bool:
    """True when the keys fit too many people for Meta to accept the event (2804050)."""
    given = frozenset(keys)
    return any(given <= combination for combination in TOO_BROAD)


def hashed_values(values: Iterable[Hashed], rules: frozenset[str] = META_RULES) -> list[str]:
    """Hex texts made by one of ``rules``, in order, each once."""
    return list(dict.fromkeys(h.hex for h in values if h.rule in rules))


def hash_form(form: Form) -> str | None:
    """What a profile's answer puts on the wire, without the builder's appendix; None for nothing."""
    if form.value is None or form.outcome is not FormOutcome.HASHED:
        return form.value
    return sha256(form.value.encode()).hexdigest()


def stated_country(value: Any) -> str | None:
    """The alpha-2 code that a ``country`` value or the first of a list names, lower-case; None for none."""
    if type(value) is str:
        return normalise_country(value) if len(value) < 60 else None
    first = value[0] if isinstance(value, list) and value else value
    return normalise_country(first) if isinstance(first, str) and len(first) < 60 else None


def _add_variants(found: dict[str, Any], raw: dict[str, Any], variants: frozenset[str], country: str | None) -> None:
    for key, value in raw.items():
        field = CONTACT_ALIASES.get(key, key)
        if field in variants and field in found:
            known = {h.hex for h in found[field]}
            made = {h.hex: h for text in texts_of(value) if text for h in _variants(field, text, country)}
            found[field] += tuple(h for hex, h in made.items() if hex not in known)


def _variants(field: str, text: str, country: str | None) -> list[Hashed]:
    """The library forms of one plain value. Where the two SDKs differ the Python one counts, unless it refuses."""
    documented = hash_one(field, text, country)
    if type(documented) is not Hashed or documented.rule != RULE_META:
        return []  # a hash, or a value that nobody can read
    sdk = meta_python.PROFILE[field](text, _NOBODY)
    if not sdk.value:
        sdk = meta_node.PROFILE[field](text, _NOBODY)
    hashes: dict[str, Hashed] = {documented.hex: documented}
    for rule, form in ((RULE_SDK, sdk), (RULE_BUILDER, meta_builder.PROFILE[field](text, _NOBODY))):
        if form.value and form.outcome is FormOutcome.HASHED:
            made = sha256(form.value.encode()).hexdigest()
            hashes.setdefault(made, Hashed(rule, made))
    return list(hashes.values())[1:]


def _put_hashed(
    found: dict[str, Any], field: str, value: Any, country: str | None, warnings: list[str], lenient: bool
) -> Refusal | None:
    hashes: list[Hashed] = list(found.get(field, ()))
    for text in (value,) if type(value) is str and value.lstrip()[:1] not in _OPENING else texts_of(value):
        if text is None:
            warnings.append(f"user_data.{field} holds something other than text; left out")
            continue
        hashed = hash_one(field, text, country)
        if type(hashed) is Hashed:
            if hashed not in hashes:
                hashes.append(hashed)
        elif hashed is None:
            warnings.append(f"user_data.{field} is not a usable value ({describe(text)}); left out")
        elif lenient:
            warnings.append(f"user_data.{field} is a broken hash; left out")
        else:
            return Refusal(
                reason=DropReason.NOT_HASHED,
                path=f"user_data.{field}",
                expected="plain text or 64 hexadecimal characters (SHA-256)",
                got=f"{len(text)} hexadecimal characters",
            )
    if hashes:
        found[field] = tuple(hashes)
    return None


def _documented(field: str, text: str, country: str | None) -> str | None:
    return FORMS[field](text, country) if field in NEEDS_COUNTRY else FORMS[field](text)


def _hash_plain(field: str, text: str, country: str | None) -> tuple[Hashed] | None:
    form = _documented(field, text, country)
    return (Hashed(RULE_META, sha256(form.encode()).hexdigest()),) if form else None


class _Known(dict[str | None, Any]):
    """Texts of one field to what `_hash_plain` makes of them; nothing to nothing. Emptied when it is full.

    Names, places and dates repeat from person to person, so their hashes are kept in memory; e-mail addresses, phone
    numbers and ids point to one person and are not. Saves 7 of 25 us for a person of ten fields. A keyed digest in place
    of the text would take 5.5 us of that back, so they are bounded in number and in time instead: see `forget_known`.
    """

    def __init__(self, field: str, country: str | None, most: int) -> None:
        self._field, self._country, self._most = field, country, most

    def __missing__(self, text: str | None) -> tuple[()] | tuple[Hashed] | None:
        if len(self) >= self._most:
            self.clear()
        found = self[text] = () if text is None else _hash_plain(self._field, text, self._country)
        return found


class _KnownIn(dict[str | None, tuple[_Known, _Known]]):
    """Country to what is known of its states and postal codes. A shop sells to few countries."""

    def __missing__(self, country: str | None) -> tuple[_Known, _Known]:
        if len(self) >= 16:
            self.clear()
        found = self[country] = _Known("st", country, 2_048), _Known("zp", country, 2_048)
        return found


REPEATING = ("fn", "ln", "db", "ge", "ct", "country")
"""Fields whose values repeat from person to person, and mean the same in every country."""
_KNOWN = {field: _Known(field, None, 8_192) for field in REPEATING}
_FIRST_NAMES, _LAST_NAMES, _DATES, _GENDERS, _CITIES, _COUNTRIES = _KNOWN.values()
_KNOWN_IN = _KnownIn()


_BESIDE: list[dict[Any, Any]] = []


def forget_with_known(table: dict[Any, Any]) -> None:
    """Another module's table that has plain values of such fields for keys is emptied with ours."""
    _BESIDE.append(table)


def forget_known() -> None:
    """Takes every plain value out of memory. The gateway does it when an erasure ends, and every hour."""
    for table in _BESIDE:
        table.clear()
    for known in _KNOWN.values():
        known.clear()
    for states, zips in _KNOWN_IN.values():
        states.clear()
        zips.clear()
    _KNOWN_IN.clear()


def known_values() -> int:
    """How many plain values are in memory now."""
    in_countries = sum(len(states) + len(zips) for states, zips in _KNOWN_IN.values())
    return sum(map(len, (*_KNOWN.values(), *_BESIDE))) + in_countries


def _hash_known(field: str, text: str, _: str | None) -> Any:
    return _KNOWN[field][text]


def _hash_state(text: str, country: str | None) -> Any:
    return _KNOWN_IN[country][0][text]


def _hash_zip(text: str, country: str | None) -> Any:
    return _KNOWN_IN[country][1][text]


def _read_email(text: str, _: str | None) -> tuple[Hashed] | None:
    """An address of any length; what holds no @ may be a hash and is not for this reader."""
    form = normalise_email(text) if "@" in text else None
    return (Hashed(RULE_META, sha256(form.encode()).hexdigest()),) if form else None


def _read_phone(text: str, country: str | None) -> tuple[Hashed] | None:
    form = normalise_phone(text, country)
    return (Hashed(RULE_META, sha256(form.encode()).hexdigest()),) if form else None


def _read_address(text: str, _: str | None) -> str | None:
    return read_address(text)


def _read_agent(text: str, _: str | None) -> str | None:
    return None if says_nothing(text) else text.strip()


def _read_fbc(text: str, _: str | None) -> str | None:
    return text if is_fbc(text) else None


def _read_fbp(text: str, _: str | None) -> str | None:
    return text if is_fbp(text) else None


_LONG: dict[str, Callable[[str, str | None], Any]] = {
    "em": _read_email,
    "client_ip_address": _read_address,
    "client_user_agent": _read_agent,
    "fbc": _read_fbc,
    "fbp": _read_fbp,
}
"""Key to the reader of one text of any length; nothing when the long way must look at it."""

_SHORT = {
    **{f: partial(_hash_known if f in _KNOWN else _hash_plain, f) for f in FORMS},
    **_LONG,
    "ph": _read_phone,
    "st": _hash_state,
    "zp": _hash_zip,
}
"""The same for texts that are too short to be a hash."""


_Short = Annotated[str, Meta(max_length=_SHORTEST_HASH - 1)]


class _PlainPerson(Struct, forbid_unknown_fields=True):
    """Match keys of one text each. What is too long for its field here may be a hash."""

    em: str | None = None
    ph: _Short | None = None
    external_id: _Short | None = None
    fn: _Short | None = None
    ln: _Short | None = None
    db: _Short | None = None
    ge: _Short | None = None
    ct: _Short | None = None
    st: _Short | None = None
    zp: _Short | None = None
    country: _Short | None = None
    client_ip_address: str | None = None
    client_user_agent: str | None = None
    fbc: str | None = None
    fbp: str | None = None


_OWN_IDS = frozenset({"fbp", "fbc"})


def _hash_plain_person(raw: dict[str, Any], country: str | None) -> UserData | None:
    """What the long way makes of somebody whose every field is one usable plain text, in two thirds of its time.

    None for everything else: lists, hashes, aliases, and values that there is anything to say about. A property test
    holds the two ways against each other.
    """
    if len(raw) <= 2 and raw.keys() <= _OWN_IDS:  # all that the tag knows of most browsers
        fbc, fbp = raw.get("fbc"), raw.get("fbp")
        if type(fbp) is str and PLAIN_FBP(fbp) and (fbc is None or (type(fbc) is str and is_fbc(fbc))):
            return UserData(fbc=fbc, fbp=fbp)
    email = raw.get("em")
    if email is not None and (type(email) is not str or "@" not in email):
        return None
    try:
        person = convert(raw, _PlainPerson)
    except ValidationError:
        return None
    em = () if email is None else _read_email(email, None)
    ph = () if person.ph is None else _read_phone(person.ph, country)
    own_id = () if person.external_id is None else _hash_plain("external_id", person.external_id, None)
    states, zips = _KNOWN_IN[country]
    fn, ln, ct = _FIRST_NAMES[person.fn], _LAST_NAMES[person.ln], _CITIES[person.ct]
    db, ge, lives_in = _DATES[person.db], _GENDERS[person.ge], _COUNTRIES[person.country]
    st, zp = states[person.st], zips[person.zp]
    # One by one: `None in (…)` asks each tuple whether it equals None, which takes five times as long.
    if em is None or ph is None or own_id is None or fn is None or ln is None or ct is None:
        return None
    if db is None or ge is None or lives_in is None or st is None or zp is None:
        return None
    address, agent, fbc, fbp = person.client_ip_address, person.client_user_agent, person.fbc, person.fbp
    if address is not None and (address := read_address(address)) is None:
        return None
    if agent is not None and (says_nothing(agent) or not (agent := agent.strip())):
        return None
    if fbc is not None and not PLAIN_FBC(fbc) and not is_fbc(fbc):
        return None
    if fbp is not None and not PLAIN_FBP(fbp) and not is_fbp(fbp):
        return None
    return UserData(
        em=em, ph=ph, external_id=own_id, fn=fn, ln=ln, db=db, ge=ge, ct=ct, st=st, zp=zp, country=lives_in,
        client_ip_address=address, client_user_agent=agent, fbc=fbc, fbp=fbp,
    )  # fmt: skip


BROKEN = object()
"""What `hash_one` answers for a cut or foreign hash."""


def hash_one(field: str, text: str, country: str | None) -> Any:
    """One value of one contact field: `Hashed`, None for no usable value, or `BROKEN`. ``country``: alpha-2 or None."""
    if len(text) == 64 and _SHA256_LOWER.fullmatch(text):
        return None if text in HASHES_OF_NOTHING else Hashed(RULE_SENT, text)
    if len(text) >= _SHORTEST_HASH:
        bare = strip_appendix(text.strip())
        if bare.lower() in HASHES_OF_NOTHING:
            return None
        if _SHA256.fullmatch(bare):
            return Hashed(RULE_SENT, bare.lower())
        # A long run of hex in a contact field is a cut or MD5 hash. An external id may look like that.
        if field != "external_id" and _HEX.fullmatch(bare):
            return BROKEN
    hashes = _hash_plain(field, text, country)
    return hashes[0] if hashes else None


def plain_form(field: str, text: str, country: str | None) -> str | None:
    """The documented form of a value in the clear; None for a hash, whole or broken, and for what nobody can read."""
    if len(text) >= _SHORTEST_HASH:
        hashed = hash_one(field, text, country)
        if type(hashed) is not Hashed or hashed.rule != RULE_META:
            return None
    return _documented(field, text, country)


def _listed(value: Any) -> list[Any]:
    found = as_list(value)
    return [value] if found is None else found


def _unlisted(item: Any) -> list[Any]:
    """What a list that went through a form field holds; anything else itself."""
    return _listed(item) if type(item) is str and item.lstrip()[:1] in _OPENING else [item]


def texts_of(value: Any) -> list[str | None]:
    """Every text in a value as it came, at most twenty; None for what is none."""
    if type(value) is str and value.lstrip()[:1] not in _OPENING:  # nearly all
        return [value] if value else []
    items = [text for item in _listed(value) for text in _unlisted(item)]
    return [_text(item) for item in items[:_MAX_VALUES] if item is not None and item != ""]


def _text(item: Any) -> str | None:
    return id_text(item)  # numbers are common for zip, phone and external_id; True and False are mistakes


def _put_plain(found: dict[str, Any], field: str, value: Any, warnings: list[str]) -> None:
    text = next((text for item in _listed(value) for text in _unlisted(item)), None)
    if not isinstance(text, str):
        warnings.append(f"user_data.{field} is not text; left out")
        return
    text = text.strip()
    if says_nothing(text):
        if text:
            warnings.append(f"user_data.{field} says nothing; left out")
    elif field == "client_ip_address":
        address = read_address(text)
        if address is None:
            warnings.append("user_data.client_ip_address is not an IP address; left out")
        else:
            found[field] = address
    elif (field == "fbc" and not is_fbc(text)) or (field == "fbp" and not is_fbp(text)):
        warnings.append(f"user_data.{field} does not read fb.index.milliseconds.id; left out")
    else:
        found[field] = text


def _put_other(other: dict[str, Any], field: str, value: Any, warnings: list[str]) -> None:
    if field in LEGACY_HASHED_FIELDS:
        texts = [strip_appendix(t.strip()) for t in texts_of(value) if t]
        texts = [t for t in texts if t.lower() not in HASHES_OF_NOTHING]
        if not texts or not all(_SHA256.fullmatch(t) for t in texts):
            warnings.append(f"user_data.{field} is a legacy key and must arrive hashed; left out")
            return
        other[field] = [t.lower() for t in texts]
    elif isinstance(value, str) and names_somebody(value):
        # Shops do use addresses as customer and subscription ids.
        warnings.append(f"user_data.{field} holds an e-mail address or a phone number in the clear; left out")
    elif isinstance(value, (str, int)) and not isinstance(value, bool):
        if names_nobody(str(value)):
            warnings.append(f"user_data.{field} says nothing; left out")
        else:
            other[field] = value
    else:
        warnings.append(f"user_data.{field} is neither text nor number; left out")


assert set(FORMS) == set(HASHED_FIELDS)
assert set(CONTACT_FIELDS) < set(FORMS)
